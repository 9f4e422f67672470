use super::*;

fn api(sample_rate: &str) -> ExotelWebhookApi {
    ExotelWebhookApi {
        public_url: "https://voice.example.com".parse().expect("a URL"),
        token: Some(Private::new("exo_token".to_owned())),
        sample_rate: sample_rate.to_owned(),
    }
}

fn get<'a>(target: &'a str, headers: &'a [(&'a str, &'a str); 1]) -> Request<'a> {
    Request { verb: Verb::Get, target, headers, body: b"", is_local: true, at: chrono::DateTime::UNIX_EPOCH }
}

#[test]
fn a_stream_shows_the_token_in_its_query_or_as_a_password() {
    let upgrade =
        |target: &str, authorization: &str| api("8000").upgrade(&get(target, &[("authorization", authorization)]));
    let basic = "Basic ZXhvX2tleTpleG9fdG9rZW4=";
    assert!(upgrade("/exotel/ws", basic).is_ok() && upgrade("/exotel/ws?token=exo_token", "").is_ok());
    for (target, authorization) in [
        ("/exotel/ws", ""),
        ("/exotel/ws?token=", "Basic x"),
        ("/exotel/ws?token=exo_toke", ""),
        ("/exotel/ws", "Bearer exo_token"),
        ("/exotel/ws", "Basic ZXhvX3Rva2VuOmV4b19rZXk="),
    ] {
        assert_eq!(upgrade(target, authorization).expect_err(target).status, 403);
    }
    let arrived = upgrade("/exotel/ws?token=exo_token&sample-rate=16000&agent=a", "").expect("good");
    let parameters = vec![("agent".to_owned(), "a".to_owned())];
    assert_eq!(arrived, Arrival::Authenticated { parameters });
}

#[test]
fn the_dynamic_url_is_json_and_the_call_keeps_its_numbers() {
    let target = "/exotel/answer?token=exo_token&CallSid=c1&CallFrom=09876543210&CallTo=08047491899&agent=sales";
    let Ok(WebhookEvent::Connects(call)) = api("16000").judge(Role::Arrives, &get(target, &[("x", "")])) else {
        panic!()
    };
    assert_eq!((call.call.as_str(), call.is_new), ("c1", true));
    assert_eq!(call.from.expect("a number").expose(), "09876543210");
    let answer = Answer::Stream { name: "", token: None, parameters: &call.parameters };
    let document = api("16000").answer(&answer);
    let url = "wss://voice.example.com/exotel/ws?token=exo_token&sample-rate=16000&agent=sales";
    assert_eq!(document.body, json!({ "url": url }).to_string());
    assert!(document.no_store && document.content_type == Some("application/json"));
}

#[test]
fn the_passthru_says_in_three_spellings_who_has_ended_the_stream() {
    fn post<'a>(target: &'a str, body: &'a [u8]) -> Request<'a> {
        let at = chrono::DateTime::UNIX_EPOCH;
        Request { verb: Verb::Post, target, headers: &[("x", "")], body, is_local: true, at }
    }
    let of = |by: &str| {
        let (open, close) = ("%7B%22DisconnectedBy%22:%22", "%22,%22Status%22:%22completed%22%7D");
        [
            (format!("&CallSid=c1&Stream[DisconnectedBy]={by}"), String::new()),
            (format!("&CallSid=c1&Stream={open}{by}{close}"), String::new()),
            (String::new(), json!({"CallSid": "c1", "Stream": {"DisconnectedBy": by}}).to_string()),
        ]
    };
    for (by, expected) in [("bot", false), ("user", true), ("caller", true), ("system", false)] {
        for (query, body) in of(by) {
            let target = format!("/exotel/after-stream?token=exo_token{query}");
            let heard = api("8000").judge(Role::StreamEnded, &post(&target, body.as_bytes()));
            let Ok(WebhookEvent::StreamEnded(ending)) = heard else { panic!("{heard:?}") };
            assert_eq!((ending.call.as_str(), ending.over), ("c1", expected), "{target} {body}");
        }
    }
}

#[test]
fn a_call_of_ours_has_its_name_in_both_its_addresses_and_its_result_is_read() {
    let callbacks = api("16000").callbacks(&CarrierCallId::new("outbound-1")).expect("it places calls");
    let stream = "wss://voice.example.com/exotel/ws?token=exo_token&sample-rate=16000&outbound=outbound-1";
    assert_eq!(callbacks.document, stream);
    assert_eq!(callbacks.status, "https://voice.example.com/exotel/status?token=exo_token&outbound=outbound-1");
    let target = "/exotel/status?token=exo_token&outbound=outbound-1";
    for (status, over, unanswered) in [
        ("completed", true, None),
        ("no-answer", true, Some("no-answer")),
        ("busy", true, Some("busy")),
        ("in-progress", false, None),
    ] {
        let body = json!({"CallSid": "c1", "Status": status, "EventType": "terminal"}).to_string();
        let request = Request {
            verb: Verb::Post,
            target,
            headers: &[("content-type", "application/json")],
            body: body.as_bytes(),
            is_local: true,
            at: chrono::DateTime::UNIX_EPOCH,
        };
        let Ok(WebhookEvent::Status(update)) = api("8000").judge(Role::Status, &request) else { panic!("{status}") };
        assert_eq!((update.call.as_str(), update.announced.as_deref()), ("c1", Some("outbound-1")));
        assert_eq!((update.over, update.unanswered), (over, unanswered), "{status}");
    }
}
