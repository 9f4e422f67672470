//! Running until told to stop, and stopping as politely as there is time for.

use std::io::{self, Write};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::{Either, select};
use switchboard_actors::supervisor::messages::Drain;
use tokio::time::timeout;

use crate::config::Config;
use crate::service::{Service, ServiceError};

/// Runs the service until SIGTERM or SIGINT, then lets calls end for `server.drain_timeout`; a second signal means now.
/// Success is an orderly end; failure is a service that could not start.
pub async fn serve(config: Config) -> ExitCode {
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("switchboard: failed to {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), ServiceError> {
    let patience = config.server.drain_timeout;
    // Before anything else, so that a signal during the start is not lost.
    let mut signals = Signals::listen();
    let service = Service::build(config).await?;
    say(&format!("listening for carriers at {} (public URL {})", service.public_addr(), service.public_url()));
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

/// The signals that ask the process to end.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: Option<tokio::signal::unix::Signal>,
    #[cfg(unix)]
    interrupt: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { terminate: signal(SignalKind::terminate()).ok(), interrupt: signal(SignalKind::interrupt()).ok() }
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> Self {
        Self {}
    }

    /// The next signal's name.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> &'static str {
        async fn one(signal: &mut Option<tokio::signal::unix::Signal>, name: &'static str) -> &'static str {
            let heard = match signal {
                Some(signal) => signal.recv().await,
                None => None,
            };
            if heard.is_none() {
                // The system does not tell us of this one; its default action is all there is.
                std::future::pending::<()>().await;
            }
            name
        }
        let terminate = pin!(one(&mut self.terminate, "SIGTERM"));
        let interrupt = pin!(one(&mut self.interrupt, "SIGINT"));
        select(terminate, interrupt).await.factor_first().0
    }

    /// The next signal's name.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            Err(_) => std::future::pending().await,
        }
    }
}

/// Tells the person at the terminal, whatever the log level; a closed terminal is no reason to fail.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
