//! The transcripts of the caller's turns, which come when they come: late, shuffled, failed or never, if so rehearsed. Pure.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::events::Events;
use super::misbehaviour::Misbehaviour;
use super::usage;

/// A transcript that is to be sent.
#[derive(Debug)]
pub(super) struct Transcript {
    /// The item it belongs to.
    pub(super) item_id: String,
    /// The transcription model, for its usage.
    pub(super) model: String,
    /// The length of the turn.
    pub(super) ms: u64,
    /// The words.
    pub(super) text: String,
}

/// The transcripts of one session that are not out yet.
#[derive(Debug)]
pub(super) struct Transcripts {
    waiting: VecDeque<(Instant, Transcript)>,
    /// Where transcripts are shuffled: the one that waits for the next to pass.
    held: Option<Transcript>,
    after: Duration,
    misbehaviour: Rc<Misbehaviour>,
}

impl Transcripts {
    /// None yet; each will come `after` its turn.
    pub(super) fn new(after: Duration, misbehaviour: Rc<Misbehaviour>) -> Self {
        let after = misbehaviour.transcripts_after_ms.map_or(after, Duration::from_millis);
        Self { waiting: VecDeque::new(), held: None, after, misbehaviour }
    }

    /// A turn was committed.
    pub(super) fn expect(&mut self, transcript: Transcript, now: Instant) {
        if !Misbehaviour::on(self.misbehaviour.no_transcripts) && self.waiting.len() < MOST_WAITING {
            self.waiting.push_back((now + self.after, transcript));
        }
    }

    /// When the next one is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.waiting.front().map(|(due, _)| *due)
    }

    /// Takes those that are to be sent now, in the order of sending.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Transcript> {
        let mut due = Vec::new();
        while self.next_at().is_some_and(|at| at <= now) {
            let Some((_, transcript)) = self.waiting.pop_front() else { break };
            if Misbehaviour::on(self.misbehaviour.shuffle_transcripts) && self.held.is_none() {
                self.held = Some(transcript);
            } else {
                due.push(transcript);
                due.extend(self.held.take());
            }
        }
        due
    }

    /// Sends one.
    pub(super) fn send(&self, transcript: &Transcript, events: &mut Events) {
        const KIND: &str = "conversation.item.input_audio_transcription";
        let Transcript { item_id, model, ms, text } = transcript;
        if Misbehaviour::on(self.misbehaviour.fail_transcripts) {
            let error = json!({
                "type": "transcription_error", "code": "audio_unintelligible",
                "message": "The audio could not be transcribed.", "param": null,
            });
            let failed = json!({"item_id": item_id, "content_index": 0, "error": error});
            events.send(&format!("{KIND}.failed"), &failed);
            return;
        }
        let ids = format!(r#""item_id":"{item_id}","content_index":0"#);
        let middle = text.find(',').map_or(text.len(), |comma| comma + 1);
        for delta in [&text[..middle], &text[middle..]] {
            if !delta.is_empty() {
                events.send_delta(&format!("{KIND}.delta"), &ids, &json!(delta));
            }
        }
        let usage = usage::of_transcription(model, *ms, text);
        let completed =
            json!({"item_id": item_id, "content_index": 0, "transcript": text, "usage": usage, "logprobs": null});
        events.send(&format!("{KIND}.completed"), &completed);
    }
}

/// Turns end every second at most; a transcript does not wait minutes.
const MOST_WAITING: usize = 256;

#[cfg(test)]
mod tests;
