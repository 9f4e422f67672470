//! Sound on its way from a call to a listener's socket: bounded, and never waited for. What a slow
//! listener does not take is dropped from its front and counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::Bytes;
use metrics::{Counter, counter};
use switchboard_actors::audio::tap::{Privacy, Side, Tap};
use tokio::sync::Notify;

/// The listener's end. Dropping it ends the tap.
pub(super) struct Ring(Arc<Shared>);

/// The call's end; dropped with the call.
struct Source {
    shared: Arc<Shared>,
    dropped: Counter,
}

struct Shared {
    waiting: Mutex<VecDeque<Bytes>>,
    bell: Notify,
    /// Whether the listener is still there.
    open: AtomicBool,
    /// Whether the call is over.
    over: AtomicBool,
}

impl Ring {
    /// Makes a ring, and the tap that fills it. `hears` says whose sound it takes.
    pub(super) fn new(privacy: Privacy, hears: fn(Side) -> bool) -> (Self, Tap) {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            bell: Notify::new(),
            open: AtomicBool::new(true),
            over: AtomicBool::new(false),
        });
        let dropped =
            counter!("switchboard_audio_frames_dropped_total", "direction" => "listener", "reason" => "slow_listener");
        let source = Source { shared: Arc::clone(&shared), dropped };
        let tap = Tap::new(privacy, move |side, sound| {
            let open = source.shared.open.load(Ordering::Relaxed);
            if open && !sound.is_empty() && hears(side) {
                source.hear(side, sound);
            }
            open
        });
        (Self(shared), tap)
    }

    /// The messages that wait, at least one; `None` once the call is over.
    pub(super) async fn next(&self) -> Option<VecDeque<Bytes>> {
        loop {
            let bell = self.0.bell.notified();
            let over = self.0.over.load(Ordering::Acquire);
            let waiting = std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !waiting.is_empty() {
                return Some(waiting);
            }
            if over {
                return None;
            }
            bell.await;
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.0.open.store(false, Ordering::Relaxed);
    }
}

impl Source {
    fn hear(&self, side: Side, sound: &[u8]) {
        let mut message = Vec::with_capacity(1 + sound.len());
        message.push(match side {
            Side::Caller => 0,
            Side::Agent => 1,
            Side::Person => 2,
        });
        message.extend_from_slice(sound);
        {
            let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() == MOST_WAITING {
                waiting.pop_front();
                self.dropped.increment(1);
            }
            waiting.push_back(message.into());
        }
        self.shared.bell.notify_one();
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        self.shared.bell.notify_one();
    }
}

/// Messages that wait for a listener: a second of both sides. More is heard late; less is lost at a
/// hiccup of the network.
const MOST_WAITING: usize = 100;

#[cfg(test)]
mod tests {
    use switchboard_actors::audio::tap::Taps;

    use super::*;

    #[actix_rt::test]
    async fn a_listener_gets_the_newest_second_and_then_the_end() {
        let (ring, tap) = Ring::new(Privacy::Kept, |_| true);
        let mut taps = Taps::default();
        taps.add(tap);
        for n in 0..MOST_WAITING + 20 {
            taps.hear(Side::Caller, &[n as u8; 160], false);
        }
        taps.hear(Side::Agent, &[7; 160], false);
        let heard = ring.next().await.expect("sound");
        assert_eq!((heard.len(), heard[0][0], heard[0][1]), (MOST_WAITING, 0, 21));
        assert_eq!((heard[MOST_WAITING - 1][0], heard[MOST_WAITING - 1].len()), (1, 161));
        drop(taps);
        assert!(ring.next().await.is_none());
    }

    #[actix_rt::test]
    async fn a_tap_ends_with_its_listener() {
        let (ring, tap) = Ring::new(Privacy::Shared, |side| side != Side::Person);
        let mut taps = Taps::default();
        taps.add(tap);
        taps.hear(Side::Person, &[1; 160], false);
        taps.hear(Side::Caller, &[2; 160], false);
        assert_eq!(ring.next().await.map(|heard| heard.len()), Some(1), "nobody hears themselves");
        drop(ring);
        taps.hear(Side::Caller, &[2; 160], false);
        assert!(taps.are_gone());
    }
}
