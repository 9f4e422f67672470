//! Places a call (<https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource>).
//! Part of [`super`]; pure.

use std::time::Duration;

use serde::Deserialize;
use url::form_urlencoded::{self, Serializer};

use super::TwilioApi;
use crate::carrier::control::{Ask, Machine, NotPlaced, Placing, Target};
use crate::ids::{CarrierCallId, Private};

impl TwilioApi {
    pub(super) fn begin(&self, placing: &Placing) -> Ask {
        let mut form = Serializer::new(String::new());
        form.append_pair("To", placing.to.expose())
            .append_pair("From", placing.from.expose())
            .append_pair("Url", &placing.document)
            .append_pair("Method", "POST")
            .append_pair("StatusCallback", &placing.status)
            .append_pair("StatusCallbackMethod", "POST")
            .append_pair("StatusCallbackEvent", "completed")
            .append_pair("Timeout", &placing.ring.as_secs().to_string());
        match placing.machine {
            Some(Machine::Detect) => form.append_pair("MachineDetection", "Enable"),
            Some(Machine::MessageEnd) => form.append_pair("MachineDetection", "DetectMessageEnd"),
            None => &mut form,
        };
        self.form("Calls.json", form)
    }
}

impl TwilioApi {
    pub(super) fn call_in(
        &self,
        call: &CarrierCallId,
        target: &Target,
        from: Private<String>,
        ring: Duration,
    ) -> Option<Placing> {
        let to = match target {
            Target::Number(to) | Target::Sip(to) => to.clone(),
            Target::Client(identity) => Private::new(format!("client:{}", identity.expose())),
            Target::Carrier => return None,
        };
        let callback = |what| format!("{}/{what}?{}", self.person, of_caller(call));
        // A machine presses no key, which is more reliable than detecting one.
        Some(Placing { to, from, document: callback("briefing"), status: callback("status"), ring, machine: None })
    }
}

/// The query of the URLs for a callee: the caller's call.
pub(in crate::carrier::twilio) fn of_caller(call: &CarrierCallId) -> String {
    form_urlencoded::byte_serialize(call.as_str().as_bytes()).fold("call=".to_owned(), |query, piece| query + piece)
}

/// Interprets the API's answer: the call's id, or why there is none.
pub(super) fn judge(status: u16, body: &[u8]) -> Result<CarrierCallId, NotPlaced> {
    #[derive(Deserialize)]
    struct Answer {
        sid: Option<String>,
        #[serde(default)]
        code: u32,
    }
    let answer = serde_json::from_slice::<Answer>(body).ok();
    let code = answer.as_ref().map_or(0, |answer| answer.code);
    let reason = match (status, code) {
        (200..300, _) => match answer.and_then(|answer| answer.sid) {
            Some(sid) => return Ok(CarrierCallId::new(&sid)),
            None => "the carrier's answer names no call".to_owned(),
        },
        (401 | 403, _) => {
            format!(
                "the carrier refused our credentials (HTTP {status}, code {code}): check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
            )
        }
        // The message may quote the number; the code is enough.
        _ => match explain(code) {
            Some(meaning) => format!("the carrier answered HTTP {status}, code {code}: {meaning}"),
            None => format!("the carrier answered HTTP {status}, code {code}"),
        },
    };
    Err(NotPlaced { busy: status == 429 || code == 10_004 || code == 20_429, code, reason })
}

/// The meaning of a refusal for the operator who placed the call.
const fn explain(code: u32) -> Option<&'static str> {
    Some(match code {
        10_004 => "too many calls at once for the account",
        20_429 => "too many requests; try again later",
        21_205 => "our address cannot be used: is `server.public_url` reachable from the internet?",
        21_210 | 21_212 => "`from` is not a number of the account",
        21_211 => "`to` is not a valid number",
        21_214 => "`to` cannot be reached",
        21_215 => "the account may not call this country",
        21_216..=21_219 => "the account may not call this number; trial accounts call verified numbers only",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_begun_with_our_document_and_its_status_told() {
        let api = TwilioApi {
            api_url: "https://api.example.com/".parse().expect("a URL"),
            account: "AC1".to_owned(),
            auth_token: Private::new("secret".to_owned()),
            after_stream: String::new(),
            person: String::new(),
        };
        let placing = Placing {
            to: Private::new("+15550100001".to_owned()),
            from: Private::new("+15550100002".to_owned()),
            document: "https://v.example.com/twilio/voice?outbound=r".to_owned(),
            status: "https://v.example.com/twilio/status?outbound=r".to_owned(),
            ring: Duration::from_secs(45),
            machine: Some(Machine::MessageEnd),
        };
        let ask = api.begin(&placing);
        assert_eq!(ask.url.as_str(), "https://api.example.com/2010-04-01/Accounts/AC1/Calls.json");
        let body = ask.body.expose();
        assert!(body.starts_with("To=%2B15550100001&From=%2B15550100002&Url=https%3A%2F%2Fv.example.com"), "{body}");
        assert!(body.ends_with("&Timeout=45&MachineDetection=DetectMessageEnd"), "{body}");
        assert!(!format!("{ask:?} {placing:?}").contains("5550100"), "nobody's number is printed");
        let plain = api.begin(&Placing { machine: None, ..placing });
        assert!(!plain.body.expose().contains("Machine"));
    }

    #[test]
    fn an_answer_names_the_call_or_says_why_there_is_none() {
        assert_eq!(judge(201, br#"{"sid":"CA7","status":"queued"}"#), Ok(CarrierCallId::new("CA7")));
        let why = |status, body: &[u8]| judge(status, body).expect_err("no call");
        assert!(why(201, b"{}").reason.contains("names no call"));
        let refused = why(400, br#"{"code":21212,"message":"+1555 is bad"}"#);
        assert_eq!((refused.busy, refused.code), (false, 21_212));
        assert!(refused.reason.contains("`from`") && !refused.reason.contains("1555"));
        assert!(why(429, br#"{"code":20429}"#).busy && why(400, br#"{"code":10004}"#).busy);
        assert!(why(401, b"<html>").reason.contains("TWILIO_AUTH_TOKEN"));
        assert!(why(503, b"oops").reason.contains("HTTP 503"));
    }
}
