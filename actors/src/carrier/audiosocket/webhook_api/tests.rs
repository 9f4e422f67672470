use super::*;
use crate::ids::Private;

fn api() -> AudioSocketWebhookApi {
    let token = Some(Private::new("ast_token".to_owned()));
    let dialplan = Dialplan { token, dial: "PJSIP/{number}@trunk".to_owned() };
    AudioSocketWebhookApi { dialplan, bind: "127.0.0.1:9092".parse().expect("an address") }
}

#[test]
fn a_call_is_announced_and_its_permit_is_a_uuid() {
    let judge = |target: &str, body: &[u8]| {
        api().judge(
            Role::Arrives,
            &Request {
                verb: Verb::Post,
                target,
                headers: &[("x", "")],
                body,
                is_local: true,
                at: chrono::DateTime::UNIX_EPOCH,
            },
        )
    };
    let body = b"from=%2B919876543210&to=100&call=1700000000.12&agent=sales";
    let Ok(WebhookEvent::Arrives(call)) = judge("/audiosocket/answer?token=ast_token", body) else { panic!() };
    assert_eq!((call.call.as_str(), call.from.expose().as_str()), ("1700000000.12", "+919876543210"));
    assert_eq!(call.parameters, [("agent".to_owned(), "sales".to_owned())]);
    assert_eq!(judge("/audiosocket/answer", body).expect_err("no token").status, 403);
    assert_eq!(judge("/audiosocket/answer?token=ast_token", b"from=1").expect_err("no call").status, 400);

    let token = Private::new("40325ec25efd4bd3805f53576e581d13".to_owned());
    let answer = api().answer(&Answer::Stream { name: "", token: Some(&token), parameters: &[] });
    assert_eq!((answer.body.as_str(), answer.no_store), ("40325ec2-5efd-4bd3-805f-53576e581d13", true));
    assert_eq!(api().answer(&Answer::Refuse { language: "hi", words: None }), Document::empty());
}
