mod anything;
mod calls;
mod changes;
mod cuts;
mod dialects;
mod farewell;
mod health;
mod missed;
mod opening;
mod overtaken;
mod shapes;
mod words;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::carrier::AudioFormat;
use crate::ids::ItemId;
use crate::line::messages::FromModel;
use crate::realtime::messages::{ResponsePurpose, ResponseRequest, TextRole};
use crate::realtime::openai::options::ResponseToolChoice;
use crate::realtime::openai::plan::sample;
use crate::realtime::report::{ResponseOutcome, Speaker, Usage, Words};
use crate::tools::spec::ToolSpec;

struct Harness {
    session: Session,
    now: Instant,
}

/// The results of a step, by kind.
#[derive(Debug, Default)]
struct Seen {
    sent: Vec<Value>,
    reports: Vec<ModelReport>,
    words: Vec<Words>,
    audio: Vec<(String, String, Vec<u8>)>,
    complete: Vec<String>,
    pings: usize,
    pongs: Vec<Bytes>,
    expires_at: Option<f64>,
    prepared: bool,
    lost: Option<ModelLoss>,
    closed: bool,
}

impl Harness {
    fn with(change: impl FnOnce(&mut OpenAiPlan)) -> Self {
        let mut plan = sample::openai();
        change(&mut plan);
        Self::of(sample::common(), plan)
    }

    /// A session whose common settings differ from the sample.
    fn in_common(change: impl FnOnce(&mut Common)) -> Self {
        let mut common = sample::common();
        change(&mut common);
        Self::of(common, sample::openai())
    }

    fn of(common: Common, plan: OpenAiPlan) -> Self {
        #[expect(clippy::disallowed_methods, reason = "any instant will do, and there is no other way to have one")]
        let now = Instant::now();
        Self { session: Session::new(Arc::new(common), Arc::new(plan), now), now }
    }

    fn dialling() -> Self {
        Self::with(|_| {})
    }

    fn opened() -> Self {
        let mut harness = Self::dialling();
        harness.on(SessionEvent::Opened);
        harness
    }

    fn updating() -> Self {
        let mut harness = Self::opened();
        harness.hear(json!({"type": "session.created", "session": {"id": "sess_1", "type": "realtime"}}));
        harness
    }

    fn ready() -> Self {
        let mut harness = Self::updating();
        let seen = harness.hear(json!({"type": "session.updated", "session": {"id": "sess_1"}}));
        assert!(matches!(seen.reports[..], [ModelReport::Ready { .. }]), "{seen:?}");
        harness
    }

    fn on(&mut self, event: SessionEvent<'_>) -> Seen {
        let mut actions = Vec::new();
        self.session.handle(event, self.now, &mut actions);
        let mut seen = Seen::default();
        for action in actions {
            match action {
                SessionAction::SendAudio(_) => {}
                SessionAction::Send(text) => seen.sent.push(serde_json::from_str(&text).expect("our own JSON")),
                SessionAction::Pong(payload) => seen.pongs.push(payload),
                SessionAction::Ping => seen.pings += 1,
                SessionAction::ToAudio(FromModel { response, item, audio }) => {
                    seen.audio.push((response.to_string(), item.to_string(), audio.to_vec()));
                }
                SessionAction::Complete(complete) => seen.complete.push(complete.item.to_string()),
                SessionAction::ToWords(words) => seen.words.push(words),
                SessionAction::Report(report) => seen.reports.push(report),
                SessionAction::ExpiresAt(at) => seen.expires_at = Some(at),
                SessionAction::EndsIn(_)
                | SessionAction::Resumable(_)
                | SessionAction::ToLink(_)
                | SessionAction::Learned { .. } => {
                    unreachable!("this protocol has no such event")
                }
                SessionAction::Prepared => seen.prepared = true,
                SessionAction::Lose(loss) => seen.lost = Some(loss),
                SessionAction::Close => seen.closed = true,
            }
        }
        seen
    }

    #[expect(clippy::needless_pass_by_value, reason = "an event is written where it is said")]
    fn hear(&mut self, event: Value) -> Seen {
        self.on(SessionEvent::Text(&event.to_string()))
    }

    fn order(&mut self, order: ModelOrder) -> Seen {
        self.on(SessionEvent::Ordered(order))
    }

    fn error(&mut self, code: &str, message: &str, about: Option<&str>) -> Seen {
        self.hear(json!({"type": "error", "error": {"type": "invalid_request_error", "code": code,
            "message": message, "param": null, "event_id": about}}))
    }

    fn audio(&mut self, response: &str, item: &str, bytes: usize) -> Seen {
        let delta = base64_simd::STANDARD.encode_to_string(vec![7; bytes]);
        self.hear(json!({"type": "response.output_audio.delta", "response_id": response, "item_id": item,
            "output_index": 0, "content_index": 0, "delta": delta}))
    }

    /// Advances time to the next deadline, which must be `timer`.
    fn pass(&mut self, timer: Timer) -> Seen {
        let (at, due) = self.session.deadline().expect("a deadline");
        assert_eq!(due, timer);
        self.now = at;
        self.on(SessionEvent::DeadlinePassed)
    }
}

fn request(purpose: ResponsePurpose, instructions: Option<&str>) -> ModelOrder {
    ModelOrder::Speak(ResponseRequest { purpose, instructions: instructions.map(str::to_owned) })
}

fn tool(name: &str) -> ToolSpec {
    ToolSpec { name: name.to_owned(), description: String::new(), parameters: json!({}) }
}

fn class(seen: &Seen) -> Option<LossClass> {
    seen.lost.as_ref().map(|loss| loss.class)
}

fn item(id: &str) -> ItemId {
    ItemId::new(id)
}

#[test]
fn input_is_forgotten_by_clearing_the_server_s_buffer() {
    let mut harness = Harness::ready();
    assert_eq!(harness.order(ModelOrder::DiscardInput).sent[0]["type"], "input_audio_buffer.clear");
}

#[test]
fn every_client_event_has_an_id_of_its_own() {
    let mut harness = Harness::ready();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let seen = harness.order(ModelOrder::AddText { role: TextRole::User, text: "x".to_owned() });
        ids.extend(seen.sent.iter().map(|event| event["event_id"].as_str().expect("an id").to_owned()));
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn an_expired_session_is_reported_as_expired() {
    let mut harness = Harness::ready();
    let seen = harness.error("session_expired", "Your session hit the maximum duration of 60 minutes.", None);
    assert_eq!(class(&seen), Some(LossClass::Expired));
}

#[test]
fn an_old_error_does_not_classify_a_later_loss() {
    let mut harness = Harness::ready();
    harness.error("invalid_value", "some value", None);
    assert_eq!(class(&harness.on(SessionEvent::Broken("connection reset"))), Some(LossClass::Retryable));
}

#[test]
fn a_single_response_has_the_tool_choice_of_what_it_is_for() {
    let (mut common, mut plan) = (sample::common(), sample::openai());
    common.tools = vec![tool("look")];
    plan.options.tool_choices = [("keypad", ResponseToolChoice::Required)].into();
    let mut harness = Harness::of(common, plan);
    harness.on(SessionEvent::Opened);
    harness.hear(json!({"type": "session.created", "session": {"id": "sess_1", "type": "realtime"}}));
    harness.hear(json!({"type": "session.updated", "session": {"id": "sess_1"}}));
    for (purpose, expected) in [(ResponsePurpose::Keypad, json!("required")), (ResponsePurpose::Notice, Value::Null)] {
        let request = ResponseRequest { purpose, instructions: None };
        let seen = harness.on(SessionEvent::Ordered(ModelOrder::Speak(request)));
        assert_eq!(seen.sent[0]["response"]["tool_choice"], expected, "{seen:?}");
        let id = format!("resp_{}", purpose.word());
        let metadata = seen.sent[0]["response"]["metadata"].clone();
        for (kind, status) in [("response.created", "in_progress"), ("response.done", "completed")] {
            harness.hear(json!({"type": kind, "response": {"id": id, "status": status, "metadata": metadata}}));
            harness.audio(&id, purpose.word(), 960);
        }
    }
}

#[test]
fn a_response_flows_to_audio_and_words() {
    let mut harness = Harness::ready();
    let started =
        harness.hear(json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}));
    assert_eq!(started.reports, [ModelReport::ResponseStarted { response: ResponseId::new("resp_1") }]);
    let placed = harness.hear(json!({"type": "conversation.item.added", "previous_item_id": "item_0",
        "item": {"id": "item_1", "type": "message", "role": "assistant", "content": []}}));
    let place = Words::Placed { item: item("item_1"), speaker: Speaker::Agent, previous: Some(item("item_0")) };
    assert_eq!(placed.words, [place]);
    let says = harness.hear(json!({"type": "response.output_audio_transcript.delta", "response_id": "resp_1",
        "item_id": "item_1", "delta": "Good "}));
    let (response, agent) = (ResponseId::new("resp_1"), item("item_1"));
    assert_eq!(
        says.words,
        [Words::AgentSays { response: response.clone(), item: agent.clone(), delta: "Good ".to_owned(), span: None }]
    );
    assert_eq!(harness.audio("resp_1", "item_1", 6).audio, [("resp_1".to_owned(), "item_1".to_owned(), vec![7; 6])]);
    let done =
        harness.hear(json!({"type": "response.output_audio.done", "response_id": "resp_1", "item_id": "item_1"}));
    assert_eq!(done.complete, ["item_1"]);
    let said = harness.hear(json!({"type": "response.output_audio_transcript.done", "response_id": "resp_1",
        "item_id": "item_1", "content_index": 0, "transcript": "Good day."}));
    assert_eq!(
        said.words,
        [Words::AgentSaid { response: response.clone(), item: agent, text: "Good day.".to_owned() }]
    );
    let done = harness.hear(json!({"type": "response.done", "response": {"id": "resp_1", "status": "completed",
        "status_details": null, "output": [], "metadata": null, "usage": {"total_tokens": 30, "input_tokens": 20,
        "output_tokens": 10, "input_token_details": {"text_tokens": 12, "audio_tokens": 8, "cached_tokens": 5,
        "cached_tokens_details": {"text_tokens": 4, "audio_tokens": 1}},
        "output_token_details": {"text_tokens": 3, "audio_tokens": 7}}}}));
    let usage = Usage {
        input_text: 12,
        input_audio: 8,
        cached_text: 4,
        cached_audio: 1,
        output_text: 3,
        output_audio: 7,
        ..Usage::default()
    };
    assert_eq!(
        done.reports,
        [ModelReport::ResponseFinished { response, outcome: ResponseOutcome::Completed, usage: Some(usage) }]
    );
    assert!(done.complete.is_empty(), "reported once");
}

#[test]
fn audio_without_a_done_event_ends_with_its_response() {
    let mut harness = Harness::ready();
    harness.audio("resp_1", "item_1", 4);
    harness.audio("resp_1", "item_2", 4);
    let done = harness.hear(json!({"type": "response.done", "response": {"id": "resp_1", "status": "completed"}}));
    assert_eq!(done.complete, ["item_1", "item_2"]);
}

#[test]
fn the_callers_turn_is_reported_placed_and_transcribed() {
    let mut harness = Harness::ready();
    let started =
        harness.hear(json!({"type": "input_audio_buffer.speech_started", "audio_start_ms": 10, "item_id": "u"}));
    assert_eq!(started.reports, [ModelReport::SpeechStarted { item: item("u") }]);
    let stopped =
        harness.hear(json!({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 900, "item_id": "u"}));
    assert_eq!(stopped.reports, [ModelReport::SpeechStopped { item: item("u") }]);
    let committed =
        harness.hear(json!({"type": "input_audio_buffer.committed", "item_id": "u", "previous_item_id": "a"}));
    let place = Words::Placed { item: item("u"), speaker: Speaker::Caller, previous: Some(item("a")) };
    assert_eq!(committed.words, [place]);
    let added = harness.hear(json!({"type": "conversation.item.added", "previous_item_id": "a",
        "item": {"id": "u", "type": "message", "role": "user"}}));
    assert_eq!(added.words, [], "reported already");
    let said = harness.hear(json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": "u",
        "content_index": 0, "transcript": "hello", "usage": {"type": "duration", "seconds": 1}}));
    assert_eq!(said.words, [Words::CallerSaid { item: item("u"), text: Some("hello".to_owned()) }]);
    let failed = harness.hear(json!({"type": "conversation.item.input_audio_transcription.failed", "item_id": "u",
        "content_index": 0, "error": {"message": "m"}}));
    assert_eq!(failed.words, [Words::CallerSaid { item: item("u"), text: None }]);
}

#[test]
fn a_predecessor_that_becomes_known_is_reported() {
    let mut harness = Harness::ready();
    let committed = harness.hear(json!({"type": "input_audio_buffer.committed", "item_id": "u"}));
    assert_eq!(committed.words.len(), 1);
    let added = harness.hear(json!({"type": "conversation.item.added", "previous_item_id": "a",
        "item": {"id": "u", "type": "message", "role": "user"}}));
    let place = Words::Placed { item: item("u"), speaker: Speaker::Caller, previous: Some(item("a")) };
    assert_eq!(added.words, [place]);
}

#[test]
fn texts_of_ours_are_no_part_of_the_record() {
    let mut harness = Harness::ready();
    let sent = harness.order(ModelOrder::AddText { role: TextRole::Assistant, text: "Welcome".to_owned() }).sent;
    let id = sent[0]["item"]["id"].as_str().expect("an id").to_owned();
    assert!(id.len() <= 32);
    let added = harness.hear(json!({"type": "conversation.item.added", "previous_item_id": null,
        "item": {"id": id, "type": "message", "role": "assistant"}}));
    assert_eq!(added.words, [Words::Placed { item: item(&id), speaker: Speaker::System, previous: None }]);
}

#[test]
fn a_requests_instructions_come_after_the_sessions() {
    let mut harness = Harness::ready();
    let sent = harness.order(request(ResponsePurpose::Greeting, Some("Greet the caller."))).sent;
    assert_eq!(
        sent,
        [json!({"type": "response.create", "event_id": "say-1", "response": {
            "instructions": "Be brief.\n\nGreet the caller.",
            "metadata": {"purpose": "greeting", "wish": "1"}}})]
    );
    let plain = Harness::ready().order(request(ResponsePurpose::Keypad, None)).sent;
    assert!(plain[0]["response"].get("instructions").is_none());
}

#[test]
fn a_race_for_the_one_response_is_no_complaint_and_loses_nothing() {
    let mut harness = Harness::ready();
    harness.order(request(ResponsePurpose::Greeting, None));
    harness.hear(json!({"type": "response.created", "response": {"id": "own"}}));
    let refused = harness.error("conversation_already_has_active_response", "…", Some("say-1"));
    assert!(refused.reports.is_empty() && refused.sent.is_empty());
    harness.audio("own", "i", 960);
    let done = harness.hear(json!({"type": "response.done", "response": {"id": "own", "status": "completed"}}));
    assert_eq!(done.sent[0]["event_id"], "say-2");
    assert_eq!(done.sent[0]["response"]["metadata"]["wish"], "1");
}

#[test]
fn a_cancel_that_came_too_late_is_no_complaint() {
    let mut harness = Harness::ready();
    harness.hear(json!({"type": "response.created", "response": {"id": "own"}}));
    let sent = harness.order(ModelOrder::CancelResponse).sent;
    assert_eq!(sent, [json!({"type": "response.cancel", "event_id": "stop-1", "response_id": "own"})]);
    let refused =
        harness.error("response_cancel_not_active", "Cancellation failed: no active response found", Some("stop-1"));
    assert!(refused.reports.is_empty());
}

#[test]
fn a_rate_limited_response_is_asked_for_again_and_given_up_in_words() {
    let mut harness = Harness::ready();
    harness.order(request(ResponsePurpose::Greeting, None));
    for attempt in 1..=4 {
        let id = format!("r{attempt}");
        harness.hear(json!({"type": "response.created", "response": {"id": id, "metadata": {"wish": "1"}}}));
        let seen = harness.hear(json!({"type": "response.done", "response": {"id": id, "status": "failed",
            "metadata": {"wish": "1"}, "status_details": {"type": "failed", "error": {"type": "tokens",
            "code": "rate_limit_exceeded", "message": "Please try again in 1.5s."}}}}));
        assert!(seen.sent.is_empty());
        let failed = ResponseOutcome::Failed("rate_limit_exceeded".to_owned());
        let finished = seen
            .reports
            .iter()
            .position(|report| matches!(report, ModelReport::ResponseFinished { outcome, .. } if *outcome == failed));
        // The report stands before the end and says that the answer is requested again, so an
        // answer stays due.
        assert_eq!(finished, Some(usize::from(attempt < 4)), "{:?}", seen.reports);
        if attempt == 4 {
            let given_up = ModelReport::RequestGivenUp {
                purpose: Some(ResponsePurpose::Greeting),
                reason: "rate_limit_exceeded".to_owned(),
            };
            assert_eq!(seen.reports[1], given_up);
        } else {
            let failed_at = harness.now;
            let retry = harness.pass(Timer::Sequencer(sequencer::Timer::RetryDue));
            assert_eq!(harness.now - failed_at, Duration::from_millis(1_500));
            assert_eq!(retry.sent[0]["type"], "response.create");
        }
    }
}

#[test]
fn a_response_that_failed_for_want_of_money_ends_the_session() {
    let mut harness = Harness::ready();
    let seen = harness.hear(json!({"type": "response.done", "response": {"id": "r", "status": "failed",
        "status_details": {"error": {"type": "insufficient_quota", "code": "insufficient_quota"}}}}));
    assert_eq!(class(&seen), Some(LossClass::Fatal));
}

#[test]
fn other_errors_are_reported_and_survived() {
    let mut harness = Harness::ready();
    let seen = harness.error("item_truncate_invalid_item_id", "no such item", None);
    let complained = ModelReport::Complained {
        code: "item_truncate_invalid_item_id".to_owned(),
        message: "no such item".to_owned(),
    };
    assert_eq!(seen.reports, [complained]);
    assert!(harness.session.is_ready());
}

#[test]
fn an_order_to_close_is_obeyed_in_every_phase_and_ends_everything() {
    for mut harness in [Harness::dialling(), Harness::opened(), Harness::updating(), Harness::ready()] {
        assert!(harness.order(ModelOrder::Close).closed);
        assert_eq!(harness.session.deadline(), None);
        let after = harness.on(SessionEvent::Closed { code: Some(1000), reason: "" });
        assert!(after.lost.is_none());
    }
}

#[test]
fn the_audio_event_counts_its_frames() {
    let mut harness = Harness::ready();
    let ids = [(); 2].map(|()| {
        let text = harness.session.write_audio(&[1, 2]);
        serde_json::from_slice::<Value>(&text).expect("our own JSON")["event_id"].as_str().expect("an id").to_owned()
    });
    assert_eq!(ids, ["audio-1", "audio-2"]);
}
