//! Turns what a session leaves unfinished into the start of the next one: nothing is said twice,
//! and no caller is left without an answer. Pure.

use super::history::History;
use super::messages::{ResponsePurpose, ResponseRequest};
use super::seed::{CarryOver, Handoff, Progress};
use super::turn_audio::TurnAudio;

/// What the next session takes over. Its server knows the conversation up to the mark `known`.
pub fn handoff_of(carry_over: CarryOver, known: u64, history: &mut History, turns: &mut TurnAudio) -> Handoff {
    let CarryOver { requests, answer, running, turn_open } = carry_over;
    // A reported tool call is answered by its result.
    let mut due = answer;
    let mut first = None;
    if let Some(running) = running {
        match running.progress {
            Progress::Partly => {
                let heard = running.response.as_ref().map(|response| history.heard_of(response)).unwrap_or_default();
                first = Some(continued(running.request, &heard));
                // One answer is enough for both, because the tool results are in the conversation.
                due = false;
            }
            Progress::Silent => match running.request {
                Some(request) if !is_answer(request.purpose) => first = Some(request),
                Some(_) | None => due = true,
            },
            Progress::Called | Progress::Whole => {}
        }
    }
    due |= requests.iter().any(|request| is_answer(request.purpose) && request.instructions.is_none());
    let answer = due.then_some(ResponseRequest { purpose: ResponsePurpose::Answer, instructions: None });
    let others = requests.into_iter().filter(|request| !is_answer(request.purpose) || request.instructions.is_some());
    let requests: Vec<ResponseRequest> = first.into_iter().chain(answer).chain(others).collect();
    Handoff {
        items: history.seed(&turns.take(), known),
        open_calls: history.open_calls(),
        answer_unless_spoken: turn_open && requests.is_empty(),
        requests,
    }
}

const fn is_answer(purpose: ResponsePurpose) -> bool {
    matches!(purpose, ResponsePurpose::Answer | ResponsePurpose::ToolResult)
}

/// A request for the remainder of a response that was lost in the middle.
fn continued(request: Option<ResponseRequest>, heard: &str) -> ResponseRequest {
    let (purpose, task) =
        request.map_or((ResponsePurpose::Answer, None), |request| (request.purpose, request.instructions));
    let said = if heard.is_empty() {
        "You were cut off after your first word.".to_owned()
    } else {
        format!("You were cut off in the middle of your last answer. The caller has heard: “{heard}”.")
    };
    let task = task.map(|task| format!(" What you were asked to say was: {task}")).unwrap_or_default();
    let instructions = format!("{said}{task} {GO_ON}");
    ResponseRequest { purpose, instructions: Some(instructions) }
}

/// The instruction to a model that must finish another session's answer.
const GO_ON: &str = "Go on from exactly there: say only what was still missing, do not repeat what was heard, do not greet again, \
    do not apologise and do not mention an interruption.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::AudioFormat;
    use crate::realtime::seed::Running;

    fn request(purpose: ResponsePurpose, instructions: Option<&str>) -> ResponseRequest {
        ResponseRequest { purpose, instructions: instructions.map(str::to_owned) }
    }

    fn handoff(carry_over: CarryOver) -> Handoff {
        let format = AudioFormat::MULAW_8K;
        handoff_of(carry_over, 0, &mut History::new(format), &mut TurnAudio::new(format))
    }

    fn running(request: Option<ResponseRequest>, progress: Progress) -> Option<Running> {
        Some(Running { response: None, request, progress })
    }

    #[test]
    fn an_owed_answer_is_asked_for_once_however_often_it_is_owed() {
        let carry_over = CarryOver {
            requests: vec![request(ResponsePurpose::ToolResult, None), request(ResponsePurpose::Answer, None)],
            answer: true,
            running: running(None, Progress::Silent),
            turn_open: false,
        };
        assert_eq!(handoff(carry_over).requests, [request(ResponsePurpose::Answer, None)]);
    }

    #[test]
    fn words_of_their_own_are_asked_for_again_if_nothing_of_them_was_heard() {
        let greeting = request(ResponsePurpose::Greeting, Some("Say hello."));
        let carry_over =
            CarryOver { running: running(Some(greeting.clone()), Progress::Silent), ..CarryOver::default() };
        assert_eq!(handoff(carry_over).requests, [greeting]);
    }

    #[test]
    fn a_response_that_was_cut_is_continued_and_not_said_again() {
        let greeting = request(ResponsePurpose::Greeting, Some("Say hello."));
        let carry_over =
            CarryOver { running: running(Some(greeting), Progress::Partly), answer: true, ..CarryOver::default() };
        let [request] = &handoff(carry_over).requests[..] else { panic!("one request") };
        let instructions = request.instructions.as_deref().unwrap_or_default();
        assert_eq!(request.purpose, ResponsePurpose::Greeting);
        assert!(instructions.contains("Say hello.") && instructions.contains("do not repeat"), "{instructions}");
    }

    #[test]
    fn nothing_is_asked_for_when_nothing_is_owed() {
        for progress in [Progress::Whole, Progress::Called] {
            let carry_over = CarryOver { running: running(None, progress), ..CarryOver::default() };
            assert_eq!(handoff(carry_over), Handoff::default());
        }
    }

    #[test]
    fn a_caller_in_the_middle_of_a_turn_is_heard_out_first() {
        let carry_over = CarryOver { turn_open: true, ..CarryOver::default() };
        let handoff = handoff(carry_over);
        assert!(handoff.answer_unless_spoken && handoff.requests.is_empty());
    }
}
