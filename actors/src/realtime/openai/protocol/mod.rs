//! The wire protocol of the Realtime API, GA dialect only: client events ([`client`]) and server
//! events ([`server`]). Pure.
//!
//! Client events are our own types, which borrow their content. Each has an id that the server
//! repeats in its errors ([`EventId`]). The audio event is written by hand.
//!
//! A server event is read by its type first, then by its payload. An unknown event is kept as
//! unknown; a known event that cannot be read is an error with the event's name. The wire types do
//! not leave [`super::session`].

pub mod client;
pub mod server;
pub mod usage;

use std::fmt;

use serde::{Serialize, Serializer};

/// The id of a client event. An `error` event of the server names it, which is the only reliable
/// way to learn what the error is about. The word in the id is the kind of event, so no table of
/// sent events is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventId {
    /// A `session.update`.
    Configure(u64),
    /// A `response.create`; the number is the sequencer's ticket.
    Say(u64),
    /// A `response.cancel`; the number is the sequencer's ticket.
    Stop(u64),
    /// A text added to the conversation.
    Text(u64),
    /// The result of a tool call.
    Output(u64),
    /// A `conversation.item.truncate`.
    Cut(u64),
    /// A `conversation.item.delete`.
    Delete(u64),
    /// An `input_audio_buffer.commit`.
    Commit(u64),
    /// An `input_audio_buffer.clear`.
    Forget(u64),
    /// Caller audio.
    Audio(u64),
}

impl EventId {
    /// Reads the id of an `error` event; `None` if it is not one of our ids.
    pub fn parse(text: &str) -> Option<Self> {
        let (word, number) = text.rsplit_once('-')?;
        let number = number.parse().ok()?;
        Some(match word {
            "configure" => Self::Configure(number),
            "say" => Self::Say(number),
            "stop" => Self::Stop(number),
            "text" => Self::Text(number),
            "output" => Self::Output(number),
            "cut" => Self::Cut(number),
            "delete" => Self::Delete(number),
            "commit" => Self::Commit(number),
            "forget" => Self::Forget(number),
            "audio" => Self::Audio(number),
            _ => return None,
        })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, number) = match self {
            Self::Configure(number) => ("configure", number),
            Self::Say(number) => ("say", number),
            Self::Stop(number) => ("stop", number),
            Self::Text(number) => ("text", number),
            Self::Output(number) => ("output", number),
            Self::Cut(number) => ("cut", number),
            Self::Delete(number) => ("delete", number),
            Self::Commit(number) => ("commit", number),
            Self::Forget(number) => ("forget", number),
            Self::Audio(number) => ("audio", number),
        };
        write!(f, "{word}-{number}")
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_reads_what_it_prints_and_nothing_else() {
        let ids = [
            EventId::Configure(1),
            EventId::Say(u64::MAX),
            EventId::Stop(3),
            EventId::Text(4),
            EventId::Output(5),
            EventId::Cut(6),
            EventId::Delete(7),
            EventId::Audio(8),
            EventId::Commit(9),
            EventId::Forget(11),
        ];
        for id in ids {
            assert_eq!(EventId::parse(&id.to_string()), Some(id));
        }
        for other in ["", "say", "say-", "say-x", "sing-1", "say-99999999999999999999", "event_1"] {
            assert_eq!(EventId::parse(other), None, "{other}");
        }
    }
}
