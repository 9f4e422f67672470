use serde_json::json;

use super::*;
use crate::tools::rehearsal::sound::{Format, Sound};

fn user(id: &str) -> Item {
    Item {
        id: id.to_owned(),
        status: "completed",
        body: Body::Message { role: "user", parts: vec![Part::Text("hello there".to_owned())] },
        answered: false,
    }
}

fn spoken(id: &str, ms: u64) -> Item {
    let sound = Sound { format: Format::MuLaw, bytes: vec![0; ms as usize * 8].into() };
    let audio = AudioPart { transcript: Some("words".to_owned()), ..AudioPart::heard(sound) };
    Item {
        id: id.to_owned(),
        status: "completed",
        body: Body::Message { role: "assistant", parts: vec![Part::Audio(audio)] },
        answered: true,
    }
}

fn ids(conversation: &Conversation) -> Vec<&str> {
    conversation.items().iter().map(|item| item.id.as_str()).collect()
}

#[test]
fn an_item_goes_where_the_client_says() {
    let mut conversation = Conversation::default();
    assert_eq!(conversation.insert(user("a"), None), Ok(None));
    assert_eq!(conversation.insert(user("c"), None), Ok(Some("a".to_owned())));
    assert_eq!(conversation.insert(user("b"), Some("a")), Ok(Some("a".to_owned())));
    assert_eq!(conversation.insert(user("0"), Some("root")), Ok(None));
    assert_eq!(ids(&conversation), ["0", "a", "b", "c"]);
    let fault = conversation.insert(user("d"), Some("nobody")).unwrap_err();
    assert_eq!(fault.param.as_deref(), Some("previous_item_id"));
    assert_eq!(conversation.insert(user("a"), None).unwrap_err().code, "item_create_invalid_item_id");
    assert_eq!(ids(&conversation), ["0", "a", "b", "c"]);
}

#[test]
fn a_truncation_may_not_be_longer_than_the_audio() {
    let mut conversation = Conversation::default();
    conversation.push(spoken("a", 3_700));
    let fault = conversation.truncate("a", 3_760).unwrap_err();
    assert_eq!(fault.message, "Audio content of 3700ms is already shorter than 3760ms");
    assert_eq!(conversation.truncate("a", 3_700), Ok(()));
    assert_eq!(conversation.truncate("a", 1_000), Ok(()));
    assert_eq!(conversation.truncate("a", 1_001).unwrap_err().code, "invalid_value");
    let item = conversation.retrieve("a").unwrap();
    assert_eq!(item["content"][0]["transcript"], Value::Null, "unheard words leave the context");
    assert_eq!(conversation.items()[0].sound().unwrap().ms(), 1_000);
}

#[test]
fn an_item_truncated_while_it_is_spoken_stays_truncated() {
    let mut conversation = Conversation::default();
    let mut item = spoken("a", 0);
    item.body = Body::Message { role: "assistant", parts: vec![] };
    conversation.push(item);
    conversation.grow("a", 1_000);
    assert_eq!(conversation.truncate("a", 1_001).unwrap_err().code, "invalid_value");
    assert_eq!(conversation.truncate("a", 700), Ok(()));
    conversation.grow("a", 2_000);
    conversation.finish(spoken("a", 2_000));
    assert_eq!(conversation.items()[0].sound().unwrap().ms(), 700);
    assert_eq!(conversation.truncate("a", 701).unwrap_err().code, "invalid_value");
}

#[test]
fn only_the_models_own_audio_can_be_truncated() {
    let mut conversation = Conversation::default();
    conversation.push(user("u"));
    conversation.push(spoken("empty", 0));
    assert_eq!(conversation.truncate("u", 10).unwrap_err().code, "unsupported_content_type");
    assert_eq!(conversation.truncate("empty", 10).unwrap_err().code, "unsupported_content_type");
    assert_eq!(conversation.truncate("x", 10).unwrap_err().code, "item_truncate_invalid_item_id");
}

#[test]
fn a_result_needs_its_call() {
    let mut conversation = Conversation::default();
    let output = json!({"type": "function_call_output", "call_id": "call_1", "output": ""});
    let item = Item::read(&output, "item_1".to_owned(), Format::MuLaw).unwrap();
    assert_eq!(conversation.insert(item, None).unwrap_err().code, "invalid_tool_call_id");
}

#[test]
fn a_conversation_stays_bounded() {
    let mut conversation = Conversation::default();
    for n in 0..2_000 {
        conversation.push(spoken(&format!("item_{n}"), 100));
    }
    assert_eq!(conversation.items().len(), MOST_ITEMS);
    let sounds = conversation.items().iter().filter(|item| item.sound().is_some()).count();
    assert_eq!(sounds, SOUNDS_KEPT);
}
