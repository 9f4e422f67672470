//! A client in virtual time, for session tests.

use super::super::models::Service;
use super::*;

/// A client with its own clock, connected directly to a session.
pub(super) struct Client {
    pub(super) session: Session,
    pub(super) now: Instant,
    pub(super) messages: Vec<Value>,
    pub(super) last_out: Option<Out>,
}

/// The handles of all tests. Each test finds its own.
static HANDLES: Handles = Handles::new();

impl Client {
    /// A connection that waits for its setup.
    pub(super) fn new(misbehaviour: &str) -> Self {
        Self::at(Service::Developer, misbehaviour)
    }

    pub(super) fn at(service: Service, misbehaviour: &str) -> Self {
        let now = Instant::now();
        let session = Session::open(opening(service, misbehaviour), &HANDLES, now);
        let mut client = Self { session, now, messages: vec![], last_out: None };
        client.collect();
        client
    }

    /// A session whose setup differs from [`setup`] by `change`.
    pub(super) fn ready(misbehaviour: &str, change: impl FnOnce(&mut Value)) -> Self {
        let mut client = Self::new(misbehaviour);
        let mut setup = setup();
        change(&mut setup);
        let answers = client.send(&json!({"setup": setup}));
        assert!(answers.first().is_some_and(|it| it["setupComplete"].is_object()), "{:?}", client.last_out);
        client
    }

    /// Sends a message and returns the immediate answers.
    pub(super) fn send(&mut self, message: &Value) -> Vec<Value> {
        let before = self.messages.len();
        self.session.hear_text(&message.to_string(), self.now);
        self.collect();
        self.messages[before..].to_vec()
    }

    /// Lets time pass and returns the messages of that time.
    pub(super) fn wait(&mut self, ms: u64) -> Vec<Value> {
        let before = self.messages.len();
        let until = self.now + Duration::from_millis(ms);
        while self.session.deadline() <= until && !self.session.closed {
            self.now = self.now.max(self.session.deadline());
            self.session.tick(self.now);
            self.collect();
        }
        self.now = until;
        self.messages[before..].to_vec()
    }

    /// Sends this many milliseconds of speech or silence in real time, at 16 kHz.
    pub(super) fn speak(&mut self, loud: bool, ms: u64) -> Vec<Value> {
        let before = self.messages.len();
        let sample = |n: usize| if loud && n % 80 < 40 { 8_000_i16 } else { 0 };
        let frame: Vec<u8> = (0..320).flat_map(|n| sample(n).to_le_bytes()).collect();
        let data = base64_simd::STANDARD.encode_to_string(&frame);
        for _ in 0..ms / 20 {
            self.send(&json!({"realtimeInput": {"audio": {"data": data, "mimeType": "audio/pcm;rate=16000"}}}));
            self.wait(20);
        }
        self.messages[before..].to_vec()
    }

    /// Asks for an answer by a text.
    pub(super) fn ask(&mut self, text: &str) -> Vec<Value> {
        let turns = json!([{"role": "user", "parts": [{"text": text}]}]);
        self.send(&json!({"clientContent": {"turns": turns, "turnComplete": true}}))
    }

    /// The close that the connection has ended with.
    pub(super) fn closed(&self) -> (u16, &str) {
        let Some(Out::Close { code, reason }) = &self.last_out else { panic!("it was not closed") };
        (*code, reason)
    }

    pub(super) fn collect(&mut self) {
        while let Some(out) = self.session.next_out() {
            if let Out::Binary(text) = &out {
                self.messages.push(serde_json::from_str(text).unwrap());
            }
            self.last_out = Some(out);
        }
    }
}

pub(super) fn opening(service: Service, misbehaviour: &str) -> Opening {
    Opening {
        service,
        version: "v1beta",
        pace: Pace {
            delta: Duration::from_millis(100),
            speed: Some(20.0),
            first_audio: Duration::ZERO,
            answer: None,
            late_deltas: 1,
        },
        words_after: Duration::from_millis(250),
        lifetime: Duration::from_secs(3600),
        misbehaviour: Rc::new(Misbehaviour::default().with(misbehaviour).unwrap()),
        seed: 1,
    }
}

/// The setup of a telephone call.
pub(super) fn setup() -> Value {
    json!({
        "model": "models/gemini-3.8-live",
        "generationConfig": {"responseModalities": ["AUDIO"]},
        "systemInstruction": {"parts": [{"text": "Speak English."}]},
        "tools": [{"functionDeclarations": [
            {"name": "end_call", "parametersJsonSchema": {"type": "object", "properties": {}}},
            {"name": "save_answer", "parametersJsonSchema": {"type": "object", "properties": {"key": {"type": "string"}}}},
        ]}],
        "realtimeInputConfig": {"automaticActivityDetection": {"silenceDurationMs": 400}},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
        "sessionResumption": {},
        "contextWindowCompression": {"slidingWindow": {}},
    })
}

/// The names of what is in the messages, each once in a row.
pub(super) fn kinds(messages: &[Value]) -> Vec<String> {
    let mut kinds: Vec<String> = messages
        .iter()
        .flat_map(|message| {
            let content = message["serverContent"].as_object();
            let outer = message.as_object().into_iter().flat_map(|fields| fields.keys());
            let inner = content.into_iter().flat_map(|fields| fields.keys());
            outer.filter(|name| *name != "serverContent" && *name != "usageMetadata").chain(inner).cloned()
        })
        .collect();
    kinds.dedup();
    kinds
}

/// The kinds without words, which may come at any time.
pub(super) fn acts(messages: &[Value]) -> Vec<String> {
    let mut kinds = kinds(messages);
    kinds.retain(|kind| !kind.ends_with("Transcription") && kind != "sessionResumptionUpdate");
    kinds.dedup();
    kinds
}

/// The words of a transcription.
pub(super) fn words(messages: &[Value], of: &str) -> String {
    messages.iter().filter_map(|message| message["serverContent"][of]["text"].as_str()).collect()
}

/// The milliseconds of audio.
pub(super) fn audio_ms(messages: &[Value]) -> usize {
    let parts = messages.iter().filter_map(|it| it["serverContent"]["modelTurn"]["parts"].as_array()).flatten();
    let data = parts.filter_map(|part| part["inlineData"]["data"].as_str());
    data.map(|data| client::decoded(data).unwrap().len()).sum::<usize>() / FORMAT.bytes_per_ms()
}
