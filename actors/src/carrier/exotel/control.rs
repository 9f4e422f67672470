//! The REST API (<https://developer.exotel.com>, "Connect Voice AI"): places a call that opens our
//! stream as soon as it is answered. It has no request that ends or transfers a call. Pure.

use std::time::Duration;

use base64_simd::STANDARD;
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::settings::{ACCOUNT, API_KEY, API_TOKEN};
use crate::carrier::control::{Ask, CarrierAnswer, Control, Method, NotPlaced, Placed, Placing, Request};
use crate::ids::{CarrierCallId, Private};

/// The API for one account.
#[derive(Debug)]
pub(super) struct ExotelApi {
    /// The root of the API, without the path of a version.
    pub(super) api_url: Url,
    /// The account.
    pub(super) account: Private<String>,
    /// The name of the credentials.
    pub(super) api_key: Private<String>,
    /// Their password.
    pub(super) api_token: Private<String>,
}

impl Control for ExotelApi {
    fn ask(&self, _: Request, _: &CarrierCallId) -> Option<Ask> {
        None
    }

    fn judge(&self, status: u16, _: &[u8]) -> CarrierAnswer {
        CarrierAnswer::Failed { reason: format!("the carrier's API answered HTTP {status}") }
    }

    fn place(&self, placing: &Placing) -> Option<Ask> {
        let mut url = self.api_url.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend([
            "v1",
            "Accounts",
            self.account.expose(),
            "Calls",
            "connect.json",
        ]);
        let mut form = Serializer::new(String::new());
        // `From` is the one who is called. It cannot find out whether a machine has answered.
        form.append_pair("From", placing.to.expose())
            .append_pair("CallerId", placing.from.expose())
            .append_pair("StreamUrl", &placing.document)
            .append_pair("StreamType", "bidirectional")
            .append_pair("TimeOut", &placing.ring.as_secs().to_string())
            .append_pair("StatusCallback", &placing.status)
            .append_pair("StatusCallbackEvents[]", "terminal")
            .append_pair("StatusCallbackContentType", "application/json");
        Some(Ask {
            method: Method::Post,
            url,
            headers: vec![("authorization", self.authorization())],
            content_type: Some("application/x-www-form-urlencoded"),
            body: Private::new(form.finish()),
            timeout: PATIENCE,
        })
    }

    fn look(&self) -> Option<Ask> {
        let mut url = self.api_url.clone();
        // The streams that the account has now; its name is case-sensitive.
        url.path_segments_mut().ok()?.pop_if_empty().extend(["v1", "Accounts", self.account.expose(), "ActiveStreams"]);
        Some(Ask::read(url, self.authorization(), PATIENCE))
    }

    fn judge_look(&self, status: u16, body: &[u8]) -> CarrierAnswer {
        match status {
            200..300 => CarrierAnswer::Done,
            404 => CarrierAnswer::Gone,
            401 | 403 => CarrierAnswer::Failed { reason: bad_credentials() },
            _ => self.judge(status, body),
        }
    }

    fn judge_placed(&self, status: u16, body: &[u8]) -> Result<Placed, NotPlaced> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answered {
            call: Call,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Call {
            sid: String,
        }
        let reason = match status {
            200..300 => match serde_json::from_slice::<Answered>(body) {
                Ok(answer) if is_id(&answer.call.sid) => {
                    return Ok(Placed::Named(CarrierCallId::new(&answer.call.sid)));
                }
                Ok(_) | Err(_) => "the carrier's answer names no call".to_owned(),
            },
            401 => bad_credentials(),
            403 => "the carrier answered HTTP 403: streaming is not switched on for the account".to_owned(),
            429 => "the carrier answered HTTP 429: too many calls a minute for the account".to_owned(),
            // The message may quote the number.
            _ => format!("the carrier answered HTTP {status}"),
        };
        Err(NotPlaced { busy: status == 429, code: 0, reason })
    }
}

impl ExotelApi {
    /// `Basic` authorization, as the API requires.
    fn authorization(&self) -> Private<String> {
        let pair = format!("{}:{}", self.api_key.expose(), self.api_token.expose());
        Private::new(format!("Basic {}", STANDARD.encode_to_string(pair)))
    }
}

fn bad_credentials() -> String {
    format!("the carrier's API refused our credentials: check {API_KEY}, {API_TOKEN} and {ACCOUNT}")
}

/// Whether a text can be an id of a call.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The time limit of a request.
const PATIENCE: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn api() -> ExotelApi {
        let private = |text: &str| Private::new(text.to_owned());
        let api_url = "https://api.in.exotel.com".parse().expect("a URL");
        ExotelApi { api_url, account: private("acme1"), api_key: private("exo_key"), api_token: private("exo_token") }
    }

    #[test]
    fn a_call_is_placed_with_the_stream_that_it_opens() {
        let number = |text: &str| Private::new(text.to_owned());
        let placing = Placing {
            to: number("+919820000000"),
            from: number("08047491899"),
            document: "wss://voice.example.com/exotel/ws?token=t&outbound=o1".to_owned(),
            status: "https://voice.example.com/exotel/status?token=t&outbound=o1".to_owned(),
            ring: Duration::from_secs(45),
            machine: None,
        };
        let ask = api().place(&placing).expect("a request");
        assert_eq!(ask.url.as_str(), "https://api.in.exotel.com/v1/Accounts/acme1/Calls/connect.json");
        assert_eq!(ask.headers[0].1.expose(), "Basic ZXhvX2tleTpleG9fdG9rZW4=");
        let form: BTreeMap<_, _> = url::form_urlencoded::parse(ask.body.expose().as_bytes()).into_owned().collect();
        assert_eq!((form["From"].as_str(), form["CallerId"].as_str()), ("+919820000000", "08047491899"));
        assert_eq!((&form["StreamUrl"], &form["StatusCallback"]), (&placing.document, &placing.status));
        assert!(!format!("{ask:?}").contains("exo_token"), "nothing secret is printed");
        assert!(api().ask(Request::HangUp, &CarrierCallId::new("c")).is_none(), "closing the stream ends the call");
    }

    #[test]
    fn the_answer_names_the_call_or_says_why_there_is_none() {
        let placed = api().judge_placed(200, br#"{"Call":{"Sid":"c7","Status":"queued"}}"#);
        assert_eq!(placed, Ok(Placed::Named(CarrierCallId::new("c7"))));
        for (status, body, busy) in [
            (200, &b"{}"[..], false),
            (200, br#"{"Call":{"Sid":""}}"#, false),
            (401, br#"{"RestException":{"Status":401,"Message":"x"}}"#, false),
            (403, b"", false),
            (429, b"", true),
            (500, b"", false),
        ] {
            assert_eq!(api().judge_placed(status, body).expect_err("not placed").busy, busy, "{status}");
        }
    }
}
