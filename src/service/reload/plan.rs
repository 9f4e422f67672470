//! What of a configuration that was read again can be applied to a service that runs. Pure.

use std::collections::BTreeSet;

use switchboard_actors::carrier::Carrier;

use crate::service::config::{Admin, Config, Limits, Recording, Secrets, Server, Spend};

/// The configuration that comes into force, and what differs from the one before.
#[derive(Debug)]
pub(super) struct Plan {
    /// What comes into force: the new values, and the old ones of what takes a restart.
    pub(super) config: Config,
    /// The keys whose new values come into force.
    pub(super) changed: BTreeSet<String>,
    /// The changed keys that take a restart.
    pub(super) restart: BTreeSet<String>,
}

/// Compares what was `read` with what is `running`.
pub(super) fn plan(read: &Config, running: &Config) -> Plan {
    let changes = running.settings.changes(&read.settings);
    let (restart, changed): (BTreeSet<String>, BTreeSet<String>) =
        changes.into_iter().partition(|key| takes_restart(key, read, running));
    Plan { config: merge(read, running, &restart), changed, restart }
}

/// Whether a key, or the variable of a secret, is used only at the start.
fn takes_restart(key: &str, read: &Config, running: &Config) -> bool {
    let section = key.split('.').next().unwrap_or(key);
    let of_carrier = Carrier::all().any(|carrier| carrier.name() == section);
    let secret = STARTING_SECRETS.contains(&key)
        || Carrier::all_secrets().any(|secret| secret.name == key)
        || [read, running].iter().any(|config| config.settings.mention("webhooks", key));
    of_carrier || secret || STARTING_SECTIONS.contains(&section) || STARTING.contains(&key)
}

fn merge(read: &Config, running: &Config, restart: &BTreeSet<String>) -> Config {
    let (new, old) = (read.clone(), running);
    Config {
        server: Server { drain_timeout: new.server.drain_timeout, watch: new.server.watch, ..old.server.clone() },
        admin: Admin { tokens: new.admin.tokens, session: new.admin.session, ..old.admin.clone() },
        carriers: old.carriers.clone(),
        spend: Spend { file: old.spend.file.clone(), ..new.spend },
        recording: Recording { dir: old.recording.dir.clone(), folder: old.recording.folder.clone(), ..new.recording },
        records: old.records.clone(),
        webhooks: old.webhooks.clone(),
        delivery: old.delivery.clone(),
        cluster: old.cluster.clone(),
        node: old.node.clone(),
        limits: Limits {
            sockets_per_address: old.limits.sockets_per_address,
            sockets_waiting: old.limits.sockets_waiting,
            calls_per_caller: old.limits.calls_per_caller,
            ..new.limits
        },
        secrets: Secrets {
            carriers: old.secrets.carriers.clone(),
            caller_salt: old.secrets.caller_salt.clone(),
            cluster_token: old.secrets.cluster_token.clone(),
            ..new.secrets
        },
        settings: new.settings.keeping(restart, &old.settings),
        ..new
    }
}

/// Sections that are used only at the start, beside those of the carriers.
const STARTING_SECTIONS: [&str; 4] = ["records", "webhooks", "delivery", "cluster"];
/// Further keys that are used only at the start.
const STARTING: [&str; 14] = [
    "server.bind",
    "server.public_url",
    "server.workers",
    "server.max_calls",
    "server.overload",
    "admin.bind",
    "admin.audit",
    "spend.file",
    "recording.enabled",
    "recording.dir",
    "realtime.warm_sessions",
    "limits.calls_per_caller",
    "limits.sockets_per_address",
    "limits.sockets_waiting",
];
/// Secrets that are used only at the start, beside those of the carriers and of webhooks.
const STARTING_SECRETS: [&str; 4] = [
    "SWITCHBOARD_CALLER_SALT",
    "SWITCHBOARD_WEBHOOK_SECRET",
    "SWITCHBOARD_REDIS_PASSWORD",
    "SWITCHBOARD_CLUSTER_TOKEN",
];

#[cfg(test)]
mod tests {
    use switchboard_actors::carrier::Carrier;

    use super::*;
    use crate::service::config::Sources;

    fn config(file: &str, variables: &[(&str, &str)]) -> Config {
        Config::from_sources(&Sources::default().file("my.toml", file).variables(variables)).expect("a configuration")
    }

    fn names(keys: &BTreeSet<String>) -> Vec<&str> {
        keys.iter().map(String::as_str).collect()
    }

    #[test]
    fn what_calls_begin_with_is_applied_and_what_is_bound_takes_a_restart() {
        let running = config("", &[]);
        let read = config(
            "[server]\nbind = \"127.0.0.1:8081\"\nmax_calls = 7\n[agents.default]\ngreeting = \"Ahoy!\"\n\
             [limits]\nmax_call_duration = \"20m\"\n[log]\nlevel = \"debug\"",
            &[],
        );
        let Plan { config, changed, restart } = plan(&read, &running);
        assert_eq!(names(&changed), ["agents.default.greeting", "limits.max_call_duration", "log.level"]);
        assert_eq!(names(&restart), ["server.bind", "server.max_calls"]);
        assert_eq!((config.server.bind, config.server.max_calls), (running.server.bind, running.server.max_calls));
        assert_eq!(config.limits.max_call_duration, read.limits.max_call_duration);
        let next = plan(&read, &config);
        assert!(next.changed.is_empty(), "nothing is applied twice: {:?}", next.changed);
        assert_eq!(next.restart, restart, "what takes a restart is named until there was one");
        assert_eq!(next.config, config);
    }

    #[test]
    fn a_carriers_settings_and_secrets_take_a_restart() {
        let running = config("", &[]);
        for carrier in Carrier::all() {
            let Some(setting) = carrier.settings().iter().find(|setting| setting.key == "lost_socket") else {
                continue;
            };
            let read = config(&format!("[{}]\n{} = \"7s\"", carrier.name(), setting.key), &[]);
            let plan = plan(&read, &running);
            assert_eq!(names(&plan.restart), [format!("{}.lost_socket", carrier.name())]);
            assert_eq!(plan.config.settings.version(), running.settings.version(), "nothing came into force");
        }
        let secret = Carrier::all_secrets().next().expect("a carrier with a secret").name;
        let plan = plan(&config("", &[(secret, "0123456789abcdef0123456789abcdef")]), &running);
        assert_eq!((names(&plan.restart), names(&plan.changed)), (vec![secret], vec![]));
    }

    #[test]
    fn tokens_of_operators_are_applied() {
        let file = "[[admin.tokens]]\nname = \"asha\"\nrole = \"viewer\"\ntoken_env = \"T_ASHA\"";
        let running = config(file, &[("T_ASHA", "asha-0123456789abcdef")]);
        let read = config(file, &[("T_ASHA", "asha-fedcba9876543210")]);
        let plan = plan(&read, &running);
        assert_eq!(names(&plan.changed), ["T_ASHA"]);
        assert_eq!(plan.config.admin.tokens, read.admin.tokens);
    }
}
