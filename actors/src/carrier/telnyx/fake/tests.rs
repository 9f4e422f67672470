use super::*;
use crate::carrier::fake::testing::sent;
use crate::carrier::fake::{Document, Verb};
use crate::ids::Private;

fn call(faults: Vec<Fault>) -> Calling {
    Calling {
        id: TelnyxFake.call_id(10),
        account: "a".to_owned(),
        from: "+15550100001".to_owned(),
        to: "+15550100002".to_owned(),
        answered: false,
        secret: Some(Private::new("s".to_owned())),
        faults,
        clock: || chrono::DateTime::UNIX_EPOCH,
    }
}

#[test]
fn ids_look_like_the_carriers() {
    assert_eq!(TelnyxFake.call_id(10), "v3:0000000000000000000000000000000a_kFSe-aiQ");
    assert_eq!(TelnyxFake.stream_id("", 10), "00000000-0000-0000-0000-00000000000A");
}

#[test]
fn packets_change_places_where_they_are_shuffled() {
    let chunks = |faults| {
        let mut line = line::TelnyxLine::new(&call(faults), "S");
        let said = sent(&mut line, |line, out| {
            for number in 1..=6 {
                line.media(&[0; 160], std::time::Duration::from_millis(number * 20), out);
            }
        });
        let chunk = |message: &serde_json::Value| message["media"]["chunk"].as_str().map(str::to_owned);
        said.iter().filter_map(chunk).collect::<Vec<_>>()
    };
    assert_eq!(chunks(vec![]), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(chunks(vec![Fault::Shuffled]), ["1", "3", "2", "4", "6", "5"]);
}

fn read(body: &str) -> Result<Document, String> {
    document::parse(&format!("<Response>{body}</Response>"))
}

#[test]
fn a_document_that_would_fail_in_silence_is_refused() {
    let stream = |attributes: &str| format!(r#"<Connect><Stream url="wss://a/b" {attributes}/></Connect>"#);
    let good = r#"bidirectionalMode="rtp" bidirectionalCodec="PCMU""#;
    for (body, reason) in [
        (stream(""), "bidirectionalMode"),
        (stream(r#"bidirectionalMode="mp3""#), "bidirectionalMode"),
        (stream(r#"bidirectionalMode="rtp""#), "bidirectionalCodec"),
        (stream(&format!(r#"{good} track="both_tracks""#)), "hear itself"),
        ("<Dial><Client>a</Client></Dial>".to_owned(), "<Client> in <Dial>"),
        (r#"<Dial timeout="4"><Number>1</Number></Dial>"#.to_owned(), "5 to 120"),
        ("<Speak>a</Speak>".to_owned(), "unknown verb <Speak>"),
    ] {
        let problem = read(&body).expect_err(&body);
        assert!(problem.contains(reason), "{problem}");
    }
    let whole = read(&format!("{}<Redirect>https://a/next</Redirect>", stream(good))).expect("a document");
    let [Verb::Connect { action: Some(action), .. }] = &whole.verbs[..] else { panic!("{whole:?}") };
    assert_eq!((action.url.as_str(), whole.complaints), ("https://a/next", vec![]));
    let asking = read(&stream(good).replace("<Connect>", r#"<Connect action="https://a">"#)).expect("a document");
    assert!(asking.complaints[0].text.contains("`action` of <Connect>"), "{asking:?}");
    let spoken = read(r#"<Say language="hi-IN">a</Say>"#).expect("a document");
    assert!(spoken.complaints[0].text.contains("another voice than alice"));
}
