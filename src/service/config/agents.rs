//! Agents and languages: `[agents.<name>]` and `[languages.<code>]`. Pure except for the
//! recordings, which `clips` reads.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use switchboard_actors::look_up::plan::LookUpPlan;
use switchboard_actors::profile::values::ValuePlan;
use switchboard_actors::profile::{AnswerKind, InterruptionPlan, InterruptionPolicy, Question, Validation};
use switchboard_actors::realtime::seat::Provider;
use switchboard_actors::realtime::settings::Options;

use super::backend::{self, BackendPrompt};
use super::clips::{self, Clip};
use super::conversation::{Keypad, Keys, check_keys, read_keys};
use super::engines::{self, LanguageEngines, Surroundings};
use super::exact::LanguageClips;
use super::kinds::{Expected, any_text, iso_language, list, or_word, quoted, text, texts, whole, word};
use super::layers::{Node, Value, Variable};
use super::look_up;
use super::names::{is_name, unknown};
use super::options::{self, McpServers};
use super::provider::At;
use super::reader::{Reader, Section};
use super::realtime::Realtime;
use super::tools::BuiltIn;
use super::values;

/// `[agents.<name>]`: a role and its task.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// The agent's role and task; the language's instructions follow them.
    pub instructions: String,
    /// Instructions that replace `instructions` in a language.
    pub prompts: BTreeMap<String, String>,
    /// The prompt of the model behind the voice, if it differs from the voice's.
    pub backend: Option<BackendPrompt>,
    /// The agent's own voice, if it has one.
    pub voice: Option<String>,
    /// The languages it speaks; never empty. A call starts in the first one unless a route says
    /// otherwise.
    pub languages: Vec<String>,
    /// How it opens a call, if not with the language's greeting.
    pub greeting: AgentGreeting,
    /// The notice that it speaks first and completely.
    pub notice: Option<Notice>,
    /// The names of its tools.
    pub tools: Vec<String>,
    /// The agent's own model, if it differs from `[realtime]`.
    pub model: Option<String>,
    /// The questions that it has to find answers to, for `save_answer`.
    pub questions: Vec<Question>,
    /// The actions of its keypad.
    pub keypad: Keys,
    /// Session options of its own, if they differ from `[realtime]`.
    pub options: Option<Options>,
    /// The values that its texts may contain.
    pub values: ValuePlan,
    /// Who is asked about a caller before the first word.
    pub look_up: Option<Arc<LookUpPlan>>,
    /// The agents to which it may give the call, each with what the model is told of it.
    pub hand_over: BTreeMap<String, String>,
}

/// A legal notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The same words in every language.
    Same(String),
    /// Words for each language of the agent.
    PerLanguage(BTreeMap<String, String>),
}

/// How an agent opens a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentGreeting {
    /// The greeting of the call's language.
    OfLanguage,
    /// These words, spoken in the call's language. If they are empty, the caller speaks first.
    Same(String),
    /// These words for the listed languages; the other languages use their own greeting.
    PerLanguage(BTreeMap<String, String>),
}

/// `[languages.<code>]`: how a language is spoken, and its fixed phrases.
#[derive(Debug, Clone, PartialEq)]
pub struct Language {
    /// Its English name.
    pub name: String,
    /// How to speak it. They also tell the model to stay in this language.
    pub instructions: String,
    /// How the model behind the voice is told to use it, if that differs from the voice's way.
    pub backend: Option<String>,
    /// The first words of a call.
    pub greeting: String,
    /// A recording of these words, played in place of the model's speech.
    pub greeting_audio: Option<Clip>,
    /// The ISO 639-1 code, for the transcription of the caller.
    pub transcription_language: String,
    /// The voice of this language.
    pub voice: Option<Voice>,
    /// The model of this language, for agents without their own.
    pub model: Option<String>,
    /// The engines of this language, of a provider that joins several.
    pub engines: LanguageEngines,
    /// The no-input prompts, in order.
    pub idle_prompts: Vec<String>,
    /// Spoken before the service hangs up on a silent caller or at the end of the allowed time.
    pub goodbye: String,
    /// Spoken when the model is lost and no other replaces it.
    pub apology: String,
    /// The apology is the default one, of which there is a recording.
    pub apology_shipped: bool,
    /// Spoken while a tool or the lack of a model makes the caller wait.
    pub filler: String,
    /// The filler is the default one, of which there is a recording.
    pub filler_shipped: bool,
    /// The caller's words that never interrupt an agent.
    pub never_interrupts: Vec<String>,
    /// The operator's recordings of its phrases.
    pub clips: LanguageClips,
}

/// The names that an agent may refer to.
pub(super) struct Directory<'d> {
    pub(super) provider: Option<Provider>,
    pub(super) languages: &'d BTreeMap<String, Language>,
    pub(super) tools: &'d [&'d str],
    pub(super) transfers: &'d [&'d str],
    pub(super) keypad: Option<Keypad>,
}

/// Settings that all agents share.
pub(super) struct Common<'c> {
    /// `[realtime]`, if it could be read.
    pub(super) realtime: Option<&'c Realtime>,
    /// The source of `[realtime]`.
    pub(super) node: &'c Node,
    pub(super) mcp: &'c McpServers,
    pub(super) interruption: Option<&'c InterruptionPlan>,
    pub(super) variables: &'c BTreeMap<String, Variable>,
}

/// A language's voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// Its name.
    pub name: String,
    /// The voice is the default one; an agent's own voice takes precedence over it.
    pub shipped: bool,
}

impl Agent {
    /// The agent's session options: its own, or those of `[realtime]`.
    pub fn options<'o>(&'o self, realtime: &'o Realtime) -> &'o Options {
        self.options.as_ref().unwrap_or(&realtime.options)
    }

    /// The names of its tools, with that to give the call on if it may.
    pub(super) fn tools_offered(&self) -> impl Iterator<Item = &str> {
        let listed = |name: &str| self.tools.iter().any(|tool| tool == name);
        let gives = BuiltIn::HandOver.name();
        let further = (!self.hand_over.is_empty() && !listed(gives)).then_some(gives);
        self.tools.iter().map(String::as_str).chain(further)
    }

    pub(super) fn read(section: &Section<'_>, common: &Common<'_>) -> Option<Self> {
        let at = common.realtime.map(Realtime::at);
        let instructions = section.read("instructions", text);
        let prompts = section.read_if_set("prompts", texts);
        let backend = backend::read_prompt(section, common.realtime);
        let options = options::read_own(section, common.node, at, common.mcp);
        let voice = section.read_if_set("voice", text);
        let languages = section.read("languages", list(64, text));
        let greeting = section.read_if_set("greeting", greeting);
        let notice = section.read_if_set("notice", notice);
        let keypad = read_keys(section);
        let values = values::read(section);
        let look_up = look_up::read(section, common.variables);
        let hand_over = section.read_if_set("hand_over", hand_over);
        let tools = section.read_if_set("tools", list(128, text));
        let model = section.read_if_set("model", text);
        let questions: Vec<_> = section.listed("questions").iter().map(read_question).collect();
        if let (Some(at), Some(Some(voice))) = (at, &voice) {
            at.check_voice(section, voice);
        }
        if let (Some(at), Some(Some(model))) = (at, &model) {
            at.check_model(section, "model", model);
        }
        if let (Some(options), Some(model)) = (&options, &model) {
            check_options(section, common, options.as_ref(), model.as_deref());
        }
        if languages.as_ref().is_some_and(Vec::is_empty) {
            section.problem("languages", "found an empty list, expected at least one language");
        }
        if instructions.as_ref().is_some_and(|text: &String| text.len() > LONGEST_PROMPT) {
            section.problem("instructions", format!("found more than {LONGEST_PROMPT} bytes, expected a shorter text"));
        }
        Some(Self {
            instructions: instructions?,
            prompts: prompts?.unwrap_or_default(),
            backend: backend?,
            options: options?,
            voice: voice?,
            languages: languages?,
            greeting: greeting?.unwrap_or(AgentGreeting::OfLanguage),
            notice: notice?,
            tools: tools?.unwrap_or_else(|| vec![BuiltIn::EndCall.name().to_owned()]),
            model: model?,
            questions: questions.into_iter().collect::<Option<_>>()?,
            keypad: keypad?,
            values: values?,
            look_up: look_up?,
            hand_over: hand_over?.unwrap_or_default(),
        })
    }

    /// Checks that the names in the agent's settings exist.
    pub(super) fn check(&self, name: &str, known: &Directory<'_>, reader: &Reader, section: &Section<'_>) {
        for code in &self.languages {
            if !known.languages.contains_key(code) {
                let codes = known.languages.keys().map(String::as_str);
                section.problem("languages", unknown("language", code, codes, "languages"));
            }
        }
        if let AgentGreeting::PerLanguage(greetings) = &self.greeting {
            self.check_spoken("greeting", greetings, section);
        }
        if let (Some(options), None) = (&self.options, &self.model) {
            // The model of a language is known only once its agents are.
            let models = self.languages.iter().filter_map(|code| known.languages.get(code)?.model.as_deref());
            for (model, provider) in models.flat_map(|model| known.provider.map(|provider| (model, provider))) {
                options::check_model(options, provider, section, model);
            }
        }
        self.check_spoken("prompts", &self.prompts, section);
        if let Some(BackendPrompt::PerLanguage(prompts)) = &self.backend {
            self.check_spoken("backend_instructions", prompts, section);
        }
        self.check_notice(section);
        for tool in &self.tools {
            let names = BuiltIn::ALL.iter().map(|tool| tool.name()).chain(known.tools.iter().copied());
            if BuiltIn::from_name(tool).is_none() && !known.tools.contains(&tool.as_str()) {
                section.problem("tools", unknown("tool", tool, names, "tools"));
            }
        }
        check_keys(&self.keypad, section, &self.languages, known.transfers, known.keypad);
        for (at, question) in self.questions.iter().enumerate() {
            if self.questions[..at].iter().any(|other| other.key == question.key) {
                section.problem(
                    "questions",
                    format!("found the key {} twice, expected keys of their own", quoted(&question.key)),
                );
            }
        }
        if !self.questions.is_empty() && !self.tools.iter().any(|tool| tool == BuiltIn::SaveAnswer.name()) {
            reader
                .note(format!("agents.{name}.questions: not asked, because agents.{name}.tools lacks \"save_answer\""));
        }
    }

    /// Checks that the notice exists in every language of the agent, since every caller must hear
    /// it.
    fn check_notice(&self, section: &Section<'_>) {
        match &self.notice {
            Some(Notice::PerLanguage(notices)) => {
                self.check_spoken("notice", notices, section);
                for code in self.languages.iter().filter(|code| !notices.contains_key(*code)) {
                    let found = format!("found no notice in {}, expected one in every language", quoted(code));
                    section.problem("notice", format!("{found} of this agent"));
                }
            }
            Some(Notice::Same(_)) if self.languages.len() > 1 => {
                section.note("notice", "said as it is written in every language; a table gives each its own words");
            }
            Some(Notice::Same(_)) | None => {}
        }
    }

    /// Refuses texts in languages that the agent does not speak.
    fn check_spoken(&self, key: &str, texts: &BTreeMap<String, String>, section: &Section<'_>) {
        for code in texts.keys().filter(|code| !self.languages.contains(code)) {
            let spoken = self.languages.join(", ");
            let found = format!("found a {key} in {}, expected languages of this agent: {spoken}", quoted(code));
            section.problem(key, found);
        }
    }
}

/// Checks an agent's session options against its model and against the interruption policy.
fn check_options(section: &Section<'_>, common: &Common<'_>, own: Option<&Options>, model: Option<&str>) {
    let Some(realtime) = common.realtime else { return };
    if own.is_none() && model.is_none() {
        return;
    }
    let (options, model) = (own.unwrap_or(&realtime.options), model.unwrap_or(&realtime.model));
    for (key, why) in options::lacking(options, realtime.provider, model) {
        let place = if own.is_some() { "realtime" } else { "model" };
        let next = format!("set {} = \"auto\" or another model", section.name(&format!("realtime.{key}")));
        section.problem(place, format!("found {key} with model {}, {why}; {next}", quoted(model)));
    }
    let pauses =
        common.interruption.is_some_and(|plan| matches!(plan.policy, InterruptionPolicy::PauseAndConfirm { .. }));
    if own.is_some()
        && pauses
        && realtime.capabilities(options).server_interrupts()
        && realtime.may_leave_interruptions()
    {
        let next = "expected false with interruption.policy = \"pause\", because a server that interrupts leaves nothing to go on with";
        section.problem("realtime", format!("found turn_detection.interrupt_response = true, {next}"));
    }
}

/// Reads `[[agents.<name>.questions]]`.
fn read_question(section: &Section<'_>) -> Option<Question> {
    let key = section.read("key", text);
    let label = section.read("label", text);
    let kind = section.read_if_set("kind", word(ANSWERS));
    let choices = section.read_if_set("choices", list(64, text));
    let shortest = section.read_if_set("min_length", whole(1..=LONGEST_ANSWER));
    let longest = section.read_if_set("max_length", whole(1..=LONGEST_ANSWER));
    if let Some(key) = &key
        && !is_name(key)
    {
        section.problem("key", format!("found {}, expected small letters, digits and underscores", quoted(key)));
    }
    let (kind, choices) = (kind?.unwrap_or_default(), choices?.unwrap_or_default());
    let (shortest, longest) = (shortest?.unwrap_or(1), longest?.unwrap_or(LONGEST_ANSWER));
    if kind != AnswerKind::Text && !choices.is_empty() {
        section.problem("choices", "found with a `kind` that has its own form, expected it with kind = \"text\" alone");
    }
    if shortest > longest {
        section.problem("min_length", format!("found {shortest}, expected at most max_length, which is {longest}"));
    }
    let validation = Validation { choices, length: shortest as usize..=longest as usize };
    Some(Question { key: key?, label: label?, kind, validation })
}

impl Language {
    pub(super) fn read(
        section: &Section<'_>,
        realtime: Option<&Realtime>,
        base: &Path,
        around: Option<Surroundings<'_>>,
    ) -> Option<Self> {
        let engines = match around {
            Some(around) => engines::read_of_language(&section.table(around.provider.word()), around),
            None => Some(LanguageEngines::default()),
        };
        let at = realtime.map(Realtime::at);
        let name = section.read("name", text);
        let instructions = section.read("instructions", text);
        let greeting = section.read("greeting", text);
        let backend = backend::read_of_language(section, realtime);
        let greeting_audio = clips::read(section, "greeting_audio", base);
        let transcription_language = section.read("transcription_language", iso_language);
        let voice = section.read_if_set("voice", text);
        let model = section.read_if_set("model", or_word("", text)).map(Option::flatten);
        let idle_prompts = section.read("idle_prompts", list(5, text));
        let goodbye = section.read("goodbye", text);
        let apology = section.read("apology", text);
        let filler = section.read("filler", text);
        let never_interrupts = section.read_if_set("never_interrupts", list(256, text));
        let clips = LanguageClips::read(&section.table("clips"), base);
        // A default that is a name of another provider's is left out.
        let counts = |at: &At<'_>| section.chosen("voice") || at.provider.shares_names_with(Provider::usual());
        if let (Some(at), Some(Some(voice))) = (at.filter(counts), &voice) {
            at.check_voice(section, voice);
        }
        if let (Some(at), Some(Some(model))) = (at, &model) {
            at.check_model(section, "model", model);
        }
        if idle_prompts.as_ref().is_some_and(Vec::is_empty) {
            section.problem(
                "idle_prompts",
                "found an empty list, expected at least one line; limits.idle_prompts = [] switches them off",
            );
        }
        let shipped = !section.chosen("voice");
        let (apology_shipped, filler_shipped) = (!section.chosen("apology"), !section.chosen("filler"));
        Some(Self {
            name: name?,
            apology_shipped,
            filler_shipped,
            instructions: instructions?,
            backend: backend?,
            greeting: greeting?,
            greeting_audio: greeting_audio?,
            transcription_language: transcription_language?,
            voice: voice?.map(|name| Voice { name, shipped }),
            model: model?,
            engines: engines?,
            idle_prompts: idle_prompts?,
            goodbye: goodbye?,
            apology: apology?,
            filler: filler?,
            never_interrupts: never_interrupts?.unwrap_or_default(),
            clips: clips?,
        })
    }
}

fn greeting(node: &Node) -> Result<AgentGreeting, Expected> {
    if let Value::Table(_) = &node.value {
        return texts(node).map(AgentGreeting::PerLanguage);
    }
    let same = any_text(node).map_err(|_| {
        Expected::new("a text, or a table of texts by language").help("an empty text lets the caller speak first")
    })?;
    Ok(AgentGreeting::Same(same.trim().to_owned()))
}

/// Checks that agents give calls only to others, and that no caller misses a notice.
pub(super) fn check_hand_over(agents: &BTreeMap<String, Agent>, sections: &[(String, Section<'_>)]) {
    for (name, section) in sections {
        let Some(agent) = agents.get(name) else { continue };
        for to in agent.hand_over.keys() {
            match agents.get(to) {
                _ if to == name => section.problem("hand_over", "found the agent itself, expected others"),
                None => {
                    let message = unknown("agent", to, agents.keys().map(String::as_str), "agents");
                    section.problem("hand_over", message);
                }
                Some(other) if other.notice.is_some() && other.notice != agent.notice => {
                    let found = format!("found {}, whose notice differs from this agent's", quoted(to));
                    let next = "expected the same notice: a caller hears it once, when the call begins";
                    section.problem("hand_over", format!("{found}; {next}"));
                }
                Some(_) => {}
            }
        }
    }
}

/// The agents to which a call may be given: a list of names, or a table with a text about each.
fn hand_over(node: &Node) -> Result<BTreeMap<String, String>, Expected> {
    if let Value::Table(_) = &node.value {
        return texts(node);
    }
    let names = list(64, text)(node).map_err(|_| {
        Expected::new("a list of agents, or a table with a text about each")
            .help("as { sales = \"Orders and prices\" }")
    })?;
    Ok(names.into_iter().map(|name| (name, String::new())).collect())
}

fn notice(node: &Node) -> Result<Notice, Expected> {
    if let Value::Table(_) = &node.value {
        return texts(node).map(Notice::PerLanguage);
    }
    text(node)
        .map(Notice::Same)
        .map_err(|_| Expected::new("a text that says something, or a table of texts by language"))
}

/// The agent that answers if no other was chosen. The built-in defaults contain it, so it always
/// exists.
pub(super) const DEFAULT_AGENT: &str = "default";
/// Limit of a prompt. Instructions and tools together may take 16,384 tokens, and more bytes than
/// this exceed that in every script.
const LONGEST_PROMPT: usize = 128 * 1024;
const ANSWERS: &[(&str, AnswerKind)] = &[
    ("text", AnswerKind::Text),
    ("number", AnswerKind::Number),
    ("digits", AnswerKind::Digits),
    ("telephone", AnswerKind::Telephone),
    ("email", AnswerKind::Email),
    ("date", AnswerKind::Date),
    ("yes_no", AnswerKind::YesNo),
];
/// Limit of an answer's length. A longer one belongs in the transcript.
const LONGEST_ANSWER: u32 = 1000;
