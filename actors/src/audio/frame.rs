//! A buffer of audio bytes that goes from actor to actor and comes back. Pure.
//!
//! Every 20 ms of every call needs a handful of small buffers. All actors of a call share one thread, so a free-list per
//! thread serves them without a lock: dropping a [`Frame`] returns its buffer, and once warm nothing is allocated.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Audio bytes; what they mean is said by the [`crate::wire::AudioFormat`] beside them. Derefs to its `Vec<u8>`.
#[derive(PartialEq, Eq, Default)]
pub struct Frame(Vec<u8>);

impl Frame {
    /// An empty frame, with a used buffer where one is free.
    pub fn take() -> Self {
        Self(FREE.with_borrow_mut(Vec::pop).unwrap_or_default())
    }

    /// A frame that holds a copy of `bytes`.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut frame = Self::take();
        frame.extend_from_slice(bytes);
        frame
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let capacity = self.0.capacity();
        if capacity == 0 || capacity > LARGEST_KEPT {
            return;
        }
        let mut buffer = std::mem::take(&mut self.0);
        buffer.clear();
        // A frame may be dropped while its thread is going down; then the buffer goes with it.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < MOST_KEPT {
                free.push(buffer);
            }
        });
    }
}

impl Clone for Frame {
    fn clone(&self) -> Self {
        Self::copy_of(&self.0)
    }
}

impl Deref for Frame {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Frame {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl fmt::Debug for Frame {
    /// Speech is private: only the length is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes)", self.0.len())
    }
}

/// Buffers kept per thread. Fewer: allocations come back when many calls pause at once. More: memory kept for nothing.
const MOST_KEPT: usize = 1024;
/// A buffer larger than this (200 ms of 24 kHz PCM16 is 9,600 bytes) is let go instead of kept.
const LARGEST_KEPT: usize = 16 * 1024;

thread_local! {
    static FREE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_frame_lends_its_buffer_to_the_next() {
        let first = Frame::copy_of(&[1; 160]);
        let place = first.as_ptr();
        drop(first);
        let second = Frame::copy_of(&[2; 160]);
        assert_eq!(second.as_ptr(), place);
        assert_eq!(second[..], [2; 160]);
    }
}
