//! The servers of a session that joins engines: ears with a socket, a mind and a voice, which is a
//! socket or requests. The three share a caller and a conversation, and nothing else.
//!
//! What the model learns is what stands in the requests to the mind.

mod ears;
mod mind;
mod voice;

use std::time::Instant;

use switchboard_actors::realtime::conversation::SessionEvent;
use switchboard_actors::realtime::named::{
    Head, LinkEvent, LinkName, LinkOrder, Outbound, RequestEvent, RequestId, SocketEvent,
};

use self::ears::ScribeOfCaller;
use self::mind::Chat;
use self::voice::Speaker;
use super::{Base, Message, Server, ms};
use crate::call::Dial;

/// Something that comes of a link.
#[derive(Debug, Clone)]
pub(crate) enum FromLink {
    /// A socket is open.
    Opened(LinkName),
    /// A text message of a socket.
    Text(LinkName, String),
    /// A binary message of a socket.
    Binary(LinkName, Vec<u8>),
    /// The server closed a socket.
    Closed(LinkName, u16),
    /// A socket broke, or could not be opened.
    Broken(LinkName),
    /// The head of an answer, with the type of its body.
    Head(RequestId, u16, &'static str),
    /// A piece of a body.
    Bytes(RequestId, Vec<u8>),
    /// The end of a body.
    End(RequestId),
    /// The connection of a request broke.
    Lost(RequestId),
}

impl FromLink {
    /// The same, as the session is told it.
    pub(crate) fn event(&self) -> SessionEvent<'_> {
        SessionEvent::Link(match self {
            Self::Opened(link) => LinkEvent::Socket(*link, SocketEvent::Opened),
            Self::Text(link, text) => LinkEvent::Socket(*link, SocketEvent::Text(text)),
            Self::Binary(link, bytes) => LinkEvent::Socket(*link, SocketEvent::Binary(bytes)),
            Self::Closed(link, code) => LinkEvent::Socket(*link, SocketEvent::Closed(Some(*code), "")),
            Self::Broken(link) => LinkEvent::Socket(*link, SocketEvent::Broken("gone")),
            Self::Head(id, status, content_type) => {
                let head = Head { status: *status, content_type, ..Head::default() };
                LinkEvent::Request(*id, RequestEvent::Head(head, ""))
            }
            Self::Bytes(id, bytes) => LinkEvent::Request(*id, RequestEvent::Bytes(bytes)),
            Self::End(id) => LinkEvent::Request(*id, RequestEvent::End),
            Self::Lost(id) => LinkEvent::Request(*id, RequestEvent::Broken("gone")),
        })
    }
}

/// The servers of the engines of one session.
pub(crate) struct Cascade {
    base: Base,
    ears: ScribeOfCaller,
    chat: Chat,
    speaker: Speaker,
    /// The sockets that are open or being opened.
    sockets: Vec<LinkName>,
    /// The requests whose answers are not over.
    requests: Vec<RequestId>,
}

impl Cascade {
    pub(crate) fn new(base: Base) -> Self {
        let (ears, speaker) = (ScribeOfCaller::new(base.input), Speaker::default());
        Self { base, ears, chat: Chat::default(), speaker, sockets: Vec::new(), requests: Vec::new() }
    }

    fn open(&mut self, link: LinkName, dial: Dial, now: Instant) {
        self.forget(link);
        match dial {
            Dial::Succeeds(after) => {
                self.sockets.push(link);
                self.base.comes(now + after, FromLink::Opened(link), socket_name(link));
                if link == LinkName::Ears {
                    self.ears.opened(&mut self.base, now + after);
                }
            }
            Dial::Fails(after) => self.base.comes(now + after, FromLink::Broken(link), socket_name(link)),
        }
    }

    /// Nothing more comes of the socket.
    fn forget(&mut self, link: LinkName) {
        self.sockets.retain(|open| *open != link);
        self.base.take_back_all(socket_name(link));
        match link {
            LinkName::Ears => self.ears.gone(&mut self.base),
            LinkName::Voice => self.speaker.gone(),
            LinkName::Mind => {}
        }
    }

    fn send(&mut self, link: LinkName, message: &Outbound, now: Instant) {
        if !self.sockets.contains(&link) {
            // A socket that broke a moment ago takes what was on its way.
            return;
        }
        match (link, message) {
            (LinkName::Ears, Outbound::AudioText(audio)) => {
                let text = std::str::from_utf8(audio).unwrap_or_default();
                self.ears.hear(text, &mut self.base, now);
            }
            (LinkName::Ears, Outbound::Text(text)) => self.ears.hear(text, &mut self.base, now),
            (LinkName::Voice, Outbound::Text(text)) => self.speaker.hear(text, &mut self.base, now),
            (LinkName::Ears | LinkName::Voice | LinkName::Mind, other) => {
                self.base.is_wrong(format!("{link:?} is sent {other:?}"));
            }
        }
    }
}

impl Server for Cascade {
    fn opened(&mut self, _: Instant) {}

    fn hear(&mut self, message: &serde_json::Value, _: Instant) {
        self.base.is_wrong(format!("a message on no link: {message}"));
    }

    fn order(&mut self, order: LinkOrder, dial: Dial, now: Instant) {
        match order {
            LinkOrder::Open { link, upgrade, .. } => {
                if upgrade.headers.is_empty() && upgrade.url.scheme() != "ws" {
                    self.base.is_wrong(format!("{} is opened without a key", upgrade.url));
                }
                self.open(link, dial, now);
            }
            LinkOrder::Close(link) => self.forget(link),
            LinkOrder::Send(link, message) => self.send(link, &message, now),
            LinkOrder::Connect(_) => {}
            LinkOrder::Request(id, request) => {
                let body = serde_json::from_slice(&request.body).unwrap_or_default();
                let Dial::Succeeds(_) = dial else {
                    return self.base.comes(now + ms(200), FromLink::Lost(id), request_name(id));
                };
                self.requests.push(id);
                match id.link {
                    LinkName::Mind => self.chat.asked(id, &body, &mut self.base, now),
                    LinkName::Voice => self.speaker.asked(id, &body, &mut self.base, now),
                    LinkName::Ears => self.base.is_wrong("an upload to ears with a socket"),
                }
            }
            LinkOrder::Abort(id) => {
                self.requests.retain(|running| *running != id);
                self.base.take_back_all(&request_name(id));
            }
        }
    }

    fn lose_links(&mut self, now: Instant) -> bool {
        for link in std::mem::take(&mut self.sockets) {
            self.forget(link);
            self.base.comes(now, FromLink::Broken(link), socket_name(link));
        }
        for id in std::mem::take(&mut self.requests) {
            // What has come to its end is over.
            if self.base.take_back_all(&request_name(id)) {
                self.base.comes(now, FromLink::Lost(id), request_name(id));
            }
        }
        true
    }

    /// It never ends by itself.
    fn ends_in(&mut self, _: std::time::Duration, _: Instant) {}

    fn garbage(&self) -> Vec<Message> {
        let long = "x".repeat(5_000_000);
        let of_ears = [
            "{".to_owned(),
            "null".to_owned(),
            r#"{"event":7}"#.to_owned(),
            r#"{"event":"transcript.final","utterance_idx":-3,"text":9}"#.to_owned(),
            format!(r#"{{"event":"no.such","text":"{long}"}}"#),
        ];
        let of_voice = [
            "{".to_owned(),
            r#"{"type":"chunk","context_id":"u1","data":"*"}"#.to_owned(),
            r#"{"type":"chunk","context_id":"u999999","data":"AAAA"}"#.to_owned(),
            r#"{"type":"timestamps","context_id":"u1","word_timestamps":{"words":"no"}}"#.to_owned(),
            format!(r#"{{"type":"no.such","text":"{long}"}}"#),
        ];
        let nobodys = RequestId { link: LinkName::Mind, number: 999_999 };
        let ears = of_ears.into_iter().map(|text| FromLink::Text(LinkName::Ears, text));
        let voice = of_voice.into_iter().map(|text| FromLink::Text(LinkName::Voice, text));
        let binary = [LinkName::Ears, LinkName::Voice].map(|link| FromLink::Binary(link, vec![0xFF; 64]));
        let late = [FromLink::Bytes(nobodys, b"data: {\n\n".to_vec()), FromLink::End(nobodys), FromLink::Lost(nobodys)];
        ears.chain(voice).chain(binary).chain(late).map(Message::Link).collect()
    }

    fn base(&mut self) -> &mut Base {
        &mut self.base
    }
}

/// The names under which messages are scheduled.
fn socket_name(link: LinkName) -> &'static str {
    match link {
        LinkName::Ears => "ears",
        LinkName::Voice => "voice",
        LinkName::Mind => "mind",
    }
}

fn request_name(id: RequestId) -> String {
    format!("{:?} {};", id.link, id.number)
}
