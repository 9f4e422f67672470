//! The model's side: its session, its responses, its wishes. Part of [`super`].

use std::time::{Duration, Instant};

use super::ends::{Awaiting, Closing};
use super::hearing::exactly;
use super::{CallMachine, State};
use crate::call::steps::{CallAction, Note};
use crate::call::turn::Interrupter;
use crate::ending::Ending;
use crate::profile::Greeting;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, TextRole};
use crate::realtime::report::{ModelReport, ResponseOutcome};

impl CallMachine {
    pub(super) fn model(&mut self, report: ModelReport, now: Instant) {
        match (report, self.state) {
            (ModelReport::Ready { setup, .. }, state) => self.model_ready(state, setup, now),
            (ModelReport::SpeechStarted { item }, _) => self.caller_spoke(item, now),
            (ModelReport::SpeechStopped { item }, _) => self.caller_stopped(&item, now),
            (ModelReport::CallerWords { item, text, last }, _) => self.caller_words(&item, text.expose(), last, now),
            (ModelReport::WordsFailed { item }, _) => self.words_failed(&item, now),
            (ModelReport::FirstAudio { response }, _) => {
                self.turn.speaks();
                self.tools.spoken();
                self.stopwatch.first_audio(&response, now);
            }
            (ModelReport::ResponseStarted { response }, state) => {
                self.notice_begins(&response);
                self.turn.response_started(response);
                self.response_started(state, now);
            }
            (ModelReport::ResponseFinished { response, outcome, usage }, state) => {
                if let ResponseOutcome::Incomplete(reason) = &outcome {
                    self.answer_cut(&response, reason);
                }
                self.turn.response_finished(&response);
                if !matches!(outcome, ResponseOutcome::Completed) {
                    self.notice_broken(Some(&response));
                }
                self.out.extend(Note::of_outcome(outcome).map(CallAction::Tell));
                if let Some(usage) = usage {
                    self.used(usage);
                }
                self.response_finished(state);
                self.check_spending(now);
            }
            (ModelReport::AnswerMissed { response, kind, again }, _) => self.answer_missed(&response, kind, again, now),
            (ModelReport::NothingOwed, _) => self.nothing_owed(),
            (ModelReport::Muted { purpose, reason }, _) => self.session_is_mute(purpose, &reason, now),
            (ModelReport::TranscriptionUsed(usage), _) => {
                self.transcription_used(usage);
                self.check_spending(now);
            }
            (ModelReport::ToolCalled(call), state) => self.tool_called(&call, state, now),
            (ModelReport::RequestGivenUp { purpose, reason }, state) => {
                let waits = self.turn.is_owed() && !self.caller_speaking;
                self.turn.forgive();
                if self.turn.is_over() || purpose == Some(ResponsePurpose::Notice) {
                    self.end_protection(now);
                }
                self.tell(Note::RequestGivenUp { purpose, reason });
                self.request_given_up(state, purpose, waits);
            }
            (ModelReport::Incident(incident), _) => self.tell(Note::IncidentTold(incident)),
            (ModelReport::Complained { code, message }, _) => self.tell(Note::ModelComplained { code, message }),
            (ModelReport::Faltered(loss), _) => self.model_faltered(loss, now),
            (ModelReport::Serves { model }, _) => self.meter.charge(&self.profile.spend, &model),
            (ModelReport::Resumed { gap, answering, .. }, _) => self.model_resumed(gap, answering),
            (ModelReport::Renewable, _) => self.renewable = true,
            (ModelReport::Lost(loss), _) => self.model_lost(loss, now),
        }
    }

    fn model_ready(&mut self, state: State, setup: Duration, now: Instant) {
        self.detail.model_setup_ms = Some(u64::try_from(setup.as_millis()).unwrap_or(u64::MAX));
        self.tell(Note::ModelConnected(setup));
        if state != State::Connecting {
            // The session is set up once. Said again, it is the same one, or it is too late to be of use.
            return self.ready_without_line();
        }
        self.attach(now);
        self.say_notice();
        self.greet_aloud();
        if self.state == State::Connecting {
            let sounding = matches!(self.profile.greeting, Greeting::Clip { .. }) && self.turn.is_sounding();
            self.state = if sounding { State::Greeting } else { State::Listening };
        }
        self.tell_of_clip();
    }

    /// The legal notice, where there is one.
    pub(super) fn say_notice(&mut self) {
        if let Some(notice) = &self.profile.notice {
            let words = exactly(notice);
            self.state = State::Greeting;
            self.request(ResponsePurpose::Notice, Some(words));
        }
    }

    /// The greeting, where the model is to say it.
    pub(super) fn greet_aloud(&mut self) {
        if let Greeting::Spoken(instructions) = self.profile.greeting.clone() {
            self.state = State::Greeting;
            self.request(ResponsePurpose::Greeting, Some(instructions));
        }
    }

    /// The model knows what a recorded greeting says. One that waits for the notice is played, and told of, behind it.
    pub(super) fn tell_of_clip(&mut self) {
        if self.must_be_heard() {
            return;
        }
        if let Greeting::Clip { text, .. } = self.profile.greeting.clone() {
            self.out.push(CallAction::Order(ModelOrder::AddText { role: TextRole::Assistant, text }));
        }
    }

    fn response_started(&mut self, state: State, now: Instant) {
        match state {
            // Nobody hears it.
            State::Reconnecting(_) => {
                self.turn.interrupt(Interrupter::Us, now, &mut self.out);
                self.owed_on_return();
            }
            State::Listening => self.state = State::Thinking { caller_done: None },
            State::Closing(closing @ Closing { awaiting: Awaiting::Goodbye, .. }) => {
                self.state = State::Closing(Closing { awaiting: Awaiting::Words, ..closing });
            }
            // It is what is awaited, or it belongs to what is being said.
            State::Connecting
            | State::Greeting
            | State::Thinking { .. }
            | State::Speaking
            | State::Closing(_)
            | State::Transferring(_)
            | State::Ended(_) => {}
        }
    }

    fn response_finished(&mut self, state: State) {
        if self.turn.is_generating() {
            // Another one has begun since; its end is what counts.
            return;
        }
        match state {
            // What was to be said last is asked for again.
            State::Closing(closing @ Closing { awaiting: Awaiting::Words, .. }) if self.turn.is_owed() => {
                self.state = State::Closing(Closing { awaiting: Awaiting::Goodbye, ..closing });
            }
            // The model ends the call and has said nothing: nobody is left without a goodbye.
            State::Closing(closing @ Closing { awaiting: Awaiting::Words, ending: Ending::AgentHungUp, .. })
                if !self.turn.has_spoken() =>
            {
                self.enter(Closing { awaiting: Awaiting::Goodbye, ..closing });
                self.request_goodbye();
            }
            State::Closing(closing @ Closing { awaiting: Awaiting::Words, .. }) => self.await_silence(closing),
            // The answer interrupted for the goodbye; or a question that is on its way already.
            State::Closing(_) => {}
            // Its last audio may still be on its way to the playout; the report of silence ends the agent's turn.
            State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking => {
                self.out.push(CallAction::TellWhenDrained);
            }
            State::Connecting | State::Reconnecting(_) | State::Transferring(_) | State::Ended(_) => {}
        }
    }

    /// A response that was asked for will not come; `waits` says whether the caller waited for it in silence.
    fn request_given_up(&mut self, state: State, purpose: Option<ResponsePurpose>, waits: bool) {
        match state {
            // Every retry has failed: the caller is not left with nothing to hear.
            State::Greeting | State::Thinking { .. } if self.turn.is_over() => {
                self.apologise();
                self.state = State::Listening;
            }
            // An answer to keys, to a prompt or to a tool that took its time was owed while they had the word.
            State::Listening if waits && self.turn.is_over() => {
                self.apologise();
            }
            State::Closing(closing @ Closing { awaiting: Awaiting::Goodbye, .. })
                if purpose == Some(ResponsePurpose::Goodbye) =>
            {
                self.await_silence(closing);
            }
            // Something else is being said or awaited, and its own reports lead on.
            State::Connecting
            | State::Greeting
            | State::Listening
            | State::Thinking { .. }
            | State::Speaking
            | State::Closing(_)
            | State::Reconnecting(_)
            | State::Transferring(_)
            | State::Ended(_) => {}
        }
    }
}
