use serde_json::{Value, json};

use super::*;
use crate::carrier::plivo::{PLIVO, VOBIZ};
use crate::frame::Frame;

const START: &str = r#"{"sequenceNumber":0,"event":"start","start":{"callId":"C","streamId":"S","accountId":"A","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}},"extra_headers":"{\"X-PH-agent\":\"sales\",\"n\":7}"}"#;

fn read(wire: &mut PlivoWire, text: &str) -> Result<LineEvent, WireError> {
    wire.read(Incoming::Text(text), &mut Outgoing::default())
}

fn said(wire: &mut PlivoWire, command: &LineCommand) -> Vec<Value> {
    let mut out = Outgoing::default();
    wire.write(command, &mut out);
    let read = |message| match message {
        Incoming::Text(text) => serde_json::from_str(text).expect("JSON"),
        Incoming::Binary(_) => panic!("binary"),
    };
    out.messages().map(read).collect()
}

#[test]
fn the_messages_of_the_carrier_mean_what_its_pages_say() {
    let mut wire = PlivoWire::new(&PLIVO);
    let Ok(LineEvent::Started(start)) = read(&mut wire, START) else { panic!() };
    assert_eq!((start.carrier_call.as_str(), start.stream.as_str()), ("C", "S"));
    assert_eq!((start.account.as_deref(), start.format), (Some("A"), AudioFormat::MULAW_8K.into()));
    assert_eq!(start.parameters, [("agent", "sales"), ("n", "7")].map(|(a, b)| (a.into(), b.into())).into());
    let media = r#"{"sequenceNumber":"1","streamId":"S","event":"media","media":{"track":"inbound","timestamp":"1700000000000","chunk":1,"payload":"//7+"},"extra_headers":"{}"}"#;
    let Ok(LineEvent::Audio(audio)) = read(&mut wire, media) else { panic!() };
    assert_eq!((&audio.payload[..], audio.timestamp), (&[0xFF, 0xFE, 0xFE][..], None));
    for (text, expected) in [
        (
            r#"{"event":"dtmf","sequenceNumber":9,"streamId":"S","dtmf":{"track":"inbound","digit":"5","timestamp":"1"}}"#,
            LineEvent::KeyPressed('5'),
        ),
        (r#"{"event":"dtmf","dtmf":{"digit":7}}"#, LineEvent::KeyPressed('7')),
        (
            r#"{"event":"playedStream","sequenceNumber":12,"streamId":"S","name":"m1"}"#,
            LineEvent::MarkEchoed("m1".into()),
        ),
        (r#"{"event":"playedStream","playedStream":{"name":"m2"}}"#, LineEvent::MarkEchoed("m2".into())),
        (r#"{"event":"clearedAudio","sequenceNumber":13,"streamId":"S"}"#, LineEvent::Cleared),
        (r#"{"event":"stop","sequenceNumber":14,"streamId":"S"}"#, LineEvent::Stopped),
        (r#"{"event":"media","media":{"track":"outbound"}}"#, LineEvent::Other("media of track outbound".into())),
        (r#"{"event":"news"}"#, LineEvent::Other("news".into())),
    ] {
        assert_eq!(read(&mut wire, text), Ok(expected), "{text}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_its_field() {
    for (text, problem) in [
        (r#"{"event":"media","media":{"track":"inbound"}}"#, "`media.payload` is missing"),
        (r#"{"event":"media","media":{"payload":""}}"#, "`media.payload` is empty"),
        (r#"{"event":"media","media":{"payload":"!!"}}"#, "is not base64"),
        (r#"{"event":"media"}"#, "`media` is missing"),
        (r#"{"event":"dtmf","dtmf":{"digit":"55"}}"#, "`dtmf.digit` is not one of"),
        (r#"{"event":"playedStream"}"#, "`name` is missing"),
        (r#"{"event":"start"}"#, "`start` is missing"),
        (r#"{"event":"start","start":{"streamId":"S"}}"#, "`start.callId` is missing"),
        (r#"{"event":"start","start":{"streamId":"S","callId":"C\n"}}"#, "`start.callId` is not an id"),
        (r#"{"event":"start","start":{"streamId":"S","callId":"C"}}"#, "`start.mediaFormat` is missing"),
    ] {
        let error = read(&mut PlivoWire::new(&PLIVO), text).expect_err(text).to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
    let l16 = START.replace("audio/x-mulaw", "audio/x-l16");
    assert!(read(&mut PlivoWire::new(&PLIVO), &l16).is_ok());
    let refused = read(&mut PlivoWire::new(&VOBIZ), &l16).expect_err("nobody knows its byte order");
    assert!(matches!(refused, WireError::UnknownFormat { rate_hz: 8_000, .. }), "{refused}");
    let alaw = START.replace("audio/x-mulaw", "audio/x-alaw");
    assert!(read(&mut PlivoWire::new(&PLIVO), &alaw).is_err());
}

#[test]
fn what_we_send_has_the_documented_fields_and_no_other() {
    let play = LineCommand::Play(Frame::copy_of(&[0xFF, 0xFE]));
    let (mut plivo, mut vobiz) = (PlivoWire::new(&PLIVO), PlivoWire::new(&VOBIZ));
    assert_eq!(said(&mut plivo, &play), [] as [Value; 0], "not before the start");
    for wire in [&mut plivo, &mut vobiz] {
        read(wire, START).expect("a start");
        let mark = json!({"event": "checkpoint", "streamId": "S", "name": "r\"1"});
        assert_eq!(said(wire, &LineCommand::Mark("r\"1".to_owned())), [mark]);
        assert_eq!(said(wire, &LineCommand::Clear), [json!({"event": "clearAudio", "streamId": "S"})]);
        assert_eq!(said(wire, &LineCommand::Close), [] as [Value; 0]);
    }
    let media = json!({"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": "//4="});
    assert_eq!(said(&mut plivo, &play), [json!({"event": "playAudio", "media": media})]);
    assert_eq!(said(&mut vobiz, &play), [json!({"event": "playAudio", "streamId": "S", "media": media})]);
    assert_eq!(said(&mut plivo, &LineCommand::HangUp), [] as [Value; 0]);
    assert_eq!(said(&mut vobiz, &LineCommand::HangUp), [json!({"event": "stop", "streamId": "S"})]);
}

#[test]
fn a_second_start_is_a_fresh_stream() {
    let mut wire = PlivoWire::new(&PLIVO);
    read(&mut wire, START).expect("a start");
    read(&mut wire, &START.replace(r#""S""#, r#""S2""#)).expect("a start");
    assert_eq!(said(&mut wire, &LineCommand::Clear)[0]["streamId"], "S2");
}
