use serde_json::{Value, json};

use super::*;
use crate::frame::Frame;

const START: &str = r#"{"event":"start","sequence_number":"1","stream_sid":"S","start":{"stream_sid":"S","call_sid":"C","account_sid":"A","from":"09876543210","to":"08047491899","custom_parameters":{"token":"secret","agent":"sales"},"media_format":{"encoding":"base64","sample_rate":"16000","bit_rate":"128kbps"}}}"#;

fn read(wire: &mut ExotelWire, text: &str) -> Result<LineEvent, WireError> {
    wire.read(Incoming::Text(text), &mut Outgoing::default())
}

fn said(wire: &mut ExotelWire, command: &LineCommand) -> Vec<Value> {
    let mut out = Outgoing::default();
    wire.write(command, &mut out);
    let read = |message| match message {
        Incoming::Text(text) => serde_json::from_str(text).expect("JSON"),
        Incoming::Binary(_) => panic!("binary"),
    };
    out.messages().map(read).collect()
}

#[test]
fn a_start_is_read_in_both_spellings_and_keeps_no_token() {
    let camel = START
        .replace("stream_sid", "streamSid")
        .replace("call_sid", "callSid")
        .replace("account_sid", "accountSid")
        .replace("custom_parameters", "customParameters")
        .replace("media_format", "mediaFormat")
        .replace("sample_rate", "sampleRate");
    for text in [START, &camel] {
        let Ok(LineEvent::Started(start)) = read(&mut ExotelWire::default(), text) else { panic!("{text}") };
        assert_eq!((start.stream.as_str(), start.carrier_call.as_str()), ("S", "C"));
        assert_eq!(start.format, super::super::PCM_16K.into());
        assert_eq!(start.from.map(|it| it.expose().clone()).as_deref(), Some("09876543210"));
        assert_eq!(start.parameters, [("agent".to_owned(), "sales".to_owned())].into());
    }
    let bare = r#"{"event":"start","stream_sid":"S","start":{"call_sid":"C"}}"#;
    let Ok(LineEvent::Started(start)) = read(&mut ExotelWire::default(), bare) else { panic!() };
    assert_eq!(start.format, AudioFormat::PCM_8K.into());
    assert!(read(&mut ExotelWire::default(), &START.replace("16000", "44100")).is_err());
}

#[test]
fn the_messages_of_the_carrier_mean_what_its_pages_say() {
    let mut wire = ExotelWire::default();
    let media = r#"{"event":"media","sequence_number":3,"stream_sid":"S","media":{"chunk":"2","timestamp":"200","payload":"AAEC/w=="}}"#;
    let Ok(LineEvent::Audio(audio)) = read(&mut wire, media) else { panic!() };
    assert_eq!((audio.timestamp, &audio.payload[..]), (Some(Duration::from_millis(200)), &[0, 1, 2, 255][..]));
    for (text, expected) in [
        (r#"{"event":"connected"}"#, LineEvent::Connected),
        (
            r#"{"Event":"media","media":{"Payload":"AAE="}}"#,
            LineEvent::Audio(CallerFrame { timestamp: None, payload: Frame::copy_of(&[0, 1]) }),
        ),
        (r#"{"event":"dtmf","dtmf":{"digit":5,"duration":"100"}}"#, LineEvent::KeyPressed('5')),
        (r#"{"event":"mark","mark":{"name":"m1"}}"#, LineEvent::MarkEchoed("m1".into())),
        (r#"{"event":"stop","stop":{"reason":"callended"}}"#, LineEvent::Stopped),
        (r#"{"event":"closed"}"#, LineEvent::Stopped),
    ] {
        assert_eq!(read(&mut wire, text), Ok(expected), "{text}");
    }
    for text in [r#"{"event":"media","media":{"payload":"AA=="}}"#, r#"{"event":"media","media":{"payload":""}}"#] {
        assert!(read(&mut wire, text).is_err(), "{text}");
    }
}

#[test]
fn what_we_send_has_the_spelling_of_the_start_and_a_clock_of_its_own() {
    for (start, name) in [(START.to_owned(), "stream_sid"), (START.replace("stream_sid", "streamSid"), "streamSid")] {
        let mut wire = ExotelWire::default();
        read(&mut wire, &start).expect("a start");
        let play = LineCommand::Play(Frame::copy_of(&[0; 3_200]));
        said(&mut wire, &play);
        let second = &said(&mut wire, &play)[0];
        let media = &second["media"];
        assert_eq!((&second["event"], &second[name]), (&json!("media"), &json!("S")));
        assert_eq!(
            (&media["chunk"], &media["timestamp"], &media["sequenceNumber"]),
            (&json!("2"), &json!("100"), &json!("2"))
        );
        let mark = json!({"event": "mark", name: "S", "mark": {"name": "m\"1"}});
        assert_eq!(said(&mut wire, &LineCommand::Mark("m\"1".to_owned())), [mark]);
        assert_eq!(said(&mut wire, &LineCommand::Clear), [json!({"event": "clear", name: "S"})]);
        assert_eq!(said(&mut wire, &LineCommand::Close), [] as [Value; 0]);
    }
}
