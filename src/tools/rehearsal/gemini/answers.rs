//! Decides what the rehearsal model says. Pure.
//!
//! | input that was not answered | answer |
//! |---|---|
//! | a text "call tool NAME with {json}" | that call |
//! | a text "… pressed 9 …" (9, 1, 2, 3, 5) | the key's calls, see `script` |
//! | the newest one is a text that mentions a goodbye | the goodbye line |
//! | the newest one is a turn of the caller | the caller's own words |
//! | nothing said yet | the greeting |
//! | anything else: tool results, notices, texts | "Alright." |
//!
//! If the text contains words to be said, the text of the answer is these words, as with a real
//! model. The audio is that of the bundled line, because nothing is synthesised here.

use super::conversation::Conversation;
use super::settings::Settings;
use crate::tools::rehearsal::script::{Saying, Tools, Voice, asked_words, called_for, mentions_goodbye};
use crate::tools::rehearsal::sound::Format;
use crate::tools::rehearsal::speech::Line;

/// Returns the answer to the conversation so far.
pub(super) fn answer(conversation: &Conversation, settings: &Settings) -> Vec<Saying> {
    let (text, turn) = conversation.newest().unwrap_or_default();
    let order = order_in(text);
    let voice = Voice { words: asked_words(order), language: settings.language(), format: FORMAT };
    let tools = Tools::of(&settings.tools);
    if let Some(sayings) = conversation.unanswered().find_map(|text| called_for(text, &tools, voice)) {
        return sayings;
    }
    if mentions_goodbye(order) {
        return vec![voice.line(Line::Goodbye)];
    }
    if let Some(sound) = turn {
        let own_words = sound.trimmed().in_format(FORMAT);
        return vec![Saying::Speak { text: voice.language.repeated(own_words.ms()), sound: own_words }];
    }
    vec![voice.line(if conversation.has_answer() { Line::Alright } else { Line::Greeting })]
}

/// The last of several texts in brackets, without them. Those before it are notes, and no order to
/// speak.
fn order_in(text: &str) -> &str {
    let order = text.rsplit_once("]\n[").map_or(text, |(_, order)| order);
    if text.starts_with('[') { order.trim_start_matches('[').strip_suffix(']').unwrap_or(order) } else { order }
}

/// The format of all audio that the model hears and makes.
pub(super) const FORMAT: Format = Format::Pcm24k;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_before_an_order_is_no_order() {
        assert_eq!(order_in("[They have heard only: “Goodbye”.]\n[Answer now.]"), "Answer now.");
        assert_eq!(order_in("hello"), "hello");
    }

    #[test]
    fn the_brackets_around_an_order_are_not_said() {
        let order = order_in("[Greet the caller and add nothing:\n\nDeccan Motors.]");
        assert_eq!(asked_words(order), Some("Deccan Motors."));
        assert_eq!(order_in("say [this]"), "say [this]", "what the caller says stays as it is");
    }
}
