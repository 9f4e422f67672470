//! The configuration of one call, chosen by the routes before its stream comes and fixed from then
//! on. Pure.

mod colleagues;
pub mod destinations;
pub mod hours;
pub mod no_input;
pub mod nods;
mod question;
pub mod spending;
pub mod values;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::colleagues::Colleagues;
use self::destinations::Destinations;
use self::no_input::NoInputPlan;
use self::nods::Nods;
use self::spending::SpendPlan;
use self::values::{Given, ValuePlan, Values};
use crate::audio::detector::DetectorPlan;
use crate::audio::level::Levels;
use crate::carrier::Carrier;
use crate::carrier::webhook_api::AnsweredBy;
use crate::realtime::plan::{SessionPlan, Transcription};
use crate::tools::plan::ToolPlan;

/// How a call is handled: agent, language, model, limits. Shared by all calls of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct CallProfile {
    /// The agent's name in the configuration.
    pub agent: String,
    /// The code of the language that the call starts in.
    pub language: String,
    /// The model session.
    pub model: Arc<SessionPlan>,
    /// How the agent opens the call.
    pub greeting: Greeting,
    /// The call's time limits.
    pub limits: Limits,
    /// How far ahead of real time audio is sent to a carrier that buffers.
    pub playout_lead: Duration,
    /// How the line's audio is processed.
    pub audio: AudioPlan,
    /// The folder of the call's recording; `None` makes no recording.
    pub recording: Option<Arc<Path>>,
    /// Which caller speech stops the agent, and when.
    pub interruption: InterruptionPlan,
    /// Our speech detector beside a model that reports speech by itself: what it hears otherwise is
    /// counted. It decides nothing there. `None` compares nothing.
    pub second_opinion: Option<DetectorPlan>,
    /// A legal notice, in the call's language if the configuration has it in that language. It is
    /// said before the greeting, word for word, and the caller cannot interrupt it.
    pub notice: Option<String>,
    /// Where the caller is sent when the model is lost for good: a name of `transfers`. `None`
    /// hangs up after the apology.
    pub on_model_loss: Option<String>,
    /// The times of the no-input prompts. Their words are those of the current language.
    pub no_input: NoInputPlan,
    /// What pressed keys do.
    pub keypad: KeypadPlan,
    /// Every language of the agent by its code, including `language`. A switch changes to one of
    /// these.
    pub languages: Arc<BTreeMap<String, LanguageProfile>>,
    /// What the agent has to find out. Empty: the model chooses its own keys.
    pub questions: Vec<Question>,
    /// The operators' tools that this agent may use, by name. Their declarations are in
    /// `model.tools`.
    pub tools: Arc<BTreeMap<String, Arc<ToolPlan>>>,
    /// The prices and the spending limit of the call.
    pub spend: SpendPlan,
    /// A salted hash of the caller's number; `None` if the number is withheld.
    pub caller: Option<String>,
    /// Whether the model's provider gets this hash.
    pub send_safety_identifier: bool,
    /// The experiment variant of this call, or `control` if the call could have had one.
    pub variant: Option<String>,
    /// The version of the configuration that the call began with; empty if there is none.
    pub configuration: Arc<str>,
    /// The index of the route in `[[routes]]` that chose agent and language. `None` if none
    /// matched, or none was consulted.
    pub route: Option<usize>,
    /// Who or what has answered, if the carrier found out before the call began.
    pub answered_by: Option<AnsweredBy>,
    /// The destinations for transfers.
    pub transfers: Arc<Destinations>,
    /// The agent's values: names, defaults, time zone.
    pub variables: Arc<ValuePlan>,
    /// The values that came from outside, by their source.
    pub given: Given,
    /// The values of this call, once it has begun.
    pub values: Values,
    /// The agents to which this one may give the call.
    pub hand_over: Vec<String>,
    /// The profiles of all agents, for a call that is given on.
    pub colleagues: Colleagues,
}

/// How the agent opens the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    /// The model says it, following these instructions.
    Spoken(String),
    /// A recording, played while the model still connects. Its words are added to the model's
    /// context.
    Clip {
        /// The words of the recording.
        text: String,
        /// The samples: 8 kHz mono.
        pcm: Arc<[i16]>,
    },
    /// The caller speaks first.
    None,
}

/// The settings for one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageProfile {
    /// Its English name, for the model.
    pub name: String,
    /// The whole prompt of this agent in this language.
    pub instructions: String,
    /// The whole prompt of a model behind the voice; `None` is the same as `instructions`.
    pub backend: Option<String>,
    /// The voice. It cannot be changed once the session has produced audio.
    pub voice: String,
    /// Transcription of the caller in this language; `None` turns it off.
    pub transcription: Option<Transcription>,
    /// How a call opens in this language.
    pub greeting: Greeting,
    /// The prompts for a silent caller, in order. Never empty; see
    /// [`LanguageProfile::idle_prompt`].
    pub idle_prompts: Vec<String>,
    /// Said before hanging up on a silent caller, or when the time limit is reached.
    pub goodbye: String,
    /// Said when the model is lost or fails for good.
    pub apology: String,
    /// A recording of the apology, 8 kHz: when the model is lost, nothing else can say it.
    pub apology_sound: Option<Arc<[i16]>>,
    /// The caller's words that never interrupt the agent.
    pub never_interrupts: Nods,
    /// Said while the caller waits for a tool or for a model session.
    pub filler: String,
    /// A recording of the filler, 8 kHz: without a model session, nothing else can say it.
    pub filler_sound: Option<Arc<[i16]>>,
}

impl LanguageProfile {
    /// The words of a no-input step, from 0. The last prompt repeats if there are more steps than
    /// prompts.
    pub fn idle_prompt(&self, no_input_step: usize) -> Option<&str> {
        self.idle_prompts.get(no_input_step).or(self.idle_prompts.last()).map(String::as_str)
    }
}

/// How a line's audio is processed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AudioPlan {
    /// Level control by the carrier's name; off for carriers that are missing.
    pub levels: BTreeMap<&'static str, Levels>,
    /// Whether a wrong format is corrected where that loses nothing.
    pub correct: bool,
}

impl AudioPlan {
    /// The level control for a carrier's lines.
    pub fn levels(&self, carrier: Carrier) -> Levels {
        self.levels.get(carrier.name()).copied().unwrap_or_default()
    }
}

/// Which caller speech stops the agent, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterruptionPlan {
    /// How much caller speech counts as an interruption; zero counts it at once. Longer: a cough
    /// passes, and a caller who really interrupts has to wait.
    pub min_speech: Duration,
    /// The first part of the greeting, which cannot be interrupted: callers often say "hello?"
    /// during it.
    pub greeting_protection: Duration,
    /// What an interruption does.
    pub policy: InterruptionPolicy,
}

impl Default for InterruptionPlan {
    /// Anything that the model takes for speech interrupts, at once and for good.
    fn default() -> Self {
        Self { min_speech: Duration::ZERO, greeting_protection: Duration::ZERO, policy: InterruptionPolicy::Immediate }
    }
}

impl InterruptionPlan {
    /// The same plan where no model decides: what it leaves to the model interrupts at once.
    #[must_use]
    pub const fn without_model(self) -> Self {
        match self.policy {
            InterruptionPolicy::Model => Self { policy: InterruptionPolicy::Immediate, ..self },
            InterruptionPolicy::Immediate | InterruptionPolicy::PauseAndConfirm { .. } => self,
        }
    }
}

/// What an interruption does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterruptionPolicy {
    /// Nothing. A model that listens while it speaks decides itself whether it stops.
    Model,
    /// The answer ends.
    Immediate,
    /// The answer pauses, and ends once words or continued speech confirm the interruption. Only
    /// where the server does not interrupt by itself.
    PauseAndConfirm {
        /// If it stays unconfirmed for this long after the speech has ended, the answer continues
        /// where the caller stopped hearing it.
        resume_after: Duration,
    },
}

/// What pressed keys do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeypadPlan {
    /// A pause of this length after a key ends a number. Shorter: numbers of slow typists are
    /// split. Longer: the answer is late.
    pub inter_digit: Duration,
    /// The key that ends a number at once.
    pub terminator: char,
    /// What a key, or a sequence of keys, does instead of being sent to the model. The terminator
    /// can only be an entry by itself.
    pub actions: BTreeMap<String, KeyAction>,
    /// What the model is sent about keys that are pressed while the recording is paused.
    pub while_paused: KeysWhilePaused,
}

/// What the model is sent about keys that are pressed while the recording is paused. The keys
/// themselves are never recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeysWhilePaused {
    /// Their number.
    #[default]
    Withheld,
    /// The keys. What the model says about them, or passes to a tool, is recorded like everything
    /// else.
    Model,
}

impl Default for KeypadPlan {
    /// The default: every key is sent to the model.
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
    /// Transfers the caller to a destination of `[transfers]`, by name.
    Transfer(String),
    /// Repeats the last answer.
    Repeat,
    /// Switches to a language of `languages`, by code.
    Language(String),
    /// Says goodbye and hangs up.
    HangUp,
    /// Says these words, in the call's language.
    Say(String),
    /// `true` pauses the recording (it holds silence), `false` resumes it.
    PauseRecording(bool),
}

/// Something the agent has to find out, for `save_answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its key among the record's answers.
    pub key: String,
    /// A description for the model.
    pub label: String,
    /// What kind of answer it takes.
    pub kind: AnswerKind,
    /// Further rules for an answer.
    pub validation: Validation,
}

/// What kind of answer a question takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum AnswerKind {
    /// Any text.
    #[default]
    Text,
    /// A number, optionally with a decimal point and a sign.
    Number,
    /// Digits only: an order number, a code.
    Digits,
    /// A telephone number: 4 to 15 digits, with a `+` before a country code.
    Telephone,
    /// An e-mail address.
    Email,
    /// A day, as `2026-11-21`.
    Date,
    /// `yes` or `no`.
    YesNo,
}

/// Rules for an answer, besides its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// The accepted answers; empty accepts any.
    pub choices: Vec<String>,
    /// The allowed number of characters.
    pub length: RangeInclusive<usize>,
}

impl Default for Validation {
    /// Anything of at most a thousand characters, which keeps a record readable.
    fn default() -> Self {
        Self { choices: Vec::new(), length: 1..=1000 }
    }
}

/// The time limits of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The whole call. Shorter: conversations are cut off. Longer: a handset left off the hook
    /// costs more.
    pub max_duration: Duration,
    /// The line is dead, even with an open socket, when nothing comes from the carrier for this
    /// long.
    pub line_silence: Duration,
    /// The longest wait until a goodbye is heard. After that we hang up.
    pub goodbye: Duration,
    /// How long a call whose stream broke waits for the carrier to ask how it continues; zero does
    /// not wait.
    pub lost_socket: Duration,
    /// The longest wait for the model's first session. After that the call is given up.
    pub model_setup: Duration,
    /// The longest wait for a due answer. After that the model's session counts as lost.
    pub model_answer: Duration,
    /// An answer that takes longer is reported as late.
    pub late_answer: Duration,
}

impl CallProfile {
    /// A copy for a call that `by` has answered, with the note about it for the model.
    #[must_use]
    pub fn answered(&self, by: Option<AnsweredBy>, note: Option<&str>) -> Self {
        let profile = note.map_or_else(|| self.clone(), |note| self.with_note(note));
        Self { answered_by: by.or(self.answered_by), ..profile }
    }

    /// A copy for a call that is refused: the agent says these words, and nothing else.
    #[must_use]
    pub fn declined(&self, words: &str) -> Self {
        let mut profile = self.clone();
        if let Some(language) = Arc::make_mut(&mut profile.languages).get_mut(&self.language) {
            words.clone_into(&mut language.goodbye);
        }
        (profile.greeting, profile.notice, profile.recording) = (Greeting::None, None, None);
        profile.keypad.actions.clear();
        Arc::make_mut(&mut profile.model).common_mut().tools.clear();
        profile.given.declined = true;
        profile
    }

    /// A copy with a note for the model. A repeated note is added once.
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
