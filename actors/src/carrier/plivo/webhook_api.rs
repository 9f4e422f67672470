//! The webhooks and upgrades of both dialects: their authentication and our answers. Pure.

use std::sync::{Mutex, PoisonError};

use url::Url;

use super::answer::{self, Documents};
use super::dialect::Dialect;
use super::nonces::Nonces;
use super::trust::{self, BadSignature, Signed};
use super::webhook_events;
use crate::carrier::address::{public_url, socket_url, with_query};
use crate::carrier::form::{Form, FormError};
use crate::carrier::webhook_api::{
    Answer, Arrival, Callbacks, Document, Fitting, Proof, Refused, Request, Role, Taker, Verb, WebhookApi, WebhookEvent,
};
use crate::carrier::xml;
use crate::ids::{CarrierCallId, Private};

/// The carrier's HTTP interface to us.
#[derive(Debug)]
pub(super) struct PlivoWebhookApi {
    dialect: &'static Dialect,
    /// Our public address. Signed URLs and the URLs in documents are built from it and from nothing
    /// else.
    public_url: Url,
    trust: Trust,
    /// The nonces of the webhooks so far.
    nonces: Mutex<Nonces>,
}

/// How the carrier is authenticated.
#[derive(Debug)]
pub(super) enum Trust {
    /// A signature with one of these tokens.
    Signed(Vec<Private<String>>),
    /// Without a token: any client on this machine that does not come through a proxy.
    Loopback,
}

impl WebhookApi for PlivoWebhookApi {
    fn proof(&self) -> Proof {
        match self.trust {
            Trust::Signed(_) => Proof::Signature,
            Trust::Loopback => Proof::ThisMachine,
        }
    }

    fn judge(&self, role: Role, request: &Request<'_>) -> Result<WebhookEvent, Refused> {
        let (query, form) = (Form::parse(request.query().as_bytes()), form_of(request));
        let none = Form::default();
        let (asked, sent) = (query.as_ref().unwrap_or(&none), form.as_ref().unwrap_or(&none));
        let told = if request.verb == Verb::Get { asked } else { sent };
        self.believe(request, asked, sent, told.value("CallUUID"))?;
        if request.verb == Verb::Post && !request.is_form() {
            return Err(Refused::unreadable("expected Content-Type: application/x-www-form-urlencoded"));
        }
        let unreadable = |error: FormError| Refused::unreadable(format!("the form cannot be read: {error}"));
        let (query, form) = (query.map_err(unreadable)?, form.map_err(unreadable)?);
        webhook_events::read(role, if request.verb == Verb::Get { &query } else { &form }, &query)
    }

    fn upgrade(&self, request: &Request<'_>) -> Result<Arrival, Refused> {
        let query = Form::parse(request.query().as_bytes())
            .map_err(|error| Refused::unreadable(format!("the query cannot be read: {error}")))?;
        let token = query.value("token").map(|token| Private::new(token.to_owned()));
        match &self.trust {
            Trust::Signed(_) if token.is_none() => {
                let detail = "expected ?token= as in the address that the answer gave";
                return Err(Refused::stranger(detail, "bad_token", "the stream's URL has no token", None));
            }
            // Whether upgrades are signed is not documented. The token is what counts; a signature
            // that is shown has to be good. Its nonce is not used up, because the carrier tries the
            // first connection again.
            Trust::Signed(tokens) if trust::is_signed(self.dialect.schemes, request.headers) => {
                let good = |url: fn(&Url, &str) -> String| {
                    let address = url(&self.public_url, request.path());
                    self.verify(tokens, request, &address, &query, &Form::default()).is_ok()
                };
                if !good(socket_url) && !good(public_url) {
                    return Err(bad_signature(BadSignature::Mismatch, None));
                }
            }
            Trust::Signed(_) => {}
            Trust::Loopback if request.is_local => {}
            Trust::Loopback => return Err(self.not_local(None)),
        }
        let others = query.pairs().iter().filter(|(name, _)| name != "token");
        Ok(Arrival::Announced { token, parameters: others.cloned().collect() })
    }

    fn answer(&self, answer: &Answer<'_>) -> Document {
        let documents = Documents { dialect: self.dialect, public_url: &self.public_url };
        let body = match answer {
            Answer::Stream { token, parameters, .. } => {
                let token = token.map(|token| ("token", token.expose().as_str()));
                let others = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                documents.connect_stream(&token.into_iter().chain(others).collect::<Vec<_>>())
            }
            Answer::Dial(dial) => documents.dial(dial),
            Answer::AskToTake { words, language, taker: Taker::Dialled } => answer::whisper(words, language),
            Answer::AskToTake { words, language, taker: Taker::Callee { call } } => {
                documents.ask_to_take(call, words, language)
            }
            Answer::Meet { call, side } => documents.meet(&format!("switchboard-{call}"), *side),
            Answer::GoOn => xml::go_on(),
            Answer::Refuse { language, words } => answer::refuse(language, *words),
            Answer::HangUp => xml::hang_up(),
            Answer::Nothing => return Document::empty(),
        };
        // The token of a stream is valid as long as its call.
        Document { no_store: true, ..Document::of(answer::CONTENT_TYPE, body) }
    }

    fn fitting_address(&self, role: Role, request: &Request<'_>) -> Option<Fitting> {
        let Trust::Signed(tokens) = &self.trust else { return None };
        let (query, form) = (Form::parse(request.query().as_bytes()).ok()?, form_of(request).unwrap_or_default());
        let schemes = if role == Role::Stream { ["wss", "ws"] } else { ["https", "http"] };
        let own = self.public_url.host_str().map(|host| match self.public_url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        });
        let forwarded =
            ["x-forwarded-host", "host"].into_iter().filter_map(|name| request.header(name).map(str::to_owned));
        let bare = request.path().trim_end_matches('/');
        let hosts = own.into_iter().chain(forwarded);
        let addresses = hosts.flat_map(|host| schemes.map(|scheme| format!("{scheme}://{host}{bare}")));
        let mut addresses = addresses.flat_map(|address| [format!("{address}/"), address]);
        let fits = addresses.find(|address| self.verify(tokens, request, address, &query, &form).is_ok())?;
        Some(Fitting { fits, tried: public_url(&self.public_url, request.path()) })
    }

    fn callbacks(&self, name: &CarrierCallId) -> Option<Callbacks> {
        let url =
            |role| with_query(public_url(&self.public_url, self.dialect.path(role)), &[("outbound", name.as_str())]);
        Some(Callbacks { document: url(Role::Arrives), status: url(Role::Status) })
    }
}

impl PlivoWebhookApi {
    pub(super) fn new(dialect: &'static Dialect, public_url: Url, trust: Trust) -> Self {
        Self { dialect, public_url, trust, nonces: Mutex::default() }
    }

    /// Authenticates a webhook. Its nonce is used up.
    fn believe(&self, request: &Request<'_>, query: &Form, form: &Form, call: Option<&str>) -> Result<(), Refused> {
        match &self.trust {
            Trust::Signed(tokens) => {
                let address = public_url(&self.public_url, request.path());
                let nonces = self
                    .verify(tokens, request, &address, query, form)
                    .map_err(|problem| bad_signature(problem, call))?;
                if self.nonces.lock().unwrap_or_else(PoisonError::into_inner).use_up(&nonces) {
                    return Ok(());
                }
                let why = "its nonce was used before: somebody sends a recorded request again";
                Err(Refused::stranger("the request was sent before", "bad_signature", why, call))
            }
            Trust::Loopback if request.is_local => Ok(()),
            Trust::Loopback => Err(self.not_local(call)),
        }
    }

    fn verify(
        &self,
        tokens: &[Private<String>],
        request: &Request<'_>,
        address: &str,
        query: &Form,
        form: &Form,
    ) -> Result<Vec<String>, BadSignature> {
        let (query, form, headers) = (query.pairs(), form.pairs(), request.headers);
        let signed = Signed { verb: request.verb, address, query, form, headers };
        trust::verify(self.dialect.schemes, tokens, &signed)
    }

    fn not_local(&self, call: Option<&str>) -> Refused {
        let detail = "only direct connections from this machine are served";
        let why = format!("without {} {detail}", self.dialect.auth_token);
        Refused::stranger(detail, "not_local", why, call)
    }
}

fn bad_signature(problem: BadSignature, call: Option<&str>) -> Refused {
    let detail = "the request is not signed by the carrier";
    let mut refused = Refused::stranger(detail, "bad_signature", problem.to_string(), call);
    if let Some(stranger) = &mut refused.stranger {
        stranger.mismatch = problem == BadSignature::Mismatch;
    }
    refused
}

/// The form in the body of a request.
fn form_of(request: &Request<'_>) -> Result<Form, FormError> {
    if request.verb == Verb::Post && request.is_form() { Form::parse(request.body) } else { Ok(Form::default()) }
}

#[cfg(test)]
mod tests;
