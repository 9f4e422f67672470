//! Fixtures for tests of calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;

use crate::carrier::AudioFormat;
use crate::carrier::control::Target;
use crate::ids::{CallId, CarrierCallId, Private, StreamId};
use crate::line::identity::{CallIdentity, Direction};
use crate::profile::destinations::Destination;
use crate::profile::no_input::NoInputPlan;
use crate::profile::nods::Nods;
use crate::profile::spending::SpendPlan;
use crate::profile::values::{Given, Values};
use crate::profile::{
    AudioPlan, CallProfile, Colleagues, Greeting, InterruptionPlan, KeypadPlan, LanguageProfile, Limits,
};
use crate::realtime::openai::plan::{TurnDetection, sample};
use crate::realtime::plan::{SessionPlan, Transcription};

/// A profile with a spoken greeting and a server that interrupts by itself.
pub(crate) fn profile() -> CallProfile {
    CallProfile {
        agent: "reception".to_owned(),
        language: "en".to_owned(),
        model: Arc::new(plan()),
        greeting: Greeting::Spoken("Greet the caller.".to_owned()),
        limits: Limits {
            max_duration: Duration::from_secs(600),
            line_silence: Duration::from_secs(60),
            goodbye: Duration::from_secs(6),
            lost_socket: Duration::from_secs(8),
            model_setup: Duration::from_secs(10),
            model_answer: Duration::from_millis(10_600),
            late_answer: Duration::from_secs(5),
        },
        playout_lead: Duration::from_millis(200),
        audio: AudioPlan::default(),
        recording: None,
        interruption: InterruptionPlan::default(),
        second_opinion: None,
        notice: None,
        on_model_loss: None,
        // No prompts to a silent caller, except in tests about them.
        no_input: NoInputPlan { before_prompts: Vec::new(), before_goodbye: A_DAY, longest_without_words: A_DAY },
        keypad: KeypadPlan::default(),
        languages: Arc::default(),
        questions: Vec::new(),
        tools: Arc::default(),
        spend: SpendPlan::default(),
        caller: None,
        send_safety_identifier: true,
        variant: None,
        configuration: "0a1b2c3d4e5f".into(),
        route: None,
        answered_by: None,
        transfers: Arc::new([("sales".to_owned(), sales())].into()),
        variables: Arc::default(),
        given: Given::default(),
        values: Values::default(),
        hand_over: Vec::new(),
        colleagues: Colleagues::default(),
    }
}

/// A destination that can always be reached.
pub(crate) fn sales() -> Destination {
    Destination {
        target: Target::Number(Private::new("+15550100003".to_owned())),
        hours: None,
        timeout: Duration::from_secs(20),
        announce: None,
        caller_id: None,
        whisper: None,
        briefing: None,
        language: None,
        most_an_hour: 10,
    }
}

const A_DAY: Duration = Duration::from_secs(86_400);

/// The session of [`profile`].
pub(crate) fn plan() -> SessionPlan {
    let mut plan = sample::plan();
    let own = sample::own(&mut plan);
    own.address = sample::address("", "rehearsal");
    let common = plan.common_mut();
    common.instructions = "Be helpful.".to_owned();
    common.connect_timeout = Duration::from_secs(5);
    plan
}

/// The same with these instructions and this voice.
pub(crate) fn plan_speaking(instructions: &str, voice: &str) -> SessionPlan {
    let mut plan = plan();
    instructions.clone_into(&mut plan.common_mut().instructions);
    voice.clone_into(&mut sample::own(&mut plan).voice);
    plan
}

/// The same, where the server may need an order to answer or to interrupt.
pub(crate) fn plan_where(answers: bool, interrupts: bool) -> SessionPlan {
    let mut plan = plan();
    sample::own(&mut plan).turn_detection = TurnDetection::Semantic {
        eagerness: "auto".to_owned(),
        create_response: answers,
        interrupt_response: interrupts,
    };
    plan
}

/// The identity of a call on a mu-law line.
pub(crate) fn identity(id: CallId) -> CallIdentity {
    CallIdentity {
        id,
        carrier: crate::carrier::testing::CARRIER,
        carrier_call: CarrierCallId::new("CA1"),
        stream: StreamId::new("MZ1"),
        direction: Direction::Inbound,
        from: Private::new("+15550100001".to_owned()),
        to: Private::new("+15550100002".to_owned()),
        line: AudioFormat::MULAW_8K.into(),
        started_at: DateTime::UNIX_EPOCH,
        parameters: Private::default(),
    }
}

/// The identity of some call.
pub(crate) fn some_identity() -> CallIdentity {
    identity(CallId::random())
}

/// A second language, Hindi by its code: spoken, without recordings and without texts of its own.
pub(crate) fn hindi() -> Arc<BTreeMap<String, LanguageProfile>> {
    let transcription =
        Some(Transcription { model: "t".to_owned(), language: Some("hi".to_owned()), ..Transcription::default() });
    let hindi = LanguageProfile {
        name: "Hindi".to_owned(),
        instructions: "Speak Hindi.".to_owned(),
        backend: None,
        voice: "marin".to_owned(),
        transcription,
        greeting: Greeting::None,
        idle_prompts: vec!["…".to_owned()],
        goodbye: "…".to_owned(),
        apology: "…".to_owned(),
        apology_sound: None,
        filler_sound: None,
        filler: "…".to_owned(),
        never_interrupts: Nods::default(),
    };
    Arc::new([("hi".to_owned(), hindi)].into())
}
