use std::collections::BTreeMap;

use super::*;
use crate::carrier::AudioFormat;
use crate::ids::{CarrierCallId, StreamId};

#[test]
fn whose_number_did_is_is_decided_by_the_configuration() {
    let start = || StreamStart {
        stream: StreamId::new("u"),
        carrier_call: CarrierCallId::new("u"),
        account: None,
        from: Some(Private::new("1".to_owned())),
        to: Some(Private::new("2".to_owned())),
        format: AudioFormat::PCM_8K.into(),
        parameters: BTreeMap::from([("did".to_owned(), "1".to_owned()), ("vmn".to_owned(), "2".to_owned())]),
    };
    let sorted = |did_is_caller| {
        let mut start = start();
        WaybeoWebhookApi { did_is_caller, ..webhook_api() }.sort(&mut start);
        (start.from.map(|it| it.expose().clone()), start.to.map(|it| it.expose().clone()))
    };
    assert_eq!(sorted(true), (Some("1".to_owned()), Some("2".to_owned())));
    assert_eq!(sorted(false), (None, Some("1".to_owned())));
}

#[test]
fn the_answer_url_tells_of_a_call_and_of_its_end() {
    let webhook_api = webhook_api();
    let heard = |query: &str| {
        let target = format!("/waybeo/answer?token=secret&sid=S1&{query}");
        let request = Request {
            verb: Verb::Get,
            target: &target,
            headers: &[],
            body: b"",
            is_local: false,
            at: chrono::DateTime::UNIX_EPOCH,
        };
        webhook_api.judge(Role::Arrives, &request).expect("the token is right")
    };
    let WebhookEvent::Connects(call) = heard("event=NewCall&cid=%2B911&called_number=2&agent=a&x=y") else { panic!() };
    assert_eq!((call.is_new, call.call.as_str(), call.name.as_str()), (true, "S1", "S1"));
    assert_eq!(call.parameters, [("agent".to_owned(), "a".to_owned())]);
    assert_eq!(call.from.map(|it| it.expose().clone()).as_deref(), Some("+911"));
    for (event, ends) in [("Hangup", Some(false)), ("DISCONNECT", Some(false)), ("Stream", Some(true)), ("x", None)] {
        let heard_end = heard(&format!("event={event}"));
        let asks = if let WebhookEvent::ConnectedEnded { asks, .. } = heard_end {
            Some(asks)
        } else {
            let WebhookEvent::Connects(call) = heard_end else { panic!("{heard_end:?}") };
            assert!(!call.is_new, "{event}");
            None
        };
        assert_eq!(asks, ends, "{event}");
    }
}

fn webhook_api() -> WaybeoWebhookApi {
    WaybeoWebhookApi {
        public_url: Url::parse("https://voice.example.com").expect("a URL"),
        token: Some(Private::new("secret".to_owned())),
        did_is_caller: true,
        sip_id: String::new(),
    }
}
