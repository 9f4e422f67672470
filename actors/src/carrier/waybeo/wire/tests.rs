use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::carrier::Encoding;

const START: &str =
    r#"{"event":"start","type":"text","ucid":"74lJ3xiezGf4zOo-DJXGZ","did":"+919800000000","vmn":"+911140000000"}"#;
const MEDIA: &str = r#"{"event":"media","type":"media","ucid":"74lJ3xiezGf4zOo-DJXGZ","data":{"samples":[8,-3,0],"bitsPerSample":16,"sampleRate":8000,"channelCount":1,"numberOfFrames":3,"type":"data"}}"#;
const STOP: &str = r#"{"event":"stop","type":"text","ucid":"74lJ3xiezGf4zOo-DJXGZ","did":"+919800000000"}"#;

#[test]
fn the_messages_of_the_reference_are_understood() {
    let start = started(START);
    assert_eq!(
        (start.carrier_call.as_str(), start.stream.as_str()),
        ("74lJ3xiezGf4zOo-DJXGZ", "74lJ3xiezGf4zOo-DJXGZ")
    );
    assert_eq!(start.format, AudioFormat { encoding: Encoding::Pcm16, rate_hz: 8_000 }.into());
    assert_eq!(start.from.map(|it| it.expose().clone()).as_deref(), Some("+919800000000"));
    assert_eq!(start.to.map(|it| it.expose().clone()).as_deref(), Some("+911140000000"));
    assert_eq!(start.parameters["did"], "+919800000000");
    assert_eq!(decode(MEDIA), Ok(LineEvent::Audio(frame(&[8, -3, 0]))));
    for over in ["stop", "end", "close", "callDisconnect"] {
        assert_eq!(decode(&STOP.replace("stop", over)), Ok(LineEvent::Stopped), "{over}");
    }
    assert_eq!(decode(r#"{"command":"callDisconnect"}"#), Ok(LineEvent::Stopped));
    assert_eq!(decode(r#"{"command":"clearBuffer"}"#), Ok(LineEvent::InputDiscarded));
    assert_eq!(decode(r#"{"event":"clearBuffer"}"#), Ok(LineEvent::InputDiscarded));
    assert_eq!(decode(r#"{"event":"dance"}"#), Ok(LineEvent::Other("dance".to_owned())));
}

#[test]
fn the_call_s_id_is_found_in_each_of_its_three_places() {
    for (text, id) in [
        (r#"{"event":"start","ucid":"-top","start":{"ucid":"in"},"data":{"ucid":"data"}}"#, "-top"),
        (r#"{"event":"start","start":{"ucid":"in","did":"1"},"data":{"ucid":"data"}}"#, "in"),
        (r#"{"event":"start","ucid":null,"data":{"ucid":8001234567890}}"#, "8001234567890"),
    ] {
        assert_eq!(started(text).carrier_call.as_str(), id);
    }
}

#[test]
fn a_start_without_a_usable_id_is_no_start() {
    for id in [json!(""), json!("a\nb"), json!("x".repeat(129)), json!({}), json!([1]), Value::Null] {
        let text = json!({"event": "start", "ucid": id}).to_string();
        assert!(matches!(decode(&text), Err(WireError::Malformed { kind: "start", .. })), "{text}");
    }
}

#[test]
fn what_the_carrier_tells_of_a_call_is_kept_as_it_came() {
    let start = started(r#"{"event":"start","ucid":"u","store_code":10001,"caller_number":"+1","vmn":"","new":[{}]}"#);
    assert_eq!(
        start.parameters.into_iter().collect::<Vec<_>>(),
        [("caller_number".to_owned(), "+1".to_owned()), ("store_code".to_owned(), "10001".to_owned()),]
    );
    assert_eq!(start.from.map(|it| it.expose().clone()).as_deref(), Some("+1"));
    assert!(start.to.is_none());
    let long = json!({"event": "start", "ucid": "u", "did": "9".repeat(200)}).to_string();
    assert!(decode(&long).is_err(), "bounded");
}

#[test]
fn a_packet_at_another_rate_says_so() {
    let text = MEDIA.replace("8000", "16000");
    let mismatched = MismatchedFrame { frame: frame(&[8, -3, 0]), rate_hz: Some(16_000), clamped: 0 };
    assert_eq!(decode(&text), Ok(LineEvent::MismatchedAudio(mismatched)));
    let text = MEDIA.replace("8000", "\"8000\"");
    assert!(matches!(decode(&text), Ok(LineEvent::Audio(_))), "a number is a number");
}

#[test]
fn samples_out_of_range_are_clamped_and_counted() {
    let text = media(&json!([32_767, 32_768, 65_535, -32_769, 1e300, -1e300, 2.6, u64::MAX, -32_768]));
    let Ok(LineEvent::MismatchedAudio(MismatchedFrame { frame: clamped, clamped: count, rate_hz: None })) =
        decode(&text)
    else {
        panic!("an odd frame of the line's rate");
    };
    assert_eq!(count, 6);
    let (most, least) = (i16::MAX, i16::MIN);
    assert_eq!(clamped, frame(&[most, most, most, least, most, least, 3, most, least]));
}

#[test]
fn a_packet_nobody_could_play_is_refused_with_its_field() {
    for (text, field) in [
        (media(&json!("AAAA")), "not of the expected type"),
        (media(&json!([1, "2"])), "not of the expected type"),
        (media(&json!([1, null])), "not of the expected type"),
        (MEDIA.replace("\"channelCount\":1", "\"channelCount\":2"), "data.channelCount"),
        (MEDIA.replace("\"bitsPerSample\":16", "\"bitsPerSample\":8"), "data.bitsPerSample"),
        (MEDIA.replace("8000", "\"fast\""), "data.sampleRate"),
        (r#"{"event":"media"}"#.to_owned(), "`data` is missing"),
        (r#"{"event":"media","data":{}}"#.to_owned(), "data.samples"),
    ] {
        let problem = decode(&text).expect_err(&text).to_string();
        assert!(problem.contains(field), "{problem}");
    }
    assert!(matches!(decode(&media(&json!([]))), Ok(LineEvent::Other(_))), "nothing said is nothing wrong");
    for text in ["", "[]", "{}", "null", "{\"event\":7}", "\u{0}"] {
        assert!(matches!(decode(text), Err(WireError::Unreadable(_))), "{text}");
    }
}

#[test]
fn an_error_never_quotes_what_was_said() {
    for text in [
        r#"{"event":"start","ucid":{"secret":"secret"}}"#.to_owned(),
        media(&json!("secret")),
        MEDIA.replace("8000", "\"secret\""),
    ] {
        let problem = decode(&text).expect_err(&text).to_string();
        assert!(!problem.contains("secret"), "{problem}");
    }
}

#[test]
fn what_we_send_has_the_full_shape() {
    let mut out = String::new();
    assert!(encode(&LineCommand::Play(frame(&[0, 12, -7]).payload), &StreamId::new("u\"1"), &mut out));
    assert_eq!(
        out,
        r#"{"event":"media","type":"media","ucid":"u\"1","data":{"samples":[0,12,-7],"bitsPerSample":16,"sampleRate":8000,"channelCount":1,"numberOfFrames":3,"type":"data"}}"#
    );
    out.clear();
    assert!(encode(&LineCommand::Clear, &StreamId::new("u"), &mut out));
    assert_eq!(out, r#"{"command":"clearBuffer"}"#);
}

#[test]
fn commands_without_a_message_leave_the_buffer_alone() {
    let mut out = "kept".to_owned();
    for command in [LineCommand::Close, LineCommand::Mark("m".to_owned()), LineCommand::Play(Frame::default())] {
        assert!(!encode(&command, &StreamId::new("u"), &mut out));
    }
    assert_eq!(out, "kept");
}

proptest! {
    #[test]
    fn any_text_is_an_event_or_an_error(text in "\\PC{0,200}") {
        let _ = decode(&text);
    }

    #[test]
    fn a_mutated_message_is_an_event_or_an_error(
        which in 0..3_usize,
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<char>(), 0..3_u8), 1..6),
    ) {
        let mut text: Vec<char> = [START, MEDIA, STOP][which].chars().collect();
        for (place, character, edit) in edits {
            let at = place.index(text.len());
            match edit {
                0 => text[at] = character,
                1 => text.insert(at, character),
                _ => { text.remove(at); }
            }
        }
        let _ = decode(&text.into_iter().collect::<String>());
    }

    #[test]
    fn what_we_write_is_read_back_to_the_sample(samples in proptest::collection::vec(any::<i16>(), 1..400)) {
        let mut out = String::new();
        prop_assert!(encode(&LineCommand::Play(frame(&samples).payload), &StreamId::new("u"), &mut out));
        prop_assert_eq!(decode(&out), Ok(LineEvent::Audio(frame(&samples))));
    }
}

fn started(text: &str) -> StreamStart {
    match decode(text) {
        Ok(LineEvent::Started(start)) => *start,
        other => panic!("{text}: {other:?}"),
    }
}

fn media(samples: &Value) -> String {
    json!({"event": "media", "data": {"samples": samples, "sampleRate": 8000}}).to_string()
}

fn frame(samples: &[i16]) -> CallerFrame {
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    CallerFrame { timestamp: None, payload: Frame::copy_of(&bytes) }
}
