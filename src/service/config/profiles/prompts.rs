//! The words of a call's profile: what the models are told, and what the caller hears first. Pure.

use switchboard_actors::profile::Greeting;

use super::super::agents::{Agent, AgentGreeting, Language, Notice};
use super::super::tool_schemas::offer;
use super::super::tools::BuiltIn;
use super::Config;

/// The whole prompt of a model behind the voice, if any part of it differs from the voice's.
pub(super) fn backend_prompt(config: &Config, agent: &Agent, (code, language): (&str, &Language)) -> Option<String> {
    let own = agent.backend.as_ref().and_then(|prompt| prompt.of(code));
    if own.is_none() && language.backend.is_none() {
        return None;
    }
    let task = own.unwrap_or_else(|| agent.prompts.get(code).unwrap_or(&agent.instructions));
    let spoken = language.backend.as_ref().unwrap_or(&language.instructions);
    Some(prompt(config, agent, task, (&language.name, spoken)))
}

/// The whole prompt of the voice.
pub(super) fn instructions(config: &Config, agent: &Agent, (code, language): (&str, &Language)) -> String {
    let task = agent.prompts.get(code).unwrap_or(&agent.instructions);
    prompt(config, agent, task, (&language.name, &language.instructions))
}

/// A whole prompt. The agent's part comes first: it is common to all calls, and the server caches
/// prompts by their beginning.
fn prompt(config: &Config, agent: &Agent, task: &str, (language, instructions): (&str, &str)) -> String {
    let tool = BuiltIn::SwitchLanguage;
    let listed = agent.tools.iter().any(|name| name == tool.name());
    let switches = listed && offer(tool, agent, &config.languages, &config.transfers).is_some();
    let pinned = if switches { PINNED_UNTIL_SWITCHED } else { "" };
    format!("{task}\n\n# Language: {language}\n\n{pinned}{instructions}")
}

/// What a caller hears first: that the call is recorded, then the agent's own notice.
pub(super) fn notice(config: &Config, agent: &Agent, code: &str) -> Option<String> {
    let words = |notice: &Notice| match notice {
        Notice::Same(words) => Some(words.clone()),
        Notice::PerLanguage(notices) => notices.get(code).cloned(),
    };
    let consent = config.recording.consent.as_ref().and_then(words);
    let notices: Vec<String> = consent.into_iter().chain(agent.notice.as_ref().and_then(words)).collect();
    (!notices.is_empty()).then(|| notices.join(" "))
}

/// How an agent opens a call in a language.
pub(super) fn greeting(agent: &Agent, (code, language): (&str, &Language)) -> Greeting {
    let own = match &agent.greeting {
        AgentGreeting::OfLanguage => None,
        AgentGreeting::Same(words) => Some(words),
        AgentGreeting::PerLanguage(greetings) => greetings.get(code),
    };
    // The recording contains the language's greeting, so an agent with its own greeting does not
    // use it.
    if let (None, Some(clip)) = (own, &language.greeting_audio) {
        return Greeting::Clip { text: language.greeting.clone(), pcm: clip.pcm.clone() };
    }
    let words = own.unwrap_or(&language.greeting);
    if words.is_empty() {
        return Greeting::None;
    }
    let name = &language.name;
    Greeting::Spoken(format!(
        "The call has just been connected and the caller is listening. Greet the caller now, in {name}, with these words, \
         translated if they are in another language, and add nothing:\n\n{words}"
    ))
}

/// Text before a language's own instructions, which forbid any other language.
const PINNED_UNTIL_SWITCHED: &str = "Only the tool switch_language changes the language of this call, when the caller asks for \
    another one you speak. Until then this holds:\n\n";
