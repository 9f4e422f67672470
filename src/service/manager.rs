//! The service manager that started this process, if it is one that wants to be told (systemd):
//! state, a line of status, signs of life, and the sockets that it has bound for us.
//!
//! Without one (`NOTIFY_SOCKET` is not set) nothing is sent.
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>

use std::net::TcpListener;
use std::time::Duration;

use listenfd::ListenFd;
use log::warn;

/// Whether there is a manager that wants to be told.
pub(crate) fn is_there() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// The service takes calls, or does so again after a reload.
pub(crate) fn ready() {
    tell(&[State::Ready]);
}

/// The configuration is read again; [`ready`] follows.
pub(crate) fn reloading() {
    tell(&[State::Reloading]);
}

/// No more calls are taken.
pub(crate) fn stopping() {
    tell(&[State::Stopping]);
}

/// The stop goes on in order: the manager waits for `patience` from now on, beyond its own limit.
pub(crate) fn stops_in_order(patience: Duration) {
    tell(&[State::Patience(patience)]);
}

/// A line for `systemctl status`.
pub(crate) fn status(line: &str) {
    tell(&[State::Status(line)]);
}

/// A sign of life for the manager's watchdog.
pub(crate) fn alive() {
    tell(&[State::Alive]);
}

/// How often the manager wants a sign of life: twice within its limit. `None` if it has no watchdog.
pub(crate) fn watchdog() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    {
        sd_notify::watchdog_enabled().map(|limit| limit / 2)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// The sockets that the manager has bound (`ListenStream=` of a socket unit).
#[derive(Debug, Default)]
pub(crate) struct Sockets(Vec<TcpListener>);

impl Sockets {
    /// Takes the sockets that this process was started with.
    pub(crate) fn of_this_process() -> Self {
        let mut given = ListenFd::from_env();
        let mut sockets = Vec::new();
        for at in 0..given.len() {
            match given.take_tcp_listener(at) {
                Ok(socket) => sockets.extend(socket),
                Err(problem) => {
                    warn!(at, problem:%; "a socket of the service manager is left alone: expected a TCP listener");
                }
            }
        }
        Self(sockets)
    }

    /// Takes the socket that is bound to `address`, if there is one.
    pub(crate) fn take(&mut self, address: std::net::SocketAddr) -> Option<TcpListener> {
        let at = self.0.iter().position(|socket| socket.local_addr().is_ok_and(|bound| bound == address))?;
        Some(self.0.swap_remove(at))
    }

    /// Warns of sockets that no setting has asked for: callers who connect there would wait.
    pub(crate) fn warn_of_others(&self) {
        for address in self.0.iter().filter_map(|socket| socket.local_addr().ok()) {
            warn!(address:%; "the service manager has bound an address that is neither server.bind nor admin.bind; nothing answers there");
        }
    }
}

/// What the manager is told.
enum State<'a> {
    Ready,
    Reloading,
    Stopping,
    Patience(Duration),
    Status(&'a str),
    Alive,
}

#[cfg(target_os = "linux")]
fn tell(states: &[State<'_>]) {
    use sd_notify::NotifyState;

    let mut all = Vec::new();
    // The library's own type ends at 71 minutes.
    let patience = states.iter().find_map(|state| match state {
        State::Patience(patience) => Some(format!("EXTEND_TIMEOUT_USEC={}", patience.as_micros())),
        State::Ready | State::Reloading | State::Stopping | State::Status(_) | State::Alive => None,
    });
    all.extend(patience.as_deref().map(NotifyState::Custom));
    for state in states {
        match state {
            State::Ready => all.push(NotifyState::Ready),
            State::Reloading => {
                all.push(NotifyState::Reloading);
                all.extend(NotifyState::monotonic_usec_now().ok());
            }
            State::Stopping => all.push(NotifyState::Stopping),
            State::Patience(_) => {}
            State::Status(line) => all.push(NotifyState::Status(line)),
            State::Alive => all.push(NotifyState::Watchdog),
        }
    }
    // A manager that does not listen is told nothing; calls go on.
    let _ = sd_notify::notify(&all);
}

#[cfg(not(target_os = "linux"))]
fn tell(_: &[State<'_>]) {}
