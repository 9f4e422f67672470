use super::*;

#[test]
fn the_code_is_found_in_whatever_words_it_comes() {
    assert_eq!(error_code("31920"), Some(31920));
    assert_eq!(error_code("Error 31920 - Stream - WebSocket - Handshake Error"), Some(31920));
    assert_eq!(error_code("no number, 12 or 123456"), None);
}

#[test]
fn every_code_of_the_reference_is_explained_but_those_of_other_products() {
    for code in [31901, 31902, 31903, 31904, 31910, 31920, 31921, 31922, 31923, 31924, 31930, 31931, 31951, 31953] {
        assert!(explain(code).is_some(), "{code}");
    }
    assert_eq!(explain(64_101), None);
}

#[test]
fn a_webhook_is_an_inbound_call_an_answer_or_a_status() {
    let webhook = |form: &str, query| {
        read(Role::Arrives, &Form::parse(form.as_bytes()).expect("a form"), query).expect("what a call needs")
    };
    const CALL: &str = "CallSid=CA1&AccountSid=AC1&From=%2B1&To=%2B2";
    let WebhookEvent::Arrives(call) = webhook(&format!("{CALL}&CallStatus=ringing"), "agent=sales") else { panic!() };
    assert_eq!((call.direction, call.in_progress, call.answered_by), (Direction::Inbound, false, None));
    assert_eq!(call.parameters, [("agent".to_owned(), "sales".to_owned())]);
    let dialler = format!("{CALL}&CallStatus=in-progress&Direction=outbound-api&AnsweredBy=machine_start");
    let WebhookEvent::Arrives(call) = webhook(&dialler, "") else { panic!() };
    assert_eq!((call.in_progress, call.direction), (true, Direction::Outbound));
    assert_eq!(call.answered_by, Some(AnsweredBy::Machine));
    let WebhookEvent::PickedUp { name, answered_by, .. } = webhook(&dialler, "outbound=ours") else { panic!() };
    assert_eq!((name.as_str(), answered_by), ("ours", Some(AnsweredBy::Machine)));
    // Asynchronous detection reports nothing else.
    let beside = format!("{CALL}&AnsweredBy=machine_end_beep&MachineDetectionDuration=3000");
    let WebhookEvent::Detected { by, .. } = webhook(&beside, "") else { panic!() };
    assert_eq!(by, AnsweredBy::Machine);
    for (fields, over) in [
        ("CallStatus=completed", true),
        ("CallStatus=ringing&CallbackSource=call-progress-events", false),
        ("RecordingSid=RE1", false),
    ] {
        let WebhookEvent::Misdirected { over: found, .. } = webhook(&format!("{CALL}&{fields}"), "") else {
            panic!("{fields}")
        };
        assert_eq!(found, over, "{fields}");
    }
    let lacking = read(Role::Arrives, &Form::default(), "").expect_err("no call");
    assert_eq!((lacking.status, lacking.stranger), (400, None));
}

#[test]
fn each_dial_status_has_its_outcome() {
    let outcome = |form: &str| {
        let form = Form::parse(format!("CallSid=CA1&{form}").as_bytes()).expect("a form");
        let webhook = read(Role::DialEnded, &form, "").expect("what a leg needs");
        let WebhookEvent::DialEnded { outcome, .. } = webhook else { panic!("{webhook:?}") };
        outcome
    };
    assert_eq!(outcome("DialCallStatus=completed&DialBridged=true"), Some(DialOutcome::Bridged));
    assert_eq!(outcome("DialCallStatus=completed&DialBridged=false"), Some(DialOutcome::NotTaken));
    assert_eq!(outcome("DialCallStatus=completed&DialCallDuration=0"), Some(DialOutcome::NotTaken));
    assert_eq!(outcome("DialCallStatus=completed&DialCallDuration=7"), Some(DialOutcome::Bridged));
    assert_eq!(outcome("DialCallStatus=busy"), Some(DialOutcome::Busy));
    assert_eq!(outcome("DialCallStatus=no-answer"), Some(DialOutcome::NoAnswer));
    assert_eq!(outcome("DialCallStatus=odd"), Some(DialOutcome::Failed));
    assert_eq!(outcome("DialCallStatus=completed&CallStatus=completed"), None, "the caller has gone");
}

#[test]
fn a_leg_belongs_to_the_call_that_its_form_or_our_address_names() {
    let heard = |role, form: &str, query| read(role, &Form::parse(form.as_bytes()).expect("a form"), query);
    let call = CarrierCallId::new("c1");
    for (form, query) in [("CallSid=c2&ParentCallSid=c1", "destination=a"), ("CallSid=c2", "call=c1&destination=a")] {
        assert_eq!(heard(Role::Whisper, form, query), Ok(WebhookEvent::Whisper { call: call.clone() }), "{form}");
        for status in ["in-progress", "answered"] {
            let told = heard(Role::Status, &format!("{form}&CallStatus={status}"), query);
            assert_eq!(told, Ok(WebhookEvent::LegAnswered { call: call.clone() }), "{form} {status}");
        }
    }
    assert_eq!(heard(Role::Whisper, "CallSid=c2", "destination=a").expect_err("whose?").status, 400);
}
