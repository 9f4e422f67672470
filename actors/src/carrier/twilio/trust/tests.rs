use proptest::prelude::*;

use super::*;

const TOKEN: &str = "test_auth_token_0123456789abcdef";
const VOICE: &str = "https://voice.example.com/twilio/voice";
const STREAM: &str = "wss://voice.example.com/twilio/stream";

#[test]
fn the_address_that_a_signature_fits_is_found_for_webhooks_and_for_upgrades() {
    let keys = Keys { auth_tokens: vec![Private::new(TOKEN.to_owned())], shared: Default::default() };
    let hosts = ["voice.example.com", "other.example.com:8443"].map(str::to_owned);
    let found = |kind, signed_for: &str, target| {
        let signature = sign(TOKEN, signed_for, &[]);
        let asked = Request { url: "", signed: Signed::Nothing, signature: Some(&signature), settings: None };
        fitting_address(&keys, &asked, kind, &hosts, target)
    };
    for (kind, signed_for, target, expected) in [
        (
            Kind::Webhook,
            "http://other.example.com:8443/twilio/voice",
            "/twilio/voice",
            Some("http://other.example.com:8443/twilio/voice"),
        ),
        (
            Kind::Webhook,
            "https://voice.example.com/twilio/voice/?a=1",
            "/twilio/voice?a=1",
            Some("https://voice.example.com/twilio/voice/"),
        ),
        (Kind::Upgrade, "wss://other.example.com:8443/ws", "/ws", Some("wss://other.example.com:8443/ws")),
        (Kind::Upgrade, "ws://voice.example.com/ws", "/ws", Some("ws://voice.example.com/ws")),
        (Kind::Upgrade, "https://voice.example.com/ws", "/ws", None),
        (Kind::Upgrade, "wss://elsewhere.example.com/ws", "/ws", None),
    ] {
        let found = found(kind, signed_for, target);
        assert_eq!(found.as_deref(), expected, "{kind:?} {signed_for}");
    }
}

#[test]
fn every_vector_of_the_official_sdk_is_reproduced() {
    let v0 = pairs(&[
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675310"),
        ("Digits", "1234"),
        ("From", "+14158675310"),
        ("To", "+18005551212"),
    ]);
    assert_eq!(sign("12345", "https://example.com/myapp.php?foo=1&bar=2", &v0), "L/OH5YylLD5NRKLltdqwSvS0BnU=");
    assert_eq!(sign(TOKEN, VOICE, &incoming()), "UpxdD2geilNTnTZRVnovqvHfNz4=");
    assert_eq!(
        sign_text(Algorithm::HmacSha256, TOKEN, VOICE, &form_tail(&incoming())),
        "KTTpVWH3vZgWfnO1zYAQWHGXIqud6dUIxnvMHauoVg8="
    );
    let with_port = "https://voice.example.com:443/twilio/voice";
    assert_eq!(sign(TOKEN, with_port, &incoming()), "KpYL7l8uO1sRtl1Qoat89MW7td0=");
    let mut v4 = incoming();
    v4.extend(pairs(&[("CallerName", ""), ("FromCity", "SÃO PAULO & CO")]));
    assert_eq!(sign(TOKEN, VOICE, &v4), "aCybjP8OwNrz/FmfaIDjOsQn+ik=");
    let v5 = pairs(&[("A", "x"), ("B", "2"), ("B", "1"), ("B", "2")]);
    assert_eq!(sign(TOKEN, VOICE, &v5), "FXob8ioyFxtkBTMw5Ct2uzoU8nU=");
    assert_eq!(sign(TOKEN, STREAM, &[]), "y/Iy5pP3qXPcdrVhhWmRhNhPZDc=");
    assert_eq!(sign(TOKEN, &format!("{STREAM}/"), &[]), "S7j2IFZuSY5yMI70NO4OUx4uBlk=");
    assert_eq!(sign(TOKEN, "wss://voice.example.com:443/twilio/stream", &[]), "BQU4bPjlNlZcUPgLeasdUXYWMWY=");
    assert_eq!(sign(TOKEN, &raw_url(), &[]), "OpblXSuNBhxVKLwYq4DLqVrnJ+A=");
}

#[test]
fn a_webhook_is_accepted_with_and_without_its_port() {
    for signature in ["UpxdD2geilNTnTZRVnovqvHfNz4=", "KpYL7l8uO1sRtl1Qoat89MW7td0="] {
        for url in [VOICE, "https://voice.example.com:443/twilio/voice"] {
            assert_eq!(verify_webhook(&keys(), &form_request(url, &incoming(), signature)), Ok(()));
        }
    }
}

#[test]
fn a_local_http_webhook_keeps_its_port() {
    let url = "http://127.0.0.1:8080/twilio/voice";
    let signature = sign(TOKEN, url, &incoming());
    assert_eq!(verify_webhook(&keys(), &form_request(url, &incoming(), &signature)), Ok(()));
}

#[test]
fn an_upgrade_is_accepted_with_a_trailing_slash_and_a_port_but_not_as_https() {
    for signature in ["y/Iy5pP3qXPcdrVhhWmRhNhPZDc=", "S7j2IFZuSY5yMI70NO4OUx4uBlk=", "BQU4bPjlNlZcUPgLeasdUXYWMWY="] {
        assert_eq!(verify_upgrade(&keys(), &bare_request(STREAM, signature)), Ok(()), "{signature}");
    }
    let wrong_scheme = sign(TOKEN, "https://voice.example.com/twilio/stream", &[]);
    assert_eq!(verify_upgrade(&keys(), &bare_request(STREAM, &wrong_scheme)), Err(BadSignature::Mismatch));
}

#[test]
fn any_token_of_a_rotation_is_accepted() {
    let keys = Keys {
        auth_tokens: vec![Private::new("the next one".to_owned()), Private::new(TOKEN.to_owned())],
        ..Keys::default()
    };
    assert_eq!(verify_webhook(&keys, &form_request(VOICE, &incoming(), "UpxdD2geilNTnTZRVnovqvHfNz4=")), Ok(()));
}

#[test]
fn a_missing_or_empty_signature_is_refused() {
    let pairs = incoming();
    let mut request = form_request(VOICE, &pairs, "");
    assert_eq!(verify_webhook(&keys(), &request), Err(BadSignature::Missing));
    request.signature = None;
    assert_eq!(verify_webhook(&keys(), &request), Err(BadSignature::Missing));
}

#[test]
fn without_a_token_nothing_is_accepted() {
    let signature = sign("", VOICE, &incoming());
    assert_eq!(
        verify_webhook(&Keys::default(), &form_request(VOICE, &incoming(), &signature)),
        Err(BadSignature::Mismatch)
    );
}

#[test]
fn a_raw_body_must_match_the_hash_in_the_url() {
    let url = raw_url();
    let signature = Some("OpblXSuNBhxVKLwYq4DLqVrnJ+A=");
    let request = |body: &'static [u8]| Request { url: &url, signed: Signed::Body(body), signature, settings: None };
    assert_eq!(verify_webhook(&keys(), &request(br#"{"a":1}"#)), Ok(()));
    assert_eq!(verify_webhook(&keys(), &request(br#"{"a":2}"#)), Err(BadSignature::OtherBody));
    let bare = Request { url: VOICE, signed: Signed::Body(b"{}"), signature, settings: None };
    assert_eq!(verify_webhook(&keys(), &bare), Err(BadSignature::OtherBody));
}

#[test]
fn a_shared_key_is_used_only_when_named_and_configured() {
    let pairs = incoming();
    let mut keys = keys();
    let mut request = form_request(VOICE, &pairs, "KTTpVWH3vZgWfnO1zYAQWHGXIqud6dUIxnvMHauoVg8=");
    request.settings = Some("key=SK1, algorithm=HMAC_SHA256");
    assert_eq!(verify_webhook(&keys, &request), Err(BadSignature::UnknownKey), "never the auth token");
    keys.shared.insert("SK1".to_owned(), Private::new(TOKEN.to_owned()));
    assert_eq!(verify_webhook(&keys, &request), Ok(()));
    request.settings = Some("key=SK1,algorithm=MD5");
    assert_eq!(verify_webhook(&keys, &request), Err(BadSignature::UnknownAlgorithm));
    request.settings = Some("algorithm=HMAC_SHA256");
    assert_eq!(verify_webhook(&keys, &request), Err(BadSignature::UnknownKey));
    request.settings = Some("key=SK1");
    assert_eq!(verify_webhook(&keys, &request), Err(BadSignature::Mismatch), "no algorithm: HMAC_SHA1, auth token");
}

#[test]
fn an_ipv6_host_keeps_its_colons() {
    assert_eq!(
        webhook_candidates("http://[::1]:8080/a"),
        ["http://[::1]:8080/a", "http://[::1]/a", "http://[::1]:80/a"]
    );
    assert_eq!(webhook_candidates("http://[::1]/a")[2], "http://[::1]:80/a");
}

proptest! {
    #[test]
    fn a_changed_form_is_refused(name in "[A-Za-z]{1,8}", value in "\\PC{0,12}") {
        let mut changed = incoming();
        changed.push((format!("X{name}"), value));
        prop_assert_eq!(
            verify_webhook(&keys(), &form_request(VOICE, &changed, "UpxdD2geilNTnTZRVnovqvHfNz4=")),
            Err(BadSignature::Mismatch)
        );
    }

    #[test]
    fn any_text_is_judged_without_a_panic(url in "\\PC{0,40}", signature in "\\PC{0,40}", settings in "\\PC{0,40}") {
        let request = Request { url: &url, signed: Signed::Body(b"x"), signature: Some(&signature), settings: Some(&settings) };
        prop_assert!(verify_webhook(&keys(), &request).is_err());
        let request = Request { signed: Signed::Nothing, ..request };
        prop_assert!(verify_upgrade(&keys(), &request).is_err());
    }
}

fn keys() -> Keys {
    Keys { auth_tokens: vec![Private::new(TOKEN.to_owned())], ..Keys::default() }
}

fn raw_url() -> String {
    let hash = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
    format!("https://voice.example.com/twilio/events?bodySHA256={hash}")
}

fn incoming() -> Vec<(String, String)> {
    pairs(&[
        ("AccountSid", "AC00000000000000000000000000000002"),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", "CA00000000000000000000000000000001"),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", "+15550100001"),
        ("To", "+15550100002"),
    ])
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn form_request<'a>(url: &'a str, pairs: &'a [(String, String)], signature: &'a str) -> Request<'a> {
    Request { url, signed: Signed::Form(pairs), signature: Some(signature), settings: None }
}

fn bare_request<'a>(url: &'a str, signature: &'a str) -> Request<'a> {
    Request { url, signed: Signed::Nothing, signature: Some(signature), settings: None }
}

#[test]
fn signalwires_vectors_are_good_and_others_are_not() {
    let keys = |key: &str| Keys { auth_tokens: vec![Private::new(key.to_owned())], ..Keys::default() };
    let (url, body) = (
        "https://example.ngrok.io/webhook",
        r#"{"event":"call.state","params":{"call_id":"abc-123","state":"answered"}}"#,
    );
    let raw =
        |key: &str, url: &str, body: &str, sha1, sha256| verify_raw(&keys(key), url, body.as_bytes(), sha1, sha256);
    let good = "c3c08c1fefaf9ee198a100d5906765a6f394bf0f";
    assert_eq!(raw("PSKtest1234567890abcdef", url, body, Some(good), None), Ok(()));
    assert_eq!(raw("PSKtest1234567890abcdef", "https://example.ngrok.io:443/webhook", body, Some(good), None), Ok(()));
    for (key, url, body) in [
        ("PSKtest1234567890abcdee", url, body),
        ("PSKtest1234567890abcdef", "https://example.ngrok.io/webhook2", body),
        ("PSKtest1234567890abcdef", url, "{}"),
    ] {
        assert_eq!(raw(key, url, body, Some(good), None), Err(BadSignature::Mismatch), "{key} {url} {body}");
        assert_eq!(raw(key, url, body, None, Some(good)), Err(BadSignature::Mismatch), "{key} {url} {body}");
    }
    assert_eq!(raw("k", url, body, None, None), Err(BadSignature::Missing));

    let form = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let asked = |signature, signed| Request { url, signed, signature: Some(signature), settings: None };
    let good = asked("RSOYDt4T1cUTdK1PDd93/VVr8B8=", Signed::EveryPair(&form));
    assert_eq!(verify_webhook(&keys("12345"), &good), Ok(()));
    assert_eq!(
        verify_webhook(&keys("12345"), &Request { signed: Signed::EveryPair(&form[1..]), ..good }),
        Err(BadSignature::Mismatch)
    );
}

#[test]
fn every_pair_of_a_form_counts_for_signalwire() {
    let pairs = [("B", "2"), ("A", "x"), ("B", "1"), ("B", "2")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!((whole_tail(&pairs).as_str(), form_tail(&pairs).as_str()), ("AxB2B1B2", "AxB1B2"));
}
