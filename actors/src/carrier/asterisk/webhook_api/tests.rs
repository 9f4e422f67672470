use super::*;
use crate::carrier::control::Target;
use crate::carrier::webhook_api::Dial;
use crate::carrier::{AudioFormat, LineFormats};
use crate::ids::StreamId;

fn api() -> AsteriskWebhookApi {
    let token = Some(Private::new("ast_token".to_owned()));
    AsteriskWebhookApi(Dialplan { token, dial: "PJSIP/{number}@trunk".to_owned() })
}

fn get<'a>(target: &'a str, headers: &'a [(&'a str, &'a str); 1]) -> Request<'a> {
    Request { verb: Verb::Get, target, headers, body: b"", is_local: true, at: chrono::DateTime::UNIX_EPOCH }
}

#[test]
fn a_stream_shows_the_token_and_its_url_says_who_calls() {
    let basic = [("authorization", "Basic cGJ4MTphc3RfdG9rZW4=")];
    let target = "/asterisk/ws?call=1700000000.12&from=%2B919876543210&to=100&agent=sales";
    let Ok(Arrival::Authenticated { parameters }) = api().upgrade(&get(target, &basic)) else { panic!() };
    let mut start = StreamStart {
        stream: StreamId::new("1700000000.13"),
        carrier_call: CarrierCallId::new("1700000000.13"),
        account: None,
        from: None,
        to: None,
        format: LineFormats::from(AudioFormat::MULAW_8K),
        parameters: parameters.into_iter().collect(),
    };
    api().sort(&mut start);
    assert_eq!(start.carrier_call.as_str(), "1700000000.12");
    assert_eq!(start.from.map(|it| it.expose().clone()).as_deref(), Some("+919876543210"));
    assert_eq!(start.parameters, [("agent".to_owned(), "sales".to_owned())].into());
    let none = [("authorization", "")];
    assert!(api().upgrade(&get("/asterisk/ws?token=ast_token", &none)).is_ok());
    for target in ["/asterisk/ws", "/asterisk/ws?token=ast_toke", "/asterisk/ws?call=1"] {
        assert_eq!(api().upgrade(&get(target, &none)).expect_err(target).status, 403);
    }
}

#[test]
fn a_dialplan_is_answered_in_bare_words() {
    let asked = |role, path: &str| api().judge(role, &get(&format!("/asterisk/{path}&token=ast_token"), &[("x", "")]));
    let Ok(WebhookEvent::StreamEnded(ending)) = asked(Role::StreamEnded, "after-stream?call=c1") else { panic!() };
    assert_eq!((ending.call.as_str(), ending.over), ("c1", false));
    let over = |query: &str| match asked(Role::Status, query) {
        Ok(WebhookEvent::Status(update)) => update.over,
        other => panic!("{other:?}"),
    };
    assert!(over("status?call=c1") && over("status?call=c1&status=16") && !over("status?call=c1&status=Up"));
    assert_eq!(asked(Role::StreamEnded, "after-stream?x=1").expect_err("no call").status, 400);

    let (call, target) = (CarrierCallId::new("c1"), Target::Number(Private::new("+15550100009".to_owned())));
    let timeout = std::time::Duration::from_secs(20);
    let dial = Dial { call: &call, name: "sales", target: &target, timeout, caller_id: None, whispers: false };
    assert_eq!(api().answer(&Answer::Dial(dial)).body, "PJSIP/+15550100009@trunk");
    assert_eq!(api().answer(&Answer::Stream { name: "", token: None, parameters: &[] }).body, "agent");
    assert_eq!(api().answer(&Answer::HangUp), Document::empty());
}
