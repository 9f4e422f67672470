//! Work space for samples on their way through a conversion: one for all calls of a thread. Pure.
//!
//! What a conversion needs in between is of no call. With buffers of its own each call would bring 8 KiB of them back into the
//! processor's cache at every frame, and keep them for nothing between frames.

use std::cell::RefCell;

/// Buffers whose content means nothing to whoever takes them next.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Samples at the line's rate.
    pub narrow: Vec<i16>,
    /// Samples at the model's rate.
    pub wide: Vec<i16>,
    /// Coded samples.
    pub bytes: Vec<u8>,
}

impl Scratch {
    /// Lends the thread's buffers to `work`, empty. Who asks for them meanwhile gets new ones.
    pub fn lend<R>(work: impl FnOnce(&mut Self) -> R) -> R {
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
mod tests {
    use super::*;

    #[test]
    fn buffers_are_lent_again_and_one_within_another_is_its_own() {
        let place = Scratch::lend(|outer| {
            outer.bytes.extend([1; 800]);
            let inner = Scratch::lend(|inner| inner.bytes.len());
            assert_eq!((outer.bytes.len(), inner), (800, 0));
            outer.bytes.as_ptr()
        });
        let again = Scratch::lend(|scratch| (scratch.bytes.len(), scratch.bytes.as_ptr()));
        assert_eq!(again, (0, place));
    }
}
