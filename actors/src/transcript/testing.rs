//! A call with invented numbers and words, for the tests of `transcript`.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;

use crate::carrier::AudioFormat;
use crate::ids::{CallId, CarrierCallId, Private, StreamId};
use crate::line::identity::{CallIdentity, Direction};
use crate::profile::no_input::NoInputPlan;
use crate::profile::spending::SpendPlan;
use crate::profile::values::{Given, Values};
use crate::profile::{AudioPlan, CallProfile, Colleagues, Greeting, InterruptionPlan, KeypadPlan, Limits};
use crate::realtime::openai::plan::sample;
use crate::realtime::plan::Transcription;

/// An inbound call that began on 17 October 2025, 11:20 UTC.
pub(super) fn identity() -> CallIdentity {
    CallIdentity {
        id: CallId::random(),
        carrier: crate::carrier::testing::CARRIER,
        carrier_call: CarrierCallId::new("CA1"),
        stream: StreamId::new("MZ1"),
        direction: Direction::Inbound,
        from: Private::new("+15550100001".to_owned()),
        to: Private::new("+15550100002".to_owned()),
        line: AudioFormat::MULAW_8K.into(),
        started_at: DateTime::from_timestamp_millis(1_760_700_000_000).expect("a time"),
        parameters: Private::default(),
    }
}

/// A call whose caller is transcribed.
pub(super) fn profile() -> CallProfile {
    let second = Duration::from_secs(1);
    let mut model = sample::plan();
    sample::own(&mut model).address = sample::address("", "rehearsal-1");
    model.common_mut().transcription =
        Some(Transcription { model: "whisper-1".to_owned(), ..Transcription::default() });
    CallProfile {
        agent: "reception".to_owned(),
        language: "hi".to_owned(),
        model: Arc::new(model),
        greeting: Greeting::None,
        limits: Limits {
            max_duration: second,
            line_silence: second,
            goodbye: second,
            lost_socket: second,
            model_setup: second,
            model_answer: second,
            late_answer: second,
        },
        playout_lead: second,
        audio: AudioPlan::default(),
        recording: None,
        interruption: InterruptionPlan::default(),
        second_opinion: None,
        notice: None,
        on_model_loss: None,
        no_input: NoInputPlan::default(),
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
        transfers: Arc::default(),
        variables: Arc::default(),
        given: Given::default(),
        values: Values::default(),
        hand_over: Vec::new(),
        colleagues: Colleagues::default(),
    }
}
