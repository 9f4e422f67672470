mod asking;
mod caller;
mod ends;
mod input;
mod opening;
mod scripts;
mod talk;
mod tools;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::ids::ToolCallId;
use crate::line::messages::FromModel;
use crate::realtime::gemini::plan::{Activity, sample};
use crate::realtime::messages::{ResponsePurpose, ResponseRequest, TextRole};
use crate::realtime::report::{ResponseOutcome, Speaker, Words};
use crate::realtime::seed::{Handoff, ResumptionHandle};

struct Harness {
    session: Session,
    now: Instant,
}

/// The results of a step, by kind.
#[derive(Debug, Default)]
struct Seen {
    sent: Vec<Value>,
    audio_sent: Vec<Value>,
    reports: Vec<ModelReport>,
    words: Vec<Words>,
    audio: Vec<(String, String, Vec<u8>)>,
    complete: Vec<String>,
    pings: usize,
    pongs: Vec<Bytes>,
    ends_in: Option<Duration>,
    handle: Option<String>,
    prepared: bool,
    lost: Option<ModelLoss>,
    closed: bool,
}

impl Seen {
    /// The only message that was sent.
    fn one(&self) -> &Value {
        let [sent] = &self.sent[..] else { panic!("one message, not {:#?}", self.sent) };
        sent
    }

    /// The text of the only message that was sent: a text for the model.
    fn text(&self) -> (String, bool) {
        let content = &self.one()["clientContent"];
        let texts = content["turns"].as_array().expect("turns").iter();
        let texts: Vec<&str> = texts.map(|turn| turn["parts"][0]["text"].as_str().expect("a text")).collect();
        (texts.join("|"), content["turnComplete"].as_bool().expect("said"))
    }

    fn outcome(&self) -> Option<&ResponseOutcome> {
        self.reports.iter().find_map(|report| {
            let ModelReport::ResponseFinished { outcome, .. } = report else { return None };
            Some(outcome)
        })
    }

    /// The names of the reports.
    fn names(&self) -> Vec<String> {
        let name = |report: &ModelReport| {
            let name = format!("{report:?}");
            name.split(|sign: char| !sign.is_alphanumeric()).next().unwrap_or_default().to_owned()
        };
        self.reports.iter().map(name).collect()
    }

    /// The complete words of the caller.
    fn caller_said(&self) -> Option<String> {
        let said = |words: &Words| if let Words::CallerSaid { text, .. } = words { text.clone() } else { None };
        self.words.iter().find_map(said)
    }

    /// The complete words of the agent.
    fn agent_said(&self) -> Option<&str> {
        self.words.iter().find_map(|words| {
            let Words::AgentSaid { text, .. } = words else { return None };
            Some(text.as_str())
        })
    }
}

fn opening() -> Opening {
    Opening { number: 1, continues: false, resumption: None, caller: None }
}

impl Harness {
    fn with(change: impl FnOnce(&mut Common, &mut GeminiPlan)) -> Self {
        Self::beginning(opening(), change)
    }

    fn beginning(opening: Opening, change: impl FnOnce(&mut Common, &mut GeminiPlan)) -> Self {
        let (mut common, mut plan) = (sample::common(), sample::gemini());
        change(&mut common, &mut plan);
        #[expect(clippy::disallowed_methods, reason = "any instant will do, and there is no other way to have one")]
        let now = Instant::now();
        Self { session: Session::standby(Arc::new(common), Arc::new(plan), opening, now), now }
    }

    /// A session of `model` that is ready.
    fn of(model: &str) -> Self {
        let mut harness = Self::with(|_, plan| plan.address.model = model.to_owned());
        harness.make_ready(Handoff::default());
        harness
    }

    fn ready() -> Self {
        Self::of("gemini-3.8-live")
    }

    fn prepare(&mut self) -> Seen {
        self.on(SessionEvent::Opened);
        self.hear(json!({"setupComplete": {}}))
    }

    fn make_ready(&mut self, handoff: Handoff) -> Seen {
        assert!(self.prepare().prepared);
        let seen = self.on(SessionEvent::HandedOver(handoff));
        assert!(matches!(seen.reports[..], [ModelReport::Ready { .. }]), "{seen:?}");
        seen
    }

    fn on(&mut self, event: SessionEvent<'_>) -> Seen {
        let mut actions = Vec::new();
        self.session.handle(event, self.now, &mut actions);
        Self::seen(actions)
    }

    fn seen(actions: Vec<SessionAction>) -> Seen {
        let mut seen = Seen::default();
        for action in actions {
            match action {
                SessionAction::SendAudio(frame) => {
                    seen.audio_sent.push(serde_json::from_slice(&frame).expect("our own JSON"));
                }
                SessionAction::Send(text) => seen.sent.push(serde_json::from_str(&text).expect("our own JSON")),
                SessionAction::Pong(payload) => seen.pongs.push(payload),
                SessionAction::Ping => seen.pings += 1,
                SessionAction::ToAudio(FromModel { response, item, audio }) => {
                    seen.audio.push((response.to_string(), item.to_string(), audio.to_vec()));
                }
                SessionAction::Complete(complete) => seen.complete.push(complete.item.to_string()),
                SessionAction::ToWords(words) => seen.words.push(words),
                SessionAction::Report(report) => seen.reports.push(report),
                SessionAction::ToLink(_) | SessionAction::Learned { .. } => panic!("it has one server and one socket"),
                SessionAction::ExpiresAt(_) => panic!("this protocol names no time of day"),
                SessionAction::EndsIn(left) => seen.ends_in = Some(left),
                SessionAction::Resumable(ResumptionHandle(handle)) => seen.handle = Some(handle.expose().clone()),
                SessionAction::Prepared => seen.prepared = true,
                SessionAction::Lose(loss) => seen.lost = Some(loss),
                SessionAction::Close => seen.closed = true,
            }
        }
        seen
    }

    /// A message of the server, in a binary frame as the real one sends it.
    #[expect(clippy::needless_pass_by_value, reason = "an event is written where it is said")]
    fn hear(&mut self, message: Value) -> Seen {
        self.on(SessionEvent::Binary(message.to_string().as_bytes()))
    }

    #[expect(clippy::needless_pass_by_value, reason = "an event is written where it is said")]
    fn content(&mut self, content: Value) -> Seen {
        self.hear(json!({"serverContent": content}))
    }

    fn order(&mut self, order: ModelOrder) -> Seen {
        self.on(SessionEvent::Ordered(order))
    }

    fn speak(&mut self, purpose: ResponsePurpose, instructions: Option<&str>) -> Seen {
        let instructions = instructions.map(str::to_owned);
        self.order(ModelOrder::Speak(ResponseRequest { purpose, instructions }))
    }

    /// Audible audio of the agent of this length.
    fn audio(&mut self, ms: usize) -> Seen {
        self.content(audio_of(ms, 60))
    }

    fn words(&mut self, text: &str) -> Seen {
        self.content(json!({"outputTranscription": {"text": text}}))
    }

    fn caller(&mut self, text: &str) -> Seen {
        self.content(json!({"inputTranscription": {"text": text}}))
    }

    fn turn_complete(&mut self) -> Seen {
        self.content(json!({"turnComplete": true}))
    }

    /// Advances time to the next deadline, which must be `timer`.
    fn pass(&mut self, timer: Timer) -> Seen {
        let (at, due) = self.session.deadline().expect("a deadline");
        assert_eq!(due, timer);
        self.now = at;
        self.on(SessionEvent::DeadlinePassed)
    }

    fn frame(&mut self, ms: usize) -> Seen {
        let mut actions = Vec::new();
        assert!(self.session.hear_caller(&vec![1; ms * 32], self.now, &mut actions));
        Self::seen(actions)
    }

    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }
}

/// The content of a message with audio.
fn audio_of(ms: usize, level: u8) -> Value {
    let data = base64_simd::STANDARD.encode_to_string(vec![level; ms * 48]);
    json!({"modelTurn": {"role": "model", "parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}]}})
}
