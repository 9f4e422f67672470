use super::*;
use crate::carrier::fake::testing::sent;

fn line(which: Which) -> PlivoLine {
    let (account, call, stream) = ("MA1".to_owned(), "c1".to_owned(), "S".to_owned());
    PlivoLine { which, account, call, stream, sequence: 1, encoded: Vec::new() }
}

fn problem(which: Which, text: &str) -> String {
    line(which).read(Incoming::Text(text), &mut Outgoing::default()).expect_err(text).text
}

#[test]
fn the_messages_of_the_reference_are_understood_and_a_clear_is_confirmed() {
    let play = r#"{"event":"playAudio","media":{"contentType":"audio/x-mulaw","sampleRate":8000,"payload":"//7+"}}"#;
    let mut line = line(Which::Plivo);
    let read = |line: &mut PlivoLine, text: &str| line.read(Incoming::Text(text), &mut Outgoing::default());
    assert_eq!(read(&mut line, play), Ok(Said::Media(vec![0, 8, 8])));
    let mark = r#"{"event":"checkpoint","streamId":"S","name":"m1"}"#;
    assert_eq!(read(&mut line, mark), Ok(Said::Mark("m1".into())));
    let clear = r#"{"event":"clearAudio","streamId":"S"}"#;
    let told = sent(&mut line, |line, out| assert_eq!(line.read(Incoming::Text(clear), out), Ok(Said::Clear)));
    assert_eq!(told, [json!({"event": "clearedAudio", "sequenceNumber": 1, "streamId": "S"})]);
}

#[test]
fn whatever_the_carriers_would_not_play_is_refused_with_its_reason() {
    let media = |media: &str| format!(r#"{{"event":"playAudio","media":{media}}}"#);
    for (text, reason) in [
        ("hello".to_owned(), "not JSON"),
        (r#"{"event":"say"}"#.to_owned(), "unknown event `say`"),
        (media(r#"{"payload":"/w=="}"#), "`media.contentType` is missing"),
        (media(r#"{"contentType":"audio/x-mulaw","sampleRate":"8000","payload":"/w=="}"#), "stream's format"),
        (media(r#"{"contentType":"audio/x-l16","sampleRate":8000,"payload":"/w=="}"#), "stream's format"),
        (media(r#"{"contentType":"audio/x-mulaw","sampleRate":8000,"payload":""}"#), "is empty"),
        (r#"{"event":"clearAudio","streamId":"T"}"#.to_owned(), "not this stream's"),
        (r#"{"event":"checkpoint","streamId":"S","name":""}"#.to_owned(), "`name` is empty"),
        (r#"{"event":"stop","streamId":"S"}"#.to_owned(), "unknown event `stop`"),
    ] {
        let problem = problem(Which::Plivo, &text);
        assert!(problem.contains(reason), "{problem}");
    }
    let play = media(r#"{"contentType":"audio/x-mulaw","sampleRate":8000,"payload":"/w=="}"#);
    assert!(problem(Which::Vobiz, &play).contains("`streamId` is missing"));
}
