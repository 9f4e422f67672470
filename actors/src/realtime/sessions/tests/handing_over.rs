//! A call that goes on with another agent: a session of that agent's plan takes over.

use super::*;
use crate::ids::ToolCallId;

/// The plan of the other agent, on another server than the first.
fn sales() -> Arc<SessionPlan> {
    let mut plan = sample::plan();
    plan.provider = sample::provider(sample::address("sales", "model"));
    plan.common_mut().instructions = "Sell.".to_owned();
    Arc::new(plan)
}

fn given() -> ModelOrder {
    ModelOrder::HandOver { plan: sales(), call: ToolCallId::new("t1"), output: "yours".to_owned() }
}

/// The plan of the session that was dialled last.
fn dialled(rig: &Rig) -> (LegId, Arc<SessionPlan>) {
    let dial = rig.out.iter().rev().find_map(|action| {
        let SessionsAction::Dial { leg, plan, .. } = action else { return None };
        Some((*leg, Arc::clone(plan)))
    });
    dial.expect("a dial")
}

fn up() -> Rig {
    let mut rig = Rig::with(|_| ());
    rig.advise(&[], 0.0);
    rig.open(LegId(1));
    rig.configure(LegId(1));
    assert!(matches!(rig.sessions.state, State::Up { .. }));
    let item = json!({"id": "t1", "type": "function_call", "status": "completed", "call_id": "t1",
        "name": "hand_over", "arguments": "{}"});
    rig.hear(LegId(1), json!({"type": "response.created", "response": {"id": "r1"}}));
    let done = json!({"id": "r1", "status": "completed", "output": [item]});
    rig.hear(LegId(1), json!({"type": "response.done", "response": done}));
    rig.out.clear();
    rig
}

#[test]
fn the_other_agents_session_takes_over_as_soon_as_it_is_ready_and_answers_the_tool() {
    let mut rig = up();
    rig.order(given());
    let told =
        |rig: &Rig| rig.out.iter().any(|it| matches!(it, SessionsAction::Send(_, text) if text.contains("yours")));
    assert!(!told(&rig), "the agent before has nothing more to say");
    rig.advise(&[], 0.0);
    let (leg, plan) = dialled(&rig);
    assert_eq!((plan.common.instructions.as_str(), plan.model()), ("Sell.", sales().model()));
    rig.open(leg);
    rig.configure(leg);
    assert!(told(&rig), "{:?}", rig.out);
    assert!(rig.sessions.state.in_use() == Some(leg), "{:?}", rig.sessions.state);
}

#[test]
fn a_lost_session_is_followed_by_one_of_the_agent_that_has_the_call() {
    let mut rig = up();
    rig.order(given());
    rig.drop_socket(LegId(1));
    rig.advise(&[], 0.0);
    let (_, plan) = dialled(&rig);
    assert_eq!(plan.common.instructions, "Sell.");
    assert_eq!(plan.provider.address(), sales().provider.address(), "the candidates of the agent before are no more");
}
