//! Twilio's webhooks and upgrades: their authentication and our answers. Pure.

use url::Url;

use super::answer as twiml;
use super::trust::{self, BadSignature, Keys, Kind, SETTINGS_HEADER, SIGNATURE_HEADER, Signed};
use super::webhook_events;
use crate::carrier::address::{public_url, socket_url};
use crate::carrier::form::Form;
use crate::carrier::webhook_api::{
    Answer, Arrival, Callbacks, Document, Fitting, Proof, Refused, Request, Role, Route, Taker, Verb, WebhookApi,
    WebhookEvent,
};
use crate::ids::{CarrierCallId, Private};

/// Its paths. `/ws` is the path from before there were other carriers; documents use it too.
pub(super) const ROUTES: &[Route] = &[
    Route { verbs: &[Verb::Get], path: "/ws", role: Role::Stream },
    Route { verbs: &[Verb::Get], path: "/twilio/ws", role: Role::Stream },
    Route { verbs: &[Verb::Get, Verb::Post], path: "/twilio/voice", role: Role::Arrives },
    Route { verbs: POST, path: "/twilio/after-stream", role: Role::StreamEnded },
    Route { verbs: POST, path: "/twilio/dial-result", role: Role::DialEnded },
    Route { verbs: POST, path: "/twilio/whisper", role: Role::Whisper },
    Route { verbs: POST, path: "/twilio/whisper-taken", role: Role::WhisperTaken },
    Route { verbs: POST, path: "/twilio/person/briefing", role: Role::CalleeAnswered },
    Route { verbs: POST, path: "/twilio/person/taken", role: Role::CalleeTaken },
    Route { verbs: POST, path: "/twilio/person/status", role: Role::CalleeStatus },
    Route { verbs: POST, path: "/twilio/status", role: Role::Status },
    Route { verbs: POST, path: "/twilio/stream-status", role: Role::StreamStatus },
];
const POST: &[Verb] = &[Verb::Post];

/// Twilio's HTTP interface to us.
#[derive(Debug)]
pub struct TwilioWebhookApi {
    /// Our public address. Signed URLs and the URLs in documents are built from it and from nothing
    /// else.
    pub public_url: Url,
    /// How Twilio is authenticated.
    pub trust: Trust,
    /// The account that webhooks and their streams must name; `None` accepts any.
    pub account: Option<Private<String>>,
}

/// How Twilio is authenticated.
#[derive(Debug)]
pub enum Trust {
    /// A signature with one of these keys.
    Signed(Keys),
    /// `twilio.verify = "off"`: any client on this machine that does not come through a proxy.
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
        self.believe(request, None, |keys| {
            trust::verify_upgrade(keys, &signed(request, &self.url(Kind::Upgrade, request), Signed::Nothing))
        })?;
        Ok(Arrival::Announced { token: None, parameters: Vec::new() })
    }

    fn answer(&self, answer: &Answer<'_>) -> Document {
        let public_url = &self.public_url;
        Document::of(
            twiml::CONTENT_TYPE,
            match answer {
                Answer::Stream { name, token, parameters } => {
                    let token = token.map(|token| ("token", token.expose().as_str()));
                    let others = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                    let parameters: Vec<_> = token.into_iter().chain(others).collect();
                    twiml::connect_stream(&twiml::ConnectStream { public_url, name, parameters: &parameters })
                }
                Answer::Dial(dial) => twiml::dial(public_url, dial),
                Answer::AskToTake { words, language, taker: Taker::Dialled } => {
                    twiml::ask_to_take(public_url, "/twilio/whisper-taken", words, language)
                }
                Answer::AskToTake { words, language, taker: Taker::Callee { call } } => {
                    let taken = format!("/twilio/person/taken?{}", super::control::of_caller(call));
                    twiml::ask_to_take(public_url, &taken, words, language)
                }
                Answer::Meet { call, side } => twiml::meet(public_url, &format!("switchboard-{call}"), *side),
                Answer::GoOn => twiml::go_on(),
                Answer::Refuse { language } => twiml::say_and_hang_up(&twiml::refusal(language)),
                Answer::HangUp => twiml::hang_up(),
                Answer::Nothing => return Document::empty(),
            },
        )
    }

    fn fitting_address(&self, role: Role, request: &Request<'_>) -> Option<Fitting> {
        let Trust::Signed(keys) = &self.trust else { return None };
        let kind = if role == Role::Stream { Kind::Upgrade } else { Kind::Webhook };
        let url = self.url(kind, request);
        let form = read(request).unwrap_or_default();
        let what = if kind == Kind::Upgrade { Signed::Nothing } else { what_is_signed(request, &form) };
        let own = self.public_url.host_str().map(|host| match self.public_url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        });
        let forwarded =
            ["x-forwarded-host", "host"].into_iter().filter_map(|name| request.header(name).map(str::to_owned));
        let hosts: Vec<String> = own.into_iter().chain(forwarded).collect();
        let fits = trust::fitting_address(keys, &signed(request, &url, what), kind, &hosts, request.target)?;
        Some(Fitting { fits, tried: url.split('?').next().unwrap_or_default().to_owned() })
    }

    fn account(&self) -> Option<&str> {
        self.account.as_ref().map(|account| account.expose().as_str())
    }

    fn callbacks(&self, name: &CarrierCallId) -> Option<Callbacks> {
        // The name consists of letters, digits and hyphens.
        let url = |path| format!("{}?outbound={}", public_url(&self.public_url, path), name.as_str());
        Some(Callbacks { document: url("/twilio/voice"), status: url("/twilio/status") })
    }
}

impl TwilioWebhookApi {
    /// Authenticates a webhook and reads its form: the body of a POST, the query of a GET.
    fn accept(&self, request: &Request<'_>) -> Result<Form, Refused> {
        let form = read(request);
        let carrier_call = form.as_ref().ok().and_then(|form| form.value("CallSid"));
        self.believe(request, carrier_call, |keys| {
            let (url, none) = (self.url(Kind::Webhook, request), Form::default());
            let what = what_is_signed(request, form.as_ref().unwrap_or(&none));
            trust::verify_webhook(keys, &signed(request, &url, what))
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
                "it names another account than TWILIO_ACCOUNT_SID",
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
            Trust::Loopback => Err(Refused::stranger(
                "only direct connections from this machine are served",
                "not_local",
                "verification is off (`twilio.verify`), so only direct connections from this machine are served",
                carrier_call,
            )),
        }
    }

    /// The URL that Twilio was given: our public address and the raw target. Nothing that the other
    /// side claims (`Host`, `X-Forwarded-*`) is used.
    fn url(&self, kind: Kind, request: &Request<'_>) -> String {
        let base = match kind {
            Kind::Webhook => public_url(&self.public_url, ""),
            Kind::Upgrade => socket_url(&self.public_url, ""),
        };
        base + request.target
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

fn what_is_signed<'a>(request: &Request<'a>, form: &'a Form) -> Signed<'a> {
    match request.verb {
        Verb::Get => Signed::Nothing,
        Verb::Post if request.is_form() => Signed::Form(form.pairs()),
        Verb::Post => Signed::Body(request.body),
    }
}

fn signed<'a>(request: &Request<'a>, url: &'a str, signed: Signed<'a>) -> trust::Request<'a> {
    trust::Request {
        url,
        signed,
        signature: request.header(SIGNATURE_HEADER),
        settings: request.header(SETTINGS_HEADER),
    }
}
