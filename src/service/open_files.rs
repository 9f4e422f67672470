//! The limit of open files of this process. Shells and systemd start with a soft limit of 1,024,
//! for programs that use `select`; a program may raise it up to the hard limit. At 1,024 the
//! service could not answer callers from about the 340th on.

use log::warn;

/// Raises the soft limit to the hard limit. If that fails, the limit stays as it is, and
/// [`warn_below`] reports the consequence.
pub(crate) fn raise() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// Warns if `max_calls` calls need more files than this process may open.
pub(crate) fn warn_below(max_calls: usize) {
    if let Some(shortage) = shortage_for(max_calls) {
        warn!("{shortage}");
    }
}

/// Returns what to do if `max_calls` calls need more files than this process may open.
pub(crate) fn shortage_for(max_calls: usize) -> Option<String> {
    let allowed = allowed().filter(|allowed| *allowed < needed(max_calls))?;
    Some(shortage(max_calls, allowed))
}

/// Returns the limit; `None` if there is none, or if it is unknown.
#[cfg(target_os = "linux")]
fn allowed() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(target_os = "linux"))]
fn allowed() -> Option<u64> {
    None
}

/// Returns how many waiting connections a listener may have, so that enough files remain for
/// `max_calls` calls. If the limit is too low for both, the number is small.
pub(crate) fn strangers(max_calls: usize) -> usize {
    share(max_calls, allowed())
}

/// Returns how many of the `wanted` sockets may wait for admission. A call opens its files after
/// its admission.
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

/// Files per call: the carrier's socket, the model's socket, the journal, the recording.
const A_CALL: u64 = 4;
/// Files of the service itself: listeners, wake-ups of threads, records and deliveries in progress,
/// operators, requests without a call.
const OWN: u64 = 100;
/// Fewest waiting connections at a listener, however low the limit is.
const FEWEST: usize = 64;
/// Most waiting connections at a listener, however high the limit is: more would cost memory.
const MOST: usize = 4096;

#[cfg(test)]
mod tests;
