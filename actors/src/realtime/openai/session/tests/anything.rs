//! Tests with arbitrary messages of the server.

use proptest::prelude::*;

use super::*;

fn any_event() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        "session.created",
        "session.updated",
        "error",
        "response.created",
        "response.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.function_call_arguments.done",
        "conversation.item.added",
        "input_audio_buffer.committed",
        "input_audio_buffer.speech_started",
    ]);
    let word = prop::sample::select(vec![
        "a",
        "b",
        "",
        "root",
        "completed",
        "failed",
        "function_call",
        "say-1",
        "cut-1",
        "QUJD",
    ]);
    let value = word.prop_map(Value::from).prop_recursive(2, 12, 6, |inner| {
        let key = prop::sample::select(vec![
            "id",
            "type",
            "status",
            "response_id",
            "item_id",
            "item",
            "response",
            "session",
            "error",
            "code",
            "message",
            "event_id",
            "call_id",
            "name",
            "arguments",
            "delta",
            "transcript",
            "output",
            "audio",
            "metadata",
            "wish",
        ]);
        prop_oneof![
            prop::collection::vec((key, inner.clone()), 0..8)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
        ]
    });
    (kind, value).prop_map(|(kind, mut value)| {
        if !value.is_object() {
            value = json!({"item_id": "a", "response_id": "a", "delta": value, "item": value, "response": {"id": "a"}});
        }
        value["type"] = kind.into();
        value
    })
}

proptest! {
    #[test]
    fn nothing_a_server_says_panics_or_leaves_a_living_session_without_a_deadline(
        events in prop::collection::vec(any_event(), 0..40)
    ) {
        let mut harness = Harness::opened();
        let mut over = false;
        for event in events {
            over |= harness.hear(event).lost.is_some();
            harness.order(ModelOrder::TruncateItem { item: item("a"), heard: Duration::from_millis(1) });
            prop_assert_eq!(harness.session.deadline().is_none(), over);
        }
    }
}
