use std::collections::BTreeMap;

use actix_rt::Arbiter;
use tempfile::TempDir;

use super::super::messages::{Expect, ExpectedCall, Kill, ShowSpend, Word};
use super::*;
use crate::call::actor::probes::{Log, Probe, call_among_probes, pass, settle};
use crate::call::actor::sabotage::Sabotage;
use crate::call::messages::Inspect;
use crate::call::report::Spent;
use crate::call::testing::profile;
use crate::carrier::{AudioFormat, StreamStart};
use crate::child::Child;
use crate::ids::{CarrierCallId, Private, StreamId};
use crate::line::identity::Direction;
use crate::line::messages::LineReport;
use crate::money::Usd;
use crate::profile::spending::Budget;

#[actix::test]
async fn an_admitted_call_is_listed_until_it_ends() {
    let service = Service::start(2);
    let call = service.call(1).await.expect("a free place");
    let list = service.supervisor.send(ListCalls).await.expect("alive");
    assert_eq!((list.calls.len(), list.expected, list.max_calls, list.draining), (1, 0, 2, false));
    let found = service.find(&call.to_string()).await.expect("by our id");
    assert_eq!(found, service.find("CA1").await.expect("by the carrier's id"));
    assert_eq!(found.send(Inspect).await.expect("alive").carrier_call_id, "CA1");
    found.do_send(LineReport::Stopped);
    settle().await;
    assert_eq!(service.live().await, 0);
    assert!(service.find("CA1").await.is_none());
}

#[actix::test]
async fn a_refused_place_is_free_for_another_once_a_call_has_ended() {
    let service = Service::start(1);
    service.call(1).await.expect("a free place");
    assert_eq!(service.call(2).await, Err(Refusal::Full { max_calls: 1 }));
    service.supervisor.do_send(CarrierEnded(CarrierCallId::new("CA1")));
    settle().await;
    assert!(service.call(2).await.is_ok());
}

#[actix::test]
async fn the_kill_switch_closes_what_is_on_and_refuses_what_comes() {
    let service = Service::start(3);
    service.call(1).await.expect("a free place");
    let announced = service.supervisor.send(Kill { on: true }).await.expect("alive");
    assert!(announced.killed);
    assert_eq!(service.call(2).await, Err(Refusal::Killed));
    settle().await;
    assert_eq!(service.live().await, 0, "it was still connecting, so it is closed at once");
    service.supervisor.send(Kill { on: false }).await.expect("alive");
    assert!(service.call(2).await.is_ok());
}

#[actix::test]
async fn what_calls_cost_is_added_up_and_the_days_limit_closes_them_all() {
    let hard = Some(Usd::from_dollars(1.0));
    let spend = SpendLimits { day: Budget { soft: None, hard }, ..SpendLimits::default() };
    let service = Service::start_spending(3, spend);
    let (one, other) = (service.call(1).await.expect("a place"), service.call(2).await.expect("a place"));
    let cost = Usd::from_dollars(0.6);
    service.supervisor.do_send(Spent { call: one, cost });
    settle().await;
    assert_eq!(service.live().await, 2);
    service.supervisor.do_send(Spent { call: other, cost });
    settle().await;
    assert_eq!(service.live().await, 0);
    assert_eq!(service.call(3).await, Err(Refusal::Spent));
    let spend_report = service.supervisor.send(ShowSpend).await.expect("alive");
    assert_eq!((spend_report.today, spend_report.callers, spend_report.killed), (Usd::from_dollars(1.2), 0, false));
}

#[actix::test]
async fn a_panic_in_one_call_costs_that_call_alone() {
    let service = Service::start(20);
    for call in 0..20 {
        service.call(call).await.expect("a free place");
    }
    service.find("CA3").await.expect("on").do_send(Sabotage::Call);
    service.find("CA4").await.expect("on").do_send(Sabotage::Child(Child::Audio));
    settle().await;
    assert!(service.find("CA3").await.is_none() && service.find("CA4").await.is_none());
    let heard = service.log.take();
    assert_eq!(heard.iter().filter(|line| *line == "line: ToLine(Close)").count(), 2, "{heard:?}");
    for call in (0..20).filter(|call| ![3, 4].contains(call)) {
        let on = service.find(&format!("CA{call}")).await.expect("on");
        assert!(on.send(Inspect).await.is_ok());
    }
}

#[actix::test]
async fn a_call_whose_thread_is_gone_takes_no_place() {
    let service = Service::start(1);
    let gone = Arbiter::new();
    let handle = gone.handle();
    gone.stop();
    gone.join().expect("an idle thread");
    let _ = service.admit(1, handle).await;
    settle().await;
    assert_eq!(service.live().await, 0);
}

#[actix::test]
async fn an_announced_call_loses_its_place_in_time() {
    let service = Service::start(1);
    service.expect(1).await.expect("a free place");
    assert_eq!(service.expect(2).await, Err(Refusal::Full { max_calls: 1 }));
    pass(LIFETIME).await;
    assert!(service.expect(2).await.is_ok());
}

#[actix::test]
async fn a_drain_is_answered_when_the_last_call_has_ended() {
    let service = Service::start(2);
    service.call(1).await.expect("a free place");
    let drained = service.supervisor.send(Drain { patience: Duration::from_secs(30) });
    let began = clock::now();
    let hang_up = async {
        pass(Duration::from_secs(4)).await;
        assert_eq!(service.call(2).await, Err(Refusal::Draining));
        service.find("CA1").await.expect("on").do_send(LineReport::Stopped);
    };
    let (drained, ()) = tokio::join!(drained, hang_up);
    drained.expect("alive");
    assert_eq!(clock::now().duration_since(began).as_secs(), 4);
}

#[actix::test]
async fn a_drain_out_of_patience_hangs_up_on_those_who_are_still_on() {
    let service = Service::start(2);
    let call = service.call(1).await.expect("a free place");
    let began = clock::now();
    service.supervisor.send(Drain { patience: Duration::from_secs(5) }).await.expect("alive");
    // There is no model, so nothing waits for a goodbye.
    assert_eq!(clock::now().duration_since(began).as_secs(), 5);
    assert!(service.find(&call.to_string()).await.is_none());
    assert!(service.log.take().contains(&"line: ToLine(Close)".to_owned()));
}

#[actix::test]
async fn a_drain_without_calls_is_answered_at_once() {
    let service = Service::start(2);
    service.supervisor.send(Drain { patience: Duration::from_secs(5) }).await.expect("alive");
    assert!(service.supervisor.send(ListCalls).await.expect("alive").draining);
}

const LIFETIME: Duration = Duration::from_secs(60);

/// A Supervisor and the lines of its calls.
struct Service {
    supervisor: Addr<Supervisor>,
    line: Addr<Probe>,
    log: Log,
    _records: TempDir,
}

impl Service {
    /// Starts with a paused clock.
    fn start(max_calls: usize) -> Self {
        Self::start_spending(max_calls, SpendLimits::default())
    }

    fn start_spending(max_calls: usize, spend: SpendLimits) -> Self {
        tokio::time::pause();
        let log = Log::default();
        let records = tempfile::tempdir().expect("a folder");
        let writer = RecordWriter::start(records.path()).expect("a directory to write to");
        let apis = HashMap::new();
        let setup = SupervisorSetup {
            max_calls,
            calls_per_caller: None,
            token_lifetime: LIFETIME,
            writer,
            call_updates: None,
            spend,
            spend_store: None,
            providers: Providers::new().start(),
            apis,
            watch_all: None,
            sharers: None,
        };
        let among_probes = log.clone();
        let make_call = Arc::new(move |setup| call_among_probes(setup, &among_probes));
        let supervisor = Supervisor::with(setup, make_call).start();
        Self { supervisor, line: Probe::outside("line", &log), log, _records: records }
    }

    async fn expect(&self, call: u8) -> Result<Permit, Refusal> {
        let announced = ExpectedCall {
            carrier: crate::carrier::testing::CARRIER,
            carrier_call: CarrierCallId::new(&format!("CA{call}")),
            account: None,
            direction: Direction::Inbound,
            from: Private::default(),
            to: Private::default(),
            profile: Arc::new(profile()),
        };
        self.supervisor.send(Expect { call: announced, word: Word::Rings }).await.expect("alive")
    }

    async fn admit(&self, call: u8, arbiter: actix_rt::ArbiterHandle) -> Result<CallId, Refusal> {
        let permit = self.expect(call).await?;
        let start = StreamStart {
            stream: StreamId::new(&format!("MZ{call}")),
            carrier_call: CarrierCallId::new(&format!("CA{call}")),
            account: None,
            from: None,
            to: None,
            format: AudioFormat::MULAW_8K.into(),
            parameters: BTreeMap::new(),
        };
        let (carrier, token, line) = (crate::carrier::testing::CARRIER, permit.token, Probe::line(&self.line));
        self.supervisor.send(Admit { carrier, token, start, line, arbiter }).await.expect("alive")
    }

    async fn call(&self, call: u8) -> Result<CallId, Refusal> {
        let admitted = self.admit(call, Arbiter::current()).await;
        settle().await;
        admitted
    }

    async fn find(&self, id: &str) -> Option<Addr<CallActor>> {
        self.supervisor.send(Find(id.to_owned())).await.expect("alive")
    }

    async fn live(&self) -> usize {
        self.supervisor.send(ListCalls).await.expect("alive").calls.len()
    }
}
