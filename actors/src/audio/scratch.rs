//! Work space for samples on their way through a conversion: one for all calls of a thread. Pure.
//!
//! Intermediate buffers belong to no call. With its own buffers each call would bring 8 KiB back into the processor's cache at
//! every frame, and hold them for nothing between frames.

use std::cell::RefCell;

/// Buffers whose content means nothing to whoever takes them next.
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
    /// Lends the thread's buffers to `work`, empty. Who asks for them meanwhile gets new ones.
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
