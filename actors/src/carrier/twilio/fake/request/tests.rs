use super::*;

fn open(url: &str, track: Option<&str>) -> Result<String, String> {
    let document = "http://127.0.0.1:8080/twilio/voice".parse().expect("an address");
    let noun = StreamNoun { url: url.into(), track: track.map(ToOwned::to_owned), ..StreamNoun::default() };
    stream_address(Which::Twilio, &document, &noun).map(String::from)
}

#[test]
fn a_stream_goes_to_wss_or_to_this_machine() {
    assert_eq!(open("wss://voice.example.com/ws", None).as_deref(), Ok("wss://voice.example.com/ws"));
    assert_eq!(open("ws://127.0.0.1:9/ws", Some("inbound_track")).as_deref(), Ok("ws://127.0.0.1:9/ws"));
    assert_eq!(open("/ws", None).as_deref(), Ok("ws://127.0.0.1:8080/ws"));
}

#[test]
fn a_stream_twilio_would_not_open_is_refused_with_its_code() {
    for (url, track, code) in [
        ("ws://voice.example.com/ws", None, "31922"),
        ("https://voice.example.com/ws", None, "31922"),
        ("wss://voice.example.com/ws?token=1", None, "31920"),
        ("wss://voice.example.com/ws", Some("both_tracks"), "31941"),
        ("wss://", None, "31923"),
        ("", None, "31923"),
    ] {
        let problem = open(url, track).expect_err(url);
        assert!(problem.contains(code), "{url}: {problem}");
    }
}
