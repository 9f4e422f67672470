//! Waybeo's side of the media stream: what it sends, its known misbehaviour included, and what it takes (as its deployments do; there is no public page). Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::options::Fault;
use super::summary::Warning;
use super::twilio::{Said, exactly, object, shortened, string};

/// Writes one stream's messages.
#[derive(Debug)]
pub(super) struct Writer {
    ucid: String,
    faults: Vec<Fault>,
    /// Whether audio was sent.
    begun: bool,
}

impl Writer {
    /// For the call with this id.
    pub(super) fn new(ucid: String, faults: &[Fault]) -> Self {
        Self { ucid, faults: faults.to_vec(), begun: false }
    }

    /// The stream's beginning, and what wrongly stands around it.
    pub(super) fn start(&self, from: &str, to: &str, parameters: &BTreeMap<String, String>) -> Vec<String> {
        let start = |ucid: &str| {
            let mut message = json!({"event": "start", "type": "text", "ucid": ucid, "did": from, "vmn": to});
            for (name, value) in parameters {
                message[name] = json!(value);
            }
            message.to_string()
        };
        let mut messages = Vec::new();
        if self.has(Fault::MediaFirst) {
            messages.extend(std::iter::repeat_n(self.packet(&[0; PACKET], 8_000), 20));
        }
        messages.push(start(&self.ucid));
        if self.has(Fault::DuplicateStart) {
            messages.push(start(&self.ucid));
        }
        if self.has(Fault::OtherStart) {
            messages.push(start("another-call"));
        }
        messages
    }

    /// The caller's next 20 ms: two packets.
    pub(super) fn media(&mut self, samples: &[i16]) -> Vec<String> {
        let mut packets = Vec::new();
        if !std::mem::replace(&mut self.begun, true) && self.has(Fault::FirstAt16k) {
            packets.push(self.packet(&[7_000; 2 * PACKET], 16_000));
        }
        packets.extend(samples.chunks(PACKET).map(|packet| self.packet(packet, 8_000)));
        packets
    }

    /// The call is over.
    pub(super) fn stop(&self, from: &str) -> Option<String> {
        let stop = json!({"event": "stop", "type": "text", "ucid": self.ucid, "did": from});
        (!self.has(Fault::NoStop)).then(|| stop.to_string())
    }

    /// Reads one text message of the service, strictly.
    ///
    /// # Errors
    /// What a carrier might take amiss; the message is ignored.
    pub(super) fn read(&self, text: &str) -> Result<Said, Warning> {
        self.understand(text).map_err(|problem| Warning::new(0, format!("{problem}: {}", shortened(text))))
    }

    fn understand(&self, text: &str) -> Result<Said, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON ({error})"))?;
        let Value::Object(message) = value else { return Err("not a JSON object".into()) };
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

    fn packet(&self, samples: &[i16], rate_hz: u32) -> String {
        let written: Vec<i32> = samples
            .iter()
            .map(
                |&sample| if self.has(Fault::Unsigned) { i32::from(sample.cast_unsigned()) } else { i32::from(sample) },
            )
            .collect();
        json!({"event": "media", "type": "media", "ucid": self.ucid, "data": {
            "samples": written, "bitsPerSample": 16, "sampleRate": rate_hz, "channelCount": 1,
            "numberOfFrames": samples.len(), "type": "data",
        }})
        .to_string()
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

/// The samples of a whole `data`.
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

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn the_stream_looks_as_the_reference_has_it() {
        let mut writer = Writer::new("U1".into(), &[]);
        let start = writer.start("+919800000000", "+911140000000", &BTreeMap::new());
        let expected =
            json!({"event": "start", "type": "text", "ucid": "U1", "did": "+919800000000", "vmn": "+911140000000"});
        assert_eq!(start.iter().map(|text| parsed(text)).collect::<Vec<_>>(), [expected]);
        let packets = writer.media(&[-3; 160]);
        assert_eq!(packets.len(), 2);
        let data = &parsed(&packets[0])["data"];
        assert_eq!(
            (&data["numberOfFrames"], &data["sampleRate"], &data["samples"][79]),
            (&json!(80), &json!(8000), &json!(-3))
        );
        assert_eq!(parsed(&writer.stop("+91").expect("a stop"))["event"], "stop");
    }

    #[test]
    fn each_fault_shows() {
        let faulty = |faults: &[Fault]| Writer::new("U1".into(), faults);
        assert_eq!(faulty(&[Fault::NoStop]).stop("+91"), None);
        assert_eq!(faulty(&[Fault::DuplicateStart]).start("", "", &BTreeMap::new()).len(), 2);
        let others = faulty(&[Fault::OtherStart]).start("", "", &BTreeMap::new());
        assert_eq!(parsed(&others[1])["ucid"], "another-call");
        let mut first = faulty(&[Fault::FirstAt16k]);
        assert_eq!(parsed(&first.media(&[0; 160])[0])["data"]["sampleRate"], 16_000);
        assert_eq!(first.media(&[0; 160]).len(), 2, "the first only");
        assert_eq!(parsed(&faulty(&[Fault::Unsigned]).media(&[-1; 160])[0])["data"]["samples"][0], 65_535);
        assert_eq!(parsed(&faulty(&[Fault::MediaFirst]).start("", "", &BTreeMap::new())[0])["event"], "media");
    }

    #[test]
    fn only_the_full_shape_is_taken() {
        let writer = Writer::new("U1".into(), &[]);
        let good = writer.packet(&[5; 160], 8_000);
        assert_eq!(writer.read(&good), Ok(Said::Media(vec![5; 160])));
        assert_eq!(writer.read(r#"{"command":"clearBuffer"}"#), Ok(Said::Clear));
        for bad in [
            "x".to_owned(),
            "[]".to_owned(),
            r#"{"command":"dance"}"#.to_owned(),
            r#"{"event":"media","data":{"samples":[1]}}"#.to_owned(),
            good.replace("U1", "U2"),
            good.replace("\"numberOfFrames\":160", "\"numberOfFrames\":80"),
            writer.packet(&[5; 160], 16_000),
            writer.packet(&[5; 81], 8_000),
            writer.packet(&[], 8_000),
            Writer::new("U1".into(), &[Fault::Unsigned]).packet(&[-5; 80], 8_000),
        ] {
            assert!(writer.read(&bad).is_err(), "{bad}");
        }
    }
}
