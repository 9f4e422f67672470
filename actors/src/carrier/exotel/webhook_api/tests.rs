use super::*;

fn api(sample_rate: &str) -> ExotelWebhookApi {
    ExotelWebhookApi {
        public_url: "https://voice.example.com".parse().expect("a URL"),
        token: Some(Private::new("exo_token".to_owned())),
        sample_rate: sample_rate.to_owned(),
    }
}

fn get<'a>(target: &'a str, headers: &'a [(&'a str, &'a str); 1]) -> Request<'a> {
    Request { verb: Verb::Get, target, headers, body: b"", is_local: true }
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
