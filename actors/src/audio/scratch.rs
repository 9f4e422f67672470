//! Work space for samples on their way through a conversion: one for all calls of a thread. Pure.
//!
//! Intermediate buffers belong to no call. If each call had its own, it would bring 8 KiB back into
//! the processor's cache at every frame, and keep that memory unused between frames.

use std::cell::RefCell;

/// Buffers whose content is not kept between uses.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Samples at the line's rate.
    pub narrow: Vec<i16>,
    /// Samples at the model's rate.
    pub wide: Vec<i16>,
    /// Coded samples.
    pub bytes: Vec<u8>,
}

impl Scratch {
    /// Lends the thread's buffers to `work`, empty. A nested call gets new buffers.
    pub(crate) fn lend<R>(work: impl FnOnce(&mut Self) -> R) -> R {
        SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
            Ok(mut scratch) => {
                scratch.narrow.clear();
                scratch.wide.clear();
                scratch.bytes.clear();
                work(&mut scratch)
            }
            Err(_) => work(&mut Self::default()),
        })
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch { narrow: Vec::new(), wide: Vec::new(), bytes: Vec::new() }) };
}

#[cfg(test)]
mod tests;
