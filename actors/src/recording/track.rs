//! One side of a tape: the bytes from the cut on, and which of its moments sound. Pure.
//!
//! A track keeps what the line wrote, a byte a sample for G.711: a call that is recorded costs a few kilobytes.

use std::ops::Range;

use super::tape::Side;
use crate::carrier::Encoding;

/// One side of a tape, from its cut on. Positions are moments behind the cut.
#[derive(Debug)]
pub(super) struct Track {
    encoding: Encoding,
    bytes: Vec<u8>,
    /// The moments that sound: in order, apart from one another, none empty.
    sounding: Vec<Range<usize>>,
}

impl Track {
    /// An empty one, of a line that writes so.
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, bytes: Vec::new(), sounding: Vec::new() }
    }

    /// Bytes of one moment.
    pub(super) fn unit(&self) -> usize {
        self.encoding.sample_bytes()
    }

    /// So many moments are in `bytes`; half a sample at the end does not count.
    pub(super) fn moments_of(&self, bytes: &[u8]) -> u64 {
        (bytes.len() / self.unit()) as u64
    }

    /// Writes `bytes` from the moment `at` on, over what stands there.
    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        let moments = bytes.len() / self.unit();
        if moments == 0 {
            return;
        }
        let (from, until) = (at * self.unit(), (at + moments) * self.unit());
        if self.bytes.len() < until {
            self.grow(until);
            self.bytes.resize(until, 0);
        }
        self.bytes[from..until].copy_from_slice(&bytes[..until - from]);
        self.sound(at..at + moments);
    }

    /// Forgets the moment `at` and all behind it.
    pub(super) fn truncate(&mut self, at: usize) {
        self.bytes.truncate(at.saturating_mul(self.unit()));
        self.sounding.retain(|span| span.start < at);
        if let Some(last) = self.sounding.last_mut() {
            last.end = last.end.min(at);
        }
    }

    /// Takes the first `moments` off.
    pub(super) fn take(&mut self, moments: usize) -> Side {
        let mut side = Side { encoding: self.encoding, bytes: Vec::new(), sounding: Vec::new() };
        self.sounding.retain_mut(|span| {
            if span.start < moments {
                side.sounding.push(span.start as u32..span.end.min(moments) as u32);
            }
            *span = span.start.saturating_sub(moments)..span.end.saturating_sub(moments);
            span.start < span.end
        });
        let end = self.bytes.len().min(moments * self.unit());
        if !side.sounding.is_empty() {
            side.bytes = self.bytes[..end].to_vec();
        }
        self.bytes.drain(..end);
        side
    }

    /// Whether nothing sounds any more.
    pub(super) fn is_silent(&self) -> bool {
        self.sounding.is_empty()
    }

    /// Notes that the moments of `span` sound.
    fn sound(&mut self, span: Range<usize>) {
        // Nearly always the next one, behind all others.
        if let Some(last) = self.sounding.last_mut()
            && last.start <= span.start
            && span.start <= last.end
        {
            last.end = last.end.max(span.end);
            return;
        }
        let first = self.sounding.partition_point(|other| other.end < span.start);
        let behind = self.sounding.partition_point(|other| other.start <= span.end);
        let joined = self.sounding[first..behind]
            .iter()
            .fold(span, |joined, other| joined.start.min(other.start)..joined.end.max(other.end));
        self.sounding.splice(first..behind, [joined]);
    }

    /// Makes room for `until` bytes in small steps: doubling would hold twice of what a call needs.
    fn grow(&mut self, until: usize) {
        if self.bytes.capacity() < until {
            let room = until.next_multiple_of(STEP) - self.bytes.len();
            self.bytes.reserve_exact(room);
        }
    }

    /// Bytes of memory that it holds.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Bytes by which a track grows.
const STEP: usize = 1_024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever order pieces come in, a track says the same as a plain list of moments.
        #[test]
        fn a_track_is_a_list_of_moments(steps in prop::collection::vec((0_usize..60, 1_usize..20, 0_u8..3), 1..60)) {
            let (mut track, mut list) = (Track::new(Encoding::MuLaw), Vec::<Option<u8>>::new());
            for (n, (at, length, kind)) in steps.into_iter().enumerate() {
                match kind {
                    0 => {
                        track.truncate(at);
                        list.truncate(at);
                    }
                    1 => {
                        let side = track.take(length);
                        let taken: Vec<Option<u8>> = list.drain(..length.min(list.len())).collect();
                        for (moment, byte) in taken.iter().enumerate() {
                            let sounds = side.sounding.iter().any(|span| span.contains(&(moment as u32)));
                            prop_assert_eq!(sounds.then(|| side.bytes[moment]), *byte);
                        }
                        let until = taken.len() as u32;
                        prop_assert!(side.sounding.iter().all(|span| !span.is_empty() && span.end <= until));
                    }
                    _ => {
                        track.put(at, &vec![n as u8; length]);
                        list.resize(list.len().max(at + length), None);
                        list[at..at + length].fill(Some(n as u8));
                    }
                }
                prop_assert_eq!(track.is_silent(), list.iter().all(Option::is_none));
                prop_assert!(track.sounding.is_sorted_by(|one, next| one.end < next.start));
            }
        }
    }
}
