//! Random scripts of drops, refusals and expiries in any order. No order is lost, nothing is said
//! twice, and the end is reported once.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::realtime::messages::TextRole;

/// A step of a script. The number selects one of the possible targets.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A server sends its next message.
    Deliver(usize),
    /// A socket breaks.
    Drop(usize),
    /// A server closes a socket because of a fault.
    Close(usize),
    /// A pending dial succeeds.
    Connect(usize),
    /// A pending dial fails.
    FailDial(usize),
    /// The candidates' standings arrive.
    Advise,
    /// The clock advances to the next deadline.
    Pass,
    Speak,
    AddText,
    Configure,
    Rotate,
    Replace,
    CallerAudio,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (0..8_usize).prop_map(Step::Deliver),
        2 => (0..8_usize).prop_map(Step::Drop),
        1 => (0..8_usize).prop_map(Step::Close),
        6 => (0..8_usize).prop_map(Step::Connect),
        1 => (0..8_usize).prop_map(Step::FailDial),
        8 => Just(Step::Advise),
        4 => Just(Step::Pass),
        3 => Just(Step::Speak),
        2 => Just(Step::AddText),
        1 => Just(Step::Configure),
        1 => Just(Step::Rotate),
        1 => Just(Step::Replace),
        1 => Just(Step::CallerAudio),
    ]
}

/// The server's side of one session.
#[derive(Debug, Default)]
struct Server {
    connected: bool,
    instructions: String,
    /// The texts in the conversation.
    texts: Vec<String>,
    /// The messages that it will send next.
    says: VecDeque<Value>,
}

/// What happened to one requested response.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    /// Whether some of it has arrived.
    begun: bool,
    /// Whether all of it has arrived.
    whole: bool,
    /// Where its remainder was requested.
    continued: bool,
}

struct World {
    rig: Rig,
    servers: BTreeMap<u64, Server>,
    /// The number of the open question.
    question: Option<u32>,
    ordered: Vec<String>,
    texts: Vec<String>,
    instructions: String,
    said: BTreeMap<String, Said>,
    responses: u32,
    ends: u32,
    losses: u32,
}

impl World {
    fn new(patience_s: u64) -> Self {
        Self::with(|plan| plan.resilience.patience = Duration::from_secs(patience_s))
    }

    /// A call whose candidates differ in dialect, audio format and capabilities. `order` says which
    /// one is first.
    fn of_unlike_candidates(order: usize) -> Self {
        Self::with(|plan| {
            plan.resilience.patience = Duration::from_secs(1_000_000);
            let mut candidates = unlike_candidates();
            let first = order % candidates.len();
            candidates.rotate_left(first);
            plan.provider = candidates.remove(0);
            plan.resilience.fallbacks = candidates;
        })
    }

    fn with(change: impl FnOnce(&mut SessionPlan)) -> Self {
        let mut world = Self {
            rig: Rig::with(change),
            servers: BTreeMap::new(),
            question: None,
            ordered: Vec::new(),
            texts: Vec::new(),
            instructions: sample::common().instructions,
            said: BTreeMap::new(),
            responses: 0,
            ends: 0,
            losses: 0,
        };
        world.react();
        world
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Deliver(n) => {
                if let Some(leg) = self.pick(n, |server| !server.says.is_empty()) {
                    self.deliver(leg);
                }
            }
            Step::Drop(n) => {
                if let Some(leg) = self.pick(n, |server| server.connected) {
                    self.rig.drop_socket(LegId(leg));
                }
            }
            Step::Close(n) => {
                if let Some(leg) = self.pick(n, |server| server.connected) {
                    let closed = SessionEvent::Closed { code: Some(1011), reason: "server_error" };
                    self.rig.session(LegId(leg), closed);
                }
            }
            Step::Connect(n) => {
                if let Some(leg) = self.pick(n, |server| !server.connected) {
                    self.connect(leg);
                }
            }
            Step::FailDial(n) => {
                if let Some(leg) = self.pick(n, |server| !server.connected) {
                    self.rig.session(LegId(leg), SessionEvent::DialFailed(loss()));
                }
            }
            Step::Advise => self.advise(),
            // A server that has a message sends it before any deadline.
            Step::Pass => {
                if self.servers.values().all(|server| server.connected && server.says.is_empty()) {
                    self.rig.pass();
                }
            }
            Step::Speak => {
                if self.ordered.len() < MOST_ORDERED {
                    let name = format!("<say {}>", self.ordered.len());
                    self.rig.order(speak(&name));
                    self.ordered.push(name);
                }
            }
            Step::AddText => {
                let name = format!("<text {}>", self.texts.len());
                self.rig.order(ModelOrder::AddText { role: TextRole::System, text: name.clone() });
                self.texts.push(name);
            }
            Step::Configure => {
                self.instructions = format!("<prompt {}>", self.responses + self.ordered.len() as u32);
                let instructions = Some(self.instructions.clone());
                self.rig.order(ModelOrder::Configure {
                    backend: None,
                    language: None,
                    instructions,
                    transcription: None,
                    tools: None,
                });
            }
            Step::Rotate => self.rig.order(ModelOrder::Rotate),
            Step::Replace => self.rig.order(ModelOrder::Replace),
            Step::CallerAudio => self.rig.on(SessionsEvent::CallerAudio(Frame::copy_of(&[0; 160]))),
        }
        self.react();
    }

    fn pick(&self, n: usize, which: impl Fn(&Server) -> bool) -> Option<u64> {
        let fitting: Vec<u64> = self.servers.iter().filter(|(_, server)| which(server)).map(|(leg, _)| *leg).collect();
        (!fitting.is_empty()).then(|| fitting[n % fitting.len()])
    }

    fn connect(&mut self, leg: u64) {
        let server = self.servers.get_mut(&leg).expect("it is dialled");
        server.connected = true;
        server.says.push_back(json!({"type": "session.created", "session": {"id": "sess", "expires_at": 600}}));
        self.rig.on(SessionsEvent::Dialled { leg: LegId(leg), said: Vec::new(), epoch_s: 0.0 });
    }

    fn advise(&mut self) {
        if let Some(question) = self.question.take() {
            self.rig.on(SessionsEvent::Advised { question, standings: &[], chance: 0.5 });
        }
    }

    fn deliver(&mut self, leg: u64) {
        let Some(event) = self.servers.get_mut(&leg).and_then(|server| server.says.pop_front()) else { return };
        let name = event["name"].as_str().map(str::to_owned);
        if let Some(said) = name.and_then(|name| self.said.get_mut(&name)) {
            match event["type"].as_str() {
                Some("response.output_audio.delta") => said.begun = true,
                Some("response.output_audio.done") => {
                    assert!(!said.whole, "said twice");
                    said.whole = true;
                }
                _ => {}
            }
        }
        self.rig.hear(LegId(leg), event);
    }

    /// Performs the actions of the sessions.
    fn react(&mut self) {
        for action in std::mem::take(&mut self.rig.out) {
            assert_eq!(self.ends, 0, "something follows the end: {action:?}");
            match action {
                SessionsAction::Consult { question, .. } => self.question = Some(question),
                SessionsAction::Dial { leg, .. } => drop(self.servers.insert(leg.0, Server::default())),
                SessionsAction::HangUp(leg) => drop(self.servers.remove(&leg.0)),
                SessionsAction::Send(leg, text) => {
                    let event = serde_json::from_str(&text).expect("our own JSON");
                    self.server_hears(leg.0, &event);
                }
                SessionsAction::Report(ModelReport::Lost(_)) => self.losses += 1,
                SessionsAction::Report(ModelReport::RequestGivenUp { reason, .. }) => panic!("given up: {reason}"),
                SessionsAction::End => self.ends += 1,
                SessionsAction::Ping(leg) => self.rig.session(leg, SessionEvent::Pong),
                SessionsAction::Learn { .. }
                | SessionsAction::SendAudio(..)
                | SessionsAction::Pong(..)
                | SessionsAction::ToLink(..)
                | SessionsAction::ToAudio(_)
                | SessionsAction::Complete(_)
                | SessionsAction::ToWords(_)
                | SessionsAction::Report(_)
                | SessionsAction::AudioDropped { .. }
                | SessionsAction::Clip(_) => {}
            }
        }
    }

    fn server_hears(&mut self, leg: u64, event: &Value) {
        let Some(server) = self.servers.get_mut(&leg) else { return };
        match event["type"].as_str().expect("a type") {
            "session.update" => {
                if let Some(instructions) = event["session"]["instructions"].as_str() {
                    instructions.clone_into(&mut server.instructions);
                }
                server.says.push_back(json!({"type": "session.updated", "session": {"id": "sess"}}));
            }
            "conversation.item.create" => {
                let text = event["item"]["content"][0]["text"].as_str().unwrap_or_default();
                server.texts.push(text.to_owned());
            }
            "response.create" => {
                let instructions = event["response"]["instructions"].as_str().unwrap_or_default();
                let name = self.ordered.iter().find(|name| instructions.contains(*name));
                let Some(name) = name.or(self.said.keys().find(|name| instructions.contains(*name))).cloned() else {
                    return;
                };
                let said = self.said.entry(name.clone()).or_default();
                let rest = instructions.contains("cut off");
                assert!(!said.whole, "{name} was said, and is asked for again");
                assert!(!said.begun || rest, "{name} was begun, and is asked for anew");
                said.continued |= rest;
                self.responses += 1;
                answer(server, self.responses, &name, &event["response"]["metadata"]);
            }
            _ => {}
        }
    }

    /// Continues without further faults.
    fn settle(&mut self) {
        for _ in 0..2_000 {
            if self.ends > 0 {
                return;
            }
            if self.question.is_some() {
                self.run(Step::Advise);
            } else if self.pick(0, |server| !server.connected).is_some() {
                self.run(Step::Connect(0));
            } else if self.pick(0, |server| !server.says.is_empty()).is_some() {
                self.run(Step::Deliver(0));
            } else if let State::Down(_) = self.rig.sessions.state {
                self.run(Step::Pass);
            } else {
                return;
            }
        }
        panic!("it never settles");
    }

    fn check(&self) {
        assert_eq!(self.ends, self.losses, "the end is reported once");
        if self.ends > 0 {
            return;
        }
        let in_use = self.rig.sessions.state.in_use().expect("a session is in use");
        let server = &self.servers[&in_use.0];
        for name in &self.ordered {
            assert!(self.said.get(name).is_some_and(|said| said.whole), "{name} was not said: {:?}", self.said);
        }
        for text in &self.texts {
            assert_eq!(server.texts.iter().filter(|known| *known == text).count(), 1, "{text} in {:?}", server.texts);
        }
        assert_eq!(server.instructions, self.instructions);
    }
}

/// Queues a server's messages for a response request. `name` is for the script; the sessions do not
/// read it.
fn answer(server: &mut Server, number: u32, name: &str, metadata: &Value) {
    let (response, item) = (format!("resp_{number}"), format!("item_{number}"));
    let audio = base64_simd::STANDARD.encode_to_string(vec![7; 4_800]);
    let delta = json!({"type": "response.output_audio.delta", "name": name, "response_id": response, "item_id": item,
        "output_index": 0, "content_index": 0, "delta": audio});
    server.says.extend([
        json!({"type": "response.created", "response": {"id": response, "status": "in_progress", "metadata": metadata}}),
        json!({"type": "response.output_audio_transcript.delta", "response_id": response, "item_id": item,
            "content_index": 0, "delta": "Good day to you."}),
        delta.clone(),
        delta,
        json!({"type": "response.output_audio.done", "name": name, "response_id": response, "item_id": item}),
        json!({"type": "response.done", "response": {"id": response, "status": "completed", "metadata": metadata}}),
    ]);
}

const MOST_ORDERED: usize = 12;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn no_order_is_lost_and_nothing_is_said_twice(
        steps in proptest::collection::vec(step(), 1..160),
        // Some calls give the model up at the first loss or soon after it.
        patience_s in prop_oneof![8 => Just(1_000_000), 1 => Just(0), 1 => Just(1)],
    ) {
        let mut world = World::new(patience_s);
        for step in steps {
            world.run(step);
        }
        world.settle();
        world.check();
    }

    #[test]
    fn no_order_is_lost_and_nothing_is_said_twice_when_the_next_session_is_unlike_the_last(
        steps in proptest::collection::vec(step(), 1..160), order in 0..5_usize,
    ) {
        let mut world = World::of_unlike_candidates(order);
        for step in steps {
            world.run(step);
        }
        world.settle();
        world.check();
    }

    #[test]
    fn nothing_happens_after_the_end_of_a_call(steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = World::new(1_000_000);
        for step in steps {
            world.run(step);
        }
        world.rig.order(ModelOrder::Close);
        world.react();
        for _ in 0..5 {
            world.rig.pass();
            world.react();
        }
        prop_assert_eq!(world.ends, 1);
        prop_assert!(world.servers.is_empty(), "every socket is closed");
    }
}
