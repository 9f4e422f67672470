//! A client in virtual time, for session tests. Audio is what lets time pass.

use super::*;
use crate::tools::rehearsal::sound::Format;

/// A client with its own clock, connected directly to a session.
pub(super) struct Client {
    pub(super) session: Session,
    pub(super) now: Instant,
    pub(super) events: Vec<Value>,
    pub(super) outs: Vec<Out>,
    appended: u64,
}

impl Client {
    /// A client whose session has not started.
    pub(super) fn silent(misbehaviour: &str) -> Self {
        let now = Instant::now();
        let opening = Opening {
            lifetime: Duration::from_secs(7_200),
            misbehaviour: Rc::new(Misbehaviour::default().with(misbehaviour).unwrap()),
            seed: 1,
            epoch_s: 1_700_000_000,
        };
        Self { session: Session::open(&opening, now), now, events: vec![], outs: vec![], appended: 0 }
    }

    /// A client whose session runs with a hosted backend and these tools.
    pub(super) fn hosted(misbehaviour: &str, tools: &Value) -> Self {
        let mut client = Self::silent(misbehaviour);
        let mut session = start();
        session["delegation"] = json!({"type": "responses", "acknowledgement_delay_ms": 600,
            "responses": {"model": "gpt-5.6-luna", "tools": tools}});
        client.start(&session);
        client
    }

    /// A client whose session runs and delegates to the client.
    pub(super) fn running(misbehaviour: &str) -> Self {
        let mut client = Self::silent(misbehaviour);
        client.start(&start());
        client
    }

    pub(super) fn start(&mut self, session: &Value) -> Vec<Value> {
        let mut events = self.send(&json!({"type": "session.start", "event_id": "s1", "session": session}));
        events.extend(self.wait(500));
        events
    }

    /// Sends an event and returns the immediate answers.
    pub(super) fn send(&mut self, event: &Value) -> Vec<Value> {
        let before = self.events.len();
        self.session.hear_text(&event.to_string(), self.now);
        self.collect();
        self.events[before..].to_vec()
    }

    /// Lets the wall clock run without audio, and returns the events of that time.
    pub(super) fn wait(&mut self, ms: u64) -> Vec<Value> {
        let before = self.events.len();
        let until = self.now + Duration::from_millis(ms);
        while self.session.deadline() <= until && self.session.phase != Phase::Over {
            self.now = self.now.max(self.session.deadline());
            self.session.tick(self.now);
            self.collect();
        }
        self.now = until;
        self.session.tick(self.now);
        self.collect();
        self.events[before..].to_vec()
    }

    /// Appends silence in real time.
    pub(super) fn listen(&mut self, ms: u64) -> Vec<Value> {
        self.audio(&[0xFF; 160], ms)
    }

    /// Appends a voice in real time.
    pub(super) fn speak(&mut self, ms: u64) -> Vec<Value> {
        let frame: Vec<u8> = (0..160).map(|n| if n % 20 < 10 { 0x20 } else { 0xA0 }).collect();
        self.audio(&frame, ms)
    }

    fn audio(&mut self, frame: &[u8], ms: u64) -> Vec<Value> {
        let before = self.events.len();
        let audio = base64_simd::STANDARD.encode_to_string(frame);
        for _ in 0..ms / 20 {
            self.appended += 1;
            let id = format!("a{}", self.appended);
            self.send(&json!({"type": "session.input_audio.append", "event_id": id, "audio": audio}));
            self.wait(20);
        }
        self.events[before..].to_vec()
    }

    pub(super) fn append(&mut self, kind: &str, content: &str) -> Vec<Value> {
        let kind = format!("session.{kind}.append");
        self.send(&json!({"type": kind, "event_id": content, "content": content, "delegation_id": null}))
    }

    fn collect(&mut self) {
        while let Some(out) = self.session.next_out() {
            if let Out::Event(text) = &out {
                self.events.push(serde_json::from_str(text).unwrap());
            }
            self.outs.push(out);
        }
    }
}

pub(super) fn start() -> Value {
    json!({"model": "gpt-live-1.1", "instructions": "Be kind.", "input": [], "store": false,
        "audio": {"format": {"type": "audio/pcmu", "rate": 8000}, "output": {"voice": "marin"}}})
}

/// The types of events without those of the endless stream.
pub(super) fn kinds(events: &[Value]) -> Vec<String> {
    let nested = |event: &Value| match event["event"]["type"].as_str() {
        Some(kind) => format!("/{kind}"),
        None => event["type"].as_str().unwrap().to_owned(),
    };
    let mut kinds: Vec<String> = events.iter().map(nested).collect();
    kinds.retain(|kind| kind != "session.output_audio.delta");
    kinds
}

pub(super) fn find<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    events.iter().find(|event| event["type"] == kind).unwrap_or_else(|| panic!("no {kind} in {:?}", kinds(events)))
}

/// The words of one side.
pub(super) fn words(events: &[Value], side: &str) -> String {
    let kind = format!("session.{side}_transcript.delta");
    events.iter().filter(|event| event["type"] == kind.as_str()).filter_map(|event| event["delta"].as_str()).collect()
}

/// The stream, piece by piece: whether it is loud.
pub(super) fn loud(events: &[Value]) -> Vec<bool> {
    let pieces = events.iter().filter(|event| event["type"] == "session.output_audio.delta");
    pieces
        .map(|event| {
            let bytes = base64_simd::STANDARD.decode_to_vec(event["delta"].as_str().unwrap()).unwrap();
            assert_eq!((bytes.len(), event.as_object().unwrap().len()), (800, 2));
            Format::MuLaw.power(&bytes) > 1e-5
        })
        .collect()
}

pub(super) fn error_code(events: &[Value]) -> &str {
    find(events, "error")["error"]["code"].as_str().unwrap()
}
