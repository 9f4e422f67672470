//! The channel driver's side of the stream: what it sends, and its strict reader
//! (<https://github.com/asterisk/asterisk/blob/master/channels/chan_websocket.c>). Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::carrier::fake::strict::{exactly, object_of, shortened, string};
use crate::carrier::fake::{Calling, Complaint, Echo, Line, Said, mulaw};
use crate::carrier::{Incoming, Outgoing};

/// The end of one stream.
#[derive(Debug)]
pub(super) struct AsteriskLine {
    /// The channel's id.
    channel: String,
    /// Whether control texts are plain words instead of JSON, which is the dialplan's choice.
    plain: bool,
}

impl AsteriskLine {
    /// The end of the stream with this id, which decides the form: both are out there.
    pub(super) fn new(_: &Calling, stream: &str) -> Self {
        Self { channel: stream.to_owned(), plain: stream.ends_with(['1', '3', '5', '7', '9']) }
    }

    /// Writes an event in the stream's form.
    fn event(&self, name: &str, fields: &Value, plain: &str, out: &mut Outgoing) {
        out.text(|text| {
            if self.plain {
                text.push_str(plain);
            } else {
                let mut event = json!({"event": name, "channel_id": self.channel});
                if let (Some(event), Some(fields)) = (event.as_object_mut(), fields.as_object()) {
                    event.extend(fields.clone());
                }
                // Writing to a String cannot fail.
                let _ = write!(text, "{event}");
            }
            true
        });
    }

    fn command(&self, text: &str) -> Result<Said, String> {
        if text.len() > LONGEST_COMMAND {
            return Err(format!("a text of {} bytes, expected {LONGEST_COMMAND} at most", text.len()));
        }
        let (command, mark) = if self.plain {
            let (command, mark) = text.split_once(' ').map_or((text, None), |(word, rest)| (word, Some(rest)));
            (command.to_owned(), mark.map(str::to_owned))
        } else {
            let message = object_of(text)?;
            let command = string(&message, "command")?.to_owned();
            let is_mark = command == "MARK_MEDIA";
            exactly(&message, if is_mark { &["command", "correlation_id"] } else { &["command"] }, "")?;
            let mark = is_mark.then(|| string(&message, "correlation_id").map(str::to_owned)).transpose()?;
            (command, mark)
        };
        match (command.as_str(), mark) {
            ("MARK_MEDIA", Some(name)) => Ok(Said::Mark(name)),
            ("MARK_MEDIA", None) => Err("a mark without a name".to_owned()),
            ("FLUSH_MEDIA", None) => Ok(Said::Clear),
            ("HANGUP", None) => Ok(Said::HangUp),
            (other, _) => Err(format!("unknown command `{other}`")),
        }
    }
}

impl Line for AsteriskLine {
    fn start(&mut self, parameters: &BTreeMap<String, String>, out: &mut Outgoing) {
        let (channel, id) = ("WebSocket/switchboard/0x7f1c", &self.channel);
        let fields = json!({
            "connection_id": "switchboard", "channel": channel, "format": "ulaw",
            "optimal_frame_size": FRAME, "ptime": 20, "channel_variables": parameters,
        });
        let plain = format!(
            "MEDIA_START connection_id:switchboard channel:{channel} channel_id:{id} format:ulaw optimal_frame_size:{FRAME} ptime:20"
        );
        self.event("MEDIA_START", &fields, &plain, out);
    }

    fn media(&mut self, samples: &[i16], _: Duration, out: &mut Outgoing) {
        out.binary(|bytes| {
            bytes.extend(samples.iter().map(|sample| mulaw::encode(*sample)));
            true
        });
    }

    fn key(&mut self, key: char, out: &mut Outgoing) {
        let plain = format!("DTMF_END digit:{key} channel_id:{}", self.channel);
        self.event("DTMF_END", &json!({"digit": key.to_string()}), &plain, out);
    }

    fn mark(&mut self, echo: &Echo, out: &mut Outgoing) {
        let plain = format!("MEDIA_MARK_PROCESSED {}", echo.name);
        self.event("MEDIA_MARK_PROCESSED", &json!({"correlation_id": echo.name}), &plain, out);
    }

    /// The socket is closed, and no message says that the call is over.
    fn stop(&mut self, _: &mut Outgoing) {}

    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<Said, Complaint> {
        // There are no error codes.
        let complaint = |text| Complaint { code: 0, text };
        match message {
            Incoming::Text(text) => {
                self.command(text).map_err(|problem| complaint(format!("{problem}: {}", shortened(text))))
            }
            Incoming::Binary(bytes) if (FRAME..=MOST).contains(&bytes.len()) && bytes.len() % FRAME == 0 => {
                Ok(Said::Media(bytes.iter().map(|byte| mulaw::decode(*byte)).collect()))
            }
            Incoming::Binary(bytes) => {
                let found = bytes.len();
                Err(complaint(format!("{found} bytes of audio, expected {FRAME} to {MOST} in multiples of {FRAME}")))
            }
        }
    }

    fn samples_in(&self, message: Incoming<'_>) -> Option<usize> {
        match message {
            Incoming::Binary(bytes) => Some(bytes.len()),
            Incoming::Text(_) => None,
        }
    }
}

/// Bytes of a frame; what exceeds whole frames of a message is lost.
const FRAME: usize = 160;
/// The most bytes of a message that are read in few enough pieces.
const MOST: usize = 8_000;
/// The longest text that is read.
const LONGEST_COMMAND: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(plain: bool) -> AsteriskLine {
        AsteriskLine { channel: "1700000000.0".to_owned(), plain }
    }

    fn read(plain: bool, message: Incoming<'_>) -> Result<Said, Complaint> {
        line(plain).read(message, &mut Outgoing::default())
    }

    #[test]
    fn what_the_driver_would_lose_is_refused() {
        assert_eq!(read(false, Incoming::Binary(&[0xFF; 160])), Ok(Said::Media(vec![0; 160])));
        for bytes in [0, 80, 161, 8_160] {
            assert!(read(false, Incoming::Binary(&vec![0xFF; bytes])).is_err(), "{bytes}");
        }
        let long = format!(r#"{{"command":"MARK_MEDIA","correlation_id":"{}"}}"#, "x".repeat(100));
        for text in [&long, r#"{"command":"flush_media"}"#, r#"{"command":"MARK_MEDIA"}"#, "FLUSH_MEDIA"] {
            assert!(read(false, Incoming::Text(text)).is_err(), "{text}");
        }
        assert_eq!(read(true, Incoming::Text("MARK_MEDIA a b")), Ok(Said::Mark("a b".to_owned())));
        assert_eq!(read(true, Incoming::Text("FLUSH_MEDIA")), Ok(Said::Clear));
        assert!(read(true, Incoming::Text(r#"{"command":"FLUSH_MEDIA"}"#)).is_err());
    }
}
