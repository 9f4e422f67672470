use super::*;

fn verbs(body: &str) -> Vec<Verb> {
    parse(Which::Twilio, &format!("<Response>{body}</Response>")).expect("well-formed").verbs
}

#[test]
fn the_answer_with_a_stream_is_read_in_full() {
    let document = parse(
        Which::Twilio,
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            r#"<Response><Connect action="https://v.example.com/after?a=1&amp;b=2" method="GET">"#,
            r#"<Stream url="wss://v.example.com/ws" name="va-1" statusCallback="https://v.example.com/s">"#,
            r#"<Parameter name="token" value="q&lt;7"/><Parameter name="from" value="+1"></Parameter>"#,
            r#"</Stream></Connect><Hangup/></Response>"#
        ),
    )
    .expect("well-formed");
    assert_eq!(document.complaints, []);
    let [Verb::Connect { action: Some(action), stream }, Verb::Hangup] = &document.verbs[..] else {
        panic!("{document:?}")
    };
    assert_eq!(*action, Callback { url: "https://v.example.com/after?a=1&b=2".into(), get: true });
    assert_eq!(stream.url, "wss://v.example.com/ws");
    assert_eq!(stream.status.as_ref().map(|status| status.get), Some(false));
    assert_eq!(stream.parameters["token"], "q<7");
    assert_eq!(stream.parameters["from"], "+1");
}

#[test]
fn every_verb_is_read() {
    assert_eq!(verbs("<Say language='hi-IN'>A &amp; B&#33;</Say>"), [Verb::Say("A & B!".into())]);
    assert_eq!(verbs("<Pause/><Pause length='3'/>"), [1, 3].map(|s| Verb::Pause(Duration::from_secs(s))));
    assert_eq!(verbs("<Reject/>"), [Verb::Reject("rejected".into())]);
    let redirect = Callback { url: "/next".into(), get: false };
    assert_eq!(verbs("<Redirect> /next </Redirect>"), [Verb::Redirect(redirect)]);
    let targets = vec!["+15550100003".to_owned(), "sip:desk@example.com".to_owned()];
    let nouns = "<Number>+15550100003</Number><Sip>sip:desk@example.com</Sip>";
    assert_eq!(verbs(&format!("<Dial timeout='20'>{nouns}</Dial>")), [Verb::Dial(Dial { targets, ..Dial::default() })]);
    let gather = Verb::Gather { action: Some(Callback { url: "/k".into(), get: false }), words: "x".into() };
    assert_eq!(verbs("<Gather action='/k'><Say>x</Say></Gather>"), [gather]);
    assert_eq!(verbs("<Leave/>"), [Verb::Skipped("Leave".into())]);
}

#[test]
fn what_twilio_ignores_is_ignored_with_its_warning() {
    let document = parse(Which::Twilio, "<Response><Dance/><Say volume='11'>x</Say></Response>").expect("well-formed");
    assert_eq!(document.verbs, [Verb::Say("x".into())]);
    let texts: Vec<&str> = document.complaints.iter().map(|warning| warning.text.as_str()).collect();
    assert_eq!(texts, ["unknown verb <Dance> ignored", "unknown attribute `volume` of <Say> ignored"]);
}

#[test]
fn a_broken_document_says_what_is_broken() {
    let deep = format!("<Response>{}", "<a>".repeat(100));
    for (text, reason) in [
        ("", "no element"),
        (" <?xml version='1.0'?><Response/>", "first byte"),
        ("<Response>", "not closed"),
        ("<Response></Say>", "Say"),
        ("<Response/><Response/>", "more than one"),
        ("<Answer/>", "expected <Response>"),
        ("<Response><Say>&nbsp;</Say></Response>", "unknown entity"),
        ("<Response><Pause length='0'/></Response>", "whole seconds"),
        ("<Response><Connect/></Response>", "without a <Stream>"),
        ("<Response><Say a='1' a='2'>x</Say></Response>", "duplicate"),
        (&deep, "too deep"),
    ] {
        let error = parse(Which::Twilio, text).expect_err(text);
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn cxml_goes_on_behind_a_stream_and_knows_other_nouns() {
    let document = parse(
        Which::SignalWire,
        concat!(
            r#"<Response><Connect><Stream url="wss://v.example.com/ws" codec="PCMU@8000h" authBearerToken="q7"/>"#,
            r#"</Connect><Redirect method="POST">https://v.example.com/after</Redirect></Response>"#
        ),
    )
    .expect("well-formed");
    assert_eq!(document.complaints, []);
    let [Verb::Connect { action: Some(action), stream }] = &document.verbs[..] else { panic!("{document:?}") };
    assert_eq!((action.url.as_str(), stream.bearer.as_deref()), ("https://v.example.com/after", Some("q7")));
    let connect = r#"<Response><Connect action="/a"><Stream url="wss://v.example.com/ws" x="1"/></Connect></Response>"#;
    let document = parse(Which::SignalWire, connect).expect("well-formed");
    assert!(matches!(&document.verbs[..], [Verb::Connect { action: None, .. }]), "{document:?}");
    assert_eq!(document.complaints.len(), 2, "{document:?}");
    for (text, reason) in [
        ("<Dial><Client>alice</Client></Dial>", "<Client> in <Dial>"),
        ("<Connect><Stream url='wss://x' codec='L16@16000h'/></Connect>", "PCMU@8000h"),
    ] {
        let error = parse(Which::SignalWire, &format!("<Response>{text}</Response>")).expect_err(text);
        assert!(error.contains(reason), "{error}");
    }
}
