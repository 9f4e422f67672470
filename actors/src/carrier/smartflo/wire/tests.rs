use serde_json::{Value, json};

use super::*;
use crate::frame::Frame;

const START: &str = r#"{"event":"start","sequenceNumber":1,"streamSid":"S","start":{"streamSid":"S","accountSid":"A","callSid":"C","from":"09876543210","to":"918031234567","direction":"inbound","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"bitRate":64,"bitDepth":8},"customParameters":{"agent":"a","token":"t"}}}"#;

fn read(wire: &mut SmartfloWire, text: &str) -> Result<LineEvent, WireError> {
    wire.read(Incoming::Text(text), &mut Outgoing::default())
}

#[test]
fn the_messages_of_the_carrier_mean_what_its_pages_say() {
    let mut wire = SmartfloWire::default();
    let Ok(LineEvent::Started(start)) = read(&mut wire, START) else { panic!() };
    assert_eq!((start.stream.as_str(), start.carrier_call.as_str(), start.account.as_deref()), ("S", "C", Some("A")));
    assert_eq!(
        (start.from.map(|it| it.expose().clone()).as_deref(), start.format.hears),
        (Some("09876543210"), AudioFormat::MULAW_8K)
    );
    assert_eq!(start.parameters, [("agent".to_owned(), "a".to_owned())].into(), "the token is no parameter");
    for (text, expected) in [
        (r#"{"event":"connected"}"#, LineEvent::Connected),
        (r#"{"event":"dtmf","streamSid":"S","dtmf":{"digit":5}}"#, LineEvent::KeyPressed('5')),
        (r#"{"event":"mark","streamSid":"S","mark":{"name":"m1"}}"#, LineEvent::MarkEchoed("m1".into())),
        (r#"{"event":"stop","streamSid":"S","stop":{"callSid":"C","reason":"x"}}"#, LineEvent::Stopped),
        (r#"{"event":"news"}"#, LineEvent::Other("news".into())),
    ] {
        assert_eq!(read(&mut wire, text), Ok(expected), "{text}");
    }
    let media = r#"{"event":"media","streamSid":"S","media":{"chunk":"1","timestamp":100,"payload":"//7+"}}"#;
    assert!(matches!(read(&mut wire, media), Ok(LineEvent::Audio(audio)) if audio.payload[..] == [0xFF, 0xFE, 0xFE]));
}

#[test]
fn the_format_is_the_one_that_the_account_streams() {
    let with = |encoding: &str, rate: &str| START.replace("audio/x-mulaw", encoding).replace(":8000", rate);
    for (encoding, rate, rate_hz) in
        [("slin16", ":16000", 16_000), ("slin16", ":\"8000\"", 8_000), ("audio/x-l16", ":8000", 8_000)]
    {
        let mut wire = SmartfloWire::default();
        let Ok(LineEvent::Started(start)) = read(&mut wire, &with(encoding, rate)) else { panic!("{encoding}") };
        assert_eq!(start.format, AudioFormat { encoding: Encoding::Pcm16, rate_hz }.into());
        let odd = read(&mut wire, r#"{"event":"media","media":{"payload":"//7+"}}"#).expect_err("half a sample");
        assert!(odd.to_string().contains("whole samples"), "{odd}");
    }
    for (encoding, rate) in [("opus", ":8000"), ("audio/x-mulaw", ":16000"), ("slin16", ":44100")] {
        let refused = read(&mut SmartfloWire::default(), &with(encoding, rate));
        assert!(matches!(refused, Err(WireError::UnknownFormat { .. })), "{encoding} {rate}: {refused:?}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_its_field() {
    for (text, problem) in [
        (r#"{"event":"media"}"#, "`media` is missing"),
        (r#"{"event":"media","media":{"payload":""}}"#, "`media.payload` is empty"),
        (r#"{"event":"dtmf","dtmf":{"digit":"55"}}"#, "`dtmf.digit` is not one of"),
        (r#"{"event":"start","streamSid":"S","start":{}}"#, "`start.callSid` is missing"),
        (r#"{"event":"start","start":{"callSid":"C"}}"#, "`streamSid` is missing"),
        (r#"{"event":"start","streamSid":"S","start":{"callSid":"C"}}"#, "`start.mediaFormat` is missing"),
    ] {
        let error = read(&mut SmartfloWire::default(), text).expect_err(text).to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn what_is_said_has_the_stream_and_a_hang_up_its_call() {
    let mut wire = SmartfloWire::default();
    read(&mut wire, START).expect("a start");
    let mut said = |command: &LineCommand| -> Vec<Value> {
        let mut out = Outgoing::default();
        wire.write(command, &mut out);
        let read = |message| match message {
            Incoming::Text(text) => serde_json::from_str(text).expect("JSON"),
            Incoming::Binary(_) => panic!("binary"),
        };
        out.messages().map(read).collect()
    };
    for chunk in 1..=2 {
        let media = json!({"payload": "//4=", "chunk": chunk});
        let expected = json!({"event": "media", "streamSid": "S", "media": media});
        assert_eq!(said(&LineCommand::Play(Frame::copy_of(&[0xFF, 0xFE]))), [expected]);
    }
    assert_eq!(said(&LineCommand::Clear), [json!({"event": "clear", "streamSid": "S"})]);
    assert_eq!(said(&LineCommand::HangUp), [json!({"event": "end", "streamSid": "S", "call_sid": "C"})]);
    let mark = json!({"event": "mark", "streamSid": "S", "mark": {"name": "m"}});
    assert_eq!(said(&LineCommand::Mark("m".to_owned())), [mark]);
    assert_eq!(said(&LineCommand::Close), [] as [Value; 0]);
}
