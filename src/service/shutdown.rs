//! Running until told to stop, and stopping as politely as there is time for.

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::{Either, select};
use log::{error, info, warn};
use switchboard_actors::supervisor::messages::Drain;
use tokio::time::timeout;

use crate::service::config::Config;
use crate::service::logging::LIFE;
use crate::service::{Service, ServiceError};

/// Runs the service until SIGTERM, SIGINT or SIGQUIT, then lets calls end for `server.drain_timeout`; a second signal means now.
/// Every other signal that would end the process by default is named in the log and changes nothing, but for SIGHUP of a
/// terminal that closes: it drains. Success is an orderly end; failure is a service that could not start.
pub async fn serve(config: Config) -> ExitCode {
    match run(config).await {
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

async fn run(config: Config) -> Result<(), ServiceError> {
    let patience = config.server.drain_timeout;
    // Before anything else, so that a signal during the start is not lost.
    let mut signals = Signals::listen();
    let model = config.model_in_words();
    let service = Service::build(config).await?;
    let (address, public) = (service.public_addr(), service.public_url());
    say(&format!("listening for carriers at {address} (public URL {public}), model {model}"));
    say(&format!("listening for operators at {}", service.admin_url()));

    let signal = signals.next().await;
    say(&format!(
        "{signal}: taking no more calls; those that are on have {} to end, a second signal ends them now",
        humantime::format_duration(patience)
    ));
    let supervisor = service.supervisor().clone();
    let stopping = pin!(service.stop(patience));
    let again = pin!(signals.next());
    if let Either::Right((signal, stopping)) = select(stopping, again).await {
        say(&format!("{signal} again: ending the calls now"));
        supervisor.do_send(Drain { patience: Duration::ZERO });
        if timeout(NOW, stopping).await.is_err() {
            say("not everything has ended in order; going all the same");
            return Ok(());
        }
    }
    say("stopped");
    Ok(())
}

/// What "now" means: time to say goodbye to callers and to write records, and no more.
const NOW: Duration = Duration::from_secs(10);

/// The signals that ask the process to end. The others are taken, so that none of them cuts calls by its default action.
pub(crate) struct Signals {
    #[cfg(unix)]
    taken: Vec<(Meaning, &'static str, tokio::signal::unix::Signal)>,
}

/// What a signal asks for.
#[cfg(unix)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// No new calls, and the end once those that are on have ended.
    Drain,
    /// Nothing: calls go on.
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
            // A signal that the system does not let us take keeps its default action.
            .filter_map(|(meaning, name, kind)| Some((meaning, name, signal(kind).ok()?)))
            .collect();
        Self { taken }
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> Self {
        Self {}
    }

    /// The name of the next signal that asks the process to end.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> &'static str {
        std::future::poll_fn(|context| {
            for (meaning, name, signal) in &mut self.taken {
                while let std::task::Poll::Ready(Some(())) = signal.poll_recv(context) {
                    match meaning {
                        Meaning::Drain => return std::task::Poll::Ready(*name),
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

    /// The name of the next signal that asks the process to end.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            Err(_) => std::future::pending().await,
        }
    }
}

/// A terminal that closes takes the programs that run on it along; a supervisor's or an operator's SIGHUP comes by habit, and a
/// service that went away by it would not come back.
#[cfg(unix)]
fn meaning(name: &str, on_a_terminal: bool) -> Meaning {
    match name {
        "SIGTERM" | "SIGINT" | "SIGQUIT" => Meaning::Drain,
        "SIGHUP" if on_a_terminal => Meaning::Drain,
        _ => Meaning::Nothing,
    }
}

/// A signal's kind, which is no constant.
#[cfg(unix)]
type MakeKind = fn() -> tokio::signal::unix::SignalKind;

/// Those that end a process by default and are not the mark of a broken one. The numbers of the last four are Linux's: the
/// systems differ. <https://man7.org/linux/man-pages/man7/signal.7.html>
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

/// Tells the person at the terminal, whatever the log level.
fn say(line: &str) {
    info!(target: LIFE, "{line}");
}
