//! The dialects of this API, as data: servers that speak it with deviations. Pure.
//!
//! A row ([`Dialect`]) says what a server has and how it wants to be told. There is one writer for
//! each shape, one reader, one sequencer and one session for all; they ask the row and never for a
//! name. What a server may leave out or spell otherwise in its own events is read for all dialects
//! alike ([`super::protocol::server`]).
//!
//! | dialect | session | cut, delete | response's metadata | own instructions | charged |
//! |---|---|---|---|---|---|
//! | openai | nested | yes | yes | yes | tokens |
//! | partial | nested | told in words | yes | yes | tokens |
//! | beta | flat | yes | no | yes | tokens |
//! | xai | voice and turns one level up | yes | yes | as a text before it | time |
//! | azure_voice_live | flat | yes | no | yes | tokens |
//! | inworld | nested, with the models | told in words | no | yes | tokens |

mod hosted;
mod inworld;
mod voice_live;
mod xai;

use std::fmt;
use std::sync::Arc;

use url::Url;

pub(super) use self::hosted::OPENAI;
use super::plan::{OpenAiPlan, TurnDetection};
use crate::realtime::capabilities::SessionEnd;
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::settings::{Given, SessionOptions};

/// The rows of providers that are dialects of their own.
pub(super) mod rows {
    pub(crate) use super::inworld::SEAT as INWORLD;
    pub(crate) use super::voice_live::SEAT as VOICE_LIVE;
    pub(crate) use super::xai::SEAT as XAI;
}

/// Every dialect.
const DIALECTS: [&Dialect; 6] =
    [&OPENAI, &hosted::PARTIAL, &hosted::BETA, &xai::DIALECT, &voice_live::DIALECT, &inworld::DIALECT];

/// A dialect. It is compared and shown by its word.
pub struct Dialect {
    /// Its word, which is also a value of `realtime.dialect`.
    pub word: &'static str,
    /// Whether `realtime.dialect` may choose it, because any server may speak it.
    pub chosen: bool,
    /// The keys of `[realtime]` that its sessions have.
    pub knows: &'static [&'static str],
    /// The shape of the session's configuration.
    pub shape: Shape,
    /// Where the model is named.
    pub model_at: ModelAt,
    /// Query parameters of the address that are added unless they are there.
    pub query: &'static [(&'static str, &'static str)],
    /// The query parameter that takes a fresh name for each session, if there is one.
    pub session_name: Option<&'static str>,
    /// The scheme of the `Authorization` header.
    pub scheme: &'static str,
    /// Whether it takes the salted hash of the caller in a header.
    pub caller_header: bool,
    /// How it finds turns.
    pub turns: Turns,
    /// Whether G.711 formats are written with their rate.
    pub g711_with_rate: bool,
    /// How voices are written.
    pub voice: VoiceShape,
    /// The model that speaks, where it is separate.
    pub speech_model: Option<&'static str>,
    /// How the caller is transcribed.
    pub ears: Ears,
    /// Whether an item can be cut, and the server believes it.
    pub truncate: bool,
    /// Whether an item can be deleted.
    pub delete: bool,
    /// The requests for a response.
    pub responses: Responses,
    /// The type of the assistant's text parts.
    pub assistant_part: &'static str,
    /// Whether the order of items that the server reports can be relied on.
    pub chained: bool,
    /// How exact words are ordered.
    pub exact: Exact,
    /// What sessions are charged by.
    pub charged: Charged,
    /// How a session ends by itself.
    pub ends: SessionEnd,
}

/// The shape of a session's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As in the GA protocol: audio settings stand in `audio`.
    Nested,
    /// As nested, but voice and turn detection stand in the session itself.
    Lifted,
    /// As in the beta protocol: all settings stand in the session itself.
    Flat,
}

/// Where the model is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelAt {
    /// In the query of the address.
    Query,
    /// In the session's configuration.
    Session,
}

/// How a server finds turns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turns {
    /// Whether it takes `create_response` and `interrupt_response`. Otherwise it answers and
    /// interrupts by itself.
    pub switches: bool,
    /// The type of turn detection by meaning, if it has one.
    pub semantic: Option<&'static str>,
    /// Whether that type takes `eagerness`.
    pub eagerness: bool,
    /// The lowest and the highest threshold.
    pub threshold: (f32, f32),
    /// Whether it cuts items by its own guess unless that is turned off.
    pub cuts_by_itself: bool,
}

/// How voices are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoiceShape {
    /// By their name, and own ones by their id.
    Name,
    /// As an object with a type: the first for the listed names, the second for all others.
    Typed {
        /// The names of the first type.
        listed: &'static [&'static str],
        /// The first type.
        of_listed: &'static str,
        /// The second type.
        of_others: &'static str,
    },
}

/// How the caller is transcribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ears {
    /// The transcriber in place of one that is not listed; `None` takes every name as it is.
    pub own: Option<&'static str>,
    /// The transcribers that it has.
    pub listed: &'static [&'static str],
    /// The key of the language.
    pub language: &'static str,
    /// Languages by their code, as it writes them; others are written by their code.
    pub languages: &'static [(&'static str, &'static str)],
    /// The key of words to expect; `None` leaves them out.
    pub words: Option<&'static str>,
    /// Whether it takes a prompt and several languages.
    pub prompt: bool,
}

/// What a request for a response may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Responses {
    /// Metadata, which the server repeats.
    pub metadata: bool,
    /// Instructions of its own. Otherwise they become a text of the conversation before it.
    pub instructions: bool,
    /// A tool choice of its own.
    pub tool_choice: bool,
}

/// How exact words are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exact {
    /// By an instruction to the model.
    Instruction,
    /// By an item that is spoken without a further request. Its response repeats no metadata.
    ForcedItem,
    /// By the assistant's message in the request for a response.
    PreGenerated,
}

/// What sessions are charged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// By the tokens of each response.
    Tokens,
    /// By the time that the session is open.
    Time,
}

impl Dialect {
    /// The dialect with this word.
    pub fn named(word: &str) -> Option<&'static Self> {
        DIALECTS.into_iter().find(|dialect| dialect.word == word)
    }

    /// The words that `realtime.dialect` takes, besides `auto`.
    pub fn words() -> impl Iterator<Item = &'static str> {
        DIALECTS.into_iter().filter(|dialect| dialect.chosen).map(|dialect| dialect.word)
    }

    /// Whether its sessions have a key of `[realtime]`.
    pub fn knows(&self, key: &str) -> bool {
        let table = key.split('.').next();
        self.knows.iter().any(|known| *known == key || Some(*known) == table)
    }

    /// How it writes the language with this code.
    pub fn language<'l>(&self, code: &'l str) -> &'l str {
        self.ears.languages.iter().find(|(known, _)| *known == code).map_or(code, |(_, written)| written)
    }

    /// The transcriber that it uses where `model` is configured.
    pub fn transcriber<'m>(&self, model: &'m str) -> &'m str {
        self.ears.own.filter(|_| !self.ears.listed.contains(&model)).unwrap_or(model)
    }

    /// The plan of a session in this dialect. Settings that it lacks are left out.
    pub fn plan(&'static self, given: Given<'_>) -> ProviderPlan {
        let options = given.options;
        let finer = &options.finer;
        let knows = |key: &str| self.knows(key);
        ProviderPlan::OpenAi(Arc::new(OpenAiPlan {
            address: given.address,
            dialect: self,
            voice: given.voice.to_owned(),
            speed: options.speed.filter(|_| knows("speed")),
            format: given.audio.format(),
            turn_detection: self.nearest(&options.turn_detection),
            noise_reduction: options.noise_reduction.filter(|_| knows("noise_reduction")),
            max_output_tokens: options.max_output_tokens.filter(|_| knows("max_output_tokens")),
            retention_ratio: options.retention_ratio.filter(|_| knows("retention_ratio")),
            options: SessionOptions {
                reasoning: finer.reasoning.filter(|_| knows("reasoning_effort")),
                parallel_tool_calls: finer.parallel_tool_calls.filter(|_| knows("parallel_tool_calls")),
                never_cut: finer.never_cut && knows("retention_ratio"),
                retention_tokens: finer.retention_tokens.filter(|_| knows("retention_tokens")),
                noise_strength: finer.noise_strength.filter(|_| knows("noise_strength")),
                tracing: if knows("tracing") { finer.tracing.clone() } else { Default::default() },
                mcp: if knows("mcp") { finer.mcp.clone() } else { Vec::new() },
                ..finer.clone()
            },
            created_timeout: given.created_timeout,
            updated_timeout: given.updated_timeout,
        }))
    }

    /// The turn detection that comes nearest to the configured one.
    pub(super) fn nearest(&self, configured: &TurnDetection) -> TurnDetection {
        let by_itself = !self.turns.switches;
        let (least, most) = self.turns.threshold;
        let create = configured.answers() || by_itself;
        let interrupt = configured.interrupts() || by_itself;
        match configured {
            TurnDetection::Semantic { eagerness, .. } if self.turns.semantic.is_some() => TurnDetection::Semantic {
                eagerness: eagerness.clone(),
                create_response: create,
                interrupt_response: interrupt,
            },
            TurnDetection::Semantic { .. } => TurnDetection::Server {
                threshold: USUAL_THRESHOLD,
                prefix_padding_ms: USUAL_PADDING_MS,
                silence_duration_ms: USUAL_SILENCE_MS,
                idle_timeout_ms: None,
                create_response: create,
                interrupt_response: interrupt,
            },
            &TurnDetection::Server { threshold, prefix_padding_ms, silence_duration_ms, idle_timeout_ms, .. } => {
                TurnDetection::Server {
                    threshold: threshold.clamp(least, most),
                    prefix_padding_ms,
                    silence_duration_ms,
                    idle_timeout_ms: idle_timeout_ms.filter(|_| self.knows("turn_detection.idle_timeout")),
                    create_response: create,
                    interrupt_response: interrupt,
                }
            }
        }
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word)
    }
}

impl PartialEq for Dialect {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

/// Refuses an address with the model in its query, where the setting belongs.
fn refuses_model(url: &Url) -> Option<&'static str> {
    let named = url.query_pairs().any(|(key, _)| key == "model");
    named.then_some("found a `model` in the URL, expected it in realtime.model")
}

/// Turn detection by energy in place of one by meaning that a server does not have.
const USUAL_THRESHOLD: f32 = 0.5;
const USUAL_PADDING_MS: u32 = 300;
const USUAL_SILENCE_MS: u32 = 600;

#[cfg(test)]
mod tests;
