//! What the families of models accept. A server closes the socket on a field or a message that its
//! model does not know, so everything that differs is data here. Pure.

use std::time::Duration;

/// What a family of models accepts
/// (<https://ai.google.dev/gemini-api/docs/live-api/capabilities>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// When texts may be added to the conversation.
    pub texts: Texts,
    /// Whether the configuration announces that a conversation will be handed over.
    pub announces_history: bool,
    /// Whether prompt and tools can change while the session runs.
    pub changes: bool,
    /// Whether a tool call leaves the conversation running. Otherwise the model waits for the result.
    pub tools: Tools,
    /// Whether caller audio may be sent while a tool call is open. Older models close the socket.
    pub hears_during_calls: bool,
    /// How the model's thinking is configured.
    pub thinking: Thinking,
    /// How long an answer may take. Shorter: a slow model is asked twice. Longer: the caller hears
    /// nothing for so long.
    pub patience: Duration,
}

/// When texts may be added to the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// At any time, as a part of the conversation.
    AnyTime,
    /// Before the conversation begins. Later texts count as input of the caller, and are answered.
    AtTheStart,
}

/// How a model calls tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tools {
    /// It waits for the result.
    Blocking,
    /// It goes on meanwhile, and a result says when it may be spoken about.
    NonBlocking,
}

/// How a model's thinking is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// Not at all: the field is refused.
    Unset,
    /// By a number of tokens.
    Budget(u32),
    /// By a word.
    Level(&'static str),
}

/// The newest family, which is also assumed for models that are not known yet.
const NEWEST: Family = Family {
    texts: Texts::AnyTime,
    announces_history: true,
    changes: true,
    tools: Tools::NonBlocking,
    hears_during_calls: true,
    thinking: Thinking::Unset,
    patience: Duration::from_secs(6),
};

/// The families by a part of the model's name, the longer parts first.
const FAMILIES: [(&str, Family); 4] = [
    (
        "3.8-live-extended-thinking",
        Family { thinking: Thinking::Level("LOW"), patience: Duration::from_secs(8), ..NEWEST },
    ),
    ("3.8", NEWEST),
    (
        "3.1",
        Family {
            texts: Texts::AtTheStart,
            changes: false,
            tools: Tools::Blocking,
            thinking: Thinking::Level("MINIMAL"),
            ..NEWEST
        },
    ),
    (
        "2.5",
        Family {
            announces_history: false,
            changes: false,
            hears_during_calls: false,
            thinking: Thinking::Budget(0),
            ..NEWEST
        },
    ),
];

impl Family {
    /// The family of `model`.
    pub fn of(model: &str) -> Self {
        FAMILIES.iter().find(|(part, _)| model.contains(part)).map_or(NEWEST, |(_, family)| *family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_belongs_to_its_family_and_an_unknown_one_to_the_newest() {
        for (model, texts, changes, tools, thinking) in [
            ("models/gemini-3.8-live", Texts::AnyTime, true, Tools::NonBlocking, Thinking::Unset),
            ("gemini-3.8-live-extended-thinking", Texts::AnyTime, true, Tools::NonBlocking, Thinking::Level("LOW")),
            ("gemini-3.1-flash-live-preview", Texts::AtTheStart, false, Tools::Blocking, Thinking::Level("MINIMAL")),
            (
                "models/gemini-2.5-flash-native-audio-preview-12-2025",
                Texts::AnyTime,
                false,
                Tools::NonBlocking,
                Thinking::Budget(0),
            ),
            ("gemini-9-live", Texts::AnyTime, true, Tools::NonBlocking, Thinking::Unset),
        ] {
            let family = Family::of(model);
            assert_eq!(
                (family.texts, family.changes, family.tools, family.thinking),
                (texts, changes, tools, thinking),
                "{model}"
            );
        }
        assert!(Family::of("gemini-3.8-live-extended-thinking").patience > NEWEST.patience);
        assert!(!Family::of("gemini-2.5-flash").hears_during_calls);
    }
}
