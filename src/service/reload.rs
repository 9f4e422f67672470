//! Reads the configuration again while calls are on: by SIGHUP, by an order over HTTP, or because
//! its file has changed. `plan` decides what is applied; this carries it out.
//!
//! The configuration is read and judged whole before anything changes. New calls begin with what is
//! applied, and live ones keep what they began with.

mod plan;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix::Addr;
use actix_rt::task::{JoinHandle, spawn_blocking};
use log::{info, warn};
use metrics::counter;
use serde::Serialize;
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::control::Control;
use switchboard_actors::carrier::webhook_api::WebhookApi;
use switchboard_actors::realtime::providers::actor::Providers;
use switchboard_actors::supervisor::actor::Supervisor;
use switchboard_actors::supervisor::messages::LimitSpend;
use tokio::sync::{mpsc, oneshot};

use self::plan::Plan;
use super::config::{Config, ConfigError, plan_notes, plan_problems};
use super::live::Live;
use super::logging::{self, LIFE};
use super::operators::Operators;
use super::shutdown::DrainOrder;
use super::start::{Parts, record_ahead, settle, start_rehearsal};
use super::{manager, telemetry};
use crate::tools::rehearsal::Rehearsal;

/// How the configuration of this process is read again.
pub struct Reading {
    load: Arc<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>,
    /// The files that are watched for changes.
    files: Vec<PathBuf>,
}

impl Reading {
    /// Reads as the command line says, with its format of the log. `None` if the configuration came
    /// through a pipe, which cannot be read twice.
    pub fn of(path: Option<&Path>, log_format: Option<String>) -> Option<Self> {
        let file = path.unwrap_or(Path::new("config.toml")).to_owned();
        if path.is_some() && !file.is_file() {
            return None;
        }
        let path = path.map(Path::to_owned);
        Some(Self {
            load: Arc::new(move || Config::load_as(path.as_deref(), log_format.as_deref())),
            files: vec![file, PathBuf::from(".env")],
        })
    }

    /// Reads with `load`; no file is watched.
    pub fn with(load: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static) -> Self {
        Self { load: Arc::new(load), files: Vec::new() }
    }

    /// The state of the files, which a change of any of them changes.
    fn stamp(&self) -> Vec<Option<(SystemTime, u64)>> {
        let of = |file: &PathBuf| {
            let about = std::fs::metadata(file).ok()?;
            Some((about.modified().ok()?, about.len()))
        };
        self.files.iter().map(of).collect()
    }
}

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// The keys whose new values are in force, and the variables of changed secrets.
    pub changed: Vec<String>,
    /// The changed keys whose values take a restart.
    pub restart: Vec<String>,
    /// The version of the configuration that is in force now.
    pub version: String,
}

/// Why a reload changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReloaded {
    /// The configuration has these problems.
    Problems(ConfigError),
    /// It cannot be read again.
    Impossible(&'static str),
}

/// Orders a reload. Clones give orders to the same service.
#[derive(Debug, Clone)]
pub struct ReloadOrder(mpsc::Sender<Asked>);

/// An order, with who gave it and who waits for the result.
pub(super) struct Asked {
    by: &'static str,
    told: oneshot::Sender<Result<Reloaded, NotReloaded>>,
}

impl ReloadOrder {
    /// Reads the configuration again and applies it. `by` says in the log who wants it.
    ///
    /// # Errors
    /// Everything that is wrong with it; nothing has changed then.
    pub async fn give(&self, by: &'static str) -> Result<Reloaded, NotReloaded> {
        let (tell, told) = oneshot::channel();
        let stopping = NotReloaded::Impossible("the service is stopping");
        if self.0.send(Asked { by, told: tell }).await.is_err() {
            return Err(stopping);
        }
        told.await.unwrap_or(Err(stopping))
    }
}

/// The orders of a service.
pub(super) fn orders() -> (ReloadOrder, mpsc::Receiver<Asked>) {
    let (order, orders) = mpsc::channel(1);
    (ReloadOrder(order), orders)
}

/// Applies the configuration, on the thread of the service.
pub(super) struct Reloader {
    /// How it is read; `None` for a service whose configuration has no source.
    pub(super) reading: Option<Reading>,
    /// What runs.
    pub(super) running: Config,
    pub(super) live: Live,
    pub(super) operators: Arc<Operators>,
    pub(super) supervisor: Addr<Supervisor>,
    pub(super) providers: Addr<Providers>,
    pub(super) apis: HashMap<Carrier, Arc<dyn Control>>,
    pub(super) webhook_apis: HashMap<Carrier, Arc<dyn WebhookApi>>,
    pub(super) drain: DrainOrder,
    pub(super) rehearsal: Rc<RefCell<Option<Rehearsal>>>,
    pub(super) canary: Rc<RefCell<Option<JoinHandle<()>>>>,
}

impl Reloader {
    /// Carries out orders until nobody can give one, and watches the files if that is configured.
    pub(super) async fn serve(mut self, mut orders: mpsc::Receiver<Asked>) {
        let mut seen = self.reading.as_ref().map(Reading::stamp);
        let mut written = None;
        loop {
            let every = self.running.server.watch.filter(|_| self.reading.is_some());
            tokio::select! {
                asked = orders.recv() => {
                    let Some(Asked { by, told }) = asked else { return };
                    seen = self.reading.as_ref().map(Reading::stamp);
                    // The asker may have gone; the reload was ordered nevertheless.
                    let _ = told.send(self.reload(by).await);
                }
                () = pause(every) => {
                    let now = self.reading.as_ref().map(Reading::stamp);
                    // A file that has changed since the last look may still be being written.
                    if now != seen && now == written {
                        seen.clone_from(&now);
                        // Whatever is wrong has been logged.
                        let _ = self.reload("a changed file").await;
                    }
                    written = now;
                }
            }
        }
    }

    async fn reload(&mut self, by: &'static str) -> Result<Reloaded, NotReloaded> {
        manager::reloading();
        let result = self.try_reload().await;
        manager::ready();
        let word = if result.is_ok() { "applied" } else { "refused" };
        counter!("switchboard_configuration_reloads_total", "result" => word).increment(1);
        match &result {
            Ok(Reloaded { changed, restart, version }) => {
                info!(target: LIFE, by, version = version.as_str(), changed = changed.join(" "); "the configuration was read again");
                if !restart.is_empty() {
                    warn!(keys = restart.join(" "); "changed settings that take a restart");
                }
            }
            Err(NotReloaded::Problems(error)) => {
                for problem in &error.problems {
                    warn!(by; "the configuration was read again and refused; nothing has changed: {problem}");
                }
            }
            Err(NotReloaded::Impossible(problem)) => warn!(by; "the configuration was not read again: {problem}"),
        }
        result
    }

    async fn try_reload(&mut self) -> Result<Reloaded, NotReloaded> {
        let Some(reading) = &self.reading else {
            return Err(NotReloaded::Impossible(
                "this service has no configuration file that can be read twice; restart it with --config FILE",
            ));
        };
        let (load, running) = (Arc::clone(&reading.load), self.running.clone());
        // Reading decodes recordings and makes every prompt: calls must not wait for it.
        let judged = spawn_blocking(move || judge(&load()?, &running)).await;
        let plan = judged.map_err(|_| NotReloaded::Impossible("reading it failed; this is a bug, see the log"))?;
        let Plan { config, changed, restart } = plan.map_err(NotReloaded::Problems)?;
        self.apply(config, &changed).await?;
        let names = |keys: BTreeSet<String>| keys.into_iter().collect();
        Ok(Reloaded {
            changed: names(changed),
            restart: names(restart),
            version: self.running.settings.version().to_owned(),
        })
    }

    async fn apply(&mut self, config: Config, changed: &BTreeSet<String>) -> Result<(), NotReloaded> {
        if self.rehearsal.borrow().is_none() {
            let started = start_rehearsal(&config).await;
            *self.rehearsal.borrow_mut() =
                started.map_err(|_| NotReloaded::Impossible("the rehearsal model did not start"))?;
        }
        let embedded = self.rehearsal.borrow().as_ref().and_then(|it| it.url_for(config.realtime.rehearsal_protocol));
        let before = self.live.now();
        let profiles = Arc::new(before.profiles.renewed(&config, embedded.as_deref()));
        telemetry::begin_named(&config);
        record_ahead(&profiles, &self.providers, &self.supervisor);
        let (next, canary) = settle(Parts {
            config: &config,
            profiles,
            providers: &self.providers,
            apis: &self.apis,
            webhook_apis: &self.webhook_apis,
            pace: before.dialling.as_ref().map(|dialling| Arc::clone(&dialling.pace)),
        });
        if let Some(old) = std::mem::replace(&mut *self.canary.borrow_mut(), canary) {
            old.abort();
        }
        self.live.replace(next);
        self.operators.renew(&config.admin.tokens, config.admin.session);
        self.drain.set_patience(config.drain_timeout());
        if changed.iter().any(|key| key.starts_with("log.")) {
            logging::renew(&config.log);
        }
        if config.spend.limits != self.running.spend.limits {
            self.supervisor.do_send(LimitSpend(config.spend.limits));
        }
        self.running = config;
        Ok(())
    }
}

/// Judges what was read against what runs. Blocks.
fn judge(read: &Config, running: &Config) -> Result<Plan, ConfigError> {
    let plan = plan::plan(read, running);
    let problems = plan_problems(&plan.config);
    if !problems.is_empty() {
        return Err(ConfigError { problems });
    }
    plan.config.warn();
    for note in plan_notes(&plan.config) {
        warn!("configuration: {note}");
    }
    Ok(plan)
}

async fn pause(every: Option<Duration>) {
    match every {
        Some(every) => actix_rt::time::sleep(every).await,
        None => std::future::pending().await,
    }
}
