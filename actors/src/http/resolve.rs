//! DNS look-ups: limited in time and in threads, and cached for a short time.
//!
//! The system's resolver blocks a thread of tokio's pool for as long as it likes. Without a limit,
//! a dead DNS server would block a thread per request, until no thread is left for other work.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, Shared};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::{Host, Url};

use crate::clock;

/// Why there is no address to dial. The texts contain no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// The URL has no host.
    #[error("its address is missing")]
    Missing,
    /// The name does not exist.
    #[error("its address is unknown")]
    Unknown,
    /// DNS did not answer in time.
    #[error("its address could not be looked up in time")]
    Silent,
    /// The address is known, and not allowed.
    #[error("its address is private and not listed for it")]
    Private,
}

/// Returns the addresses of a URL's host that `may_reach` allows, in the resolver's order.
///
/// # Errors
/// When there is none.
pub async fn reachable(url: &Url, may_reach: impl Fn(IpAddr) -> bool) -> Result<Vec<SocketAddr>, NotFound> {
    let port = url.port_or_known_default().unwrap_or(443);
    let found = match url.host().ok_or(NotFound::Missing)? {
        Host::Ipv4(address) => vec![IpAddr::V4(address)],
        Host::Ipv6(address) => vec![IpAddr::V6(address)],
        Host::Domain(name) => look_up(name).await?,
    };
    let allowed: Vec<_> =
        found.into_iter().filter(|address| may_reach(*address)).map(|address| SocketAddr::new(address, port)).collect();
    if allowed.is_empty() { Err(NotFound::Private) } else { Ok(allowed) }
}

/// Returns the addresses of a name: from the cache while they are fresh, or while they are stale
/// and DNS does not answer.
///
/// # Errors
/// When the name does not exist, or DNS did not answer.
pub async fn look_up(name: &str) -> Result<Vec<IpAddr>, NotFound> {
    look_up_with(name, system).await
}

async fn look_up_with(name: &str, ask: Ask) -> Result<Vec<IpAddr>, NotFound> {
    let kept = KEPT.with_borrow(|kept| kept.get(name).cloned());
    if let Some((addresses, at)) = &kept
        && clock::now().duration_since(*at) < FRESH
    {
        return Ok(addresses.clone());
    }
    match (timeout(PATIENCE, question(name, ask)).await.unwrap_or(Err(NotFound::Silent)), kept) {
        (Ok(addresses), _) => {
            KEPT.with_borrow_mut(|kept| {
                if kept.len() >= MOST_KEPT {
                    kept.clear();
                }
                kept.insert(name.to_owned(), (addresses.clone(), clock::now()));
            });
            Ok(addresses)
        }
        // An old address is better than none; the TLS certificate reveals a server that has moved.
        (Err(_), Some((addresses, at))) if clock::now().duration_since(at) < STALE => Ok(addresses),
        (Err(problem), _) => Err(problem),
    }
}

/// Returns the look-up of a name: the running one, or a new one. A look-up continues when no
/// request waits for it any more, so that a dead name occupies one thread and not one per request.
fn question(name: &str, ask: Ask) -> Question {
    ASKED.with_borrow_mut(|asked| {
        asked.retain(|_, question| question.peek().is_none());
        asked.entry(name.to_owned()).or_insert_with(|| begin(name.to_owned(), ask)).clone()
    })
}

/// Asks in a thread of the pool. The thread returns its permit itself.
#[expect(clippy::disallowed_methods, reason = "a shell: the question outlives who asks it")]
fn begin(name: String, ask: Ask) -> Question {
    let asking = actix_rt::spawn(async move {
        let place = PLACES.acquire().await.map_err(|_| NotFound::Silent)?;
        let asked = tokio::task::spawn_blocking(move || {
            let _place = place;
            ask(&name)
        });
        asked.await.unwrap_or(Err(NotFound::Silent))
    });
    asking.map(|found| found.unwrap_or(Err(NotFound::Silent))).boxed_local().shared()
}

fn system(name: &str) -> Result<Vec<IpAddr>, NotFound> {
    let found = (name, 0).to_socket_addrs().map_err(|_| NotFound::Unknown)?;
    let addresses: Vec<_> = found.map(|address| address.ip()).collect();
    if addresses.is_empty() { Err(NotFound::Unknown) } else { Ok(addresses) }
}

type Ask = fn(&str) -> Result<Vec<IpAddr>, NotFound>;
type Question = Shared<LocalBoxFuture<'static, Result<Vec<IpAddr>, NotFound>>>;

thread_local! {
    /// The cache: addresses and the time of their look-up.
    static KEPT: RefCell<HashMap<String, (Vec<IpAddr>, Instant)>> = RefCell::default();
    /// The running look-ups.
    static ASKED: RefCell<HashMap<String, Question>> = RefCell::default();
}

/// Most look-ups at once in the whole process. More would let a dead resolver take threads from the
/// records' disk.
static PLACES: Semaphore = Semaphore::const_new(16);
/// Longest wait for an answer; the system asks twice within it. Longer would make a caller wait for
/// a tool that is down.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a cached address is fresh. Longer would miss a service that has moved.
const FRESH: Duration = Duration::from_secs(30);
/// How long a stale address is better than none.
const STALE: Duration = Duration::from_secs(3600);
/// Most cached names per thread; there are as many as tools, receivers and carriers.
const MOST_KEPT: usize = 256;

#[cfg(test)]
mod tests;
