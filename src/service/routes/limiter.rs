//! Limits the sockets that have not presented a token yet, in total and per address. Pure.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts open sockets before admission. The Supervisor counts admitted calls.
#[derive(Debug)]
pub struct ConnectionLimiter {
    total: usize,
    per_address: usize,
    waiting: Mutex<HashMap<IpAddr, usize>>,
}

/// One socket's slot; dropping it frees the slot.
#[derive(Debug)]
pub struct Ticket {
    limiter: Arc<ConnectionLimiter>,
    address: IpAddr,
}

/// Why a socket is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Crowded {
    /// Too many in total.
    #[error("too many streams are waiting to be admitted")]
    Total,
    /// Too many from this address.
    #[error("too many streams of this address are waiting to be admitted (`limits.sockets_per_address`)")]
    Address,
}

impl ConnectionLimiter {
    /// Creates a limiter for `total` sockets, of which `per_address` may come from one address.
    pub fn new(total: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { total, per_address, waiting: Mutex::default() })
    }

    /// Accepts a socket, or returns why not.
    ///
    /// # Errors
    /// When a limit is reached.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Ticket, Crowded> {
        let mut waiting = self.waiting();
        if waiting.values().sum::<usize>() >= self.total {
            return Err(Crowded::Total);
        }
        let here = waiting.entry(address).or_default();
        if *here >= self.per_address {
            return Err(Crowded::Address);
        }
        *here += 1;
        Ok(Ticket { limiter: Arc::clone(self), address })
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // The counters are consistent between any two statements, so a panic elsewhere does not
        // spoil them.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut waiting = self.limiter.waiting();
        if let Some(here) = waiting.get_mut(&self.address) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                waiting.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_given_back_is_free_again() {
        let limiter = ConnectionLimiter::new(3, 2);
        let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([10, 0, 0, 1]));
        let first = limiter.enter(here).expect("room");
        let _second = limiter.enter(here).expect("room");
        assert_eq!(limiter.enter(here).err(), Some(Crowded::Address));
        let _third = limiter.enter(there).expect("room for another address");
        assert_eq!(limiter.enter(there).err(), Some(Crowded::Total));
        drop(first);
        let again = limiter.enter(here).expect("room again");
        drop(again);
        assert_eq!(limiter.waiting().len(), 2);
    }

    #[test]
    fn an_address_without_sockets_is_forgotten() {
        let limiter = ConnectionLimiter::new(1, 1);
        drop(limiter.enter(IpAddr::from([10, 0, 0, 1])));
        assert!(limiter.waiting().is_empty());
    }
}
