//! Puts the caller's packets in order: they may arrive in another one than they were spoken in. Pure.

use std::collections::BTreeMap;

use crate::frame::Frame;

/// The order of one stream's packets.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The number of the packet that is due; `None` before the first.
    due: Option<u64>,
    /// Packets that came before their turn.
    held: BTreeMap<u64, Frame>,
}

impl Order {
    /// Takes a packet. Returns the audio whose turn it is, of one or several packets; `None` while
    /// an earlier packet is waited for, and for a packet whose turn has passed.
    pub(super) fn take(&mut self, number: u64, payload: Frame) -> Option<Frame> {
        let mut due = *self.due.get_or_insert(number);
        if number.abs_diff(due) > FARTHEST {
            // The carrier counts anew.
            self.held.clear();
            due = number;
        }
        if number < due {
            self.due = Some(due);
            return None;
        }
        self.held.insert(number, payload);
        if self.held.len() > MOST_HELD
            && let Some((first, _)) = self.held.first_key_value()
        {
            // What is missing is lost.
            due = *first;
        }
        let mut whole: Option<Frame> = None;
        while let Some(next) = self.held.remove(&due) {
            due = due.saturating_add(1);
            match &mut whole {
                None => whole = Some(next),
                Some(whole) => whole.extend_from_slice(&next),
            }
        }
        self.due = Some(due);
        whole
    }
}

/// The most packets that wait for an earlier one. Fewer: audio that is only late is lost. More: a
/// lost packet delays the caller's words.
const MOST_HELD: usize = 2;
/// The farthest jump of a number within one stream: two seconds of audio.
const FARTHEST: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(numbers: &[u64]) -> Vec<Vec<u8>> {
        let mut order = Order::default();
        let take = |number: &u64| order.take(*number, Frame::copy_of(&[*number as u8])).map(|frame| frame.to_vec());
        numbers.iter().filter_map(take).collect()
    }

    #[test]
    fn packets_that_changed_places_are_put_back() {
        assert_eq!(heard(&[2, 3, 4]), [[2], [3], [4]]);
        assert_eq!(heard(&[1, 3, 2, 4]), [vec![1], vec![2, 3], vec![4]]);
        assert_eq!(heard(&[1, 4, 3, 2, 5]), [vec![1], vec![2, 3, 4], vec![5]]);
    }

    #[test]
    fn a_lost_packet_is_waited_for_briefly_and_a_late_or_repeated_one_is_dropped() {
        assert_eq!(heard(&[1, 3, 4, 5, 6]), [vec![1], vec![3, 4, 5], vec![6]]);
        assert_eq!(heard(&[1, 3, 4, 5, 2, 6]), [vec![1], vec![3, 4, 5], vec![6]]);
        assert_eq!(heard(&[1, 2, 2, 1, 3]), [[1], [2], [3]]);
    }

    #[test]
    fn numbers_that_begin_anew_cost_no_audio() {
        assert_eq!(heard(&[500, 501, 1, 2, u64::MAX]), [vec![244], vec![245], vec![1], vec![2], vec![255]]);
    }
}
