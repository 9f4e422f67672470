//! The `session` object: complete in a `session.start`, and the changes alone in a
//! `session.update`.

use serde::Serialize;
use serde_json::Value;

use crate::carrier::{AudioFormat, Encoding};
use crate::realtime::openai_live::plan::{Backend, CUSTOM_VOICE, Delegation, Effort, OpenAiLivePlan, Verbosity};
use crate::realtime::plan::Common;
use crate::tools::spec::ToolSpec;

/// The configuration of a session.
#[derive(Debug, Serialize)]
pub struct Session<'a> {
    model: &'a str,
    instructions: String,
    audio: Audio<'a>,
    delegation: Delegates<'a>,
    input: &'a [Message],
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_identifier: Option<&'a str>,
    /// Recordings stay with us.
    store: bool,
}

impl<'a> Session<'a> {
    /// The configuration for `common` and `plan`. `input` is the conversation so far, and `caller`
    /// a salted hash of the caller.
    pub fn fresh(common: &'a Common, plan: &'a OpenAiLivePlan, input: &'a [Message], caller: Option<&'a str>) -> Self {
        Self {
            model: &plan.address.model,
            instructions: plan.voice_prompt(common),
            audio: Audio { format: Format::of(plan.format), output: Output { voice: Voice::of(&plan.voice) } },
            delegation: Delegates::of(common, plan),
            input,
            safety_identifier: caller,
            store: false,
        }
    }
}

/// The changes of a running session. The type of delegation must be the running one.
#[derive(Debug, Serialize)]
pub struct Change<'a> {
    delegation: DelegationChange<'a>,
}

#[derive(Debug, Serialize)]
struct DelegationChange<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    responses: ResponsesChange<'a>,
}

#[derive(Debug, Serialize)]
struct ResponsesChange<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<Function<'a>>>,
}

impl<'a> Change<'a> {
    /// A change of the model behind the voice. A `None` leaves the setting as it is.
    pub fn of(instructions: Option<&'a str>, tools: Option<&'a [ToolSpec]>) -> Self {
        let tools = tools.map(|tools| tools.iter().map(Function::of).collect());
        Self { delegation: DelegationChange { kind: RESPONSES, responses: ResponsesChange { instructions, tools } } }
    }
}

/// A message of the conversation so far, with exactly one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    content: [Part; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Part {
    #[serde(rename = "type")]
    kind: &'static str,
    text: String,
}

/// Who said a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We, to the model.
    Developer,
    /// The caller.
    User,
    /// The model.
    Assistant,
}

impl Message {
    /// The message `text` of `role`.
    pub fn new(role: Role, text: String) -> Self {
        let (role, part) = match role {
            Role::Developer => ("developer", "input_text"),
            Role::User => ("user", "input_text"),
            Role::Assistant => ("assistant", "output_text"),
        };
        Self { kind: "message", role, content: [Part { kind: part, text }] }
    }

    /// The length of its text in bytes.
    pub fn bytes(&self) -> usize {
        self.content[0].text.len()
    }
}

#[derive(Debug, Serialize)]
struct Audio<'a> {
    format: Format,
    output: Output<'a>,
}

#[derive(Debug, Serialize)]
struct Output<'a> {
    voice: Voice<'a>,
}

/// A voice by its name, or a custom one by its id.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Voice<'a> {
    Named(&'a str),
    Custom { id: &'a str },
}

impl<'a> Voice<'a> {
    fn of(voice: &'a str) -> Self {
        if voice.starts_with(CUSTOM_VOICE) { Self::Custom { id: voice } } else { Self::Named(voice) }
    }
}

/// The format of both directions. Its rate is never left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Format {
    #[serde(rename = "type")]
    kind: &'static str,
    rate: u32,
}

impl Format {
    /// The server's description of `format`.
    pub const fn of(format: AudioFormat) -> Self {
        let kind = match format.encoding {
            Encoding::MuLaw => "audio/pcmu",
            Encoding::ALaw => "audio/pcma",
            Encoding::Pcm16 => "audio/pcm",
        };
        Self { kind, rate: format.rate_hz }
    }

    /// The server's name of the encoding.
    pub const fn name(self) -> &'static str {
        self.kind
    }
}

/// Who does the work behind the voice.
#[derive(Debug, Serialize)]
struct Delegates<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledgement_delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    responses: Option<Responses<'a>>,
}

impl<'a> Delegates<'a> {
    fn of(common: &'a Common, plan: &'a OpenAiLivePlan) -> Self {
        let delay = plan.acknowledgement_delay.map(|delay| delay.as_millis() as u64);
        let (kind, responses) = match &plan.delegation {
            Delegation::Responses(backend) => (RESPONSES, Some(Responses::of(common, backend))),
            Delegation::Client { .. } => ("client", None),
        };
        Self { kind, acknowledgement_delay_ms: delay, responses }
    }
}

/// The model behind the voice.
#[derive(Debug, Serialize)]
struct Responses<'a> {
    model: &'a str,
    instructions: String,
    tools: Vec<Function<'a>>,
    tool_choice: &'static str,
    parallel_tool_calls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
}

impl<'a> Responses<'a> {
    fn of(common: &'a Common, backend: &'a Backend) -> Self {
        Self {
            model: &backend.model,
            instructions: Backend::prompt(common),
            tools: common.tools.iter().map(Function::of).collect(),
            tool_choice: "auto",
            // One call at a time: the next request of the caller waits while one is open.
            parallel_tool_calls: false,
            reasoning: backend.effort.map(|effort| Reasoning { effort }),
            text: backend.verbosity.map(|verbosity| Text { verbosity }),
            max_output_tokens: backend.max_output_tokens,
        }
    }
}

#[derive(Debug, Serialize)]
struct Reasoning {
    effort: Effort,
}

#[derive(Debug, Serialize)]
struct Text {
    verbosity: Verbosity,
}

/// One of our functions in the protocol's flat form.
#[derive(Debug, Serialize)]
struct Function<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
    /// Our schemas have optional parameters, which a strict one may not have.
    strict: bool,
}

impl<'a> Function<'a> {
    fn of(tool: &'a ToolSpec) -> Self {
        Self {
            kind: "function",
            name: &tool.name,
            description: &tool.description,
            parameters: &tool.parameters,
            strict: false,
        }
    }
}

/// The type of delegation to a model that the server runs.
const RESPONSES: &str = "responses";
