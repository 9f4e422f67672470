//! Connections that wait for a request, and how many of them there may be. Pure; `listener` carries it out.
//!
//! Whoever connects and says nothing, or half of something, holds an open file, and the files are few. So the connections of a
//! listener's thread that have no whole request in hand are bounded: beyond that the one that has waited longest goes. A caller's
//! request is there whole in a moment, and so a caller is never the one.

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
    /// Those that wait, by since when.
    waiting: BTreeSet<(Instant, Connection)>,
}

#[derive(Debug, Clone, Copy)]
enum Standing {
    /// No whole request is there.
    Waiting { since: Instant, patience: Duration },
    /// So many requests are being answered; a stream that was taken out of HTTP is one.
    Served(usize),
}

impl Crowd {
    /// A thread where `most` connections may wait.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, next: 0, standing: HashMap::new(), waiting: BTreeSet::new() }
    }

    /// Somebody has connected.
    pub(crate) fn enter(&mut self, now: Instant) -> Connection {
        self.next += 1;
        let connection = Connection(self.next);
        self.stand(connection, Some(Standing::Waiting { since: now, patience: FIRST }));
        connection
    }

    /// A whole request has come.
    pub(crate) fn serve(&mut self, connection: Connection) {
        let requests = match self.standing.get(&connection) {
            Some(Standing::Served(requests)) => requests + 1,
            Some(Standing::Waiting { .. }) => 1,
            None => return,
        };
        self.stand(connection, Some(Standing::Served(requests)));
    }

    /// A request has been answered.
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

    /// The connection has ended.
    pub(crate) fn leave(&mut self, connection: Connection) {
        self.stand(connection, None);
    }

    /// Those that have to go: who has waited beyond their patience, and of too many those that have waited longest. Who has just come
    /// is given a moment, for their request may be there and not be read yet.
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

/// How long the first request may take, its head and its body: five seconds each, and one to be told so.
const FIRST: Duration = Duration::from_secs(11);
/// How long another one may: a kept connection's 75 s, and as long as the first.
const NEXT: Duration = Duration::from_secs(86);
/// How long nobody is sent away. Shorter: callers who come at once are. Longer: who comes behind a crowd waits.
const MOMENT: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
