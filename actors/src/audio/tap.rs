//! A tap on a call's sound: who listens gets both sides as the caller and the agent hear them. Pure.
//!
//! A tap takes sound and never waits: who is behind it bounds what it keeps.

use std::fmt;
use std::sync::Arc;

/// Who is heard in a piece of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The caller.
    Caller,
    /// The agent, at the time at which the caller hears it.
    Agent,
    /// A person who has taken the call over, at the time at which the caller hears them.
    Person,
}

/// One listener. Dropping it ends their sound.
#[derive(Clone)]
pub struct Tap {
    listener: Arc<Listener>,
    /// What it hears while the recording is paused.
    privacy: Privacy,
}

/// What a tap hears while the recording is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// Nothing: what is said then is for nobody else.
    Kept,
    /// Everything: who listens talks with the caller.
    Shared,
}

/// Takes sound in mu-law at 8 kHz. Returns `false` once nobody listens any more. Must not block. An
/// empty piece only asks that.
type Listener = dyn Fn(Side, &[u8]) -> bool + Send + Sync;

impl Tap {
    /// Makes a tap that passes sound to `listener`, which must not block.
    pub fn new(privacy: Privacy, listener: impl Fn(Side, &[u8]) -> bool + Send + Sync + 'static) -> Self {
        Self { listener: Arc::new(listener), privacy }
    }

    fn is_open(&self) -> bool {
        (self.listener)(Side::Caller, &[])
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

/// The taps of one call.
#[derive(Debug, Default)]
pub struct Taps {
    taps: Vec<Tap>,
    /// Whether the last one has gone since the last look.
    gone: bool,
}

impl Taps {
    /// Adds a tap. Returns `false` if the call already has the most it may have.
    pub fn add(&mut self, tap: Tap) -> bool {
        self.taps.retain(Tap::is_open);
        let fits = self.taps.len() < MOST_TAPS;
        if fits {
            self.taps.push(tap);
        }
        fits
    }

    /// Each tap, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &Tap> {
        self.taps.iter()
    }

    /// Whether the last one has gone since this was last asked.
    pub fn are_gone(&mut self) -> bool {
        std::mem::take(&mut self.gone)
    }

    /// Passes sound to the taps, and drops those behind which nobody listens any more. `private`
    /// sound belongs to a pause of the recording.
    pub fn hear(&mut self, side: Side, sound: &[u8], private: bool) {
        if self.taps.is_empty() {
            return;
        }
        self.taps.retain(|tap| private && tap.privacy == Privacy::Kept || (tap.listener)(side, sound));
        self.gone = self.taps.is_empty();
    }
}

/// The most taps of one call: some operators who listen in. More means that a client forgets to
/// close its connections.
const MOST_TAPS: usize = 8;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    type Heard = Arc<Mutex<Vec<(Side, Vec<u8>)>>>;

    fn tap(privacy: Privacy) -> (Tap, Heard, Arc<AtomicBool>) {
        let (heard, open) = (Heard::default(), Arc::new(AtomicBool::new(true)));
        let (to, is_open) = (Arc::clone(&heard), Arc::clone(&open));
        let tap = Tap::new(privacy, move |side, sound| {
            if !sound.is_empty() {
                to.lock().expect("whole").push((side, sound.to_vec()));
            }
            is_open.load(Ordering::Relaxed)
        });
        (tap, heard, open)
    }

    #[test]
    fn a_pause_is_heard_by_those_alone_who_talk_with_the_caller() {
        let ((listening, heard, _), (talking, shared, _)) = (tap(Privacy::Kept), tap(Privacy::Shared));
        let mut taps = Taps::default();
        assert!(taps.add(listening) && taps.add(talking));
        taps.hear(Side::Caller, &[1], false);
        taps.hear(Side::Caller, &[2], true);
        assert_eq!(*heard.lock().expect("whole"), [(Side::Caller, vec![1])]);
        assert_eq!(*shared.lock().expect("whole"), [(Side::Caller, vec![1]), (Side::Caller, vec![2])]);
    }

    #[test]
    fn who_has_gone_makes_room() {
        let mut taps = Taps::default();
        let open: Vec<_> = (0..MOST_TAPS)
            .map(|_| {
                let (tap, _, open) = tap(Privacy::Kept);
                assert!(taps.add(tap));
                open
            })
            .collect();
        assert!(!taps.add(tap(Privacy::Kept).0));
        open[0].store(false, Ordering::Relaxed);
        assert!(taps.add(tap(Privacy::Kept).0));
        open.iter().for_each(|open| open.store(false, Ordering::Relaxed));
        taps.hear(Side::Agent, &[1], false);
        assert!(!taps.are_gone(), "one is left");
    }
}
