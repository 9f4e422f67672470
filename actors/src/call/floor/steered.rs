//! What operators order of the agent: to say something, and to know something. Pure; part of
//! [`super`].

use super::Floor;
use crate::call::shared::{Shared, exactly};
use crate::realtime::messages::{ResponsePurpose, TextRole};

impl Floor {
    /// The agent says `text` to the caller, behind what it says already.
    pub(in crate::call) fn says(&mut self, text: &str, call: &mut Shared) {
        self.request(ResponsePurpose::Spoken, Some(exactly(text)), call);
    }

    /// The agent is told `text`, which the caller does not hear.
    pub(in crate::call) fn is_told(&self, text: &str, call: &mut Shared) {
        call.add_text(TextRole::Instruction, format!("{WHISPERED}“{text}”"));
    }
}

/// The model's instructions before the words of an operator.
const WHISPERED: &str = "A colleague who follows this call tells you something that the caller cannot hear. Say nothing about it now and \
    do not answer it: stay silent until you would speak anyway, and go by it from then on. Never mention that you were told. They \
    say: ";
