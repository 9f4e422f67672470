//! The turns of a conversation, and the tokens that they are. Pure.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::tools::rehearsal::sound::Sound;

/// Who has spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The client or its caller.
    User,
    /// The model.
    Model,
}

/// One turn.
#[derive(Debug, Clone)]
struct Turn {
    role: Role,
    text: String,
    audio_ms: u64,
    /// The audio of a caller's turn. Only the newest one is kept.
    sound: Option<Sound>,
    /// Whether the model has answered it.
    answered: bool,
}

/// The turns of one session, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Conversation {
    turns: VecDeque<Turn>,
}

/// Tokens by modality.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    /// Text.
    pub(super) text: u64,
    /// Audio.
    pub(super) audio: u64,
}

impl Conversation {
    /// Adds a text.
    pub(super) fn add_text(&mut self, role: Role, text: String) {
        self.add(Turn { role, text, audio_ms: 0, sound: None, answered: role == Role::Model });
    }

    /// Adds a turn of the caller.
    pub(super) fn add_speech(&mut self, sound: Sound) {
        self.turns.iter_mut().for_each(|turn| turn.sound = None);
        let audio_ms = sound.ms();
        self.add(Turn { role: Role::User, text: String::new(), audio_ms, sound: Some(sound), answered: false });
    }

    /// Adds what the model has said.
    pub(super) fn add_answer(&mut self, text: String, audio_ms: u64) {
        if audio_ms > 0 || !text.is_empty() {
            self.add(Turn { role: Role::Model, text, audio_ms, sound: None, answered: true });
        }
    }

    fn add(&mut self, turn: Turn) {
        if self.turns.len() >= MOST_TURNS {
            self.turns.pop_front();
        }
        self.turns.push_back(turn);
    }

    /// The newest input that was not answered: its text and its audio.
    pub(super) fn newest(&self) -> Option<(&str, Option<&Sound>)> {
        let turn = self.turns.iter().rev().find(|turn| turn.role == Role::User && !turn.answered)?;
        Some((&turn.text, turn.sound.as_ref()))
    }

    /// The texts that were not answered, newest first.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = &str> {
        let turns = self.turns.iter().rev().filter(|turn| turn.role == Role::User && !turn.answered);
        turns.map(|turn| turn.text.as_str())
    }

    /// Marks all input as answered.
    pub(super) fn mark_answered(&mut self) {
        self.turns.iter_mut().for_each(|turn| turn.answered = true);
    }

    /// Whether the model has said anything.
    pub(super) fn has_answer(&self) -> bool {
        self.turns.iter().any(|turn| turn.role == Role::Model)
    }

    /// The tokens of all turns.
    pub(super) fn tokens(&self) -> Tokens {
        self.turns.iter().fold(Tokens::default(), |tokens, turn| {
            // What was spoken counts as audio. Its words are a transcript.
            let text = if turn.audio_ms == 0 { text_tokens(&turn.text) } else { 0 };
            Tokens { text: tokens.text + text, audio: tokens.audio + audio_tokens(turn.audio_ms) }
        })
    }

    /// Forgets the oldest turns until at most `target` tokens are left and a turn of the user is the
    /// first.
    pub(super) fn compress(&mut self, target: u64) {
        while self.tokens().total() > target || self.turns.front().is_some_and(|turn| turn.role == Role::Model) {
            if self.turns.pop_front().is_none() {
                return;
            }
        }
    }
}

impl Tokens {
    /// The total of both kinds.
    pub(super) const fn total(self) -> u64 {
        self.text + self.audio
    }

    fn by_modality(self) -> Value {
        let kinds = [("AUDIO", self.audio), ("TEXT", self.text)];
        let details = kinds.into_iter().filter(|(_, tokens)| *tokens > 0);
        details.map(|(modality, tokens)| json!({"modality": modality, "tokenCount": tokens})).collect()
    }
}

/// The `usageMetadata` of a turn with the whole context `prompt` and an answer of `answer`.
pub(super) fn usage(prompt: Tokens, answer: Tokens) -> Value {
    json!({
        "promptTokenCount": prompt.total(),
        "responseTokenCount": answer.total(),
        "totalTokenCount": prompt.total() + answer.total(),
        "promptTokensDetails": prompt.by_modality(),
        "responseTokensDetails": answer.by_modality(),
    })
}

/// Tokens of a text: one per four characters.
pub(super) fn text_tokens(text: &str) -> u64 {
    text.chars().count().div_ceil(4) as u64
}

/// Tokens of audio in either direction: 25 per second.
pub(super) const fn audio_tokens(ms: u64) -> u64 {
    ms.div_ceil(40)
}

/// Maximum number of turns that are kept. A call of an hour has a few hundred.
const MOST_TURNS: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_conversation_begins_with_the_user_and_is_small_enough() {
        let mut conversation = Conversation::default();
        for n in 0..20 {
            conversation.add_text(Role::User, format!("question {n:04} "));
            conversation.add_answer(format!("answer {n:04}   "), 0);
        }
        let before = conversation.tokens().total();
        conversation.compress(before / 2);
        assert!(conversation.tokens().total() <= before / 2);
        assert_eq!(conversation.turns.front().map(|turn| turn.role), Some(Role::User));
    }

    #[test]
    fn usage_is_told_by_modality() {
        let usage = usage(Tokens { text: 3, audio: 5 }, Tokens { text: 0, audio: 7 });
        assert_eq!(usage["totalTokenCount"], 15);
        assert_eq!(usage["promptTokensDetails"][0], json!({"modality": "AUDIO", "tokenCount": 5}));
        assert_eq!(usage["responseTokensDetails"], json!([{"modality": "AUDIO", "tokenCount": 7}]));
    }
}
