//! What every door knows: handed to the handlers as app data, fixed once the listeners are bound.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Addr;
use actix_web::HttpRequest;
use actix_web::web::Bytes;
use log::warn;
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::address;
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::ids::{Private, logged};
use switchboard_actors::line::identity::Direction;
use switchboard_actors::profile::CallProfile;
use switchboard_actors::realtime::warm::actor::Keep;
use switchboard_actors::supervisor::actor::Supervisor;
use switchboard_actors::supervisor::events::Event;
use switchboard_actors::transcript::recent::RecentCalls;
use switchboard_actors::transcript::writer::Unwritable;
use url::Url;

use super::answered::AnsweredCalls;
use super::form::Form;
use super::guard;
use super::health::ModelProbe;
use super::hints::Hints;
use super::limiter::ConnectionLimiter;
use super::outbound::Dialling;
use super::problem::Problem;
use super::watching::Watching;
use super::waybeo::WaybeoRules;
use crate::service::config::Voicemail;
use crate::service::telemetry::Metrics;
use switchboard_actors::carrier::twilio::trust::{
    self as signature, Keys, Kind, SETTINGS_HEADER, SIGNATURE_HEADER, Signed,
};

/// What every door knows.
pub struct AppState {
    /// Who admits calls.
    pub supervisor: Addr<Supervisor>,
    /// How a call is to be held, by who calls whom.
    pub profiles: ProfileFor,
    /// Our address as the carrier knows it; signed URLs and stream URLs are built from it and from nothing else.
    pub public_url: Url,
    /// Who is believed to be Twilio.
    pub trust: Trust,
    /// The account that webhooks have to name, and with them their streams; any where none is set.
    pub account: Option<Private<String>>,
    /// Who is believed to be Waybeo.
    pub waybeo: WaybeoRules,
    /// What a stream may do.
    pub stream: StreamRules,
    /// Room for sockets that have not shown a token yet.
    pub limiter: Arc<ConnectionLimiter>,
    /// The admin's bearer token; none only while the admin listener is on loopback.
    pub admin_token: Option<Private<String>>,
    /// What calls are begun with; none while that is switched off.
    pub dialling: Option<Dialling>,
    /// What is done about an answering machine, whoever has begun the call.
    pub voicemail: Voicemail,
    /// The names of the transfer destinations.
    pub transfers: BTreeSet<String>,
    /// The folder of recordings; none where none are made.
    pub recordings: Option<Arc<Path>>,
    /// Whether the disk takes no records.
    pub unwritable: Unwritable,
    /// Whether the model's server can be reached.
    pub model: ModelProbe,
    /// What sessions the threads of calls keep from the start, and how they are told to end that.
    pub warm: Option<Keep>,
    /// Calls that have ended lately.
    pub recent: RecentCalls,
    /// Who watches calls.
    pub watching: Watching,
    /// Calls that were connected by an answer document.
    pub answered: AnsweredCalls,
    /// What is said once in a while.
    pub hints: Hints,
    /// The counters.
    pub metrics: Metrics,
    /// When the service started.
    pub started: Instant,
}

/// Decides how a call is held.
pub type ProfileFor = Box<dyn Fn(&Asked<'_>) -> Arc<CallProfile> + Send + Sync>;

/// A call to be routed.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its carrier.
    pub carrier: Carrier,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number.
    pub from: &'a str,
    /// The dialled number.
    pub to: &'a str,
    /// The webhook's query, or the stream's parameters where there was no webhook.
    pub parameters: &'a [(String, String)],
}

/// Who is believed to be Twilio.
#[derive(Debug)]
pub enum Trust {
    /// Whoever signs with one of these.
    Signed(Keys),
    /// `twilio.verify = "off"`: anyone on this machine who did not come through a proxy.
    Loopback,
}

/// What a stream may do.
#[derive(Debug, Clone, Copy)]
pub struct StreamRules {
    /// From the upgrade to `start`, and from `start` to the call's first sign of life. Longer keeps strangers at the door,
    /// shorter loses callers on a slow line.
    pub start_timeout: Duration,
    /// How long a peer may take nothing of what it is sent before its connection is cut.
    pub stall_timeout: Duration,
    /// The largest message, whole or in fragments, bytes.
    pub max_message: usize,
}

impl AppState {
    /// Judges a webhook and reads its form: the body's for a POST, the query's for a GET.
    ///
    /// # Errors
    /// 403 when it is not the carrier's, 400 when it cannot be read.
    pub(super) fn accept_webhook(&self, request: &HttpRequest, body: &Bytes) -> Result<Form, Problem> {
        let url = self.url_of(request, address::public_url(&self.public_url, ""));
        let is_form = header(request, "content-type")
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
        let from_query = request.method() == actix_web::http::Method::GET;
        let raw = if from_query { request.query_string().as_bytes() } else { body };
        let form = if from_query || is_form { Form::parse(raw) } else { Ok(Form::default()) };
        let pairs = form.as_ref().map(Form::pairs).unwrap_or_default();
        let signed = match (from_query, is_form) {
            (true, _) => Signed::Nothing,
            (false, true) => Signed::Form(pairs),
            (false, false) => Signed::Body(body),
        };
        let carrier_call = form.as_ref().ok().and_then(|form| form.value("CallSid"));
        self.trust(request, carrier_call, |keys, asked| {
            let asked = signature::Request { url: &url, signed, ..asked };
            let judged = signature::verify_webhook(keys, &asked);
            if judged == Err(signature::BadSignature::Mismatch) {
                self.tell_fitting_address(request, keys, Kind::Webhook, &asked);
            }
            judged
        })?;
        if !from_query && !is_form {
            return Err(Problem::bad_request("expected Content-Type: application/x-www-form-urlencoded"));
        }
        let form = form.map_err(|error| Problem::bad_request(format!("the form cannot be read: {error}")))?;
        self.own_account(request, &form)?;
        Ok(form)
    }

    /// Refuses what another account sends, where ours is known: its secret may be ours as well.
    fn own_account(&self, request: &HttpRequest, form: &Form) -> Result<(), Problem> {
        match (&self.account, form.value("AccountSid")) {
            (Some(own), Some(account)) if own.expose() != account => {
                let carrier_call = form.value("CallSid");
                emit(Event::CallRefused { reason: "wrong_account", carrier_call });
                warn!(carrier_call = named(carrier_call), path = request.path(); "request refused: it names another account than TWILIO_ACCOUNT_SID");
                Err(Problem::forbidden("the request belongs to another account"))
            }
            (Some(_) | None, _) => Ok(()),
        }
    }

    /// Judges a WebSocket upgrade.
    ///
    /// # Errors
    /// 403 when it is not the carrier's.
    pub(super) fn accept_upgrade(&self, request: &HttpRequest) -> Result<(), Problem> {
        let socket = address::socket_url(&self.public_url, "/ws");
        let url = self.url_of(request, socket.trim_end_matches("/ws").to_owned());
        // Which call it is, only `start` tells.
        self.trust(request, None, |keys, asked| {
            let asked = signature::Request { url: &url, ..asked };
            let judged = signature::verify_upgrade(keys, &asked);
            if judged == Err(signature::BadSignature::Mismatch) {
                self.tell_fitting_address(request, keys, Kind::Upgrade, &asked);
            }
            judged
        })
    }

    /// Says which address a signature fits that does not fit ours, once in a while: the commonest trouble of all. It is not taken.
    fn tell_fitting_address(&self, request: &HttpRequest, keys: &Keys, kind: Kind, asked: &signature::Request<'_>) {
        if !self.hints.other_address.due(clock::now()) {
            return;
        }
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let own = self.public_url.host_str().map(|host| match self.public_url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        });
        let told = ["x-forwarded-host", "host"].into_iter().filter_map(|name| header(request, name).map(str::to_owned));
        let hosts: Vec<String> = own.into_iter().chain(told.take(2)).collect();
        if let Some(fits) = signature::fitting_address(keys, asked, kind, &hosts, target) {
            let tried = asked.url.split('?').next().unwrap_or_default();
            warn!(fits, tried; "the signature fits another address than ours: set `server.public_url` to where the carrier calls us");
        }
    }

    /// `base` + the raw request target. Nothing that the other side says of itself (`Host`, `X-Forwarded-*`) goes in.
    fn url_of(&self, request: &HttpRequest, base: String) -> String {
        base + request.uri().path_and_query().map_or("/", |target| target.as_str())
    }

    fn trust(
        &self,
        request: &HttpRequest,
        carrier_call: Option<&str>,
        verify: impl FnOnce(&Keys, signature::Request<'_>) -> Result<(), signature::BadSignature>,
    ) -> Result<(), Problem> {
        match &self.trust {
            Trust::Signed(keys) => {
                let asked = signature::Request {
                    url: "",
                    signed: Signed::Nothing,
                    signature: header(request, SIGNATURE_HEADER),
                    settings: header(request, SETTINGS_HEADER),
                };
                verify(keys, asked).map_err(|problem| {
                    emit(Event::CallRefused { reason: "bad_signature", carrier_call });
                    warn!(carrier_call = named(carrier_call), path = request.path(), problem:%; "request refused");
                    Problem::forbidden("the request is not signed by the carrier")
                })
            }
            Trust::Loopback if is_local(request) => Ok(()),
            Trust::Loopback => {
                emit(Event::CallRefused { reason: "not_local", carrier_call });
                warn!(carrier_call = named(carrier_call), path = request.path(); "request refused: verification is off (`twilio.verify`), so only direct connections from this machine are served");
                Err(Problem::forbidden("only direct connections from this machine are served"))
            }
        }
    }
}

/// The carrier's id of a call in a line of the log, `-` where nothing has named it.
pub(super) fn named(carrier_call: Option<&str>) -> String {
    carrier_call.map_or_else(|| "-".to_owned(), logged)
}

pub(super) fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

/// Whether the request came from this machine, through no proxy and out of no web page.
pub(super) fn is_local(request: &HttpRequest) -> bool {
    const PROXY_MARKS: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback())
        && !PROXY_MARKS.iter().any(|mark| request.headers().contains_key(*mark))
        && guard::is_of_no_page(request)
}

/// The address to count a socket by: the peer's, or what our own proxy on this machine says of it. Used for nothing else.
pub(super) fn address_of(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let forwarded = || header(request, "x-forwarded-for")?.rsplit(',').next()?.trim().parse().ok();
    if peer.is_loopback() { forwarded().unwrap_or(peer) } else { peer }
}
