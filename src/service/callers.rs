//! Callers without their numbers: a salted hash stands for each, for limits, experiments and the provider's own safety.

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
    /// Callers without a number so far: each is somebody else.
    withheld: AtomicU64,
}

impl Callers {
    /// With a salt of the configuration, or one that nobody will ever know.
    pub fn new(salt: Option<&Private<String>>, numbering: Numbering) -> Self {
        let fresh = || [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let salt = salt.map_or_else(fresh, |salt| salt.expose().as_bytes().to_vec());
        Self { salt: Private::new(salt), numbering, withheld: AtomicU64::new(0) }
    }

    /// What stands for a caller; nothing where the number is withheld.
    pub fn hash(&self, number: &str) -> Option<String> {
        let person = self.numbering.read(number);
        Some(self.digest("caller", person.key()?)[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// A number from 0 to 99 that is the same for every call of a caller; any, where the number is withheld.
    pub fn percentile(&self, number: &str) -> u32 {
        let digest = match self.numbering.read(number).key() {
            Some(person) => self.digest("experiment", person),
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
