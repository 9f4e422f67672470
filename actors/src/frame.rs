//! A buffer of audio bytes that goes from actor to actor and comes back. Pure.
//!
//! Every 20 ms of every call needs a handful of small buffers. All actors of a call share one thread, so free-lists per
//! thread serve them without a lock: dropping a [`Frame`] returns its buffer, and once warm nothing is allocated. A list for each
//! size: were they mixed, a line's frame would travel in a buffer that has been a model's answer, until all were as large.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Audio bytes; what they mean is said by the [`crate::carrier::AudioFormat`] beside them. Derefs to its `Vec<u8>`.
#[derive(PartialEq, Eq, Default)]
pub struct Frame(Vec<u8>);

impl Frame {
    /// An empty frame with room for so many bytes, in a used buffer where one is free. More than that makes it grow.
    pub fn with_room(bytes: usize) -> Self {
        let Some(size) = SIZES.iter().position(|size| size.room >= bytes) else {
            return Self(Vec::with_capacity(bytes));
        };
        let used = FREE.with_borrow_mut(|free| free[size].pop());
        Self(used.unwrap_or_else(|| Vec::with_capacity(SIZES[size].room)))
    }

    /// The bytes that `text` stands for.
    ///
    /// # Errors
    /// When it is not base64 with its padding.
    pub fn of_base64(text: &str) -> Result<Self, base64_simd::Error> {
        let mut frame = Self::with_room(text.len() / 4 * 3);
        base64_simd::STANDARD.decode_append(text, &mut *frame)?;
        Ok(frame)
    }

    /// A frame that holds a copy of `bytes`.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut frame = Self::with_room(bytes.len());
        frame.extend_from_slice(bytes);
        frame
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let capacity = self.0.capacity();
        let Some(size) = SIZES.iter().rposition(|size| size.room <= capacity).filter(|_| capacity <= LARGEST_KEPT)
        else {
            return;
        };
        let mut buffer = std::mem::take(&mut self.0);
        buffer.clear();
        // A frame may be dropped while its thread is going down; then the buffer goes with it.
        let _ = FREE.try_with(|free| {
            let free = &mut free.borrow_mut()[size];
            if free.len() < SIZES[size].most {
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

/// Buffers of one size.
struct Size {
    /// Bytes that each of them has room for.
    room: usize,
    /// Kept per thread. Fewer: allocations come back when many calls pause at once. More: memory kept for nothing.
    most: usize,
}

/// A line's frame; a frame as the model is sent it; 200 ms as the model sends them.
const SIZES: [Size; 3] =
    [Size { room: 512, most: 1024 }, Size { room: 2_048, most: 512 }, Size { room: 10_240, most: 128 }];
/// A buffer larger than this is let go instead of kept.
const LARGEST_KEPT: usize = 16 * 1024;

thread_local! {
    static FREE: RefCell<[Vec<Vec<u8>>; SIZES.len()]> = const { RefCell::new([const { Vec::new() }; SIZES.len()]) };
}

#[cfg(test)]
mod tests;
