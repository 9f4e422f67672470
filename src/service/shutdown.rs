//! Runs the service until a signal, and stops it as politely as time allows.

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use actix::Addr;
use futures_util::future::{Either, select};
use log::{error, info, warn};
use switchboard_actors::supervisor::actor::Supervisor;
use switchboard_actors::supervisor::messages::{CallList, Drain, ListCalls};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::service::config::Config;
use crate::service::logging::LIFE;
use crate::service::manager::{self, Sockets};
use crate::service::reload::Reading;
use crate::service::{Service, ServiceError};

/// As [`serve_from`], with a configuration that has no source to be read from again.
pub async fn serve(config: Config) -> ExitCode {
    serve_from(config, None).await
}

/// Runs the service until SIGTERM, SIGINT or SIGQUIT, or an operator's order to drain, then lets calls end for
/// `server.drain_timeout`. A second signal stops it at once. SIGHUP reads the configuration again
/// as `reading` says, or drains if it comes of a closing terminal. Every other signal that would end
/// the process by default is logged and ignored. The exit code is success after an orderly stop, and
/// failure if the service could not start.
pub async fn serve_from(config: Config, reading: Option<Reading>) -> ExitCode {
    match run(config, reading).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let taken =
                matches!(&error, ServiceError::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse);
            let next =
                if taken { "; another program listens there: `ss -ltnp` names it, or choose another port" } else { "" };
            error!(target: LIFE, "failed to {error}{next}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config, reading: Option<Reading>) -> Result<(), ServiceError> {
    // First of all, so that a signal during the start is not lost.
    let mut signals = Signals::listen();
    let model = config.model_in_words();
    let service = Service::build_from(config, reading, Sockets::of_this_process()).await?;
    let (address, public) = (service.public_addr(), service.public_url());
    say(&format!("listening for carriers at {address} (public URL {public}), model {model}"));
    say(&format!("listening for operators at {}", service.admin_url()));
    manager::ready();
    actix_rt::spawn(look_after(service.supervisor().clone()));

    let signal = until_the_end(&mut signals, &service).await;
    let patience = service.patience();
    say(&format!(
        "{signal}: taking no more calls; those that are on have {} to end, a second signal ends them now",
        humantime::format_duration(patience)
    ));
    let supervisor = service.supervisor().clone();
    manager::stopping();
    let progress = actix_rt::spawn(tell_progress(supervisor.clone()));
    let stopping = pin!(service.stop(patience));
    let again = pin!(signals.end());
    if let Either::Right((signal, stopping)) = select(stopping, again).await {
        say(&format!("{signal} again: ending the calls now"));
        supervisor.do_send(Drain { patience: Duration::ZERO });
        if timeout(NOW, stopping).await.is_err() {
            say("not everything has stopped in time; exiting anyway");
            return Ok(());
        }
    }
    progress.abort();
    say("stopped");
    Ok(())
}

/// Tells the manager that the service lives and what it does. A Supervisor that does not answer is
/// no sign of life: the manager then starts the service anew.
async fn look_after(supervisor: Addr<Supervisor>) {
    let beat = manager::watchdog();
    if beat.is_none() && !manager::is_there() {
        return;
    }
    let every = beat.map_or(STATUS_EVERY, |beat| beat.min(STATUS_EVERY));
    let mut told = String::new();
    loop {
        if let Ok(list) = supervisor.send(ListCalls).timeout(every).await {
            manager::alive();
            let line = standing(&list);
            if line != told {
                manager::status(&line);
                told = line;
            }
        }
        actix_rt::time::sleep(every).await;
    }
}

/// Tells the log and the manager how far a drain is.
async fn tell_progress(supervisor: Addr<Supervisor>) {
    let mut told = None;
    loop {
        if let Ok(list) = supervisor.send(ListCalls).timeout(PROGRESS_EVERY).await {
            // As long as calls end by themselves, the manager's own limit for a stop does not hold.
            manager::stops_in_order(2 * PROGRESS_EVERY + NOW);
            let left = (list.calls.len(), list.expected);
            if left != (0, 0) && told != Some(left) {
                say(&standing(&list));
                told = Some(left);
            }
        }
        actix_rt::time::sleep(PROGRESS_EVERY).await;
    }
}

/// What the service does, in one line.
fn standing(list: &CallList) -> String {
    let calls = list.calls.len();
    match list.patience_left {
        None => format!("{calls} of {} places taken", list.max_calls),
        Some(left) => {
            let left = humantime::format_duration(Duration::from_secs(left.as_secs()));
            format!("draining: {calls} calls are on and {} expected, which have {left} to end", list.expected)
        }
    }
}

/// Runs until something asks for the end, and returns its name.
async fn until_the_end(signals: &mut Signals, service: &Service) -> &'static str {
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Asked::End(name) => return name,
                // A task of its own: the next signal is not to wait for it.
                Asked::Reload => {
                    let order = service.reload_order();
                    actix_rt::spawn(async move { order.give("SIGHUP").await });
                }
            },
            () = service.drain_ordered() => return "an operator's order to drain",
        }
    }
}

/// The order to drain, which an operator gives over HTTP. Clones share it.
#[derive(Debug, Clone)]
pub struct DrainOrder {
    /// How long calls may continue, in milliseconds.
    patience: Arc<AtomicU64>,
    given: Arc<Notify>,
    begun: Arc<AtomicBool>,
}

impl DrainOrder {
    /// An order that is not given yet.
    pub fn new(patience: Duration) -> Self {
        let order = Self { patience: Arc::default(), given: Arc::default(), begun: Arc::default() };
        order.set_patience(patience);
        order
    }

    /// How long calls may continue.
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.patience.load(Ordering::Relaxed))
    }

    /// Changes how long calls may continue, for an order that is not given yet.
    pub fn set_patience(&self, patience: Duration) {
        self.patience.store(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Gives the order: whoever runs the service drains and stops it.
    pub fn give(&self) {
        self.begin();
        self.given.notify_one();
    }

    /// Notes that the drain has begun, whoever ordered it.
    pub fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Whether no more calls are taken.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Completes once the order is given.
    pub async fn given(&self) {
        self.given.notified().await;
    }
}

/// How often the manager is told of the calls.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// How often the progress of a drain is told, if it has changed.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// The patience of an immediate stop: time for goodbyes to callers and for records, and no more.
const NOW: Duration = Duration::from_secs(10);

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// No new calls; the process ends after the last call.
    End(&'static str),
    /// To read the configuration again.
    Reload,
}

/// The signals that end the process. The others are caught too, so that their default action cuts
/// no calls.
pub(crate) struct Signals {
    #[cfg(unix)]
    taken: Vec<(Meaning, &'static str, tokio::signal::unix::Signal)>,
}

/// The meaning of a signal.
#[cfg(unix)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// No new calls; the process ends after the last call.
    Drain,
    /// The configuration is read again.
    Reload,
    /// Ignored: calls continue.
    Nothing,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn listen() -> Self {
        use std::io::IsTerminal as _;

        use tokio::signal::unix::{SignalKind, signal};

        let on_a_terminal = std::io::stderr().is_terminal();
        let known = KNOWN.iter().map(|(name, kind)| (meaning(name, on_a_terminal), *name, kind()));
        let real_time =
            real_time_signals().map(|kind| (Meaning::Nothing, "a real-time signal", SignalKind::from_raw(kind)));
        let taken = known
            .chain(real_time)
            // A signal that the system does not let us catch keeps its default action.
            .filter_map(|(meaning, name, kind)| Some((meaning, name, signal(kind).ok()?)))
            .collect();
        Self { taken }
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> Self {
        Self {}
    }

    /// Returns the name of the next signal that ends the process.
    pub(crate) async fn end(&mut self) -> &'static str {
        loop {
            match self.next().await {
                Asked::End(name) => return name,
                Asked::Reload => warn!("SIGHUP ignored: nothing reads the configuration now"),
            }
        }
    }

    /// Returns what the next signal asks for.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> Asked {
        std::future::poll_fn(|context| {
            for (meaning, name, signal) in &mut self.taken {
                while let std::task::Poll::Ready(Some(())) = signal.poll_recv(context) {
                    match meaning {
                        Meaning::Drain => return std::task::Poll::Ready(Asked::End(name)),
                        Meaning::Reload => return std::task::Poll::Ready(Asked::Reload),
                        Meaning::Nothing => {
                            warn!(signal = *name; "signal ignored: calls go on; SIGTERM ends the service");
                        }
                    }
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Returns what the next signal asks for.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> Asked {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Asked::End("Ctrl-C"),
            Err(_) => std::future::pending().await,
        }
    }
}

/// Returns the meaning of a signal. A closing terminal ends its programs; from anybody else SIGHUP
/// asks for a reload.
#[cfg(unix)]
fn meaning(name: &str, on_a_terminal: bool) -> Meaning {
    match name {
        "SIGTERM" | "SIGINT" | "SIGQUIT" => Meaning::Drain,
        "SIGHUP" if on_a_terminal => Meaning::Drain,
        "SIGHUP" => Meaning::Reload,
        _ => Meaning::Nothing,
    }
}

/// Returns a signal's kind, which is not a constant.
#[cfg(unix)]
type MakeKind = fn() -> tokio::signal::unix::SignalKind;

/// Signals that end a process by default and do not indicate a broken one. The numbers of the last
/// four are those of Linux; other systems differ.
/// <https://man7.org/linux/man-pages/man7/signal.7.html>
#[cfg(unix)]
const KNOWN: &[(&str, MakeKind)] = {
    use tokio::signal::unix::SignalKind;
    &[
        ("SIGTERM", SignalKind::terminate),
        ("SIGINT", SignalKind::interrupt),
        ("SIGQUIT", SignalKind::quit),
        ("SIGHUP", SignalKind::hangup),
        ("SIGUSR1", SignalKind::user_defined1),
        ("SIGUSR2", SignalKind::user_defined2),
        ("SIGALRM", SignalKind::alarm),
        // Limits of the system: the operation over the limit fails, and calls go on.
        #[cfg(target_os = "linux")]
        ("SIGXCPU", || SignalKind::from_raw(24)),
        #[cfg(target_os = "linux")]
        ("SIGXFSZ", || SignalKind::from_raw(25)),
        #[cfg(target_os = "linux")]
        ("SIGSTKFLT", || SignalKind::from_raw(16)),
        #[cfg(target_os = "linux")]
        ("SIGVTALRM", || SignalKind::from_raw(26)),
        #[cfg(target_os = "linux")]
        ("SIGPROF", || SignalKind::from_raw(27)),
        #[cfg(target_os = "linux")]
        ("SIGIO", || SignalKind::from_raw(29)),
        #[cfg(target_os = "linux")]
        ("SIGPWR", || SignalKind::from_raw(30)),
    ]
};

/// Linux's real-time signals that the C library leaves to programs; none elsewhere.
#[cfg(unix)]
fn real_time_signals() -> std::ops::RangeInclusive<std::ffi::c_int> {
    if cfg!(target_os = "linux") { 35..=64 } else { std::ops::RangeInclusive::new(1, 0) }
}

/// Writes a line for the person at the terminal, whatever the log level.
fn say(line: &str) {
    info!(target: LIFE, "{line}");
}
