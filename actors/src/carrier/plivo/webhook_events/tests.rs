use super::*;

fn hear(role: Role, form: &str, query: &str) -> WebhookEvent {
    let parse = |text: &str| Form::parse(text.as_bytes()).expect("a form");
    read(role, &parse(form), &parse(query)).expect("readable")
}

fn call() -> CarrierCallId {
    CarrierCallId::new("c1")
}

#[test]
fn a_call_of_ours_is_found_by_the_name_in_its_url() {
    let form = "CallUUID=c1&RequestUUID=r1&CallStatus=in-progress&Direction=outbound&Event=StartApp";
    let picked_up = |by| WebhookEvent::PickedUp { name: "o1".to_owned(), call: call(), answered_by: by };
    assert_eq!(hear(Role::Arrives, form, "outbound=o1"), picked_up(None));
    let machine = format!("{form}&Machine=true");
    assert_eq!(hear(Role::Arrives, &machine, "outbound=o1"), picked_up(Some(AnsweredBy::Machine)));
    for (status, label, over) in [
        ("busy", Some("busy"), true),
        ("timeout", Some("no-answer"), true),
        ("cancel", Some("canceled"), true),
        ("completed", None, true),
        ("ringing", None, false),
    ] {
        let WebhookEvent::Status(update) =
            hear(Role::Status, &format!("CallUUID=c1&CallStatus={status}"), "outbound=o1")
        else {
            panic!("{status}")
        };
        assert_eq!((update.unanswered, update.over, update.announced.as_deref()), (label, over, Some("o1")));
    }
}

#[test]
fn news_at_the_answer_url_is_no_call() {
    for (form, over) in [
        ("CallUUID=c1&Event=Hangup&CallStatus=completed", true),
        ("CallUUID=c1&CallStatus=busy", true),
        ("CallUUID=c1&Event=StopStream&CallStatus=in-progress", false),
    ] {
        let heard = hear(Role::Arrives, form, "");
        assert!(matches!(&heard, WebhookEvent::Misdirected { over: found, .. } if *found == over), "{heard:?}");
    }
}

#[test]
fn the_fields_of_a_get_are_no_parameters() {
    let query = "CallUUID=c1&From=1&To=2&CallStatus=ringing&agent=sales&language=hi";
    let WebhookEvent::Arrives(call) = hear(Role::Arrives, query, query) else { panic!() };
    let names: Vec<&str> = call.parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["agent", "language"]);
}

#[test]
fn a_dialled_leg_is_over_with_its_result() {
    let over = |form: &str| hear(Role::DialEnded, &format!("CallUUID=c1&CallStatus=in-progress&{form}"), "");
    for (form, outcome) in [
        ("DialStatus=completed&DialBLegUUID=b", DialOutcome::Bridged),
        ("DialStatus=no-answer&DialBLegUUID=b", DialOutcome::NotTaken),
        ("DialStatus=timeout&DialBLegUUID=", DialOutcome::NoAnswer),
        ("DialStatus=busy", DialOutcome::Busy),
        ("DialStatus=failed", DialOutcome::Failed),
        ("ConferenceName=r", DialOutcome::Bridged),
        ("", DialOutcome::Failed),
    ] {
        assert_eq!(over(form), WebhookEvent::DialEnded { call: call(), outcome: Some(outcome) }, "{form}");
    }
    for form in ["DialStatus=cancel", "Event=Hangup&DialStatus=completed"] {
        assert_eq!(over(form), WebhookEvent::DialEnded { call: call(), outcome: None }, "{form}");
    }
}

#[test]
fn legs_are_known_by_the_callers_call_in_the_url() {
    let leg = "CallUUID=b1&DialAction=answer&DialBLegUUID=b1";
    assert_eq!(hear(Role::Status, leg, "call=c1"), WebhookEvent::LegAnswered { call: call() });
    assert_eq!(hear(Role::Status, "DialAction=hangup&CallUUID=b1", "call=c1"), WebhookEvent::Nothing);
    assert_eq!(hear(Role::Whisper, "CallUUID=b1", "call=c1"), WebhookEvent::Whisper { call: call() });
    let parse = |text: &str| Form::parse(text.as_bytes()).expect("a form");
    assert_eq!(read(Role::Whisper, &parse("CallUUID=b1"), &parse("")).expect_err("no call").status, 400);
}
