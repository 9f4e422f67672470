//! The nodes that are there, and a node's share of a limit while Redis is away. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a node says of itself with each heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// Its name.
    pub node: String,
    /// Its process. Another process of the same name has another one.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The URL of its admin listener for other nodes.
    pub advertise: String,
    /// Its live calls.
    pub active: usize,
    /// How many calls it takes at once.
    pub max_calls: usize,
    /// Whether it takes no more calls.
    pub draining: bool,
    /// How long its calls may still go on while it drains, in seconds.
    #[serde(default)]
    pub drain_left_s: Option<u64>,
    /// The version of its configuration.
    #[serde(default)]
    pub configuration: String,
    /// How long its process runs, in seconds.
    pub uptime_s: u64,
    /// The number of this heartbeat. It grows as long as the process lives.
    pub beat: u64,
}

/// What a node knows of the others.
#[derive(Debug, Default)]
pub(super) struct View {
    others: BTreeMap<String, Beat>,
    /// Processes that took no connection, with their heartbeat at that time: they count as gone until
    /// they have sent more than those that may have been on their way.
    suspects: BTreeMap<String, u64>,
    /// Whether Redis does not answer. The others are those that were there last.
    apart: bool,
}

/// What a heartbeat has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Nodes, or new processes of them, that were not there before.
    pub(super) came: Vec<String>,
    /// Nodes whose process is gone.
    pub(super) gone: Vec<String>,
    /// Whether Redis was away until now.
    pub(super) back: bool,
}

impl View {
    /// Redis has answered: these nodes are there, `own` among them.
    pub(super) fn heard(&mut self, own: &str, beats: Vec<Beat>) -> Change {
        let found: BTreeMap<String, Beat> =
            beats.into_iter().filter(|beat| beat.node != own).map(|beat| (beat.node.clone(), beat)).collect();
        let same = |a: &BTreeMap<String, Beat>, beat: &Beat| a.get(&beat.node).is_some_and(|it| it.id == beat.id);
        let names = |of: &BTreeMap<String, Beat>, without: &BTreeMap<String, Beat>| {
            of.values().filter(|beat| !same(without, beat)).map(|beat| beat.node.clone()).collect()
        };
        let change = Change {
            came: names(&found, &self.others),
            gone: names(&self.others, &found),
            back: std::mem::take(&mut self.apart),
        };
        self.others = found;
        let others = &self.others;
        self.suspects.retain(|id, at| others.values().any(|beat| beat.id == *id && beat.beat <= *at + LAG));
        change
    }

    /// Redis has not answered. Returns whether it did the last time.
    pub(super) fn unheard(&mut self) -> bool {
        !std::mem::replace(&mut self.apart, true)
    }

    /// The other nodes, by name.
    pub(super) fn others(&self) -> impl Iterator<Item = &Beat> {
        self.others.values()
    }

    /// A node other than this one.
    pub(super) fn find(&self, node: &str) -> Option<&Beat> {
        self.others.get(node)
    }

    /// A node takes no connection. It may be dead, long before its entry expires.
    pub(super) fn suspect(&mut self, beat: &Beat) {
        if let Some(known) = self.others.get(&beat.node).filter(|known| known.id == beat.id) {
            self.suspects.insert(beat.id.clone(), known.beat);
        }
    }

    /// Whether a process is one of the other nodes, as far as is known.
    pub(super) fn has_process(&self, id: &str) -> bool {
        self.others.values().any(|beat| beat.id == id) && !self.suspects.contains_key(id)
    }

    /// All nodes, this one included.
    pub(super) fn nodes(&self) -> usize {
        self.others.len() + 1
    }

    /// Whether Redis is away.
    pub(super) fn is_apart(&self) -> bool {
        self.apart
    }

    /// This node's part of a limit that all share: the whole of it, or a fair part while Redis is
    /// away, and at least one.
    pub(super) fn share(&self, limit: u32) -> u32 {
        let nodes = u32::try_from(self.nodes()).unwrap_or(u32::MAX);
        if self.apart { (limit / nodes).max(limit.min(1)) } else { limit }
    }
}

/// Heartbeats that a node may have sent before its death and that are not known here yet.
const LAG: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(node: &str, id: &str) -> Beat {
        Beat {
            node: node.to_owned(),
            id: id.to_owned(),
            version: "1".to_owned(),
            advertise: "http://127.0.0.1:1".to_owned(),
            active: 0,
            max_calls: 10,
            draining: false,
            drain_left_s: None,
            configuration: String::new(),
            uptime_s: 0,
            beat: 0,
        }
    }

    #[test]
    fn nodes_come_go_and_start_again_under_their_name() {
        let mut view = View::default();
        let heard = view.heard("a", vec![beat("a", "1"), beat("b", "2"), beat("c", "3")]);
        assert_eq!((heard.came, heard.gone), (vec!["b".to_owned(), "c".to_owned()], vec![]));
        assert_eq!(view.nodes(), 3);
        assert_eq!(view.heard("a", vec![beat("b", "2"), beat("c", "3")]), Change::default());
        let heard = view.heard("a", vec![beat("b", "9")]);
        assert_eq!((heard.came, heard.gone), (vec!["b".to_owned()], vec!["b".to_owned(), "c".to_owned()]));
        assert!(view.has_process("9") && !view.has_process("2") && view.find("c").is_none());
    }

    #[test]
    fn a_node_that_takes_no_connection_counts_as_gone_until_its_next_heartbeat() {
        let (mut view, mut b) = (View::default(), beat("b", "2"));
        view.heard("a", vec![b.clone()]);
        view.suspect(&b);
        assert!(!view.has_process("2") && view.find("b").is_some());
        view.heard("a", vec![b.clone()]);
        assert!(!view.has_process("2"), "nothing new of it");
        b.beat += LAG;
        view.heard("a", vec![b.clone()]);
        assert!(!view.has_process("2"), "sent before");
        b.beat += 1;
        view.heard("a", vec![b.clone()]);
        assert!(view.has_process("2"));
        view.suspect(&beat("b", "1"));
        assert!(view.has_process("2"), "that was another process");
    }

    #[test]
    fn without_redis_a_node_goes_by_those_that_were_there_and_takes_its_share() {
        let mut view = View::default();
        view.heard("a", vec![beat("b", "2"), beat("c", "3")]);
        assert_eq!(view.share(10), 10);
        assert!(view.unheard() && !view.unheard() && view.is_apart());
        assert_eq!((view.share(10), view.share(2), view.share(0)), (3, 1, 0));
        assert_eq!(view.others().count(), 2);
        assert!(view.heard("a", vec![beat("b", "2"), beat("c", "3")]).back);
        assert_eq!(view.share(10), 10);
    }
}
