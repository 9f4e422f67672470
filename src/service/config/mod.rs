//! Configuration: sections become final types, once, before a port is bound. Nothing is looked at again afterwards.
//!
//! ```text
//! built-in config.toml  <  the operator's file  <  .env and environment (SWITCHBOARD__SECTION__KEY)  <  overrides
//! ```
//!
//! Reading down: `layers` lays these on each other, every value with its place; `reader` turns the result into the types of
//! `service`, `realtime`, `audio`, `people`, `conversation`, `directory` and `http_tools`, by the `kinds` of values there are;
//! `clips` reads the recordings they name and `voices` has the bundled ones; `trust` checks what holds between sections and
//! secrets. All that is wrong is told at once ([`ConfigError`]). Then `routing` decides who answers a call and `profiles` makes
//! what a call is held by.

mod audio;
mod clips;
mod conversation;
mod directory;
mod dotenv;
mod experiments;
mod fallbacks;
mod hours;
mod http_tools;
mod kept;
mod kinds;
mod layers;
mod logging;
mod numbering;
mod options;
mod outbound;
mod people;
mod problem;
mod profiles;
mod reader;
mod realtime;
mod recording;
mod report;
mod routing;
mod secrets;
mod service;
mod sources;
mod spending;
mod tools;
mod trust;
mod variables;
mod voices;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use clips::Clip;
pub use conversation::{Keypad, Keys};
pub use directory::{Route, Transfer};
use experiments::Ground;
pub use experiments::{CONTROL, Experiment};
pub use fallbacks::Fallback;
pub use kept::Kept;
use layers::Node;
pub use logging::{Log, LogFormat};
pub use options::{CallerTranscription, Options};
pub use outbound::{NotCalled, Outbound, Voicemail};
pub use people::{Agent, AgentGreeting, Language, Notice, Voice};
use people::{Common, Directory};
pub use problem::{ConfigError, Origin, Problem};
pub use profiles::Profiles;
use reader::{Reader, Section};
pub use realtime::{ModelAudio, Provider, Realtime};
pub use recording::Recording;
pub use routing::{Decision, Pattern, RouteInput};
pub use secrets::Secrets;
pub use service::{Admin, Did, Keep, Limits, Records, Retention, Server, Twilio, Verify, Waybeo};
pub use sources::Sources;
pub use spending::Spend;
use switchboard_actors::numbers::Numbering;
pub use switchboard_actors::profile::hours::Hours;
use switchboard_actors::profile::spending::Prices;
use switchboard_actors::profile::{AudioPlan, InterruptionPlan};
use switchboard_actors::tools::plan::ToolPlan;
pub use tools::BuiltIn;
pub use webhooks::{DeliveryQueue, Webhooks};

/// The defaults, with a line of reason for each: the documentation and the lowest layer in one.
pub const DEFAULTS: &str = include_str!("../../../config.toml");

/// Everything the service is told, valid as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The public listener.
    pub server: Server,
    /// What is logged.
    pub log: Log,
    /// The operators' listener.
    pub admin: Admin,
    /// Twilio.
    pub twilio: Twilio,
    /// Waybeo.
    pub waybeo: Waybeo,
    /// The model.
    pub realtime: Realtime,
    /// Who answers, by name; `default` is always there.
    pub agents: BTreeMap<String, Agent>,
    /// What is spoken, by code.
    pub languages: BTreeMap<String, Language>,
    /// Who answers which calls; the first match wins.
    pub routes: Vec<Route>,
    /// Which callers meet an agent that is otherwise.
    pub experiments: Vec<Experiment>,
    /// What calls may cost.
    pub spend: Spend,
    /// What models charge.
    pub prices: Prices,
    /// Where callers can be sent, by name.
    pub transfers: BTreeMap<String, Transfer>,
    /// Whom the service may call by itself.
    pub outbound: Outbound,
    /// The operators' own tools, by name.
    pub tools: BTreeMap<String, Arc<ToolPlan>>,
    /// How numbers without a country code are read.
    pub numbering: Numbering,
    /// What is done to the sound of the line.
    pub audio: AudioPlan,
    /// What of a caller's speech stops an agent.
    pub interruption: InterruptionPlan,
    /// How pressed keys become a number.
    pub keypad: Keypad,
    /// Whether and where calls are recorded.
    pub recording: Recording,
    /// Where records go.
    pub records: Records,
    /// Who is told of calls.
    pub webhooks: Webhooks,
    /// Where deliveries wait.
    pub delivery: DeliveryQueue,
    /// What may be taken.
    pub limits: Limits,
    /// What nobody may see.
    pub secrets: Secrets,
    /// The file that was read, if one was.
    pub file: Option<PathBuf>,
    /// What an operator should know and that stops nothing.
    pub notes: Vec<String>,
}

impl Config {
    /// Reads `path` (or `config.toml` in the working directory, where there is one), `.env` and the environment.
    ///
    /// # Errors
    /// All that is wrong with them; also when a file that was asked for by name is not there.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::from_sources(&Sources::found(path))
    }

    /// The built-in defaults with these dotted keys set; neither files nor the environment are read. For tests and the demo.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn builtin_with(overrides: &[(&str, &str)]) -> Result<Self, ConfigError> {
        Self::from_sources(&Sources::default().overrides(overrides))
    }

    /// Lays the sources on the built-in defaults and reads the result.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn from_sources(sources: &Sources) -> Result<Self, ConfigError> {
        let (config, mut problems, _) = read_all(sources);
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            Some(_) | None => {
                problems.dedup();
                Err(ConfigError { problems })
            }
        }
    }

    /// Every key that means something, with `<name>` where people choose names.
    pub fn known_keys() -> BTreeSet<String> {
        // The reading is the schema, so every kind of section has to be there once to be read.
        let one_of_each = Sources::default().overrides(&[
            ("routes", "[{}]"),
            ("transfers.any", "{}"),
            ("tools.any", "{}"),
            ("mcp.any", "{}"),
            ("prices.any", "{}"),
            ("experiments", "[{}]"),
            ("webhooks.endpoints", "[{}]"),
            ("agents.default.questions", "[{}]"),
            ("realtime.fallbacks", "[{}]"),
        ]);
        read_all(&one_of_each).2
    }

    /// Puts the notes into the log, once the service is about to start.
    pub fn warn(&self) {
        for note in &self.notes {
            log::warn!("configuration: {note}");
        }
    }

    /// Whether nothing of the service can be reached from outside this machine.
    pub fn is_local(&self) -> bool {
        trust::is_local(&self.server) && self.admin.bind.ip().is_loopback()
    }
}

/// The sources laid on the built-in defaults, and what is wrong with their form.
///
/// # Errors
/// When the file is no TOML: what can be read of it is in the wrong place, and would be called wrong for that alone.
fn laid(sources: &Sources) -> Result<(Node, Vec<Problem>), Vec<Problem>> {
    let (mut tree, mut problems) = layers::shipped(DEFAULTS);
    problems.extend(sources.problems.iter().cloned());
    if let Some((path, text)) = &sources.file {
        let (layer, found) = layers::file(path, text);
        if !found.is_empty() {
            problems.extend(found);
            return Err(problems);
        }
        tree.lay(layer);
    }
    let (layer, found) = layers::variables(&sources.variables);
    problems.extend(found);
    tree.lay(layer);
    tree.lay(layers::overrides(&sources.overrides));
    Ok((tree, problems))
}

fn read_all(sources: &Sources) -> (Option<Config>, Vec<Problem>, BTreeSet<String>) {
    let (tree, mut problems) = match laid(sources) {
        Ok(laid) => laid,
        Err(problems) => return (None, problems, BTreeSet::new()),
    };
    let reader = Reader::default();
    trust::refuse_secrets(&tree, "", &reader);
    variables::check_secrets(&sources.variables, &tree, &reader);
    let config = read_tree(&tree, &reader, sources);
    let (found, mut notes, known) = reader.finish();
    notes.extend(variables::strangers(&sources.variables, &tree, &known));
    problems.extend(found);
    let file = sources.file.as_ref().map(|(path, _)| path.clone());
    (config.map(|config| Config { notes, file, ..config }), problems, known)
}

/// Reads every section before giving up on any, so that all problems are told.
fn read_tree(tree: &Node, reader: &Reader, sources: &Sources) -> Option<Config> {
    let top = reader.top(tree);
    let secrets = Secrets::read(&sources.variables);
    trust::weigh_tokens(&secrets, reader);
    trust::check_shared_keys(&sources.variables, &secrets, reader);
    let server = Server::read(&top.table("server"));
    let log = Log::read(&top.table("log"));
    let admin = Admin::read(&top.table("admin"), server.as_ref(), &secrets);
    let twilio = Twilio::read(&top.table("twilio"), server.as_ref(), &secrets);
    let waybeo = Waybeo::read(&top.table("waybeo"), server.as_ref(), &secrets);
    let mcp = read_named(&top.named("mcp"), |name, section| options::read_server(name, section, &sources.variables));
    // A name that leads nowhere because its table is wrong has been told once.
    let servers = mcp.clone().unwrap_or_default();
    let realtime = Realtime::read(&top.table("realtime"), &secrets, &servers, &sources.variables, server.as_ref());
    let base = sources.file.as_ref().and_then(|(path, _)| path.parent()).unwrap_or(Path::new(""));
    let house = realtime.as_ref().map(Realtime::house);
    let languages = read_named(&top.named("languages"), |_, section| Language::read(section, house, base));
    let transfers = read_named(&top.named("transfers"), |_, section| Transfer::read(section, &secrets));
    let outbound = Outbound::read(&top.table("outbound"), &secrets);
    let tools = read_named(&top.named("tools"), |name, section| http_tools::read(name, section, &sources.variables));
    let audio = audio::read(&top.table("audio"));
    let interruption = conversation::read_interruption(&top.table("interruption"), realtime.as_ref());
    let keypad = Keypad::read(&top.table("keypad"));
    let tool_names: Vec<&str> = tools.iter().flatten().map(|(name, _)| name.as_str()).collect();
    let transfer_names: Vec<&str> = transfers.iter().flatten().map(|(name, _)| name.as_str()).collect();
    // Half of a directory would call good names unknown.
    let whole = tools.is_some() && transfers.is_some();
    let known = languages.as_ref().filter(|_| whole).map(|languages| Directory {
        languages,
        tools: &tool_names,
        transfers: &transfer_names,
        keypad,
    });
    let empty = Node::empty(Origin::Nowhere);
    let common = Common {
        realtime: realtime.as_ref(),
        node: tree.entry("realtime").unwrap_or(&empty),
        mcp: &servers,
        interruption: interruption.as_ref(),
    };
    let agents = read_agents(&top, reader, &common, known.as_ref());
    let numbering = numbering::read(&top.table("numbers"));
    let routes = read_routes(&top, reader, numbering, agents.as_ref(), languages.as_ref(), realtime.as_ref());
    let spend = Spend::read(&top.table("spend"));
    let prices = spending::read_prices(&top.named("prices"));
    let ground = agents.as_ref().map(|agents| Ground {
        agents,
        node: tree.entry("agents"),
        common: &common,
        known: known.as_ref(),
        reader,
    });
    let experiments = experiments::read_all(&top.listed("experiments"), ground.as_ref());
    let records = Records::read(&top.table("records"));
    let recording = Recording::read(&top.table("recording"), records.as_ref());
    let webhooks = Webhooks::read(&top.table("webhooks"), &sources.variables);
    let delivery = DeliveryQueue::read(&top.table("delivery"), &sources.variables);
    let limits = Limits::read(&top.table("limits"));
    if let Some(name) = limits.as_ref().and_then(|limits| limits.on_model_loss.as_deref())
        && transfers.is_some()
        && !transfer_names.contains(&name)
    {
        let known = if transfer_names.is_empty() { "there is none".to_owned() } else { transfer_names.join(", ") };
        let message = format!("found \"transfer {name}\", expected a name of [transfers]: {known}");
        let origin = tree.entry("limits").and_then(|limits| limits.entry("on_model_loss")).map(|it| it.origin.clone());
        reader.problem("limits.on_model_loss", origin.unwrap_or(Origin::Nowhere), message);
    }
    mcp?;
    let (agents, languages, transfers) = (agents?, languages?, transfers?);
    note_idle_tools(&agents, &languages, &transfers, reader);
    note_untold(recording.as_ref(), &agents, reader);
    Some(Config {
        server: server?,
        log: log?,
        admin: admin?,
        twilio: twilio?,
        waybeo: waybeo?,
        realtime: realtime?,
        agents,
        languages,
        routes: routes?,
        experiments: experiments?,
        spend: spend?,
        prices: prices?,
        transfers,
        outbound: outbound?,
        tools: tools?,
        numbering: numbering?,
        audio: audio?,
        interruption: interruption?,
        keypad: keypad?,
        recording: recording?,
        records: records?,
        webhooks: webhooks?,
        delivery: delivery?,
        limits: limits?,
        secrets,
        file: None,
        notes: Vec::new(),
    })
}

/// Says whose callers are recorded and told by nothing that is configured.
fn note_untold(recording: Option<&Recording>, agents: &BTreeMap<String, Agent>, reader: &Reader) {
    let Some(_) = recording.filter(|it| it.dir.is_some() && it.consent.is_none()) else { return };
    let untold: Vec<&str> =
        agents.iter().filter(|(_, it)| it.notice.is_none()).map(|(name, _)| name.as_str()).collect();
    if !untold.is_empty() {
        let who = untold.join(", ");
        let next = "set recording.consent, or the agent's notice, where the law wants them to be";
        reader.note(format!("recording.enabled: callers of {who} are recorded and not told; {next}"));
    }
}

/// Says which tools an agent has although calls do not carry them out.
fn note_idle_tools(
    agents: &BTreeMap<String, Agent>,
    languages: &BTreeMap<String, Language>,
    transfers: &BTreeMap<String, Transfer>,
    reader: &Reader,
) {
    for (name, agent) in agents {
        for tool in agent.tools.iter().filter_map(|tool| BuiltIn::from_name(tool)) {
            let offered = tool.offer(agent, languages, transfers).is_some();
            let what = if tool == BuiltIn::SendDtmf {
                "is not offered, because no carrier of this version can press keys"
            } else if offered && !tool.is_carried_out() {
                "is offered, but this version tells the model that it cannot"
            } else {
                continue;
            };
            reader.note(format!("agents.{name}.tools: {} {what}", tool.name()));
        }
    }
}

fn read_named<T>(
    sections: &[(String, Section<'_>)],
    read: impl Fn(&str, &Section<'_>) -> Option<T>,
) -> Option<BTreeMap<String, T>> {
    let read = |(name, section): &(String, Section<'_>)| {
        if !people::is_name(name) {
            section.refuse("found a name with other signs, expected at most 64 small letters, digits, `_` and `-`");
        }
        (name.clone(), read(name, section))
    };
    let all: Vec<_> = sections.iter().map(read).collect();
    all.into_iter().map(|(name, value)| Some((name, value?))).collect()
}

fn read_agents(
    top: &Section<'_>,
    reader: &Reader,
    common: &Common<'_>,
    known: Option<&Directory<'_>>,
) -> Option<BTreeMap<String, Agent>> {
    let sections = top.named("agents");
    let agents = read_named(&sections, |_, section| Agent::read(section, common))?;
    for (name, section) in &sections {
        if let (Some(agent), Some(known)) = (agents.get(name), known) {
            agent.check(name, known, reader, section);
        }
    }
    Some(agents)
}

fn read_routes(
    top: &Section<'_>,
    reader: &Reader,
    numbering: Option<Numbering>,
    agents: Option<&BTreeMap<String, Agent>>,
    languages: Option<&BTreeMap<String, Language>>,
    realtime: Option<&Realtime>,
) -> Option<Vec<Route>> {
    let sections = top.listed("routes");
    let routes: Vec<_> = sections.iter().map(|section| Route::read(section, numbering.unwrap_or_default())).collect();
    let routes: Vec<Route> = routes.into_iter().collect::<Option<_>>()?;
    if let (Some(agents), Some(languages)) = (agents, languages) {
        directory::check_routes(&routes, agents, languages, &sections, reader);
        if let Some(realtime) = realtime {
            directory::check_models(&routes, agents, realtime, &sections);
        }
    }
    Some(routes)
}
