//! Salted hashes of callers' numbers. The limits, the experiments and the provider's safety
//! identifier use the hash instead of the number.

use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use switchboard_actors::ids::Private;
use switchboard_actors::numbers::Numbering;
use uuid::Uuid;

/// Hashes callers' numbers.
#[derive(Debug)]
pub struct Callers {
    salt: Private<Vec<u8>>,
    numbering: Numbering,
    /// Number of callers with a withheld number so far. Each counts as a different person.
    withheld: AtomicU64,
}

impl Callers {
    /// Uses the salt of the configuration, or a random one that is stored nowhere.
    pub fn new(salt: Option<&Private<String>>, numbering: Numbering) -> Self {
        let fresh = || [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let salt = salt.map_or_else(fresh, |salt| salt.expose().as_bytes().to_vec());
        Self { salt: Private::new(salt), numbering, withheld: AtomicU64::new(0) }
    }

    /// The same callers, whose numbers are read by another rule from now on. A caller keeps their
    /// hash: limits and experiments go on where they were.
    #[must_use]
    pub fn reading(&self, numbering: Numbering) -> Self {
        let withheld = AtomicU64::new(self.withheld.load(Ordering::Relaxed));
        Self { salt: self.salt.clone(), numbering, withheld }
    }

    /// Returns the hash of a caller's number; `None` for a withheld number.
    pub fn hash(&self, number: &str) -> Option<String> {
        let party = self.numbering.read(number);
        Some(self.digest("caller", party.key()?)[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Returns a number from 0 to 99. It is the same for every call of a caller, and arbitrary for
    /// a withheld number.
    pub fn percentile(&self, number: &str) -> u32 {
        let digest = match self.numbering.read(number).key() {
            Some(party) => self.digest("experiment", party),
            None => self.digest("withheld", &self.withheld.fetch_add(1, Ordering::Relaxed).to_string()),
        };
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % 100
    }

    fn digest(&self, purpose: &str, text: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.salt.expose()).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(b"\0");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests;
