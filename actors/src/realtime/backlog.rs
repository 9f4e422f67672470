//! Model audio that the AudioPipeline's mailbox did not take at once. Pure.
//!
//! A model speaks many times faster than real time: half a minute of speech may arrive in one read.
//! The pipeline empties its mailbox whenever it runs, so a full mailbox lasts for microseconds.
//! Audio that does not fit waits here in order and is offered again; pieces of one item are joined.
//! The queue is bounded. The caller of this module counts what exceeds the bound.

use std::collections::VecDeque;

use crate::line::messages::{FromModel, ItemComplete};

/// A message for the AudioPipeline.
#[derive(Debug)]
pub enum Playable {
    /// Audio of an item.
    Audio(FromModel),
    /// The end of an item's audio. It follows the audio itself.
    Complete(ItemComplete),
}

/// The queue of audio that waits for the AudioPipeline.
#[derive(Debug)]
pub struct Backlog {
    queue: VecDeque<Playable>,
    bytes: usize,
    most_bytes: usize,
}

impl Backlog {
    /// An empty queue that accepts `most_bytes` of audio.
    pub const fn new(most_bytes: usize) -> Self {
        Self { queue: VecDeque::new(), bytes: 0, most_bytes }
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Appends `next`. Returns `false` if it did not fit.
    pub fn push(&mut self, next: Playable) -> bool {
        let Playable::Audio(next) = next else {
            self.queue.push_back(next);
            return true;
        };
        if self.bytes + next.audio.len() > self.most_bytes {
            return false;
        }
        self.bytes += next.audio.len();
        match self.queue.back_mut() {
            Some(Playable::Audio(last)) if last.item == next.item && last.audio.len() < LARGEST_JOINED => {
                last.audio.extend_from_slice(&next.audio);
            }
            Some(Playable::Audio(_) | Playable::Complete(_)) | None => self.queue.push_back(Playable::Audio(next)),
        }
        true
    }

    /// Removes and returns the oldest entry.
    pub fn pop(&mut self) -> Option<Playable> {
        let first = self.queue.pop_front();
        if let Some(Playable::Audio(audio)) = &first {
            self.bytes -= audio.audio.len();
        }
        first
    }

    /// Returns an entry to the front because the pipeline refused it.
    pub fn put_back(&mut self, first: Playable) {
        if let Playable::Audio(audio) = &first {
            self.bytes += audio.audio.len();
        }
        self.queue.push_front(first);
    }
}

/// The size up to which pieces are joined: half a second of PCM16 at 24 kHz. Smaller: more
/// messages. Larger: more bytes to copy at once.
const LARGEST_JOINED: usize = 24_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;
    use crate::ids::{ItemId, ResponseId};

    fn audio(item: &str, bytes: &[u8]) -> Playable {
        Playable::Audio(FromModel {
            response: ResponseId::new("r"),
            item: ItemId::new(item),
            audio: Frame::copy_of(bytes),
        })
    }

    fn complete(item: &str) -> Playable {
        Playable::Complete(ItemComplete { response: ResponseId::new("r"), item: ItemId::new(item) })
    }

    fn story(backlog: &mut Backlog) -> Vec<String> {
        std::iter::from_fn(|| backlog.pop())
            .map(|playable| match playable {
                Playable::Audio(audio) => format!("{}:{}", audio.item, audio.audio.len()),
                Playable::Complete(complete) => format!("{} complete", complete.item),
            })
            .collect()
    }

    #[test]
    fn pieces_of_one_item_are_joined_and_the_order_is_kept() {
        let mut backlog = Backlog::new(1_000);
        for playable in [audio("a", &[1; 10]), audio("a", &[2; 10]), complete("a"), audio("b", &[3; 5])] {
            assert!(backlog.push(playable));
        }
        assert_eq!(story(&mut backlog), ["a:20", "a complete", "b:5"]);
        assert!(backlog.is_empty());
    }

    #[test]
    fn what_exceeds_the_bound_is_refused_and_space_is_given_back() {
        let mut backlog = Backlog::new(20);
        assert!(backlog.push(audio("a", &[1; 15])));
        assert!(!backlog.push(audio("a", &[1; 6])));
        assert!(backlog.push(complete("a")), "an end is never refused");
        let first = backlog.pop().expect("audio");
        backlog.put_back(first);
        assert!(!backlog.push(audio("b", &[1; 6])));
        assert_eq!(story(&mut backlog), ["a:15", "a complete"]);
        assert!(backlog.push(audio("b", &[1; 20])));
    }
}
