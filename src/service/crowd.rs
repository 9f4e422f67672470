//! Limits the connections that wait for a request. Pure; `connections` carries out the decisions.
//!
//! A peer that connects and sends nothing, or half a request, occupies an open file, and open files
//! are limited. So each thread of a listener limits its connections without a complete request.
//! Beyond the limit the connection that has waited longest is closed. A caller's request is
//! complete within a moment, so a caller's connection is never the one that closes.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// A connection of the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Connection(u64);

/// The connections of a thread.
#[derive(Debug)]
pub(crate) struct Crowd {
    most: usize,
    next: u64,
    standing: HashMap<Connection, Standing>,
    /// Waiting connections, ordered by the start of their wait.
    waiting: BTreeSet<(Instant, Connection)>,
}

#[derive(Debug, Clone, Copy)]
enum Standing {
    /// The connection has no complete request.
    Waiting { since: Instant, patience: Duration },
    /// Number of requests in progress. A stream that was taken out of HTTP counts as one.
    Served(usize),
}

impl Crowd {
    /// Creates the state of a thread where `most` connections may wait.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, next: 0, standing: HashMap::new(), waiting: BTreeSet::new() }
    }

    /// A peer connected.
    pub(crate) fn enter(&mut self, now: Instant) -> Connection {
        self.next += 1;
        let connection = Connection(self.next);
        self.stand(connection, Some(Standing::Waiting { since: now, patience: FIRST }));
        connection
    }

    /// A complete request arrived.
    pub(crate) fn serve(&mut self, connection: Connection) {
        let requests = match self.standing.get(&connection) {
            Some(Standing::Served(requests)) => requests + 1,
            Some(Standing::Waiting { .. }) => 1,
            None => return,
        };
        self.stand(connection, Some(Standing::Served(requests)));
    }

    /// A request was answered.
    pub(crate) fn answered(&mut self, connection: Connection, now: Instant) {
        match self.standing.get(&connection) {
            Some(Standing::Served(1)) => {
                self.stand(connection, Some(Standing::Waiting { since: now, patience: NEXT }));
            }
            Some(Standing::Served(requests)) => {
                let left = requests.saturating_sub(1);
                self.stand(connection, Some(Standing::Served(left)));
            }
            Some(Standing::Waiting { .. }) | None => {}
        }
    }

    /// The connection ended.
    pub(crate) fn leave(&mut self, connection: Connection) {
        self.stand(connection, None);
    }

    /// Returns the connections to close: those that waited beyond their patience, and, above the
    /// limit, those that waited longest. A new connection is spared for `MOMENT`, because its
    /// request may have arrived and not been read yet.
    pub(crate) fn superfluous(&self, now: Instant) -> Vec<Connection> {
        let mut over = self.waiting.len().saturating_sub(self.most);
        let mut gone = Vec::new();
        for (since, connection) in &self.waiting {
            let waited = now.saturating_duration_since(*since);
            let Some(Standing::Waiting { patience, .. }) = self.standing.get(connection) else { continue };
            if (over > 0 && waited >= MOMENT) || waited >= *patience {
                over = over.saturating_sub(1);
                gone.push(*connection);
            } else if waited < MOMENT {
                break;
            }
        }
        gone
    }

    fn stand(&mut self, connection: Connection, standing: Option<Standing>) {
        let before = match standing {
            Some(standing) => self.standing.insert(connection, standing),
            None => self.standing.remove(&connection),
        };
        if let Some(Standing::Waiting { since, .. }) = before {
            self.waiting.remove(&(since, connection));
        }
        if let Some(Standing::Waiting { since, .. }) = standing {
            self.waiting.insert((since, connection));
        }
    }
}

/// Longest wait for the first request: 5 s for the head, 5 s for the body, and 1 s for the error
/// response.
const FIRST: Duration = Duration::from_secs(11);
/// Longest wait for a further request: the keep-alive of 75 s, and the time of the first request.
const NEXT: Duration = Duration::from_secs(86);
/// How long a new connection is spared. Shorter would close callers who arrive at the same time.
/// Longer would make callers wait behind a crowd.
const MOMENT: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
