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
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_the_same_however_the_number_is_written_and_another_with_another_salt() {
        let callers = Callers::new(Some(&"salt".to_owned().into()), Numbering::default());
        let hash = callers.hash("+1 555 010-0001").expect("a number");
        for same in ["+15550100001", "15550100001", "0015550100001", "sip:+15550100001@192.0.2.7;user=phone"] {
            assert_eq!(callers.hash(same), Some(hash.clone()), "{same}");
        }
        assert!(!hash.contains("5550100001") && hash.len() == 32);
        assert_ne!(
            Callers::new(Some(&"other".to_owned().into()), Numbering::default()).hash("+15550100001"),
            Some(hash.clone())
        );
        assert_ne!(Callers::new(None, Numbering::default()).hash("+15550100001"), Some(hash));
        assert_eq!(callers.percentile("+15550100001"), callers.percentile("+1 555 010 0001"));
    }

    #[test]
    fn a_withheld_number_is_nobodys() {
        let callers = Callers::new(None, Numbering::default());
        for number in [
            "",
            "anonymous",
            "Anonymous",
            "+266696687",
            "266696687",
            " ",
            "sip:anonymous@192.0.2.7",
            "client:anonymous",
        ] {
            assert_eq!(callers.hash(number), None, "{number}");
        }
        let spread: std::collections::BTreeSet<u32> = (0..1_000).map(|_| callers.percentile("anonymous")).collect();
        assert!(spread.len() > 80, "each is somebody else");
    }
}
