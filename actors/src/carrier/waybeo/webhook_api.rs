//! The HTTP interface of Waybeo, which is also Ozonetel's (KooKoo's): the stream's upgrade and the
//! answer URL. Pure.
//!
//! The carrier neither signs nor announces anything. It has only the URL that it was given, with a
//! token in it. A client with that token is accepted once `start` has come. Without a token, only
//! this machine itself is served.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;
use url::form_urlencoded::Serializer;

use super::answer::{self as document, stream_document};
use crate::carrier::StreamStart;
use crate::carrier::address::socket_url;
use crate::carrier::form::Form;
use crate::carrier::webhook_api::{
    Answer, Arrival, Connecting, Document, Proof, Refused, Request, Role, Route, Verb, WebhookApi, WebhookEvent,
};
use crate::ids::Private;

/// Its paths.
pub(super) const ROUTES: &[Route] = &[
    Route { verbs: &[Verb::Get], path: STREAM, role: Role::Stream },
    Route { verbs: &[Verb::Get], path: "/waybeo/answer", role: Role::Arrives },
];
const STREAM: &str = "/waybeo/ws";

/// Waybeo's HTTP interface to us.
#[derive(Debug)]
pub struct WaybeoWebhookApi {
    /// Our public address.
    pub public_url: Url,
    /// The token in its URLs; `None` only while every address is loopback.
    pub token: Option<Private<String>>,
    /// `true`: `did` is the caller's number, as in Waybeo's production. `false`: it is the dialled
    /// number, as in Ozonetel's documentation.
    pub did_is_caller: bool,
    /// The SIP id in the answer document; empty uses the caller's from the request.
    pub sip_id: String,
}

impl WebhookApi for WaybeoWebhookApi {
    fn proof(&self) -> Proof {
        if self.token.is_some() { Proof::Token } else { Proof::ThisMachine }
    }

    /// Ozonetel asks what to do with a call. With `event` it notifies us about one.
    fn judge(&self, _: Role, request: &Request<'_>) -> Result<WebhookEvent, Refused> {
        let asked = self.accept(request)?;
        let field = |name: &str| asked.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        let (event, call) = (field("event"), field("sid").to_owned());
        let is = |words: &[&str]| words.iter().any(|word| event.eq_ignore_ascii_case(word));
        if is(&["hangup", "disconnect"]) || is(&["stream"]) {
            return Ok(WebhookEvent::ConnectedEnded { call, asks: is(&["stream"]), said: event.to_owned() });
        }
        let names = [self.sip_id.as_str(), field("outbound_sid"), field("sid"), "UNKNOWN"];
        let number = |name| Some(field(name)).filter(|it| !it.is_empty()).map(|it| Private::new(it.to_owned()));
        Ok(WebhookEvent::Connects(Connecting {
            is_new: is(&["", "newcall"]),
            said: event.to_owned(),
            name: names.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned(),
            from: number("cid"),
            to: number("called_number"),
            call,
            parameters: asked.iter().filter(|(name, _)| KEPT.contains(&name.as_str())).cloned().collect(),
        }))
    }

    fn upgrade(&self, request: &Request<'_>) -> Result<Arrival, Refused> {
        Ok(Arrival::Authenticated { parameters: self.accept(request)? })
    }

    fn answer(&self, answer: &Answer<'_>) -> Document {
        let body = match answer {
            Answer::Stream { name, parameters, .. } => stream_document(&self.stream_url(parameters), name),
            Answer::Nothing | Answer::GoOn => document::NOTHING.to_owned(),
            // The target of a transfer is configured at Waybeo, and the transfer itself is a
            // request of ours.
            Answer::HangUp
            | Answer::Refuse { .. }
            | Answer::Dial(_)
            | Answer::AskToTake { .. }
            | Answer::Meet { .. } => document::HANG_UP.to_owned(),
        };
        // The document contains the token.
        Document { no_store: true, ..Document::of(document::CONTENT_TYPE, body) }
    }

    fn sort(&self, start: &mut StreamStart) {
        if self.did_is_caller {
            return;
        }
        let field = |names: &[&str]| {
            names.iter().find_map(|name| start.parameters.get(*name)).map(|number| Private::new(number.clone()))
        };
        let (from, to) = (field(&["customer_number", "caller_number"]), field(&["did", "vmn"]));
        (start.from, start.to) = (from, to);
    }
}

impl WaybeoWebhookApi {
    /// Authenticates a request by its URL. Returns the URL's other parameters.
    fn accept(&self, request: &Request<'_>) -> Result<Vec<(String, String)>, Refused> {
        let query = Form::parse(request.query().as_bytes())
            .map_err(|error| Refused::unreadable(format!("the query cannot be read: {error}")))?;
        let shown = query.value("token");
        let (good, reason, detail) = match &self.token {
            // Compare hashes so that timing reveals not even the length.
            Some(token) => {
                let same = |shown: &str| bool::from(Sha256::digest(shown).ct_eq(&Sha256::digest(token.expose())));
                (shown.is_some_and(same), "bad_token", "expected ?token= with WAYBEO_STREAM_TOKEN")
            }
            None => (
                request.is_local,
                "not_local",
                "without WAYBEO_STREAM_TOKEN only direct connections from this machine are served",
            ),
        };
        if good {
            return Ok(query.pairs().iter().filter(|(name, _)| name != "token").cloned().collect());
        }
        Err(Refused::stranger(detail, reason, detail, call_of(&query)))
    }

    /// The address of the stream, for the carrier.
    fn stream_url(&self, parameters: &[(String, String)]) -> String {
        let url = socket_url(&self.public_url, STREAM);
        let mut query = Serializer::new(String::new());
        if let Some(token) = &self.token {
            query.append_pair("token", token.expose());
        }
        for (name, value) in parameters {
            query.append_pair(name, value);
        }
        let query = query.finish();
        if query.is_empty() { url } else { format!("{url}?{query}") }
    }
}

/// The carrier's id of the call, if the URL has it: `ucid` in Waybeo's, `sid` in KooKoo's.
fn call_of(query: &Form) -> Option<&str> {
    ["ucid", "sid"].into_iter().find_map(|name| query.value(name))
}

/// The parameters of the answer URL that are passed on to the stream.
const KEPT: [&str; 2] = ["agent", "language"];

#[cfg(test)]
mod tests;
