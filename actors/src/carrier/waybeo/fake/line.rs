//! Waybeo's side of the media stream: what it sends, with its known faults, and its strict reader
//! (from its deployments; there is no public documentation). Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::carrier::fake::strict::{binary, exactly, object, object_of, shortened, string};
use crate::carrier::fake::{Calling, Complaint, Fault, Line, Said};
use crate::carrier::{Incoming, Outgoing};

/// Waybeo's end of one stream, whose id is the call's id.
#[derive(Debug)]
pub(super) struct WaybeoLine {
    ucid: String,
    from: String,
    to: String,
    faults: Vec<Fault>,
    /// Whether audio was sent already.
    begun: bool,
}

impl WaybeoLine {
    /// The end of this call's stream.
    pub(super) fn new(call: &Calling) -> Self {
        Self {
            ucid: call.id.clone(),
            from: call.from.clone(),
            to: call.to.clone(),
            faults: call.faults.clone(),
            begun: false,
        }
    }

    fn understand(&self, text: &str) -> Result<Said, String> {
        let message = object_of(text)?;
        if message.contains_key("command") {
            exactly(&message, &["command"], "")?;
            return match string(&message, "command")? {
                "clearBuffer" => Ok(Said::Clear),
                other => Err(format!("unknown command `{other}`")),
            };
        }
        exactly(&message, &["event", "type", "ucid", "data"], "")?;
        for (field, expected) in [("event", "media"), ("type", "media"), ("ucid", &self.ucid)] {
            if string(&message, field)? != expected {
                return Err(format!("`{field}` is not `{expected}`"));
            }
        }
        samples(object(&message, "data")?).map(Said::Media)
    }

    fn packet(&self, samples: &[i16], rate_hz: u32) -> Value {
        let unsigned = self.has(Fault::Unsigned);
        let written = |&sample: &i16| {
            if unsigned { i32::from(sample.cast_unsigned()) } else { i32::from(sample) }
        };
        json!({"event": "media", "type": "media", "ucid": self.ucid, "data": {
            "samples": samples.iter().map(written).collect::<Vec<_>>(),
            "bitsPerSample": 16, "sampleRate": rate_hz, "channelCount": 1,
            "numberOfFrames": samples.len(), "type": "data",
        }})
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

impl Line for WaybeoLine {
    /// Writes the stream's beginning, with the faults around it.
    fn start(&mut self, parameters: &BTreeMap<String, String>, out: &mut Outgoing) {
        let start = |ucid: &str| {
            let mut message = json!({"event": "start", "type": "text", "ucid": ucid, "did": self.from, "vmn": self.to});
            for (name, value) in parameters {
                message[name] = json!(value);
            }
            message
        };
        if self.has(Fault::MediaFirst) {
            let packet = self.packet(&[0; PACKET], 8_000);
            (0..20).for_each(|_| say(&packet, out));
        }
        say(&start(&self.ucid), out);
        if self.has(Fault::DuplicateStart) {
            say(&start(&self.ucid), out);
        }
        if self.has(Fault::OtherStart) {
            say(&start("another-call"), out);
        }
    }

    fn media(&mut self, samples: &[i16], _: Duration, out: &mut Outgoing) {
        if !std::mem::replace(&mut self.begun, true) && self.has(Fault::FirstAt16k) {
            say(&self.packet(&[7_000; 2 * PACKET], 16_000), out);
        }
        for packet in samples.chunks(PACKET) {
            say(&self.packet(packet, 8_000), out);
        }
    }

    fn stop(&mut self, out: &mut Outgoing) {
        if !self.has(Fault::NoStop) {
            say(&json!({"event": "stop", "type": "text", "ucid": self.ucid, "did": self.from}), out);
        }
    }

    fn closes(&self) -> bool {
        !self.has(Fault::NoClose)
    }

    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<Said, Complaint> {
        // Waybeo has no error codes.
        let complaint = |text| Complaint { code: 0, text };
        match message {
            Incoming::Text(text) => {
                self.understand(text).map_err(|problem| complaint(format!("{problem}: {}", shortened(text))))
            }
            Incoming::Binary(bytes) => Err(complaint(binary(bytes))),
        }
    }
}

fn say(message: &Value, out: &mut Outgoing) {
    out.text(|text| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{message}");
        true
    });
}

/// The samples of a complete `data` object.
fn samples(data: &Map<String, Value>) -> Result<Vec<i16>, String> {
    exactly(data, &["samples", "bitsPerSample", "sampleRate", "channelCount", "numberOfFrames", "type"], "data.")?;
    let numbers = data["samples"].as_array().ok_or("`data.samples` is not an array")?;
    let read = |number: &Value| number.as_i64().and_then(|number| i16::try_from(number).ok());
    let samples: Option<Vec<i16>> = numbers.iter().map(read).collect();
    let samples = samples.ok_or("`data.samples` holds something that is not a 16-bit sample")?;
    for (field, expected) in
        [("bitsPerSample", json!(16)), ("sampleRate", json!(8000)), ("channelCount", json!(1)), ("type", json!("data"))]
    {
        if data[field] != expected {
            return Err(format!("`data.{field}` is not {expected}"));
        }
    }
    if data["numberOfFrames"] != json!(samples.len()) {
        return Err("`data.numberOfFrames` is not the number of samples".into());
    }
    if samples.is_empty() || samples.len() % PACKET != 0 {
        return Err(format!("{} samples, expected a multiple of {PACKET}", samples.len()));
    }
    Ok(samples)
}

/// Samples of one packet: 10 ms.
const PACKET: usize = 80;

#[cfg(test)]
mod tests;
