//! From configuration to what a call is held by: one [`Brief`] per agent and language, made once and shared. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_actors::call::brief::{Brief, Greeting, KeypadPlan, LanguageBrief, Limits};
use switchboard_actors::call::ladder::LadderPlan;
use switchboard_actors::call::transfer::Destinations;
use switchboard_actors::ids::Private;
use switchboard_actors::realtime::plan::{Credential, Endpoint, SessionPlan, Transcription};
use switchboard_actors::tools::plan::ToolPlan;

use super::people::{Agent, AgentGreeting, Language, Notice};
use super::realtime::Provider;
use super::routing::{Decision, RouteInput};
use super::tools::BuiltIn;
use super::{Config, apology};

/// The brief of every agent in every language it speaks.
#[derive(Debug, Clone)]
pub struct Briefs {
    config: Config,
    /// By agent and language.
    made: BTreeMap<(String, String), Arc<Brief>>,
}

impl Briefs {
    /// Makes them all. `rehearsal_url` is where the embedded model listens, which is known only once it is bound; without it
    /// and without `realtime.url` the plans can be looked at but lead nowhere.
    pub fn new(config: &Config, rehearsal_url: Option<&str>) -> Self {
        let endpoint = endpoint(config, rehearsal_url);
        let mut made = BTreeMap::new();
        let to = config.transfers.iter().map(|(name, transfer)| (name.clone(), transfer.destination.clone()));
        let transfers = Arc::new(to.collect::<Destinations>());
        for (name, agent) in &config.agents {
            let languages = Arc::new(languages(config, agent));
            let tools = Arc::new(tools(config, agent));
            for code in languages.keys() {
                let brief = brief(config, &endpoint, (name, agent), code, &languages, &tools, &transfers);
                made.insert((name.clone(), code.clone()), Arc::new(brief));
            }
        }
        Self { made, config: config.clone() }
    }

    /// How a call is to be held.
    pub fn for_call(&self, call: &RouteInput) -> Arc<Brief> {
        let Decision { agent, language, .. } = self.config.route(call);
        self.get(&agent, &language).expect("routing chooses among the agents and their languages, which were checked")
    }

    /// The brief of an agent and a language that an operator has named; of the agent's first language where none is.
    ///
    /// # Errors
    /// Which of the names is unknown, and what there is.
    pub fn named(&self, agent: &str, language: Option<&str>) -> Result<Arc<Brief>, String> {
        let Some(known) = self.config.agents.get(agent) else {
            let names: Vec<&str> = self.config.agents.keys().map(String::as_str).collect();
            return Err(format!("there is no agent of this name; configured: {}", names.join(", ")));
        };
        let language = language.or(known.languages.first().map(String::as_str)).unwrap_or_default();
        let spoken = || format!("the agent does not speak this language; it speaks: {}", known.languages.join(", "));
        self.get(agent, language).ok_or_else(spoken)
    }

    /// The brief of an agent in a language, if it speaks it.
    pub fn get(&self, agent: &str, language: &str) -> Option<Arc<Brief>> {
        self.made.get(&(agent.to_owned(), language.to_owned())).cloned()
    }

    /// All of them, by agent and language.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Brief>> {
        self.made.values()
    }
}

fn brief(
    config: &Config,
    endpoint: &Endpoint,
    (name, agent): (&str, &Agent),
    code: &str,
    languages: &Arc<BTreeMap<String, LanguageBrief>>,
    tools: &Arc<BTreeMap<String, Arc<ToolPlan>>>,
    transfers: &Arc<Destinations>,
) -> Brief {
    let (limits, language) = (&config.limits, &languages[code]);
    Brief {
        agent: name.to_owned(),
        language: code.to_owned(),
        model: Arc::new(plan(config, endpoint, agent, language)),
        greeting: language.greeting.clone(),
        limits: Limits {
            max_duration: limits.max_call_duration,
            line_silence: limits.line_silence,
            goodbye: limits.goodbye,
            model_setup: limits.model_setup,
        },
        playout_lead: config.twilio.playout_lead,
        interruption: config.interruption,
        notice: notice(agent, code),
        ladder: LadderPlan {
            before_prompts: limits.idle_prompts.clone(),
            before_goodbye: limits.idle_after,
            longest_without_words: limits.longest_without_words,
        },
        keypad: KeypadPlan {
            inter_digit: config.keypad.inter_digit,
            terminator: config.keypad.terminator,
            actions: agent.keypad.clone(),
        },
        languages: languages.clone(),
        questions: agent.questions.clone(),
        tools: tools.clone(),
        transfers: transfers.clone(),
    }
}

fn plan(config: &Config, endpoint: &Endpoint, agent: &Agent, language: &LanguageBrief) -> SessionPlan {
    let realtime = &config.realtime;
    SessionPlan {
        endpoint: endpoint.clone(),
        model: agent.model.clone().unwrap_or_else(|| realtime.model.clone()),
        instructions: language.instructions.clone(),
        voice: language.voice.clone(),
        speed: realtime.speed,
        format: realtime.audio_format.format(),
        turn_detection: realtime.turn_detection.clone(),
        transcription: language.transcription.clone(),
        noise_reduction: realtime.noise_reduction,
        tools: agent.tools.iter().filter_map(|name| declaration(config, agent, name)).collect(),
        max_output_tokens: realtime.max_output_tokens,
        retention_ratio: realtime.retention_ratio,
        connect_timeout: realtime.connect_timeout,
        created_timeout: realtime.created_timeout,
        updated_timeout: realtime.updated_timeout,
        silence_timeout: realtime.silence_timeout,
    }
}

/// What an agent needs in each of its languages.
fn languages(config: &Config, agent: &Agent) -> BTreeMap<String, LanguageBrief> {
    let known = agent.languages.iter().filter_map(|code| Some((code, config.languages.get(code)?)));
    let brief = |(code, language): (&String, &Language)| {
        let transcription = config.realtime.transcription.as_ref().map(|transcription| Transcription {
            model: transcription.model.clone(),
            language: Some(language.transcription_language.clone()),
            prompt: transcription.prompt.clone(),
        });
        let brief = LanguageBrief {
            name: language.name.clone(),
            instructions: instructions(config, agent, language),
            voice: voice(config, agent, language),
            transcription,
            greeting: greeting(agent, (code, language)),
            idle_prompts: language.idle_prompts.clone(),
            goodbye: language.goodbye.clone(),
            apology: language.apology.clone(),
            apology_sound: language.apology_shipped.then(|| apology::recording(code)).flatten(),
            filler: language.filler.clone(),
        };
        (code.clone(), brief)
    };
    known.map(brief).collect()
}

/// The whole prompt. The agent first: what all calls share comes first, which is what the server's cache goes by.
fn instructions(config: &Config, agent: &Agent, language: &Language) -> String {
    let tool = BuiltIn::SwitchLanguage;
    let listed = agent.tools.iter().any(|name| name == tool.name());
    let switches = listed && tool.offer(agent, &config.languages, &config.transfers).is_some();
    let pinned = if switches { PINNED_UNTIL_SWITCHED } else { "" };
    format!("{}\n\n# Language: {}\n\n{pinned}{}", agent.instructions, language.name, language.instructions)
}

/// The operators' tools that an agent may use.
fn tools(config: &Config, agent: &Agent) -> BTreeMap<String, Arc<ToolPlan>> {
    let own = config.tools.iter().filter(|(name, _)| agent.tools.contains(name));
    own.map(|(name, plan)| (name.clone(), plan.clone())).collect()
}

/// A tool as the model is told of it, where it can do something for this agent.
fn declaration(config: &Config, agent: &Agent, name: &str) -> Option<serde_json::Value> {
    match BuiltIn::from_name(name) {
        Some(tool) => tool.offer(agent, &config.languages, &config.transfers),
        None => Some(config.tools.get(name)?.declaration()),
    }
}

fn notice(agent: &Agent, code: &str) -> Option<String> {
    match agent.notice.as_ref()? {
        Notice::Same(words) => Some(words.clone()),
        Notice::PerLanguage(notices) => notices.get(code).cloned(),
    }
}

/// What a person wrote goes before what we shipped, and then a language's voice before its agent's: it was chosen for how it
/// speaks that language.
fn voice(config: &Config, agent: &Agent, language: &Language) -> String {
    let chosen = language.voice.as_ref().filter(|voice| !voice.shipped).map(|voice| &voice.name);
    let shipped = language.voice.as_ref().map(|voice| &voice.name);
    chosen.or(agent.voice.as_ref()).or(shipped).unwrap_or(&config.realtime.voice).clone()
}

fn greeting(agent: &Agent, (code, language): (&str, &Language)) -> Greeting {
    let own = match &agent.greeting {
        AgentGreeting::OfLanguage => None,
        AgentGreeting::Same(words) => Some(words),
        AgentGreeting::PerLanguage(greetings) => greetings.get(code),
    };
    // The recording says the language's words; an agent with words of its own says those.
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

fn endpoint(config: &Config, rehearsal_url: Option<&str>) -> Endpoint {
    let url = match (&config.realtime.url, rehearsal_url) {
        (Some(url), _) => url.to_string(),
        (None, Some(url)) => url.to_owned(),
        (None, None) => NOWHERE.to_owned(),
    };
    let key = || config.secrets.openai_api_key.clone().unwrap_or_else(|| Private::new(String::new()));
    let credential = match config.realtime.provider {
        Provider::Rehearsal => Credential::None,
        Provider::OpenAi => Credential::Bearer(key()),
        Provider::Azure => Credential::ApiKey(key()),
    };
    Endpoint { url, credential }
}

/// An address that cannot be dialled (RFC 6761), for plans that are only looked at.
const NOWHERE: &str = "ws://rehearsal.invalid/v1/realtime";
/// Stands before a language's own instructions, which forbid any other.
const PINNED_UNTIL_SWITCHED: &str = "Only the tool switch_language changes the language of this call, when the caller asks for \
    another one you speak. Until then this holds:\n\n";
