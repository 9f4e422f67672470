use super::*;

fn api() -> SmartfloWebhookApi {
    let public_url = "https://voice.example.com".parse().expect("a URL");
    SmartfloWebhookApi { public_url, token: Some(Private::new("flo_token".to_owned())) }
}

fn request<'a>(verb: Verb, target: &'a str, body: &'a [u8]) -> Request<'a> {
    const NONE: &[(&str, &str); 0] = &[];
    Request { verb, target, headers: NONE, body, is_local: true, at: chrono::DateTime::UNIX_EPOCH }
}

#[test]
fn every_path_needs_the_token() {
    for target in ["/smartflo/ws", "/smartflo/ws?token=", "/smartflo/ws?token=flo_toke", "/smartflo/ws?agent=a"] {
        assert_eq!(api().upgrade(&request(Verb::Get, target, b"")).expect_err(target).status, 403);
        assert_eq!(api().judge(Role::Arrives, &request(Verb::Get, target, b"")).expect_err(target).status, 403);
    }
    let arrived = api().upgrade(&request(Verb::Get, "/smartflo/ws?token=flo_token&agent=a", b"")).expect("good");
    assert_eq!(arrived, Arrival::Authenticated { parameters: vec![("agent".to_owned(), "a".to_owned())] });
}

#[test]
fn the_dynamic_endpoint_names_the_stream_and_keeps_the_numbers() {
    let target = "/smartflo/answer?token=flo_token&callId=c1&fromNumber=09876543210&toNumber=918031234567&agent=sales";
    let json = br#"{"call_id":"c1","from":"09876543210","to":"918031234567"}"#;
    for request in [
        request(Verb::Get, target, b""),
        request(Verb::Post, "/smartflo/answer?token=flo_token&agent=sales", json),
        request(
            Verb::Post,
            "/smartflo/answer?token=flo_token&agent=sales",
            b"call_id=c1&from=09876543210&to=918031234567",
        ),
    ] {
        let Ok(WebhookEvent::Connects(call)) = api().judge(Role::Arrives, &request) else { panic!() };
        assert_eq!((call.call.as_str(), call.is_new), ("c1", true));
        let numbers = (call.from.expect("a number"), call.to.expect("a number"));
        assert_eq!((numbers.0.expose().as_str(), numbers.1.expose().as_str()), ("09876543210", "918031234567"));
        let document = api().answer(&Answer::Stream { name: "", token: None, parameters: &call.parameters });
        let url = "wss://voice.example.com/smartflo/ws?token=flo_token&agent=sales";
        assert_eq!(document.body, json!({"success": true, "wss_url": url}).to_string());
        assert!(document.no_store && document.content_type == Some("application/json"));
    }
    assert_eq!(api().answer(&Answer::Refuse { language: "hi", words: None }).body, r#"{"success":false}"#);
}

#[test]
fn a_status_says_whether_the_call_is_over() {
    for (status, over) in [("hangup", true), ("Missed", true), ("ringing", false), ("answered", false)] {
        let target = format!("/smartflo/status?token=flo_token&call_id=c1&status={status}");
        let Ok(WebhookEvent::Status(update)) = api().judge(Role::Status, &request(Verb::Get, &target, b"")) else {
            panic!("{status}")
        };
        assert_eq!((update.call.as_str(), update.over), ("c1", over), "{status}");
    }
    let nameless = request(Verb::Get, "/smartflo/status?token=flo_token&status=hangup", b"");
    assert_eq!(api().judge(Role::Status, &nameless).expect_err("no call").status, 400);
}
