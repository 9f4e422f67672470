//! The carrier's requests to us: their authentication by a token, and our answers. Pure.

use serde_json::{Value, json};
use url::Url;

use super::settings::STREAM_TOKEN;
use crate::carrier::address::{socket_url, with_query};
use crate::carrier::form::Form;
use crate::carrier::token;
use crate::carrier::webhook_api::{
    Answer, Arrival, Connecting, Document, Proof, Refused, Request, Role, Route, StatusUpdate, Verb, WebhookApi,
    WebhookEvent,
};
use crate::ids::{CarrierCallId, Private};

/// Its paths.
pub(super) const ROUTES: &[Route] = &[
    Route { verbs: &[Verb::Get], path: STREAM, role: Role::Stream },
    Route { verbs: EITHER, path: "/smartflo/answer", role: Role::Arrives },
    Route { verbs: EITHER, path: "/smartflo/status", role: Role::Status },
];
const STREAM: &str = "/smartflo/ws";
const EITHER: &[Verb] = &[Verb::Get, Verb::Post];

/// The carrier's HTTP interface to us.
#[derive(Debug)]
pub(super) struct SmartfloWebhookApi {
    /// Our public address.
    pub(super) public_url: Url,
    /// The token in its URLs; `None` only while every address is loopback.
    pub(super) token: Option<Private<String>>,
}

impl WebhookApi for SmartfloWebhookApi {
    fn proof(&self) -> Proof {
        if self.token.is_some() { Proof::Token } else { Proof::ThisMachine }
    }

    fn judge(&self, role: Role, request: &Request<'_>) -> Result<WebhookEvent, Refused> {
        let query = self.accept(request)?;
        let body = Form::parse(request.body).unwrap_or_default();
        // A POST may have JSON instead of a form.
        let json: Value = serde_json::from_slice(request.body).unwrap_or_default();
        let field = |names: &[&str]| {
            let written = |name: &&str| query.value(name).or_else(|| body.value(name)).or_else(|| json[*name].as_str());
            names.iter().find_map(written).unwrap_or_default().to_owned()
        };
        let named = field(&["call_id", "callId", "callSid", "CallSid", "uuid"]);
        let is_id = |id: &str| id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_id(&named) || (named.is_empty() && role == Role::Status) {
            return Err(Refused::unreadable("expected call_id, an id of at most 64 visible ASCII characters"));
        }
        Ok(match role {
            Role::Arrives => {
                let number = |names: &[&str]| Some(field(names)).filter(|it| !it.is_empty()).map(Private::new);
                WebhookEvent::Connects(Connecting {
                    is_new: true,
                    said: String::new(),
                    name: String::new(),
                    from: number(&["fromNumber", "from", "caller_id_number", "caller"]),
                    to: number(&["toNumber", "to", "call_to_number", "did"]),
                    call: named,
                    parameters: query
                        .pairs()
                        .iter()
                        .filter(|(name, _)| KEPT.contains(&name.as_str()))
                        .cloned()
                        .collect(),
                })
            }
            Role::Status => {
                let status = field(&["status", "call_status", "callStatus"]);
                let over = OVER.contains(&status.to_ascii_lowercase().as_str());
                let call = CarrierCallId::new(&named);
                WebhookEvent::Status(StatusUpdate { call, announced: None, unanswered: None, over, status })
            }
            Role::Stream
            | Role::StreamEnded
            | Role::AsksWhom
            | Role::DialEnded
            | Role::Whisper
            | Role::WhisperTaken
            | Role::CalleeAnswered
            | Role::CalleeTaken
            | Role::CalleeStatus
            | Role::StreamStatus => WebhookEvent::Nothing,
        })
    }

    fn upgrade(&self, request: &Request<'_>) -> Result<Arrival, Refused> {
        let query = self.accept(request)?;
        let others = query.pairs().iter().filter(|(name, _)| name != "token");
        Ok(Arrival::Authenticated { parameters: others.cloned().collect() })
    }

    fn answer(&self, answer: &Answer<'_>) -> Document {
        let body = match answer {
            Answer::Stream { parameters, .. } => {
                let token = self.token.as_ref().map(|token| ("token", token.expose().as_str()));
                let others = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                let query: Vec<_> = token.into_iter().chain(others).collect();
                json!({"success": true, "wss_url": with_query(socket_url(&self.public_url, STREAM), &query)})
            }
            // Anything but the address of a stream fails the call, which is all that can be said here.
            Answer::Dial(_)
            | Answer::AskToTake { .. }
            | Answer::Meet { .. }
            | Answer::GoOn
            | Answer::Refuse { .. }
            | Answer::HangUp => json!({"success": false}),
            Answer::Nothing => return Document::empty(),
        };
        // The document contains the token.
        Document { no_store: true, ..Document::of("application/json", body.to_string()) }
    }
}

impl SmartfloWebhookApi {
    /// Authenticates a request by the token. Returns the URL's query.
    fn accept(&self, request: &Request<'_>) -> Result<Form, Refused> {
        token::accept(request, self.token.as_ref(), STREAM_TOKEN, "call_id")
    }
}

/// The longest id of a call.
const LONGEST_ID: usize = 64;
/// The parameters of the answer URL that are passed on to the stream.
const KEPT: [&str; 2] = ["agent", "language"];
/// Words for a call that is over, in lower case. The panel's triggers name them.
const OVER: [&str; 10] =
    ["completed", "hangup", "ended", "disconnected", "missed", "failed", "busy", "no-answer", "noanswer", "cancelled"];

#[cfg(test)]
mod tests;
