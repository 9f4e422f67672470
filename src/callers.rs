//! Callers without their numbers: a salted hash stands for each, for limits, experiments and the provider's own safety.

use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use switchboard_actors::ids::Private;
use uuid::Uuid;

/// Hashes callers' numbers.
#[derive(Debug)]
pub struct Callers {
    salt: Private<Vec<u8>>,
    /// Callers without a number so far: each is somebody else.
    withheld: AtomicU64,
}

impl Callers {
    /// With a salt of the configuration, or one that nobody will ever know.
    pub fn new(salt: Option<&Private<String>>) -> Self {
        let fresh = || [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let salt = salt.map_or_else(fresh, |salt| salt.expose().as_bytes().to_vec());
        Self { salt: Private::new(salt), withheld: AtomicU64::new(0) }
    }

    /// What stands for a caller; nothing where the number is withheld.
    pub fn hash(&self, number: &str) -> Option<String> {
        let number = plain(number)?;
        Some(self.digest("caller", &number)[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// A number from 0 to 99 that is the same for every call of a caller; any, where the number is withheld.
    pub fn percentile(&self, number: &str) -> u32 {
        let digest = match plain(number) {
            Some(number) => self.digest("experiment", &number),
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

/// A number without the signs people put between its digits; nothing where carriers write that there is none.
fn plain(number: &str) -> Option<String> {
    let number: String = number.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.')).collect();
    let withheld = number.is_empty() || WITHHELD.iter().any(|word| number.eq_ignore_ascii_case(word));
    (!withheld).then_some(number)
}

/// What stands in a number's place when there is none; the digits spell such words on a keypad.
const WITHHELD: [&str; 11] = [
    "anonymous",
    "unknown",
    "unavailable",
    "restricted",
    "private",
    "withheld",
    "+266696687",
    "+86282452253",
    "+2562533",
    "+464",
    "+7378742833",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_the_same_however_the_number_is_written_and_another_with_another_salt() {
        let callers = Callers::new(Some(&"salt".to_owned().into()));
        let hash = callers.hash("+1 555 010-0001").expect("a number");
        assert_eq!(callers.hash("+15550100001"), Some(hash.clone()));
        assert!(!hash.contains("5550100001") && hash.len() == 32);
        assert_ne!(Callers::new(Some(&"other".to_owned().into())).hash("+15550100001"), Some(hash.clone()));
        assert_ne!(Callers::new(None).hash("+15550100001"), Some(hash));
        assert_eq!(callers.percentile("+15550100001"), callers.percentile("+1 555 010 0001"));
    }

    #[test]
    fn a_withheld_number_is_nobodys() {
        let callers = Callers::new(None);
        for number in ["", "anonymous", "Anonymous", "+266696687", " "] {
            assert_eq!(callers.hash(number), None, "{number}");
        }
        let spread: std::collections::BTreeSet<u32> = (0..1_000).map(|_| callers.percentile("anonymous")).collect();
        assert!(spread.len() > 80, "each is somebody else");
    }
}
