//! The agent's side of the floor: what is generated, what is played, and how much of it was heard.
//! Pure; part of [`super`].

use std::time::{Duration, Instant};

use super::turn::heard;
use super::{Awaited, Floor, Interrupter, Phase};
use crate::audio::messages::CLIP_RESPONSE;
use crate::audio::report::ItemPlayout;
use crate::call::shared::{Shared, Stage};
use crate::call::steps::Note;
use crate::ids::ResponseId;
use crate::profile::InterruptionPolicy;
use crate::realtime::messages::{ResponsePurpose, TextRole};
use crate::transcript::messages::Fact;

impl Floor {
    /// The model began a response.
    pub(in crate::call) fn response_started(&mut self, response: ResponseId, stage: Stage, call: &mut Shared) {
        self.notice_begins(&response);
        self.turn.response_started(response);
        if matches!(stage, Stage::Broken | Stage::TakenOver) {
            // The caller cannot hear it, or talks with a person.
            self.turn.interrupt(Interrupter::Us, call);
        }
    }

    /// The model ended a response.
    pub(in crate::call) fn response_finished(&mut self, response: &ResponseId, completed: bool) {
        self.turn.response_finished(response);
        if !completed {
            self.notice_broken(Some(response));
        }
    }

    /// The first audio of a response arrived.
    pub(in crate::call) fn first_audio(&mut self, response: &ResponseId, now: Instant) {
        self.turn.speaks();
        self.tools.spoken();
        // The wait is over: a recorded line would be heard behind the answer.
        if response.as_str() != CLIP_RESPONSE {
            self.wait.begin_anew();
        }
        self.stopwatch.first_audio(response, now);
    }

    /// How long the parts took that made the first audio of a response.
    pub(in crate::call) fn parts_took(&mut self, response: &ResponseId, mind: Duration, voice: Duration) {
        self.stopwatch.parts_took(response, mind, voice);
    }

    /// The first frame of an item was sent to the caller.
    pub(in crate::call) fn playout_started(&mut self, response: &ResponseId, stage: Stage, call: &mut Shared) {
        let ours = response.as_str() == CLIP_RESPONSE;
        let awaited = stage == Stage::Talking && self.phase == Phase::Talk;
        self.turn.playout_started(response);
        if self.interruption(call).policy == InterruptionPolicy::Model {
            // The model decides from here on about speech into its recording.
            self.barge_in.forget();
        }
        if !ours {
            self.wait.begin_anew();
        }
        self.greeting_sounds(call);
        let answered = if ours {
            self.stopwatch.filled(call.now);
            None
        } else {
            self.turn.speaks();
            self.tools.spoken();
            self.stopwatch.first_sent(response, call.now)
        };
        call.first_audio_sent();
        if let Some(took) = answered.filter(|_| awaited) {
            call.tell(Note::AnswerTimed(took));
        }
    }

    /// The caller heard the first audio of an answer.
    pub(in crate::call) fn first_heard(&mut self, response: &ResponseId, call: &mut Shared) {
        if let Some(latency) = self.stopwatch.first_heard(response, call.now) {
            call.turn_timed(latency);
        }
    }

    /// Notes how long before the report of a turn's end the caller's last speech came.
    pub(in crate::call) fn last_voice(&mut self, ago: Duration) {
        self.stopwatch.last_voice(ago);
    }

    /// An item was heard to its end. Returns whether it was the model's.
    pub(in crate::call) fn item_heard(&self, playout: &ItemPlayout, call: &mut Shared) -> bool {
        call.record(heard(playout.clone()));
        playout.response.as_str() != CLIP_RESPONSE && !self.turn.is_inaudible(&playout.response)
    }

    /// The caller has heard the whole queue. Returns whether they were hearing something.
    pub(in crate::call) fn playout_drained(&mut self, stage: Stage, call: &mut Shared) -> bool {
        let was_sounding = self.turn.is_sounding();
        self.turn.playout_drained();
        if stage == Stage::Talking {
            self.go_on_with_what_was_cut(call);
        }
        // No audio is left to interrupt: the caller's speech is a turn like any other.
        self.barge_in.forget();
        was_sounding
    }

    /// The playout ends the agent's turn, or the model has paused within it.
    pub(in crate::call) fn settle(&mut self, was_sounding: bool) {
        if self.turn.settle(was_sounding) {
            self.phase = Phase::Talk;
        }
    }

    /// The playout was cleared; `items` says how much of each was heard.
    pub(in crate::call) fn interrupted(&mut self, items: Vec<ItemPlayout>, call: &mut Shared) {
        self.turn.interrupted(items, call);
    }

    /// The facts of what the caller had heard of `items` when the call ended.
    pub(in crate::call) fn heard_at_the_end(&self, items: Vec<ItemPlayout>) -> Vec<Fact> {
        items.into_iter().map(|playout| self.turn.heard_at_the_end(playout)).collect()
    }

    /// Interrupts the agent: something else has to be said, or nothing.
    pub(in crate::call) fn interrupt(&mut self, by: Interrupter, call: &mut Shared) {
        self.turn.interrupt(by, call);
    }

    /// A requested response will not come. Returns whether the caller waited for it in silence.
    pub(in crate::call) fn request_given_up(&mut self) -> Awaited {
        let aside = self.turn.is_owed() && !self.turn.is_caller_speaking();
        let awaited = aside || self.phase == Phase::Opening || self.turn.is_thinking();
        self.turn.forgive();
        if awaited { Awaited::Yes } else { Awaited::No }
    }

    /// Every retry has failed: the caller hears an apology instead of silence.
    pub(in crate::call) fn leave_it_at_an_apology(&mut self, call: &mut Shared) {
        call.apologise();
        self.caller_has_the_word();
    }

    /// The caller's turn was noise, so the answer to it is not requested again.
    pub(in crate::call) fn nothing_owed(&mut self, stage: Stage) {
        self.turn.forgive();
        if stage == Stage::Talking && self.turn.is_over() {
            self.caller_has_the_word();
        }
    }

    /// Asks the agent to end the call: to say so now, and to be brief from here on.
    pub(in crate::call) fn wrap_up(&mut self, stage: Stage, call: &mut Shared) {
        // In the other stages nothing has been spent yet, the call ends already, or the caller is
        // being transferred.
        if stage == Stage::Talking {
            call.add_text(TextRole::Instruction, WRAP_UP_NOTE.to_owned());
            self.request(ResponsePurpose::Notice, Some(SAID.to_owned()), call);
        }
    }

    /// A machine has answered: the model is informed, and speaks unless it speaks already or is
    /// about to.
    pub(in crate::call) fn leaves_a_message(&mut self, note: &str, stage: Stage, call: &mut Shared) {
        call.add_text(TextRole::Instruction, note.to_owned());
        if stage == Stage::Talking && self.is_over() && !self.turn.is_caller_speaking() {
            self.request(ResponsePurpose::Notice, Some(note.to_owned()), call);
        }
    }

    /// Warns the caller that the call has to end soon.
    pub(in crate::call) fn warn(&mut self, call: &mut Shared) {
        self.warning = None;
        self.request(ResponsePurpose::Notice, Some(WARNING.to_owned()), call);
    }
}

/// The model's instructions for the rest of a call whose budget is almost spent.
const WRAP_UP_NOTE: &str = "This call has to come to its end soon. Keep every answer to one or two short sentences, begin nothing \
    new, and say goodbye as soon as what the caller needs is settled.";
/// The model's instructions for the announcement at that moment.
const SAID: &str =
    "Tell the caller in one short sentence that this call has to come to its end soon, and ask for what matters most.";
/// The model's instructions for the warning of the longest duration.
pub(in crate::call) const WARNING: &str =
    "Tell the caller in one short sentence that this call will end in about half a minute, then go on.";
