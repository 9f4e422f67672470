//! The responses of a session that the call may still ask about. Pure.

use std::collections::VecDeque;

use crate::ids::{ItemId, ResponseId};
use crate::realtime::cascade::dialogue::Wish;
use crate::realtime::word_times::TimedLetters;

/// The last responses, and the one in progress.
#[derive(Debug, Default)]
pub(super) struct Responses {
    known: VecDeque<Response>,
    /// Silent answers in a row.
    pub(super) silences: u32,
}

/// A response.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) number: u64,
    pub(super) response: ResponseId,
    pub(super) item: ItemId,
    /// What it is for.
    pub(super) wish: Wish,
    /// Its words so far.
    pub(super) text: String,
    /// Whether they were told, which they are with its first audio.
    pub(super) is_told: bool,
    /// Whether the voice says when its words are said, and the times that are not told yet.
    pub(super) is_timed: bool,
    pub(super) times: Vec<TimedLetters>,
    /// Whether any of its audio has come.
    pub(super) sounds: bool,
    /// Whether all of its audio has come.
    pub(super) is_whole: bool,
    /// Whether it called a tool.
    pub(super) called: bool,
    /// Whether it is in progress.
    pub(super) runs: bool,
}

impl Responses {
    /// Adds the response that begins.
    pub(super) fn begin(&mut self, session: u64, number: u64, wish: Wish) -> &Response {
        if self.known.len() >= MOST_KNOWN {
            self.known.pop_front();
        }
        self.known.push_back(Response {
            number,
            response: ResponseId::new(&format!("response_{session}_{number}")),
            item: ItemId::new(&format!("item_{session}_agent{number}")),
            wish,
            text: String::new(),
            is_told: false,
            is_timed: false,
            times: Vec::new(),
            sounds: false,
            is_whole: false,
            called: false,
            runs: true,
        });
        &self.known[self.known.len() - 1]
    }

    /// A response by its number.
    pub(super) fn numbered(&mut self, number: u64) -> Option<&mut Response> {
        self.known.iter_mut().rev().find(|known| known.number == number)
    }

    /// The number of the response that an item belongs to.
    pub(super) fn of_item(&self, item: &ItemId) -> Option<u64> {
        self.known.iter().rev().find(|known| known.item == *item).map(|known| known.number)
    }

    /// Whether the chat model makes the words of a response. Others are given.
    pub(super) fn is_thought(&mut self, number: u64) -> bool {
        self.numbered(number).is_some_and(|known| matches!(known.wish, Wish::Think(_)))
    }

    /// The response in progress.
    pub(super) fn running(&self) -> Option<&Response> {
        self.known.back().filter(|last| last.runs)
    }
}

/// The responses that are kept. The call asks about the one that is played, or the one before it.
const MOST_KNOWN: usize = 8;
