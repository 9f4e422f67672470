//! How the agent opens the call, and which part is protected: the legal notice to its last word,
//! the first part of the greeting. Pure; part of [`super`].
//!
//! Meanwhile the caller's audio is buffered and not passed to the model. Their keys wait, and so
//! does any transfer that would cut the notice short. Only an end of the call ends a notice: by the
//! caller, an operator or the service.

use std::time::{Duration, Instant};

use super::Floor;
use crate::audio::report::ItemPlayout;
use crate::call::line_link::Start;
use crate::call::shared::{Shared, Stage, exactly};
use crate::call::steps::CallAction;
use crate::ids::ResponseId;
use crate::profile::{CallProfile, Greeting};
use crate::realtime::messages::{ResponsePurpose, TextRole};

/// Whether the agent is still opening the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The notice or greeting is requested or playing.
    Opening,
    /// The opening is over; either side may speak.
    Talk,
}

/// Whether the agent's speech may be interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::call) enum Protection {
    /// The legal notice has to be heard to its end.
    Notice {
        /// The notice's response, once it has begun.
        response: Option<ResponseId>,
    },
    /// The first part of the greeting.
    Greeting {
        /// When the part ends; `None` until the greeting is heard.
        until: Option<Instant>,
    },
    /// Nothing is protected.
    Over,
}

impl Floor {
    /// Whether the agent's speech may be interrupted.
    pub(in crate::call) fn is_open(&self) -> bool {
        self.protection == Protection::Over
    }

    /// Whether the legal notice is pending, which only an end of the call may cut.
    pub(in crate::call) fn must_be_heard(&self) -> bool {
        matches!(self.protection, Protection::Notice { .. })
    }

    /// Before the model is up: a recorded greeting plays at once, unless a notice comes first.
    pub(in crate::call) fn begin(&self, call: &mut Shared) {
        if !self.must_be_heard() {
            call.play_greeting();
        }
    }

    /// The model is up, and the agent opens the call.
    pub(in crate::call) fn opens(&mut self, call: &mut Shared) {
        self.attach(call);
        self.say_notice(call);
        self.greet_aloud(call);
        if matches!(call.profile.greeting, Greeting::Clip { .. }) && self.turn.is_sounding() {
            self.phase = Phase::Opening;
        }
        self.tell_of_clip(call);
    }

    /// The line broke before the model was up, and the caller is back: the call begins.
    pub(in crate::call) fn waits_for_model(&mut self, call: &mut Shared) {
        self.protection = opening_protection(&call.profile);
        self.begin(call);
    }

    /// Repeats the protected part of the opening from its beginning.
    pub(in crate::call) fn opens_again(&mut self, from: Start, call: &mut Shared) {
        match (from, &call.profile.notice) {
            (Start::Notice, Some(_)) => self.protection = Protection::Notice { response: None },
            (Start::Greeting, Some(_)) => self.protection = Protection::Over,
            (Start::Notice | Start::Greeting, None) => self.protection = opening_protection(&call.profile),
        }
        self.attach(call);
        if from == Start::Notice {
            self.say_notice(call);
        }
        if let Greeting::Clip { .. } = call.profile.greeting {
            self.phase = Phase::Opening;
        }
        self.begin(call);
        self.greet_aloud(call);
    }

    /// Returns where an opening that is cut now restarts; `None` after the opening.
    pub(in crate::call) fn opening_from(&self) -> Option<Start> {
        let from = if self.must_be_heard() { Start::Notice } else { Start::Greeting };
        (self.phase == Phase::Opening).then_some(from)
    }

    /// The model is up: caller audio flows, unless the opening is protected.
    fn attach(&mut self, call: &mut Shared) {
        call.attach_model();
        if let Protection::Greeting { until: Some(until) } = self.protection
            && until <= call.now
        {
            self.protection = Protection::Over;
        }
        if !self.is_open() {
            call.act(CallAction::DetachModel);
        }
    }

    /// Requests the legal notice, if there is one.
    fn say_notice(&mut self, call: &mut Shared) {
        if let Some(words) = call.profile.notice.as_deref().map(exactly) {
            self.phase = Phase::Opening;
            self.request(ResponsePurpose::Notice, Some(words), call);
        }
    }

    /// Requests the greeting, if the model says it.
    fn greet_aloud(&mut self, call: &mut Shared) {
        if let Greeting::Spoken(instructions) = call.profile.greeting.clone() {
            self.phase = Phase::Opening;
            self.request(ResponsePurpose::Greeting, Some(instructions), call);
        }
    }

    /// Adds the text of a recorded greeting to the model's context. A greeting that waits for the
    /// notice is played, and added, after it.
    pub(in crate::call) fn tell_of_clip(&self, call: &mut Shared) {
        if let Greeting::Clip { text, .. } = &call.profile.greeting
            && !self.must_be_heard()
        {
            let text = text.clone();
            call.add_text(TextRole::Assistant, text);
        }
    }

    /// Plays a recorded greeting after the notice. A spoken greeting was requested together with
    /// the notice.
    pub(in crate::call) fn greet_behind_the_notice(&self, call: &mut Shared) {
        if let Greeting::Clip { .. } = call.profile.greeting {
            call.play_greeting();
            self.tell_of_clip(call);
        }
    }

    /// A response began: the first one is the notice.
    pub(super) fn notice_begins(&mut self, begun: &ResponseId) {
        if let Protection::Notice { response } = &mut self.protection {
            response.get_or_insert_with(|| begun.clone());
        }
    }

    /// The notice's response failed: the next response repeats or continues the notice.
    pub(super) fn notice_broken(&mut self, broken: Option<&ResponseId>) {
        if let Protection::Notice { response } = &mut self.protection {
            response.take_if(|response| match broken {
                Some(broken) => response == broken,
                None => self.turn.generates(response),
            });
        }
    }

    /// The protected part of the greeting starts with its first audio.
    pub(super) fn greeting_sounds(&mut self, call: &Shared) {
        if self.protection == (Protection::Greeting { until: None }) {
            self.protection =
                Protection::Greeting { until: call.now.checked_add(call.profile.interruption.greeting_protection) };
        }
    }

    /// Whether an item that was heard to its end was the last of the notice.
    pub(in crate::call) fn was_notice(&self, playout: &ItemPlayout) -> bool {
        self.notice_is_made() == Some(&playout.response)
    }

    /// Whether the queue was heard and no protected audio is left.
    pub(in crate::call) fn all_was_heard(&self, stage: Stage) -> bool {
        let nobody = matches!(stage, Stage::Connecting | Stage::Broken);
        (self.turn.is_over() || self.notice_is_made().is_some()) && !nobody
    }

    /// Returns the notice's response, once it is complete.
    fn notice_is_made(&self) -> Option<&ResponseId> {
        match &self.protection {
            Protection::Notice { response } => response.as_ref().filter(|response| !self.turn.generates(response)),
            Protection::Greeting { .. } | Protection::Over => None,
        }
    }

    /// Ends the protection: its audio was heard, or will not come. Returns whether it was the legal
    /// notice, or `None` if nothing was protected.
    pub(in crate::call) fn end_protection(&mut self, stage: Stage, call: &mut Shared) -> Option<bool> {
        let ended = std::mem::replace(&mut self.protection, Protection::Over);
        if ended == Protection::Over {
            return None;
        }
        if stage != Stage::Connecting {
            call.attach_model();
        }
        Some(matches!(ended, Protection::Notice { .. }))
    }

    pub(super) fn protected_until(&self) -> Option<Instant> {
        if let Protection::Greeting { until } = self.protection { until } else { None }
    }
}

/// Returns the protection of a call's opening.
pub(super) fn opening_protection(profile: &CallProfile) -> Protection {
    match (&profile.notice, &profile.greeting) {
        (Some(_), _) => Protection::Notice { response: None },
        (None, Greeting::Spoken(_) | Greeting::Clip { .. })
            if profile.interruption.greeting_protection > Duration::ZERO =>
        {
            Protection::Greeting { until: None }
        }
        (None, _) => Protection::Over,
    }
}
