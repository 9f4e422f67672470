//! The carriers' webhooks and callbacks
//! (<https://www.plivo.com/docs/voice/concepts/request-and-callbacks>). Pure.

use serde_json::Value;
use url::{Url, form_urlencoded};

use super::{document, sign};
use crate::carrier::fake::{
    Calling, CarrierEvent, Document, Documents, Invitation, Method, Outcome, Request, Stage, StreamNoun,
};
use crate::carrier::plivo::dialect::Which;

/// How the carrier requests documents, which are XML.
#[derive(Debug, Clone, Copy)]
pub(super) struct Xml {
    pub(super) which: Which,
}

impl Documents for Xml {
    fn content_types(&self) -> &'static [&'static str] {
        &["application/xml", "text/xml"]
    }

    fn request(&self, call: &Calling, to: &Url, get: bool, event: &CarrierEvent) -> Request {
        let fields = fields(call, event);
        let mut url = to.clone();
        url.set_fragment(None);
        if get {
            url.query_pairs_mut().extend_pairs(&fields);
        }
        let mut headers = vec![("User-Agent", "plivo-xml".to_owned()), ("Accept", "*/*".to_owned())];
        if let Some(secret) = &call.secret {
            let form = if get { &[] } else { &fields[..] };
            headers.extend(sign::headers(self.which, secret.expose(), &call.id, &url, get, form));
        }
        let form = || form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        Request {
            method: if get { Method::Get } else { Method::Post },
            url,
            headers,
            body: (!get).then(|| ("application/x-www-form-urlencoded", form())),
        }
    }

    fn read(&self, text: &str) -> Result<Document, String> {
        document::parse(self.which, text)
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
        let number = |name: &str| {
            let number = field(name)?;
            let good = number.bytes().all(|byte| byte.is_ascii_digit()) || number.starts_with("sip:");
            if good { Ok(number) } else { Err(format!("the API was asked with {name} {number}, expected digits")) }
        };
        Ok(Invitation {
            to: number("to")?,
            from: number("from")?,
            document: field("answer_url")?,
            status: field("hangup_url")?,
        })
    }
}

/// The decoded form of a request, in the order it is sent.
fn fields(call: &Calling, what: &CarrierEvent) -> Vec<(String, String)> {
    match what {
        CarrierEvent::Next => {
            let event = if call.answered { "Redirect" } else { "StartApp" };
            of_the_call(call, "inbound", None, &[("Event", event)])
        }
        CarrierEvent::Over => {
            let extra = [("Event", "Hangup"), ("HangupCause", "NORMAL_CLEARING"), ("HangupSource", "Caller")];
            of_the_call(call, "inbound", Some("completed"), &extra)
        }
        CarrierEvent::Dialled { leg, outcome, talked } => {
            // The leg has an id once it was answered.
            let answered = matches!(outcome, Outcome::Answered | Outcome::Declined);
            let leg = if answered { leg.as_str() } else { "" };
            let cause = if talked.is_some() { "NORMAL_CLEARING" } else { "NO_ANSWER" };
            let extra = [
                ("DialStatus", dial_status(*outcome)),
                ("DialRingStatus", "true"),
                ("DialHangupCause", cause),
                ("DialALegUUID", &call.id),
                ("DialBLegUUID", leg),
            ];
            of_the_call(call, "inbound", None, &extra)
        }
        CarrierEvent::Met { hung_up } => {
            let status = hung_up.then_some("completed");
            let action = ("ConferenceAction", "exit");
            of_the_call(call, "inbound", status, &[("ConferenceName", "switchboard"), action])
        }
        CarrierEvent::LegAnswered { leg } => {
            let extra = [
                ("DialAction", "answer"),
                ("DialALegUUID", call.id.as_str()),
                ("DialBLegUUID", leg),
                ("DialBLegStatus", "answer"),
            ];
            of_the_call(call, "inbound", None, &extra)
        }
        CarrierEvent::LegPressed { leg, key } => {
            let key = key.to_string();
            of_the_call(call, "inbound", None, &[("DialBLegUUID", leg.as_str()), ("Digits", &key)])
        }
        CarrierEvent::CalleeAnswered => of_the_call(call, "outbound", Some("in-progress"), &[("Event", "StartApp")]),
        CarrierEvent::CalleePressed { key } => {
            let key = key.to_string();
            of_the_call(call, "outbound", Some("in-progress"), &[("Event", "Redirect"), ("Digits", &key)])
        }
        CarrierEvent::CalleeGone { outcome } => {
            of_the_call(call, "outbound", Some(call_status(*outcome)), &[("Event", "Hangup")])
        }
        CarrierEvent::Stream { stream, stage, at, .. } => {
            let event = match stage {
                Stage::Started => "StartStream",
                Stage::Stopped => "StopStream",
                Stage::Failed(_) => "DroppedStream",
            };
            let at = at.to_rfc3339();
            let fields = [("CallUUID", call.id.as_str()), ("Event", event), ("StreamID", stream), ("Timestamp", &at)];
            owned(&fields)
        }
    }
}

/// The fields of every webhook of a call.
fn of_the_call(call: &Calling, direction: &str, status: Option<&str>, extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let fields = [
        ("CallUUID", call.id.as_str()),
        ("From", &call.from),
        ("To", &call.to),
        ("CallStatus", status.unwrap_or(if call.answered { "in-progress" } else { "ringing" })),
        ("Direction", direction),
        ("ALegUUID", &call.id),
        ("BillRate", "0.0055"),
        // Unknown fields come empty, and are signed all the same.
        ("CallerName", ""),
    ];
    owned(&[&fields, extra].concat())
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// `DialStatus` of an ended leg.
const fn dial_status(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "completed",
        Outcome::Busy => "busy",
        Outcome::Declined | Outcome::NoAnswer => "no-answer",
        Outcome::Failed => "failed",
    }
}

/// `CallStatus` of an ended call.
const fn call_status(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered | Outcome::Declined => "completed",
        Outcome::Busy => "busy",
        Outcome::NoAnswer => "timeout",
        Outcome::Failed => "failed",
    }
}
