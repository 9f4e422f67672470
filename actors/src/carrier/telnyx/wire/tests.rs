use serde_json::{Value, json};

use super::*;

const START: &str = r#"{"event":"start","sequence_number":"1","stream_id":"32DE0DEA","start":{"user_id":"u","call_control_id":"v3:c","call_session_id":"s","from":"+15550100001","to":"","client_state":null,"custom_parameters":{"agent":"a","n":7},"media_format":{"encoding":"PCMA","sample_rate":8000,"channels":1}}}"#;

fn read(wire: &mut TelnyxWire, text: &str) -> Result<LineEvent, WireError> {
    wire.read(Incoming::Text(text), &mut Outgoing::default())
}

fn media(chunk: u64, payload: &str) -> String {
    let media = json!({"track": "inbound", "chunk": chunk.to_string(), "timestamp": "5", "payload": payload});
    json!({"event": "media", "sequence_number": "4", "stream_id": "32DE0DEA", "media": media}).to_string()
}

fn started() -> TelnyxWire {
    let mut wire = TelnyxWire::default();
    assert!(matches!(read(&mut wire, START), Ok(LineEvent::Started(_))));
    wire
}

#[test]
fn the_start_names_the_call_and_the_codec_of_its_leg() {
    let Ok(LineEvent::Started(start)) = read(&mut TelnyxWire::default(), START) else { panic!() };
    assert_eq!((start.stream.as_str(), start.carrier_call.as_str(), start.account), ("32DE0DEA", "v3:c", None));
    assert_eq!((start.from.as_ref().map(|it| it.expose().as_str()), start.to.as_ref()), (Some("+15550100001"), None));
    assert_eq!((start.format.hears, start.format.says), (AudioFormat::ALAW_8K, AudioFormat::MULAW_8K));
    assert_eq!(start.parameters, [("agent", "a"), ("n", "7")].map(|(a, b)| (a.into(), b.into())).into());
    for (name, hears) in [
        ("PCMU", AudioFormat::MULAW_8K),
        ("audio/x-mulaw", AudioFormat::MULAW_8K),
        ("audio/PCMA", AudioFormat::ALAW_8K),
    ] {
        let Ok(LineEvent::Started(start)) = read(&mut TelnyxWire::default(), &START.replace("PCMA", name)) else {
            panic!("{name}")
        };
        assert_eq!(start.format.hears, hears, "{name}");
    }
    // The newer fields may be absent.
    let bare =
        r#"{"event":"start","stream_id":"S","start":{"call_control_id":"C","media_format":{"encoding":"PCMU"}}}"#;
    assert!(matches!(read(&mut TelnyxWire::default(), bare), Ok(LineEvent::Started(_))));
}

#[test]
fn the_messages_of_the_carrier_mean_what_its_pages_say() {
    let mut wire = started();
    for (text, expected) in [
        (r#"{"event":"connected","version":"1.0.0"}"#, LineEvent::Connected),
        (r##"{"event":"dtmf","occurred_at":"x","dtmf":{"digit":"#"}}"##, LineEvent::KeyPressed('#')),
        (r#"{"event":"mark","mark":{"name":"m1"}}"#, LineEvent::MarkEchoed("m1".into())),
        (r#"{"event":"stop","stop":{"call_control_id":"v3:c"}}"#, LineEvent::Stopped),
        (
            r#"{"event":"error","payload":{"code":100003,"title":"malformed_frame"}}"#,
            LineEvent::Other("error 100003".into()),
        ),
        (r#"{"event":"error","code":"100004","detail":"x"}"#, LineEvent::Other("error 100004".into())),
        (r#"{"event":"error"}"#, LineEvent::Other("error without a code".into())),
        (r#"{"event":"media","media":{"track":"outbound"}}"#, LineEvent::Other("media of track outbound".into())),
        (r#"{"event":"news"}"#, LineEvent::Other("news".into())),
    ] {
        assert_eq!(read(&mut wire, text), Ok(expected), "{text}");
    }
}

#[test]
fn packets_out_of_order_are_heard_in_order() {
    let mut wire = started();
    let mut heard = Vec::new();
    for (chunk, payload) in [(2, "AA=="), (4, "Ag=="), (3, "AQ=="), (3, "AQ=="), (5, "Aw==")] {
        match read(&mut wire, &media(chunk, payload)) {
            Ok(LineEvent::Audio(audio)) => heard.extend_from_slice(&audio.payload),
            other => assert_eq!(other, Ok(LineEvent::Other("media out of order".to_owned()))),
        }
    }
    assert_eq!(heard, [0, 1, 2, 3]);
    read(&mut wire, START).expect("a fresh stream");
    let first = read(&mut wire, &media(1, "CQ=="));
    assert!(
        matches!(first, Ok(LineEvent::Audio(audio)) if audio.payload[..] == [9]),
        "it counts from its own beginning"
    );
}

#[test]
fn what_cannot_be_used_is_refused_with_its_field() {
    for (text, problem) in [
        (r#"{"event":"media"}"#, "`media` is missing"),
        (r#"{"event":"media","media":{"chunk":"x","payload":"AA=="}}"#, "`media.chunk` is not a whole number"),
        (r#"{"event":"media","media":{"chunk":"1","payload":"!"}}"#, "is not base64"),
        (r#"{"event":"mark"}"#, "`mark.name` is missing"),
        (r#"{"event":"start","start":{"call_control_id":"C"}}"#, "`stream_id` is missing"),
        (r#"{"event":"start","stream_id":"S","start":{}}"#, "`start.call_control_id` is missing"),
        (r#"{"event":"start","stream_id":"S","start":{"call_control_id":"C"}}"#, "`start.media_format` is missing"),
    ] {
        let error = read(&mut started(), text).expect_err(text).to_string();
        assert!(error.contains(problem), "{error}");
    }
    for unknown in ["G722", "OPUS", "L16"] {
        let refused = read(&mut TelnyxWire::default(), &START.replace("PCMA", unknown));
        assert!(matches!(refused, Err(WireError::UnknownFormat { .. })), "{unknown}: {refused:?}");
    }
}

#[test]
fn what_is_said_names_no_stream_and_waits_for_the_start() {
    let said = |wire: &mut TelnyxWire, command: &LineCommand| -> Vec<Value> {
        let mut out = Outgoing::default();
        wire.write(command, &mut out);
        let read = |message| match message {
            Incoming::Text(text) => serde_json::from_str(text).expect("JSON"),
            Incoming::Binary(_) => panic!("binary"),
        };
        out.messages().map(read).collect()
    };
    assert_eq!(said(&mut TelnyxWire::default(), &LineCommand::Clear), [] as [Value; 0]);
    let mut wire = started();
    let play = LineCommand::Play(Frame::copy_of(&[0xFF, 0xFE]));
    assert_eq!(said(&mut wire, &play), [json!({"event": "media", "media": {"payload": "//4="}})]);
    let mark = LineCommand::Mark("a \"b\"".to_owned());
    assert_eq!(said(&mut wire, &mark), [json!({"event": "mark", "mark": {"name": "a \"b\""}})]);
    assert_eq!(said(&mut wire, &LineCommand::Clear), [json!({"event": "clear"})]);
    for silent in [LineCommand::Close, LineCommand::HangUp, LineCommand::Play(Frame::copy_of(&[]))] {
        assert_eq!(said(&mut wire, &silent), [] as [Value; 0]);
    }
}
