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
    let samples = samples.ok_or("`data.samples` holds something that is no 16-bit sample")?;
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
mod tests {
    use super::*;

    fn faulty(faults: &[Fault]) -> WaybeoLine {
        WaybeoLine {
            ucid: "U1".into(),
            from: "+919800000000".into(),
            to: "+911140000000".into(),
            faults: faults.to_vec(),
            begun: false,
        }
    }

    /// The messages that `write` writes.
    fn sent(line: &mut WaybeoLine, write: impl FnOnce(&mut WaybeoLine, &mut Outgoing)) -> Vec<Value> {
        let mut out = Outgoing::default();
        write(line, &mut out);
        let read = |message| match message {
            Incoming::Text(text) => serde_json::from_str(text).expect("JSON"),
            Incoming::Binary(_) => panic!("binary"),
        };
        out.messages().map(read).collect()
    }

    fn start(line: &mut WaybeoLine) -> Vec<Value> {
        sent(line, |line, out| line.start(&BTreeMap::new(), out))
    }

    fn media(line: &mut WaybeoLine, samples: &[i16]) -> Vec<Value> {
        sent(line, |line, out| line.media(samples, Duration::ZERO, out))
    }

    #[test]
    fn the_stream_looks_as_its_deployments_have_it() {
        let mut line = faulty(&[]);
        let expected =
            json!({"event": "start", "type": "text", "ucid": "U1", "did": "+919800000000", "vmn": "+911140000000"});
        assert_eq!(start(&mut line), [expected]);
        let packets = media(&mut line, &[-3; 160]);
        assert_eq!(packets.len(), 2);
        let data = &packets[0]["data"];
        assert_eq!(
            (&data["numberOfFrames"], &data["sampleRate"], &data["samples"][79]),
            (&json!(80), &json!(8000), &json!(-3))
        );
        assert_eq!(sent(&mut line, |line, out| line.stop(out))[0]["event"], "stop");
    }

    #[test]
    fn each_fault_shows() {
        assert!(sent(&mut faulty(&[Fault::NoStop]), |line, out| line.stop(out)).is_empty());
        assert!(faulty(&[]).closes() && !faulty(&[Fault::NoClose]).closes());
        assert_eq!(start(&mut faulty(&[Fault::DuplicateStart])).len(), 2);
        assert_eq!(start(&mut faulty(&[Fault::OtherStart]))[1]["ucid"], "another-call");
        let mut first = faulty(&[Fault::FirstAt16k]);
        assert_eq!(media(&mut first, &[0; 160])[0]["data"]["sampleRate"], 16_000);
        assert_eq!(media(&mut first, &[0; 160]).len(), 2, "the first only");
        assert_eq!(media(&mut faulty(&[Fault::Unsigned]), &[-1; 160])[0]["data"]["samples"][0], 65_535);
        assert_eq!(start(&mut faulty(&[Fault::MediaFirst]))[0]["event"], "media");
    }

    #[test]
    fn only_the_full_shape_is_taken() {
        let line = faulty(&[]);
        let read = |text: &str| faulty(&[]).read(Incoming::Text(text), &mut Outgoing::default());
        let good = line.packet(&[5; 160], 8_000).to_string();
        assert_eq!(read(&good), Ok(Said::Media(vec![5; 160])));
        assert_eq!(read(r#"{"command":"clearBuffer"}"#), Ok(Said::Clear));
        for bad in [
            "x".to_owned(),
            "[]".to_owned(),
            r#"{"command":"dance"}"#.to_owned(),
            r#"{"event":"media","data":{"samples":[1]}}"#.to_owned(),
            good.replace("U1", "U2"),
            good.replace("\"numberOfFrames\":160", "\"numberOfFrames\":80"),
            line.packet(&[5; 160], 16_000).to_string(),
            line.packet(&[5; 81], 8_000).to_string(),
            line.packet(&[], 8_000).to_string(),
            faulty(&[Fault::Unsigned]).packet(&[-5; 80], 8_000).to_string(),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
        assert!(faulty(&[]).read(Incoming::Binary(&[1]), &mut Outgoing::default()).is_err());
    }
}
