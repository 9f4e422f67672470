//! The requests of the channel driver and of the dialplan around it. Pure.

use super::Dialplan;
use super::dialplan::is_id;
use crate::carrier::StreamStart;
use crate::carrier::webhook_api::{
    Answer, Arrival, Document, Proof, Refused, Request, Role, Route, Verb, WebhookApi, WebhookEvent,
};
use crate::ids::{CarrierCallId, Private};

/// Its paths.
pub(super) const ROUTES: &[Route] = &[
    Route { verbs: &[Verb::Get], path: "/asterisk/ws", role: Role::Stream },
    Route { verbs: EITHER, path: "/asterisk/after-stream", role: Role::StreamEnded },
    Route { verbs: EITHER, path: "/asterisk/dial-result", role: Role::DialEnded },
    Route { verbs: EITHER, path: "/asterisk/status", role: Role::Status },
];
const EITHER: &[Verb] = &[Verb::Get, Verb::Post];

/// The HTTP interface to us.
#[derive(Debug)]
pub(super) struct AsteriskWebhookApi(pub(super) Dialplan);

impl WebhookApi for AsteriskWebhookApi {
    fn proof(&self) -> Proof {
        self.0.proof()
    }

    fn judge(&self, role: Role, request: &Request<'_>) -> Result<WebhookEvent, Refused> {
        self.0.judge(role, request)
    }

    fn upgrade(&self, request: &Request<'_>) -> Result<Arrival, Refused> {
        Ok(Arrival::Authenticated { parameters: self.0.accept(request)?.parameters() })
    }

    fn answer(&self, answer: &Answer<'_>) -> Document {
        self.0.answer(answer, AGAIN)
    }

    /// The stream knows its own channel only. The call and its numbers are in the URL.
    fn sort(&self, start: &mut StreamStart) {
        let mut take = |name| start.parameters.remove(name).filter(|value: &String| !value.is_empty());
        let (call, from, to) = (take("call"), take("from"), take("to"));
        if let Some(call) = call.filter(|call| is_id(call)) {
            start.carrier_call = CarrierCallId::new(&call);
        }
        (start.from, start.to) = (from.map(Private::new), to.map(Private::new));
    }
}

/// The word for a caller who comes back to the agent: the dialplan opens another stream.
const AGAIN: &str = "agent";

#[cfg(test)]
mod tests;
