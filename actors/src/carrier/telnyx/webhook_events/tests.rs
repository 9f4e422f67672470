use super::*;

fn heard(role: Role, form: &str, query: &str) -> WebhookEvent {
    let parse = |text: &str| Form::parse(text.as_bytes()).expect("a form");
    read(role, &parse(form), &parse(query)).expect("readable")
}

const CALL: &str = "CallSid=v3%3Ac&AccountSid=a&From=%2B15550100001&To=%2B15550100002";

#[test]
fn a_call_arrives_or_is_news_or_one_that_we_placed() {
    let WebhookEvent::Arrives(call) = heard(Role::Arrives, &format!("{CALL}&CallStatus=ringing"), "agent=sales") else {
        panic!()
    };
    assert_eq!((call.call.as_str(), call.from.expose().as_str()), ("v3:c", "+15550100001"));
    assert_eq!((call.direction, call.parameters), (Direction::Inbound, vec![("agent".into(), "sales".into())]));
    for (form, over, status) in [
        ("CallStatus=completed", true, "completed"),
        ("CallStatus=in-progress&CallbackSource=call-progress-events", false, "in-progress"),
    ] {
        let call = CarrierCallId::new("v3:c");
        let expected = WebhookEvent::Misdirected { call, over, status: status.to_owned() };
        assert_eq!(heard(Role::Arrives, &format!("{CALL}&{form}"), ""), expected);
    }
    for (word, by) in [
        ("human", AnsweredBy::Human),
        ("machine_end_beep", AnsweredBy::Machine),
        ("fax", AnsweredBy::Fax),
        ("not_sure", AnsweredBy::Unknown),
    ] {
        let picked = heard(Role::Arrives, &format!("{CALL}&CallStatus=in-progress&AnsweredBy={word}"), "outbound=o1");
        let call = CarrierCallId::new("v3:c");
        assert_eq!(picked, WebhookEvent::PickedUp { name: "o1".into(), call, answered_by: Some(by) });
    }
}

#[test]
fn a_status_is_of_the_call_or_of_a_leg_that_it_dialled() {
    let WebhookEvent::Status(update) = heard(Role::Status, &format!("{CALL}&CallStatus=no-answer"), "outbound=o1")
    else {
        panic!()
    };
    assert_eq!((update.announced.as_deref(), update.unanswered, update.over), (Some("o1"), Some("no-answer"), true));
    let leg = "CallSid=v3%3Aleg&ParentCallSid=v3%3Ac";
    let answered = heard(Role::Status, &format!("{leg}&CallStatus=in-progress"), "call=v3%3Ac");
    assert_eq!(answered, WebhookEvent::LegAnswered { call: CarrierCallId::new("v3:c") });
    for query in ["call=v3%3Ac", ""] {
        assert_eq!(heard(Role::Status, &format!("{leg}&CallStatus=completed"), query), WebhookEvent::Nothing);
    }
    let detected = heard(Role::Status, "CallSid=v3%3Ac&AnsweredBy=human", "outbound=o1");
    assert_eq!(detected, WebhookEvent::Detected { call: CarrierCallId::new("v3:c"), by: AnsweredBy::Human });
}

#[test]
fn the_end_of_a_dialled_leg_says_whether_the_two_have_talked() {
    for (form, outcome) in [
        ("DialCallStatus=completed&DialCallDuration=12", Some(DialOutcome::Bridged)),
        ("DialCallStatus=completed", Some(DialOutcome::Bridged)),
        ("DialCallStatus=completed&DialCallDuration=0", Some(DialOutcome::NotTaken)),
        ("DialCallStatus=busy&DialCallDuration=0", Some(DialOutcome::Busy)),
        ("DialCallStatus=no-answer", Some(DialOutcome::NoAnswer)),
        ("DialCallStatus=failed", Some(DialOutcome::Failed)),
        ("DialCallStatus=canceled&CallStatus=completed", None),
    ] {
        let call = CarrierCallId::new("v3:c");
        assert_eq!(heard(Role::DialEnded, &format!("{CALL}&{form}"), ""), WebhookEvent::DialEnded { call, outcome });
    }
}

#[test]
fn a_form_without_its_call_is_refused() {
    for role in [Role::Arrives, Role::StreamEnded, Role::DialEnded, Role::Status, Role::Whisper, Role::CalleeStatus] {
        let refused = read(role, &Form::default(), &Form::default()).expect_err("no call");
        assert_eq!(refused.status, 400, "{role:?}");
    }
}
