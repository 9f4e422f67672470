//! What has to be heard: the legal notice to its last word, the first part of the greeting. Part of [`super`].
//!
//! Meanwhile the caller's words are held and not given to the model, their keys wait, and so does a transfer that would cut the notice
//! short, whoever asked for it. Only an end of the call ends a notice: the caller's, an operator's, the service's.

use std::time::Instant;

use super::{CallMachine, State};
use crate::audio::report::ItemPlayout;
use crate::call::steps::CallAction;
use crate::ids::{ItemId, ResponseId};
use crate::profile::Greeting;
use crate::realtime::messages::{ModelOrder, TextRole};
use crate::transcript::messages::Fact;

/// Whether what the agent says may be interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Protection {
    /// The legal notice is to be heard to its end.
    Notice(Notice),
    /// The greeting's first part; until when, once it sounds.
    Greeting {
        /// When it ends.
        until: Option<Instant>,
    },
    /// It may.
    Over,
}

/// A notice that was not heard to its end yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Notice {
    /// Its response, once it has begun.
    response: Option<ResponseId>,
    /// A transfer was granted and waits for its end.
    transfer: bool,
}

impl CallMachine {
    /// Whether something is said that nothing but an end of the call may cut.
    pub(super) fn must_be_heard(&self) -> bool {
        matches!(self.protection, Protection::Notice(_))
    }

    /// A response began: the first one is the notice.
    pub(super) fn notice_begins(&mut self, response: &ResponseId) {
        if let Protection::Notice(notice) = &mut self.protection {
            notice.response.get_or_insert_with(|| response.clone());
        }
    }

    /// The notice's response came to no good end: whichever begins next says it again, or goes on with it.
    pub(super) fn notice_broken(&mut self, broken: Option<&ResponseId>) {
        if let Protection::Notice(notice) = &mut self.protection {
            notice.response.take_if(|response| match broken {
                Some(broken) => response == broken,
                None => self.turn.generates(response),
            });
        }
    }

    /// The notice is said from its beginning.
    pub(super) fn notice_again(&mut self) {
        match &mut self.protection {
            Protection::Notice(notice) => notice.response = None,
            Protection::Greeting { .. } | Protection::Over => self.protection = Protection::Notice(Notice::default()),
        }
    }

    /// An item was heard to its end.
    pub(super) fn heard_to_its_end(&mut self, playout: &ItemPlayout, now: Instant) {
        if let Protection::Notice(Notice { response: Some(response), .. }) = &self.protection
            && *response == playout.response
            && !self.turn.generates(response)
        {
            self.end_protection(now);
        }
    }

    /// All that there was to be heard was heard.
    pub(super) fn all_was_heard(&mut self, now: Instant) {
        let notice_is_over = match &self.protection {
            Protection::Notice(Notice { response: Some(response), .. }) => !self.turn.generates(response),
            Protection::Notice(_) | Protection::Greeting { .. } | Protection::Over => false,
        };
        let nobody = matches!(self.state, State::Connecting | State::Reconnecting(_));
        if (self.turn.is_over() || notice_is_over) && !nobody {
            self.end_protection(now);
        }
    }

    /// Whether a transfer has to wait for the notice's end. It is carried out then.
    pub(super) fn transfer_waits(&mut self) -> bool {
        match &mut self.protection {
            // Without a model nothing is cut: what is queued is heard.
            Protection::Notice(notice) if !self.mindless => {
                notice.transfer = true;
                true
            }
            Protection::Notice(_) | Protection::Greeting { .. } | Protection::Over => false,
        }
    }

    /// What must not be interrupted has been heard, or will not come: the caller's words flow, and their keys do what they do.
    pub(super) fn end_protection(&mut self, now: Instant) {
        let ended = std::mem::replace(&mut self.protection, Protection::Over);
        if ended == Protection::Over {
            return;
        }
        if self.state != State::Connecting {
            self.out.push(CallAction::AttachModel);
        }
        let pressed = self.keypad.is_pressed();
        if pressed {
            self.yield_to_keys(now);
        }
        match ended {
            Protection::Notice(Notice { transfer: true, .. }) => self.transfer_permit_given(true, now),
            Protection::Notice(_) if !pressed => self.greet_behind_the_notice(),
            Protection::Notice(_) | Protection::Greeting { .. } | Protection::Over => {}
        }
    }

    /// A recorded greeting is ours to play; one that is spoken was asked for with the notice.
    fn greet_behind_the_notice(&mut self) {
        let talks = matches!(self.state, State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking);
        if let (true, false, Greeting::Clip { text, .. }) = (talks, self.mindless, &self.profile.greeting) {
            let text = text.clone();
            self.play_greeting();
            self.out.push(CallAction::Order(ModelOrder::AddText { role: TextRole::Assistant, text }));
        }
    }

    pub(super) fn protected_until(&self) -> Option<Instant> {
        if let Protection::Greeting { until } = self.protection { until } else { None }
    }

    /// Before the model is there: a recorded greeting does not wait for it, unless there is a notice to be said before.
    pub(super) fn begin(&mut self) {
        if !self.must_be_heard() {
            self.play_greeting();
        }
    }

    fn play_greeting(&mut self) {
        if let Greeting::Clip { text, pcm } = &self.profile.greeting {
            let (text, pcm, item) = (text.clone(), pcm.clone(), ItemId::new("line_greeting"));
            self.record(Fact::LinePlayed { item: item.clone(), text });
            self.out.push(CallAction::PlayPcm { item, pcm });
        }
    }

    /// The model is there: the caller's words flow, unless what is said first must not be interrupted.
    pub(super) fn attach(&mut self, now: Instant) {
        self.out.push(CallAction::AttachModel);
        if let Protection::Greeting { until: Some(until) } = self.protection
            && until <= now
        {
            self.protection = Protection::Over;
        }
        if self.protection != Protection::Over {
            self.out.push(CallAction::DetachModel);
        }
    }
}
