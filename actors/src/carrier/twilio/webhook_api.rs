//! The webhooks and upgrades of both dialects: their authentication and our answers. Pure.

use url::Url;

use super::answer::{self, Documents};
use super::dialect::{Dialect, Which};
use super::trust::{self, BadSignature, Keys, Kind, SETTINGS_HEADER, Signed};
use super::webhook_events;
use crate::carrier::address::{public_url, socket_url, with_query};
use crate::carrier::form::Form;
use crate::carrier::webhook_api::{
    Answer, Arrival, Callbacks, Document, Fitting, Proof, Refused, Request, Role, Taker, Verb, WebhookApi, WebhookEvent,
};
use crate::carrier::xml;
use crate::ids::{CarrierCallId, Private};

/// The carrier's HTTP interface to us.
#[derive(Debug)]
pub(super) struct TwilioWebhookApi {
    pub(super) dialect: &'static Dialect,
    /// Our public address. Signed URLs and the URLs in documents are built from it and from nothing
    /// else.
    pub(super) public_url: Url,
    pub(super) trust: Trust,
    /// The account that webhooks and their streams must name; `None` accepts any.
    pub(super) account: Option<Private<String>>,
}

/// How the carrier is authenticated.
#[derive(Debug)]
pub(super) enum Trust {
    /// A signature with one of these keys.
    Signed(Keys),
    /// Without signatures: any client on this machine that does not come through a proxy.
    Loopback,
}

impl WebhookApi for TwilioWebhookApi {
    fn proof(&self) -> Proof {
        match self.trust {
            Trust::Signed(_) => Proof::Signature,
            Trust::Loopback => Proof::ThisMachine,
        }
    }

    fn judge(&self, role: Role, request: &Request<'_>) -> Result<WebhookEvent, Refused> {
        webhook_events::read(role, &self.accept(request)?, request.query())
    }

    fn upgrade(&self, request: &Request<'_>) -> Result<Arrival, Refused> {
        // Only `start` names the call.
        let announced = |token| Arrival::Announced { token, parameters: Vec::new() };
        if let Some(token) = self.bearer(request) {
            return match &self.trust {
                Trust::Loopback if !request.is_local => Err(self.not_local(None)),
                // Our document gave it to this stream alone; the call's start shows whether it is good.
                Trust::Signed(_) | Trust::Loopback => Ok(announced(Some(token))),
            };
        }
        self.believe(request, None, |keys| {
            let url = self.url(Kind::Upgrade, request);
            trust::verify_upgrade(keys, &self.signed(request, &url, Signed::Nothing))
        })?;
        Ok(announced(None))
    }

    fn answer(&self, answer: &Answer<'_>) -> Document {
        let documents = Documents { dialect: self.dialect, public_url: &self.public_url };
        Document::of(
            answer::CONTENT_TYPE,
            match answer {
                Answer::Stream { name, token, parameters } => {
                    let token = token.map(|token| token.expose().as_str());
                    let others = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                    documents.connect_stream(name, token, &others.collect::<Vec<_>>())
                }
                Answer::Dial(dial) => documents.dial(dial),
                Answer::AskToTake { words, language, taker: Taker::Dialled } => {
                    documents.ask_to_take(Role::WhisperTaken, &[], words, language)
                }
                Answer::AskToTake { words, language, taker: Taker::Callee { call } } => {
                    documents.ask_to_take(Role::CalleeTaken, &[("call", call.as_str())], words, language)
                }
                Answer::Meet { call, side } => documents.meet(&format!("switchboard-{call}"), *side),
                Answer::GoOn => xml::go_on(),
                Answer::Refuse { language, words } => answer::refuse(language, *words),
                Answer::HangUp => xml::hang_up(),
                Answer::Nothing => return Document::empty(),
            },
        )
    }

    fn fitting_address(&self, role: Role, request: &Request<'_>) -> Option<Fitting> {
        let Trust::Signed(keys) = &self.trust else { return None };
        let kind = if role == Role::Stream { Kind::Upgrade } else { Kind::Webhook };
        let url = self.url(kind, request);
        let form = read(request).unwrap_or_default();
        let what = if kind == Kind::Upgrade { Signed::Nothing } else { self.what_is_signed(request, &form) };
        let own = self.public_url.host_str().map(|host| match self.public_url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        });
        let forwarded =
            ["x-forwarded-host", "host"].into_iter().filter_map(|name| request.header(name).map(str::to_owned));
        let hosts: Vec<String> = own.into_iter().chain(forwarded).collect();
        let fits = trust::fitting_address(keys, &self.signed(request, &url, what), kind, &hosts, request.target)?;
        Some(Fitting { fits, tried: url.split('?').next().unwrap_or_default().to_owned() })
    }

    fn account(&self) -> Option<&str> {
        self.account.as_ref().map(|account| account.expose().as_str())
    }

    fn callbacks(&self, name: &CarrierCallId) -> Option<Callbacks> {
        let url =
            |role| with_query(public_url(&self.public_url, self.dialect.path(role)), &[("outbound", name.as_str())]);
        Some(Callbacks { document: url(Role::Arrives), status: url(Role::Status) })
    }
}

impl TwilioWebhookApi {
    /// Authenticates a webhook and reads its form: the body of a POST, the query of a GET.
    fn accept(&self, request: &Request<'_>) -> Result<Form, Refused> {
        let form = read(request);
        let carrier_call = form.as_ref().ok().and_then(|form| form.value("CallSid"));
        self.believe(request, carrier_call, |keys| {
            let (url, none) = (self.url(Kind::Webhook, request), Form::default());
            let what = self.what_is_signed(request, form.as_ref().unwrap_or(&none));
            let asked = self.signed(request, &url, what);
            let raw = |name| trust::verify_raw(keys, &url, request.body, asked.signature, request.header(name));
            trust::verify_webhook(keys, &asked)
                .or_else(|problem| self.dialect.raw_signature.and_then(|name| raw(name).ok()).ok_or(problem))
        })?;
        if request.verb == Verb::Post && !request.is_form() {
            return Err(Refused::unreadable("expected Content-Type: application/x-www-form-urlencoded"));
        }
        let form = form.map_err(|error| Refused::unreadable(format!("the form cannot be read: {error}")))?;
        self.own_account(&form)?;
        Ok(form)
    }

    /// Refuses requests of another account if ours is configured: both may use the same secret.
    fn own_account(&self, form: &Form) -> Result<(), Refused> {
        match (&self.account, form.value("AccountSid")) {
            (Some(own), Some(account)) if own.expose() != account => Err(Refused::stranger(
                "the request belongs to another account",
                "wrong_account",
                format!("it names another account than {}", self.dialect.account),
                form.value("CallSid"),
            )),
            (Some(_) | None, _) => Ok(()),
        }
    }

    fn believe(
        &self,
        request: &Request<'_>,
        carrier_call: Option<&str>,
        verify: impl FnOnce(&Keys) -> Result<(), BadSignature>,
    ) -> Result<(), Refused> {
        match &self.trust {
            Trust::Signed(keys) => verify(keys).map_err(|problem| {
                let detail = "the request is not signed by the carrier";
                let mut refused = Refused::stranger(detail, "bad_signature", problem.to_string(), carrier_call);
                if let Some(stranger) = &mut refused.stranger {
                    stranger.mismatch = problem == BadSignature::Mismatch;
                }
                refused
            }),
            Trust::Loopback if request.is_local => Ok(()),
            Trust::Loopback => Err(self.not_local(carrier_call)),
        }
    }

    fn not_local(&self, carrier_call: Option<&str>) -> Refused {
        let detail = "only direct connections from this machine are served";
        let why = format!("verification is off (`{}`), so {detail}", self.dialect.trusted_by);
        Refused::stranger(detail, "not_local", why, carrier_call)
    }

    /// The token of a stream in its upgrade, where the document can ask for that.
    fn bearer(&self, request: &Request<'_>) -> Option<Private<String>> {
        let shown = request.header("authorization").filter(|_| self.dialect.which == Which::SignalWire)?;
        let (scheme, token) = shown.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| Private::new(token.to_owned()))
    }

    /// The URL that the carrier was given: our public address and the raw target. Nothing that the other
    /// side claims (`Host`, `X-Forwarded-*`) is used.
    fn url(&self, kind: Kind, request: &Request<'_>) -> String {
        let base = match kind {
            Kind::Webhook => public_url(&self.public_url, ""),
            Kind::Upgrade => socket_url(&self.public_url, ""),
        };
        base + request.target
    }

    fn what_is_signed<'r>(&self, request: &Request<'r>, form: &'r Form) -> Signed<'r> {
        match (request.verb, self.dialect.which) {
            (Verb::Get, _) => Signed::Nothing,
            (Verb::Post, Which::Twilio) if request.is_form() => Signed::Form(form.pairs()),
            (Verb::Post, Which::SignalWire) if request.is_form() => Signed::EveryPair(form.pairs()),
            (Verb::Post, _) => Signed::Body(request.body),
        }
    }

    fn signed<'r>(&self, request: &Request<'r>, url: &'r str, signed: Signed<'r>) -> trust::Request<'r> {
        let signature = self.dialect.signatures.iter().find_map(|name| request.header(name));
        let settings = request.header(SETTINGS_HEADER).filter(|_| self.dialect.which == Which::Twilio);
        trust::Request { url, signed, signature, settings }
    }
}

/// The form of a request: the body of a POST, the query of a GET.
fn read(request: &Request<'_>) -> Result<Form, crate::carrier::form::FormError> {
    match request.verb {
        Verb::Get => Form::parse(request.query().as_bytes()),
        Verb::Post if request.is_form() => Form::parse(request.body),
        Verb::Post => Ok(Form::default()),
    }
}
