#![expect(clippy::wildcard_enum_match_arm, reason = "a script looks at a few variants of many")]

mod scripts;

use ResponsePurpose::{Answer, Greeting, IdlePrompt, Keypad, ToolResult};

use std::time::Duration;

use super::*;
use crate::realtime::messages::{ResponsePurpose, ResponseRequest};
use crate::realtime::requests::{LONGEST_WAIT, MOST_REQUESTS, PATIENCE, Remedy, Unspoken};

const RTT: Duration = Duration::from_millis(80);

struct Harness {
    sequencer: Sequencer,
    now: Instant,
}

impl Harness {
    fn new() -> Self {
        Self { sequencer: Sequencer::default(), now: start() }
    }

    fn on(&mut self, event: SequencerEvent) -> Vec<SequencerAction> {
        self.sequencer.handle(event, self.now)
    }

    fn request(&mut self, purpose: ResponsePurpose) -> Vec<SequencerAction> {
        self.on(SequencerEvent::Requested(ResponseRequest { purpose, instructions: None }))
    }

    fn created(&mut self, id: &str, request: Option<u64>) -> Vec<SequencerAction> {
        self.on(SequencerEvent::Created { response: ResponseId::new(id), request })
    }

    fn done(&mut self, id: &str) -> Vec<SequencerAction> {
        self.on(SequencerEvent::Done { response: ResponseId::new(id), request: None, failure: None })
    }

    fn failed(&mut self, id: &str, remedy: Remedy) -> Vec<SequencerAction> {
        let failure = Some(Failure { code: "code".to_owned(), remedy });
        self.on(SequencerEvent::Done { response: ResponseId::new(id), request: None, failure })
    }

    fn refused(&mut self, ticket: u64) -> Vec<SequencerAction> {
        self.on(SequencerEvent::CreateRefused { ticket: Some(ticket), refusal: Refusal::AlreadyActive })
    }

    fn called(&mut self, response: &str, call: &str) {
        let event = SequencerEvent::ToolCalled { response: ResponseId::new(response), call: ToolCallId::new(call) };
        assert_eq!(self.on(event), []);
    }

    fn answered(&mut self, call: &str) -> Vec<SequencerAction> {
        self.on(SequencerEvent::ToolAnswered { call: ToolCallId::new(call), speak: true })
    }

    /// Advances time to the next deadline, which must be `timer`.
    fn pass(&mut self, timer: Timer) -> Vec<SequencerAction> {
        let (at, due) = self.sequencer.deadline().expect("a deadline");
        assert_eq!(due, timer);
        self.now = at;
        self.on(SequencerEvent::DeadlinePassed)
    }
}

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "any instant will do, and there is no other way to have one")]
    Instant::now()
}

fn create(ticket: u64, request: u64, purpose: Option<ResponsePurpose>) -> SequencerAction {
    SequencerAction::Create { ticket, request, purpose, instructions: None }
}

#[test]
fn requests_are_spoken_one_after_the_other() {
    let mut harness = Harness::new();
    assert_eq!(harness.request(Greeting), [create(1, 1, Some(Greeting))]);
    assert_eq!(harness.request(Keypad), []);
    assert_eq!(harness.created("r1", Some(1)), []);
    assert_eq!(harness.done("r1"), [create(2, 2, Some(Keypad))]);
    assert_eq!(harness.created("r2", Some(2)), []);
    assert_eq!(harness.done("r2"), []);
    assert_eq!(harness.sequencer.deadline(), None);
}

#[test]
fn a_request_waits_for_the_servers_own_response() {
    let mut harness = Harness::new();
    assert_eq!(harness.created("own", None), []);
    assert_eq!(harness.request(Keypad), []);
    assert_eq!(harness.done("own"), [create(1, 1, Some(Keypad))]);
}

#[test]
fn an_answer_takes_the_place_of_one_that_still_waits() {
    let mut harness = Harness::new();
    harness.request(Greeting);
    harness.created("r1", Some(1));
    assert_eq!(harness.request(Answer), []);
    assert_eq!(harness.request(Keypad), []);
    assert_eq!(harness.request(Answer), []);
    assert_eq!(harness.done("r1"), [create(2, 3, Some(Keypad))]);
    harness.created("r2", Some(3));
    assert_eq!(harness.done("r2"), [create(3, 4, Some(Answer))]);
    harness.created("r3", Some(4));
    assert_eq!(harness.done("r3"), [], "answered once");
}

#[test]
fn an_answer_that_comes_back_joins_the_one_that_waits() {
    let mut harness = Harness::new();
    harness.request(Answer);
    harness.request(Answer);
    assert_eq!(harness.refused(1), []);
    harness.created("own", None);
    assert_eq!(harness.done("own"), [create(2, 2, Some(Answer))]);
    harness.created("r1", Some(2));
    assert_eq!(harness.done("r1"), [], "answered once");
}

#[test]
fn an_answer_that_was_asked_for_outlives_a_sound_of_the_caller() {
    let mut harness = Harness::new();
    harness.request(Greeting);
    harness.created("r1", Some(1));
    harness.request(Answer);
    assert_eq!(harness.on(SequencerEvent::CallerSpoke), []);
    assert_eq!(harness.done("r1"), [create(2, 2, Some(Answer))]);
}

#[test]
fn a_refused_request_is_spoken_after_the_response_that_blocked_it() {
    let mut harness = Harness::new();
    assert_eq!(harness.request(Greeting), [create(1, 1, Some(Greeting))]);
    assert_eq!(harness.created("own", None), []);
    assert_eq!(harness.refused(1), []);
    assert_eq!(harness.done("own"), [create(2, 1, Some(Greeting))]);
    assert_eq!(harness.created("r", Some(1)), []);
    assert_eq!(harness.done("r"), []);
}

#[test]
fn a_refusal_tells_of_a_response_that_we_did_not_know() {
    let mut harness = Harness::new();
    harness.request(Greeting);
    assert_eq!(harness.refused(1), []);
    assert_eq!(harness.done("unknown"), [create(2, 1, Some(Greeting))]);
}

#[test]
fn a_refusal_that_comes_after_the_other_response_has_ended_asks_at_once() {
    let mut harness = Harness::new();
    harness.request(Greeting);
    harness.created("own", None);
    assert_eq!(harness.done("own"), []);
    assert_eq!(harness.refused(1), [create(2, 1, Some(Greeting))]);
}

#[test]
fn a_running_response_is_cancelled_by_its_id_and_its_end_frees_the_way() {
    let mut harness = Harness::new();
    harness.created("own", None);
    let cancel = SequencerAction::Cancel { ticket: 1, response: Some(ResponseId::new("own")) };
    assert_eq!(harness.on(SequencerEvent::CancelOrdered), [cancel]);
    assert_eq!(harness.on(SequencerEvent::CancelOrdered), [], "it is being stopped already");
    assert_eq!(harness.request(Keypad), []);
    assert_eq!(harness.done("own"), [create(2, 1, Some(Keypad))]);
}

#[test]
fn a_cancel_that_finds_nothing_frees_the_way() {
    let mut harness = Harness::new();
    harness.created("own", None);
    harness.on(SequencerEvent::CancelOrdered);
    harness.request(Keypad);
    assert_eq!(harness.on(SequencerEvent::CancelRefused), [create(2, 1, Some(Keypad))]);
    assert_eq!(harness.on(SequencerEvent::CancelRefused), [], "a late one changes nothing");
}

#[test]
fn with_nothing_running_there_is_nothing_to_cancel() {
    assert_eq!(Harness::new().on(SequencerEvent::CancelOrdered), []);
}

#[test]
fn a_request_on_its_way_is_cancelled_too() {
    let mut harness = Harness::new();
    harness.request(Greeting);
    let cancel = SequencerAction::Cancel { ticket: 2, response: None };
    assert_eq!(harness.on(SequencerEvent::CancelOrdered), [cancel]);
    assert_eq!(harness.created("r", Some(1)), []);
    assert_eq!(harness.done("r"), [], "cancelled, so it is not asked again");
    assert_eq!(harness.sequencer.deadline(), None);
}

#[test]
fn several_results_of_one_response_lead_to_one_request_after_its_end() {
    let mut harness = Harness::new();
    harness.created("r", None);
    harness.called("r", "a");
    harness.called("r", "b");
    harness.called("r", "b");
    assert_eq!(harness.answered("a"), []);
    assert_eq!(harness.answered("b"), []);
    assert_eq!(harness.done("r"), [create(1, 1, Some(ToolResult))]);
    assert_eq!(harness.answered("b"), [], "answered once");
}

#[test]
fn a_slow_sibling_is_not_waited_for_beyond_patience_and_is_spoken_on_by_itself() {
    let mut harness = Harness::new();
    harness.created("r", None);
    harness.called("r", "fast");
    harness.called("r", "slow");
    harness.done("r");
    assert_eq!(harness.answered("fast"), []);
    assert_eq!(
        harness.pass(Timer::SiblingsLate),
        [SequencerAction::Recovered(Timer::SiblingsLate), create(1, 1, Some(ToolResult))]
    );
    harness.created("r2", Some(1));
    harness.done("r2");
    assert_eq!(harness.answered("slow"), [create(2, 2, Some(ToolResult))]);
}

#[test]
fn a_result_that_needs_no_words_asks_for_none() {
    let mut harness = Harness::new();
    harness.created("r", None);
    harness.called("r", "a");
    harness.done("r");
    assert!(harness.sequencer.awaits(&ToolCallId::new("a")));
    assert_eq!(harness.on(SequencerEvent::ToolAnswered { call: ToolCallId::new("a"), speak: false }), []);
    assert!(!harness.sequencer.awaits(&ToolCallId::new("a")));
    assert_eq!(harness.sequencer.deadline(), None);
}

#[test]
fn the_servers_own_answer_covers_results_that_it_knew() {
    let mut harness = Harness::new();
    harness.created("r", None);
    harness.called("r", "a");
    harness.done("r");
    assert_eq!(harness.answered("a"), [create(1, 1, Some(ToolResult))]);
    harness.on(SequencerEvent::OutputPlaced(ToolCallId::new("a")));
    harness.created("own", None);
    assert_eq!(harness.refused(1), []);
    assert_eq!(harness.done("own"), [], "it has been said");
}

#[test]
fn the_servers_own_answer_does_not_cover_a_result_that_it_could_not_know() {
    let mut harness = Harness::new();
    harness.created("r", None);
    harness.called("r", "a");
    harness.done("r");
    harness.answered("a");
    harness.created("own", None);
    harness.on(SequencerEvent::OutputPlaced(ToolCallId::new("a")));
    assert_eq!(harness.refused(1), []);
    assert_eq!(harness.done("own"), [create(2, 1, Some(ToolResult))]);
}

#[test]
fn a_rate_limit_is_waited_out_as_advertised_and_no_longer_than_five_seconds() {
    for (advertised, waited) in [(Some(1_200), 1_200), (Some(60_000), 5_000), (None, 1_500)] {
        let mut harness = Harness::new();
        harness.request(Greeting);
        harness.created("r", Some(1));
        assert_eq!(harness.failed("r", Remedy::Wait(advertised.map(Duration::from_millis))), []);
        let failed_at = harness.now;
        assert_eq!(harness.pass(Timer::RetryDue), [create(2, 1, Some(Greeting))]);
        assert_eq!(harness.now - failed_at, Duration::from_millis(waited));
    }
}

#[test]
fn a_request_is_given_up_after_three_retries() {
    let mut harness = Harness::new();
    harness.request(Greeting);
    for attempt in 1..=4 {
        harness.created("r", Some(1));
        let actions = harness.failed("r", Remedy::Wait(None));
        if attempt == 4 {
            let gave_up = SequencerAction::Unspoken(Unspoken::GivenUp {
                request: 1,
                purpose: Some(Greeting),
                reason: "code".to_owned(),
            });
            assert_eq!(actions, [gave_up]);
        } else {
            assert_eq!(actions, []);
            assert_eq!(harness.pass(Timer::RetryDue), [create(attempt + 1, 1, Some(Greeting))]);
        }
    }
}

#[test]
fn trouble_of_the_server_is_retried_once_and_left_to_another_session() {
    let mut harness = Harness::new();
    harness.request(Greeting);
    harness.created("r", Some(1));
    assert_eq!(harness.failed("r", Remedy::TryOnce), []);
    harness.pass(Timer::RetryDue);
    harness.created("r2", Some(1));
    assert!(matches!(
        harness.failed("r2", Remedy::TryOnce)[..],
        [SequencerAction::Unspoken(Unspoken::Muted { request: 1, .. })]
    ));
    assert_eq!(harness.sequencer.unfinished().requests.len(), 1, "the next session is asked for it");
}

#[test]
fn a_session_that_refuses_every_request_is_left_for_another() {
    let mut harness = Harness::new();
    let refused = |harness: &mut Harness, id: &str| {
        harness.created(id, None);
        harness.failed(id, Remedy::GiveUp)
    };
    assert!(
        matches!(refused(&mut harness, "r1")[..], [SequencerAction::Unspoken(Unspoken::GivenUp { .. })]),
        "the request may have been wrong"
    );
    assert!(matches!(refused(&mut harness, "r2")[..], [SequencerAction::Unspoken(Unspoken::Muted { .. })]));
    harness.created("r3", None);
    harness.done("r3");
    assert!(
        matches!(refused(&mut harness, "r4")[..], [SequencerAction::Unspoken(Unspoken::GivenUp { .. })]),
        "it speaks"
    );
}

#[test]
fn an_answer_with_nothing_to_hear_is_asked_for_twice_and_left_to_another_session() {
    let mut harness = Harness::new();
    harness.created("own", None);
    assert_eq!(harness.failed("own", Remedy::AskAgain), [create(1, 1, None)], "at once");
    harness.created("r2", Some(1));
    assert_eq!(harness.failed("r2", Remedy::AskAgain), []);
    assert_eq!(harness.pass(Timer::RetryDue), [create(2, 1, None)]);
    harness.created("r3", Some(1));
    let done = harness.failed("r3", Remedy::AskAgain);
    assert!(
        matches!(done[..], [SequencerAction::Unspoken(Unspoken::Muted { request: 1, purpose: None, .. })]),
        "{done:?}"
    );
    assert!(harness.sequencer.unfinished().answer, "it is still owed");
    assert_eq!(harness.sequencer.deadline(), None);
    harness.request(Keypad);
    assert!(harness.sequencer.owes(), "what is wished for now is asked for all the same");
    harness.on(SequencerEvent::CallerSpoke);
    assert!(!harness.sequencer.unfinished().answer, "the caller has gone on");
}

#[test]
fn an_answer_to_noise_is_not_asked_for_again() {
    let mut harness = Harness::new();
    harness.created("own", None);
    harness.failed("own", Remedy::AskAgain);
    harness.created("r2", Some(1));
    harness.failed("r2", Remedy::AskAgain);
    harness.on(SequencerEvent::TurnWasNoise);
    assert_eq!((harness.sequencer.deadline(), harness.sequencer.owes()), (None, false));
}

#[test]
fn what_another_try_would_not_mend_is_left_to_another_session_at_once() {
    let mut harness = Harness::new();
    harness.request(Keypad);
    harness.created("r", Some(1));
    assert!(matches!(
        harness.failed("r", Remedy::Replace)[..],
        [SequencerAction::Unspoken(Unspoken::Muted { purpose: Some(Keypad), .. })]
    ));
    harness.created("own", None);
    harness.done("own");
    assert_eq!(harness.sequencer.unfinished().requests, [], "it speaks again: what it has not said is past");
}

#[test]
fn the_servers_own_answer_is_asked_for_again_when_it_failed() {
    let mut harness = Harness::new();
    harness.created("own", None);
    harness.failed("own", Remedy::Wait(None));
    assert_eq!(harness.pass(Timer::RetryDue), [create(1, 1, None)]);
}

#[test]
fn an_answer_that_failed_is_dropped_when_the_caller_speaks_again() {
    let mut harness = Harness::new();
    harness.created("own", None);
    harness.failed("own", Remedy::Wait(None));
    assert_eq!(harness.on(SequencerEvent::CallerSpoke), []);
    assert_eq!(harness.sequencer.deadline(), None);
}

#[test]
fn an_unanswered_request_is_repeated_and_left_to_another_session_in_the_end() {
    let mut harness = Harness::new();
    harness.request(Greeting);
    let recovered = SequencerAction::Recovered(Timer::CreateUnanswered);
    assert_eq!(harness.pass(Timer::CreateUnanswered), [recovered.clone(), create(2, 1, Some(Greeting))]);
    assert_eq!(harness.pass(Timer::CreateUnanswered), [recovered.clone(), create(3, 1, Some(Greeting))]);
    let muted = SequencerAction::Unspoken(Unspoken::Muted {
        request: 1,
        purpose: Some(Greeting),
        reason: "no_answer".to_owned(),
    });
    assert_eq!(harness.pass(Timer::CreateUnanswered), [muted, recovered]);
    assert_eq!(harness.sequencer.unfinished().requests.len(), 1, "whoever takes its place says it");
    assert_eq!(harness.sequencer.deadline(), None);
}

#[test]
fn the_late_answer_to_a_repeated_request_is_not_spoken_twice() {
    let mut harness = Harness::new();
    harness.request(Greeting);
    harness.pass(Timer::CreateUnanswered);
    assert_eq!(harness.created("r", Some(1)), []);
    assert_eq!(harness.refused(2), [], "the repetition is refused, as the first is running");
    assert_eq!(harness.done("r"), []);
}

#[test]
fn an_unanswered_cancel_frees_the_way() {
    let mut harness = Harness::new();
    harness.created("own", None);
    harness.on(SequencerEvent::CancelOrdered);
    harness.request(Keypad);
    assert_eq!(
        harness.pass(Timer::CancelUnanswered),
        [SequencerAction::Recovered(Timer::CancelUnanswered), create(2, 1, Some(Keypad))]
    );
}

#[test]
fn a_response_without_events_does_not_block_a_request_for_ever() {
    let mut harness = Harness::new();
    harness.created("own", None);
    assert_eq!(harness.sequencer.deadline(), None, "nobody waits");
    harness.request(Keypad);
    harness.now += RTT;
    harness.sequencer.stirred("own", harness.now);
    let stirred = harness.now;
    let actions = harness.pass(Timer::ResponseStalled);
    assert_eq!(actions, [create(1, 1, Some(Keypad)), SequencerAction::Recovered(Timer::ResponseStalled)]);
    assert_eq!(harness.now - stirred, PATIENCE);
    assert_eq!(harness.refused(1), [], "it lives");
    assert_eq!(harness.done("own"), [create(2, 1, Some(Keypad))]);
}

#[test]
fn a_server_that_does_not_echo_metadata_is_served_all_the_same() {
    let mut harness = Harness::new();
    harness.request(Greeting);
    harness.request(Keypad);
    harness.created("r", None);
    assert_eq!(harness.done("r"), [create(2, 2, Some(Keypad))]);
    harness.created("r2", None);
    assert_eq!(harness.done("r2"), []);
    assert_eq!(harness.sequencer.deadline(), None);
}

#[test]
fn a_flood_of_requests_is_bounded_and_reported() {
    let mut harness = Harness::new();
    harness.created("own", None);
    for _ in 0..MOST_REQUESTS {
        assert_eq!(harness.request(IdlePrompt), []);
    }
    assert!(matches!(
        harness.request(Greeting)[..],
        [SequencerAction::Unspoken(Unspoken::GivenUp { purpose: Some(Greeting), .. })]
    ));
}
