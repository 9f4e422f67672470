//! From what a session leaves undone to what the next one does: nothing is said twice, and nobody is left without an answer. Pure.

use super::history::History;
use super::messages::{Wish, WishPurpose};
use super::seed::{Estate, Legacy, Progress};
use super::turn_audio::TurnAudio;

/// What the next session inherits.
pub fn legacy_of(estate: Estate, history: &mut History, turns: &mut TurnAudio) -> Legacy {
    let Estate { wishes, answer, running, turn_open } = estate;
    // A call that was told is answered by its result.
    let mut due = answer;
    let mut first = None;
    if let Some(running) = running {
        match running.progress {
            Progress::Partly => {
                let heard = running.response.as_ref().map(|response| history.heard_of(response)).unwrap_or_default();
                first = Some(continued(running.wish, &heard));
                // One answer does for both: what the tools said is in the conversation.
                due = false;
            }
            Progress::Silent => match running.wish {
                Some(wish) if !is_answer(wish.purpose) => first = Some(wish),
                Some(_) | None => due = true,
            },
            Progress::Called | Progress::Whole => {}
        }
    }
    due |= wishes.iter().any(|wish| is_answer(wish.purpose) && wish.instructions.is_none());
    let answer = due.then_some(Wish { purpose: WishPurpose::Answer, instructions: None });
    let others = wishes.into_iter().filter(|wish| !is_answer(wish.purpose) || wish.instructions.is_some());
    let wishes: Vec<Wish> = first.into_iter().chain(answer).chain(others).collect();
    Legacy {
        items: history.seed(&turns.take()),
        open_calls: history.open_calls(),
        answer_unless_spoken: turn_open && wishes.is_empty(),
        wishes,
    }
}

const fn is_answer(purpose: WishPurpose) -> bool {
    matches!(purpose, WishPurpose::Answer | WishPurpose::ToolResult)
}

/// The rest of a response that was lost in its middle.
fn continued(wish: Option<Wish>, heard: &str) -> Wish {
    let (purpose, task) = wish.map_or((WishPurpose::Answer, None), |wish| (wish.purpose, wish.instructions));
    let said = if heard.is_empty() {
        "You were cut off after your first word.".to_owned()
    } else {
        format!("You were cut off in the middle of your last answer. The caller has heard: “{heard}”.")
    };
    let task = task.map(|task| format!(" What you were asked to say was: {task}")).unwrap_or_default();
    let instructions = format!("{said}{task} {GO_ON}");
    Wish { purpose, instructions: Some(instructions) }
}

/// What a model is told that is to finish another's answer.
const GO_ON: &str = "Go on from exactly there: say only what was still missing, do not repeat what was heard, do not greet again, \
    do not apologise and do not mention an interruption.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::seed::Running;
    use crate::wire::AudioFormat;

    fn wish(purpose: WishPurpose, instructions: Option<&str>) -> Wish {
        Wish { purpose, instructions: instructions.map(str::to_owned) }
    }

    fn legacy(estate: Estate) -> Legacy {
        let format = AudioFormat::MULAW_8K;
        legacy_of(estate, &mut History::new(format), &mut TurnAudio::new(format))
    }

    fn running(wish: Option<Wish>, progress: Progress) -> Option<Running> {
        Some(Running { response: None, wish, progress })
    }

    #[test]
    fn an_owed_answer_is_asked_for_once_however_often_it_is_owed() {
        let estate = Estate {
            wishes: vec![wish(WishPurpose::ToolResult, None), wish(WishPurpose::Answer, None)],
            answer: true,
            running: running(None, Progress::Silent),
            turn_open: false,
        };
        assert_eq!(legacy(estate).wishes, [wish(WishPurpose::Answer, None)]);
    }

    #[test]
    fn words_of_their_own_are_asked_for_again_if_nothing_of_them_was_heard() {
        let greeting = wish(WishPurpose::Greeting, Some("Say hello."));
        let estate = Estate { running: running(Some(greeting.clone()), Progress::Silent), ..Estate::default() };
        assert_eq!(legacy(estate).wishes, [greeting]);
    }

    #[test]
    fn a_response_that_was_cut_is_continued_and_not_said_again() {
        let greeting = wish(WishPurpose::Greeting, Some("Say hello."));
        let estate = Estate { running: running(Some(greeting), Progress::Partly), answer: true, ..Estate::default() };
        let [wish] = &legacy(estate).wishes[..] else { panic!("one wish") };
        let told = wish.instructions.as_deref().unwrap_or_default();
        assert_eq!(wish.purpose, WishPurpose::Greeting);
        assert!(told.contains("Say hello.") && told.contains("do not repeat"), "{told}");
    }

    #[test]
    fn nothing_is_asked_for_when_nothing_is_owed() {
        for progress in [Progress::Whole, Progress::Called] {
            let estate = Estate { running: running(None, progress), ..Estate::default() };
            assert_eq!(legacy(estate), Legacy::default());
        }
    }

    #[test]
    fn a_caller_in_the_middle_of_a_turn_is_heard_out_first() {
        let estate = Estate { turn_open: true, ..Estate::default() };
        let legacy = legacy(estate);
        assert!(legacy.answer_unless_spoken && legacy.wishes.is_empty());
    }
}
