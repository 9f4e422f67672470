use super::*;

const DAY: i32 = 739_000;

fn dollars(amount: f64) -> Usd {
    Usd::from_dollars(amount)
}

fn ledger() -> Ledger {
    let budget = |soft, hard| Budget { soft: Some(dollars(soft)), hard: Some(dollars(hard)) };
    let limits = SpendLimits { caller: budget(1.0, 2.0), day: budget(8.0, 10.0), killed: false };
    Ledger::new(limits, None, DAY)
}

#[test]
fn a_caller_is_warned_then_closed_then_refused_until_the_next_day() {
    let mut ledger = ledger();
    assert_eq!(ledger.spent(Some("a"), dollars(0.9), DAY), Reached::Nothing);
    assert_eq!(ledger.spent(Some("a"), dollars(0.2), DAY), Reached::CallerSoft);
    assert_eq!(ledger.spent(Some("a"), dollars(0.2), DAY), Reached::Nothing, "reported once");
    assert_eq!(ledger.admit(Some("a"), DAY), Ok(()));
    assert_eq!(ledger.spent(Some("a"), dollars(0.8), DAY), Reached::CallerHard);
    assert_eq!(ledger.admit(Some("a"), DAY), Err(Refusal::Spent));
    assert_eq!(ledger.admit(Some("b"), DAY), Ok(()));
    assert_eq!(ledger.admit(None, DAY), Ok(()), "a withheld number belongs to nobody");
    assert_eq!(ledger.admit(Some("a"), DAY + 1), Ok(()));
    assert_eq!(ledger.total(DAY + 1), Usd::ZERO);
}

#[test]
fn the_days_limit_closes_everybody_and_refuses_everybody() {
    let mut ledger = ledger();
    assert_eq!(ledger.spent(None, dollars(8.0), DAY), Reached::DaySoft);
    assert_eq!(ledger.spent(None, dollars(2.0), DAY), Reached::DayHard);
    assert_eq!(ledger.spent(None, dollars(2.0), DAY), Reached::Nothing, "reported once");
    assert_eq!(ledger.admit(Some("b"), DAY), Err(Refusal::Spent));
}

#[test]
fn the_kill_switch_refuses_until_it_is_thrown_back_restarts_included() {
    let mut ledger = ledger();
    assert!(ledger.kill(true) && !ledger.kill(true));
    assert_eq!(ledger.admit(None, DAY), Err(Refusal::Killed));
    let mut again = Ledger::new(SpendLimits::default(), Some(ledger.spend_store()), DAY + 3);
    assert_eq!(again.admit(None, DAY + 3), Err(Refusal::Killed));
    again.kill(false);
    assert_eq!(again.admit(None, DAY + 3), Ok(()));
}

#[test]
fn todays_spending_survives_a_restart_and_yesterdays_does_not() {
    let mut before = ledger();
    before.spent(Some("a"), dollars(2.5), DAY);
    let kept = serde_json::to_string(&before.spend_store()).expect("plain data");
    let spend_store = || Some(serde_json::from_str(&kept).expect("our own JSON"));
    let mut after = Ledger::new(before.limits(), spend_store(), DAY);
    assert_eq!(after.total(DAY), dollars(2.5));
    assert_eq!(after.admit(Some("a"), DAY), Err(Refusal::Spent));
    let mut later = Ledger::new(before.limits(), spend_store(), DAY + 1);
    assert_eq!((later.total(DAY + 1), later.callers()), (Usd::ZERO, 0));
    let mut earlier = Ledger::new(before.limits(), spend_store(), DAY - 1);
    assert_eq!(earlier.admit(Some("a"), DAY - 1), Err(Refusal::Spent), "a clock that was put back opens nothing");
}

#[test]
fn the_number_of_callers_is_bounded_and_the_costliest_are_kept() {
    let mut ledger = ledger();
    ledger.spent(Some("costly"), dollars(2.5), DAY);
    for caller in 0..2 * MOST_CALLERS {
        ledger.spent(Some(&caller.to_string()), Usd::from_billionths(1 + caller as u64 % 7), DAY);
        assert!(ledger.callers() <= MOST_CALLERS);
    }
    assert_eq!(ledger.admit(Some("costly"), DAY), Err(Refusal::Spent));
}

#[test]
fn what_all_nodes_have_spent_counts_and_is_told_once() {
    let mut ledger = ledger();
    ledger.spent(Some("a"), dollars(0.5), DAY);
    assert_eq!(ledger.all_spent(dollars(8.5), DAY), Reached::DaySoft);
    assert_eq!(ledger.all_spent(dollars(8.5), DAY), Reached::Nothing, "reported once");
    assert_eq!(ledger.all_spent(dollars(3.0), DAY), Reached::Nothing);
    assert_eq!(ledger.total(DAY), dollars(8.5), "a total never falls");
    assert_eq!(ledger.caller_spent("a", dollars(2.5), DAY), Reached::CallerHard);
    assert_eq!(ledger.admit(Some("a"), DAY), Err(Refusal::Spent));
    assert_eq!(ledger.caller_spent("b", dollars(2.5), DAY - 1), Reached::Nothing, "of yesterday");
    assert_eq!(ledger.spent(None, dollars(1.5), DAY), Reached::DayHard);
}

#[test]
fn a_node_apart_keeps_to_its_share_of_what_was_left() {
    let mut ledger = ledger();
    ledger.all_spent(dollars(4.0), DAY);
    ledger.caller_spent("a", dollars(1.4), DAY);
    ledger.set_apart(Some(3));
    ledger.set_apart(Some(1));
    // A third of 6 dollars for the day, and of 60 cents for the caller.
    assert_eq!(ledger.spent(Some("a"), dollars(0.15), DAY), Reached::Nothing);
    assert_eq!(ledger.spent(Some("a"), dollars(0.05), DAY), Reached::CallerHard);
    assert_eq!(ledger.spent(None, dollars(1.79), DAY), Reached::DaySoft);
    assert_eq!(ledger.spent(None, dollars(0.02), DAY), Reached::DayHard);
    assert_eq!(ledger.admit(Some("b"), DAY), Err(Refusal::Spent));
    ledger.set_apart(None);
    assert_eq!(ledger.admit(Some("b"), DAY), Ok(()));
    assert_eq!(ledger.all_spent(dollars(10.0), DAY), Reached::DayHard);
}
