//! The bytes on their way to the carrier: the sent bytes that may have to be sent again, then the
//! unsent bytes. Pure.

use std::collections::VecDeque;

/// A queue that keeps bytes after they are read, until they are released.
#[derive(Debug, Default)]
pub(super) struct ReplayQueue {
    bytes: VecDeque<u8>,
    /// The number of `bytes` that were read and not yet released.
    read: usize,
}

impl ReplayQueue {
    /// Appends `bytes` to the queue.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Bytes not yet read.
    pub(super) fn unread(&self) -> usize {
        self.bytes.len() - self.read
    }

    /// Appends the next `count` bytes to `out` and keeps them. The queue must have at least `count`
    /// unread bytes.
    pub(super) fn read(&mut self, count: usize, out: &mut Vec<u8>) {
        let range = self.read..self.read + count;
        let (front, back) = self.bytes.as_slices();
        let middle = front.len();
        out.extend_from_slice(&front[range.start.min(middle)..range.end.min(middle)]);
        out.extend_from_slice(&back[range.start.max(middle) - middle..range.end.max(middle) - middle]);
        self.read = range.end;
    }

    /// Releases the oldest `count` bytes that were read. They are not read again.
    pub(super) fn release(&mut self, count: usize) {
        let count = count.min(self.read);
        self.bytes.drain(..count);
        self.read -= count;
    }

    /// Makes the bytes that were read and not released unread again.
    pub(super) fn rewind(&mut self) {
        self.read = 0;
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.read = 0;
    }

    /// Frees memory beyond `capacity`.
    pub(super) fn shrink_to(&mut self, capacity: usize) {
        if self.bytes.capacity() > capacity {
            self.bytes.shrink_to(capacity);
        }
    }
}

#[cfg(test)]
mod tests;
