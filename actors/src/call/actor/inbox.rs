//! The messages that a call receives: reports of its children and of the line, the carrier's
//! questions, orders, and questions about the call. Part of [`super`].

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context, Handler, MessageResult, ResponseFuture};
use serde_json::Value;

use super::CallActor;
use super::children::start_audio;
use crate::alarm::TimeUp;
use crate::audio::messages::AudioOrder;
use crate::audio::report::AudioReport;
use crate::call::messages::{
    Briefing, CallDetail, CallSnapshot, CalleeAccepted, CalleeCalled, CalleeEnded, Detected, DialAnswered, DialEnded,
    Examine, HangUp, Inspect, LineReturned, ListenIn, Microphone, Next, NextAsked, PauseRecording, ReadBriefing,
    ReadNext, SteerCall, SteerRefusal, StreamOffered, TakeOver, TransferTo, WrapUp,
};
use crate::call::steps::{CallEvent, Steer};
use crate::call::transfer::TransferRefusal;
use crate::child::ChildLost;
use crate::clock;
use crate::line::messages::{LineAttached, LineReport};
use crate::realtime::messages::AudioReplaced;
use crate::realtime::report::ModelReport;
use crate::recording::report::IncidentMet;
use crate::transcript::messages::{ReadWords, Watch};
use crate::transcript::watch::WatchEvent;

impl Handler<LineReport> for CallActor {
    type Result = ();

    fn handle(&mut self, report: LineReport, ctx: &mut Self::Context) {
        self.step(CallEvent::Line(report), ctx);
    }
}

impl Handler<AudioReport> for CallActor {
    type Result = ();

    fn handle(&mut self, report: AudioReport, ctx: &mut Self::Context) {
        self.step(CallEvent::Audio(report), ctx);
    }
}

impl Handler<ModelReport> for CallActor {
    type Result = ();

    fn handle(&mut self, report: ModelReport, ctx: &mut Self::Context) {
        self.step(CallEvent::Model(report), ctx);
    }
}

impl Handler<IncidentMet> for CallActor {
    type Result = ();

    fn handle(&mut self, IncidentMet(incident): IncidentMet, ctx: &mut Self::Context) {
        self.step(CallEvent::Incident(incident), ctx);
    }
}

impl Handler<ChildLost> for CallActor {
    type Result = ();

    fn handle(&mut self, ChildLost(child): ChildLost, ctx: &mut Self::Context) {
        self.step(CallEvent::ChildLost(child), ctx);
    }
}

impl Handler<TimeUp> for CallActor {
    type Result = ();

    fn handle(&mut self, _: TimeUp, ctx: &mut Self::Context) {
        self.step(CallEvent::TimeUp, ctx);
    }
}

impl Handler<HangUp> for CallActor {
    type Result = ();

    fn handle(&mut self, order: HangUp, ctx: &mut Self::Context) {
        self.step(CallEvent::HangUp(order), ctx);
    }
}

impl Handler<WrapUp> for CallActor {
    type Result = ();

    fn handle(&mut self, _: WrapUp, ctx: &mut Self::Context) {
        self.step(CallEvent::WrapUp, ctx);
    }
}

impl Handler<TransferTo> for CallActor {
    type Result = Result<(), TransferRefusal>;

    fn handle(&mut self, TransferTo(destination): TransferTo, ctx: &mut Self::Context) -> Self::Result {
        self.machine.may_transfer(&destination, clock::now())?;
        self.step(CallEvent::TransferOrdered { destination }, ctx);
        Ok(())
    }
}

impl Handler<SteerCall> for CallActor {
    type Result = Result<(), SteerRefusal>;

    fn handle(&mut self, SteerCall(order): SteerCall, ctx: &mut Self::Context) -> Self::Result {
        match &order {
            Steer::Say { .. } => self.machine.may_say()?,
            Steer::Whisper { .. } => self.machine.may_whisper()?,
            Steer::TakeOver { .. } => self.machine.may_take_over()?,
            Steer::GiveBack { .. } => {}
        }
        self.step(CallEvent::Steered(order), ctx);
        Ok(())
    }
}

impl Handler<ListenIn> for CallActor {
    type Result = Result<(), SteerRefusal>;

    fn handle(&mut self, ListenIn(tap): ListenIn, _: &mut Self::Context) -> Self::Result {
        self.overheard_by(tap)
    }
}

impl Handler<TakeOver> for CallActor {
    type Result = Result<Microphone, SteerRefusal>;

    fn handle(&mut self, TakeOver { tap, by }: TakeOver, ctx: &mut Self::Context) -> Self::Result {
        self.machine.may_take_over()?;
        self.overheard_by(tap)?;
        let to = self.audio.as_ref().map(|audio| audio.person.clone());
        self.microphone.leads(to);
        self.step(CallEvent::Steered(Steer::TakeOver { by }), ctx);
        Ok(self.microphone.clone())
    }
}

impl Handler<PauseRecording> for CallActor {
    type Result = bool;

    fn handle(&mut self, PauseRecording(paused): PauseRecording, ctx: &mut Self::Context) -> bool {
        self.step(CallEvent::RecordingPaused(paused), ctx);
        self.setup.profile.recording.is_some()
    }
}

impl Handler<Examine> for CallActor {
    type Result = ();

    fn handle(&mut self, _: Examine, _: &mut Self::Context) {
        self.tell_audio(AudioOrder::Examine);
    }
}

impl Handler<NextAsked> for CallActor {
    type Result = Next;

    fn handle(&mut self, _: NextAsked, ctx: &mut Self::Context) -> Next {
        let next = self.ask(CallEvent::NextAsked, ctx);
        self.shown(next)
    }
}

impl Handler<ReadNext> for CallActor {
    type Result = Next;

    fn handle(&mut self, _: ReadNext, _: &mut Self::Context) -> Next {
        self.shown(self.machine.next())
    }
}

impl Handler<DialAnswered> for CallActor {
    type Result = ();

    fn handle(&mut self, _: DialAnswered, ctx: &mut Self::Context) {
        self.step(CallEvent::DialAnswered, ctx);
    }
}

impl Handler<DialEnded> for CallActor {
    type Result = ();

    fn handle(&mut self, DialEnded(outcome): DialEnded, ctx: &mut Self::Context) {
        self.step(CallEvent::DialEnded(outcome), ctx);
    }
}

impl Handler<CalleeAccepted> for CallActor {
    type Result = Next;

    fn handle(&mut self, _: CalleeAccepted, ctx: &mut Self::Context) -> Next {
        self.ask(CallEvent::CalleeAccepted, ctx)
    }
}

impl Handler<CalleeCalled> for CallActor {
    type Result = ();

    fn handle(&mut self, CalleeCalled(answer): CalleeCalled, ctx: &mut Self::Context) {
        self.step(CallEvent::CalleeCalled(answer), ctx);
    }
}

impl Handler<CalleeEnded> for CallActor {
    type Result = ();

    fn handle(&mut self, CalleeEnded(outcome): CalleeEnded, ctx: &mut Self::Context) {
        self.step(CallEvent::CalleeEnded(outcome), ctx);
    }
}

impl Handler<ReadBriefing> for CallActor {
    type Result = Option<Briefing>;

    fn handle(&mut self, _: ReadBriefing, _: &mut Self::Context) -> Option<Briefing> {
        self.machine.briefing()
    }
}

impl Handler<Detected> for CallActor {
    type Result = ();

    fn handle(&mut self, detected: Detected, ctx: &mut Self::Context) {
        self.step(CallEvent::Detected(detected), ctx);
    }
}

impl Handler<StreamOffered> for CallActor {
    type Result = ();

    fn handle(&mut self, _: StreamOffered, ctx: &mut Self::Context) {
        self.step(CallEvent::StreamOffered, ctx);
    }
}

impl Handler<LineReturned> for CallActor {
    type Result = ();

    fn handle(&mut self, returned: LineReturned, ctx: &mut Self::Context) {
        // A call that ends in the meantime drops the line's address, and the line closes.
        if self.machine.next() != Next::Return {
            return;
        }
        if self.machine.has_line() {
            self.step(CallEvent::LineReplaced, ctx);
            // The pipeline of the first line reports first what was heard of it.
            ctx.notify_later(returned, LAST_REPORT);
            return;
        }
        self.take_line(returned, ctx);
        self.step(CallEvent::LineReturned, ctx);
    }
}

impl CallActor {
    /// The caller is back on another stream. It gets an audio pipeline of its own; the old one ends
    /// with its line.
    fn take_line(&mut self, LineReturned { line, stream, format }: LineReturned, ctx: &mut Context<Self>) {
        self.close_line();
        self.finish_audio();
        self.line = Some(line.to_line.clone());
        self.setup.line = line;
        (self.setup.identity.stream, self.setup.identity.line) = (stream, format);
        let me = ctx.address();
        let facts = self.transcript.as_ref().map(|transcript| &transcript.facts);
        let audio = start_audio(&*self.spawn, &self.setup, facts, &me);
        if let Some(llm) = &self.llm {
            llm.hearing.do_send(AudioReplaced { audio: audio.from_model.clone(), items: audio.items.clone() });
        }
        let (frames, playout) = (audio.frames.clone(), audio.playout.clone());
        self.microphone.leads(Some(audio.person.clone()));
        self.audio = Some(audio);
        self.overheard_again();
        self.setup.line.attach.do_send(LineAttached { frames, playout, reports: me.recipient() });
    }
}

impl Handler<Inspect> for CallActor {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.snapshot())
    }
}

impl Handler<Watch> for CallActor {
    type Result = ();

    fn handle(&mut self, Watch(watcher): Watch, _: &mut Self::Context) {
        self.watched_by(watcher);
        self.watchers.tell(|| Some(WatchEvent::state(self.machine.state())));
    }
}

impl Handler<ReadWords> for CallActor {
    type Result = ResponseFuture<Value>;

    fn handle(&mut self, _: ReadWords, _: &mut Self::Context) -> Self::Result {
        let asked = self.transcript.as_ref().map(|transcript| transcript.read.send(ReadWords));
        Box::pin(async move {
            match asked {
                Some(asked) => asked.await.unwrap_or_default(),
                None => Value::Null,
            }
        })
    }
}

impl CallActor {
    pub(super) fn snapshot(&self) -> CallSnapshot {
        let (identity, profile, tally) = (&self.setup.identity, &self.setup.profile, self.machine.tally());
        let duration = clock::now().saturating_duration_since(self.started);
        let detail = CallDetail { incidents: self.incidents.in_order(), ..self.machine.detail() };
        CallSnapshot {
            id: identity.id.to_string(),
            carrier: identity.carrier.name(),
            carrier_call_id: identity.carrier_call.to_string(),
            stream_id: identity.stream.to_string(),
            direction: identity.direction.word(),
            from: identity.from.expose().clone(),
            to: identity.to.expose().clone(),
            agent: self.machine.agent().to_owned(),
            language: self.machine.language().to_owned(),
            model: self.machine.served_by().to_owned(),
            state: self.machine.state(),
            started_at: identity.started_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            turns: tally.turns,
            barge_ins: tally.barge_ins,
            dropped_frames: tally.dropped_frames,
            cost_usd: tally.cost_usd,
            variant: profile.variant.clone(),
            configuration: Arc::clone(&profile.configuration),
            answer_ms: self.machine.answer_ms(),
            detail,
        }
    }
}

/// How long a line's last report may take, on its own thread. Longer would keep a caller waiting
/// who is on the new line.
const LAST_REPORT: Duration = Duration::from_millis(20);
