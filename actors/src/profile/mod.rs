//! What a call is to be: decided by the routes before the stream comes, and fixed from then on. Pure.

pub mod destinations;
pub mod hours;
pub mod no_input;
mod question;
pub mod spending;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::destinations::Destinations;
use self::no_input::NoInputPlan;
use self::spending::SpendPlan;
use crate::audio::level::Levels;
use crate::carrier::Carrier;
use crate::carrier::desk::AnsweredBy;
use crate::realtime::plan::{SessionPlan, Transcription};
use crate::tools::plan::ToolPlan;

/// How a call is to be held: agent, language, model, limits. Shared by all calls of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct CallProfile {
    /// The agent's name in the configuration.
    pub agent: String,
    /// The language's code.
    pub language: String,
    /// The model session.
    pub model: Arc<SessionPlan>,
    /// How the agent opens the call.
    pub greeting: Greeting,
    /// How long things may take.
    pub limits: Limits,
    /// How far ahead of real time audio is sent to a carrier that buffers.
    pub playout_lead: Duration,
    /// What is done to the sound of the line.
    pub audio: AudioPlan,
    /// The folder of the call's recording; none is made without one.
    pub recording: Option<Arc<Path>>,
    /// What of the caller's speech stops the agent, and when.
    pub interruption: InterruptionPlan,
    /// A legal notice, in the call's language where it is written in it: said before the greeting, word for word, and to its end whatever the caller does.
    pub notice: Option<String>,
    /// Where a caller is sent whose model is lost for good, a name of `transfers`; `None` hangs up after the apology.
    pub on_model_loss: Option<String>,
    /// The times of the idle ladder; its words are those of the language that is spoken.
    pub no_input: NoInputPlan,
    /// What pressed keys do.
    pub keypad: KeypadPlan,
    /// Every language of the agent by its code, `language` among them: what a switch changes over to.
    pub languages: Arc<BTreeMap<String, LanguageProfile>>,
    /// What the agent is to find out; empty lets the model choose keys of its own.
    pub questions: Vec<Question>,
    /// The operators' tools that this agent may use, by name. Their declarations stand in `model.tools`.
    pub tools: Arc<BTreeMap<String, Arc<ToolPlan>>>,
    /// What the call may cost.
    pub spend: SpendPlan,
    /// A salted hash of the caller's number; `None` where it is withheld.
    pub caller: Option<String>,
    /// Whether the model's provider is told this hash.
    pub caller_is_told: bool,
    /// The experiment whose variant this call is held by, or `control` where it could have been one.
    pub variant: Option<String>,
    /// The place of the route that chose agent and language among `[[routes]]`, from 0; `None` where none matched, or none was asked.
    pub route: Option<usize>,
    /// Who has answered, where the carrier found out before the call began.
    pub answered_by: Option<AnsweredBy>,
    /// Where callers can be sent.
    pub transfers: Arc<Destinations>,
}

/// How the agent opens the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    /// The model says it, following these instructions.
    Spoken(String),
    /// A recording, played while the model still connects; its words go into the model's context.
    Clip {
        /// The words of the recording.
        text: String,
        /// The sound: 8 kHz mono.
        pcm: Arc<[i16]>,
    },
    /// The caller speaks first.
    None,
}

/// What a call needs to go on in a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageProfile {
    /// Its English name, for the model.
    pub name: String,
    /// The whole prompt: this agent in this language.
    pub instructions: String,
    /// The voice; cannot be changed any more once the session has made audio.
    pub voice: String,
    /// Transcription of the caller in this language; `None` is off.
    pub transcription: Option<Transcription>,
    /// How a call opens in this language.
    pub greeting: Greeting,
    /// What a silent caller is asked, rung after rung. Never empty; see [`LanguageProfile::idle_prompt`].
    pub idle_prompts: Vec<String>,
    /// Said before hanging up on a silent caller or at the end of the allowed time.
    pub goodbye: String,
    /// Said when the model is lost or fails for good.
    pub apology: String,
    /// A recording of those words, 8 kHz: when the model is lost, nobody else can say them.
    pub apology_sound: Option<Arc<[i16]>>,
    /// Said while a tool, or the lack of a model, keeps the caller waiting.
    pub filler: String,
    /// A recording of those words, 8 kHz: while there is no model, nobody else can say them.
    pub filler_sound: Option<Arc<[i16]>>,
}

impl LanguageProfile {
    /// The words of a rung of the ladder, from 0; the last are said again where there are more rungs than words.
    pub fn idle_prompt(&self, no_input_step: usize) -> Option<&str> {
        self.idle_prompts.get(no_input_step).or(self.idle_prompts.last()).map(String::as_str)
    }
}

/// What is done to the sound of a line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AudioPlan {
    /// Levels by the carrier's name; off for those not in it.
    pub levels: BTreeMap<&'static str, Levels>,
    /// A wrong format is put right where that can be done without loss.
    pub correct: bool,
}

impl AudioPlan {
    /// The levels of a carrier's lines.
    pub fn levels(&self, carrier: Carrier) -> Levels {
        self.levels.get(carrier.name()).copied().unwrap_or_default()
    }
}

/// What of the caller's speech stops the agent, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterruptionPlan {
    /// Speech of the caller before it counts as an interruption; zero counts it at once. Longer lets a cough pass, and makes a
    /// caller who means it wait.
    pub min_speech: Duration,
    /// The first part of the greeting, which cannot be interrupted: callers often say "hello?" into it.
    pub greeting_protection: Duration,
    /// What an interruption does.
    pub policy: InterruptionPolicy,
}

impl Default for InterruptionPlan {
    /// Every sound the model takes for speech interrupts, at once and for good.
    fn default() -> Self {
        Self { min_speech: Duration::ZERO, greeting_protection: Duration::ZERO, policy: InterruptionPolicy::Immediate }
    }
}

/// What an interruption does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterruptionPolicy {
    /// The answer is over.
    Immediate,
    /// The answer pauses, and is over once words or continued speech confirm the interruption. Only where the server does not
    /// interrupt by itself.
    PauseAndConfirm {
        /// Unconfirmed for this long after the speech has ended: the answer goes on where the caller stopped hearing it.
        resume_after: Duration,
    },
}

/// What pressed keys do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeypadPlan {
    /// A pause this long after a key ends a number. Shorter tears numbers of slow fingers apart, longer delays the answer.
    pub inter_digit: Duration,
    /// The key that ends a number at once.
    pub terminator: char,
    /// What a key, or several in a row, does instead of being told to the model. The terminator stands
    /// among them only by itself.
    pub actions: BTreeMap<String, KeyAction>,
    /// What the model is told of keys that are pressed while the recording is paused.
    pub while_paused: KeysWhilePaused,
}

/// What the model is told of keys that are pressed while the recording is paused. They are written nowhere in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeysWhilePaused {
    /// How many there were.
    #[default]
    Withheld,
    /// Which. What it says of them, or gives to a tool, is written as everything that it says and does.
    Model,
}

impl Default for KeypadPlan {
    /// As shipped: everything is told to the model.
    fn default() -> Self {
        Self {
            inter_digit: Duration::from_millis(1500),
            terminator: '#',
            actions: BTreeMap::new(),
            while_paused: KeysWhilePaused::default(),
        }
    }
}

/// What a key does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAction {
    /// Sends the caller to a destination of `[transfers]`, by name.
    Transfer(String),
    /// Says the last answer again.
    Repeat,
    /// Goes on in a language of `languages`, by code.
    Language(String),
    /// Says goodbye and hangs up.
    HangUp,
    /// Says these words, in the call's language.
    Say(String),
    /// Records silence from now on, or both sides again.
    PauseRecording(bool),
}

/// Something the agent is to find out, for `save_answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its name among the record's answers.
    pub key: String,
    /// What it asks for, told to the model.
    pub label: String,
    /// What kind of answer it takes.
    pub kind: AnswerKind,
    /// What an answer has to fulfil besides.
    pub validation: Validation,
}

/// What kind of answer a question takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum AnswerKind {
    /// Any words.
    #[default]
    Text,
    /// A number, with a point and a sign where it has them.
    Number,
    /// Digits alone: an order number, a code.
    Digits,
    /// A telephone number: 4 to 15 digits, with a `+` before a country.
    Telephone,
    /// An e-mail address.
    Email,
    /// A day, as `2026-11-21`.
    Date,
    /// `yes` or `no`.
    YesNo,
}

/// What an answer has to fulfil besides its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// The answers there are; empty is any.
    pub choices: Vec<String>,
    /// How many characters it may have.
    pub length: RangeInclusive<usize>,
}

impl Default for Validation {
    /// Anything of at most a thousand characters, which keeps a record readable.
    fn default() -> Self {
        Self { choices: Vec::new(), length: 1..=1000 }
    }
}

/// How long things may take in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The whole call. Shorter cuts conversations, longer pays for forgotten handsets.
    pub max_duration: Duration,
    /// Nothing at all from the carrier for this long: the line is dead although its socket is open.
    pub line_silence: Duration,
    /// Longest wait for a goodbye to be heard before we hang up all the same.
    pub goodbye: Duration,
    /// How long the caller of a broken stream is waited for until the carrier asks how the call goes on; zero waits for nobody.
    pub lost_socket: Duration,
    /// Longest wait for the model's first session before the call is given up.
    pub model_setup: Duration,
    /// Longest wait for an answer that is due before the model's session counts as lost.
    pub model_answer: Duration,
    /// An answer that takes longer is told as late.
    pub late_answer: Duration,
}

impl CallProfile {
    /// The same for a call that `by` has answered, and what the model is told of that.
    #[must_use]
    pub fn answered(&self, by: Option<AnsweredBy>, told: Option<&str>) -> Self {
        let profile = told.map_or_else(|| self.clone(), |told| self.with_note(told));
        Self { answered_by: by.or(self.answered_by), ..profile }
    }

    /// The same with a word to the model. Said again, it is there once.
    #[must_use]
    pub fn with_note(&self, note: &str) -> Self {
        let mut profile = self.clone();
        if !profile.model.common.instructions.ends_with(note) {
            let common = Arc::make_mut(&mut profile.model).common_mut();
            common.instructions = format!("{}\n\n{note}", common.instructions);
        }
        profile
    }
}
