//! A call that one agent gives to another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::call::testing;
use crate::profile::{CallProfile, Colleagues};

const GIVE: &str = r#"{"agent":"sales","summary":"Wants ten."}"#;

#[test]
fn an_agent_with_the_same_voice_goes_on_in_the_same_session() {
    let mut call = with_sales("marin");
    let done = call.on(tool("t1", "hand_over", GIVE));
    let configured = done.iter().find_map(|action| {
        let A::Order(ModelOrder::Configure { instructions, tools, .. }) = action else { return None };
        Some((instructions.clone(), tools.is_some()))
    });
    assert_eq!(configured, Some((Some("Sell to +15550100001.".to_owned()), true)), "{done:?}");
    let answers = |action: &A| {
        let A::Order(ModelOrder::AnswerTool { output, speak, .. }) = action else { return false };
        *speak && output.contains("Wants ten.")
    };
    let answered = done.iter().any(answers);
    assert!(answered, "{done:?}");
    let given = Fact::HandedOver { from: "reception".to_owned(), to: "sales".to_owned() };
    assert!(done.contains(&A::Record(given)));
    assert_eq!(call.machine.agent(), "sales");
    // The agent that has the call now may give it to nobody.
    let refused = call.on(tool("t2", "hand_over", GIVE));
    assert!(!refused.iter().any(|action| matches!(action, A::Order(ModelOrder::HandOver { .. }))), "{refused:?}");
}

#[test]
fn an_agent_with_another_voice_gets_a_session_of_its_own() {
    let mut call = with_sales("cedar");
    let done = call.on(tool("t1", "hand_over", GIVE));
    let plan = done.iter().find_map(|action| {
        let A::Order(ModelOrder::HandOver { plan, .. }) = action else { return None };
        Some(plan)
    });
    assert_eq!(plan.expect("a plan").common.instructions, "Sell to +15550100001.");
    assert!(!done.iter().any(|action| matches!(action, A::Order(ModelOrder::AnswerTool { .. }))), "{done:?}");
}

#[test]
fn agents_that_give_a_call_to_each_other_for_ever_are_stopped() {
    let mut call = with_sales("marin");
    let profile = Arc::clone(&call.machine.talk.call.profile);
    for at in 0..20 {
        call.machine.talk.call.profile = Arc::clone(&profile);
        call.on(response_started(&format!("r{at}")));
        call.on(tool(&format!("t{at}"), "hand_over", GIVE));
        call.says(&format!("s{at}"));
        call.on(drained());
        call.on(speech_started());
        call.on(speech_stopped());
    }
    call.machine.talk.call.profile = profile;
    let done = call.on(tool("last", "hand_over", GIVE));
    assert!(!done.iter().any(|action| matches!(action, A::Record(Fact::HandedOver { .. }))), "{done:?}");
}

/// A call that its agent may give to sales, which speaks with this voice.
fn with_sales(voice: &str) -> Harness {
    let mut sales = CallProfile { agent: "sales".to_owned(), ..testing::profile() };
    sales.model = Arc::new(testing::plan_speaking("Sell to {{caller}}.", voice));
    sales.variables = Arc::new(crate::profile::values::ValuePlan { fills: true, ..Default::default() });
    let mut reception = testing::profile();
    reception.model = Arc::new(testing::plan_speaking("Receive.", "marin"));
    reception.hand_over = vec!["sales".to_owned()];
    let key = ("sales".to_owned(), "en".to_owned());
    reception.colleagues = Colleagues::new(BTreeMap::from([(key, Arc::new(sales))]));
    let mut call = Harness::of(reception);
    call.machine = call.machine.of(&testing::some_identity());
    call.on(ready());
    call.says("greet");
    call.on(drained());
    call.on(response_started("r2"));
    call
}
