//! Places a call (<https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource>).
//! Part of [`super`]; pure.

use std::time::Duration;

use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::TwilioApi;
use crate::carrier::address::with_query;
use crate::carrier::control::{Ask, Machine, NotPlaced, Placing, Target};
use crate::carrier::twilio::dialect::{Dialect, Which};
use crate::ids::{CarrierCallId, Private};

impl TwilioApi {
    pub(super) fn begin(&self, placing: &Placing) -> Option<Ask> {
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
        self.form(&["Calls.json"], form)
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
            Target::Client(identity) if self.dialect.which == Which::Twilio => {
                Private::new(format!("client:{}", identity.expose()))
            }
            Target::Client(_) | Target::Carrier => return None,
        };
        let of_caller = |url: &str| with_query(url.to_owned(), &[("call", call.as_str())]);
        let (document, status) = (of_caller(&self.briefing), of_caller(&self.callee_status));
        // A machine presses no key, which is more reliable than detecting one.
        Some(Placing { to, from, document, status, ring, machine: None })
    }
}

/// Interprets the API's answer: the call's id, or why there is none.
pub(super) fn judge(dialect: &Dialect, status: u16, body: &[u8]) -> Result<CarrierCallId, NotPlaced> {
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
                "the carrier refused our credentials (HTTP {status}, code {code}): check {} and {}",
                dialect.account, dialect.api_token
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
mod tests;
