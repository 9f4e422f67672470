//! A conversation that another session of the same server resumes by a handle, and warnings of a
//! session's end.

use super::instead::{able, fake, up};
use super::*;
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::messages::TextRole;

fn fact(text: &str) -> ModelOrder {
    ModelOrder::AddText { role: TextRole::System, text: text.to_owned() }
}

/// Opens the next session after a loss, and returns the handoff that it receives.
fn handoff(rig: &mut Rig, leg: u64) -> String {
    // The other candidate would be tried first.
    rig.advise(&[Standing::Good, Standing::Blocked], 0.0);
    rig.pass();
    rig.out.clear();
    rig.on(SessionsEvent::Dialled { leg: LegId(leg), said: Vec::new(), epoch_s: 0.0 });
    assert_eq!(rig.sessions.state.in_use(), Some(LegId(leg)));
    rig.sent().remove(0)
}

#[test]
fn only_what_came_after_the_handle_is_handed_over_and_a_handle_that_fails_is_not_tried_again() {
    let mut rig = up(able());
    rig.order(fact("Known."));
    rig.said("resumable first");
    rig.order(fact("Known too."));
    rig.said("resumable second");
    rig.order(fact("New."));
    rig.drop_socket(LegId(1));
    let handed_over = handoff(&mut rig, 2);
    assert!(handed_over.contains("New.") && !handed_over.contains("Known"), "{handed_over}");
    assert!(handed_over.contains("number: 2, continues: true, resumption: Some"), "{handed_over}");
    rig.drop_socket(LegId(2));
    let handed_over = handoff(&mut rig, 3);
    assert!(
        handed_over.contains("Known.") && handed_over.contains("Known too.") && handed_over.contains("New."),
        "{handed_over}"
    );
    assert!(handed_over.contains("number: 3, continues: true, resumption: None"), "{handed_over}");
}

#[test]
fn a_session_that_was_resumed_and_gave_a_handle_of_its_own_is_resumed_again() {
    let mut rig = up(able());
    rig.said("resumable first");
    rig.drop_socket(LegId(1));
    handoff(&mut rig, 2);
    rig.order(fact("New."));
    rig.session(LegId(2), SessionEvent::Text("resumable second"));
    rig.drop_socket(LegId(2));
    let handed_over = handoff(&mut rig, 3);
    assert!(handed_over.contains("resumption: Some") && !handed_over.contains("New."), "{handed_over}");
}

#[test]
fn another_model_never_gets_the_handle() {
    let mut rig = up(able());
    rig.order(fact("Known."));
    rig.said("resumable first");
    let ProviderPlan::Fake(mut plan) = fake(able()) else { unreachable!() };
    Arc::make_mut(&mut plan).address = sample::address("", "another");
    rig.sessions.failover_plan = FailoverPlan::new(vec![ProviderPlan::Fake(plan)], Duration::from_secs(9));
    rig.drop_socket(LegId(1));
    let handed_over = handoff(&mut rig, 2);
    assert!(handed_over.contains("Known.") && handed_over.contains("resumption: None"), "{handed_over}");
}

#[test]
fn a_warning_of_the_end_opens_the_next_session_at_once_and_it_takes_over_in_time() {
    let mut rig = up(able());
    rig.now += Duration::from_secs(500);
    rig.said("ends 50");
    assert_eq!(rig.sessions.deadline(), Some(rig.now));
    rig.pass();
    rig.advise(&[], 0.0);
    rig.on(SessionsEvent::Dialled { leg: LegId(2), said: Vec::new(), epoch_s: 0.0 });
    assert!(matches!(rig.sessions.standby, Standby::Ready(LegId(2))), "it waits for a quiet moment");
    assert_eq!(rig.sessions.deadline(), Some(rig.now + Duration::from_secs(40)), "ten seconds before the end");
    rig.pass();
    assert_eq!(rig.sessions.state.in_use(), Some(LegId(2)));
}
