//! Decides what the rehearsal model says. Pure.
//!
//! | situation when a response is requested | answer |
//! |---|---|
//! | a `tool_choice` that names or requires a tool | a call of that tool |
//! | a user text "call tool NAME with {json}" | that call |
//! | a user text "… pressed 9 …" (9, 1, 2, 3, 4, 5) | the key's calls, see `script` |
//! | mention of a goodbye in this response's instructions or metadata | the goodbye line |
//! | a turn of the caller that was not answered | the caller's own words |
//! | nothing said yet | the greeting |
//! | anything else: tool results, notices, texts | "Alright." |
//!
//! If the response's instructions contain words to be said, the text of the answer is these words,
//! as with a real model. The audio is that of the bundled line, because nothing is synthesised
//! here.

use serde_json::Value;

use super::item::{Body, Item};
use crate::tools::rehearsal::script::{Saying, Tools, Voice, called_for, mentions_goodbye};
use crate::tools::rehearsal::speech::Line;

/// The inputs of an answer.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    /// The effective settings of the response.
    pub(super) settings: &'a Value,
    /// The additions of the response's own instructions to those of the session, and its metadata.
    pub(super) extra: String,
    /// The items that no response has answered yet, oldest first.
    pub(super) fresh: Vec<&'a Item>,
    /// Whether the model has said anything in this conversation.
    pub(super) spoken_before: bool,
    /// How lines are spoken.
    pub(super) voice: Voice<'a>,
}

/// Returns the answer to a request.
pub(super) fn answer(ask: &Ask<'_>) -> Vec<Saying> {
    let tools = Tools::of(ask.settings);
    if let Some(forced) = tools.forced() {
        return vec![forced];
    }
    let newest = ask.fresh.iter().rev().find(|item| matches!(item.body, Body::Message { role: "user", .. }));
    if let Some(sayings) = newest.and_then(|item| called_for(&item.text(), &tools, ask.voice)) {
        return sayings;
    }
    if mentions_goodbye(&ask.extra) {
        return vec![ask.voice.line(Line::Goodbye)];
    }
    if let Some(sound) = newest.and_then(|item| item.sound()) {
        let own_words = sound.trimmed().in_format(ask.voice.format);
        return vec![Saying::Speak { text: ask.voice.language.repeated(own_words.ms()), sound: own_words }];
    }
    vec![ask.voice.line(if ask.spoken_before { Line::Alright } else { Line::Greeting })]
}

#[cfg(test)]
mod tests;
