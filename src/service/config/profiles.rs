//! Turns the configuration into call profiles: one [`CallProfile`] per agent and language, made
//! once and shared. Pure.

mod clips;
mod costs;
mod prompts;
mod values;
mod waiting;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::settings::Term;
use switchboard_actors::profile::destinations::Destinations;
use switchboard_actors::profile::no_input::NoInputPlan;
use switchboard_actors::profile::nods::Nods;
use switchboard_actors::profile::spending::SpendPlan;
use switchboard_actors::profile::values::{Given as Outside, ValuePlan, Values};
use switchboard_actors::profile::{CallProfile, Colleagues, KeypadPlan, LanguageProfile, Limits};
use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::plan::{Common, Endpoint, ModelAddress, Resilience, SessionPlan, Transcription};
use switchboard_actors::realtime::seat::Provider;
use switchboard_actors::realtime::settings::{Delegation, Engines, Given, OfLanguage, Options};
use switchboard_actors::tools::plan::ToolPlan;
use switchboard_actors::tools::spec::ToolSpec;

use self::prompts::{backend_prompt, greeting, instructions, notice};
pub use self::waiting::plan_notes;
use super::agents::{Agent, Language};
use super::delegation;
use super::engines;
use super::experiments::{self, CONTROL};
use super::fallbacks::Fallback;
use super::problem::{Origin, Problem};
use super::root::Config;
use super::routing::{Decision, RouteInput};
use super::tool_schemas::offer;
use super::tools::BuiltIn;
use crate::service::callers::Callers;

/// The profile of every agent in every language it speaks.
#[derive(Debug)]
pub struct Profiles {
    config: Config,
    /// Profiles by agent and language.
    made: BTreeMap<(String, String), Arc<CallProfile>>,
    /// Profiles by experiment, agent and language.
    variants: BTreeMap<(usize, String, String), Arc<CallProfile>>,
    callers: Callers,
}

impl Profiles {
    /// Makes all profiles. `rehearsal_url` is the address of the embedded model, which is known
    /// only once it is bound. Without it and without `realtime.url` the plans can be inspected but
    /// lead to no server.
    pub fn new(config: &Config, rehearsal_url: Option<&str>) -> Self {
        let callers = Callers::new(config.secrets.salt(), config.numbering);
        Self::of_callers(config, rehearsal_url, callers)
    }

    /// Makes all profiles of another configuration, for the same callers.
    #[must_use]
    pub fn renewed(&self, config: &Config, rehearsal_url: Option<&str>) -> Self {
        Self::of_callers(config, rehearsal_url, self.callers.reading(config.numbering))
    }

    fn of_callers(config: &Config, rehearsal_url: Option<&str>, callers: Callers) -> Self {
        let servers = Servers::of(config, rehearsal_url);
        let to = config.transfers.iter().map(|(name, transfer)| (name.clone(), transfer.destination.clone()));
        let transfers = Arc::new(to.collect::<Destinations>());
        let made = config.agents.iter().flat_map(|(name, agent)| {
            let profiles = profiles(config, &servers, (name, agent), &transfers);
            profiles.map(|(code, profile)| ((name.clone(), code), profile))
        });
        let made: BTreeMap<_, _> = made.collect();
        let colleagues = Colleagues::new(made.clone());
        let with_colleagues = |profile: Arc<CallProfile>| {
            if profile.hand_over.is_empty() {
                return profile;
            }
            Arc::new(CallProfile { colleagues: colleagues.clone(), ..Arc::unwrap_or_clone(profile) })
        };
        let made = made.into_iter().map(|(key, profile)| (key, with_colleagues(profile))).collect();
        let mut variants = BTreeMap::new();
        for (at, experiment) in config.experiments.iter().enumerate() {
            for (name, agent) in &experiment.variants {
                let profiles = profiles(config, &servers, (name, agent), &transfers);
                let named = |profile: Arc<CallProfile>| {
                    let variant = Some(experiment.name.clone());
                    with_colleagues(Arc::new(CallProfile { variant, ..Arc::unwrap_or_clone(profile) }))
                };
                variants.extend(profiles.map(|(code, profile)| ((at, name.clone(), code), named(profile))));
            }
        }
        Self { made, variants, callers, config: config.clone() }
    }

    /// The profile of an incoming or outgoing call.
    pub fn for_call(&self, call: &RouteInput) -> Arc<CallProfile> {
        let Decision { agent, language, route, .. } = self.config.route(call);
        let number = call.other_party().expose();
        let (variant, found) = self.variant(&agent, &language, number);
        let found = found.or_else(|| self.get(&agent, &language));
        let profile = found.expect("routing chooses among the agents and their languages, which were checked");
        let model = route.and_then(|at| self.config.routes.get(at)?.model.as_ref());
        let model = match model {
            Some(model) => Arc::new(profile.model.with(profile.model.provider.with_model(model))),
            None => Arc::clone(&profile.model),
        };
        let mut given = Outside::default();
        given.announced(&profile.variables, &call.parameters);
        let caller = self.callers.hash(number);
        let profile = CallProfile { model, variant, route, caller, given, ..CallProfile::clone(&profile) };
        Arc::new(self.on(call.carrier, profile))
    }

    /// Returns a profile with the terms of a carrier's calls.
    fn on(&self, carrier: Carrier, profile: CallProfile) -> CallProfile {
        let term = |term| self.config.carriers.term(carrier, term);
        let limits = Limits {
            lost_socket: term(Term::LostSocket).unwrap_or(profile.limits.lost_socket),
            line_silence: term(Term::LineSilence).unwrap_or(profile.limits.line_silence),
            ..profile.limits
        };
        let playout_lead = term(Term::Lead).unwrap_or(carrier.capabilities().lead);
        CallProfile { limits, playout_lead, ..profile }
    }

    /// The variant for a caller and its name, if an experiment concerns the agent.
    fn variant(&self, agent: &str, language: &str, number: &str) -> (Option<String>, Option<Arc<CallProfile>>) {
        let experiments = &self.config.experiments;
        if !experiments.iter().any(|experiment| experiment.variants.contains_key(agent)) {
            return (None, None);
        }
        let chosen = experiments::choose(experiments, agent, self.callers.percentile(number));
        let found = chosen.and_then(|(at, experiment)| {
            let key = |code: &str| (at, agent.to_owned(), code.to_owned());
            let first = || experiment.variants.get(agent)?.languages.first();
            // A variant that does not speak the call's language starts in its own first language.
            let profile = self.variants.get(&key(language)).or_else(|| self.variants.get(&key(first()?)))?;
            Some((experiment.name.clone(), Arc::clone(profile)))
        });
        match found {
            Some((name, profile)) => (Some(name), Some(profile)),
            None => (Some(CONTROL.to_owned()), None),
        }
    }

    /// The profile of a call over `carrier` to `number`, with an agent and a language that an
    /// operator has named. Without a language it is the agent's first one.
    ///
    /// # Errors
    /// Which of the names is unknown, and the known ones.
    pub fn named(
        &self,
        carrier: Carrier,
        agent: &str,
        language: Option<&str>,
        number: &str,
    ) -> Result<Arc<CallProfile>, String> {
        let Some(known) = self.config.agents.get(agent) else {
            let names: Vec<&str> = self.config.agents.keys().map(String::as_str).collect();
            return Err(format!("there is no agent of this name; configured: {}", names.join(", ")));
        };
        let language = language.or(known.languages.first().map(String::as_str)).unwrap_or_default();
        let spoken = || format!("the agent does not speak this language; it speaks: {}", known.languages.join(", "));
        let profile = self.get(agent, language).ok_or_else(spoken)?;
        let profile = CallProfile { caller: self.callers.hash(number), ..CallProfile::clone(&profile) };
        Ok(Arc::new(self.on(carrier, profile)))
    }

    /// The profile of a call that has `from` already, with another agent or language. A language that
    /// nobody names stays, if the agent speaks it.
    ///
    /// # Errors
    /// As [`Self::named`].
    pub fn moved(
        &self,
        carrier: Carrier,
        from: &Arc<CallProfile>,
        (agent, language): (Option<&str>, Option<&str>),
        number: &str,
    ) -> Result<Arc<CallProfile>, String> {
        let to = agent.unwrap_or(&from.agent);
        if to == from.agent && language.is_none_or(|code| code == from.language) {
            return Ok(Arc::clone(from));
        }
        let stays = self.get(to, &from.language).map(|_| from.language.as_str());
        let CallProfile { route, answered_by, .. } = **from;
        let profile = self.named(carrier, to, language.or(stays), number)?;
        Ok(Arc::new(CallProfile { route, answered_by, ..Arc::unwrap_or_clone(profile) }))
    }

    /// The profile of an agent in a language, if it speaks it.
    pub fn get(&self, agent: &str, language: &str) -> Option<Arc<CallProfile>> {
        self.made.get(&(agent.to_owned(), language.to_owned())).cloned()
    }

    /// All profiles, by agent and language, followed by those of experiments.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CallProfile>> {
        self.made.values().chain(self.variants.values())
    }
}

/// What the models' servers would refuse in the sessions of `config`. The sections check their own
/// values; this checks each complete session against the provider's rules.
pub fn plan_problems(config: &Config) -> Vec<Problem> {
    let profiles = Profiles::new(config, None);
    let problem = |profile: &Arc<CallProfile>| {
        let found = profile.model.check().err()?;
        let message = format!("found a session that the model's server would refuse: {found}");
        Some(Problem { key: format!("agents.{}", profile.agent), origin: Origin::Nowhere, message })
    };
    let mut problems: Vec<Problem> = profiles.iter().filter_map(problem).collect();
    problems.extend(clips::problems(config));
    problems.extend(values::problems(config, &profiles));
    problems.dedup();
    problems
}

/// The profiles of one agent, by language.
fn profiles<'c>(
    config: &'c Config,
    servers: &'c Servers,
    (name, agent): (&'c str, &'c Agent),
    transfers: &Arc<Destinations>,
) -> impl Iterator<Item = (String, Arc<CallProfile>)> + 'c {
    let languages = Arc::new(languages(config, agent));
    let tools = Arc::new(tools(config, agent));
    let codes: Vec<String> = languages.keys().cloned().collect();
    let transfers = Arc::clone(transfers);
    codes.into_iter().map(move |code| {
        let mut profile = profile(config, servers, (name, agent), &code, &languages, &tools, &transfers);
        if profile.has_names() {
            profile.variables = Arc::new(ValuePlan { fills: true, ..agent.values.clone() });
        }
        (code, Arc::new(profile))
    })
}

fn profile(
    config: &Config,
    servers: &Servers,
    (name, agent): (&str, &Agent),
    code: &str,
    languages: &Arc<BTreeMap<String, LanguageProfile>>,
    tools: &Arc<BTreeMap<String, Arc<ToolPlan>>>,
    transfers: &Arc<Destinations>,
) -> CallProfile {
    let (limits, language) = (&config.limits, &languages[code]);
    let model = plan(config, servers, agent, (code, language));
    CallProfile {
        agent: name.to_owned(),
        language: code.to_owned(),
        greeting: language.greeting.clone(),
        limits: Limits {
            max_duration: limits.max_call_duration,
            line_silence: limits.line_silence,
            goodbye: limits.goodbye,
            lost_socket: config.carriers.first_term(Term::LostSocket).unwrap_or_default(),
            model_setup: limits.model_setup,
            model_answer: limits.model_answer,
            late_answer: limits.late_answer,
        },
        playout_lead: config.carriers.first_term(Term::Lead).unwrap_or_default(),
        audio: config.audio.clone(),
        recording: config.recording.dir.clone(),
        interruption: config.interruption,
        second_opinion: config.detector.filter(|detector| detector.second_opinion).map(|detector| detector.plan),
        notice: notice(config, agent, code),
        on_model_loss: limits.on_model_loss.clone(),
        no_input: NoInputPlan {
            before_prompts: limits.idle_prompts.clone(),
            before_goodbye: limits.idle_after,
            longest_without_words: limits.longest_without_words,
        },
        keypad: KeypadPlan {
            inter_digit: config.keypad.inter_digit,
            terminator: config.keypad.terminator,
            actions: agent.keypad.clone(),
            while_paused: config.recording.keys_while_paused,
        },
        languages: languages.clone(),
        questions: agent.questions.clone(),
        tools: tools.clone(),
        spend: SpendPlan { prices: costs::prices(config, &model), call: config.spend.call },
        model: Arc::new(model),
        caller: None,
        send_safety_identifier: config.realtime.safety_identifier,
        variant: None,
        configuration: config.settings.version().into(),
        route: None,
        answered_by: None,
        transfers: transfers.clone(),
        variables: Arc::new(agent.values.clone()),
        given: Outside::default(),
        values: Values::default(),
        hand_over: agent.hand_over.keys().cloned().collect(),
        colleagues: Colleagues::default(),
    }
}

fn plan(config: &Config, servers: &Servers, agent: &Agent, (code, language): (&str, &LanguageProfile)) -> SessionPlan {
    let realtime = &config.realtime;
    let of_language = || config.languages.get(code)?.model.as_ref();
    let model = agent.model.as_ref().or_else(of_language).unwrap_or(&realtime.model);
    let common = Common {
        instructions: language.instructions.clone(),
        backend: language.backend.clone(),
        transcription: language.transcription.clone(),
        language: None,
        tools: agent.tools_offered().filter_map(|name| tool(config, agent, name)).collect(),
        connect_timeout: realtime.connect_timeout,
        silence_timeout: realtime.silence_timeout,
        ping_timeout: realtime.ping_timeout,
        detector: config.detector.map(|detector| detector.plan),
        clips: clips::plan(config, agent, code),
    };
    let options = options(config, agent);
    let OfLanguage { language: spoken, engines, .. } = engines_of(config, code);
    let others = agent.languages.iter().filter(|other| *other != code);
    let others: Vec<OfLanguage> = others.map(|other| engines_of(config, other)).collect();
    let (voice, spoken, engines) = (&*language.voice, &*spoken, &engines);
    let session = Session { config, options: &options, voice, language: spoken, engines, others: &others };
    let provider = session.with(realtime.provider, &servers.first, model);
    let resilience = session.resilience(servers, agent);
    SessionPlan { common: Arc::new(common), provider, resilience }
}

/// The engines of a language, for a provider that joins several.
fn engines_of(config: &Config, code: &str) -> OfLanguage {
    let known = config.languages.get(code);
    let nothing = Engines::default();
    OfLanguage {
        code: code.to_owned(),
        language: known.map_or(code, |language| &language.transcription_language).to_owned(),
        engines: engines::of_language(&config.engines, known.map_or(&nothing, |language| &language.engines)),
    }
}

/// The settings of a session of one agent in one language, for any provider.
struct Session<'c> {
    config: &'c Config,
    options: &'c Options,
    voice: &'c str,
    language: &'c str,
    engines: &'c Engines,
    others: &'c [OfLanguage],
}

impl Session<'_> {
    /// A provider's part of the plan.
    fn with(&self, provider: Provider, server: &Endpoint, model: &str) -> ProviderPlan {
        self.speaking(provider, server, model, self.voice, self.config.realtime.dialect)
    }

    fn speaking(
        &self,
        provider: Provider,
        server: &Endpoint,
        model: &str,
        voice: &str,
        dialect: Option<&str>,
    ) -> ProviderPlan {
        let realtime = &self.config.realtime;
        provider.plan(Given {
            address: ModelAddress { provider: provider.word(), endpoint: server.clone(), model: model.to_owned() },
            dialect,
            voice,
            language: self.language,
            engines: Some(self.engines),
            other_languages: self.others,
            audio: realtime.audio_format,
            options: self.options,
            created_timeout: realtime.created_timeout,
            updated_timeout: realtime.updated_timeout,
        })
    }

    /// The failover plan: how a lost session does not become a lost call. An agent with its own
    /// model falls back to the same servers. Each server's provider makes its own plan.
    fn resilience(&self, servers: &Servers, agent: &Agent) -> Resilience {
        let realtime = &self.config.realtime;
        let first = agent.model.as_ref().unwrap_or(&realtime.model);
        let models = realtime.fallback_models.iter().filter(|model| *model != first);
        let models = models.map(|model| self.with(realtime.provider, &servers.first, model));
        let others = realtime.fallbacks.iter().zip(&servers.others).map(|(fallback, server)| {
            let (model, voice) = (fallback.model.as_ref().unwrap_or(first), fallback.voice.as_deref());
            let is_first = fallback.url.is_none() && fallback.provider == realtime.provider;
            let dialect = fallback.dialect.or(realtime.dialect.filter(|_| is_first));
            self.speaking(fallback.provider, server, model, voice.unwrap_or(self.voice), dialect)
        });
        Resilience {
            fallbacks: models.chain(others).collect(),
            patience: realtime.failover_patience,
            rotate_before: realtime.rotate_before,
            rotate_latest: realtime.rotate_latest,
            waiting: realtime.waiting,
        }
    }
}

/// The servers of the models.
#[derive(Debug)]
struct Servers {
    /// The first server.
    first: Endpoint,
    /// Those of `realtime.fallbacks`, in their order.
    others: Vec<Endpoint>,
}

impl Servers {
    fn of(config: &Config, rehearsal_url: Option<&str>) -> Self {
        let realtime = &config.realtime;
        let embedded = || rehearsal_url.unwrap_or(NOWHERE).to_owned();
        let first = Endpoint {
            url: realtime.url.as_ref().map_or_else(embedded, ToString::to_string),
            credential: realtime.provider.credential(realtime.key.as_ref().map(|key| &key.key)),
            key_variable: realtime.key.as_ref().map(|key| key.variable.clone()),
        };
        let other = |fallback: &Fallback| {
            let url = match &fallback.url {
                Some(url) => url.to_string(),
                None if fallback.is_here(realtime.provider) => embedded(),
                None => first.url.clone(),
            };
            let credential = fallback.provider.credential(fallback.key.as_ref());
            Endpoint { url, credential, key_variable: fallback.key_variable.clone() }
        };
        let others = realtime.fallbacks.iter().map(other).collect();
        Self { others, first }
    }
}

/// The profile of each language that the agent speaks.
fn languages(config: &Config, agent: &Agent) -> BTreeMap<String, LanguageProfile> {
    let known = agent.languages.iter().filter_map(|code| Some((code, config.languages.get(code)?)));
    let profile = |(code, language): (&String, &Language)| {
        let transcription = agent.options(&config.realtime).transcription.as_ref().map(|transcription| Transcription {
            model: transcription.model.clone(),
            language: Some(language.transcription_language.clone()),
            prompt: transcription.prompt.clone(),
            languages: transcription.languages.clone(),
            keywords: transcription.keywords.clone(),
        });
        let profile = LanguageProfile {
            name: language.name.clone(),
            instructions: instructions(config, agent, (code, language)),
            backend: backend_prompt(config, agent, (code, language)),
            voice: voice(config, agent, language),
            transcription,
            greeting: greeting(agent, (code, language)),
            idle_prompts: language.idle_prompts.clone(),
            goodbye: language.goodbye.clone(),
            apology: language.apology.clone(),
            apology_sound: clips::apology_sound(code, language),
            never_interrupts: Nods::new(language.never_interrupts.iter().map(String::as_str)),
            filler: language.filler.clone(),
            filler_sound: clips::filler_sound(code, language),
        };
        (code.clone(), profile)
    };
    known.map(profile).collect()
}

/// The session options of an agent. With a tool of ours behind the voice, it is named.
fn options<'c>(config: &'c Config, agent: &'c Agent) -> Cow<'c, Options> {
    let options = agent.options(&config.realtime);
    let Delegation::Client { tool } = &options.finer.delegation else { return Cow::Borrowed(options) };
    let own: Vec<&str> = config.tools.keys().map(String::as_str).collect();
    let tool = delegation::worker(&agent.tools, tool.as_deref(), &own).map(str::to_owned);
    let mut options = options.clone();
    options.finer.delegation = Delegation::Client { tool };
    Cow::Owned(options)
}

/// The operator's own tools that an agent may use.
fn tools(config: &Config, agent: &Agent) -> BTreeMap<String, Arc<ToolPlan>> {
    let own = config.tools.iter().filter(|(name, _)| agent.tools.contains(name));
    own.map(|(name, plan)| (name.clone(), plan.clone())).collect()
}

/// A tool's definition for the model, if the tool can do something for this agent.
fn tool(config: &Config, agent: &Agent, name: &str) -> Option<ToolSpec> {
    match BuiltIn::from_name(name) {
        Some(tool) => offer(tool, agent, &config.languages, &config.transfers),
        None => Some(config.tools.get(name)?.spec()),
    }
}

/// Picks the voice. A voice that a person chose precedes a default one. Next, a language's voice
/// precedes the agent's, because it was chosen for how it speaks that language.
fn voice(config: &Config, agent: &Agent, language: &Language) -> String {
    let chosen = language.voice.as_ref().filter(|voice| !voice.shipped).map(|voice| &voice.name);
    // A provider with other names has no such voice.
    let known = config.realtime.provider.shares_names_with(Provider::usual());
    let shipped = language.voice.as_ref().filter(|_| known).map(|voice| &voice.name);
    chosen.or(agent.voice.as_ref()).or(shipped).unwrap_or(&config.realtime.voice).clone()
}

/// An address that cannot be dialled (RFC 6761), for plans that are only inspected.
const NOWHERE: &str = "ws://rehearsal.invalid/v1/realtime";
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_its_server_would_refuse_is_reported_with_agent_and_field() {
        let mut config = Config::builtin_with(&[]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(plan_problems(&config), []);
        config.realtime.options.speed = Some(9.0);
        let problems = plan_problems(&config);
        assert_eq!(problems.len(), 1, "each once: {problems:?}");
        assert_eq!(problems[0].key, "agents.default");
        assert!(problems[0].message.contains("speed: 9 is not within 0.25–1.5"), "{problems:?}");
    }
}
