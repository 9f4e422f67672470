mod across;
mod clips;
mod handing_over;
mod instead;
mod resumed;
mod scripts;
mod table;

use serde_json::{Value, json};

use super::*;
use crate::carrier::AudioFormat;
use crate::incident::IncidentKind;
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::messages::{ResponsePurpose, ResponseRequest};
use crate::realtime::openai::Dialect;
use crate::realtime::openai::plan::{OpenAiPlan, sample};
use crate::realtime::plan::Resilience;
use crate::realtime::report::{LossClass, ModelLoss};

/// The sessions of a call, with a clock that the test controls.
struct Rig {
    sessions: Sessions,
    now: Instant,
    /// Actions that the test has not examined yet.
    out: Vec<SessionsAction>,
}

impl Rig {
    fn with(change: impl FnOnce(&mut SessionPlan)) -> Self {
        let mut plan = sample::plan();
        plan.resilience = Resilience {
            fallbacks: vec![sample::provider(sample::address("other", "fallback"))],
            patience: Duration::from_secs(1_000),
            rotate_before: Duration::from_secs(60),
            rotate_latest: Duration::from_secs(10),
            ..Resilience::default()
        };
        change(&mut plan);
        #[expect(clippy::disallowed_methods, reason = "any instant will do, and there is no other way to have one")]
        let now = Instant::now();
        let mut rig = Self { sessions: Sessions::new(Arc::new(plan), now), now, out: Vec::new() };
        rig.on(SessionsEvent::Started);
        rig
    }

    fn on(&mut self, event: SessionsEvent<'_>) {
        self.sessions.handle(event, self.now, &mut self.out);
    }

    fn advise(&mut self, standings: &[Standing], chance: f64) {
        let question = self.sessions.last_question;
        self.on(SessionsEvent::Advised { question, standings, chance });
    }

    fn session(&mut self, leg: LegId, event: SessionEvent<'_>) {
        self.on(SessionsEvent::Session { leg, event });
    }

    #[expect(clippy::needless_pass_by_value, reason = "an event is written where it is said")]
    fn hear(&mut self, leg: LegId, event: Value) {
        self.session(leg, SessionEvent::Text(&event.to_string()));
    }

    /// Opens the socket of `leg` and creates its session, which lasts an hour.
    fn open(&mut self, leg: LegId) {
        self.on(SessionsEvent::Dialled { leg, said: Vec::new(), epoch_s: 0.0 });
        self.hear(leg, json!({"type": "session.created", "session": {"id": "sess", "expires_at": 3600}}));
    }

    /// Makes the server accept the configuration of `leg`.
    fn configure(&mut self, leg: LegId) {
        self.hear(leg, json!({"type": "session.updated", "session": {"id": "sess"}}));
    }

    fn order(&mut self, order: ModelOrder) {
        self.on(SessionsEvent::Ordered(order));
    }

    fn drop_socket(&mut self, leg: LegId) {
        self.session(leg, SessionEvent::Broken("it broke"));
    }

    /// Advances the clock to the next deadline.
    fn pass(&mut self) {
        if let Some(at) = self.sessions.deadline() {
            self.now = self.now.max(at);
        }
        self.on(SessionsEvent::DeadlinePassed);
    }
}

/// Candidates that differ in dialect, audio format and capabilities.
fn unlike_candidates() -> Vec<ProviderPlan> {
    let unlike = [
        ("openai", AudioFormat::MULAW_8K),
        ("partial", AudioFormat::PCM_24K),
        ("beta", AudioFormat::MULAW_8K),
        ("inworld", AudioFormat::PCM_24K),
        ("azure_voice_live", AudioFormat::ALAW_8K),
    ];
    let plan = |(word, format)| {
        let dialect = Dialect::named(word).expect("a dialect");
        ProviderPlan::OpenAi(Arc::new(OpenAiPlan {
            dialect,
            format,
            address: sample::address(word, word),
            ..sample::openai()
        }))
    };
    unlike.into_iter().map(plan).collect()
}

fn loss() -> ModelLoss {
    ModelLoss { class: LossClass::Retryable, reason: "it is gone".to_owned() }
}

fn speak(instructions: &str) -> ModelOrder {
    ModelOrder::Speak(ResponseRequest { purpose: ResponsePurpose::Notice, instructions: Some(instructions.to_owned()) })
}

#[test]
fn a_late_answer_to_an_older_question_changes_nothing() {
    let mut rig = Rig::with(|_| {});
    rig.on(SessionsEvent::Advised { question: 0, standings: &[], chance: 0.0 });
    assert!(matches!(rig.sessions.standby, Standby::Asking { .. }));
    rig.advise(&[], 0.0);
    assert!(matches!(rig.sessions.standby, Standby::Dialling(_)));
    rig.advise(&[Standing::Blocked, Standing::Blocked], 0.0);
    assert!(matches!(rig.sessions.standby, Standby::Dialling(_)), "it was answered before");
}

#[test]
fn a_session_that_had_waited_and_failed_is_followed_by_a_fresh_one_until_one_works() {
    let mut rig = Rig::with(|_| {});
    rig.advise(&[], 0.0);
    let created = json!({"type": "session.created", "session": {"id": "sess"}}).to_string();
    rig.on(SessionsEvent::Dialled { leg: LegId(1), said: vec![created.into()], epoch_s: 0.0 });
    rig.drop_socket(LegId(1));
    rig.out.clear();
    rig.advise(&[], 0.0);
    assert!(
        rig.out.iter().any(|action| matches!(action, SessionsAction::Dial { waiting_will_do: false, .. })),
        "{:?}",
        rig.out
    );
    rig.open(LegId(2));
    rig.configure(LegId(2));
    assert!(rig.sessions.waiting_will_do);
}

#[test]
fn an_expiry_is_counted_from_the_moment_the_socket_was_open() {
    let mut rig = Rig::with(|_| {});
    rig.advise(&[], 0.0);
    rig.open(LegId(1));
    let opened = rig.now;
    rig.now += Duration::from_secs(1);
    rig.configure(LegId(1));
    let (begin, latest) = rig.sessions.legs[0].renewal.expect("it expires");
    assert_eq!((begin - opened).as_secs(), 3_540);
    assert_eq!((latest - opened).as_secs(), 3_590);
}
