//! Tests of items that are cut to the part that was heard.

use super::*;

#[test]
fn a_truncation_never_exceeds_the_items_audio() {
    for (format, bytes, heard_ms, end_ms) in [
        (AudioFormat::PCM_24K, 48 * 1000 + 47, 1_500, Some(1_000)),
        (AudioFormat::PCM_24K, 48 * 1000, 400, Some(400)),
        (AudioFormat::MULAW_8K, 29_600, 3_760, Some(3_700)),
        (AudioFormat::MULAW_8K, 29_600, 0, None),
        (AudioFormat::MULAW_8K, 7, 500, None),
    ] {
        let mut harness = Harness::with(|plan| plan.format = format);
        harness.on(SessionEvent::Opened);
        harness.hear(json!({"type": "session.created", "session": {}}));
        harness.hear(json!({"type": "session.updated", "session": {}}));
        harness.audio("r", "i", bytes);
        let heard = Duration::from_millis(heard_ms);
        let sent = harness.order(ModelOrder::TruncateItem { item: item("i"), heard }).sent;
        assert_eq!(sent.len(), 1);
        match end_ms {
            Some(end) => {
                assert_eq!(sent[0]["type"], "conversation.item.truncate");
                assert_eq!((&sent[0]["audio_end_ms"], &sent[0]["content_index"]), (&json!(end), &json!(0)));
            }
            None => assert_eq!(sent[0]["type"], "conversation.item.delete", "of nothing heard, nothing stays"),
        }
    }
}

#[test]
fn what_was_heard_whole_is_not_cut() {
    let mut harness = Harness::ready();
    harness.audio("r", "i", 48 * 100);
    harness.hear(json!({"type": "response.output_audio.done", "response_id": "r", "item_id": "i"}));
    let heard = Duration::from_millis(100);
    assert!(harness.order(ModelOrder::TruncateItem { item: item("i"), heard }).sent.is_empty());
}

#[test]
fn items_that_the_server_never_had_are_left_alone() {
    let mut harness = Harness::ready();
    let heard = Duration::from_secs(1);
    assert!(harness.order(ModelOrder::TruncateItem { item: item("clip"), heard }).sent.is_empty());
    assert!(harness.order(ModelOrder::DeleteItem { item: item("clip") }).sent.is_empty());
    harness.audio("r", "i", 48);
    assert_eq!(harness.order(ModelOrder::DeleteItem { item: item("i") }).sent[0]["item_id"], "i");
    assert!(harness.order(ModelOrder::DeleteItem { item: item("i") }).sent.is_empty(), "it is gone");
}

#[test]
fn a_refused_truncation_is_sent_once_more_with_the_servers_length() {
    for about in [Some("cut-2"), None] {
        let mut harness = Harness::ready();
        harness.audio("r", "i", 48 * 3_760);
        harness.order(ModelOrder::TruncateItem { item: item("i"), heard: Duration::from_millis(3_760) });
        let message = "Audio content of 3700ms is already shorter than 3760ms";
        let again = harness.error("invalid_value", message, about);
        assert_eq!(again.sent.len(), 1);
        assert_eq!((&again.sent[0]["item_id"], &again.sent[0]["audio_end_ms"]), (&json!("i"), &json!(3_700)));
        assert!(matches!(again.reports[..], [ModelReport::Complained { .. }]), "it is a miscount, and counted");
        let event = again.sent[0]["event_id"].as_str();
        assert!(harness.error("invalid_value", message, event).sent.is_empty(), "once");
    }
}
