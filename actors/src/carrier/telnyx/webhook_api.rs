//! The webhooks and upgrades: their authentication and our answers. Pure.

use url::Url;

use super::answer as texml;
use super::trust::{self, PublicKey, SIGNATURE_HEADER, Signed, TIME_HEADER};
use super::webhook_events;
use crate::carrier::address::{public_url, with_query};
use crate::carrier::form::{Form, FormError};
use crate::carrier::webhook_api::{
    Answer, Arrival, Callbacks, Document, Proof, Refused, Request, Role, Route, Taker, Verb, WebhookApi, WebhookEvent,
};
use crate::carrier::xml;
use crate::ids::{CarrierCallId, Private};

/// Its paths. A signature covers the body alone, so nothing is asked by GET.
pub(super) const ROUTES: &[Route] = &[
    Route { verbs: &[Verb::Get], path: "/telnyx/ws", role: Role::Stream },
    Route { verbs: POST, path: "/telnyx/answer", role: Role::Arrives },
    Route { verbs: POST, path: "/telnyx/after-stream", role: Role::StreamEnded },
    Route { verbs: POST, path: "/telnyx/dial-result", role: Role::DialEnded },
    Route { verbs: POST, path: "/telnyx/whisper", role: Role::Whisper },
    Route { verbs: POST, path: "/telnyx/whisper-taken", role: Role::WhisperTaken },
    Route { verbs: POST, path: "/telnyx/person/briefing", role: Role::CalleeAnswered },
    Route { verbs: POST, path: "/telnyx/person/taken", role: Role::CalleeTaken },
    Route { verbs: POST, path: "/telnyx/person/status", role: Role::CalleeStatus },
    Route { verbs: POST, path: "/telnyx/status", role: Role::Status },
    Route { verbs: POST, path: "/telnyx/stream-status", role: Role::StreamStatus },
];
const POST: &[Verb] = &[Verb::Post];

/// Telnyx's HTTP interface to us.
#[derive(Debug)]
pub(super) struct TelnyxWebhookApi {
    /// Our public address. The URLs in documents are built from it and from nothing else.
    pub(super) public_url: Url,
    /// How Telnyx is authenticated.
    pub(super) trust: Trust,
}

/// How Telnyx is authenticated.
#[derive(Debug)]
pub(super) enum Trust {
    /// A signature that fits one of these keys.
    Signed(Vec<PublicKey>),
    /// Without a key: any client on this machine that does not come through a proxy.
    Loopback,
}

impl WebhookApi for TelnyxWebhookApi {
    fn proof(&self) -> Proof {
        match self.trust {
            Trust::Signed(_) => Proof::Signature,
            Trust::Loopback => Proof::ThisMachine,
        }
    }

    fn judge(&self, role: Role, request: &Request<'_>) -> Result<WebhookEvent, Refused> {
        let form = Form::parse(request.body);
        self.believe(request, form.as_ref().ok().and_then(|form| form.value("CallSid")))?;
        if !request.is_form() {
            return Err(Refused::unreadable("expected Content-Type: application/x-www-form-urlencoded"));
        }
        let unreadable = |error: FormError| Refused::unreadable(format!("the form cannot be read: {error}"));
        let (form, query) = (form.map_err(unreadable)?, query_of(request)?);
        webhook_events::read(role, &form, &query)
    }

    fn upgrade(&self, request: &Request<'_>) -> Result<Arrival, Refused> {
        let query = query_of(request)?;
        let token = query.value("token").or_else(|| request.header("x-telnyx-streaming-auth-token"));
        match &self.trust {
            // An upgrade is not signed: what counts is the token that our document wrote.
            Trust::Signed(_) if token.is_none() => {
                let detail = "expected ?token= as in the address that the answer gave";
                return Err(Refused::stranger(detail, "bad_token", "the stream's URL has no token", None));
            }
            Trust::Signed(_) => {}
            Trust::Loopback if request.is_local => {}
            Trust::Loopback => return Err(not_local(None)),
        }
        let others = query.pairs().iter().filter(|(name, _)| name != "token");
        let token = token.map(|token| Private::new(token.to_owned()));
        Ok(Arrival::Announced { token, parameters: others.cloned().collect() })
    }

    fn answer(&self, answer: &Answer<'_>) -> Document {
        let public = &self.public_url;
        let body = match answer {
            Answer::Stream { name, token, parameters } => {
                let token = token.map(|token| ("token", token.expose().as_str()));
                let others = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                texml::connect_stream(public, name, &token.into_iter().chain(others).collect::<Vec<_>>())
            }
            Answer::Dial(dial) => texml::dial(public, dial),
            Answer::AskToTake { words, language, taker: Taker::Dialled } => {
                texml::ask_to_take(public, "/telnyx/whisper-taken", &[], words, language)
            }
            Answer::AskToTake { words, language, taker: Taker::Callee { call } } => {
                texml::ask_to_take(public, "/telnyx/person/taken", &[("call", call.as_str())], words, language)
            }
            Answer::Meet { call, side } => texml::meet(public, &format!("switchboard-{call}"), *side),
            Answer::GoOn => xml::go_on(),
            Answer::Refuse { language, words } => texml::refuse(language, *words),
            Answer::HangUp => xml::hang_up(),
            Answer::Nothing => return Document::empty(),
        };
        // The token of a stream is valid as long as its call.
        Document { no_store: true, ..Document::of(texml::CONTENT_TYPE, body) }
    }

    fn callbacks(&self, name: &CarrierCallId) -> Option<Callbacks> {
        let url = |path| with_query(public_url(&self.public_url, path), &[("outbound", name.as_str())]);
        Some(Callbacks { document: url("/telnyx/answer"), status: url("/telnyx/status") })
    }
}

impl TelnyxWebhookApi {
    fn believe(&self, request: &Request<'_>, call: Option<&str>) -> Result<(), Refused> {
        match &self.trust {
            Trust::Signed(keys) => {
                let (signature, time) = (request.header(SIGNATURE_HEADER), request.header(TIME_HEADER));
                let signed = Signed { signature, time, body: request.body };
                trust::verify(keys, &signed, request.at).map_err(|problem| {
                    let detail = "the request is not signed by the carrier";
                    Refused::stranger(detail, "bad_signature", problem.to_string(), call)
                })
            }
            Trust::Loopback if request.is_local => Ok(()),
            Trust::Loopback => Err(not_local(call)),
        }
    }
}

fn query_of(request: &Request<'_>) -> Result<Form, Refused> {
    Form::parse(request.query().as_bytes())
        .map_err(|error| Refused::unreadable(format!("the query cannot be read: {error}")))
}

fn not_local(call: Option<&str>) -> Refused {
    let detail = "only direct connections from this machine are served";
    Refused::stranger(detail, "not_local", format!("without TELNYX_PUBLIC_KEY {detail}"), call)
}

#[cfg(test)]
mod tests;
