//! Session options: the part of `[realtime]` that an agent may override
//! (`[agents.<name>.realtime]`), and the tool servers of `[mcp.<name>]`. They are checked offline
//! against the server's rules, because the server rejects a whole update for one wrong value. Pure;
//! the environment is a parameter.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_actors::ids::Private;
use switchboard_actors::realtime::messages::ResponsePurpose;
use switchboard_actors::realtime::seat::{Future, Names, Provider};
use switchboard_actors::realtime::settings::{
    CallerTranscription, Effort, McpServer, NoiseReduction, Options, ResponseToolChoice, SessionOptions, ToolChoice,
    Tracing, TurnDetection,
};

use super::delegation;
use super::headers::read_header;
use super::kinds::{
    Expected, MILLISECOND, SECOND, any_text, duration, flag, iso_language, list, number, or_word, quoted, text, texts,
    url, whole, word,
};
use super::layers::{Node, Value, Variable};
use super::names::unknown;
use super::problem::Origin;
use super::provider::{At, leaves};
use super::reader::Section;

/// The configured tool servers, by name.
pub(super) type McpServers = BTreeMap<String, McpServer>;

/// Reads the options from `[realtime]`, or from an agent's table laid over it.
pub(super) fn read(section: &Section<'_>, provider: Option<Provider>, mcp: &McpServers) -> Option<Options> {
    let speed = section.read("speed", number(0.25..=1.5));
    let max_output_tokens = section.read("max_output_tokens", or_word("inf", whole(1..=4096)));
    let retention = section.read("retention_ratio", retention);
    let retention_tokens = section.read("retention_tokens", or_word("auto", whole(1..=128_000)));
    let noise_reduction = section.read("noise_reduction", word(NOISE));
    let noise_strength = section.read("noise_strength", or_word("auto", number(0.0..=1.0)));
    let turns = section.table("turn_detection");
    let (turn_detection, own_detector) = (read_turn_detection(&turns), turns.read("detector", word(DETECTORS)));
    let transcription = read_transcription(&section.table("transcription"), provider);
    let reasoning = section.read("reasoning_effort", word(EFFORTS));
    let parallel_tool_calls = section.read("parallel_tool_calls", or_word("auto", flag));
    let tool_choice = section.read("tool_choice", word(CHOICES));
    let tool_choices = read_tool_choices(&section.table("tool_choices"));
    let tracing = section.read("tracing", tracing);
    let backend = delegation::read(section);
    let servers = section.read("mcp", list(16, text));
    let servers = servers.and_then(|names| choose_servers(section, &names, mcp));
    let (delegation, backend_model) = backend?;
    let (retention, retention_tokens) = (retention?, retention_tokens?);
    let (noise_reduction, noise_strength) = (noise_reduction?, noise_strength?);
    let ratio = if let Retention::Ratio(ratio) = retention { Some(ratio) } else { None };
    let retention_tokens = retention_tokens.filter(|_| {
        let next = "expected \"auto\", or a number as retention_ratio, which it belongs to";
        fits(section, "retention_tokens", ratio.is_some(), || format!("found a number without a ratio; {next}"))
    });
    let noise_strength = noise_strength.filter(|_| {
        let next = "expected \"auto\", or another noise_reduction";
        let found = || format!("found a number with noise_reduction = \"off\"; {next}");
        fits(section, "noise_strength", noise_reduction.is_some(), found)
    });
    Some(Options {
        speed: speed.map(|speed| (speed != 1.0).then_some(speed))?,
        max_output_tokens: max_output_tokens?,
        retention_ratio: ratio,
        noise_reduction,
        turn_detection: turn_detection?,
        transcription: transcription?,
        finer: SessionOptions {
            own_detector: own_detector?,
            reasoning: reasoning?,
            parallel_tool_calls: parallel_tool_calls?,
            tool_choice: tool_choice?,
            tool_choices: tool_choices?,
            never_cut: retention == Retention::Never,
            retention_tokens,
            noise_strength,
            tracing: tracing?,
            mcp: servers?,
            delegation,
            backend_model,
        },
    })
}

/// Reads the options of an agent that has its own table.
pub(super) fn read_own(
    agent: &Section<'_>,
    realtime: &Node,
    first: Option<At<'_>>,
    mcp: &McpServers,
) -> Option<Option<Options>> {
    let Some(own) = agent.read_if_set("realtime", table)? else { return Some(None) };
    let mut laid = handed_over(realtime);
    laid.lay(own.clone());
    let section = agent.laid("realtime", &laid, "realtime");
    let Value::Table(entries) = &own.value else { return Some(None) };
    let foreign = |key: &&String| !OWN.contains(&key.as_str()) && knows(realtime, key);
    let foreign: Vec<_> = entries.keys().filter(foreign).collect();
    for key in &foreign {
        let next = match key.as_str() {
            "model" | "voice" => "expected it beside `realtime`, as a key of the agent",
            _ => "expected it in [realtime], for the whole service",
        };
        section.problem(key, format!("found a setting that is not held by this table; {next}"));
        section.excuse(key);
    }
    if let Some(first) = first {
        first.check_settings(&section, &[]);
    }
    let options = read(&section, first.map(|first| first.provider), mcp);
    if !foreign.is_empty() { None } else { options.map(Some) }
}

/// Refuses options that the model does not have: the server would reject the whole update.
pub(super) fn check_model(options: &Options, provider: Provider, section: &Section<'_>, model: &str) {
    for (key, why) in lacking(options, provider, model) {
        let next = format!("expected \"auto\", or a model as {:?}", provider.names().model);
        section.problem(key, format!("found a value with model {}, {why}; {next}", quoted(model)));
    }
}

/// The keys that are set and that `model` lacks, each with the reason.
pub(super) fn lacking(options: &Options, provider: Provider, model: &str) -> Vec<(&'static str, &'static str)> {
    let Some(lack) = provider.lacks(model) else { return Vec::new() };
    let set = [
        ("reasoning_effort", options.finer.reasoning.is_some()),
        ("parallel_tool_calls", options.finer.parallel_tool_calls.is_some()),
    ];
    let lacked = set.into_iter().filter(|(key, set)| *set && lack.keys.contains(key));
    lacked.map(|(key, _)| (key, lack.why)).collect()
}

/// Whether a setting fits another one. If it does not fit, it is refused if it was chosen here, and
/// left out if it was inherited.
fn fits(section: &Section<'_>, key: &str, together: bool, found: impl FnOnce() -> String) -> bool {
    if !together && section.chosen(key) {
        section.problem(key, found());
    }
    together
}

/// Reads `[mcp.<name>]`.
pub(super) fn read_server(
    name: &str,
    section: &Section<'_>,
    variables: &BTreeMap<String, Variable>,
) -> Option<McpServer> {
    let url = section.read("url", url(&["https"]));
    let description = section.read_if_set("description", text);
    let allowed_tools = section.read_if_set("allowed_tools", list(128, text));
    let approval = section.read_if_set("require_approval", word(APPROVALS));
    if approval == Some(Some(Approval::Always)) {
        let next = "expected \"never\": no one on a phone call can approve; allowed_tools says what may be called";
        section.problem("require_approval", format!("found \"always\", {next}"));
    }
    let token = section.read_if_set("token_env", text).and_then(|variable| match variable {
        None => Some(None),
        Some(variable) => {
            read_header(("token_env", &variable), "token_env", section, variables).map(|(_, it)| Some(it))
        }
    });
    let headers = section.read_if_set("headers", texts).and_then(|headers| {
        let read = |(name, variable): (&String, &String)| read_header((name, variable), "headers", section, variables);
        headers.unwrap_or_default().iter().map(read).collect::<Option<BTreeMap<String, Private<String>>>>()
    });
    if allowed_tools.as_ref().is_some_and(|tools| tools.as_ref().is_some_and(Vec::is_empty)) {
        section.problem(
            "allowed_tools",
            "found an empty list, expected at least one tool, or no such key for all of them",
        );
    }
    Some(McpServer {
        label: name.to_owned(),
        url: url?.to_string(),
        description: description?,
        allowed_tools: allowed_tools?,
        authorization: token?,
        headers: headers?,
    })
}

fn choose_servers(section: &Section<'_>, names: &[String], mcp: &McpServers) -> Option<Vec<McpServer>> {
    let choose = |(at, name): (usize, &String)| {
        if names[..at].contains(name) {
            section.problem("mcp", format!("found {} twice, expected each server once", quoted(name)));
            return None;
        }
        let server = mcp.get(name);
        if server.is_none() {
            section.problem("mcp", unknown("tool server", name, mcp.keys().map(String::as_str), "mcp"));
        }
        server.cloned()
    };
    let chosen: Vec<_> = names.iter().enumerate().map(choose).collect();
    chosen.into_iter().collect()
}

/// The base of an agent's table: the keys of `[realtime]` that an agent may override, marked as
/// defaults.
fn handed_over(realtime: &Node) -> Node {
    let Value::Table(entries) = &realtime.value else { return Node::empty(Origin::Shipped) };
    let own = entries.iter().filter(|(key, _)| OWN.contains(&key.as_str()));
    let entries = own.map(|(key, node)| (key.clone(), as_default(node))).collect();
    Node { value: Value::Table(entries), origin: Origin::Shipped }
}

/// Marks a node as a default, as if no person had chosen it.
pub(super) fn as_default(node: &Node) -> Node {
    let value = match &node.value {
        Value::Table(entries) => {
            Value::Table(entries.iter().map(|(key, node)| (key.clone(), as_default(node))).collect())
        }
        Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Flag(_)
        | Value::List(_)
        | Value::Raw(_)
        | Value::Other(_) => node.value.clone(),
    };
    Node { value, origin: Origin::Shipped }
}

fn knows(realtime: &Node, key: &str) -> bool {
    if let Value::Table(entries) = &realtime.value { entries.contains_key(key) } else { false }
}

/// A table, unchanged.
pub(super) fn table(node: &Node) -> Result<Node, Expected> {
    match &node.value {
        Value::Table(_) => Ok(node.clone()),
        Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Flag(_)
        | Value::List(_)
        | Value::Raw(_)
        | Value::Other(_) => Err(Expected::new("a table, as { speed = 1.1 }")),
    }
}

/// What happens to a conversation that becomes too long.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Retention {
    /// The server cuts as it sees fit.
    Auto,
    /// Nothing is cut; the session fails once it is full.
    Never,
    /// The server cuts and keeps this share.
    Ratio(f32),
}

fn retention(node: &Node) -> Result<Retention, Expected> {
    let found = any_text(node).unwrap_or_default();
    match found.trim() {
        "auto" => Ok(Retention::Auto),
        "disabled" => Ok(Retention::Never),
        _ => number(0.1..=1.0)(node)
            .map(Retention::Ratio)
            .map_err(|_| Expected::new("a number from 0.1 to 1.0 or \"auto\" or \"disabled\"")),
    }
}

fn tracing(node: &Node) -> Result<Tracing, Expected> {
    let expected = || {
        Expected::new("\"off\" or \"auto\" or a table")
            .help("it may have `workflow_name`, `group_id` and `metadata`, a table of at most 16 texts")
    };
    let Value::Table(entries) = &node.value else {
        return match any_text(node).unwrap_or_default().trim() {
            "off" => Ok(Tracing::Off),
            "auto" => Ok(Tracing::Auto),
            _ => Err(expected()),
        };
    };
    if entries.is_empty()
        || entries.keys().any(|key| !["workflow_name", "group_id", "metadata"].contains(&key.as_str()))
    {
        return Err(expected());
    }
    let name = |key: &str| entries.get(key).map(text).transpose().map_err(|_| expected());
    let metadata = entries.get("metadata").map(texts).transpose().map_err(|_| expected())?.unwrap_or_default();
    let fits = |(key, value): (&String, &String)| key.chars().count() <= 64 && value.chars().count() <= 512;
    if metadata.len() > 16 || !metadata.iter().all(fits) {
        return Err(expected());
    }
    Ok(Tracing::Named { workflow_name: name("workflow_name")?, group_id: name("group_id")?, metadata })
}

fn read_turn_detection(section: &Section<'_>) -> Option<TurnDetection> {
    let kind = section.read("type", word(DETECTION));
    let threshold = section.read("threshold", number(0.0..=1.0));
    let prefix_padding = section.read("prefix_padding", duration(Duration::ZERO..=5 * SECOND));
    let silence_duration = section.read("silence_duration", duration(100 * MILLISECOND..=10 * SECOND));
    let idle_timeout = section.read("idle_timeout", or_word("off", duration(5 * SECOND..=30 * SECOND)));
    let eagerness = section.read("eagerness", word(EAGERNESS));
    let create_response = section.read("create_response", flag);
    let interrupt_response = section.read("interrupt_response", flag);
    if create_response == Some(false) {
        section.note("create_response", "the model answers no turn by itself");
    }
    let kind = kind?;
    let (mine, other) = match kind {
        Detection::Server => ("server_vad", ["eagerness"].as_slice()),
        Detection::Semantic => {
            ("semantic_vad", ["threshold", "prefix_padding", "silence_duration", "idle_timeout"].as_slice())
        }
    };
    for key in other.iter().filter(|key| section.chosen(key)) {
        section.problem(
            key,
            format!("found with type = \"{mine}\", which has no such setting; expected it with the other type alone"),
        );
    }
    Some(match kind {
        Detection::Server => TurnDetection::Server {
            threshold: threshold?,
            prefix_padding_ms: milliseconds(prefix_padding?),
            silence_duration_ms: milliseconds(silence_duration?),
            idle_timeout_ms: idle_timeout?.map(milliseconds),
            create_response: create_response?,
            interrupt_response: interrupt_response?,
        },
        Detection::Semantic => TurnDetection::Semantic {
            eagerness: eagerness?.to_owned(),
            create_response: create_response?,
            interrupt_response: interrupt_response?,
        },
    })
}

#[expect(clippy::option_option, reason = "outer: a problem was reported; inner: switched off")]
fn read_transcription(section: &Section<'_>, provider: Option<Provider>) -> Option<Option<CallerTranscription>> {
    let enabled = section.read("enabled", flag);
    let model = section.read("model", text);
    let prompt = section.read("prompt", any_text);
    let languages = section.read("languages", list(16, iso_language));
    let keywords = section.read("keywords", list(256, text));
    let (enabled, model, prompt) = (enabled?, model?, prompt?);
    let (languages, keywords) = (languages?, keywords?);
    let names = provider?.names();
    let model = own_transcriber(model, names);
    let known = names.transcriber(&model);
    let listed = names.transcribers.iter();
    let taken = |key: &str, list: Vec<String>| {
        let takers = listed.clone().filter(|it| it.keywords).map(|it| format!("{:?}", it.name)).collect::<Vec<_>>();
        let next = format!("which takes none; expected them with {}", takers.join(" or "));
        let found = || format!("found with model {}, {next}", quoted(&model));
        let fits = list.is_empty() || fits(section, key, known.is_some_and(|it| it.keywords), found);
        if fits { list } else { Vec::new() }
    };
    let (languages, keywords) = (taken("languages", languages), taken("keywords", keywords));
    let prompt = Some(prompt.trim().to_owned()).filter(|prompt| {
        let found = || format!("found with model {}, which takes no prompt; expected \"\"", quoted(&model));
        !prompt.is_empty() && fits(section, "prompt", known.is_none_or(|it| it.prompt), found)
    });
    match known.map(|known| known.future) {
        Some(Future::Leaves { on, successor }) => section.note("model", &leaves(&model, on, successor)),
        Some(Future::Unusable(why)) => {
            let example = listed.clone().next().map_or("another", |it| it.name);
            section.problem("model", format!("found {}, {why}; expected one like {example:?}", quoted(&model)));
        }
        Some(Future::Stays) | None => {}
    }
    Some(enabled.then_some(CallerTranscription { model, prompt, languages, keywords }))
}

/// The transcription model: the default of the provider's own where the shipped one is another's.
fn own_transcriber(model: String, names: &Names) -> String {
    let usual = Provider::usual().names();
    let is_shipped = usual.transcribers.first().is_some_and(|shipped| shipped.name == model);
    let own = names.transcribers.first().filter(|_| is_shipped && usual.of != names.of);
    own.map_or(model, |own| own.name.to_owned())
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// The keys of `[realtime]` that an agent may override.
const OWN: [&str; 17] = [
    "speed",
    "max_output_tokens",
    "retention_ratio",
    "retention_tokens",
    "noise_reduction",
    "noise_strength",
    "turn_detection",
    "transcription",
    "reasoning_effort",
    "parallel_tool_calls",
    "tool_choice",
    "tool_choices",
    "tracing",
    "mcp",
    "delegation",
    "delegation_tool",
    "backend_model",
];
const EFFORTS: &[(&str, Option<Effort>)] = &[
    ("auto", None),
    ("minimal", Some(Effort::Minimal)),
    ("low", Some(Effort::Low)),
    ("medium", Some(Effort::Medium)),
    ("high", Some(Effort::High)),
    ("xhigh", Some(Effort::Xhigh)),
];
const CHOICES: &[(&str, ToolChoice)] = &[("auto", ToolChoice::Auto), ("none", ToolChoice::None)];
const CHOICES_FOR_ONE: [(&str, Option<ResponseToolChoice>); 3] =
    [("session", None), ("none", Some(ResponseToolChoice::None)), ("required", Some(ResponseToolChoice::Required))];
const CHOICES_FOR_A_LINE: &[(&str, Option<ResponseToolChoice>)] = &[CHOICES_FOR_ONE[0], CHOICES_FOR_ONE[1]];
const APPROVALS: &[(&str, Approval)] = &[("never", Approval::Never), ("always", Approval::Always)];
const NOISE: &[(&str, Option<NoiseReduction>)] =
    &[("near_field", Some(NoiseReduction::NearField)), ("far_field", Some(NoiseReduction::FarField)), ("off", None)];
const DETECTION: &[(&str, Detection)] = &[("server_vad", Detection::Server), ("semantic_vad", Detection::Semantic)];
/// Whether our own detector finds the turns.
const DETECTORS: &[(&str, bool)] = &[("server", false), ("ours", true)];
const EAGERNESS: &[(&str, &str)] = &[("auto", "auto"), ("low", "low"), ("medium", "medium"), ("high", "high")];

/// Reads the tool choices of single responses that differ from the session's.
fn read_tool_choices(section: &Section<'_>) -> Option<BTreeMap<&'static str, ResponseToolChoice>> {
    // The response to a tool's result is excluded: if it had to call a tool again, the caller would
    // never hear the result.
    let purposes = ResponsePurpose::ALL.into_iter().filter(|purpose| *purpose != ResponsePurpose::ToolResult);
    let read = |purpose: ResponsePurpose| {
        let choices = match purpose {
            ResponsePurpose::Greeting | ResponsePurpose::Answer | ResponsePurpose::Keypad => &CHOICES_FOR_ONE,
            // These lines must be spoken: a tool call in their place would leave silence.
            ResponsePurpose::IdlePrompt
            | ResponsePurpose::Notice
            | ResponsePurpose::Goodbye
            | ResponsePurpose::ToolResult
            | ResponsePurpose::Spoken => CHOICES_FOR_A_LINE,
        };
        Some((purpose.word(), section.read(purpose.word(), word(choices))?))
    };
    // Every purpose is read before a failure returns, so that every mistake is reported.
    let choices: Vec<_> = purposes.map(read).collect();
    let choices = choices.into_iter().collect::<Option<Vec<_>>>()?;
    Some(choices.into_iter().filter_map(|(word, choice)| Some((word, choice?))).collect())
}

/// The two methods of turn detection.
#[derive(Clone, Copy)]
enum Detection {
    Server,
    Semantic,
}

/// Whether the calls of a tool server need approval.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Approval {
    Never,
    Always,
}
