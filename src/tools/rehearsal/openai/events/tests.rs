use serde_json::json;

use super::*;

#[test]
fn events_are_json_with_their_type_first_and_an_id_of_their_own() {
    let mut events = Events::new(7, Rc::default());
    events.send("input_audio_buffer.cleared", &json!({}));
    events.send("conversation.item.deleted", &json!({"item_id": "item_1"}));
    events.send_audio(r#""item_id":"item_1""#, &[0, 255]);
    events.send_delta("response.output_text.delta", r#""item_id":"item_1""#, &json!("a \"b\""));
    let mut ids = std::collections::HashSet::new();
    while let Some(Out::Event(text)) = events.next() {
        assert!(text.starts_with("{\"type\":\""), "{text}");
        let event: Value = serde_json::from_str(&text).unwrap();
        assert!(ids.insert(event["event_id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(ids.len(), 4);
}
