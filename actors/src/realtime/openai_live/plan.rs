//! The configuration of a session of this API, beside the part that all providers share. Pure.

mod check;
#[cfg(test)]
pub(crate) mod sample;

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

pub use self::check::{CUSTOM_VOICE, VOICES, check};
use crate::carrier::AudioFormat;
use crate::realtime::plan::{Common, ModelAddress};

/// This provider's part of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAiLivePlan {
    /// The address to dial. It has no query; the model goes into the first message.
    pub address: ModelAddress,
    /// The voice: a name, or the id of a custom voice. It never changes.
    pub voice: String,
    /// The audio format of both directions: PCM16 at 24 or 16 kHz, or G.711 at 8 kHz.
    pub format: AudioFormat,
    /// Who does the work behind the voice.
    pub delegation: Delegation,
    /// How long the voice waits before it says that work has begun; `None` uses the server's
    /// default. An append of ours cancels it.
    pub acknowledgement_delay: Option<Duration>,
    /// The maximum wait for `session.started` after our `session.start` (default 10 s).
    pub started_timeout: Duration,
}

/// Who does the work behind the voice: tools belong to it, and not to the voice model.
#[derive(Debug, Clone, PartialEq)]
pub enum Delegation {
    /// A model that the server runs. It calls our tools.
    Responses(Backend),
    /// We. The server does not say what the work is, so the tool gets the caller's words.
    Client {
        /// The name of the tool that does the work. It gets the caller's words as `request`. `None`
        /// tells the model that there is no tool.
        tool: Option<String>,
    },
}

/// The model behind the voice.
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// Its name.
    pub model: String,
    /// How long it thinks; `None` uses its default.
    pub effort: Option<Effort>,
    /// How much it writes; `None` uses its default.
    pub verbosity: Option<Verbosity>,
    /// The maximum of tokens of a response, at least 16; `None` uses its default.
    pub max_output_tokens: Option<u32>,
}

/// How long a model thinks before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Not at all.
    None,
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// A longer time.
    Medium,
    /// A long time, which a caller notices.
    High,
    /// As long as it needs.
    Xhigh,
}

/// How much a model writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// A sentence.
    Low,
    /// A paragraph.
    Medium,
    /// More than a voice should say.
    High,
}

impl OpenAiLivePlan {
    /// The same plan with another model on the same server.
    #[must_use]
    pub fn with_model(&self, model: &str) -> Self {
        let address = ModelAddress { model: model.to_owned(), ..self.address.clone() };
        Self { address, ..self.clone() }
    }

    /// The same plan for a waiting caller: no step of opening a session takes longer than `most`.
    #[must_use]
    pub fn hurried(&self, most: Duration) -> Self {
        Self { started_timeout: self.started_timeout.min(most), ..self.clone() }
    }

    /// The prompt of the voice: the agent's, and when to listen, to stop and to delegate. Without
    /// the last part the voice model does not know that there are tools.
    pub fn voice_prompt(&self, common: &Common) -> String {
        let mut prompt = format!("{}\n\n{POLICIES}", common.instructions);
        let can = common.tools.iter().filter(|tool| self.offers(&tool.name)).fold(String::new(), |mut all, tool| {
            // Writing to a string cannot fail.
            let _ = write!(all, "\n- {}: {}", tool.name, tool.description);
            all
        });
        if can.is_empty() {
            prompt.push_str(NO_TOOLS);
        } else {
            prompt.push_str(TOOLS);
            prompt.push_str(&can);
            prompt.push_str(WHEN);
        }
        prompt
    }

    fn offers(&self, name: &str) -> bool {
        match &self.delegation {
            Delegation::Responses(_) => true,
            Delegation::Client { tool } => tool.as_deref() == Some(name),
        }
    }
}

impl Backend {
    /// Its prompt. Its words are read aloud, so markup is forbidden.
    pub fn prompt(common: &Common) -> String {
        let own = common.backend.as_deref().unwrap_or(&common.instructions);
        format!("{own}\n\n{PLAIN}")
    }
}

/// The parts of the voice's prompt that every agent has.
const POLICIES: &str = "# Backchannel policy\nWhen the caller only signals attention (“mhm”, “okay”), continue.\n\n\
    # Interruption policy\nWhen the caller says anything else while you speak, stop at once and listen.\n\n\
    # Delegation policy\n";
/// What the voice is told if there are tools.
const TOOLS: &str = "Backend tools:";
/// When the voice delegates.
const WHEN: &str = "\nDelegate when the caller needs one of these tools or facts that you do not have. Do not delegate \
    greetings, small talk or questions that these instructions answer. Never claim a result that you were not given.";
/// What the voice is told if there are none.
const NO_TOOLS: &str = "There are no backend tools. Do not delegate; answer from these instructions.";
/// What the model behind the voice is told about its words.
const PLAIN: &str =
    "Your words are spoken on a telephone. Write short plain sentences: no Markdown, no lists, no formulas, no links.";
