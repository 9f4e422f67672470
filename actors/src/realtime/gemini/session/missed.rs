//! Answers that the caller does not hear: empty, rejected, or audio without level.

use std::time::{Duration, Instant};

use super::runs::{NEEDS_INPUT, Run};
use super::{Session, SessionAction};
use crate::incident::IncidentKind;
use crate::realtime::gemini::plan::OUTPUT;
use crate::realtime::report::{ModelReport, ResponseOutcome, Words};
use crate::realtime::requests::{Failure, Pending, Remedy};

/// Reasons of turns that a filter of the server ended, by their beginnings or a part of them.
const FILTERED: [&str; 5] = ["REJECTED", "SAFETY", "PROHIBITED", "BLOCKLIST", "INPUT_OTHER"];

impl Session {
    /// The problem of a run that is over; `None` if the caller hears it or needs no answer.
    pub(super) fn missed(&self, run: &Run, outcome: &ResponseOutcome, reason: Option<&str>) -> Option<IncidentKind> {
        if *outcome == ResponseOutcome::Cancelled {
            return None;
        }
        if run.bytes > 0 {
            let long_enough = OUTPUT.duration_of(run.bytes) >= JUDGED;
            return (long_enough && !run.audible).then_some(IncidentKind::AnswerSilent);
        }
        // The speech follows the tool's result, or by itself.
        if run.called || run.more_follows || reason == Some(NEEDS_INPUT) {
            return None;
        }
        // A caller who speaks on gets an answer after their speech. Noise needs no answer, unless the
        // server had one and kept it back.
        let for_caller = run.request.as_ref().is_none_or(Pending::repeats_an_answer);
        let noise = reason.is_none() && self.caller.last_was_noise();
        if !run.owed || (for_caller && (self.caller.is_speaking() || noise)) {
            return None;
        }
        Some(match reason {
            None => IncidentKind::AnswerEmpty,
            Some(reason) if FILTERED.iter().any(|part| reason.contains(part)) => IncidentKind::AnswerFiltered,
            Some(_) => IncidentKind::AnswerFailed,
        })
    }

    /// Settles the request of a run that is over, and reports the run's end. What was missed is
    /// reported before the end, so that the call never believes that no answer is due.
    pub(super) fn response_ended(
        &mut self,
        request: Option<Pending>,
        run: &Run,
        missed: Option<IncidentKind>,
        finished: ModelReport,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        if missed == Some(IncidentKind::AnswerSilent) {
            out.push(SessionAction::ToWords(Words::Inaudible { item: run.item.clone() }));
        }
        let failure = missed.map(|kind| {
            let remedy = if kind == IncidentKind::AnswerSilent { Remedy::Replace } else { Remedy::AskAgain };
            Failure { code: kind.word().to_owned(), remedy }
        });
        let unspoken = self.requests.ended(request, failure, now);
        let again = self.owes();
        if let Some(kind) = missed {
            let response = run.response.clone();
            out.push(SessionAction::Report(ModelReport::AnswerMissed { response, kind, again }));
        } else if self.says_nothing(run, &finished) && !again {
            out.push(SessionAction::Report(ModelReport::NothingOwed));
        }
        out.push(SessionAction::Report(finished));
        out.extend(unspoken.map(Self::unspoken).map(SessionAction::Report));
    }

    /// Whether the model has nothing to say although an answer was owed.
    fn says_nothing(&self, run: &Run, finished: &ModelReport) -> bool {
        let whole = matches!(finished, ModelReport::ResponseFinished { outcome: ResponseOutcome::Completed, .. });
        whole && run.owed && run.bytes == 0 && !run.called && !run.more_follows && !self.caller.is_speaking()
    }
}

/// The shortest audio whose level is judged. A shorter limit would take the pause before a word for
/// the whole.
const JUDGED: Duration = Duration::from_secs(1);
