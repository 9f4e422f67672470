//! The page's end of the socket: what it sends, and its strict reader. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::carrier::fake::strict::{exactly, object_of, string};
use crate::carrier::fake::{Complaint, Echo, Line, Said, mulaw};
use crate::carrier::{Incoming, Outgoing};

/// The end of one socket.
#[derive(Debug)]
pub(super) struct BrowserLine;

impl Line for BrowserLine {
    fn start(&mut self, parameters: &BTreeMap<String, String>, out: &mut Outgoing) {
        say(&json!({ "agent": "default", "variables": parameters }), out);
    }

    fn media(&mut self, samples: &[i16], _: Duration, out: &mut Outgoing) {
        out.binary(|bytes| {
            bytes.extend(samples.iter().map(|sample| mulaw::encode(*sample)));
            true
        });
    }

    fn key(&mut self, key: char, out: &mut Outgoing) {
        say(&json!({ "key": key }), out);
    }

    fn mark(&mut self, echo: &Echo, out: &mut Outgoing) {
        say(&json!({ "played": echo.name }), out);
    }

    /// The socket is closed, and no message says that the call is over.
    fn stop(&mut self, _: &mut Outgoing) {}

    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<Said, Complaint> {
        let said = match message {
            Incoming::Binary(bytes) if bytes.len() == FRAME => {
                Ok(Said::Media(bytes.iter().map(|byte| mulaw::decode(*byte)).collect()))
            }
            Incoming::Binary(bytes) => Err(format!("{} bytes of audio, expected the {FRAME} of 20 ms", bytes.len())),
            Incoming::Text(text) => understand(text),
        };
        said.map_err(|text| Complaint { code: 0, text })
    }

    fn samples_in(&self, message: Incoming<'_>) -> Option<usize> {
        match message {
            Incoming::Binary(bytes) => Some(bytes.len()),
            Incoming::Text(_) => None,
        }
    }
}

fn understand(text: &str) -> Result<Said, String> {
    let message = object_of(text)?;
    if message.contains_key("mark") {
        exactly(&message, &["mark"], "")?;
        return Ok(Said::Mark(string(&message, "mark")?.to_owned()));
    }
    exactly(&message, &["clear"], "")?;
    if message["clear"] == true { Ok(Said::Clear) } else { Err("`clear` is not true".to_owned()) }
}

fn say(message: &serde_json::Value, out: &mut Outgoing) {
    out.text(|text| {
        text.push_str(&message.to_string());
        true
    });
}

/// Bytes of 20 ms.
const FRAME: usize = 160;
