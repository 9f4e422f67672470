//! The events of other nodes' calls, for the readers of `/events` here: one connection to each node,
//! while anybody reads.

use std::collections::HashMap;
use std::time::Duration;

use actix_rt::task::JoinHandle;
use switchboard_actors::http::Answer;
use tokio::time::sleep;

use super::fleet::Fleet;
use super::peers::Asked;
use crate::service::board::Board;

/// Reads the events of every other node for as long as anybody reads them here. Runs until it is
/// dropped.
pub(crate) async fn gather(fleet: Fleet, board: Board) {
    let mut readers = Readers(HashMap::new());
    loop {
        sleep(EVERY).await;
        if !board.is_read_by_people() {
            readers.0.drain().for_each(|(_, reader)| reader.abort());
            continue;
        }
        let others = fleet.others();
        readers.0.retain(|process, reader| {
            let stays = !reader.is_finished() && others.iter().any(|peer| peer.id == *process);
            if !stays {
                reader.abort();
            }
            stays
        });
        for peer in others {
            let (fleet, board) = (fleet.clone(), board.clone());
            readers.0.entry(peer.id.clone()).or_insert_with(|| {
                actix_rt::spawn(async move {
                    if let Ok(answer) = fleet.ask(&peer, Asked::read("/events")).await {
                        pass_on(answer, &board).await;
                    }
                })
            });
        }
    }
}

/// Passes the events of a node on until its answer ends.
async fn pass_on(mut answer: Answer, board: &Board) {
    let mut unread = String::new();
    let mut bytes = Vec::new();
    while let Some(Ok(piece)) = answer.piece().await {
        bytes.extend_from_slice(&piece);
        // A piece may end within a character.
        let whole = std::str::from_utf8(&bytes).map_or_else(|problem| problem.valid_up_to(), str::len);
        unread.push_str(std::str::from_utf8(&bytes[..whole]).unwrap_or_default());
        bytes.drain(..whole);
        let events = take_events(&mut unread);
        if !events.is_empty() {
            board.pass_on(events);
        }
        if bytes.len() > 3 || unread.len() > LONGEST_EVENT {
            return;
        }
    }
}

/// Takes the whole events of calls out of `unread`. What a node says of itself stays there.
fn take_events(unread: &mut String) -> String {
    let Some(end) = unread.rfind("\n\n") else { return String::new() };
    let whole: String = unread.drain(..end + 2).collect();
    let of_calls = whole.split_inclusive("\n\n").filter(|event| event.starts_with("event: call."));
    of_calls.collect()
}

/// The readers, by the process that they read from. Dropping them ends them.
struct Readers(HashMap<String, JoinHandle<()>>);

impl Drop for Readers {
    fn drop(&mut self) {
        self.0.values().for_each(JoinHandle::abort);
    }
}

/// How often it looks who is there and whether anybody reads.
const EVERY: Duration = Duration::from_millis(300);
/// More than any event has.
const LONGEST_EVENT: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_events_of_calls_pass_and_the_rest_waits_or_stays() {
        let mut unread = "event: stats\ndata: {}\n\nevent: call.started\ndata: {\"a\":1}\n\nevent: call.up".to_owned();
        assert_eq!(take_events(&mut unread), "event: call.started\ndata: {\"a\":1}\n\n");
        assert_eq!(unread, "event: call.up");
        assert_eq!(take_events(&mut unread), "");
        unread.push_str("dated\ndata: {}\n\n");
        assert_eq!(take_events(&mut unread), "event: call.updated\ndata: {}\n\n");
        assert_eq!(unread, "");
    }
}
