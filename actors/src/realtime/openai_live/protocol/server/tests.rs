use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> ServerEvent<'_> {
    ServerEvent::parse(text).expect("readable")
}

#[test]
fn what_was_recorded_is_read() {
    use ServerEvent as S;
    let started = r#"{"type":"session.started","event_id":"event_1","client_event_id":"start","session":{"id":"live_abc","expires_at":1796000000,"status":"active","model":"gpt-live-1.1","instructions":"...","audio":{"format":{"type":"audio/pcmu","rate":8000},"output":{"voice":"marin"}},"delegation":{"type":"client","acknowledgement_delay_ms":0},"input":[],"store":false}}"#;
    let S::Started(session) = parse(started) else { panic!("{started}") };
    assert_eq!((&*session.id, session.expires_at), ("live_abc", Some(1_796_000_000.0)));
    assert_eq!((session.format.as_deref(), session.rate), (Some("audio/pcmu"), Some(8_000)));

    let words = parse(
        r#"{"type":"session.output_transcript.delta","event_id":"e","delta":" Of course","start_ms":6000,"end_ms":6200}"#,
    );
    let fragment = Fragment { text: " Of course".into(), start_ms: Some(6_000), end_ms: Some(6_200) };
    assert_eq!(words, S::AgentWords(fragment));
    let words = parse(r#"{"type":"session.input_transcript.delta","delta":" my order"}"#);
    assert_eq!(words, S::CallerWords(Fragment { text: " my order".into(), start_ms: None, end_ms: None }));

    for kind in ["commentary", "thinking", "instructions"] {
        let text =
            format!(r#"{{"type":"session.{kind}.appended","client_event_id":"append-3","start_ms":1,"end_ms":2}}"#);
        assert_eq!(parse(&text), S::Appended { about: Some("append-3".into()) });
    }
    let created = r#"{"type":"session.delegation.created","offset_ms":9200,"delegation":{"id":"deleg_1","type":"delegation","target":"responses","response_id":"resp_1"}}"#;
    assert_eq!(parse(created), S::Delegated { id: "deleg_1".into(), hosted: true });
    let created = r#"{"type":"session.delegation.created","delegation":{"id":"deleg_2","target":"client"}}"#;
    assert_eq!(parse(created), S::Delegated { id: "deleg_2".into(), hosted: false });
    let used = r#"{"type":"session.usage.updated","usage":{"seconds":30.5},"context_window":{"usage_ratio":0.031}}"#;
    assert_eq!(parse(used), S::Used(Some(30.5)));
    let closed = r#"{"type":"session.closed","reason":"close_requested","usage":{"seconds":61},"session":{"id":"l"}}"#;
    assert_eq!(parse(closed), S::Closed { reason: "close_requested".into(), seconds: Some(61.0) });
    for other in ["session.input_audio.muted", "info", "decision.event", "session.output_audio.fixture.playing"] {
        let text = format!(r#"{{"event_id":"e","type":"{other}"}}"#);
        assert_eq!(parse(&text), S::Other(other.into()));
    }
}

#[test]
fn the_nested_stream_is_read_where_it_matters() {
    let nested = |event: &str| format!(r#"{{"type":"response.event","delegation_id":null,"event":{event}}}"#);
    let text = nested(r#"{"type":"response.created","response":{"id":"resp_1","output":[]}}"#);
    assert_eq!(parse(&text), ServerEvent::Nested(Nested::Created { response: "resp_1".into() }));
    let text = nested(
        r#"{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c","name":"n","arguments":"{\"a\":1}","status":"completed"}}"#,
    );
    let called = Nested::Called { call: "c".into(), name: "n".into(), arguments: r#"{"a":1}"#.into() };
    assert_eq!(parse(&text), ServerEvent::Nested(called));
    for other in [
        r#"{"type":"response.output_item.done","item":{"type":"reasoning"}}"#,
        r#"{"type":"response.output_item.done","item":{"type":"function_call","status":"incomplete"}}"#,
        r#"{"type":"response.output_item.added","item":{"type":"function_call","call_id":"c"}}"#,
        r#"{"type":"response.output_text.delta","delta":"x"}"#,
        "null",
    ] {
        assert_eq!(parse(&nested(other)), ServerEvent::Nested(Nested::Other), "{other}");
    }
    let text = nested(
        r#"{"type":"response.completed","response":{"id":"r","output":[],"usage":{"input_tokens":310,"input_tokens_details":{"cached_tokens":100},"output_tokens":20}}}"#,
    );
    let ServerEvent::Nested(Nested::Ended { completed: true, usage: Some(usage), .. }) = parse(&text) else {
        panic!("{text}")
    };
    assert_eq!((usage.input_text, usage.cached_text, usage.output_text), (310, 100, 20));
    let text =
        nested(r#"{"type":"response.failed","response":{"id":"r","error":{"code":"server_error","message":"m"}}}"#);
    let ServerEvent::Nested(Nested::Ended { completed: false, usage: None, error, .. }) = parse(&text) else {
        panic!("{text}")
    };
    assert_eq!((error.word(), error.text()), ("server_error", "m"));
}

#[test]
fn an_error_is_read_in_every_shape() {
    let read = |text| {
        let ServerEvent::Error(error) = parse(text) else { panic!("{text}") };
        error
    };
    let error = read(
        r#"{"type":"error","event_id":"e","error":{"type":"invalid_request_error","code":null,"message":"m","param":"session.voice","client_event_id":"append-2"}}"#,
    );
    assert_eq!((error.word(), error.param.as_deref()), ("invalid_request_error", Some("session.voice")));
    assert_eq!(error.about.as_deref(), Some("append-2"));
    let error = read(r#"{"type":"error","client_event_id":"output-1","error":{"code":"response_input_buffer_full"}}"#);
    assert_eq!((error.word(), error.about.as_deref()), ("response_input_buffer_full", Some("output-1")));
    assert_eq!(read(r#"{"type":"error","error":"overloaded"}"#).text(), "overloaded");
    assert_eq!(read(r#"{"type":"error"}"#).word(), "unknown");
}

#[test]
fn audio_is_found_without_reading_the_event() {
    for text in [
        r#"{"type":"session.output_audio.delta","delta":"////"}"#,
        r#"{"delta":"////","type":"session.output_audio.delta"}"#,
        r#"{"type":"session.output_audio.delta","start_ms":1,"delta":"////","end_ms":3}"#,
        r#"{"type":"session.output_audio.delta","x":{"delta":"no"},"delta":"////"}"#,
        r#"{"type":"session.output_audio.delta","delta":"\/\/\/\/"}"#,
    ] {
        assert_eq!(parse(text), ServerEvent::Audio("////".into()), "{text}");
    }
    assert!(matches!(
        parse(r#"{"type":"session.output_audio.delta","delta":"//"}"#),
        ServerEvent::Audio(Cow::Borrowed(_))
    ));
}

#[test]
fn odd_fields_spoil_nothing_and_absurd_numbers_count_as_absent() {
    let text = r#"{"type":"session.input_transcript.delta","delta":" a","start_ms":-5,"end_ms":1e300,"new":{"x":[1]}}"#;
    assert_eq!(parse(text), ServerEvent::CallerWords(Fragment { text: " a".into(), start_ms: None, end_ms: None }));
    assert_eq!(parse(r#"{"type":"session.usage.updated","usage":{"seconds":-1}}"#), ServerEvent::Used(None));
    assert_eq!(ServerEvent::parse("[]"), Err(Unreadable::NotAnEvent));
    assert_eq!(ServerEvent::parse(r#"{"type":7}"#), Err(Unreadable::NotAnEvent));
    let broken = r#"{"type":"session.closed","usage":"#;
    assert!(matches!(ServerEvent::parse(broken), Err(Unreadable::Malformed { .. })));
    let unusual = r#"{"type":"session.usage.updated","usage":{"seconds":NaN}}"#;
    assert_eq!(parse(&mended(unusual).expect("mended")), ServerEvent::Used(None));
}

proptest! {
    #[test]
    fn nothing_that_is_received_panics(text in r#"[{\["type:sondelar.uvcxp_\\0-9N,\]}]{0,80}"#) {
        let _ = ServerEvent::parse(&text);
        for kind in ["session.output_audio.delta", "response.event", "error", "session.started", "session.closed"] {
            let event = format!(r#"{{"type":"{kind}",{text}"#);
            let _ = ServerEvent::parse(&event);
        }
    }
}
