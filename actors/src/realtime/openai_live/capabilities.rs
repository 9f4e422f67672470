//! Capabilities of a session of this API.

use std::time::Duration;

use super::plan::{Delegation, OpenAiLivePlan};
use crate::realtime::capabilities::{Capabilities, Reconfigure, SessionEnd, Whose};
use crate::realtime::plan::Common;

/// The capabilities of a session that is configured with `common` and `plan`.
pub fn capabilities(common: &Common, plan: &OpenAiLivePlan) -> Capabilities {
    Capabilities {
        // There are no items, and no order stops the model. It believes that everything it sent was
        // heard.
        truncate: false,
        delete: false,
        cancel: false,
        answers: Whose::Servers,
        interrupts: Whose::Servers,
        full_duplex: true,
        speech_events: None,
        caller_words: true,
        reconfigure: Reconfigure {
            // The prompt of a running session never changes. A short one can be replaced by an
            // append; for a longer one another session is opened.
            instructions: common.instructions.len() <= LONGEST_CHANGED,
            tools: matches!(plan.delegation, Delegation::Responses(_)),
            // There is nothing to set: the model finds the language by itself.
            transcription: true,
        },
        input: plan.format,
        output: plan.format,
        realtime_output: true,
        verbatim: false,
        // It ends after half a minute without audio.
        runs_by_audio: true,
        session_end: SessionEnd::After(LASTS),
    }
}

/// The longest prompt in bytes that is replaced by appends: three of them. Longer: the change takes
/// seconds to arrive, and the old prompt speaks meanwhile.
const LONGEST_CHANGED: usize = 1_400;
/// How long a session lasts, unless the server announces another time.
const LASTS: Duration = Duration::from_secs(7_200);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::openai_live::plan::sample;

    #[test]
    fn the_model_alone_decides_and_nothing_can_be_taken_back() {
        let can = capabilities(&sample::common(), &sample::live());
        assert!(!can.truncate && !can.delete && !can.cancel);
        assert!(can.server_answers() && can.server_interrupts() && can.caller_words);
        assert!(can.full_duplex && can.runs_by_audio && !can.verbatim);
        assert_eq!(can.speech_events, None, "nobody tells of the caller's speech");
        assert!(can.realtime_output, "the stream has the pace of the caller's audio");
        assert_eq!((can.input, can.output), (sample::live().format, sample::live().format));
    }

    #[test]
    fn a_long_prompt_and_the_tools_of_a_client_need_another_session() {
        let (mut common, mut plan) = (sample::common(), sample::live());
        let all = Reconfigure { instructions: true, tools: true, transcription: true };
        assert!(capabilities(&common, &plan).can_change(all));
        common.instructions = "x".repeat(LONGEST_CHANGED + 1);
        assert!(!capabilities(&common, &plan).reconfigure.instructions);
        plan.delegation = Delegation::Client { tool: None };
        assert!(!capabilities(&common, &plan).reconfigure.tools);
    }
}
