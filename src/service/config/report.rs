//! The report of `check` about what would run, as text and as JSON. Secrets appear only as present
//! or absent. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use humantime::format_duration;
use serde_json::{Value, json};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::address::without_query;
use switchboard_actors::carrier::control::Target;
use switchboard_actors::profile::InterruptionPolicy;
use switchboard_actors::profile::destinations::Destination;
use switchboard_actors::profile::spending::Budget;
use switchboard_actors::realtime::settings::TurnDetection;
use url::Url;

use super::agents::Agent;
use super::conversation::Detector;
use super::directory::Route;
use super::engines;
use super::exact::{ClipMode, ExactWords};
use super::logging::LogFormat;
use super::problem::ConfigError;
use super::realtime::Realtime;
use super::root::Config;
use super::service::Limits;
use crate::service::operators::Token;

impl Config {
    /// The report as JSON. Durations are in milliseconds, sizes in bytes.
    pub fn summary(&self) -> Value {
        let realtime = &self.realtime;
        let mut summary = json!({
            "valid": true,
            "file": self.file.as_ref().map(|path| path.display().to_string()),
            "server": {
                "bind": self.server.bind.to_string(),
                "public_url": self.server.public_url.as_str(),
                "workers": self.server.workers,
                "max_calls": self.server.max_calls,
                "drain_timeout_ms": self.drain_timeout().as_millis(),
            },
            "admin": {"bind": self.admin.bind.to_string(), "token_required": !self.admin.tokens.is_empty(), "tokens": self.admin.tokens.iter().map(|it| json!({"name": it.name, "role": it.role.word()})).collect::<Vec<_>>()},
            "carriers": Carrier::all().filter(|carrier| self.carriers.is_answered(*carrier)).map(Carrier::name).collect::<Vec<_>>(),
            "realtime": {
                "provider": realtime.provider.word(),
                "url": realtime.url.as_ref().map(without_query),
                "model": realtime.model,
                "fallback_models": realtime.fallback_models,
                "audio_format": realtime.audio_format.word(),
                "voice": realtime.voice,
                "turn_detection": turns(realtime, self.detector),
                "transcription": realtime.options.transcription.as_ref().map(|transcription| &transcription.model),
            },
            "engines": self.realtime.joins_engines().then(|| engines::summary(&self.engines)),
            "agents": self.agents.iter().map(|(name, agent)| (name.clone(), self.agent(agent))).collect::<serde_json::Map<_, _>>(),
            "languages": self.languages.iter().map(|(code, it)| (code.clone(), json!(it.name))).collect::<serde_json::Map<_, _>>(),
            "routes": self.routes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "transfers": self.transfers.iter().map(|(name, to)| (name.clone(), json!(target_word(&to.destination.target)))).collect::<serde_json::Map<_, _>>(),
            "tools": self.tools.keys().collect::<Vec<_>>(),
            "tool_urls": self.tools.iter().map(|(name, tool)| (name.clone(), json!(without_query(&tool.url)))).collect::<serde_json::Map<_, _>>(),
            "recording": {"dir": self.recording.dir.as_ref().map(|dir| dir.display().to_string()), "consent": self.recording.consent.is_some()},
            "outbound": {
                "enabled": self.outbound.enabled,
                "from": self.outbound.from,
                "allow": self.outbound.allow,
                "max_per_minute": self.outbound.max_per_minute,
                "max_concurrent": self.outbound.max_concurrent,
            },
            "log": {"format": if self.log.format == LogFormat::Json { "json" } else { "text" }, "level": self.log.level.as_str().to_lowercase()},
            "numbers": {"country": self.numbering.country()},
            "experiments": self.experiments.iter().map(|it| (it.name.clone(), json!(it.percent))).collect::<serde_json::Map<_, _>>(),
            "spend": {
                "call": budget(self.spend.call),
                "caller": budget(self.spend.limits.caller),
                "day": budget(self.spend.limits.day),
                "kill": self.spend.limits.killed,
                "file": self.spend.file.as_ref().map(|path| path.display().to_string()),
            },
            "records": {"dir": self.records.dir.display().to_string()},
            "webhooks": self.webhooks.endpoints.iter().map(|endpoint| &endpoint.name).collect::<Vec<_>>(),
            "delivery": {"backend": if self.delivery.redis_url.is_some() { "redis" } else { "files" }},
            "cluster": self.cluster.as_ref().map(|it| json!({"node": it.node, "advertise": it.advertise.as_ref().map(Url::as_str)})),
            "interruption": self.interruption(),
            "speech_detector": self.detector.map(|Detector { plan, second_opinion }| json!({
                "threshold": plan.threshold,
                "min_speech_ms": plan.min_speech.as_millis(),
                "min_silence_ms": plan.min_silence.as_millis(),
                "second_opinion": second_opinion,
            })),
            "clips": self.clips_summary(),
            "keypad": {
                "inter_digit_ms": self.keypad.inter_digit.as_millis(),
                "terminator": self.keypad.terminator,
            },
            "limits": self.limits.summary(),
            "secrets": self.secrets.present().into_iter().map(|(name, there)| (name.to_owned(), presence(there).into())).collect::<serde_json::Map<_, _>>(),
            "notes": self.notes,
        });
        for carrier in Carrier::all() {
            summary[carrier.name()] = self.carriers.describe(carrier).facts;
        }
        summary
    }

    /// The report as text: each line is a heading and its facts.
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        let (realtime, limits) = (&self.realtime, &self.limits);
        let mut lines = vec![
            (
                "settings",
                self.file.as_ref().map_or_else(|| "built-in defaults".to_owned(), |path| path.display().to_string()),
            ),
            ("public", format!("{} on {}, {} threads", self.server.public_url, self.server.bind, self.server.workers)),
            ("admin", format!("{}, {}", self.admin.bind, tokens_in_words(&self.admin.tokens))),
            (
                "calls",
                format!(
                    "{} places, {} each at most, {} to finish on shutdown",
                    self.server.max_calls,
                    format_duration(limits.max_call_duration),
                    format_duration(self.drain_timeout())
                ),
            ),
        ];
        lines.extend(Carrier::all().map(|carrier| self.carriers.describe(carrier)).map(|it| (it.heading, it.words)));
        lines.push(("model", self.model_in_words()));
        if self.realtime.joins_engines() {
            lines.extend(engines::in_words(&self.engines));
        }
        lines.push(("turns", turns(realtime, self.detector)));
        lines.extend(self.agents.iter().map(|(name, agent)| ("agent", agent_in_words(name, agent))));
        lines.extend(
            self.languages.iter().map(|(code, it)| ("language", format!("{code}: {}, “{}”", it.name, it.greeting))),
        );
        lines.extend(self.routes.iter().map(|route| ("route", route.to_string())));
        lines.extend(
            self.transfers
                .iter()
                .map(|(name, to)| ("transfer", format!("{name}: {}", destination_in_words(&to.destination)))),
        );
        lines.extend(self.tools.iter().map(|(name, tool)| ("tool", format!("{name}: {}", without_query(&tool.url)))));
        lines
            .extend(self.experiments.iter().map(|it| ("variant", format!("{}: {} % of callers", it.name, it.percent))));
        lines.push(("spending", self.spending_in_words()));
        lines.push(("records", self.records.dir.display().to_string()));
        lines.push(("recording", self.recording_in_words()));
        lines.extend(self.webhooks.endpoints.iter().map(|endpoint| {
            let events: Vec<&str> = endpoint.events.iter().map(|kind| kind.name()).collect();
            let signed = if endpoint.secrets.is_some() { "signed" } else { "unsigned" };
            ("webhook", format!("{}: {}, {signed}; {}", endpoint.name, endpoint.payload.name(), events.join(" ")))
        }));
        let secrets = self.secrets.present().into_iter().filter(|(name, there)| *there || self.has_use_for(name));
        lines.extend(secrets.map(|(name, there)| ("secret", format!("{name} {}", presence(there)))));
        lines
    }

    fn interruption(&self) -> Value {
        let plan = &self.interruption;
        let (policy, resume_after) = match plan.policy {
            InterruptionPolicy::Immediate => ("immediate", None),
            InterruptionPolicy::Model => ("model", None),
            InterruptionPolicy::PauseAndConfirm { resume_after } => ("pause", Some(resume_after.as_millis())),
        };
        json!({
            "min_speech_ms": plan.min_speech.as_millis(),
            "greeting_protection_ms": plan.greeting_protection.as_millis(),
            "policy": policy,
            "resume_after_ms": resume_after,
        })
    }

    fn clips_summary(&self) -> Value {
        let ExactWords { mode, source, voice, wait } = &self.clips;
        json!({
            "enabled": match mode {
                ClipMode::Auto => json!("auto"),
                ClipMode::Always => json!(true),
                ClipMode::Never => json!(false),
            },
            "url": source.as_ref().map(|source| without_query(&source.url)),
            "model": source.as_ref().map(|source| &source.model),
            "voice": voice,
            "wait_ms": wait.as_millis(),
        })
    }

    fn agent(&self, agent: &Agent) -> Value {
        json!({
            "languages": agent.languages,
            "tools": agent.tools,
            "model": agent.model.as_ref().unwrap_or(&self.realtime.model),
            "voice": agent.voice,
            "notice": agent.notice.is_some(),
            "keys": agent.keypad.keys().collect::<Vec<_>>(),
            "questions": agent.questions.iter().map(|question| &question.key).collect::<Vec<_>>(),
            "hand_over": agent.hand_over.keys().collect::<Vec<_>>(),
            "variables": agent.values.defaults,
            "zone": agent.values.zone.to_string(),
            "lookup": agent.look_up.as_ref().map(|it| json!({
                "url": without_query(&it.url), "timeout_ms": it.timeout.as_millis(), "cache_ms": it.cache.as_millis(),
            })),
        })
    }

    /// Whether an enabled feature would use a secret that is not set.
    fn has_use_for(&self, secret: &str) -> bool {
        match secret {
            "SWITCHBOARD_ADMIN_TOKEN" => !self.is_local(),
            "SWITCHBOARD_WEBHOOK_SECRET" => !self.webhooks.endpoints.is_empty(),
            "SWITCHBOARD_CLUSTER_TOKEN" => self.cluster.is_some(),
            "SWITCHBOARD_CALLER_SALT" => self.spend.limits.need_spend_store() || !self.experiments.is_empty(),
            others => {
                let joined = self.realtime.joins_engines() && engines::use_key(&self.engines, others);
                joined || self.realtime.uses_key(others) || self.carriers.wants(others)
            }
        }
    }

    fn recording_in_words(&self) -> String {
        let Some(dir) = &self.recording.dir else { return "off".to_owned() };
        let announces = |agent: &Agent| self.recording.consent.is_some() || agent.notice.is_some();
        let words =
            if self.agents.values().all(announces) { "callers are told first" } else { "not all callers are told" };
        format!("{}, {words}", dir.display())
    }

    fn spending_in_words(&self) -> String {
        if self.spend.limits.killed {
            return "the kill switch is on: no call is taken".to_owned();
        }
        let limits = [
            ("a call", self.spend.call),
            ("a caller a day", self.spend.limits.caller),
            ("a day", self.spend.limits.day),
        ];
        let hard = limits.iter().filter_map(|(what, budget)| Some(format!("{what} ${:.2}", budget.hard?.dollars())));
        let hard: Vec<String> = hard.collect();
        if hard.is_empty() { "no limits".to_owned() } else { format!("at most {}", hard.join(", ")) }
    }

    /// The model that answers, where it is, and what follows when it is lost.
    pub fn model_in_words(&self) -> String {
        let realtime = &self.realtime;
        let place = realtime.url.as_ref().map_or_else(|| "built in".to_owned(), without_query);
        let first =
            format!("{} ({place}), {}, {}", realtime.provider.word(), realtime.model, realtime.audio_format.word());
        let servers = realtime.fallbacks.iter().map(|fallback| {
            let model = fallback.model.as_deref().unwrap_or(&realtime.model);
            let place = fallback.url.as_ref().map_or_else(|| "the same server".to_owned(), without_query);
            format!("{model} ({}, {place})", fallback.provider.word())
        });
        let next: Vec<String> = realtime.fallback_models.iter().cloned().chain(servers).collect();
        if next.is_empty() { first } else { format!("{first}; then {}", next.join(", ")) }
    }
}

fn agent_in_words(name: &str, agent: &Agent) -> String {
    let tools = if agent.tools.is_empty() { "no tools".to_owned() } else { agent.tools.join(" ") };
    let mut text = format!("{name}: {}; {tools}", agent.languages.join(" "));
    if !agent.questions.is_empty() {
        let keys: Vec<&str> = agent.questions.iter().map(|question| question.key.as_str()).collect();
        text += &format!("; asks {}", keys.join(" "));
    }
    if !agent.keypad.is_empty() {
        let keys: Vec<String> = agent.keypad.keys().map(ToString::to_string).collect();
        text += &format!("; keys {}", keys.join(" "));
    }
    text
}

fn destination_in_words(to: &Destination) -> String {
    let hours = to.hours.as_ref().map(|hours| format!(", open {hours}")).unwrap_or_default();
    format!("{}{hours}", target_word(&to.target))
}

fn budget(budget: Budget) -> Value {
    json!({"soft_usd": budget.soft, "hard_usd": budget.hard})
}

impl ConfigError {
    /// The problems as JSON.
    pub fn summary(&self) -> Value {
        let problems = self.problems.iter().map(
            |problem| json!({"key": problem.key, "where": problem.origin.to_string(), "message": problem.message}),
        );
        json!({"valid": false, "problems": problems.collect::<Vec<_>>()})
    }
}

/// The kind of a destination; never the number.
const fn target_word(target: &Target) -> &'static str {
    match target {
        Target::Number(_) => "number",
        Target::Sip(_) => "sip",
        Target::Client(_) => "client",
        Target::Carrier => "carrier",
    }
}

impl Limits {
    fn summary(&self) -> Value {
        json!({
            "max_call_duration_ms": self.max_call_duration.as_millis(),
            "idle_prompts_ms": self.idle_prompts.iter().map(Duration::as_millis).collect::<Vec<_>>(),
            "idle_after_ms": self.idle_after.as_millis(),
            "longest_without_words_ms": self.longest_without_words.as_millis(),
            "start_timeout_ms": self.start_timeout.as_millis(),
            "line_silence_ms": self.line_silence.as_millis(),
            "goodbye_ms": self.goodbye.as_millis(),
            "model_setup_ms": self.model_setup.as_millis(),
            "max_message": self.max_message,
            "calls_per_caller": self.calls_per_caller,
            "sockets_per_address": self.sockets_per_address,
            "sockets_waiting": self.sockets_waiting,
        })
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut conditions = String::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                // Writing to a string cannot fail.
                let _ = write!(conditions, "{name} {value}, ");
            }
        };
        add("to", self.to.as_ref().map(ToString::to_string));
        add("from", self.from.as_ref().map(ToString::to_string));
        add("carrier", self.carrier.map(str::to_owned));
        for (name, value) in &self.parameters {
            add(name, Some(format!("= {value}")));
        }
        let conditions = if conditions.is_empty() { "every call" } else { conditions.trim_end_matches(", ") };
        let agent = self.agent.as_deref().unwrap_or("chosen by the call");
        let language = self.language.as_deref().unwrap_or("chosen by the call");
        write!(f, "{conditions} → agent {agent}, language {language}")
    }
}

/// Who finds the caller's turns, and how.
fn turns(realtime: &Realtime, detector: Option<Detector>) -> String {
    let ours = |Detector { plan, .. }: Detector| {
        format!(
            "threshold {}, speech {} ms, silence {} ms",
            plan.threshold,
            plan.min_speech.as_millis(),
            plan.min_silence.as_millis()
        )
    };
    if realtime.capabilities(&realtime.options).speech_events.is_none() {
        return detector.map_or("by the loudness of the line".to_owned(), |it| format!("ours, {}", ours(it)));
    }
    let servers = servers_turns(realtime);
    match detector.filter(|it| it.second_opinion) {
        Some(it) => format!("{servers}; second opinion: ours, {}", ours(it)),
        None => servers,
    }
}

fn servers_turns(realtime: &Realtime) -> String {
    if !realtime.provider.knows("turn_detection.type") {
        return "found by the model itself".to_owned();
    }
    match &realtime.options.turn_detection {
        TurnDetection::Server { threshold, prefix_padding_ms, silence_duration_ms, .. } => {
            format!(
                "server_vad, threshold {threshold}, padding {prefix_padding_ms} ms, silence {silence_duration_ms} ms"
            )
        }
        TurnDetection::Semantic { eagerness, .. } => format!("semantic_vad, eagerness {eagerness}"),
    }
}

fn tokens_in_words(tokens: &[Token]) -> String {
    if tokens.is_empty() {
        return "no token (loopback)".to_owned();
    }
    let named: Vec<String> = tokens.iter().map(|token| format!("{} ({})", token.name, token.role.word())).collect();
    format!("bearer tokens {}", named.join(", "))
}

const fn presence(there: bool) -> &'static str {
    if there { "present" } else { "absent" }
}
