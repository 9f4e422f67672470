//! The whole configuration: every section, read once, and the rules between sections. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use switchboard_actors::numbers::Numbering;
use switchboard_actors::profile::spending::Prices;
use switchboard_actors::profile::{AudioPlan, InterruptionPlan};
use switchboard_actors::realtime::seat::Provider;
use switchboard_actors::realtime::settings::Engines;
use switchboard_actors::tools::plan::ToolPlan;

use super::agents::{self, Agent, Common, Directory, Language};
use super::carriers::{self, Carriers};
use super::cluster::Cluster;
use super::conversation::{Detector, Keypad};
use super::delegation;
use super::directory::{Route, Transfer};
use super::engines::{self, Surroundings};
use super::exact::ExactWords;
use super::experiments::{self, Experiment, Ground};
use super::layers::Node;
use super::logging::Log;
use super::names::is_name;
use super::options::{self, McpServers};
use super::outbound::Outbound;
use super::problem::{ConfigError, Origin, Problem};
use super::reader::{Reader, Section};
use super::realtime::Realtime;
use super::recording::Recording;
use super::secrets::Secrets;
use super::server::Server;
use super::service::{Admin, Limits, Records};
use super::settings::Settings;
use super::sources::Sources;
use super::spending::{self, Spend};
use super::tools::BuiltIn;
use super::webhooks::{DeliveryQueue, Webhooks};
use super::{audio, conversation, directory, http_tools, numbering, service, tool_schemas, trust, variables};

/// The complete settings of the service, valid as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The public listener.
    pub server: Server,
    /// What is logged, and in which format.
    pub log: Log,
    /// The operators' listener.
    pub admin: Admin,
    /// The carriers.
    pub carriers: Carriers,
    /// The model.
    pub realtime: Realtime,
    /// The engines of a provider that joins several.
    pub engines: Engines,
    /// The agents, by name; `default` always exists.
    pub agents: BTreeMap<String, Agent>,
    /// The languages, by code.
    pub languages: BTreeMap<String, Language>,
    /// Which agent answers which calls; the first match wins.
    pub routes: Vec<Route>,
    /// Which callers get a variant of an agent.
    pub experiments: Vec<Experiment>,
    /// Limits of what calls may cost.
    pub spend: Spend,
    /// What models charge.
    pub prices: Prices,
    /// Destinations of transfers, by name.
    pub transfers: BTreeMap<String, Transfer>,
    /// Which numbers the service may call.
    pub outbound: Outbound,
    /// The operator's own tools, by name.
    pub tools: BTreeMap<String, Arc<ToolPlan>>,
    /// How numbers without a country code are interpreted.
    pub numbering: Numbering,
    /// Level and correction of the line's audio.
    pub audio: AudioPlan,
    /// Which speech of a caller interrupts an agent.
    pub interruption: InterruptionPlan,
    /// Our own speech detector, if it is on.
    pub detector: Option<Detector>,
    /// How words that have to be exact are recorded.
    pub clips: ExactWords,
    /// How pressed keys become a number.
    pub keypad: Keypad,
    /// Whether and where calls are recorded.
    pub recording: Recording,
    /// Where records are stored.
    pub records: Records,
    /// Which receivers are notified of calls.
    pub webhooks: Webhooks,
    /// Where deliveries wait.
    pub delivery: DeliveryQueue,
    /// The other nodes, if there are any.
    pub cluster: Option<Cluster>,
    /// This node's name, if it has one of its own. The addresses of its calls then begin with it, also
    /// without a cluster.
    pub node: Option<String>,
    /// Limits of calls, messages and connections.
    pub limits: Limits,
    /// The secrets, which are never shown.
    pub secrets: Secrets,
    /// The settings as a flat list, to compare them, and their version.
    pub settings: Settings,
    /// The file that was read, if one was.
    pub file: Option<PathBuf>,
    /// Facts that an operator should know and that do not prevent the start.
    pub notes: Vec<String>,
}

impl Config {
    /// Reads `path` (or `config.toml` in the working directory, if it exists), `.env` and the
    /// environment.
    ///
    /// # Errors
    /// Everything that is wrong with them, including a missing file that was named explicitly.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::from_sources(&Sources::found(path))
    }

    /// As [`Self::load`], with a format of the log that goes before all others.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_as(path: Option<&Path>, log_format: Option<&str>) -> Result<Self, ConfigError> {
        let sources = Sources::found(path);
        Self::from_sources(&match log_format {
            Some(format) => sources.overrides(&[("log.format", format)]),
            None => sources,
        })
    }

    /// Sets these dotted keys over the built-in defaults, without files and environment. For tests
    /// and the demo.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn builtin_with(overrides: &[(&str, &str)]) -> Result<Self, ConfigError> {
        Self::from_sources(&Sources::default().overrides(overrides))
    }

    /// Lays the sources over the built-in defaults and reads the result.
    ///
    /// # Errors
    /// Everything that is wrong with them.
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

    /// Every known key, with `<name>` in place of names that operators choose.
    pub fn known_keys() -> BTreeSet<String> {
        // The reading code is the schema, so the tree needs one of every kind of section.
        let engines = Provider::of_engines().map(|it| format!("languages.en.{}", it.word())).unwrap_or_default();
        let one_of_each = Sources::default().overrides(&[
            ("routes", "[{}]"),
            ("transfers.any", "{}"),
            ("tools.any", "{}"),
            ("mcp.any", "{}"),
            ("prices.any", "{}"),
            ("experiments", "[{}]"),
            ("webhooks.endpoints", "[{}]"),
            ("admin.tokens", "[{}]"),
            ("agents.default.questions", "[{}]"),
            ("realtime.fallbacks", "[{}]"),
            (engines.as_str(), "{ stt = {}, llm = {}, tts = {}, turns = {} }"),
        ]);
        read_all(&one_of_each).2
    }

    /// Logs the notes, shortly before the service starts.
    pub fn warn(&self) {
        for note in &self.notes {
            log::warn!("configuration: {note}");
        }
    }

    /// How long calls may continue after a request to stop.
    pub fn drain_timeout(&self) -> Duration {
        self.server.drain_timeout.unwrap_or(self.limits.max_call_duration + AFTER_THE_LONGEST_CALL)
    }

    /// The file of the audit log.
    pub fn audit(&self) -> PathBuf {
        self.admin.audit.clone().unwrap_or_else(|| self.records.dir.join(AUDIT))
    }

    /// Whether no part of the service can be reached from outside this machine.
    pub fn is_local(&self) -> bool {
        self.server.is_local() && self.admin.bind.ip().is_loopback()
    }
}

fn read_all(sources: &Sources) -> (Option<Config>, Vec<Problem>, BTreeSet<String>) {
    let (above, mut problems) = match sources.laid() {
        Ok(laid) => laid,
        Err(problems) => return (None, problems, BTreeSet::new()),
    };
    let mut tree = carriers::defaults();
    tree.lay(above);
    let reader = Reader::default();
    trust::refuse_secrets(&tree, "", &reader);
    variables::check_secrets(&sources.variables, &tree, &reader);
    let config = read_tree(&tree, &reader, sources);
    let (found, mut notes, known) = reader.finish();
    notes.extend(variables::strangers(&sources.variables, &tree, &known));
    problems.extend(found);
    let file = sources.file.as_ref().map(|(path, _)| path.clone());
    // Only what can run has a version: a hash over all settings takes its time.
    let settings = if problems.is_empty() { Settings::of(&tree, &sources.variables) } else { Settings::default() };
    (config.map(|config| Config { notes, file, settings, ..config }), problems, known)
}

/// Reads every section before any failure returns, so that all problems are reported.
fn read_tree(tree: &Node, reader: &Reader, sources: &Sources) -> Option<Config> {
    let top = reader.top(tree);
    let sections = SectionReader { tree, top: &top, reader, sources };
    let secrets = Secrets::read(&sources.variables);
    trust::weigh_tokens(&secrets, reader);
    carriers::check_pairs(&sources.variables, &secrets.carriers, reader);
    let server = Server::read(&top.table("server"));
    let log = Log::read(&top.table("log"));
    let admin = Admin::read(&top.table("admin"), server.as_ref(), &secrets, &sources.variables);
    let carriers = Carriers::read(&top, server.as_ref(), &secrets.carriers);
    let mcp = read_named(&top.named("mcp"), |name, section| options::read_server(name, section, &sources.variables));
    // A broken server table was already reported; an agent that names the server is not reported
    // again.
    let servers = mcp.clone().unwrap_or_default();
    let realtime = Realtime::read(&top.table("realtime"), &secrets, &servers, &sources.variables, server.as_ref());
    let around = Provider::of_engines().map(|provider| Surroundings {
        provider,
        needed: realtime.as_ref().is_some_and(Realtime::joins_engines),
        variables: &sources.variables,
    });
    let engines = match around {
        Some(around) => engines::read(&top.table(around.provider.word()), around),
        None => Some(Engines::default()),
    };
    let offered = sections.offered(realtime.as_ref(), &secrets, around);
    let answering = sections.answering(&offered, realtime.as_ref(), &servers);
    let records = Records::read(&top.table("records"));
    let clips = ExactWords::read(&top.table("clips"), records.as_ref(), &sources.variables);
    let recording = Recording::read(&top.table("recording"), records.as_ref());
    let webhooks = Webhooks::read(&top.table("webhooks"), &sources.variables);
    let delivery = DeliveryQueue::read(&top.table("delivery"), &sources.variables);
    let cluster = Cluster::read(&top.table("cluster"), &secrets, &sources.variables, admin.as_ref());
    let limits = Limits::read(&top.table("limits"));
    if let (Some(carriers), Some(Outbound { enabled: true, carrier, .. })) = (&carriers, &offered.outbound)
        && let Some(name) = carriers.idle_caller(*carrier).map(|carrier| carrier.name())
    {
        let found = format!("found true while {name}, the carrier with secrets to call people, is not answered");
        top.table("outbound").problem("enabled", format!("{found}; set {name}.enabled = true"));
    }
    service::note_short_drain(server.as_ref(), limits.as_ref(), reader);
    sections.check_model_loss(limits.as_ref(), offered.transfers.as_ref());
    mcp?;
    let (agents, languages, transfers) = (answering.agents?, offered.languages?, offered.transfers?);
    note_idle_tools(&agents, &languages, &transfers, reader);
    note_missing_notice(recording.as_ref(), &agents, reader);
    let outbound = offered.outbound?;
    let (cluster, node) = cluster?;
    let hands_on = !transfers.is_empty() || outbound.enabled;
    Some(Config {
        server: server?,
        log: log?,
        admin: admin?,
        carriers: carriers?.with_transfers(hands_on),
        realtime: realtime?,
        engines: engines?,
        agents,
        languages,
        routes: answering.routes?,
        experiments: answering.experiments?,
        spend: answering.spend?,
        prices: answering.prices?,
        transfers,
        outbound,
        tools: offered.tools?,
        numbering: answering.numbering?,
        audio: offered.audio?,
        interruption: offered.interruption?,
        detector: offered.detector?,
        clips: clips?,
        keypad: offered.keypad?,
        recording: recording?,
        records: records?,
        webhooks: webhooks?,
        delivery: delivery?,
        cluster,
        node,
        limits: limits?,
        secrets,
        settings: Settings::default(),
        file: None,
        notes: Vec::new(),
    })
}

/// A tree while it is being read.
struct SectionReader<'r> {
    tree: &'r Node,
    top: &'r Section<'r>,
    reader: &'r Reader,
    sources: &'r Sources,
}

/// The sections that agents depend on. Each is `None` if it could not be read.
struct Offered {
    languages: Option<BTreeMap<String, Language>>,
    transfers: Option<BTreeMap<String, Transfer>>,
    outbound: Option<Outbound>,
    tools: Option<BTreeMap<String, Arc<ToolPlan>>>,
    audio: Option<AudioPlan>,
    interruption: Option<InterruptionPlan>,
    detector: Option<Option<Detector>>,
    keypad: Option<Keypad>,
}

/// Agents, routes and their costs. Each is `None` if it could not be read.
struct Answering {
    agents: Option<BTreeMap<String, Agent>>,
    numbering: Option<Numbering>,
    routes: Option<Vec<Route>>,
    spend: Option<Spend>,
    prices: Option<Prices>,
    experiments: Option<Vec<Experiment>>,
}

impl SectionReader<'_> {
    fn offered(&self, realtime: Option<&Realtime>, secrets: &Secrets, around: Option<Surroundings<'_>>) -> Offered {
        let (top, sources) = (self.top, self.sources);
        let base = sources.file.as_ref().and_then(|(path, _)| path.parent()).unwrap_or(Path::new(""));
        let languages =
            read_named(&top.named("languages"), |_, section| Language::read(section, realtime, base, around));
        let codes: Option<Vec<&str>> = languages.as_ref().map(|known| known.keys().map(String::as_str).collect());
        let transfers =
            read_named(&top.named("transfers"), |_, section| Transfer::read(section, secrets, codes.as_deref()));
        Offered {
            transfers,
            languages,
            outbound: Outbound::read(&top.table("outbound"), secrets),
            tools: read_named(&top.named("tools"), |name, section| http_tools::read(name, section, &sources.variables)),
            audio: audio::read(&top.table("audio")),
            interruption: conversation::read_interruption(&top.table("interruption"), realtime),
            detector: conversation::read_detector(&top.table("speech_detector")),
            keypad: Keypad::read(&top.table("keypad")),
        }
    }

    fn answering(&self, offered: &Offered, realtime: Option<&Realtime>, servers: &McpServers) -> Answering {
        let (top, reader) = (self.top, self.reader);
        let tools: Vec<&str> = offered.tools.iter().flatten().map(|(name, _)| name.as_str()).collect();
        let transfers: Vec<&str> = offered.transfers.iter().flatten().map(|(name, _)| name.as_str()).collect();
        // An incomplete directory would report valid names as unknown.
        let whole = offered.tools.is_some() && offered.transfers.is_some();
        let known = offered.languages.as_ref().filter(|_| whole).map(|languages| Directory {
            provider: realtime.map(|realtime| realtime.provider),
            languages,
            tools: &tools,
            transfers: &transfers,
            keypad: offered.keypad,
        });
        let empty = Node::empty(Origin::Nowhere);
        let common = Common {
            realtime,
            node: self.tree.entry("realtime").unwrap_or(&empty),
            mcp: servers,
            interruption: offered.interruption.as_ref(),
            variables: &self.sources.variables,
        };
        let agents = read_agents(top, reader, &common, known.as_ref());
        if let Some(realtime) = realtime.filter(|realtime| realtime.knows("delegation")) {
            for (name, agent) in agents.iter().flatten() {
                let delegation = &agent.options(realtime).finer.delegation;
                delegation::note_idle(name, &agent.tools, delegation, &tools, reader);
            }
        }
        let numbering = numbering::read(&top.table("numbers"));
        let routes = read_routes(top, reader, numbering, agents.as_ref(), offered.languages.as_ref(), realtime);
        let spend = Spend::read(&top.table("spend"));
        let prices = spending::read_prices(&top.named("prices"));
        let ground = agents.as_ref().map(|agents| Ground {
            agents,
            node: self.tree.entry("agents"),
            common: &common,
            known: known.as_ref(),
            reader,
        });
        let experiments = experiments::read_all(&top.listed("experiments"), ground.as_ref());
        Answering { agents, numbering, routes, spend, prices, experiments }
    }

    /// Reports a `limits.on_model_loss` that names an unknown destination.
    fn check_model_loss(&self, limits: Option<&Limits>, transfers: Option<&BTreeMap<String, Transfer>>) {
        let Some(name) = limits.and_then(|limits| limits.on_model_loss.as_deref()) else { return };
        let Some(transfers) = transfers.filter(|transfers| !transfers.contains_key(name)) else { return };
        let names: Vec<&str> = transfers.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "there is none".to_owned() } else { names.join(", ") };
        let message = format!("found \"transfer {name}\", expected a name of [transfers]: {known}");
        let origin = self.tree.entry("limits").and_then(|limits| limits.entry("on_model_loss"));
        let origin = origin.map_or(Origin::Nowhere, |node| node.origin.clone());
        self.reader.problem("limits.on_model_loss", origin, message);
    }
}

/// Notes agents whose callers are recorded without a configured notice.
fn note_missing_notice(recording: Option<&Recording>, agents: &BTreeMap<String, Agent>, reader: &Reader) {
    let Some(_) = recording.filter(|it| it.dir.is_some() && it.consent.is_none()) else { return };
    let silent: Vec<&str> =
        agents.iter().filter(|(_, it)| it.notice.is_none()).map(|(name, _)| name.as_str()).collect();
    if !silent.is_empty() {
        let who = silent.join(", ");
        let next = "set recording.consent, or the agent's notice, where the law wants them to be";
        reader.note(format!("recording.enabled: callers of {who} are recorded and not told; {next}"));
    }
}

/// Notes tools of agents that calls cannot carry out.
fn note_idle_tools(
    agents: &BTreeMap<String, Agent>,
    languages: &BTreeMap<String, Language>,
    transfers: &BTreeMap<String, Transfer>,
    reader: &Reader,
) {
    for (name, agent) in agents {
        for tool in agent.tools.iter().filter_map(|tool| BuiltIn::from_name(tool)) {
            let offered = tool_schemas::offer(tool, agent, languages, transfers).is_some();
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
        if !is_name(name) {
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
    agents::check_hand_over(&agents, &sections);
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

/// How much longer a drain may last than the longest call: the call may begin a minute after its
/// webhook, and ends with a goodbye.
const AFTER_THE_LONGEST_CALL: Duration = Duration::from_secs(120);
/// The audit log in the folder of records.
const AUDIT: &str = "audit/audit.jsonl";
