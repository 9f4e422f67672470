//! Parts of a session's configuration that stand in several shapes of it.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::realtime::openai::dialects::{Dialect, VoiceShape};
use crate::realtime::openai::options::Effort;
use crate::realtime::openai::plan::{NoiseReduction, OpenAiPlan, TurnDetection};
use crate::realtime::plan::Transcription;

/// Noise reduction.
#[derive(Debug, Serialize)]
pub(super) struct Noise {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    strength: Option<f32>,
}

impl Noise {
    pub(super) fn of(plan: &OpenAiPlan) -> Option<Self> {
        let kind = match plan.noise_reduction? {
            NoiseReduction::NearField => "near_field",
            NoiseReduction::FarField => "far_field",
        };
        Some(Self { kind, strength: plan.options.noise_strength })
    }
}

/// How long the model thinks.
#[derive(Debug, Serialize)]
pub(super) struct Reasoning {
    pub(super) effort: Effort,
}

/// The transcription of the caller. The dialect says how language and words are called.
#[derive(Debug)]
pub(super) struct Asr<'a> {
    model: &'a str,
    language: Option<(&'static str, &'a str)>,
    prompt: Option<&'a str>,
    languages: &'a [String],
    words: Option<(&'static str, &'a [String])>,
}

impl<'a> Asr<'a> {
    pub(super) fn of(transcription: &'a Transcription, dialect: &Dialect) -> Self {
        let ears = &dialect.ears;
        let language = transcription.language.as_deref();
        let languages: &[String] = if ears.prompt { &transcription.languages } else { &[] };
        Self {
            model: dialect.transcriber(&transcription.model),
            // `language` and `languages` exclude each other.
            language: language
                .filter(|_| languages.is_empty())
                .map(|language| (ears.language, dialect.language(language))),
            prompt: transcription.prompt.as_deref().filter(|_| ears.prompt),
            languages,
            words: ears
                .words
                .map(|key| (key, transcription.keywords.as_slice()))
                .filter(|(_, words)| !words.is_empty()),
        }
    }
}

impl Serialize for Asr<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", self.model)?;
        if let Some((key, language)) = self.language {
            map.serialize_entry(key, language)?;
        }
        if let Some(prompt) = self.prompt {
            map.serialize_entry("prompt", prompt)?;
        }
        if !self.languages.is_empty() {
            map.serialize_entry("languages", self.languages)?;
        }
        if let Some((key, words)) = self.words {
            map.serialize_entry(key, words)?;
        }
        map.end()
    }
}

/// The turn detection settings. Every value that the dialect has is explicit, because the
/// documented defaults differ from those of the live service.
#[derive(Debug, Serialize)]
pub(super) struct Vad<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_padding_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silence_duration_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eagerness: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_response: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupt_response: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_truncate: Option<bool>,
}

impl<'a> Vad<'a> {
    pub(super) fn of(detection: &'a TurnDetection, dialect: &Dialect) -> Self {
        let turns = &dialect.turns;
        let common = Vad {
            kind: "server_vad",
            threshold: None,
            prefix_padding_ms: None,
            silence_duration_ms: None,
            idle_timeout_ms: None,
            eagerness: None,
            create_response: turns.switches.then_some(detection.answers()),
            interrupt_response: turns.switches.then_some(detection.interrupts()),
            auto_truncate: turns.cuts_by_itself.then_some(false),
        };
        match detection {
            TurnDetection::Semantic { eagerness, .. } => Self {
                // The plan has no detection by meaning where the dialect has none.
                kind: turns.semantic.unwrap_or("semantic_vad"),
                eagerness: turns.eagerness.then_some(eagerness),
                ..common
            },
            &TurnDetection::Server { threshold, prefix_padding_ms, silence_duration_ms, idle_timeout_ms, .. } => Self {
                threshold: Some(threshold),
                prefix_padding_ms: Some(prefix_padding_ms),
                silence_duration_ms: Some(silence_duration_ms),
                idle_timeout_ms,
                ..common
            },
        }
    }
}

/// The voice. A built-in voice is written as its name, a custom voice as an object with its id, and
/// both as an object with a type where the dialect wants one.
#[derive(Debug)]
pub(super) enum Voice<'a> {
    BuiltIn(&'a str),
    Custom(&'a str),
    Typed { kind: &'static str, name: &'a str },
}

impl<'a> Voice<'a> {
    pub(super) fn of(name: &'a str, dialect: &Dialect) -> Self {
        match dialect.voice {
            VoiceShape::Typed { listed, of_listed, of_others } => {
                Self::Typed { kind: if listed.contains(&name) { of_listed } else { of_others }, name }
            }
            VoiceShape::Name if name.starts_with(CUSTOM_VOICE) => Self::Custom(name),
            VoiceShape::Name => Self::BuiltIn(name),
        }
    }
}

impl Serialize for Voice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Id<'a> {
            id: &'a str,
        }
        #[derive(Serialize)]
        struct Typed<'a> {
            #[serde(rename = "type")]
            kind: &'static str,
            name: &'a str,
        }
        match *self {
            Self::BuiltIn(name) => serializer.serialize_str(name),
            Self::Custom(id) => Id { id }.serialize(serializer),
            Self::Typed { kind, name } => Typed { kind, name }.serialize(serializer),
        }
    }
}

/// The prefix of a custom voice's id.
pub const CUSTOM_VOICE: &str = "voice_";

/// The maximum of tokens of a response; `None` is `"inf"`.
#[derive(Debug)]
pub(super) struct MostTokens(pub(super) Option<u32>);

impl Serialize for MostTokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(tokens) => serializer.serialize_u32(tokens),
            None => serializer.serialize_str("inf"),
        }
    }
}

/// The handling of a conversation that is longer than the model's window. An absent setting leaves
/// it to the server.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Truncation {
    Disabled(&'static str),
    Ratio {
        #[serde(rename = "type")]
        kind: &'static str,
        retention_ratio: f32,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_limits: Option<TokenLimits>,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct TokenLimits {
    post_instructions: u32,
}

impl Truncation {
    pub(super) fn of(plan: &OpenAiPlan) -> Option<Self> {
        let limits = |post_instructions| TokenLimits { post_instructions };
        match plan.retention_ratio {
            Some(retention_ratio) => Some(Self::Ratio {
                kind: "retention_ratio",
                retention_ratio,
                token_limits: plan.options.retention_tokens.map(limits),
            }),
            None => plan.options.never_cut.then_some(Self::Disabled("disabled")),
        }
    }
}
