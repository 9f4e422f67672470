//! Names and their addresses: looked up within a time limit, by few threads at once, and kept for a moment.
//!
//! The system's own resolver waits in a thread of tokio's pool for as long as it likes. Where DNS does not answer, every request would
//! hold such a thread, and in the end nothing that needs one would go on.

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

/// Why there is no address to dial, in words that hold none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// A URL without a host.
    #[error("its address is missing")]
    Missing,
    /// Nobody knows the name.
    #[error("its address is unknown")]
    Unknown,
    /// Nobody answered the question.
    #[error("its address could not be looked up in time")]
    Silent,
    /// Known, and not allowed.
    #[error("its address is private and not listed for it")]
    Private,
}

/// The addresses of a URL's host that `may_reach` allows, in the resolver's order.
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

/// The addresses of a name: those kept while they are fresh, and beyond that when nobody answers.
///
/// # Errors
/// When the name is not known, or nobody answered.
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
        // Better an old address than none; a server that has moved is told by its certificate.
        (Err(_), Some((addresses, at))) if clock::now().duration_since(at) < STALE => Ok(addresses),
        (Err(problem), _) => Err(problem),
    }
}

/// The question for a name: the one that is being asked, or a new one. It goes on when nobody waits for it any more, so that a name
/// nobody answers for has one thread and not one for each who asks.
fn question(name: &str, ask: Ask) -> Question {
    ASKED.with_borrow_mut(|asked| {
        asked.retain(|_, question| question.peek().is_none());
        asked.entry(name.to_owned()).or_insert_with(|| begin(name.to_owned(), ask)).clone()
    })
}

/// Asks in a thread of the pool, which gives the place among the few back itself.
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
    /// What was found, and when.
    static KEPT: RefCell<HashMap<String, (Vec<IpAddr>, Instant)>> = RefCell::default();
    /// What is being asked.
    static ASKED: RefCell<HashMap<String, Question>> = RefCell::default();
}

/// Questions at once, of the whole process. More: threads that a dead resolver keeps from the records' disk.
static PLACES: Semaphore = Semaphore::const_new(16);
/// How long an answer is waited for. Longer: a caller waits for a tool that is not there. The system asks twice within it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer is believed without asking again. Longer: a service that has moved is missed.
const FRESH: Duration = Duration::from_secs(30);
/// How long an answer is better than none.
const STALE: Duration = Duration::from_secs(3600);
/// Names kept in a thread; there are as many as tools, receivers and carriers.
const MOST_KEPT: usize = 256;

#[cfg(test)]
mod tests;
