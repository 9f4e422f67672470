//! Connections that are kept for the next request to the same server: opening one costs two or three
//! round trips, for which a caller waits.
//!
//! A server may close a connection at any time, and cannot say so in advance. A request that meets
//! such an end before any answer goes out again, once, on a new connection.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use url::{Position, Url};

use super::Driven;
use crate::clock;

/// Connections that wait for another request. Copies share them.
#[derive(Debug, Clone, Default)]
pub struct Kept(Rc<RefCell<Vec<Idle>>>);

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    /// Its work, which ends with it.
    pub(super) _driver: Driven,
}

/// A connection that waits.
#[derive(Debug)]
struct Idle {
    origin: String,
    connection: Connection,
    since: Instant,
}

/// Where a connection goes once the answer on it was read.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) kept: Kept,
    pub(super) origin: String,
}

impl Kept {
    /// Takes a connection to the server of `url`, if one waits that is still open.
    pub(super) fn take(&self, url: &Url) -> Option<Connection> {
        let (mut idle, origin) = (self.0.borrow_mut(), origin(url));
        let now = clock::now();
        idle.retain(|it| !it.connection.sender.is_closed() && now.saturating_duration_since(it.since) < LONGEST_IDLE);
        let at = idle.iter().rposition(|it| it.origin == origin)?;
        Some(idle.remove(at).connection)
    }

    /// The place for a connection to the server of `url`.
    pub(super) fn place(&self, url: &Url) -> Place {
        Place { kept: self.clone(), origin: origin(url) }
    }

    /// How many connections wait.
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Whether no connection waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Place {
    /// Keeps the connection. The oldest one makes room.
    pub(super) fn keep(self, connection: Connection) {
        let mut idle = self.kept.0.borrow_mut();
        if idle.len() >= MOST_IDLE {
            idle.remove(0);
        }
        idle.push(Idle { origin: self.origin, connection, since: clock::now() });
    }
}

/// A server: its scheme, name and port.
fn origin(url: &Url) -> String {
    url[..Position::AfterPort].to_owned()
}

/// The connections of one call that wait: one for each engine, and one more while answers overlap.
const MOST_IDLE: usize = 4;
/// How long a connection waits. Longer: most servers have closed it, and the request goes out twice.
/// Shorter: a caller who listens to a long answer waits for the next connection.
const LONGEST_IDLE: std::time::Duration = std::time::Duration::from_secs(60);
