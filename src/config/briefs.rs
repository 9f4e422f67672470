//! From configuration to what a call is held by: one [`Brief`] per agent and language, made once and shared. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_actors::call::brief::{Brief, Greeting, InterruptionPlan, KeypadPlan, Limits};
use switchboard_actors::call::ladder::LadderPlan;
use switchboard_actors::ids::Private;
use switchboard_actors::realtime::plan::{Credential, Endpoint, SessionPlan, Transcription};

use super::Config;
use super::people::{Agent, AgentGreeting, Language};
use super::realtime::Provider;
use super::routing::{Decision, RouteInput};
use super::tools::BuiltIn;

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
        let pairs =
            config.agents.iter().flat_map(|(name, agent)| agent.languages.iter().map(move |code| (name, agent, code)));
        let made = pairs.filter_map(|(name, agent, code)| {
            let language = config.languages.get(code)?;
            let brief = brief(config, &endpoint, (name, agent), (code, language));
            Some(((name.clone(), code.clone()), Arc::new(brief)))
        });
        Self { made: made.collect(), config: config.clone() }
    }

    /// How a call is to be held.
    pub fn for_call(&self, call: &RouteInput) -> Arc<Brief> {
        let Decision { agent, language, .. } = self.config.route(call);
        self.get(&agent, &language).expect("routing chooses among the agents and their languages, which were checked")
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

fn brief(config: &Config, endpoint: &Endpoint, agent: (&str, &Agent), language: (&str, &Language)) -> Brief {
    let limits = &config.limits;
    Brief {
        agent: agent.0.to_owned(),
        language: language.0.to_owned(),
        model: Arc::new(plan(config, endpoint, agent.1, language.1)),
        greeting: greeting(agent.1, language),
        limits: Limits {
            max_duration: limits.max_call_duration,
            line_silence: limits.line_silence,
            goodbye: limits.goodbye,
            model_setup: limits.model_setup,
        },
        playout_lead: config.twilio.playout_lead,
        interruption: InterruptionPlan::default(),
        notice: None,
        ladder: LadderPlan::default(),
        keypad: KeypadPlan::default(),
        languages: Arc::default(),
        questions: Vec::new(),
        tools: Arc::default(),
    }
}

fn plan(config: &Config, endpoint: &Endpoint, agent: &Agent, language: &Language) -> SessionPlan {
    let realtime = &config.realtime;
    let offered = agent.tools.iter().filter_map(|name| BuiltIn::from_name(name));
    SessionPlan {
        endpoint: endpoint.clone(),
        model: agent.model.clone().unwrap_or_else(|| realtime.model.clone()),
        // The agent first: what all calls share comes first, which is what the server's cache goes by.
        instructions: format!("{}\n\n# Language: {}\n\n{}", agent.instructions, language.name, language.instructions),
        voice: voice(config, agent, language),
        speed: realtime.speed,
        format: realtime.audio_format.format(),
        turn_detection: realtime.turn_detection.clone(),
        transcription: realtime.transcription.as_ref().map(|transcription| Transcription {
            model: transcription.model.clone(),
            language: Some(language.transcription_language.clone()),
            prompt: transcription.prompt.clone(),
        }),
        noise_reduction: realtime.noise_reduction,
        tools: offered.filter_map(|tool| tool.offer(agent, &config.languages, &config.transfers)).collect(),
        max_output_tokens: realtime.max_output_tokens,
        retention_ratio: realtime.retention_ratio,
        connect_timeout: realtime.connect_timeout,
        created_timeout: realtime.created_timeout,
        updated_timeout: realtime.updated_timeout,
        silence_timeout: realtime.silence_timeout,
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
    let words = match &agent.greeting {
        AgentGreeting::OfLanguage => language.greeting.as_str(),
        AgentGreeting::Same(words) => words.as_str(),
        AgentGreeting::PerLanguage(greetings) => greetings.get(code).unwrap_or(&language.greeting).as_str(),
    };
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
