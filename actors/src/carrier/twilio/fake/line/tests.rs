use super::*;
use crate::carrier::fake::testing::sent;

const STREAM: &str = "MZ00000000000000000000000000000001";

fn line() -> TwilioLine {
    let (account, call) = ("AC1".to_owned(), "CA1".to_owned());
    let (stream, encoded) = (STREAM.to_owned(), Vec::new());
    TwilioLine { which: Which::Twilio, account, call, stream, sequence: 0, chunk: 0, encoded }
}

fn read(text: &str) -> Result<Said, Complaint> {
    line().read(Incoming::Text(text), &mut Outgoing::default())
}

fn problem(text: &str) -> String {
    let complaint = read(text).expect_err("refused");
    assert_eq!(complaint.code, 31951);
    complaint.text
}

#[test]
fn the_messages_of_the_reference_are_understood() {
    let media = format!(r#"{{"event":"media","streamSid":"{STREAM}","media":{{"payload":"//7+"}}}}"#);
    assert_eq!(read(&media), Ok(Said::Media(vec![0, 8, 8])));
    let mark = format!(r#"{{"event":"mark","streamSid":"{STREAM}","mark":{{"name":"r1:240"}}}}"#);
    assert_eq!(read(&mark), Ok(Said::Mark("r1:240".into())));
    let clear = format!(r#"{{"event":"clear","streamSid":"{STREAM}"}}"#);
    assert_eq!(read(&clear), Ok(Said::Clear));
}

#[test]
fn whatever_twilio_would_refuse_is_refused_with_its_reason() {
    let s = STREAM;
    for (text, reason) in [
        ("hello".to_owned(), "not JSON"),
        ("[1]".to_owned(), "not a JSON object"),
        (format!(r#"{{"streamSid":"{s}"}}"#), "no `event`"),
        (format!(r#"{{"event":7,"streamSid":"{s}"}}"#), "`event` is not a string"),
        (format!(r#"{{"event":"say","streamSid":"{s}"}}"#), "unknown event `say`"),
        (r#"{"event":"clear"}"#.to_owned(), "`streamSid` is missing"),
        (r#"{"event":"clear","streamSid":"MZ2"}"#.to_owned(), "not this stream's"),
        (format!(r#"{{"event":"clear","streamSid":"{s}","sequenceNumber":"1"}}"#), "`sequenceNumber`"),
        (format!(r#"{{"event":"media","streamSid":"{s}"}}"#), "`media` is missing"),
        (format!(r#"{{"event":"media","streamSid":"{s}","media":{{}}}}"#), "`media.payload` is missing"),
        (format!(r#"{{"event":"media","streamSid":"{s}","media":{{"payload":"!"}}}}"#), "not base64"),
        (format!(r#"{{"event":"media","streamSid":"{s}","media":{{"payload":"/w==","track":"x"}}}}"#), "`media.track`"),
        (format!(r#"{{"event":"mark","streamSid":"{s}","mark":{{"name":3}}}}"#), "`name` is not a string"),
    ] {
        let problem = problem(&text);
        assert!(problem.contains(reason), "{problem}");
    }
}

#[test]
fn a_long_message_is_quoted_in_part() {
    let text = format!(r#"{{"event":"media","media":"{}"}}"#, "x".repeat(10_000));
    assert!(problem(&text).chars().count() < 300);
}

#[test]
fn messages_are_numbered_as_strings_and_name_their_stream() {
    let mut line = line();
    let parameters = BTreeMap::from([("token".to_owned(), "q7".to_owned())]);
    let start = sent(&mut line, |line, out| line.start(&parameters, out));
    assert_eq!(start[0], json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}));
    let start = &start[1];
    assert_eq!(start["sequenceNumber"], "1");
    assert_eq!(start["start"]["streamSid"], STREAM);
    assert_eq!(start["start"]["mediaFormat"]["sampleRate"], 8000);
    assert_eq!(start["start"]["customParameters"]["token"], "q7");
    let media = &sent(&mut line, |line, out| line.media(&[0, 0], Duration::from_millis(20), out))[0];
    assert_eq!(media["event"], "media");
    assert_eq!(media["sequenceNumber"], "2");
    let expected = json!({"track": "inbound", "chunk": "1", "timestamp": "20", "payload": "//8="});
    assert_eq!(media["media"], expected);
    assert_eq!(media["streamSid"], STREAM);
    let dtmf = &sent(&mut line, |line, out| line.key('#', out))[0];
    assert_eq!(dtmf["dtmf"], json!({"track": "inbound_track", "digit": "#"}));
    let stop = &sent(&mut line, |line, out| line.stop(out))[0];
    assert_eq!((&stop["sequenceNumber"], &stop["stop"]["callSid"]), (&json!("4"), &json!("CA1")));
}

#[test]
fn a_glance_counts_the_samples_that_reading_finds() {
    let message =
        |payload: &str| format!(r#"{{"event":"media","streamSid":"{STREAM}","media":{{"payload":"{payload}"}}}}"#);
    for payload in ["/w==", "//8=", "//7+", "//7+//8="] {
        let text = message(payload);
        let Ok(Said::Media(samples)) = read(&text) else { panic!("{text}") };
        assert_eq!(line().samples_in(Incoming::Text(&text)), Some(samples.len()));
    }
    let clear = format!(r#"{{"event":"clear","streamSid":"{STREAM}"}}"#);
    assert_eq!(line().samples_in(Incoming::Text(&clear)), None);
}

#[test]
fn a_binary_message_is_not_of_the_form() {
    let complaint = line().read(Incoming::Binary(&[1, 2, 3]), &mut Outgoing::default()).expect_err("refused");
    assert_eq!((complaint.code, complaint.text.as_str()), (31950, "a binary message of 3 bytes ignored"));
}
