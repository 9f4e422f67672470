use chrono::DateTime;

use super::*;
use crate::carrier::fake::{Calling, CarrierEvent};
use crate::carrier::telnyx::CARRIER;

const SECRET: &str = "a seed of a key";

fn api() -> TelnyxWebhookApi {
    let setup = CARRIER.fake().expect("a fake").setup(crate::carrier::fake::Part::Played { secret: Some(SECRET) });
    let key = PublicKey::parse(&setup.secrets[0].1).expect("a key");
    TelnyxWebhookApi {
        public_url: "https://voice.example.com".parse().expect("a URL"),
        trust: Trust::Signed(vec![key]),
    }
}

fn judged(role: Role, target: &str, kind: &str, body: Option<&str>, later: i64) -> Result<WebhookEvent, u16> {
    let call = Calling {
        id: "v3:c".to_owned(),
        account: "a".to_owned(),
        from: "+15550100001".to_owned(),
        to: "+15550100002".to_owned(),
        answered: false,
        secret: Some(Private::new(SECRET.to_owned())),
        faults: Vec::new(),
        clock: || DateTime::UNIX_EPOCH,
    };
    let documents = CARRIER.fake().and_then(|fake| fake.documents()).expect("documents");
    let url: Url = format!("https://voice.example.com{target}").parse().expect("a URL");
    let asked = documents.request(&call, &url, false, &CarrierEvent::Next);
    let (_, signed) = asked.body.expect("a form");
    let headers: Vec<(String, String)> =
        asked.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    let mut shown: Vec<(&str, &str)> = headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    shown.push(("content-type", kind));
    let body = body.unwrap_or(&signed).as_bytes();
    let at = DateTime::from_timestamp(later, 0).expect("a time");
    let request = Request { verb: Verb::Post, target, headers: &shown, body, is_local: true, at };
    api().judge(role, &request).map_err(|refused| refused.status)
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_signed_form_is_good_for_five_minutes_wherever_it_is_repeated() {
    let target = "/telnyx/answer?agent=sales";
    for later in [0, 0, 299] {
        assert!(matches!(judged(Role::Arrives, target, FORM, None, later), Ok(WebhookEvent::Arrives(_))), "{later}");
    }
    assert_eq!(judged(Role::Arrives, target, FORM, None, 301), Err(403), "a recorded request");
    assert_eq!(judged(Role::Arrives, target, FORM, Some("CallSid=x&CallStatus=ringing"), 0), Err(403), "another form");
    assert_eq!(judged(Role::Arrives, target, "application/json", None, 0), Err(400));
}

#[test]
fn a_stream_needs_the_token_of_our_document_in_its_address_or_in_the_carriers_header() {
    let upgrade = |target: &str, headers: &[(&str, &str)]| {
        let (headers, at) = (headers.to_vec(), DateTime::UNIX_EPOCH);
        api().upgrade(&Request { verb: Verb::Get, target, headers: &headers, body: b"", is_local: true, at })
    };
    let token = |text: &str| Some(Private::new(text.to_owned()));
    let parameters = vec![("agent".to_owned(), "a".to_owned())];
    assert_eq!(upgrade("/telnyx/ws?token=t&agent=a", &[]), Ok(Arrival::Announced { token: token("t"), parameters }));
    let header = [("x-telnyx-streaming-auth-token", "h")];
    assert_eq!(upgrade("/telnyx/ws", &header), Ok(Arrival::Announced { token: token("h"), parameters: vec![] }));
    for target in ["/telnyx/ws", "/telnyx/ws?token=", "/telnyx/ws?agent=a"] {
        assert_eq!(upgrade(target, &[]).expect_err(target).status, 403);
    }
}
