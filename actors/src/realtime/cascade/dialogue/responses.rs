//! From one response to the next, and from one language to the next. Pure.

use std::time::Instant;

use super::{Dialogue, DialogueAction, Response, Wish};
use crate::realtime::cascade::failure::Failure;
use crate::realtime::cascade::mind::ChatUsage;
use crate::realtime::cascade::parts::Parts;
use crate::realtime::cascade::text::Piece;
use crate::realtime::cascade::thinker::{Order, Outcome, ThinkerAction};

impl Dialogue {
    /// Tells how long each part took, with the first audio of a response.
    pub(super) fn time(&mut self, response: u64, now: Instant, out: &mut Vec<DialogueAction>) {
        let current = self.current.as_mut().filter(|current| current.number == response && !current.has_audio);
        let Some(current) = current else { return };
        current.has_audio = true;
        let words = current.first_words.unwrap_or(now);
        let (mind, voice) = (words.saturating_duration_since(current.begun), now.saturating_duration_since(words));
        out.push(DialogueAction::Took { response, mind, voice });
    }

    /// Gives the voice a piece of the response in progress.
    pub(super) fn give(&mut self, response: u64, piece: Piece, now: Instant, out: &mut Vec<DialogueAction>) {
        let Some(current) = self.current.as_mut().filter(|current| current.number == response) else { return };
        current.has_words = true;
        current.first_words.get_or_insert(now);
        out.push(DialogueAction::AgentSays { response, text: piece.text.clone() });
        self.mouth.say(response, piece, now, &mut self.spoken);
    }

    /// No engine speaks: the response is over.
    pub(super) fn dumb(&mut self, failure: Failure, out: &mut Vec<DialogueAction>) {
        if let Some(current) = self.current.take() {
            self.thinker.cancel(&mut self.thought);
            self.thought.retain(|action| matches!(action, ThinkerAction::Abort { .. }));
            let usage = current.ended.map(|(_, usage)| usage).unwrap_or_default();
            let (response, outcome) = (current.number, Outcome::Failed(failure.clone()));
            out.push(DialogueAction::ResponseEnded { response, outcome, usage });
        }
        out.push(DialogueAction::Lost(failure));
    }

    /// Ends the response in progress, if it was thought to its end and all of it has sounded.
    pub(super) fn finish(&mut self, out: &mut Vec<DialogueAction>) {
        let is_over = |current: &mut Response| current.ended.is_some() && (current.has_sounded || !current.has_words);
        let Some(Response { number, ended: Some((outcome, usage)), .. }) = self.current.take_if(is_over) else {
            return;
        };
        out.push(DialogueAction::ResponseEnded { response: number, outcome, usage });
    }

    /// The engines of another language take over, if they wait and nothing is being said. Returns
    /// whether they do.
    pub(super) fn change_language(&mut self, now: Instant, out: &mut Vec<DialogueAction>) -> bool {
        if self.mouth.is_speaking() {
            return false;
        }
        let Some(parts) = self.next_language.take() else { return false };
        out.push(DialogueAction::Speaks);
        let Parts { language, ears, mind, voice, turns, .. } = &*parts;
        self.listener.change(ears, language, *turns, now, &mut self.listened);
        self.thinker.change(mind, language);
        self.mouth.change(voice, now, &mut self.spoken);
        true
    }

    /// Begins the next response, if none is in progress. Returns whether one began.
    pub(super) fn next(&mut self, now: Instant, out: &mut Vec<DialogueAction>) -> bool {
        if self.current.is_some() {
            return false;
        }
        let Some(wish) = self.wishes.pop_front() else { return false };
        self.last_response += 1;
        let response = self.last_response;
        // What was thought in advance does not fit any more.
        if self.eager.take().is_some() {
            out.push(DialogueAction::Eager { kept: false });
        }
        self.start(response, wish.clone(), now, out);
        match wish {
            Wish::Think(order) => self.thinker.answer(response, order, false, now, &mut self.thought),
            Wish::Say { words, .. } => {
                self.thinker.cancel(&mut self.thought);
                self.thinker.says(response, &words);
                self.give(response, Piece::verbatim(&words), now, out);
                self.mouth.end(response, now, &mut self.spoken);
                if let Some(current) = &mut self.current {
                    current.ended = Some((Outcome::Complete, ChatUsage::default()));
                }
            }
        }
        true
    }

    pub(super) fn start(&mut self, response: u64, wish: Wish, now: Instant, out: &mut Vec<DialogueAction>) {
        self.current = Some(Response {
            number: response,
            begun: now,
            first_words: None,
            has_audio: false,
            has_words: false,
            has_sounded: false,
            ended: None,
        });
        out.push(DialogueAction::ResponseBegan { response, wish });
    }

    /// Queues a wish. Several plain answers that wait are one.
    pub(super) fn wish(&mut self, wish: Wish) {
        let is_plain = wish == Wish::Think(Order::default());
        if self.wishes.len() < MOST_WISHES && !(is_plain && self.wishes.contains(&wish)) {
            self.wishes.push_back(wish);
        }
    }
}

/// The most wishes that wait. A call has one or two.
const MOST_WISHES: usize = 16;
