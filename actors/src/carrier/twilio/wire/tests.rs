use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;
use crate::frame::Frame;

/// One file of `tests/vectors/twilio`: a message and its meaning.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector<'a> {
    #[serde(borrow)]
    frame: &'a RawValue,
    means: Value,
}

#[test]
fn every_recorded_frame_means_what_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/twilio");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("the vectors are in the repository") {
        let path = entry.expect("a readable folder").path();
        check(&path);
        seen += 1;
    }
    assert!(seen >= 25, "only {seen} frames in {}", folder.display());
}

/// A frame that is not JSON, or whose exact bytes matter, is stored as a JSON string of its text.
fn check(path: &Path) {
    let text = fs::read_to_string(path).expect("a readable file");
    let vector: Vector<'_> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let frame: Cow<'_, str> = match serde_json::from_str::<String>(vector.frame.get()) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(vector.frame.get()),
    };
    assert_eq!(described(decode(&frame)), vector.means, "{}", path.display());
}

fn described(result: Result<LineEvent, WireError>) -> Value {
    match result {
        Ok(LineEvent::Connected) => json!("connected"),
        Ok(LineEvent::Stopped) => json!("stopped"),
        Ok(LineEvent::KeyPressed(key)) => json!({ "key": key.to_string() }),
        Ok(LineEvent::MarkEchoed(name)) => json!({ "mark": name }),
        // Twilio has no messages for these events.
        Ok(
            event @ (LineEvent::MismatchedAudio(_)
            | LineEvent::InputDiscarded
            | LineEvent::Cleared
            | LineEvent::Flow(_)),
        ) => {
            json!({ "odd": format!("{event:?}") })
        }
        Ok(LineEvent::Other(name)) => json!({ "other": name }),
        Ok(LineEvent::Audio(frame)) => json!({ "audio": {
            "timestamp_ms": frame.timestamp.map(|t| t.as_millis() as u64),
            "payload_hex": hex::encode(&frame.payload[..]),
        } }),
        Ok(LineEvent::Started(start)) => json!({ "started": {
            "stream": start.stream.as_str(),
            "carrier_call": start.carrier_call.as_str(),
            "account": start.account,
            "has_numbers": start.from.is_some() || start.to.is_some(),
            "format": format!("{:?} {}", start.format.hears.encoding, start.format.hears.rate_hz),
            "parameters": start.parameters,
        } }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

#[test]
fn what_we_send_has_the_documented_fields_and_no_other() {
    let sent = |command: LineCommand| {
        let mut out = String::new();
        assert!(encode(&command, &StreamId::new("MZ1"), &mut out));
        out
    };
    assert_eq!(
        sent(LineCommand::Play(Frame::copy_of(&[0xFF, 0xFE, 0xFD, 0x7F]))),
        r#"{"event":"media","streamSid":"MZ1","media":{"payload":"//79fw=="}}"#
    );
    assert_eq!(
        sent(LineCommand::Mark("r1:240".to_owned())),
        r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"r1:240"}}"#
    );
    assert_eq!(sent(LineCommand::Clear), r#"{"event":"clear","streamSid":"MZ1"}"#);
}

#[test]
fn commands_without_a_message_leave_the_buffer_alone() {
    let mut out = "kept".to_owned();
    for command in [LineCommand::Close, LineCommand::Play(Frame::default())] {
        assert!(!encode(&command, &StreamId::new("MZ1"), &mut out));
    }
    assert_eq!(out, "kept");
}

#[test]
fn a_frame_is_parsed_without_a_copy_of_its_text() {
    let message: MediaMessage<'_> = serde_json::from_str(MESSAGES[2]).expect("a media message");
    let media = message.media.expect("its media");
    assert!(matches!(media.payload, Some(Text(Cow::Borrowed(_)))));
    assert!(matches!(media.track, Some(Text(Cow::Borrowed(_)))));
    assert!(matches!(media.timestamp, Some(Scalar(Cow::Borrowed(_)))));
}

#[test]
fn an_error_never_quotes_what_was_said() {
    for text in [
        r#"{"event":"media","media":"c2VjcmV0"}"#,
        r#"{"event":"media","media":{"payload":"secret!"}}"#,
        r#"{"event":"dtmf","dtmf":{"digit":"secret"}}"#,
        r#"{"event":"start","start":{"customParameters":"secret"}}"#,
    ] {
        let problem = decode(text).expect_err(text).to_string();
        assert!(!problem.contains("secret") && !problem.contains("c2VjcmV0"), "{problem}");
    }
}

proptest! {
    #[test]
    fn any_text_is_an_event_or_an_error(text in "\\PC{0,200}") {
        let _ = decode(&text);
    }

    #[test]
    fn a_mutated_message_is_an_event_or_an_error(
        which in 0..MESSAGES.len(),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<char>(), 0..3_u8), 1..6),
    ) {
        let mut text: Vec<char> = MESSAGES[which].chars().collect();
        for (place, character, edit) in edits {
            let at = place.index(text.len());
            match edit {
                0 => text[at] = character,
                1 => text.insert(at, character),
                _ if text.len() > 1 => { text.remove(at); }
                _ => {}
            }
        }
        let _ = decode(&text.iter().collect::<String>());
    }

    #[test]
    fn audio_comes_back_as_it_went(payload in proptest::collection::vec(any::<u8>(), 1..2_000), stream in "\\PC{1,40}") {
        let mut out = String::new();
        prop_assert!(encode(&LineCommand::Play(Frame::copy_of(&payload)), &StreamId::new(&stream), &mut out));
        let value: Value = serde_json::from_str(&out).expect("what we send is JSON");
        prop_assert_eq!(keys(&value), ["event", "media", "streamSid"]);
        prop_assert_eq!(keys(&value["media"]), ["payload"]);
        prop_assert_eq!(&value["streamSid"], &stream);
        let LineEvent::Audio(frame) = decode(&out).expect("our own media") else { panic!("not audio") };
        prop_assert_eq!(&frame.payload[..], &payload[..]);
    }

    #[test]
    fn a_mark_comes_back_as_it_went(name in any::<String>().prop_filter("bounded", |n| n.len() <= LONGEST_NAME)) {
        let mut out = String::new();
        prop_assert!(encode(&LineCommand::Mark(name.clone()), &StreamId::new("MZ1"), &mut out));
        let value: Value = serde_json::from_str(&out).expect("what we send is JSON");
        prop_assert_eq!(keys(&value), ["event", "mark", "streamSid"]);
        prop_assert_eq!(keys(&value["mark"]), ["name"]);
        prop_assert_eq!(decode(&out), Ok(LineEvent::MarkEchoed(name)));
    }
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

const MESSAGES: [&str; 6] = [
    r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#,
    r#"{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC1","streamSid":"MZ1","callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{"token":"q7"}},"streamSid":"MZ1"}"#,
    r#"{"event":"media","sequenceNumber":"4","media":{"track":"inbound","chunk":"2","timestamp":"40","payload":"//7+fw=="},"streamSid":"MZ1"}"#,
    r#"{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"1"}}"#,
    r#"{"event":"mark","sequenceNumber":"6","streamSid":"MZ1","mark":{"name":"r1:240"}}"#,
    r#"{"event":"stop","sequenceNumber":"7","stop":{"accountSid":"AC1","callSid":"CA1"},"streamSid":"MZ1"}"#,
];
