//! A buffer of audio bytes that travels between actors and returns to a pool. Pure.
//!
//! Every 20 ms of every call needs a handful of small buffers. All actors of a call share one
//! thread, so a pool per thread serves them without a lock. Dropping a [`Frame`] returns its
//! buffer, and a warm pool allocates nothing. Each size has its own pool: in a shared one, small
//! frames would end up in the model's large buffers, until all buffers were large.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Audio bytes. The [`crate::carrier::AudioFormat`] beside them says what they mean. Derefs to its
/// `Vec<u8>`.
#[derive(PartialEq, Eq, Default)]
pub struct Frame(Vec<u8>);

impl Frame {
    /// An empty frame with room for `bytes`, in a pooled buffer where one is free. It grows beyond
    /// that when needed.
    pub fn with_room(bytes: usize) -> Self {
        let Some(size) = SIZES.iter().position(|size| size.room >= bytes) else {
            return Self(Vec::with_capacity(bytes));
        };
        let used = FREE.with_borrow_mut(|free| free[size].pop());
        Self(used.unwrap_or_else(|| Vec::with_capacity(SIZES[size].room)))
    }

    /// Decodes the base64 in `text`.
    ///
    /// # Errors
    /// When `text` is not padded base64.
    pub fn of_base64(text: &str) -> Result<Self, base64_simd::Error> {
        let mut frame = Self::with_room(text.len() / 4 * 3);
        base64_simd::STANDARD.decode_append(text, &mut *frame)?;
        Ok(frame)
    }

    /// Decodes base64 of either alphabet, with line breaks or without padding, as some servers
    /// write it. It is for what [`Self::of_base64`] refuses, because it is slower.
    ///
    /// # Errors
    /// When `text` is no base64.
    pub fn of_loose_base64(text: &str) -> Result<Self, base64_simd::Error> {
        let plain: Vec<u8> = text
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => other,
            })
            .collect();
        let padding = plain.iter().rev().take_while(|byte| **byte == b'=').count().min(2);
        let mut frame = Self::with_room(plain.len() / 4 * 3 + 3);
        base64_simd::STANDARD_NO_PAD.decode_append(&plain[..plain.len() - padding], &mut *frame)?;
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
        // On a thread that is shutting down the pool may be gone; the buffer is then freed.
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
    /// The capacity of each, in bytes.
    room: usize,
    /// The most buffers kept per thread. Fewer: allocations return when many calls pause at once.
    /// More: memory is kept for nothing.
    most: usize,
}

/// A frame of the line; a frame as it is sent to the model; 200 ms as the model sends them.
const SIZES: [Size; 3] =
    [Size { room: 512, most: 1024 }, Size { room: 2_048, most: 512 }, Size { room: 10_240, most: 128 }];
/// A larger buffer is freed instead of kept.
const LARGEST_KEPT: usize = 16 * 1024;

thread_local! {
    static FREE: RefCell<[Vec<Vec<u8>>; SIZES.len()]> = const { RefCell::new([const { Vec::new() }; SIZES.len()]) };
}

#[cfg(test)]
mod tests;
