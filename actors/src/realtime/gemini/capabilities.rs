//! Capabilities of a session of this API.
//!
//! The protocol has no truncation, no deletion and no cancellation, and names no responses. The
//! session makes responses and items of its own and cancels a response by dropping what still comes
//! of it; the next request then interrupts the server. What was heard of an item is told to the
//! model as a note ([`sessions`](crate::realtime::sessions)). Exact words are an instruction to the
//! model, which may deviate from it.

use std::time::Duration;

use super::models::Family;
use super::plan::{GeminiPlan, OUTPUT};
use crate::realtime::capabilities::{Capabilities, Reconfigure, SessionEnd, Whose};
use crate::realtime::plan::Common;

/// The capabilities of a session that is configured with `common` and `plan`.
pub fn capabilities(common: &Common, plan: &GeminiPlan) -> Capabilities {
    let Family { changes, .. } = plan.family();
    Capabilities {
        truncate: false,
        delete: false,
        cancel: true,
        answers: Whose::Servers,
        interrupts: if plan.activity.interrupts() { Whose::Servers } else { Whose::Ours },
        full_duplex: false,
        speech_events: (!plan.activity.is_manual()).then_some(REPORTS_SPEECH_WITHIN),
        caller_words: common.transcription.is_some(),
        reconfigure: Reconfigure {
            instructions: changes,
            tools: changes,
            // The words always come, and are passed on as configured. Hints are fixed.
            transcription: !plan.transcription_hints,
        },
        input: plan.input,
        output: OUTPUT,
        realtime_output: false,
        verbatim: false,
        runs_by_audio: false,
        session_end: SessionEnd::After(LONGEST_CONNECTION),
    }
}

/// How long a server keeps a connection (<https://ai.google.dev/gemini-api/docs/live-session>). It
/// warns before it closes one.
const LONGEST_CONNECTION: Duration = Duration::from_secs(600);

/// The longest time until the server's automatic detection shows: by an interruption, or by the first
/// words, which follow the speech by about a second. Shorter: late words count as deafness.
const REPORTS_SPEECH_WITHIN: Duration = Duration::from_millis(3_000);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::gemini::plan::{Activity, sample};

    #[test]
    fn what_the_plan_and_the_model_leave_to_us_is_ours() {
        let (mut common, mut plan) = (sample::common(), sample::gemini());
        let by_default = capabilities(&common, &plan);
        assert!(by_default.server_answers() && by_default.server_interrupts() && by_default.caller_words);
        assert!(!by_default.truncate && !by_default.delete && !by_default.verbatim);
        assert!(by_default.speech_events.is_some(), "words and interruptions show it");
        let all = Reconfigure { instructions: true, tools: true, transcription: true };
        assert!(by_default.can_change(all));
        common.transcription = None;
        plan.activity = Activity::Manual { interrupts: false };
        plan.transcription_hints = true;
        let ours = capabilities(&common, &plan.with_model("gemini-3.1-flash-live-preview"));
        assert!(ours.server_answers() && !ours.server_interrupts() && !ours.caller_words);
        assert_eq!(ours.speech_events, None, "our own detector says it");
        assert_eq!(ours.reconfigure, Reconfigure { instructions: false, tools: false, transcription: false });
    }
}
