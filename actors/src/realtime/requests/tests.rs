use super::*;

#[expect(clippy::disallowed_methods, reason = "any instant will do, and there is no other way to have one")]
fn start() -> Instant {
    Instant::now()
}

fn ask(requests: &mut Requests, purpose: ResponsePurpose) -> Option<Unspoken> {
    requests.ask(ResponseRequest { purpose, instructions: None })
}

fn failed(remedy: Remedy) -> Option<Failure> {
    Some(Failure { code: "code".to_owned(), remedy })
}

fn purposes(requests: &Requests) -> Vec<Option<ResponsePurpose>> {
    requests.iter().map(|request| request.purpose).collect()
}

#[test]
fn requests_are_spoken_in_order_and_answers_that_wait_are_one() {
    let mut requests = Requests::default();
    for purpose in [ResponsePurpose::Answer, ResponsePurpose::Keypad, ResponsePurpose::Answer] {
        assert_eq!(ask(&mut requests, purpose), None);
    }
    requests.settle();
    assert_eq!(purposes(&requests), [Some(ResponsePurpose::Keypad), Some(ResponsePurpose::Answer)]);
    assert_eq!(requests.next(start()).map(|request| request.number), Some(2));
    assert_eq!(requests.next(start()).map(|request| request.number), Some(3));
    assert!(requests.next(start()).is_none());
}

#[test]
fn a_failed_request_waits_is_given_up_or_left_to_the_next_session() {
    let (mut requests, now) = (Requests::default(), start());
    ask(&mut requests, ResponsePurpose::Notice);
    let request = requests.next(now).expect("it waits");
    assert_eq!(requests.ended(Some(request), failed(Remedy::Wait(Some(Duration::from_secs(2)))), now), None);
    assert!(requests.next(now + Duration::from_millis(1_999)).is_none(), "not before its time");
    let request = requests.next(now + Duration::from_secs(2)).expect("it is tried again");
    let given_up = requests.ended(Some(request), failed(Remedy::GiveUp), now);
    assert!(matches!(given_up, Some(Unspoken::GivenUp { request: 1, .. })), "{given_up:?}");
    ask(&mut requests, ResponsePurpose::Greeting);
    let request = requests.next(now).expect("it waits");
    let muted = requests.ended(Some(request), failed(Remedy::Replace), now);
    assert!(matches!(muted, Some(Unspoken::Muted { request: 2, .. })), "{muted:?}");
    assert_eq!(requests.left(None).requests.len(), 1);
    ask(&mut requests, ResponsePurpose::Notice);
    let request = requests.next(now);
    assert_eq!(requests.ended(request, None, now), None);
    assert_eq!(requests.left(None).requests, [], "it speaks: what it did not say is past");
}

#[test]
fn a_request_without_any_answer_is_repeated_and_then_left_to_the_next_session() {
    let (mut requests, now) = (Requests::default(), start());
    ask(&mut requests, ResponsePurpose::Greeting);
    for _ in 1..MOST_SILENCES {
        let request = requests.next(now).expect("it waits");
        assert_eq!(requests.unanswered(request), None);
    }
    let request = requests.next(now).expect("it waits");
    assert!(matches!(requests.unanswered(request), Some(Unspoken::Muted { purpose: Some(_), .. })));
    assert!(requests.is_empty());
}

#[test]
fn results_of_one_response_are_one_request_that_an_answer_of_the_servers_own_covers() {
    let (mut requests, now, response) = (Requests::default(), start(), ResponseId::new("r"));
    let calls = ["a", "b"].map(ToolCallId::new);
    for call in &calls {
        requests.tool_called(response.clone(), call.clone());
    }
    requests.response_done(&response);
    for call in &calls {
        assert!(requests.is_empty() && requests.awaits(call));
        requests.tool_answered(call, true, now);
        requests.settle();
    }
    assert_eq!(purposes(&requests), [Some(ResponsePurpose::ToolResult)]);
    requests.output_placed(&calls[0]);
    requests.cover();
    assert_eq!(requests.iter().count(), 1, "the server did not know the other result");
    requests.output_placed(&calls[1]);
    requests.cover();
    assert!(requests.is_empty());
}

#[test]
fn the_servers_own_answer_that_failed_is_owed_until_the_caller_speaks_on() {
    let (mut requests, now) = (Requests::default(), start());
    assert_eq!(requests.ended(None, failed(Remedy::TryOnce), now), None);
    assert_eq!(requests.left(None), Left { requests: Vec::new(), answer: true });
    requests.turn_overtaken();
    assert_eq!(requests.left(None), Left { requests: Vec::new(), answer: false });
}

#[test]
fn requests_are_bounded_and_the_excess_is_reported() {
    let mut requests = Requests::default();
    for _ in 0..MOST_REQUESTS {
        assert_eq!(ask(&mut requests, ResponsePurpose::Notice), None);
    }
    assert!(matches!(ask(&mut requests, ResponsePurpose::Notice), Some(Unspoken::GivenUp { .. })));
    requests.clear();
    assert!(requests.is_empty());
}
