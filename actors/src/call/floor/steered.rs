//! What operators order of the agent: to say something, to know something, and to make room for a
//! person. Pure; part of [`super`].

use super::{Floor, Interrupter};
use crate::call::shared::{Shared, exactly};
use crate::realtime::messages::{ModelOrder, ResponsePurpose, TextRole};

impl Floor {
    /// The agent says `text` to the caller, behind what it says already.
    pub(in crate::call) fn says(&mut self, text: &str, call: &mut Shared) {
        self.request(ResponsePurpose::Spoken, Some(exactly(text)), call);
    }

    /// The agent is told `text`, which the caller does not hear.
    pub(in crate::call) fn is_told(&self, text: &str, call: &mut Shared) {
        call.add_text(TextRole::Instruction, format!("{WHISPERED}“{text}”"));
    }

    /// A person takes the floor from the agent: what it says and owes is dropped.
    pub(in crate::call) fn yields(&mut self, call: &mut Shared) {
        self.wait.begin_anew();
        self.turn_anew();
        self.turn.interrupt(Interrupter::Us, call);
        self.turn.forgive();
        self.barge_in.forget();
        self.stopwatch.abandon();
        self.no_input.caller_answered(call.now);
        self.caller_has_the_word();
        call.order(ModelOrder::Overtake);
    }

    /// The agent has the floor again. It speaks, unless the caller does: their turn is answered.
    pub(in crate::call) fn goes_on(&mut self, how: &str, call: &mut Shared) {
        self.no_input.caller_answered(call.now);
        if !self.turn.is_caller_speaking() {
            self.request(ResponsePurpose::Answer, Some(how.to_owned()), call);
        }
    }
}

/// The model's instructions before the words of an operator.
const WHISPERED: &str = "A colleague who follows this call tells you something that the caller cannot hear. Say nothing about it now and \
    do not answer it: stay silent until you would speak anyway, and go by it from then on. Never mention that you were told. They \
    say: ";
