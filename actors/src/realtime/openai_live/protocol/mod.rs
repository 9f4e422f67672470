//! The wire protocol of GPT-Live on a primary WebSocket: client events ([`client`]) and server
//! events ([`server`]). Pure.
//!
//! Client events are our own types. They are written strictly: every event has an id, no key is
//! written that the server could refuse, and texts are bounded. A server event is read by its type
//! first, then field by field; an unknown type or field does no harm. The wire types do not leave
//! [`super::session`].

pub mod client;
pub mod server;

use std::fmt;

use serde::{Serialize, Serializer};

/// The id of a client event. Acknowledgements and errors of the server repeat it; without one they
/// could not be matched. The word in the id is the kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventId {
    /// The `session.start`.
    Start,
    /// A `session.update`.
    Update(u64),
    /// Caller audio.
    Audio(u64),
    /// A `session.commentary.append`, `session.thinking.append` or `session.instructions.append`.
    Append(u64),
    /// A `response.item.create` with the result of a tool call.
    Output(u64),
    /// A `response.create`.
    GoOn(u64),
    /// The `session.close`.
    Close,
}

impl EventId {
    /// Reads the id in an acknowledgement or an error; `None` if it is not one of our ids.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "start" => return Some(Self::Start),
            "close" => return Some(Self::Close),
            _ => {}
        }
        let (word, number) = text.rsplit_once('-')?;
        let number = number.parse().ok()?;
        Some(match word {
            "update" => Self::Update(number),
            "audio" => Self::Audio(number),
            "append" => Self::Append(number),
            "output" => Self::Output(number),
            "go-on" => Self::GoOn(number),
            _ => return None,
        })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Update(number) => write!(f, "update-{number}"),
            Self::Audio(number) => write!(f, "audio-{number}"),
            Self::Append(number) => write!(f, "append-{number}"),
            Self::Output(number) => write!(f, "output-{number}"),
            Self::GoOn(number) => write!(f, "go-on-{number}"),
            Self::Close => f.write_str("close"),
        }
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
        for id in [
            EventId::Start,
            EventId::Update(1),
            EventId::Audio(u64::MAX),
            EventId::Append(3),
            EventId::Output(4),
            EventId::GoOn(5),
            EventId::Close,
        ] {
            assert_eq!(EventId::parse(&id.to_string()), Some(id));
        }
        for other in ["", "append", "append-", "append-x", "sing-1", "append-99999999999999999999", "event_1"] {
            assert_eq!(EventId::parse(other), None, "{other}");
        }
    }
}
