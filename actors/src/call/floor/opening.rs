//! How the agent opens the call, and what of it has to be heard: the legal notice to its last word, the first part of the greeting.
//! Pure; part of [`super`].
//!
//! Meanwhile the caller's words are held and not given to the model, their keys wait, and so does a transfer that would cut the notice
//! short, whoever asked for it. Only an end of the call ends a notice: the caller's, an operator's, the service's.

use std::time::{Duration, Instant};

use super::Floor;
use crate::audio::report::ItemPlayout;
use crate::call::line_link::Start;
use crate::call::shared::{Shared, Stage, exactly};
use crate::call::steps::CallAction;
use crate::ids::ResponseId;
use crate::profile::{CallProfile, Greeting};
use crate::realtime::messages::{ResponsePurpose, TextRole};

/// Whether the agent still opens the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It does, or was asked to: notice and greeting.
    Opening,
    /// Either may speak.
    Talk,
}

/// Whether what the agent says may be interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::call) enum Protection {
    /// The legal notice is to be heard to its end.
    Notice {
        /// Its response, once it has begun.
        response: Option<ResponseId>,
    },
    /// The greeting's first part; until when, once it sounds.
    Greeting {
        /// When it ends.
        until: Option<Instant>,
    },
    /// It may.
    Over,
}

impl Floor {
    /// Whether what is said may be interrupted.
    pub(in crate::call) fn is_open(&self) -> bool {
        self.protection == Protection::Over
    }

    /// Whether something is said that nothing but an end of the call may cut.
    pub(in crate::call) fn must_be_heard(&self) -> bool {
        matches!(self.protection, Protection::Notice { .. })
    }

    /// Before the model is there: a recorded greeting does not wait for it, unless there is a notice to be said before.
    pub(in crate::call) fn begin(&self, call: &mut Shared) {
        if !self.must_be_heard() {
            call.play_greeting();
        }
    }

    /// The model is there, and the agent opens the call.
    pub(in crate::call) fn opens(&mut self, call: &mut Shared) {
        self.attach(call);
        self.say_notice(call);
        self.greet_aloud(call);
        if matches!(call.profile.greeting, Greeting::Clip { .. }) && self.turn.is_sounding() {
            self.phase = Phase::Opening;
        }
        self.tell_of_clip(call);
    }

    /// The line broke before the model was there, and the caller is back: the call begins.
    pub(in crate::call) fn waits_for_model(&mut self, call: &mut Shared) {
        self.protection = opening_protection(&call.profile);
        self.begin(call);
    }

    /// What the caller has to hear first, they hear from its beginning.
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

    /// Where an opening that is cut now begins again; `None` where there is none.
    pub(in crate::call) fn opening_from(&self) -> Option<Start> {
        let from = if self.must_be_heard() { Start::Notice } else { Start::Greeting };
        (self.phase == Phase::Opening).then_some(from)
    }

    /// The model is there: the caller's words flow, unless what is said first must not be interrupted.
    fn attach(&mut self, call: &mut Shared) {
        call.act(CallAction::AttachModel);
        if let Protection::Greeting { until: Some(until) } = self.protection
            && until <= call.now
        {
            self.protection = Protection::Over;
        }
        if !self.is_open() {
            call.act(CallAction::DetachModel);
        }
    }

    /// The legal notice, where there is one.
    fn say_notice(&mut self, call: &mut Shared) {
        if let Some(words) = call.profile.notice.as_deref().map(exactly) {
            self.phase = Phase::Opening;
            self.request(ResponsePurpose::Notice, Some(words), call);
        }
    }

    /// The greeting, where the model is to say it.
    fn greet_aloud(&mut self, call: &mut Shared) {
        if let Greeting::Spoken(instructions) = call.profile.greeting.clone() {
            self.phase = Phase::Opening;
            self.request(ResponsePurpose::Greeting, Some(instructions), call);
        }
    }

    /// The model knows what a recorded greeting says. One that waits for the notice is played, and told of, behind it.
    pub(in crate::call) fn tell_of_clip(&self, call: &mut Shared) {
        if let Greeting::Clip { text, .. } = &call.profile.greeting
            && !self.must_be_heard()
        {
            let text = text.clone();
            call.add_text(TextRole::Assistant, text);
        }
    }

    /// A recorded greeting is ours to play behind the notice; one that is spoken was asked for with it.
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

    /// The notice's response came to no good end: whichever begins next says it again, or goes on with it.
    pub(super) fn notice_broken(&mut self, broken: Option<&ResponseId>) {
        if let Protection::Notice { response } = &mut self.protection {
            response.take_if(|response| match broken {
                Some(broken) => response == broken,
                None => self.turn.generates(response),
            });
        }
    }

    /// The greeting's protected part begins with its first sound.
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

    /// Whether, now that all was heard, nothing is left that has to be.
    pub(in crate::call) fn all_was_heard(&self, stage: Stage) -> bool {
        let nobody = matches!(stage, Stage::Connecting | Stage::Broken);
        (self.turn.is_over() || self.notice_is_made().is_some()) && !nobody
    }

    /// The notice's response, once it is whole.
    fn notice_is_made(&self) -> Option<&ResponseId> {
        match &self.protection {
            Protection::Notice { response } => response.as_ref().filter(|response| !self.turn.generates(response)),
            Protection::Greeting { .. } | Protection::Over => None,
        }
    }

    /// What must not be interrupted has been heard, or will not come; whether that was the legal notice, unless
    /// nothing had to be heard any more.
    pub(in crate::call) fn end_protection(&mut self, stage: Stage, call: &mut Shared) -> Option<bool> {
        let ended = std::mem::replace(&mut self.protection, Protection::Over);
        if ended == Protection::Over {
            return None;
        }
        if stage != Stage::Connecting {
            call.act(CallAction::AttachModel);
        }
        Some(matches!(ended, Protection::Notice { .. }))
    }

    pub(super) fn protected_until(&self) -> Option<Instant> {
        if let Protection::Greeting { until } = self.protection { until } else { None }
    }
}

/// What must not be interrupted as a call begins.
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
