//! The Supervisor actor: runs `roster`, `ledger` and `hangup_watchdog`, and performs their effects.

mod asking;
mod hanging_up;
mod outbound;
mod spend_store;
mod spending;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Recipient, ResponseFuture};
use log::trace;
use tokio::sync::oneshot;

use self::spend_store::SpendWriter;
pub use self::spend_store::{SpendStoreUnreadable, read_spend_store};
use self::spending::today;
use super::events::Event;
use super::hangup_watchdog::HangupWatchdog;
use super::ledger::{Ledger, SpendLimits};
use super::messages::{Admit, CallList, CarrierEnded, Drain, Find, ListCalls, Overload, Permit, Refusal, Unannounced};
use super::past::{Left, Past};
use super::report::Sharers;
use super::roster::{Admission, Admitted, Roster};
use super::transfer_limits::TransferLimits;
use crate::alarm::Alarm;
use crate::call::actor::{CallActor, CallSetup, CallSlot};
use crate::call::messages::{HangUp, LineReturned, StreamOffered};
use crate::call::report::{CallEnded, TransferPermit};
use crate::carrier::control::Control;
use crate::carrier::{Carrier, StreamStart};
use crate::clock;
use crate::delivery::messages::{CallNotifier, CallSummary, CallUpdate};
use crate::ending::Ending;
use crate::events::emit;
use crate::ids::{CallId, CarrierCallId, Private, StreamToken};
use crate::line::hang_up;
use crate::line::identity::CallIdentity;
use crate::line::messages::Line;
use crate::realtime::providers::actor::Providers;
use crate::transcript::watch::WatchAll;
use crate::transcript::writer::RecordWriter;

/// What the Supervisor is started with.
#[derive(Debug)]
pub struct SupervisorSetup {
    /// How many calls may be on at once.
    pub max_calls: usize,
    /// How many calls one caller may have at once; `None` is any number.
    pub calls_per_caller: Option<usize>,
    /// How long an announced call's place and token are reserved for its stream.
    pub token_lifetime: Duration,
    /// The disk, handed to each call.
    pub writer: RecordWriter,
    /// The spending limits.
    pub spend: SpendLimits,
    /// The file that keeps the day's spending across restarts; `None` keeps it in memory only.
    pub spend_store: Option<PathBuf>,
    /// Receives updates of calls, if webhooks are configured.
    pub call_updates: Option<Recipient<CallUpdate>>,
    /// What is known about the model's servers, handed to each call.
    pub providers: Addr<Providers>,
    /// The carriers' APIs, for carriers that have one.
    pub apis: HashMap<Carrier, Arc<dyn Control>>,
    /// Who watches each call from its start on.
    pub watch_all: Option<WatchAll>,
    /// Who shares the limits with other nodes, if there are any.
    pub sharers: Option<Sharers>,
}

/// The actor that admits calls and tracks the live ones.
pub struct Supervisor {
    roster: Roster<Addr<CallActor>>,
    ledger: Ledger,
    spend_store: SpendWriter,
    /// Creates a call's actor on the call's own thread. Tests create one among probes.
    make_call: MakeCall,
    writer: RecordWriter,
    call_updates: Option<Recipient<CallUpdate>>,
    providers: Addr<Providers>,
    apis: HashMap<Carrier, Arc<dyn Control>>,
    watch_all: Option<WatchAll>,
    sharers: Option<Sharers>,
    transfer_limits: TransferLimits,
    /// Calls that we ended and whose carrier has not confirmed the end.
    hangup_watchdog: HangupWatchdog,
    /// Calls that are over.
    past: Past,
    /// Answered when the last call has ended.
    waiting: Vec<oneshot::Sender<()>>,
    alarm: Option<Alarm>,
}

impl Supervisor {
    /// A Supervisor that has not started yet.
    pub fn new(setup: SupervisorSetup) -> Self {
        Self::with(setup, Arc::new(CallActor::new))
    }

    fn with(setup: SupervisorSetup, make_call: MakeCall) -> Self {
        let roster = Roster::new(setup.max_calls, setup.token_lifetime).with_calls_per_caller(setup.calls_per_caller);
        let spend_store = SpendWriter::new(setup.spend_store);
        let ledger = match spend_store.read() {
            Ok(kept) => Ledger::new(setup.spend, kept, today()),
            // The service reads the file before it starts. A file that broke since must not reset
            // the day.
            Err(_) => {
                let killed = setup.spend.killed || setup.spend.need_spend_store();
                Ledger::new(SpendLimits { killed, ..setup.spend }, None, today())
            }
        };
        Self {
            roster,
            ledger,
            spend_store,
            make_call,
            writer: setup.writer,
            call_updates: setup.call_updates,
            providers: setup.providers,
            apis: setup.apis,
            watch_all: setup.watch_all,
            sharers: setup.sharers,
            transfer_limits: TransferLimits::default(),
            hangup_watchdog: HangupWatchdog::default(),
            past: Past::default(),
            waiting: Vec::new(),
            alarm: None,
        }
    }
}

type MakeCall = Arc<dyn Fn(CallSetup) -> CallActor + Send + Sync>;

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.alarm = Some(Alarm::new(ctx.address().downgrade().recipient()));
        self.tell_spend();
    }
}

impl Supervisor {
    /// Acts on the state of the roster: missed streams, the drain and its end.
    fn settle(&mut self) {
        let due = self.roster.time_passed(clock::now());
        for call in due.missed {
            emit(Event::StreamMissed { call: &call });
        }
        for call in due.hang_up {
            call.do_send(HangUp::Drain);
        }
        if self.roster.is_draining() {
            self.hangup_watchdog.hurry(clock::now());
        }
        if self.roster.is_drained() && self.hangup_watchdog.deadline().is_none() && !self.waiting.is_empty() {
            if self.spend_store.stale {
                self.spend_store.write(&self.ledger.spend_store());
            }
            self.spend_store.flush();
            for drained in self.waiting.drain(..) {
                // The asker may have stopped waiting.
                let _ = drained.send(());
            }
        }
        self.arm();
    }

    fn arm(&self) {
        let earliest =
            [self.roster.deadline(), self.hangup_watchdog.deadline()].into_iter().flatten().min_by_key(|it| it.0);
        let (Some((due, timer)), Some(alarm)) = (earliest, &self.alarm) else { return };
        if alarm.ring_by(due) {
            trace!(timer:?; "timer armed");
        }
    }

    /// Starts the call on its stream's thread and adds it to the roster.
    fn start(&mut self, admission: Admission, admit: Admit, ctx: &mut Context<Self>) -> CallId {
        let (call, expected) = (admission.permit.call, &admission.expected);
        let identity = CallIdentity {
            id: call,
            carrier: admit.carrier,
            carrier_call: expected.carrier_call.clone(),
            stream: admit.start.stream,
            direction: expected.direction,
            from: expected.from.clone(),
            to: expected.to.clone(),
            line: admit.start.format,
            started_at: clock::wall(),
            parameters: Private::new(admit.start.parameters),
        };
        let profile = expected.profile.of_call(&identity);
        let summary = || CallSummary::new(&identity, &profile);
        let notifier = self.call_updates.as_ref().map(|recipient| CallNotifier::new(summary(), recipient.clone()));
        let setup = CallSetup {
            identity,
            profile,
            line: admit.line,
            writer: self.writer.clone(),
            place: CallSlot::new(call, ctx.address().recipient()).announced_by(notifier),
            spend_store: Some(ctx.address().recipient()),
            leave: ctx.address().recipient(),
            providers: self.providers.clone(),
            api: self.apis.get(&admit.carrier).cloned(),
            watch_all: self.watch_all.clone(),
        };
        let make_call = Arc::clone(&self.make_call);
        let reach = CallActor::start_in_arbiter(&admit.arbiter, move |_| {
            let profile = setup.profile.filled(&setup.identity);
            make_call(CallSetup { profile, ..setup })
        });
        self.roster.seat(admission, reach);
        call
    }
}

impl Handler<Admit> for Supervisor {
    type Result = Result<CallId, Refusal>;

    fn handle(&mut self, mut admit: Admit, ctx: &mut Self::Context) -> Self::Result {
        if admit.start.carrier_call.as_str().is_empty()
            && let Some(call) = self.roster.call_of(admit.token.expose())
        {
            admit.start.carrier_call = call;
        }
        let (token, report) = (admit.token.expose(), refused(&admit.start.carrier_call));
        let admitted = self.roster.admit(admit.carrier, token, &admit.start, clock::now()).inspect_err(&report)?;
        let call = match admitted {
            Admitted::New(admission) => {
                // The budget may have been used up since the call was announced.
                let caller = admission.expected.profile.caller.as_deref();
                self.ledger.admit(caller, today()).inspect_err(report)?;
                self.start(*admission, admit, ctx)
            }
            Admitted::Back { call, reach } => {
                continues(&reach, admit.start, admit.line);
                call
            }
            Admitted::Reopened { call, reach } => {
                reach.do_send(StreamOffered);
                continues(&reach, admit.start, admit.line);
                call
            }
        };
        self.arm();
        Ok(call)
    }
}

/// Gives a live call the stream on which it continues.
fn continues(call: &Addr<CallActor>, start: StreamStart, line: Line) {
    let StreamStart { stream, format, .. } = start;
    call.do_send(LineReturned { line, stream, format });
}

impl Handler<Unannounced> for Supervisor {
    type Result = Result<CallId, Refusal>;

    fn handle(
        &mut self,
        Unannounced { call, start, line, arbiter, connected }: Unannounced,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        self.settle();
        let permit = Permit { call: CallId::random(), token: StreamToken::random().into_inner() };
        let (carrier, token) = (call.carrier, permit.token.clone());
        let report = refused(&call.carrier_call);
        let by = (permit, connected);
        let call = match self.roster.admit_unannounced(call, &start, by, clock::now()).inspect_err(report)? {
            Admitted::New(admission) => self.start(*admission, Admit { carrier, token, start, line, arbiter }, ctx),
            Admitted::Back { call, reach } | Admitted::Reopened { call, reach } => {
                reach.do_send(StreamOffered);
                continues(&reach, start, line);
                call
            }
        };
        self.arm();
        Ok(call)
    }
}

impl Handler<TransferPermit> for Supervisor {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, asked: TransferPermit, _: &mut Self::Context) -> Self::Result {
        let granted = self.transfer_limits.take(&asked.destination, asked.most_an_hour, clock::now());
        let sharers = self.sharers.as_ref().filter(|_| granted).map(|sharers| sharers.transfers.clone());
        Box::pin(async move {
            match sharers {
                // What this node has counted stands for an answer that does not come.
                Some(sharers) => sharers.send(asked).await.unwrap_or(granted),
                None => granted,
            }
        })
    }
}

impl Handler<CallEnded> for Supervisor {
    type Result = ();

    fn handle(&mut self, CallEnded { call, ending, by_stream }: CallEnded, _: &mut Self::Context) {
        let ended = self.roster.ended(call);
        if let Some((expected, in_progress)) = &ended {
            let left = if self.hangup_watchdog.is_confirmed(&expected.carrier_call) {
                Left::Ended
            } else if matches!(ending, Ending::LineLost | Ending::Crashed) {
                Left::Lost
            } else if by_stream {
                Left::Stopped
            } else {
                Left::Ended
            };
            // A repeated webhook of a call that was in progress looks like its first one.
            let again = left == Left::Stopped && !in_progress;
            self.past.add(&expected.carrier_call, left, again, clock::now());
        }
        if let Some((expected, _)) = ended {
            let takes_requests = self.apis.contains_key(&expected.carrier);
            if hang_up::plan(ending, expected.carrier.capabilities(), takes_requests).confirmed {
                self.hangup_watchdog.ended(expected.carrier, &expected.carrier_call, clock::now());
            }
        }
        self.settle();
    }
}

impl Handler<CarrierEnded> for Supervisor {
    type Result = ();

    fn handle(&mut self, CarrierEnded(carrier_call): CarrierEnded, _: &mut Self::Context) {
        self.carrier_ended(&carrier_call);
    }
}

impl Handler<ListCalls> for Supervisor {
    type Result = CallList;

    fn handle(&mut self, _: ListCalls, _: &mut Self::Context) -> CallList {
        CallList {
            calls: self.roster.live(),
            expected: self.roster.expected(),
            max_calls: self.roster.max_calls(),
            draining: self.roster.is_draining(),
            patience_left: self.roster.patience_left(clock::now()),
        }
    }
}

impl Handler<Find> for Supervisor {
    type Result = Option<Addr<CallActor>>;

    fn handle(&mut self, Find(id): Find, _: &mut Self::Context) -> Self::Result {
        self.roster.find(&id)
    }
}

impl Handler<Overload> for Supervisor {
    type Result = ();

    fn handle(&mut self, Overload { on }: Overload, _: &mut Self::Context) {
        self.roster.overload(on);
    }
}

impl Handler<Drain> for Supervisor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Drain { patience }: Drain, _: &mut Self::Context) -> Self::Result {
        let (report, drained) = oneshot::channel();
        self.waiting.push(report);
        self.roster.drain(patience, clock::now());
        self.settle();
        Box::pin(async move {
            // An error means that the Supervisor and its calls have stopped.
            let _ = drained.await;
        })
    }
}

/// Logs a call that was refused.
fn refused(carrier_call: &CarrierCallId) -> impl Fn(&Refusal) + use<> {
    let carrier_call = carrier_call.clone();
    move |refusal| emit(Event::CallRefused { reason: refusal.word(), carrier_call: Some(carrier_call.as_str()) })
}

#[cfg(test)]
mod tests;
