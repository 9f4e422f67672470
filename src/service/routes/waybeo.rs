//! Waybeo's door, which is Ozonetel's (KooKoo's) too: the stream's upgrade and the answer document.
//!
//! The carrier signs nothing and announces nothing. What it has is the URL that it was given, with a token in it; whoever shows that
//! token is believed, once `start` has come. Without a token only this machine itself is served.

use std::collections::BTreeSet;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use log::{debug, warn};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use switchboard_actors::carrier::{self, StreamStart};
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::ids::{Private, logged};
use switchboard_actors::supervisor::events::Event;
use url::form_urlencoded::Serializer;

use super::admission::Arrival;
use super::answered::Numbers;
use super::app::{AppState, is_local, named};
use super::form::Form;
use super::problem::Problem;
use super::stream;
use switchboard_actors::carrier::address::socket_url;
use switchboard_actors::carrier::waybeo::answer::{self as document, stream_document};

/// What the door knows of Waybeo.
#[derive(Debug, Clone)]
pub struct WaybeoRules {
    /// Whether its streams are answered.
    pub enabled: bool,
    /// The token in its URLs; none only while every address is loopback.
    pub token: Option<Private<String>>,
    /// `did` is the caller's number, as Waybeo has it in production; else it is the dialled one, as Ozonetel's note has it.
    pub did_is_caller: bool,
    /// What the answer document names as the SIP id; empty takes the caller's of the request.
    pub sip_id: String,
    /// The agents that a URL may name.
    pub agents: BTreeSet<String>,
}

/// `GET /waybeo/ws`: the stream.
pub(super) async fn open(request: HttpRequest, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let parameters = app.waybeo.accept(&request)?;
    stream::upgrade(carrier::waybeo::CARRIER, Arrival::Vouched { parameters }, &request, app)
}

/// `GET /waybeo/answer`: Ozonetel asks what to do with a call, and with `event` tells how it goes on.
pub(super) async fn answer(request: HttpRequest, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let rules = &app.waybeo;
    let asked = rules.accept(&request)?;
    let told = |name: &str| asked.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    let (event, sid) = (told("event"), told("sid"));
    let is = |words: &[&str]| words.iter().any(|word| event.eq_ignore_ascii_case(word));
    let body = if is(&["hangup", "disconnect"]) {
        debug!(carrier_call = logged(sid), event; "the carrier says that a call is over");
        app.answered.over(sid);
        "<response></response>".to_owned()
    } else if is(&["stream"]) || !app.answered.begins(sid, is(&["", "newcall"]), numbers(&told), clock::now()) {
        // Its stream is over: the agent has said goodbye, or the caller has gone.
        debug!(carrier_call = logged(sid), event; "a call whose stream is over is ended");
        app.answered.over(sid);
        "<response><hangup/></response>".to_owned()
    } else {
        let names = [rules.sip_id.as_str(), told("outbound_sid"), told("sid"), "UNKNOWN"];
        let sip_id = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let kept: Vec<_> =
            asked.iter().filter(|(name, _)| matches!(name.as_str(), "agent" | "language")).cloned().collect();
        stream_document(&rules.stream_url(&app, &kept), sip_id)
    };
    let mut response = HttpResponse::Ok().content_type(document::CONTENT_TYPE).body(body);
    // The document holds the token.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Who called whom, as the answer URL's request has it.
fn numbers<'a>(told: &dyn Fn(&str) -> &'a str) -> Numbers {
    let number = |name| Some(told(name)).filter(|number| !number.is_empty()).map(|it| Private::new(it.to_owned()));
    Numbers { from: number("cid"), to: number("called_number") }
}

impl WaybeoRules {
    /// Judges a request by its URL. What the URL says besides the token is given back.
    fn accept(&self, request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
        if !self.enabled {
            return Err(Problem::not_found("Waybeo is not answered here; set waybeo.enabled = true"));
        }
        let query = Form::parse(request.query_string().as_bytes())
            .map_err(|error| Problem::bad_request(format!("the query cannot be read: {error}")))?;
        self.check_token(request, &query)?;
        let parameters: Vec<_> = query.pairs().iter().filter(|(name, _)| name != "token").cloned().collect();
        match parameters.iter().find(|(name, _)| name == "agent") {
            Some((_, agent)) if !self.agents.contains(agent) => {
                let carrier_call = call_of(&query);
                emit(Event::CallRefused { reason: "unknown_agent", carrier_call });
                warn!(carrier_call = named(carrier_call), path = request.path(); "request refused: its URL names an agent that is not configured");
                let known: Vec<_> = self.agents.iter().map(String::as_str).collect();
                Err(Problem::not_found(format!("no such agent; there are {}", known.join(", "))))
            }
            Some(_) | None => Ok(parameters),
        }
    }

    fn check_token(&self, request: &HttpRequest, query: &Form) -> Result<(), Problem> {
        let (shown, carrier_call) = (query.value("token"), call_of(query));
        let (good, reason) = match &self.token {
            // Of equal length by hashing, so that not even the length is told by the time it takes.
            Some(token) => {
                let same = |shown: &str| bool::from(Sha256::digest(shown).ct_eq(&Sha256::digest(token.expose())));
                (shown.is_some_and(same), "bad_token")
            }
            None => (is_local(request), "not_local"),
        };
        if good {
            return Ok(());
        }
        emit(Event::CallRefused { reason, carrier_call });
        warn!(carrier_call = named(carrier_call), path = request.path(), reason; "request refused");
        Err(Problem::forbidden(match self.token {
            Some(_) => "expected ?token= with WAYBEO_STREAM_TOKEN",
            None => "without WAYBEO_STREAM_TOKEN only direct connections from this machine are served",
        }))
    }

    /// Where the carrier is to open its stream.
    fn stream_url(&self, app: &AppState, parameters: &[(String, String)]) -> String {
        let url = socket_url(&app.public_url, "/waybeo/ws");
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

    /// Puts the numbers that a stream told where the configuration says that they belong.
    pub(super) fn sort_numbers(&self, start: &mut StreamStart) {
        if self.did_is_caller {
            return;
        }
        let told = |names: &[&str]| {
            names.iter().find_map(|name| start.parameters.get(*name)).map(|number| Private::new(number.clone()))
        };
        let (from, to) = (told(&["customer_number", "caller_number"]), told(&["did", "vmn"]));
        (start.from, start.to) = (from, to);
    }
}

/// The carrier's id of the call, where the URL has it: `ucid` in Waybeo's, `sid` in KooKoo's.
fn call_of(query: &Form) -> Option<&str> {
    ["ucid", "sid"].into_iter().find_map(|name| query.value(name)).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use switchboard_actors::carrier::AudioFormat;
    use switchboard_actors::ids::{CarrierCallId, StreamId};

    use super::*;

    #[test]
    fn whose_number_did_is_is_decided_by_the_configuration() {
        let start = || StreamStart {
            stream: StreamId::new("u"),
            carrier_call: CarrierCallId::new("u"),
            account: None,
            from: Some(Private::new("1".to_owned())),
            to: Some(Private::new("2".to_owned())),
            format: AudioFormat::PCM_8K.into(),
            parameters: BTreeMap::from([("did".to_owned(), "1".to_owned()), ("vmn".to_owned(), "2".to_owned())]),
        };
        let sorted = |did_is_caller| {
            let mut start = start();
            rules(did_is_caller).sort_numbers(&mut start);
            (start.from.map(|it| it.expose().clone()), start.to.map(|it| it.expose().clone()))
        };
        assert_eq!(sorted(true), (Some("1".to_owned()), Some("2".to_owned())));
        assert_eq!(sorted(false), (None, Some("1".to_owned())));
    }

    fn rules(did_is_caller: bool) -> WaybeoRules {
        WaybeoRules { enabled: true, token: None, did_is_caller, sip_id: String::new(), agents: BTreeSet::new() }
    }
}
