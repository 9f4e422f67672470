//! How many files this process may have open. Shells and systemd allow 1,024 at first, for the sake of programs that use `select`, and
//! as many as the hard limit says to those that ask: at 1,024, callers from about the 340th on would not be answered.

use log::warn;

/// Asks for as many as the hard limit allows. Where that is refused, things stay as they are, and [`warn_below`] says what that means.
pub(crate) fn raise() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// Warns where `max_calls` calls need more than this process may have.
pub(crate) fn warn_below(max_calls: usize) {
    if let Some(allowed) = allowed().filter(|allowed| *allowed < needed(max_calls)) {
        warn!("{}", shortage(max_calls, allowed));
    }
}

/// `None` is no limit, or none that is known.
#[cfg(target_os = "linux")]
fn allowed() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(target_os = "linux"))]
fn allowed() -> Option<u64> {
    None
}

/// How many connections of strangers a listener may have, so that `max_calls` calls find their files all the same; of a limit that is
/// too low for both, few.
pub(crate) fn strangers(max_calls: usize) -> usize {
    share(max_calls, allowed())
}

/// How many sockets may wait to be admitted, of `wanted`: a call's files are not opened before it is.
pub(crate) fn waiting(wanted: usize) -> usize {
    wanted.min(allowed().map_or(usize::MAX, |allowed| usize::try_from(allowed / 4).unwrap_or(usize::MAX)))
}

fn share(max_calls: usize, allowed: Option<u64>) -> usize {
    let left = allowed.map_or(u64::MAX, |allowed| allowed.saturating_sub(needed(max_calls)) / 2);
    usize::try_from(left).unwrap_or(usize::MAX).clamp(FEWEST, MOST)
}

fn needed(calls: usize) -> u64 {
    u64::try_from(calls).unwrap_or(u64::MAX).saturating_mul(A_CALL).saturating_add(OWN)
}

fn shortage(max_calls: usize, allowed: u64) -> String {
    format!(
        "server.max_calls is {max_calls}, which takes up to {} open files, and this process may have {allowed}: raise the hard limit \
         (`ulimit -Hn`, LimitNOFILE= of systemd, --ulimit nofile= of a container) or lower server.max_calls",
        needed(max_calls)
    )
}

/// The carrier's socket, the model's, the journal, the recording.
const A_CALL: u64 = 4;
/// Listeners, threads' wake-ups, records and deliveries on their way, operators, requests that never become a call.
const OWN: u64 = 100;
/// Strangers at a listener, however low the limit is.
const FEWEST: usize = 64;
/// And however high: beyond it they cost memory.
const MOST: usize = 4096;

#[cfg(test)]
mod tests;
