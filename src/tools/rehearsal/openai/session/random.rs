//! Property test: whatever a client does in any order, the session never panics, never runs two
//! responses, and closes every item it opens.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::{Client, SILENCE, pcmu, voice};

/// Performs one action. `n` picks an id that exists or one that does not.
fn act(client: &mut Client, action: u8, n: u8) {
    let ids: Vec<Value> = client.events.iter().filter_map(|event| event["item"].get("id").cloned()).collect();
    let id = ids.get(usize::from(n) % (ids.len() + 1)).cloned().unwrap_or(json!("nobody"));
    let detection = |kind: Value| json!({"audio": {"input": {"turn_detection": kind}}});
    match action % 16 {
        0 => drop(client.send(&json!({"type": "response.create"}))),
        1 => drop(client.send(&json!({"type": "response.create", "response": {"conversation": "none", "output_modalities": ["text"]}}))),
        2 => drop(client.send(&json!({"type": "response.cancel"}))),
        3 => drop(client.speak(&voice(), usize::from(n % 40))),
        4 => drop(client.speak(&SILENCE, usize::from(n % 40))),
        // The format may change at any time, and a sample may be cut in half.
        5 => drop(client.speak(&voice()[..usize::from(n % 160)], 3)),
        6 => drop(client.send(&json!({"type": "input_audio_buffer.commit"}))),
        7 => drop(client.send(&json!({"type": "input_audio_buffer.clear"}))),
        8 => drop(client.send(&json!({"type": "conversation.item.truncate", "item_id": id, "content_index": 0, "audio_end_ms": u32::from(n) * 10}))),
        9 => drop(client.send(&json!({"type": "conversation.item.delete", "item_id": id}))),
        10 => drop(client.send(&json!({"type": "conversation.item.retrieve", "item_id": id}))),
        11 => drop(client.send(&json!({"type": "conversation.item.create", "previous_item_id": id, "item": {
            "type": "message", "role": "user", "content": [{"type": "input_text", "text": format!("pressed {}", n % 10)}]}}))),
        12 => drop(client.update(&if n.is_multiple_of(2) { pcmu() } else { json!({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}}) })),
        13 => drop(client.update(&detection(if n.is_multiple_of(2) { Value::Null } else { json!({"type": "semantic_vad"}) }))),
        14 => drop(client.update(&detection(json!({"type": "server_vad", "idle_timeout_ms": 5000})))),
        _ => drop(client.wait(u64::from(n) * 40)),
    }
}

/// Checks the invariants of every history of events.
fn check(events: &[Value]) -> Result<(), TestCaseError> {
    let mut active: Option<&Value> = None;
    let mut open: HashMap<&str, i32> = HashMap::new();
    for event in events {
        let response = &event["response"];
        let ours = !response["conversation_id"].is_null();
        match event["type"].as_str().unwrap_or_default() {
            "response.created" if ours => {
                prop_assert!(active.is_none(), "two responses at once");
                active = Some(&response["id"]);
            }
            "response.done" if ours => {
                prop_assert_eq!(active, Some(&response["id"]));
                active = None;
            }
            "response.output_item.added" => {
                *open.entry(event["item"]["id"].as_str().unwrap_or_default()).or_default() += 1;
            }
            "response.output_item.done" => {
                *open.entry(event["item"]["id"].as_str().unwrap_or_default()).or_default() -= 1;
            }
            "input_audio_buffer.speech_started" => prop_assert!(event["audio_start_ms"].is_u64()),
            _ => {}
        }
    }
    prop_assert!(open.values().all(|count| *count == 0), "an item was left open");
    prop_assert!(active.is_none(), "a response was left running");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_leaves_the_session_in_order(actions in prop::collection::vec((any::<u8>(), any::<u8>()), 1..40)) {
        let mut client = Client::new("");
        for (action, n) in actions {
            act(&mut client, action, n);
        }
        // With turn detection off, no prompt starts a new response, so every running response ends.
        client.update(&json!({"audio": {"input": {"turn_detection": null}}}));
        client.wait(60_000);
        check(&client.events)?;
    }
}
