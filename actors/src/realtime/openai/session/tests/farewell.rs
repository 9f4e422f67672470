use super::*;
use crate::realtime::plan::Transcription;

const STARTED: &str = "input_audio_buffer.speech_started";
const STOPPED: &str = "input_audio_buffer.speech_stopped";
const COMMITTED: &str = "input_audio_buffer.committed";
const COMPLETED: &str = "conversation.item.input_audio_transcription.completed";
const FAILED: &str = "conversation.item.input_audio_transcription.failed";

#[test]
fn a_session_that_owes_no_words_is_closed_at_once() {
    let mut harness = transcribing();
    harness.hear(json!({"type": STARTED, "item_id": "u"}));
    harness.hear(json!({"type": STOPPED, "item_id": "u"}));
    harness.hear(json!({"type": COMMITTED, "item_id": "u"}));
    harness.hear(json!({"type": COMPLETED, "item_id": "u", "transcript": "Good-bye."}));
    let seen = harness.order(ModelOrder::Close);
    assert!(seen.closed && seen.sent.is_empty());
    assert_eq!(harness.session.deadline(), None);
}

#[test]
fn without_transcription_nothing_is_waited_for() {
    let mut harness = Harness::ready();
    harness.hear(json!({"type": STARTED, "item_id": "u"}));
    harness.hear(json!({"type": STOPPED, "item_id": "u"}));
    harness.hear(json!({"type": STARTED, "item_id": "v"}));
    assert!(harness.order(ModelOrder::Close).closed);
}

#[test]
fn transcription_that_was_turned_on_later_is_waited_for() {
    let mut harness = Harness::ready();
    let transcription = Some(Some(whisper()));
    harness.order(ModelOrder::Configure {
        backend: None,
        language: None,
        instructions: None,
        transcription,
        tools: None,
    });
    harness.hear(json!({"type": STOPPED, "item_id": "u"}));
    assert!(!harness.order(ModelOrder::Close).closed);
}

#[test]
fn the_last_words_are_waited_for_and_end_the_wait() {
    for words in
        [json!({"type": COMPLETED, "item_id": "u", "transcript": "Good-bye."}), json!({"type": FAILED, "item_id": "u"})]
    {
        let mut harness = transcribing();
        harness.hear(json!({"type": STOPPED, "item_id": "u"}));
        assert!(!harness.order(ModelOrder::Close).closed);
        assert!(harness.session.is_lingering() && !harness.session.is_ready());
        let placed = harness.hear(json!({"type": COMMITTED, "item_id": "u", "previous_item_id": "a"}));
        let place = Words::Placed { item: item("u"), speaker: Speaker::Caller, previous: Some(item("a")) };
        assert_eq!(placed.words, [place]);
        assert!(!placed.closed && placed.sent.is_empty());
        let text = words["transcript"].as_str().map(str::to_owned);
        let last = harness.hear(words);
        assert_eq!(last.words, [Words::CallerSaid { item: item("u"), text }]);
        assert!(last.closed && last.reports.is_empty());
    }
}

#[test]
fn words_that_do_not_come_are_waited_for_two_seconds() {
    let mut harness = transcribing();
    harness.hear(json!({"type": STOPPED, "item_id": "u"}));
    let ordered = harness.now;
    harness.order(ModelOrder::Close);
    harness.now += Duration::from_millis(1_999);
    assert!(!harness.on(SessionEvent::DeadlinePassed).closed);
    // A second order neither restarts the wait nor shortens it.
    assert!(!harness.order(ModelOrder::Close).closed);
    assert!(harness.pass(Timer::WordsLate).closed);
    assert_eq!(harness.now - ordered, Duration::from_secs(2));
    assert_eq!(harness.session.deadline(), None);
}

#[test]
fn what_the_caller_was_saying_is_made_an_item_and_transcribed() {
    let mut harness = transcribing();
    harness.hear(json!({"type": STARTED, "item_id": "u"}));
    let sent = harness.order(ModelOrder::Close).sent;
    assert_eq!(sent, [json!({"type": "input_audio_buffer.commit", "event_id": "commit-2"})]);
    assert!(!harness.hear(json!({"type": COMMITTED, "item_id": "u", "previous_item_id": "a"})).closed);
    let last = harness.hear(json!({"type": COMPLETED, "item_id": "u", "transcript": "Never mi"}));
    assert_eq!(last.words, [Words::CallerSaid { item: item("u"), text: Some("Never mi".to_owned()) }]);
    assert!(last.closed);
}

#[test]
fn an_item_made_under_another_name_leaves_nothing_to_wait_for() {
    let mut harness = transcribing();
    harness.hear(json!({"type": STARTED, "item_id": "u"}));
    harness.order(ModelOrder::Close);
    let made = harness.hear(json!({"type": COMMITTED, "item_id": "v", "previous_item_id": "a"}));
    assert_eq!(made.words.last(), Some(&Words::CallerSaid { item: item("u"), text: None }));
    assert!(!made.closed);
    assert!(harness.hear(json!({"type": COMPLETED, "item_id": "v", "transcript": "Never mi"})).closed);
}

#[test]
fn an_earlier_turn_that_is_made_late_is_not_taken_for_the_last() {
    let mut harness = transcribing();
    harness.hear(json!({"type": STOPPED, "item_id": "first"}));
    harness.hear(json!({"type": STARTED, "item_id": "last"}));
    harness.order(ModelOrder::Close);
    harness.hear(json!({"type": COMMITTED, "item_id": "first"}));
    assert!(!harness.hear(json!({"type": COMPLETED, "item_id": "first", "transcript": "Yes."})).closed);
    harness.hear(json!({"type": COMMITTED, "item_id": "last", "previous_item_id": "first"}));
    assert!(harness.hear(json!({"type": COMPLETED, "item_id": "last", "transcript": "And"})).closed);
}

#[test]
fn too_little_to_make_an_item_of_ends_the_wait() {
    for about in [Some("commit-2"), None] {
        let mut harness = transcribing();
        harness.hear(json!({"type": STARTED, "item_id": "u"}));
        harness.order(ModelOrder::Close);
        assert!(!harness.error("invalid_value", "something else", Some("say-1")).closed);
        let refused = harness.error("input_audio_buffer_commit_empty", "buffer too small", about);
        assert_eq!(refused.words, [Words::CallerSaid { item: item("u"), text: None }]);
        assert!(refused.closed && refused.reports.is_empty());
    }
}

#[test]
fn a_turn_that_the_server_made_an_item_first_is_waited_for_though_ours_is_refused() {
    let mut harness = transcribing();
    harness.hear(json!({"type": STARTED, "item_id": "u"}));
    harness.order(ModelOrder::Close);
    harness.hear(json!({"type": STOPPED, "item_id": "u"}));
    harness.hear(json!({"type": COMMITTED, "item_id": "u"}));
    let refused = harness.error("input_audio_buffer_commit_empty", "buffer too small", Some("commit-2"));
    assert!(!refused.closed && refused.words.is_empty());
    assert!(harness.hear(json!({"type": COMPLETED, "item_id": "u", "transcript": "Bye."})).closed);
}

#[test]
fn a_response_is_stopped_whether_it_runs_or_begins() {
    let mut harness = transcribing();
    harness.hear(json!({"type": STOPPED, "item_id": "u"}));
    harness.hear(json!({"type": "response.created", "response": {"id": "r1"}}));
    let sent = harness.order(ModelOrder::Close).sent;
    assert_eq!((&sent[0]["type"], &sent[0]["response_id"]), (&json!("response.cancel"), &json!("r1")));
    assert_eq!(sent.len(), 1);
    let sent = harness.hear(json!({"type": "response.created", "response": {"id": "r2"}})).sent;
    assert_eq!((&sent[0]["type"], &sent[0]["response_id"]), (&json!("response.cancel"), &json!("r2")));
    assert!(harness.error("response_cancel_not_active", "Cancellation failed", Some("stop-3")).reports.is_empty());
}

#[test]
fn a_session_that_waits_for_the_last_words_does_nothing_else() {
    let mut harness = transcribing();
    harness.order(request(ResponsePurpose::Greeting, None));
    harness.order(request(ResponsePurpose::Notice, None));
    harness.hear(json!({"type": "response.created", "response": {"id": "r1", "metadata": {"wish": "1"}}}));
    harness.hear(json!({"type": STOPPED, "item_id": "u"}));
    harness.order(ModelOrder::Close);
    for order in [
        request(ResponsePurpose::Notice, None),
        ModelOrder::AddText { role: TextRole::User, text: "x".to_owned() },
        ModelOrder::CancelResponse,
        ModelOrder::Configure {
            backend: None,
            language: None,
            instructions: Some("x".to_owned()),
            transcription: None,
            tools: None,
        },
    ] {
        assert!(is_nothing(&harness.order(order)));
    }
    assert!(is_nothing(&harness.audio("r1", "i1", 48)));
    for event in [
        json!({"type": "response.done", "response": {"id": "r1", "status": "cancelled"}}),
        json!({"type": "response.output_audio_transcript.delta", "response_id": "r1", "item_id": "i1", "delta": "x"}),
        json!({"type": "conversation.item.added", "item": {"id": "i2", "type": "message", "role": "assistant"}}),
        json!({"type": STARTED, "item_id": "w"}),
        json!({"type": "error", "error": {"type": "server_error", "message": "m"}}),
        json!({"type": "error"}),
    ] {
        assert!(is_nothing(&harness.hear(event.clone())), "{event}");
    }
    assert!(is_nothing(&harness.on(SessionEvent::Unintelligible)));
    assert_eq!(harness.on(SessionEvent::Ping(Bytes::from_static(b"1"))).pongs.len(), 1);
}

#[test]
fn a_lost_session_is_no_loss_any_more() {
    for event in [SessionEvent::Closed { code: Some(1011), reason: "x" }, SessionEvent::Broken("reset")] {
        let mut harness = transcribing();
        harness.hear(json!({"type": STOPPED, "item_id": "u"}));
        harness.order(ModelOrder::Close);
        let seen = harness.on(event);
        assert!(seen.closed && seen.lost.is_none());
    }
    let mut harness = transcribing();
    harness.hear(json!({"type": STOPPED, "item_id": "u"}));
    harness.order(ModelOrder::Close);
    let seen = harness.error("session_expired", "60 minutes", None);
    assert!(seen.closed && seen.lost.is_none());
}

#[test]
fn what_is_awaited_from_a_server_that_never_transcribes_is_bounded() {
    let mut harness = transcribing();
    for number in 0..1_000 {
        harness.hear(json!({"type": STOPPED, "item_id": format!("u{number}")}));
    }
    harness.order(ModelOrder::Close);
    let closed: Vec<bool> = (980..1_000)
        .map(|number| {
            harness.hear(json!({"type": COMPLETED, "item_id": format!("u{number}"), "transcript": ""})).closed
        })
        .collect();
    assert_eq!(closed.iter().position(|closed| *closed), Some(19), "the newest are awaited");
}

fn transcribing() -> Harness {
    let mut harness = Harness::in_common(|common| common.transcription = Some(whisper()));
    harness.on(SessionEvent::Opened);
    harness.hear(json!({"type": "session.created", "session": {"id": "sess_1"}}));
    harness.hear(json!({"type": "session.updated", "session": {"id": "sess_1"}}));
    assert!(harness.session.is_ready());
    harness
}

fn whisper() -> Transcription {
    Transcription { model: "whisper-1".to_owned(), ..Transcription::default() }
}

fn is_nothing(seen: &Seen) -> bool {
    seen.sent.is_empty()
        && seen.reports.is_empty()
        && seen.words.is_empty()
        && seen.audio.is_empty()
        && seen.complete.is_empty()
        && seen.lost.is_none()
        && !seen.closed
}
