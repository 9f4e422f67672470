use super::*;

const JSON: &str = r#"{"event":"MEDIA_START","connection_id":"switchboard","channel":"WebSocket/switchboard/0x7f","channel_id":"1700000000.12","format":"ulaw","optimal_frame_size":160,"ptime":20,"channel_variables":{"MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE":"160","agent":"sales"}}"#;
const PLAIN: &str = "MEDIA_START connection_id:switchboard channel:WebSocket/switchboard/0x7f channel_id:1700000000.12 format:slin16 optimal_frame_size:640 ptime:20";

fn read(wire: &mut AsteriskWire, text: &str) -> Result<LineEvent, WireError> {
    wire.read(Incoming::Text(text), &mut Outgoing::default())
}

fn said(wire: &mut AsteriskWire, command: &LineCommand) -> Vec<String> {
    let mut out = Outgoing::default();
    wire.write(command, &mut out);
    let read = |message| match message {
        Incoming::Text(text) => str::to_owned(text),
        Incoming::Binary(bytes) => format!("{} bytes", bytes.len()),
    };
    out.messages().map(read).collect()
}

#[test]
fn a_start_is_read_in_both_forms() {
    let Ok(LineEvent::Started(start)) = read(&mut AsteriskWire::default(), JSON) else { panic!() };
    assert_eq!((start.stream.as_str(), start.carrier_call.as_str()), ("1700000000.12", "1700000000.12"));
    assert_eq!(start.format, AudioFormat::MULAW_8K.into());
    assert_eq!(start.parameters, [("agent".to_owned(), "sales".to_owned())].into());
    let Ok(LineEvent::Started(start)) = read(&mut AsteriskWire::default(), PLAIN) else { panic!() };
    assert_eq!((start.stream.as_str(), start.format), ("1700000000.12", super::super::PCM_16K.into()));
    for wrong in [JSON.replace("ulaw", "opus"), JSON.replace("channel_id", "id"), PLAIN.replace("format:", "f:")] {
        assert!(read(&mut AsteriskWire::default(), &wrong).is_err(), "{wrong}");
    }
}

#[test]
fn events_mean_the_same_in_both_forms() {
    for (json, plain, expected) in [
        (
            r#"{"event":"DTMF_END","channel_id":"c","digit":"5"}"#,
            "DTMF_END digit:5 channel_id:c",
            LineEvent::KeyPressed('5'),
        ),
        (
            r#"{"event":"MEDIA_MARK_PROCESSED","channel_id":"c","correlation_id":"1:2:an item"}"#,
            "MEDIA_MARK_PROCESSED 1:2:an item",
            LineEvent::MarkEchoed("1:2:an item".to_owned()),
        ),
        (r#"{"event":"MEDIA_XOFF","channel_id":"c"}"#, "MEDIA_XOFF", LineEvent::Flow(FlowSignal::Hold)),
        (r#"{"event":"MEDIA_XON","channel_id":"c"}"#, "MEDIA_XON", LineEvent::Flow(FlowSignal::Go)),
        (
            r#"{"event":"QUEUE_DRAINED","channel_id":"c"}"#,
            "QUEUE_DRAINED",
            LineEvent::Other("QUEUE_DRAINED".to_owned()),
        ),
        (
            r#"{"event":"ERROR","channel_id":"c","error_text":"no"}"#,
            "ERROR channel_id:c error_text:no",
            LineEvent::Other("ERROR".to_owned()),
        ),
    ] {
        for text in [json, plain] {
            assert_eq!(read(&mut AsteriskWire::default(), text), Ok(expected.clone()), "{text}");
        }
    }
    for text in ["", "hello", "{}", r#"{"event":"DTMF_END","digit":"55"}"#, "DTMF_END", "MEDIA_MARK_PROCESSED"] {
        assert!(read(&mut AsteriskWire::default(), text).is_err(), "{text}");
    }
}

#[test]
fn commands_have_the_form_of_the_start_and_are_short_enough_to_be_read() {
    for (start, mark, clear, hang_up) in [
        (
            JSON,
            r#"{"command":"MARK_MEDIA","correlation_id":"m 1"}"#,
            r#"{"command":"FLUSH_MEDIA"}"#,
            r#"{"command":"HANGUP"}"#,
        ),
        (PLAIN, "MARK_MEDIA m 1", "FLUSH_MEDIA", "HANGUP"),
    ] {
        let mut wire = AsteriskWire::default();
        assert_eq!(said(&mut wire, &LineCommand::Clear), [""; 0], "nothing is known before the start");
        read(&mut wire, start).expect("a start");
        assert_eq!(said(&mut wire, &LineCommand::Play(Frame::copy_of(&[0; 160]))), ["160 bytes"]);
        assert_eq!(said(&mut wire, &LineCommand::Mark("m 1".to_owned())), [mark]);
        assert_eq!(said(&mut wire, &LineCommand::Clear), [clear]);
        assert_eq!(said(&mut wire, &LineCommand::HangUp), [hang_up]);
        assert_eq!(said(&mut wire, &LineCommand::Close), [""; 0]);
        for name in ["x".repeat(LONGEST_NAME), "\"".repeat(LONGEST_NAME)] {
            let written = said(&mut wire, &LineCommand::Mark(name));
            assert!(written.iter().all(|text| text.len() <= LONGEST_COMMAND), "{written:?}");
        }
        assert_eq!(said(&mut wire, &LineCommand::Mark("x".repeat(LONGEST_NAME))).len(), 1);
    }
}
