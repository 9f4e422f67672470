//! The CallActor: the shell around [`super::machine`]. It owns the call's AudioPipeline,
//! RealtimeLlm and Transcript.
//!
//! A message (`inbox`) becomes an event, the machine decides, and its actions are carried out
//! (`actions`). This page has the actor's life, from its start to the steps that close what is
//! still open (`ending`). `children` starts the child actors, `people` calls the callees of warm
//! transfers.

mod actions;
mod callee;
mod children;
mod ending;
mod inbox;
#[cfg(test)]
pub(crate) mod probes;
#[cfg(any(test, feature = "sabotage"))]
pub mod sabotage;
mod watching;

use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, Addr, AsyncContext, Context, Recipient};
use log::trace;

use self::children::{AudioHandle, LlmHandle, Real, Spawn, TranscriptHandle, start_line, start_transcript};
pub use self::ending::CallSlot;
use super::events::Event;
use super::machine::{CallMachine, Means};
use super::messages::{Microphone, Next};
use super::report::{Spent, TransferPermit};
use super::steps::{CallAction, CallEvent};
use crate::alarm::Alarm;
use crate::audio::tap::Taps;
use crate::carrier::control::{Control, Request};
use crate::carrier::{Handover, SecondStart};
use crate::clock;
use crate::complaints::Complaints;
use crate::ending::Ending;
use crate::events::emit;
use crate::ids::CallTag;
use crate::incident::Incidents;
use crate::line::identity::CallIdentity;
use crate::line::messages::{Line, LineAttached, ToLine};
use crate::profile::CallProfile;
use crate::realtime::providers::actor::Providers;
use crate::transcript::watch::{WatchAll, Watchers};
use crate::transcript::writer::RecordWriter;

/// What a CallActor starts with.
#[derive(Debug)]
pub struct CallSetup {
    /// The call's ids, numbers and start.
    pub identity: CallIdentity,
    /// The profile of the call.
    pub profile: Arc<CallProfile>,
    /// The media stream.
    pub line: Line,
    /// The writer of records.
    pub writer: RecordWriter,
    /// The call's slot, freed once at the end.
    pub place: CallSlot,
    /// Receives the cost of each response; `None` if spending is not tracked.
    pub spend_store: Option<Recipient<Spent>>,
    /// Counts transfers and grants permits.
    pub leave: Recipient<TransferPermit>,
    /// The shared state of the model's servers.
    pub providers: Addr<Providers>,
    /// The carrier's API, if it has one and its secrets are configured.
    pub api: Option<Arc<dyn Control>>,
    /// Who watches the call from its start on.
    pub watch_all: Option<WatchAll>,
}

/// One call.
pub struct CallActor {
    setup: CallSetup,
    /// The ids of the call in the log.
    tag: CallTag,
    machine: CallMachine,
    started: Instant,
    spawn: Box<dyn Spawn>,
    /// The line, until it is closed.
    line: Option<Recipient<ToLine>>,
    /// The model's actor, until it is closed.
    llm: Option<LlmHandle>,
    /// The audio's actor, until it is finished.
    audio: Option<AudioHandle>,
    /// The record's actor, until it has the call's ending.
    transcript: Option<TranscriptHandle>,
    watchers: Watchers,
    /// Those who listen to its sound.
    taps: Taps,
    /// Where the sound of a person goes who has taken the call over.
    microphone: Microphone,
    /// What the watchers know of the call's line in the list.
    shown: Option<watching::Shown>,
    /// The incidents so far.
    incidents: Incidents,
    /// The complaints of the model's server.
    complaints: Complaints,
    /// The deadline of the one timer.
    alarm: Option<Alarm>,
}

impl CallActor {
    /// Creates an actor that is not yet started; start it in the arbiter of its stream. The call's
    /// time begins now.
    pub fn new(setup: CallSetup) -> Self {
        Self::with(setup, Box::new(Real))
    }

    fn with(setup: CallSetup, spawn: Box<dyn Spawn>) -> Self {
        let started = clock::now();
        let can = setup.identity.carrier.capabilities();
        let means = Means {
            handover: can.handover,
            requests: setup.api.as_ref().is_some_and(|api| {
                let names_numbers = can.handover == Some(Handover::Command { numbers: true });
                names_numbers || api.ask(Request::HandOver(None), &setup.identity.carrier_call).is_some()
            }),
            reopens: can.second_start == SecondStart::NewStream,
            started_at: setup.identity.started_at,
        };
        Self {
            machine: CallMachine::new(Arc::clone(&setup.profile), started).with_means(means).of(&setup.identity),
            started,
            spawn,
            line: Some(setup.line.to_line.clone()),
            llm: None,
            audio: None,
            transcript: None,
            watchers: Watchers::default(),
            taps: Taps::default(),
            microphone: Microphone::default(),
            shown: None,
            incidents: Incidents::default(),
            complaints: Complaints::default(),
            alarm: None,
            tag: setup.identity.tag(),
            setup,
        }
    }
}

impl Actor for CallActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.alarm = Some(Alarm::new(ctx.address().downgrade().recipient()));
        let identity = &self.setup.identity;
        let profile = &self.setup.profile;
        emit(Event::CallStarted {
            call: &self.tag,
            carrier: identity.carrier.name(),
            agent: &profile.agent,
            language: &profile.language,
            route: profile.route,
        });
        let me = ctx.address();
        let transcript = start_transcript(&*self.spawn, &self.setup, &me);
        let transcript = self.transcript.insert(transcript);
        let (audio, llm) = start_line(&*self.spawn, &self.setup, transcript, &me);
        let (frames, playout) = (audio.frames.clone(), audio.playout.clone());
        self.setup.line.attach.do_send(LineAttached { frames, playout, reports: me.recipient() });
        (self.audio, self.llm) = (Some(audio), Some(llm));
        self.is_watched();
        self.step(CallEvent::Begun, ctx);
    }

    /// Runs after a panic too, when some or all of the ending's steps are undone. Steps that are
    /// done are not repeated. Without an ending it is a crash.
    fn stopped(&mut self, _: &mut Self::Context) {
        self.end_line();
        self.close_model();
        self.finish_audio();
        let ending = self.machine.ending().unwrap_or(Ending::Crashed);
        self.finish_record(ending, self.machine.tally());
        self.leave(ending);
    }
}

impl CallActor {
    /// Handles an event: the machine decides, and its actions are carried out.
    fn step(&mut self, event: CallEvent, ctx: &mut Context<Self>) {
        self.ask(event, ctx);
    }

    /// Handles an event that has an answer. The answer is the end of the call if the call is over.
    fn ask(&mut self, event: CallEvent, ctx: &mut Context<Self>) -> Next {
        let mut reply = Next::HangUp;
        // The steps of an ending that wait for the audio's last report.
        let mut after_audio: Option<Vec<CallAction>> = None;
        for action in self.machine.handle(event, clock::now()) {
            match (action, &mut after_audio) {
                (CallAction::Reply(next), _) => reply = next,
                (action, Some(after)) => after.push(action),
                (CallAction::FinishAudio, none) => *none = Some(Vec::new()),
                (action, None) => self.perform(action, ctx),
            }
        }
        if let Some(after) = after_audio {
            self.finish_audio_first(after, ctx);
        }
        self.tell_changes();
        self.arm();
        reply
    }

    fn arm(&self) {
        let (Some((due, timer)), Some(alarm)) = (self.machine.deadline(), &self.alarm) else { return };
        if alarm.ring_by(due) {
            trace!(call:% = self.setup.identity.id, timer = timer.name(); "timer armed");
        }
    }
}

/// Reports that may wait. The senders use `do_send`, which the bound does not limit, because
/// reports are decisions: few, and never dropped. The bound limits a sender that respects it.
const MAILBOX: usize = 256;

#[cfg(test)]
mod tests;
