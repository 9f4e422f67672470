//! The carriers' webhooks and callbacks (<https://www.twilio.com/docs/voice/twiml#request-parameters>).
//! Pure.

use chrono::SecondsFormat;
use url::{Url, form_urlencoded};

use super::document;
use super::sign::{sign, sign_body, signed_url};
use crate::carrier::fake::{
    Calling, CarrierEvent, Document, Documents, Invitation, Method, Outcome, Request, Stage, StreamNoun,
};
use crate::carrier::twilio::dialect::Which;

/// How the carrier requests documents, which are TwiML or cXML.
#[derive(Debug, Clone, Copy)]
pub(super) struct Twiml {
    pub(super) which: Which,
}

impl Documents for Twiml {
    fn content_types(&self) -> &'static [&'static str] {
        match self.which {
            Which::Twilio => &["text/xml", "application/xml", "text/html"],
            Which::SignalWire => &["text/xml", "application/xml"],
        }
    }

    fn request(&self, call: &Calling, to: &Url, get: bool, event: &CarrierEvent) -> Request {
        let fields = fields(self.which, call, event);
        let mut url = to.clone();
        url.set_fragment(None);
        if get {
            url.query_pairs_mut().extend_pairs(&fields);
        }
        let form = || form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        let mut headers = vec![("Accept", "*/*".to_owned())];
        headers.extend((self.which == Which::Twilio).then(|| ("User-Agent", "TwilioProxy/1.1".to_owned())));
        if let Some(secret) = &call.secret {
            let address = signed_url(&url);
            let signature = sign(secret.expose(), address.as_str(), if get { &[] } else { &fields[..] });
            if self.which == Which::SignalWire {
                let body = if get { String::new() } else { form() };
                let raw = sign_body(secret.expose(), address.as_str(), &body);
                headers.extend([("X-SignalWire-Signature", signature.clone()), ("X-SignalWire-Sha256-Signature", raw)]);
            }
            headers.push(("X-Twilio-Signature", signature));
        }
        Request {
            method: if get { Method::Get } else { Method::Post },
            url,
            headers,
            body: (!get).then(|| ("application/x-www-form-urlencoded; charset=UTF-8", form())),
        }
    }

    fn read(&self, text: &str) -> Result<Document, String> {
        document::parse(self.which, text)
    }

    fn stream_address(&self, document: &Url, stream: &StreamNoun) -> Result<Url, String> {
        stream_address(self.which, document, stream)
    }

    fn invitation(&self, asked: &str) -> Result<Invitation, String> {
        let field = |name: &str| {
            let found = form_urlencoded::parse(asked.as_bytes()).find(|(found, _)| found == name);
            found.map(|(_, value)| value.into_owned()).ok_or_else(|| format!("the API was asked without {name}"))
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
fn fields(which: Which, call: &Calling, what: &CarrierEvent) -> Vec<(String, String)> {
    match what {
        CarrierEvent::Next => of_the_call(call, None, &[]),
        CarrierEvent::Over => of_the_call(call, Some("completed"), &[]),
        CarrierEvent::Dialled { leg, outcome, talked } => {
            let mut extra = vec![("DialCallStatus", status(*outcome)), ("DialCallSid", leg.as_str())];
            let bridged = talked.is_some().to_string();
            let seconds = talked.map(|talked| talked.as_secs().to_string());
            match which {
                Which::Twilio => {
                    extra.push(("DialBridged", bridged.as_str()));
                    extra.extend(seconds.as_deref().map(|seconds| ("DialCallDuration", seconds)));
                }
                Which::SignalWire => extra.push(("DialCallDuration", seconds.as_deref().unwrap_or("0"))),
            }
            of_the_call(call, None, &extra)
        }
        // If the caller has hung up, the document continues for a completed call, and the form says
        // so.
        CarrierEvent::Met { hung_up } => {
            of_the_call(call, hung_up.then_some("completed"), &[("DialCallStatus", "answered")])
        }
        CarrierEvent::LegAnswered { leg } => of_a_leg(which, call, leg, None),
        CarrierEvent::LegPressed { leg, key } => of_a_leg(which, call, leg, Some(*key)),
        CarrierEvent::CalleeAnswered => of_a_callee(call, "in-progress", None),
        CarrierEvent::CalleePressed { key } => of_a_callee(call, "in-progress", Some(*key)),
        CarrierEvent::CalleeGone { outcome } => of_a_callee(call, status(*outcome), None),
        CarrierEvent::Stream { stream, name, stage, at } => {
            let (event, error) = match stage {
                Stage::Started => ("stream-started", None),
                Stage::Stopped => ("stream-stopped", None),
                Stage::Failed(error) => ("stream-error", Some(error.as_str())),
            };
            let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
            let mut fields = vec![
                ("AccountSid", call.account.as_str()),
                ("CallSid", &call.id),
                ("StreamSid", stream.as_str()),
                ("StreamName", name.as_ref().unwrap_or(stream)),
                ("StreamEvent", event),
                ("Timestamp", &at),
            ];
            fields.extend(error.map(|error| ("StreamError", error)));
            owned(&fields)
        }
    }
}

/// The fields of every webhook of the caller's own call.
fn of_the_call(call: &Calling, status: Option<&str>, extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let fields = [
        ("CallSid", call.id.as_str()),
        ("AccountSid", &call.account),
        ("From", &call.from),
        ("To", &call.to),
        ("Caller", &call.from),
        ("Called", &call.to),
        ("CallStatus", status.unwrap_or(if call.answered { "in-progress" } else { "ringing" })),
        ("ApiVersion", "2010-04-01"),
        ("Direction", "inbound"),
        ("FromCountry", "US"),
        // Unknown fields come empty, and are signed all the same.
        ("FromCity", ""),
    ];
    owned(&[&fields, extra].concat())
}

/// The fields of a webhook of a dialled leg.
fn of_a_leg(which: Which, call: &Calling, leg: &str, key: Option<char>) -> Vec<(String, String)> {
    let key = key.map(String::from);
    let mut fields = vec![("CallSid", leg), ("AccountSid", &call.account), ("Direction", "outbound-dial")];
    fields.extend(
        match which {
            Which::Twilio => [Some(("ParentCallSid", call.id.as_str())), Some(("CallStatus", "in-progress"))],
            // Its documentation names no parent.
            Which::SignalWire => [None, Some(("CallStatus", "answered"))],
        }
        .into_iter()
        .flatten(),
    );
    fields.extend(key.as_deref().map(|key| ("Digits", key)));
    owned(&fields)
}

/// The fields of a webhook of a call that the service has placed.
fn of_a_callee(call: &Calling, status: &str, key: Option<char>) -> Vec<(String, String)> {
    let key = key.map(String::from);
    let mut fields = vec![
        ("CallSid", call.id.as_str()),
        ("AccountSid", &call.account),
        ("From", &call.from),
        ("To", &call.to),
        ("Direction", "outbound-api"),
        ("CallStatus", status),
    ];
    fields.extend(key.as_deref().map(|key| ("Digits", key)));
    owned(&fields)
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

/// The address of a `<Stream>`, by the carrier's rules.
fn stream_address(which: Which, document: &Url, noun: &StreamNoun) -> Result<Url, String> {
    let failed = |problem: &str, code| match which {
        Which::Twilio => format!("open the stream {}: {problem} (Twilio {code})", noun.url),
        Which::SignalWire => format!("open the stream {}: {problem}", noun.url),
    };
    let mut url = document.join(&noun.url).map_err(|error| failed(&error.to_string(), 31923))?;
    if noun.url.is_empty() {
        return Err(failed("no `url`", 31923));
    }
    // A relative address inherits the document's scheme.
    let socket = match url.scheme() {
        "https" => Some("wss"),
        "http" => Some("ws"),
        _ => None,
    };
    if let Some(socket) = socket.filter(|_| !noun.url.contains("://")) {
        url.set_scheme(socket).map_err(|()| failed("not a socket's address", 31922))?;
    }
    match url.scheme() {
        "wss" => {}
        "ws" if is_loopback(&url) => {}
        "ws" => return Err(failed("ws:// goes to this machine only, expected wss://", 31922)),
        _ => return Err(failed("expected wss://", 31922)),
    }
    if url.query().is_some() {
        return Err(failed("it has a query string; use <Parameter>", 31920));
    }
    if noun.track.as_deref().is_some_and(|track| track != "inbound_track") {
        return Err(failed("<Connect> takes the inbound track only", 31941));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
