//! The nonces of signed requests: each is used once. Pure.
//!
//! A signature says nothing about the time, so a request that somebody has recorded would stay good
//! for ever. The nonces of the last requests are kept; there is no clock in it.

use std::collections::{HashSet, VecDeque};

/// The nonces of the last requests.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    known: HashSet<String>,
    /// The oldest first.
    order: VecDeque<String>,
}

impl Nonces {
    /// Uses the nonces of one request. Returns whether none of them was used before; otherwise
    /// nothing changes.
    pub(super) fn use_up(&mut self, nonces: &[impl AsRef<str>]) -> bool {
        if nonces.iter().any(|nonce| self.known.contains(nonce.as_ref())) {
            return false;
        }
        for nonce in nonces {
            if self.known.insert(nonce.as_ref().to_owned()) {
                self.order.push_back(nonce.as_ref().to_owned());
            }
        }
        while self.order.len() > MOST {
            let Some(oldest) = self.order.pop_front() else { break };
            self.known.remove(&oldest);
        }
        true
    }
}

/// The most nonces that are kept: ten minutes of a hundred requests a second. Only authentic
/// requests get here, so a stranger cannot push the others out.
const MOST: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_used_once_and_the_oldest_is_forgotten() {
        let mut nonces = Nonces::default();
        assert!(nonces.use_up(&["a", "a"]) && nonces.use_up(&["b"]));
        assert!(!nonces.use_up(&["c", "a"]) && nonces.use_up(&["c"]), "a refused request uses nothing up");
        for number in 0..MOST {
            assert!(nonces.use_up(&[&number.to_string()]));
        }
        assert_eq!((nonces.known.len(), nonces.order.len()), (MOST, MOST));
        assert!(nonces.use_up(&["a"]) && !nonces.use_up(&["17"]));
    }
}
