//! The recordings in memory, and the texts that could not be recorded. Pure.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The recordings of the process, by name.
#[derive(Debug, Default)]
pub struct ClipCache {
    clips: HashMap<String, Clip>,
    failures: HashMap<String, Failed>,
    /// Samples of all recordings.
    samples: usize,
    /// The number of look-ups, by which the use of recordings is ordered.
    clock: u64,
}

#[derive(Debug)]
struct Clip {
    samples: Arc<[i16]>,
    used: u64,
}

#[derive(Debug)]
struct Failed {
    reason: String,
    times: u32,
    until: Instant,
}

impl ClipCache {
    /// A recording; `None` if there is none.
    pub fn find(&mut self, name: &str) -> Option<Arc<[i16]>> {
        self.clock += 1;
        let clip = self.clips.get_mut(name)?;
        clip.used = self.clock;
        Some(Arc::clone(&clip.samples))
    }

    /// Why the server is not asked for this text again yet; `None` if it may be.
    pub fn refusal(&self, name: &str, now: Instant) -> Option<&str> {
        self.failures.get(name).filter(|failed| now < failed.until).map(|failed| failed.reason.as_str())
    }

    /// Keeps a recording. The ones that were used longest ago make room for it.
    pub fn keep(&mut self, name: String, samples: Arc<[i16]>) {
        self.failures.remove(&name);
        self.clock += 1;
        self.samples += samples.len();
        if let Some(old) = self.clips.insert(name, Clip { samples, used: self.clock }) {
            self.samples -= old.samples.len();
        }
        while self.samples > MOST_SAMPLES && self.clips.len() > 1 {
            let oldest = self.clips.iter().min_by_key(|(_, clip)| clip.used).map(|(name, _)| name.clone());
            let Some(old) = oldest.and_then(|name| self.clips.remove(&name)) else { return };
            self.samples -= old.samples.len();
        }
    }

    /// Notes that a text could not be recorded. The server is left alone for a while, longer with
    /// each failure.
    pub fn fail(&mut self, name: String, reason: String, now: Instant) {
        if self.failures.len() >= MOST_FAILURES && !self.failures.contains_key(&name) {
            self.failures.retain(|_, failed| now < failed.until);
        }
        let times = self.failures.get(&name).map_or(0, |failed| failed.times);
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(times)).min(LONGEST_PAUSE);
        if self.failures.len() < MOST_FAILURES || times > 0 {
            self.failures.insert(name, Failed { reason, times: times + 1, until: now + pause });
        }
    }
}

/// Samples in memory: half an hour, 29 MB. Fewer: calls wait for words that were recorded before.
const MOST_SAMPLES: usize = 8_000 * 1_800;
/// The pause after the first failure; it doubles. Shorter: a server that is down is asked in each
/// call. Longer: words stay the model's although the server is back.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Texts whose failure is remembered.
const MOST_FAILURES: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn minutes(minutes: usize) -> Arc<[i16]> {
        Arc::from(vec![0; minutes * 60 * 8_000])
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let mut cache = ClipCache::default();
        for name in ["a", "b", "c"] {
            cache.keep(name.to_owned(), minutes(9));
        }
        assert!(cache.find("a").is_some());
        cache.keep("d".to_owned(), minutes(9));
        let kept = ["a", "b", "c", "d"].map(|name| cache.find(name).is_some());
        assert_eq!(kept, [true, false, true, true]);
        cache.keep("d".to_owned(), minutes(1));
        assert_eq!(cache.samples, minutes(19).len(), "a newer one takes the place of the old");
    }

    #[test]
    fn a_failure_pauses_ever_longer_and_ends_with_success() {
        let (mut cache, now) = (ClipCache::default(), clock::now());
        cache.fail("a".to_owned(), "503".to_owned(), now);
        assert_eq!(cache.refusal("a", now), Some("503"));
        assert_eq!(cache.refusal("b", now), None);
        let later = now + FIRST_PAUSE;
        assert_eq!(cache.refusal("a", later), None);
        cache.fail("a".to_owned(), "503".to_owned(), later);
        assert!(cache.refusal("a", later + FIRST_PAUSE).is_some());
        for _ in 0..40 {
            cache.fail("a".to_owned(), "503".to_owned(), later);
        }
        assert_eq!(cache.refusal("a", later + LONGEST_PAUSE), None);
        cache.keep("a".to_owned(), minutes(0));
        cache.fail("a".to_owned(), "503".to_owned(), later);
        assert_eq!(cache.refusal("a", later + FIRST_PAUSE), None, "it began anew");
    }

    #[test]
    fn failures_are_bounded() {
        let (mut cache, now) = (ClipCache::default(), clock::now());
        for text in 0..2 * MOST_FAILURES {
            cache.fail(text.to_string(), "x".to_owned(), now);
        }
        assert_eq!(cache.failures.len(), MOST_FAILURES);
    }
}
