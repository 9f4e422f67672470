//! Answers that the caller does not hear, or not to their end. Pure; part of [`super`].
//!
//! The session requests a missed answer again by itself, as often as is useful; the answer stays
//! due meanwhile. If the session still does not speak, another session answers, and the caller
//! hears a recorded line while it is opened. An answer that was cut in the middle is played, and
//! then continued.

use super::Floor;
use crate::call::shared::Shared;
use crate::call::steps::Note;
use crate::ids::ResponseId;
use crate::incident::{Incident, IncidentKind};
use crate::realtime::messages::ResponsePurpose;

/// An answer that ended in the middle.
#[derive(Debug, Default)]
pub(super) struct CutShort {
    rest: Rest,
    /// How often an answer was continued since the caller last spoke.
    continued: u32,
    /// The last response that was missed; it is requested again already.
    missed: Option<ResponseId>,
}

/// What is left of the last answer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Rest {
    #[default]
    Nothing,
    /// The rest is requested once the first part was heard.
    Due,
}

impl Floor {
    /// A due response ended without audio for the caller.
    pub(in crate::call) fn answer_missed(
        &mut self,
        response: &ResponseId,
        kind: IncidentKind,
        again: bool,
        call: &mut Shared,
    ) {
        let detail = match (kind, again) {
            (IncidentKind::AnswerSilent, _) => "an answer had its length and no level",
            (_, true) => "an answer with nothing to hear; asked for again",
            (_, false) => "an answer with nothing to hear",
        };
        call.tell(Note::Incident(Incident::new(kind, detail)));
        self.notice_broken(Some(response));
        self.cut_short.missed = Some(response.clone());
        if kind == IncidentKind::AnswerSilent {
            self.turn.mute(response, call);
            self.stopwatch.disown(response);
        }
        if again {
            self.turn.owe();
        }
    }

    /// A response ended in the middle. Its audio plays, and then the answer is continued.
    pub(in crate::call) fn answer_cut(&mut self, response: &ResponseId, reason: &str, call: &mut Shared) {
        let missed = self.cut_short.missed.as_ref() == Some(response);
        if missed || !self.turn.goes_on_with(response) || self.cut_short.continued >= MOST_CONTINUED {
            return;
        }
        self.cut_short.rest = Rest::Due;
        let reason = if reason.is_empty() { "no reason given" } else { reason };
        call.tell(Note::Incident(Incident::new(IncidentKind::AnswerCut, reason)));
    }

    /// The caller has heard the whole queue: an answer that was cut is continued.
    pub(super) fn go_on_with_what_was_cut(&mut self, call: &mut Shared) {
        if self.turn.is_over() && std::mem::take(&mut self.cut_short.rest) == Rest::Due {
            self.cut_short.continued += 1;
            self.request(ResponsePurpose::Answer, Some(GO_ON.to_owned()), call);
        }
    }

    /// The session does not speak, and another one takes over its answer. The caller hears a
    /// recorded line meanwhile.
    pub(in crate::call) fn session_is_mute(&mut self, call: &mut Shared) {
        self.turn.owe();
        if !self.turn.is_sounding() && !self.turn.is_caller_speaking() {
            self.play_filler(call);
        }
    }
}

/// The model's instructions after a limit has cut its answer.
const GO_ON: &str = "Your last answer was cut off in the middle. Go on from exactly where it stopped: say only what was still \
    missing, briefly, and do not repeat what was said, do not apologise and do not mention an interruption.";
/// Most continuations of an answer until the caller speaks. More means that the model does not come
/// to an end.
const MOST_CONTINUED: u32 = 2;
