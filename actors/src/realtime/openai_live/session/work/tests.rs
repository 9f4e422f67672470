use super::*;

fn call(name: &str) -> ToolCallId {
    ToolCallId::new(name)
}

fn later(now: Instant, ms: u64) -> Instant {
    now + Duration::from_millis(ms)
}

#[test]
fn a_fast_result_is_the_output_and_the_model_goes_on_once() {
    let (mut work, now) = (Work::default(), crate::clock::now());
    work.began("r");
    assert!(work.called("c", now) && !work.called("c", now), "each call is reported once");
    assert_eq!(work.answer(&call("c"), "{}"), Way::Output("{}".to_owned()));
    work.answered(&call("c"), "{}", 1);
    assert!(!work.goes_on(), "the response still runs");
    work.ended("r", true);
    assert!(work.goes_on() && !work.goes_on());
    assert_eq!(work.answer(&call("c"), "{}"), Way::Nowhere);
}

#[test]
fn a_slow_call_is_answered_at_once_and_its_result_reported() {
    let (mut work, now) = (Work::default(), crate::clock::now());
    work.began("r");
    work.called("c", now);
    work.ended("r", true);
    assert!(work.overdue(later(now, 299)).is_empty());
    assert_eq!(work.due(), Some(later(now, 300)));
    assert_eq!(work.overdue(later(now, 300)), [call("c")]);
    work.answered(&call("c"), STARTED, 1);
    assert!(work.goes_on());
    assert_eq!(work.answer(&call("c"), "late"), Way::Report);
    assert_eq!(work.answer(&call("c"), "late"), Way::Nowhere);
}

#[test]
fn all_calls_of_a_response_are_answered_before_it_goes_on() {
    let (mut work, now) = (Work::default(), crate::clock::now());
    work.began("r");
    work.called("a", now);
    work.called("b", now);
    work.ended("r", true);
    work.answered(&call("a"), "{}", 1);
    assert!(!work.goes_on());
    work.answered(&call("b"), "{}", 2);
    assert!(work.goes_on());
}

#[test]
fn the_calls_of_a_failed_response_are_void_and_their_results_are_not_lost() {
    let (mut work, now) = (Work::default(), crate::clock::now());
    work.began("r");
    for name in ["done", "open", "started"] {
        work.called(name, now);
    }
    work.answered(&call("done"), "shipped", 1);
    work.answered(&call("started"), STARTED, 2);
    assert_eq!(work.ended("r", false), ["shipped"]);
    assert!(!work.goes_on() && !work.is_busy());
    assert_eq!(work.answer(&call("open"), "x"), Way::Report);
    assert_eq!(work.answer(&call("started"), "x"), Way::Report);
}

#[test]
fn the_input_of_the_model_never_overflows() {
    let (mut work, now) = (Work::default(), crate::clock::now());
    let long = "x".repeat(10_000);
    let mut replaced = None;
    for number in 0.. {
        let (name, response) = (format!("c{number}"), format!("r{number}"));
        work.began(&response);
        work.called(&name, now);
        let Way::Output(output) = work.answer(&call(&name), &long) else { panic!("a call waits") };
        assert!(output.len() <= LONGEST_OUTPUT);
        work.answered(&call(&name), &output, number);
        work.ended(&response, true);
        assert!(work.goes_on());
        assert!(work.items <= MOST_ITEMS && work.bytes <= MOST_BYTES, "{} bytes", work.bytes);
        if work.is_used_up() {
            replaced.get_or_insert(number);
        }
        // The next session takes a moment.
        if replaced.is_some_and(|at| number >= at + 8) {
            break;
        }
    }
    assert_eq!(work.bounded(&call("c"), &long), TINY);
}

#[test]
fn a_refused_result_is_replaced_by_the_smallest_one_once() {
    let (mut work, now) = (Work::default(), crate::clock::now());
    work.began("r");
    work.called("c", now);
    work.answered(&call("c"), "long", 7);
    assert_eq!(work.refused(7), Some(call("c")));
    work.answered(&call("c"), TINY, 8);
    assert_eq!(work.refused(8), None);
    assert_eq!(work.refused(99), None);
}

#[test]
fn a_delegation_waits_for_the_callers_last_words() {
    let (mut work, now) = (Work::default(), crate::clock::now());
    assert!(work.handed("d", now) && !work.handed("d", now));
    assert_eq!(work.begin_next(true, now), None, "words come half a second late");
    assert_eq!(work.begin_next(false, later(now, 3_400)), None);
    assert_eq!(work.begin_next(true, later(now, 700)).as_deref(), Some("d"));
    assert!(work.announce(later(now, 900)).is_empty());
    assert_eq!(work.announce(later(now, 1_000)), ["d"]);
    assert!(work.announce(later(now, 2_000)).is_empty(), "reported once");
    assert_eq!(work.answer(&call("d"), "x"), Way::Delegation("d".to_owned()));
    assert!(!work.is_busy());
    work.handed("e", now);
    assert_eq!(work.begin_next(false, later(now, 3_500)).as_deref(), Some("e"), "it does not wait for ever");
}

#[test]
fn calls_of_an_earlier_session_are_reported() {
    let mut work = Work::default();
    work.inherit(vec![call("old")]);
    assert!(!work.called("old", crate::clock::now()));
    assert_eq!(work.answer(&call("old"), "x"), Way::Report);
}
