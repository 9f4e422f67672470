//! A client in virtual time, for session tests.

use super::*;

/// A client with its own clock, connected directly to a session.
pub(super) struct Client {
    pub(super) session: Session,
    pub(super) now: Instant,
    pub(super) events: Vec<Value>,
    pub(super) last_out: Option<Out>,
}

impl Client {
    pub(super) fn new(misbehaviour: &str) -> Self {
        Self::opened(&opening(misbehaviour))
    }

    pub(super) fn opened(opening: &Opening) -> Self {
        let now = Instant::now();
        let mut client = Self { session: Session::open(opening, now), now, events: vec![], last_out: None };
        client.collect();
        client
    }

    /// Sends an event and returns the immediate answers.
    pub(super) fn send(&mut self, event: &Value) -> Vec<Value> {
        let before = self.events.len();
        self.session.hear_text(&event.to_string(), self.now);
        self.collect();
        self.events[before..].to_vec()
    }

    /// Lets time pass and returns the events of that time.
    pub(super) fn wait(&mut self, ms: u64) -> Vec<Value> {
        let before = self.events.len();
        let until = self.now + Duration::from_millis(ms);
        while self.session.deadline() <= until && !self.session.closed {
            self.now = self.now.max(self.session.deadline());
            self.session.tick(self.now);
            self.collect();
        }
        self.now = until;
        self.events[before..].to_vec()
    }

    pub(super) fn speak(&mut self, frame: &[u8], times: usize) -> Vec<Value> {
        let before = self.events.len();
        let audio = base64_simd::STANDARD.encode_to_string(frame);
        for _ in 0..times {
            self.send(&json!({"type": "input_audio_buffer.append", "audio": audio}));
            self.wait(20);
        }
        self.events[before..].to_vec()
    }

    pub(super) fn update(&mut self, session: &Value) -> Vec<Value> {
        let mut session = session.clone();
        session["type"] = json!("realtime");
        self.send(&json!({"type": "session.update", "event_id": "mine", "session": session}))
    }

    pub(super) fn create(&mut self, response: &Value) -> Vec<Value> {
        self.send(&json!({"type": "response.create", "event_id": "mine", "response": response}))
    }

    pub(super) fn user_text(&mut self, text: &str) -> Vec<Value> {
        self.send(&json!({"type": "conversation.item.create", "item": {
            "type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}}))
    }

    pub(super) fn collect(&mut self) {
        while let Some(out) = self.session.next_out() {
            if let Out::Event(text) = &out {
                self.events.push(serde_json::from_str(text).unwrap());
            }
            self.last_out = Some(out);
        }
    }
}

pub(super) fn opening(misbehaviour: &str) -> Opening {
    Opening {
        model: Some("gpt-realtime-2.1".to_owned()),
        beta: false,
        pace: Pace {
            delta: Duration::from_millis(100),
            speed: Some(20.0),
            first_audio: Duration::ZERO,
            answer: None,
            late_deltas: 1,
        },
        transcript_after: Duration::from_millis(250),
        lifetime: Duration::from_secs(3600),
        misbehaviour: Rc::new(Misbehaviour::default().with(misbehaviour).unwrap()),
        seed: 1,
        epoch_s: 1_700_000_000,
    }
}

pub(super) fn kinds(events: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    kinds.dedup();
    kinds
}

pub(super) fn find<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    events.iter().find(|event| event["type"] == kind).unwrap_or_else(|| panic!("no {kind} in {:?}", kinds(events)))
}

pub(super) fn audio_of(events: &[Value]) -> Vec<u8> {
    let deltas = events.iter().filter(|event| event["type"] == "response.output_audio.delta");
    deltas.flat_map(|event| base64_simd::STANDARD.decode_to_vec(event["delta"].as_str().unwrap()).unwrap()).collect()
}

pub(super) fn error_code(events: &[Value]) -> &str {
    find(events, "error")["error"]["code"].as_str().unwrap()
}

pub(super) fn pcmu() -> Value {
    json!({"audio": {"input": {"format": {"type": "audio/pcmu"}, "transcription": {"model": "gpt-live-transcribe", "language": "en"}},
        "output": {"format": {"type": "audio/pcmu"}}}})
}

/// 20 ms of speech in mu-law.
pub(super) fn voice() -> Vec<u8> {
    (0..160).map(|n| if n % 20 < 10 { 0x30 + (n % 7) as u8 } else { 0xB0 }).collect()
}

pub(super) const SILENCE: [u8; 160] = [0xFF; 160];
