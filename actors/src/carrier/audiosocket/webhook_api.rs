//! The questions of a dialplan around AudioSocket. Pure.

use std::net::SocketAddr;

use uuid::Uuid;

use super::asterisk::Dialplan;
use crate::carrier::webhook_api::{
    Answer, Arrival, Arriving, Direction, Document, OwnListener, Proof, Refused, Request, Role, Route, Verb,
    WebhookApi, WebhookEvent,
};

/// Its paths. The stream has none.
pub(super) const ROUTES: &[Route] = &[
    Route { verbs: EITHER, path: "/audiosocket/answer", role: Role::Arrives },
    Route { verbs: EITHER, path: "/audiosocket/after-stream", role: Role::StreamEnded },
    Route { verbs: EITHER, path: "/audiosocket/dial-result", role: Role::DialEnded },
    Route { verbs: EITHER, path: "/audiosocket/status", role: Role::Status },
];
const EITHER: &[Verb] = &[Verb::Get, Verb::Post];

/// The HTTP interface to us.
#[derive(Debug)]
pub(super) struct AudioSocketWebhookApi {
    /// The questions after the stream.
    pub(super) dialplan: Dialplan,
    /// Where the streams come.
    pub(super) bind: SocketAddr,
}

impl WebhookApi for AudioSocketWebhookApi {
    fn proof(&self) -> Proof {
        self.dialplan.proof()
    }

    fn judge(&self, role: Role, request: &Request<'_>) -> Result<WebhookEvent, Refused> {
        if role != Role::Arrives {
            return self.dialplan.judge(role, request);
        }
        let fields = self.dialplan.accept(request)?;
        let own = |name: &str| ["call", "from", "to"].contains(&name);
        Ok(WebhookEvent::Arrives(Arriving {
            call: fields.call()?,
            account: None,
            direction: Direction::Inbound,
            from: fields.number("from"),
            to: fields.number("to"),
            parameters: fields.parameters().into_iter().filter(|(name, _)| !own(name)).collect(),
            in_progress: false,
            answered_by: None,
        }))
    }

    /// A connection has no request before its packets: the first of them shows the permit.
    fn upgrade(&self, request: &Request<'_>) -> Result<Arrival, Refused> {
        self.dialplan.accept(request)?;
        Err(Refused::unreadable("streams of AudioSocket are TCP connections to audiosocket.bind"))
    }

    fn answer(&self, answer: &Answer<'_>) -> Document {
        let permit = if let Answer::Stream { token: Some(token), .. } = answer {
            Uuid::parse_str(token.expose()).ok()
        } else {
            None
        };
        self.dialplan.answer(answer, &permit.map(|permit| permit.to_string()).unwrap_or_default())
    }

    fn own_listener(&self) -> Option<OwnListener> {
        Some(OwnListener { key: "audiosocket.bind", address: self.bind })
    }
}

#[cfg(test)]
mod tests;
