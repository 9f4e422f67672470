//! Joins the caller's frames to larger messages for the model, on a thread that falls behind
//! ([`crate::overload`]). Pure.

use crate::frame::Frame;

/// The frames that wait for others.
#[derive(Debug, Default)]
pub(super) struct Gatherer {
    held: Option<Frame>,
    frames: u32,
}

impl Gatherer {
    /// Takes a frame. Returns what is sent now, which is everything that waits once there are
    /// `most` frames; and how many frames it joins.
    pub(super) fn take(&mut self, frame: Frame, most: u32) -> Option<(Frame, u32)> {
        self.frames += 1;
        let whole = match self.held.take() {
            None => frame,
            Some(mut held) => {
                held.extend_from_slice(&frame);
                held
            }
        };
        if self.frames >= most {
            return Some((whole, std::mem::take(&mut self.frames)));
        }
        self.held = Some(whole);
        None
    }

    /// Forgets what waits: it is in the format of a model that is gone.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(gatherer: &mut Gatherer, most: u32, count: u8) -> Vec<(Vec<u8>, u32)> {
        let take = |at: u8| gatherer.take(Frame::copy_of(&[at, at]), most);
        (1..=count).filter_map(take).map(|(frame, frames)| (frame.to_vec(), frames)).collect()
    }

    #[test]
    fn frames_are_joined_in_their_order() {
        let mut gatherer = Gatherer::default();
        assert_eq!(frames(&mut gatherer, 1, 2), [(vec![1, 1], 1), (vec![2, 2], 1)]);
        assert_eq!(frames(&mut gatherer, 3, 4), [(vec![1, 1, 2, 2, 3, 3], 3)]);
        assert_eq!(frames(&mut gatherer, 1, 1), [(vec![4, 4, 1, 1], 2)], "a calm thread sends what waited at once");
        assert_eq!(frames(&mut gatherer, 2, 1), []);
        gatherer.forget();
        assert_eq!(frames(&mut gatherer, 1, 1), [(vec![1, 1], 1)]);
    }
}
