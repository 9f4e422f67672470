use super::*;

fn read(body: &str) -> Result<Document, String> {
    parse(Which::Plivo, &format!("<Response>{body}</Response>"))
}

const STREAM: &str = r#"<Stream bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000" statusCallbackUrl="https://v.example.com/s">wss://v.example.com/ws?token=a&amp;b=c</Stream>"#;

#[test]
fn a_stream_is_read_with_what_follows_it() {
    let document = read(&format!("{STREAM}<Redirect>https://v.example.com/after</Redirect>")).expect("a document");
    let [Verb::Connect { action: Some(action), stream }] = &document.verbs[..] else { panic!("{document:?}") };
    assert_eq!((action.url.as_str(), action.get), ("https://v.example.com/after", false));
    assert_eq!(stream.url, "wss://v.example.com/ws?token=a&b=c");
    assert_eq!(document.complaints, []);
    assert!(matches!(&read(STREAM).expect("a document").verbs[..], [Verb::Connect { action: None, .. }]));
}

#[test]
fn whatever_costs_calls_their_streams_is_refused() {
    for (what, instead) in [
        (r#" bidirectional="true""#, ""),
        (r#" keepCallAlive="true""#, ""),
        (r#" contentType="audio/x-mulaw;rate=8000""#, ""),
        (r#" contentType="audio/x-mulaw;rate=8000""#, r#" contentType="audio/x-l16;rate=8000""#),
        (r#" keepCallAlive="true""#, r#" keepCallAlive="true" audioTrack="both""#),
        (">wss://", "> wss://"),
        (">wss://", ">\nwss://"),
        (r#" keepCallAlive="true""#, r#" keepCallAlive="true" extraHeaders="token=a_b""#),
    ] {
        assert!(read(&STREAM.replace(what, instead)).is_err(), "{what} {instead}");
    }
    for body in [
        "<Say>hello</Say>",
        "<Gather/>",
        "<Dial/>",
        "<Dial><Sip>sip:a@b</Sip></Dial>",
        r#"<Dial confirmKey="1"><Number>1</Number></Dial>"#,
        "<Conference>a&amp;b</Conference>",
        "<Redirect/>",
    ] {
        assert!(read(body).is_err(), "{body}");
    }
    assert_eq!(read(r#"<Speak pace="1">hello</Speak>"#).expect("a document").complaints.len(), 1);
}

#[test]
fn a_person_is_dialled_and_told() {
    let dial = r#"<Dial action="https://v.example.com/r" confirmSound="https://v.example.com/w" confirmKey="1" callbackUrl="https://v.example.com/s"><Number>1555</Number><User>sip:a@b</User></Dial>"#;
    let Verb::Dial(dial) = read(dial).expect("a document").verbs.remove(0) else { panic!() };
    assert_eq!(dial.targets, ["1555", "sip:a@b"]);
    assert!(dial.whisper.is_some() && dial.status.is_some() && dial.action.is_some());
    let digits = r#"<GetDigits action="https://v.example.com/t" numDigits="1"><Speak>Press</Speak></GetDigits>"#;
    assert!(matches!(&read(digits).expect("a document").verbs[..], [Verb::Gather { words, .. }] if words == "Press"));
}
