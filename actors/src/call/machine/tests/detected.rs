//! The detection of who answered, during the call.

use super::*;
use crate::call::messages::CallDetail;
use crate::carrier::webhook_api::AnsweredBy;
use crate::realtime::messages::ModelOrder as Order;

const LEAVE_A_MESSAGE: &str = "Leave one short message.";

fn requests(done: &[CallAction]) -> Vec<ResponsePurpose> {
    let request =
        |action: &CallAction| if let CallAction::Order(Order::Speak(it)) = action { Some(it.purpose) } else { None };
    done.iter().filter_map(request).collect()
}

#[test]
fn a_machine_is_hung_up_on_at_once_and_the_record_knows_it() {
    for by in [AnsweredBy::Machine, AnsweredBy::Fax] {
        let mut call = Harness::listening();
        call.on(response_started("r1"));
        call.on(playing("r1"));
        let done = call.on(detected(by, None));
        assert_eq!(done[0], CallAction::Record(Fact::AnsweredBy(by)), "before the record is finished");
        assert_eq!(call.machine.ending(), Some(Ending::AnsweringMachine));
    }
}

#[test]
fn a_machine_that_may_be_spoken_to_is_left_a_message() {
    let note = CallAction::Order(Order::AddText { role: TextRole::Instruction, text: LEAVE_A_MESSAGE.to_owned() });
    let mut silent = Harness::listening();
    let done = silent.on(detected(AnsweredBy::Machine, Some(LEAVE_A_MESSAGE)));
    assert!(done.contains(&note), "{done:?}");
    assert_eq!(requests(&done), [ResponsePurpose::Notice], "nobody else will speak first");

    let mut speaking = Harness::listening();
    speaking.on(response_started("r1"));
    let done = speaking.on(detected(AnsweredBy::Machine, Some(LEAVE_A_MESSAGE)));
    assert!(done.contains(&note) && requests(&done).is_empty(), "what is being said goes on: {done:?}");
    assert!(speaking.machine.ending().is_none());
    assert!(speaking.on(detected(AnsweredBy::Machine, Some(LEAVE_A_MESSAGE))).is_empty(), "repeated");
}

#[test]
fn a_person_changes_nothing_but_the_record() {
    for by in [AnsweredBy::Human, AnsweredBy::Unknown] {
        let mut call = Harness::listening();
        assert_eq!(call.on(detected(by, None)), [CallAction::Record(Fact::AnsweredBy(by))]);
        let CallDetail { answered_by, .. } = call.machine.detail();
        assert_eq!(answered_by, Some(by));
    }
}
