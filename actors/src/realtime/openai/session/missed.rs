//! Answers that the caller does not hear: empty, withheld, as text only, or as audio without level.

use std::time::{Duration, Instant};

use super::{Session, SessionAction};
use crate::ids::{ItemId, ResponseId};
use crate::incident::IncidentKind;
use crate::realtime::openai::protocol::server::{ItemInfo, ResponseInfo};
use crate::realtime::openai::sequencer::SequencerEvent;
use crate::realtime::report::{ModelReport, ResponseOutcome, Words};
use crate::realtime::requests::{Failure, Remedy};
use crate::realtime::seed::Progress;
use crate::words::holds_words;

impl Session {
    /// The problem of a response that has ended; `None` if the caller hears it or needs no answer.
    pub(super) fn missed(
        &self,
        info: &ResponseInfo<'_>,
        id: &ResponseId,
        outcome: &ResponseOutcome,
    ) -> Option<IncidentKind> {
        if *outcome == ResponseOutcome::Cancelled
            || !self.sequencer.runs(id, info.request)
            || self.sequencer.is_stopping(id)
            || self.overtaken.holds(id.as_str())
        {
            return None;
        }
        if self.items.progress(id) != Progress::Silent {
            let inaudible = self.loudness.is_inaudible(id, LONG_ENOUGH, self.plan.format);
            return (inaudible && !self.loudness.was_reported(id)).then_some(IncidentKind::AnswerSilent);
        }
        let output = &info.output;
        if self.sequencer.called_in(id) || output.iter().any(is_call) {
            // The speech follows the tool's result.
            return None;
        }
        if self.sequencer.answers_caller(id) && (self.turns.open().is_some() || self.turns.last_was_noise()) {
            // A caller who speaks on gets an answer after their speech. Noise needs no answer.
            return None;
        }
        Some(match outcome {
            ResponseOutcome::Failed(_) => IncidentKind::AnswerFailed,
            ResponseOutcome::Incomplete(reason) if reason == "content_filter" => IncidentKind::AnswerFiltered,
            ResponseOutcome::Incomplete(_) => IncidentKind::AnswerCut,
            ResponseOutcome::Completed | ResponseOutcome::Cancelled if output.iter().any(|item| item.has_text) => {
                IncidentKind::AnswerTextOnly
            }
            ResponseOutcome::Completed | ResponseOutcome::Cancelled => IncidentKind::AnswerEmpty,
        })
    }

    /// Marks the words of an inaudible response as not heard, whatever the length of its audio.
    pub(super) fn mute_items(&mut self, response: &ResponseId, out: &mut Vec<SessionAction>) {
        if self.loudness.tell(response) {
            let items = self.items.of(response).into_iter();
            out.extend(items.map(|item| SessionAction::ToWords(Words::Inaudible { item })));
        }
    }

    /// Ends a response whose audio stays inaudible, without waiting for its end.
    pub(super) fn check_level(&mut self, response: &ResponseId, now: Instant, out: &mut Vec<SessionAction>) {
        let inaudible = self.loudness.is_inaudible(response, TOO_LONG, self.plan.format);
        if !inaudible || self.loudness.was_reported(response) || !self.sequencer.runs(response, None) {
            return;
        }
        self.mute_items(response, out);
        let kind = IncidentKind::AnswerSilent;
        out.push(SessionAction::Report(ModelReport::AnswerMissed { response: response.clone(), kind, again: false }));
        let failure = Failure { code: kind.word().to_owned(), remedy: Remedy::Replace };
        self.sequence(
            SequencerEvent::Done { response: response.clone(), request: None, failure: Some(failure) },
            now,
            out,
        );
    }

    /// Handles a turn's transcript, which shows whether the turn contains words.
    pub(super) fn turn_understood(&mut self, item: &ItemId, text: &str, now: Instant, out: &mut Vec<SessionAction>) {
        let noise = !holds_words(text);
        if !self.turns.understood(item, noise) || !noise {
            return;
        }
        // A server that answers on its own may ignore noise.
        let left = self.unanswered && self.sequencer.running().is_none() && !self.turns.want_an_answer();
        let owed = self.sequencer.owes() || left;
        self.unanswered &= !left;
        self.sequence(SequencerEvent::TurnWasNoise, now, out);
        if owed && !self.sequencer.owes() {
            out.push(SessionAction::Report(ModelReport::NothingOwed));
        }
    }
}

/// The remedy for a response that the caller does not hear.
pub(super) fn remedy_of(kind: IncidentKind) -> Failure {
    let remedy = if kind == IncidentKind::AnswerSilent { Remedy::Replace } else { Remedy::AskAgain };
    Failure { code: kind.word().to_owned(), remedy }
}

/// Whether the item is a complete tool call, of our tools or of the server's.
fn is_call(item: &ItemInfo<'_>) -> bool {
    let kind = item.kind.as_deref().unwrap_or_default();
    (kind == "function_call" || kind.starts_with("mcp_")) && item.status.as_deref() != Some("incomplete")
}

/// The shortest audio whose level is judged. A shorter limit would take the pause before a word for
/// the whole.
const LONG_ENOUGH: Duration = Duration::from_secs(1);
/// The length of inaudible audio after which the session stops waiting for its end. No answer
/// begins with such a long pause.
const TOO_LONG: Duration = Duration::from_secs(3);
