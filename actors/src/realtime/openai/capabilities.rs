//! Capabilities of a session of this API.

use std::time::Duration;

use crate::realtime::capabilities::{Capabilities, Reconfigure, Whose};
use crate::realtime::openai::plan::OpenAiPlan;
use crate::realtime::plan::Common;

/// The capabilities of a session that is configured with `common` and `plan`.
pub fn capabilities(common: &Common, plan: &OpenAiPlan) -> Capabilities {
    let whose = |servers| if servers { Whose::Servers } else { Whose::Ours };
    Capabilities {
        truncate: plan.dialect.truncate,
        delete: plan.dialect.delete,
        cancel: true,
        answers: whose(plan.turn_detection.answers()),
        interrupts: whose(plan.turn_detection.interrupts()),
        full_duplex: false,
        speech_events: Some(REPORTS_SPEECH_WITHIN),
        caller_words: common.transcription.is_some(),
        reconfigure: Reconfigure { instructions: true, tools: true, transcription: true },
        // A session uses one format for both directions.
        input: plan.format,
        output: plan.format,
        realtime_output: false,
        verbatim: true,
        runs_by_audio: false,
        session_end: plan.dialect.ends,
    }
}

/// The longest time until `input_audio_buffer.speech_started`. It follows some tenths of a second of
/// speech, and the network adds its own. Shorter: a slow network counts as deafness.
const REPORTS_SPEECH_WITHIN: Duration = Duration::from_millis(1_500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::openai::plan::{TurnDetection, sample};
    use crate::realtime::plan::Transcription;

    #[test]
    fn capabilities_follow_the_plans_turn_detection() {
        let (mut common, mut plan) = (sample::common(), sample::openai());
        let by_default = capabilities(&common, &plan);
        assert!(by_default.server_answers() && by_default.server_interrupts() && !by_default.caller_words);
        common.transcription = Some(Transcription::default());
        plan.turn_detection =
            TurnDetection::Semantic { eagerness: "auto".to_owned(), create_response: false, interrupt_response: false };
        let ours = capabilities(&common, &plan);
        assert!(!ours.server_answers() && !ours.server_interrupts() && ours.caller_words);
    }
}
