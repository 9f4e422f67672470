//! The end of a call: its line, its model, its audio and its record are closed, and its slot is
//! freed. Part of [`super`].

use std::time::Duration;

use actix::{ActorFutureExt as _, AsyncContext as _, Context, Recipient, WrapFuture as _};

use super::CallActor;
use crate::audio::messages::FinishAudio;
use crate::call::events::Event;
use crate::call::report::CallEnded;
use crate::call::steps::CallAction;
use crate::carrier::LineCommand;
use crate::carrier::control::{self, CarrierAnswer, Request};
use crate::clock;
use crate::delivery::messages::CallNotifier;
use crate::ending::Ending;
use crate::events::emit;
use crate::ids::CallId;
use crate::line::hang_up::{self, BeforeClose};
use crate::line::messages::ToLine;
use crate::realtime::events as model;
use crate::realtime::messages::ModelOrder;
use crate::transcript::messages::{Fact, Tally};

/// A call's entry in the Supervisor's list. The Supervisor is notified of the call's end exactly
/// once, at the latest when the entry is dropped: with its actor, or with a setup whose thread
/// ended before the actor could start.
#[derive(Debug)]
pub struct CallSlot {
    call: CallId,
    supervisor: Option<Recipient<CallEnded>>,
    notifier: Option<CallNotifier>,
}

impl CallSlot {
    /// Creates the entry of `call`.
    pub fn new(call: CallId, supervisor: Recipient<CallEnded>) -> Self {
        Self { call, supervisor: Some(supervisor), notifier: None }
    }

    /// Adds further recipients of the call's end.
    #[must_use]
    pub fn announced_by(mut self, notifier: Option<CallNotifier>) -> Self {
        self.notifier = notifier;
        self
    }

    /// Frees the entry. Returns whether it was still taken.
    pub(super) fn leave(&mut self, ending: Ending, by_stream: bool) -> bool {
        let supervisor = self.supervisor.take();
        if let Some(notifier) = self.notifier.take() {
            notifier.ended(ending);
        }
        if let Some(supervisor) = &supervisor {
            supervisor.do_send(CallEnded { call: self.call, ending, by_stream });
        }
        supervisor.is_some()
    }
}

impl Drop for CallSlot {
    fn drop(&mut self) {
        self.leave(Ending::Crashed, false);
    }
}

/// The steps of an ending. Each step is done once, however often it is ordered.
impl CallActor {
    /// Closes the line of a call that is over, after the steps of [`hang_up::plan`].
    pub(super) fn end_line(&mut self) {
        // Without an ending it is a crash.
        let ending = self.machine.ending().unwrap_or(Ending::Crashed);
        let plan = hang_up::plan(ending, self.setup.identity.carrier.capabilities(), self.setup.api.is_some());
        match plan.before_close {
            BeforeClose::Nothing => self.close_line(),
            BeforeClose::InBand => {
                if let Some(line) = &self.line {
                    line.do_send(ToLine(LineCommand::HangUp));
                }
                self.close_line();
            }
            BeforeClose::Request => self.ask_to_hang_up(),
        }
    }

    /// Asks the carrier to hang up, then closes the line. The task runs beside this actor, which
    /// has stopped by then.
    #[expect(clippy::disallowed_methods, reason = "outlives the call by the time of one request")]
    fn ask_to_hang_up(&mut self) {
        let (Some(api), Some(line)) = (self.setup.api.clone(), self.line.take()) else { return };
        let (tag, carrier_call) = (self.tag.clone(), self.setup.identity.carrier_call.clone());
        actix_rt::spawn(async move {
            if let CarrierAnswer::Failed { reason } = control::http::ask(&*api, Request::HangUp, &carrier_call).await {
                emit(Event::CarrierRefused { call: &tag, reason: &reason });
            }
            actix_rt::time::sleep(HUNG_UP).await;
            line.do_send(ToLine(LineCommand::Close));
        });
    }

    pub(super) fn close_line(&mut self) {
        if let Some(line) = self.line.take() {
            line.do_send(ToLine(LineCommand::Close));
        }
    }

    pub(super) fn close_model(&mut self) {
        self.tell_model(ModelOrder::Close);
        self.llm = None;
    }

    /// Stops the audio without waiting for what the caller has heard.
    pub(super) fn finish_audio(&mut self) {
        if let Some(audio) = self.audio.take() {
            audio.finish.do_send(FinishAudio);
        }
    }

    /// Stops the audio, records what the caller has heard by now, and takes the steps `after`. The
    /// call takes no message meanwhile. An audio that is gone, or does not answer, has nothing to
    /// tell.
    pub(super) fn finish_audio_first(&mut self, after: Vec<CallAction>, ctx: &mut Context<Self>) {
        let answer = self.audio.take().map(|audio| audio.finish.send(FinishAudio).timeout(LAST_HEARD));
        let heard = async move {
            match answer {
                Some(answer) => answer.await.unwrap_or_default(),
                None => Vec::new(),
            }
        };
        ctx.wait(heard.into_actor(self).map(move |heard, this, ctx| {
            for fact in this.machine.heard_at_the_end(heard) {
                this.record(fact);
            }
            for action in after {
                this.perform(action, ctx);
            }
        }));
    }

    pub(super) fn finish_record(&mut self, ending: Ending, tally: Tally) {
        for (code, times) in self.complaints.unreported() {
            emit(model::Event::ModelComplaints { call: &self.tag, code: &code, times });
        }
        self.record(Fact::Ended { ending, tally });
        self.transcript = None;
    }

    pub(super) fn leave(&mut self, ending: Ending) {
        if self.setup.place.leave(ending, self.machine.ended_by_stream()) {
            let identity = &self.setup.identity;
            let duration = clock::now().saturating_duration_since(self.started);
            emit(Event::CallEnded { call: &self.tag, carrier: identity.carrier.name(), ending, duration });
            if let Some(variant) = &self.setup.profile.variant {
                emit(Event::VariantEnded { variant, agent: &self.setup.profile.agent, ending });
            }
        }
    }
}

/// How long the audio may take to tell what was heard. It answers in its next turn, unless it hangs.
const LAST_HEARD: Duration = Duration::from_secs(1);
/// How long the carrier may take to close the stream after the request to hang up.
const HUNG_UP: Duration = Duration::from_secs(1);
