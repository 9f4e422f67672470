//! The transcripts of the caller's turns. They arrive late; if rehearsed, also out of order, failed
//! or never. Pure.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::events::Events;
use super::usage;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;

/// A transcript to be sent.
#[derive(Debug)]
pub(super) struct Transcript {
    /// The id of its item.
    pub(super) item_id: String,
    /// The transcription model, which determines the usage.
    pub(super) model: String,
    /// The length of the turn.
    pub(super) ms: u64,
    /// The words.
    pub(super) text: String,
}

/// The unsent transcripts of one session.
#[derive(Debug)]
pub(super) struct Transcripts {
    waiting: VecDeque<(Instant, Transcript)>,
    /// If transcripts are shuffled: the transcript that waits until the next one is sent.
    postponed: Option<Transcript>,
    after: Duration,
    misbehaviour: Rc<Misbehaviour>,
}

impl Transcripts {
    /// An empty list. Each transcript will be sent `after` its turn.
    pub(super) fn new(after: Duration, misbehaviour: Rc<Misbehaviour>) -> Self {
        let after = misbehaviour.transcripts_after_ms.map_or(after, Duration::from_millis);
        Self { waiting: VecDeque::new(), postponed: None, after, misbehaviour }
    }

    /// Schedules the transcript of a committed turn.
    pub(super) fn expect(&mut self, transcript: Transcript, now: Instant) {
        if !Misbehaviour::on(self.misbehaviour.no_transcripts) && self.waiting.len() < MOST_WAITING {
            self.waiting.push_back((now + self.after, transcript));
        }
    }

    /// When the next transcript is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.waiting.front().map(|(due, _)| *due)
    }

    /// Takes the transcripts that are due, in the order of sending.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Transcript> {
        let mut due = Vec::new();
        while self.next_at().is_some_and(|at| at <= now) {
            let Some((_, transcript)) = self.waiting.pop_front() else { break };
            if Misbehaviour::on(self.misbehaviour.shuffle_transcripts) && self.postponed.is_none() {
                self.postponed = Some(transcript);
            } else {
                due.push(transcript);
                due.extend(self.postponed.take());
            }
        }
        due
    }

    /// Sends a transcript.
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

/// Maximum number of unsent transcripts. Turns are at least a second long, and a transcript does
/// not wait for minutes.
const MOST_WAITING: usize = 256;

#[cfg(test)]
mod tests;
