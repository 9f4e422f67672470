//! One side of a tape: its bytes from the cut on, and which of its moments have sound. Pure.
//!
//! A track keeps the line's own encoding, one byte per sample for G.711: a recorded call costs a
//! few kilobytes.

use std::ops::Range;

use super::tape::Side;
use crate::carrier::Encoding;

/// One side of a tape, from its cut on. Positions are moments after the cut.
#[derive(Debug)]
pub(super) struct Track {
    encoding: Encoding,
    bytes: Vec<u8>,
    /// The moments with sound, as ordered, separate and non-empty ranges.
    sounding: Vec<Range<usize>>,
}

impl Track {
    /// An empty track of a line with this encoding.
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, bytes: Vec::new(), sounding: Vec::new() }
    }

    /// Bytes of one moment.
    pub(super) fn unit(&self) -> usize {
        self.encoding.sample_bytes()
    }

    /// The number of whole moments in `bytes`.
    pub(super) fn moments_of(&self, bytes: &[u8]) -> u64 {
        (bytes.len() / self.unit()) as u64
    }

    /// Writes `bytes` from the moment `at` on, over what is there.
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

    /// Removes the moment `at` and everything after it.
    pub(super) fn truncate(&mut self, at: usize) {
        self.bytes.truncate(at.saturating_mul(self.unit()));
        self.sounding.retain(|span| span.start < at);
        if let Some(last) = self.sounding.last_mut() {
            last.end = last.end.min(at);
        }
    }

    /// Removes the first `moments`.
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

    /// Whether no moment has sound any more.
    pub(super) fn is_silent(&self) -> bool {
        self.sounding.is_empty()
    }

    /// Notes that the moments of `span` have sound.
    fn sound(&mut self, span: Range<usize>) {
        // The new range nearly always follows the last one.
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

    /// Reserves `until` bytes in small steps: doubling would take twice the memory that a call
    /// needs.
    fn grow(&mut self, until: usize) {
        if self.bytes.capacity() < until {
            let room = until.next_multiple_of(STEP) - self.bytes.len();
            self.bytes.reserve_exact(room);
        }
    }

    /// The memory that it uses, in bytes.
    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Bytes by which a track grows.
const STEP: usize = 1_024;

#[cfg(test)]
mod tests;
