use super::*;
use crate::carrier::fake::{Calling, CarrierEvent};
use crate::carrier::plivo::{CARRIER, CARRIER_VOBIZ, PLIVO, VOBIZ};

const SECRET: &str = "a-token-of-the-account";

fn api(dialect: &'static Dialect) -> PlivoWebhookApi {
    let public = "https://voice.example.com".parse().expect("a URL");
    PlivoWebhookApi::new(dialect, public, Trust::Signed(vec![Private::new(SECRET.to_owned())]))
}

fn call() -> Calling {
    Calling {
        id: "11111111-2222-3333-4444-555555555555".to_owned(),
        account: "MA1".to_owned(),
        from: "15550100001".to_owned(),
        to: "15550100002".to_owned(),
        answered: false,
        secret: Some(Private::new(SECRET.to_owned())),
        faults: Vec::new(),
        clock: || chrono::DateTime::UNIX_EPOCH,
    }
}

#[test]
fn a_recorded_request_is_good_once_and_a_repeated_question_is_another_request() {
    for (dialect, carrier) in [(&PLIVO, CARRIER), (&VOBIZ, CARRIER_VOBIZ)] {
        let (api, documents) = (api(dialect), carrier.fake().and_then(|fake| fake.documents()).expect("documents"));
        let url: Url = format!("https://voice.example.com{}", dialect.path(Role::Arrives)).parse().expect("a URL");
        let send = |times: usize| {
            let asked = documents.request(&call(), &url, false, &CarrierEvent::Next);
            let headers: Vec<(String, String)> =
                asked.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
            let form = ("content-type", "application/x-www-form-urlencoded");
            let shown: Vec<(&str, &str)> =
                headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).chain([form]).collect();
            let body = asked.body.expect("a form").1;
            let request = Request {
                verb: Verb::Post,
                target: dialect.path(Role::Arrives),
                headers: &shown,
                body: body.as_bytes(),
                is_local: true,
                at: chrono::DateTime::UNIX_EPOCH,
            };
            (0..times).map(|_| api.judge(Role::Arrives, &request).map_err(|it| it.status)).collect::<Vec<_>>()
        };
        let first = send(2);
        assert!(matches!(&first[..], [Ok(WebhookEvent::Arrives(_)), Err(403)]), "{first:?}");
        assert!(send(1)[0].is_ok(), "the carrier asks again with another nonce");
    }
}

#[test]
fn a_stream_needs_its_token_and_a_signature_that_is_shown_has_to_be_good() {
    let api = api(&PLIVO);
    let upgrade = |target: &str, headers: &[(&str, &str)]| {
        let headers = headers.to_vec();
        api.upgrade(&Request {
            verb: Verb::Get,
            target,
            headers: &headers,
            body: b"",
            is_local: true,
            at: chrono::DateTime::UNIX_EPOCH,
        })
    };
    let arrived = upgrade("/plivo/ws?token=t&agent=a", &[]).expect("a token");
    let parameters = vec![("agent".to_owned(), "a".to_owned())];
    assert_eq!(arrived, Arrival::Announced { token: Some(Private::new("t".to_owned())), parameters });
    for target in ["/plivo/ws", "/plivo/ws?token=", "/plivo/ws?agent=a"] {
        assert_eq!(upgrade(target, &[]).expect_err(target).status, 403);
    }
    let forged = [("x-plivo-signature-v3", "x"), ("x-plivo-signature-v3-nonce", "1")];
    assert_eq!(upgrade("/plivo/ws?token=t", &forged).expect_err("forged").status, 403);
}
