//! Exotel's requests to us: their authentication by a token, and our answers. Pure.

use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;

use super::settings::STREAM_TOKEN;
use crate::carrier::address::{public_url, socket_url, with_query};
use crate::carrier::control::Target;
use crate::carrier::form::Form;
use crate::carrier::token;
use crate::carrier::webhook_api::{
    Answer, Arrival, Callbacks, Connecting, DialOutcome, Direction, Document, OUTBOUND, Proof, Refused, Request, Role,
    Route, StatusUpdate, StreamEnding, Verb, WebhookApi, WebhookEvent,
};
use crate::ids::{CarrierCallId, Private};

/// Its paths.
pub(super) const ROUTES: &[Route] = &[
    Route { verbs: &[Verb::Get], path: STREAM, role: Role::Stream },
    Route { verbs: EITHER, path: "/exotel/answer", role: Role::Arrives },
    Route { verbs: EITHER, path: "/exotel/after-stream", role: Role::StreamEnded },
    Route { verbs: EITHER, path: "/exotel/connect", role: Role::AsksWhom },
    Route { verbs: EITHER, path: "/exotel/dial-result", role: Role::DialEnded },
    Route { verbs: EITHER, path: "/exotel/status", role: Role::Status },
];
const STREAM: &str = "/exotel/ws";
const EITHER: &[Verb] = &[Verb::Get, Verb::Post];

/// Exotel's HTTP interface to us.
#[derive(Debug)]
pub(super) struct ExotelWebhookApi {
    /// Our public address.
    pub(super) public_url: Url,
    /// The token in its URLs; `None` only while every address is loopback.
    pub(super) token: Option<Private<String>>,
    /// The rate of the streams that we name.
    pub(super) sample_rate: String,
}

impl WebhookApi for ExotelWebhookApi {
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
        let number = |names: &[&str]| Private::new(field(names));
        let (from, to) = (number(&["CallFrom", "From"]), number(&["CallTo", "To"]));
        let named = field(&["CallSid", "call_sid"]);
        if role == Role::Arrives {
            let number = |number: Private<String>| Some(number).filter(|number| !number.expose().is_empty());
            return Ok(WebhookEvent::Connects(Connecting {
                is_new: true,
                said: String::new(),
                name: String::new(),
                from: number(from),
                to: number(to),
                call: named,
                parameters: query.pairs().iter().filter(|(name, _)| KEPT.contains(&name.as_str())).cloned().collect(),
            }));
        }
        if !(1..=LONGEST_ID).contains(&named.len()) || !named.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refused::unreadable("expected CallSid, an id of at most 64 visible ASCII characters"));
        }
        let call = CarrierCallId::new(&named);
        Ok(match role {
            Role::StreamEnded => WebhookEvent::StreamEnded(StreamEnding {
                call,
                over: ["user", "caller"].contains(&disconnected_by(&field, &json).as_str()),
                in_progress: true,
                direction: Direction::Inbound,
                from,
                to,
            }),
            Role::AsksWhom => WebhookEvent::AsksWhom { call },
            Role::DialEnded => {
                let status = field(&["DialCallStatus", "DialStatus"]);
                WebhookEvent::DialEnded { call, outcome: (status != "canceled").then(|| outcome(&status)) }
            }
            Role::Status => {
                let status = field(&["Status", "CallStatus"]);
                let unanswered = UNANSWERED.into_iter().find(|it| *it == status);
                let over = status == "completed" || unanswered.is_some();
                let announced = query.value(OUTBOUND).map(str::to_owned);
                WebhookEvent::Status(StatusUpdate { call, announced, unanswered, over, status })
            }
            Role::Stream
            | Role::Arrives
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
        let others = query.pairs().iter().filter(|(name, _)| !OURS.contains(&name.as_str()));
        Ok(Arrival::Authenticated { parameters: others.cloned().collect() })
    }

    fn answer(&self, answer: &Answer<'_>) -> Document {
        let body = match answer {
            // After the stream and after a dialled leg, the status alone is the answer: 200 and 302
            // are the two branches of the flow.
            Answer::Stream { parameters, .. } => json!({ "url": self.stream_url(parameters) }),
            Answer::Dial(dial) => match dial.target {
                Target::Number(number) => {
                    let mut told = json!({
                        "fetch_after_attempt": false,
                        "destination": {"numbers": [number.expose()]},
                        "max_ringing_duration": dial.timeout.as_secs(),
                    });
                    if let Some(number) = dial.caller_id {
                        told["outgoing_phone_number"] = json!(number.expose());
                    }
                    told
                }
                // It drops other targets without a word.
                Target::Sip(_) | Target::Client(_) | Target::Carrier => return other_branch(),
            },
            Answer::GoOn => json!({"destination": {"numbers": []}}),
            Answer::HangUp | Answer::Refuse { .. } | Answer::AskToTake { .. } | Answer::Meet { .. } => {
                return other_branch();
            }
            Answer::Nothing => return Document::empty(),
        };
        // The document contains the token.
        Document { no_store: true, ..Document::of("application/json", body.to_string()) }
    }

    /// A call that we place opens its stream itself: the address of that is in place of a document's.
    fn callbacks(&self, name: &CarrierCallId) -> Option<Callbacks> {
        let outbound = (OUTBOUND.to_owned(), name.as_str().to_owned());
        let token = self.token.as_ref().map(|token| ("token", token.expose().as_str()));
        let query: Vec<_> = token.into_iter().chain([(OUTBOUND, name.as_str())]).collect();
        let status = with_query(public_url(&self.public_url, "/exotel/status"), &query);
        Some(Callbacks { document: self.stream_url(&[outbound]), status })
    }
}

/// Who has ended a stream. The map of what is said of it comes in one of three spellings: names in
/// brackets, one value of JSON, or a part of a JSON body.
fn disconnected_by(field: &dyn Fn(&[&str]) -> String, json: &Value) -> String {
    let one: Value = serde_json::from_str(&field(&["Stream"])).unwrap_or_default();
    let inside = [&one, &json["Stream"]].into_iter().find_map(|stream| stream["DisconnectedBy"].as_str());
    inside.map_or_else(|| field(&["Stream[DisconnectedBy]"]), str::to_owned)
}

impl ExotelWebhookApi {
    /// Authenticates a request by the token. Returns the URL's query.
    fn accept(&self, request: &Request<'_>) -> Result<Form, Refused> {
        token::accept(request, self.token.as_ref(), STREAM_TOKEN, "CallSid")
    }

    /// The address of the stream, for the carrier.
    fn stream_url(&self, parameters: &[(String, String)]) -> String {
        let mut query = Serializer::new(String::new());
        if let Some(token) = &self.token {
            query.append_pair("token", token.expose());
        }
        if self.sample_rate != "8000" {
            query.append_pair("sample-rate", &self.sample_rate);
        }
        query.extend_pairs(parameters);
        let (url, query) = (socket_url(&self.public_url, STREAM), query.finish());
        if query.is_empty() { url } else { format!("{url}?{query}") }
    }
}

/// The other branch of the flow, which ends the call.
fn other_branch() -> Document {
    Document { status: 302, ..Document::empty() }
}

/// The result of a dialled leg.
fn outcome(status: &str) -> DialOutcome {
    match status {
        "completed" | "answered" => DialOutcome::Bridged,
        "busy" => DialOutcome::Busy,
        "no-answer" => DialOutcome::NoAnswer,
        _ => DialOutcome::Failed,
    }
}

/// Statuses of a call that nobody answered, which are their metric labels.
const UNANSWERED: [&str; 3] = ["failed", "busy", "no-answer"];
/// The longest id of a call. The carrier's have 32 characters.
const LONGEST_ID: usize = 64;
/// The parameters of the answer URL that are passed on to the stream.
const KEPT: [&str; 2] = ["agent", "language"];
/// The parameters of the stream's URL that are not the call's.
const OURS: [&str; 3] = ["token", "sample-rate", "sample_rate"];

#[cfg(test)]
mod tests;
