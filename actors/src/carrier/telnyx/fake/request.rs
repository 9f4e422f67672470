//! The carrier's webhooks and callbacks
//! (<https://developers.telnyx.com/api-reference/callbacks/texml-call-completed>). Pure.

use chrono::SecondsFormat;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::{document, sign};
use crate::carrier::fake::{
    Calling, CarrierEvent, Document, Documents, Invitation, Method, Outcome, Request, Stage, StreamNoun,
};

/// How the carrier requests documents, which are TeXML.
#[derive(Debug, Clone, Copy)]
pub(super) struct TeXml;

impl Documents for TeXml {
    fn content_types(&self) -> &'static [&'static str] {
        &["application/xml", "text/xml"]
    }

    fn request(&self, call: &Calling, to: &Url, get: bool, event: &CarrierEvent) -> Request {
        let fields = fields(call, event);
        let mut url = to.clone();
        url.set_fragment(None);
        let body = if get {
            url.query_pairs_mut().extend_pairs(&fields);
            String::new()
        } else {
            form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish()
        };
        let mut headers = vec![("User-Agent", "telnyx-webhooks".to_owned())];
        if let Some(secret) = &call.secret {
            headers.extend(sign::headers(secret.expose(), &body, (call.clock)()));
        }
        Request {
            method: if get { Method::Get } else { Method::Post },
            url,
            headers,
            body: (!get).then_some(("application/x-www-form-urlencoded", body)),
        }
    }

    fn read(&self, text: &str) -> Result<Document, String> {
        document::parse(text)
    }

    fn stream_address(&self, _: &Url, stream: &StreamNoun) -> Result<Url, String> {
        let failed = |problem: &str| format!("open the stream: {problem}");
        let url: Url = stream.url.parse().map_err(|error| failed(&format!("its address cannot be read: {error}")))?;
        let local = match url.host() {
            Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "wss" => Ok(url),
            "ws" if local => Ok(url),
            _ => Err(failed("expected wss://")),
        }
    }

    fn invitation(&self, asked: &str) -> Result<Invitation, String> {
        let asked: Value =
            serde_json::from_str(asked).map_err(|error| format!("the API was asked no JSON: {error}"))?;
        let field = |name: &str| {
            let found = asked[name].as_str().map(str::to_owned);
            found.ok_or_else(|| format!("the API was asked without {name}"))
        };
        Ok(Invitation {
            to: field("To")?,
            from: field("From")?,
            document: field("Url")?,
            status: field("StatusCallback")?,
        })
    }
}

/// The decoded form of a request, in the order it is sent.
fn fields(call: &Calling, what: &CarrierEvent) -> Vec<(String, String)> {
    let news = ("CallbackSource", "call-progress-events");
    match what {
        CarrierEvent::Next => of_the_call(call, None, &[]),
        CarrierEvent::Over => of_the_call(call, Some("completed"), &[news, ("HangupCause", "normal_clearing")]),
        CarrierEvent::Dialled { leg, outcome, talked } => {
            // A second that has begun counts.
            let seconds = talked.map_or(0, |talked| talked.as_secs().max(1)).to_string();
            let status = ("DialCallStatus", status(*outcome));
            of_the_call(call, None, &[status, ("DialCallSid", leg), ("DialCallDuration", &seconds)])
        }
        CarrierEvent::Met { hung_up } => {
            of_the_call(call, hung_up.then_some("completed"), &[("DialCallStatus", "completed")])
        }
        CarrierEvent::LegAnswered { leg } => of_a_leg(call, leg, &[news]),
        CarrierEvent::LegPressed { leg, key } => of_a_leg(call, leg, &[("Digits", &key.to_string())]),
        CarrierEvent::CalleeAnswered => of_the_call(call, Some("in-progress"), &[]),
        CarrierEvent::CalleePressed { key } => of_the_call(call, Some("in-progress"), &[("Digits", &key.to_string())]),
        CarrierEvent::CalleeGone { outcome } => of_the_call(call, Some(status(*outcome)), &[news]),
        CarrierEvent::Stream { stream, name, stage, at } => {
            let event = match stage {
                Stage::Started => "stream-started",
                Stage::Stopped => "stream-stopped",
                Stage::Failed(_) => "stream-failed",
            };
            let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
            owned(&[
                ("AccountSid", call.account.as_str()),
                ("CallSid", &call.id),
                ("StreamSid", stream),
                ("StreamName", name.as_ref().unwrap_or(stream)),
                ("StreamEvent", event),
                ("Timestamp", &at),
            ])
        }
    }
}

/// The fields of every webhook of a call.
fn of_the_call(call: &Calling, status: Option<&str>, extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let fields = [
        ("AccountSid", call.account.as_str()),
        ("CallSid", &call.id),
        ("CallSidLegacy", &call.id),
        ("ConnectionId", "1234567890"),
        ("From", &call.from),
        ("To", &call.to),
        ("CallStatus", status.unwrap_or(if call.answered { "in-progress" } else { "ringing" })),
        // Unknown fields come empty, and are signed all the same.
        ("CallerId", ""),
    ];
    owned(&[&fields, extra].concat())
}

/// The fields of a webhook of a dialled leg.
fn of_a_leg(call: &Calling, leg: &str, extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let fields = [
        ("AccountSid", call.account.as_str()),
        ("CallSid", leg),
        ("ParentCallSid", &call.id),
        ("CallStatus", "in-progress"),
    ];
    owned(&[&fields, extra].concat())
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// `CallStatus` and `DialCallStatus` of an ended call.
const fn status(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered | Outcome::Declined => "completed",
        Outcome::Busy => "busy",
        Outcome::NoAnswer => "no-answer",
        Outcome::Failed => "failed",
    }
}
