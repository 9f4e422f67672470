//! Any server with `/v1/audio/speech`: one request for each piece. Pure.
//!
//! The answer is raw samples or a WAV file, which begins before its end is made. To cancel is to
//! drop the connection.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use super::wav::Pcm24k;
use super::{Spoken, VoicePlan};
use crate::frame::Frame;
use crate::realtime::cascade::address::endpoint;
use crate::realtime::cascade::failure::{Failure, Head, Part};

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The address.
    pub url: Url,
    /// The body.
    pub body: Value,
}

/// The request for a piece. `response_format` is `pcm`, or `wav` for servers that know no other.
pub fn request(plan: &VoicePlan, text: &str, response_format: &str) -> Request {
    let text: String = text.chars().take(LONGEST_TEXT).collect();
    let mut body =
        json!({ "model": plan.model, "input": text, "voice": plan.voice, "response_format": response_format });
    if let Some(instructions) = &plan.instructions {
        body["instructions"] = instructions.as_str().into();
    }
    Request { url: endpoint(&plan.url, "/v1/audio/speech"), body }
}

/// A request that was sent, and its answer.
#[derive(Debug)]
pub struct Speech {
    utterance: u64,
    phase: Phase,
    /// When it was sent, and when the last piece of the answer came.
    since: Instant,
}

#[derive(Debug)]
enum Phase {
    Asked,
    Sounding(Box<Pcm24k>),
    Over,
}

impl Speech {
    /// A request for an utterance that was sent at `now`.
    pub fn new(utterance: u64, now: Instant) -> Self {
        Self { utterance, phase: Phase::Asked, since: now }
    }

    /// Whether nothing follows.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// The head of the answer came, with its whole body if the status is no success.
    pub fn head(&mut self, head: &Head<'_>, error_body: &str, now: Instant, out: &mut Vec<Spoken>) {
        if !matches!(self.phase, Phase::Asked) {
            return;
        }
        self.since = now;
        if !(200..300).contains(&head.status) {
            return self.fail(Failure::of_status(Part::Voice, head, error_body), out);
        }
        // A server that fails late sends its error with a status of success.
        if head.content_type.starts_with("application/json") || head.content_type.starts_with("text/") {
            let problem = format!("the answer is `{}`, expected audio", head.content_type);
            return self.fail(Failure::of_protocol(Part::Voice, &problem), out);
        }
        self.phase = Phase::Sounding(Box::new(Pcm24k::new(head.content_type)));
    }

    /// A piece of the body came.
    pub fn bytes(&mut self, bytes: &[u8], now: Instant, out: &mut Vec<Spoken>) {
        let Phase::Sounding(pcm) = &mut self.phase else { return };
        self.since = now;
        let mut audio = Frame::with_room(bytes.len());
        let read = pcm.push(bytes, &mut audio);
        self.sound(audio, out);
        if let Err(problem) = read {
            self.fail(Failure::of_protocol(Part::Voice, &problem.to_string()), out);
        }
    }

    /// The body is over. A body that is cut ends in the same way, so a short one is believed.
    pub fn end(&mut self, out: &mut Vec<Spoken>) {
        let Phase::Sounding(pcm) = &mut self.phase else {
            return self.broken("the answer ended before its head", out);
        };
        let mut audio = Frame::default();
        pcm.finish(&mut audio);
        let has_audio = pcm.has_audio();
        self.sound(audio, out);
        if has_audio {
            self.phase = Phase::Over;
            out.push(Spoken::Ended { utterance: self.utterance });
        } else {
            self.fail(Failure::of_protocol(Part::Voice, "the answer has no audio"), out);
        }
    }

    /// The connection broke, or could not be made.
    pub fn broken(&mut self, problem: &str, out: &mut Vec<Spoken>) {
        if !self.is_over() {
            self.fail(Failure::of_network(Part::Voice, problem), out);
        }
    }

    /// When the server has taken too long.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Asked => Some(self.since + LONGEST_FIRST),
            Phase::Sounding(_) => Some(self.since + LONGEST_BETWEEN),
            Phase::Over => None,
        }
    }

    /// The deadline has passed.
    pub fn deadline_passed(&mut self, now: Instant, out: &mut Vec<Spoken>) {
        if self.deadline().is_some_and(|at| at <= now) {
            let waited = now.saturating_duration_since(self.since);
            self.broken(&format!("nothing came for {waited:?}"), out);
        }
    }

    fn sound(&self, audio: Frame, out: &mut Vec<Spoken>) {
        if !audio.is_empty() {
            out.push(Spoken::Audio { utterance: self.utterance, audio });
        }
    }

    fn fail(&mut self, failure: Failure, out: &mut Vec<Spoken>) {
        self.phase = Phase::Over;
        out.push(Spoken::Failed(failure));
    }
}

/// The most characters of a request.
const LONGEST_TEXT: usize = 4096;
/// To the head. Servers that make the whole file first take long.
const LONGEST_FIRST: Duration = Duration::from_secs(6);
/// Between two pieces of the audio.
const LONGEST_BETWEEN: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::super::testing::{audio, plan};
    use super::*;
    use crate::clock;
    use crate::realtime::cascade::failure::Class;

    const OK: Head<'_> =
        Head { status: 200, content_type: "audio/pcm", retry_after_ms: None, retry_after: None, error: None };

    fn asked() -> (Speech, Vec<Spoken>, Instant) {
        let now = clock::now();
        (Speech::new(7, now), Vec::new(), now)
    }

    fn class(out: &[Spoken]) -> Class {
        match out {
            [Spoken::Failed(failure)] => failure.class,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_has_what_every_server_takes() {
        let mut plan = plan("http://127.0.0.1:8880/v1");
        let Request { url, body } = request(&plan, "Hello.", "pcm");
        assert_eq!(url.as_str(), "http://127.0.0.1:8880/v1/audio/speech");
        assert_eq!(body, json!({"model":"small","input":"Hello.","voice":"asha","response_format":"pcm"}));
        plan.instructions = Some("warm".into());
        assert_eq!(request(&plan, &"x".repeat(9000), "wav").body["input"].as_str().map(str::len), Some(LONGEST_TEXT));
        assert_eq!(request(&plan, "x", "wav").body["instructions"], "warm");
    }

    #[test]
    fn audio_is_given_as_it_comes() {
        let (mut speech, mut out, now) = asked();
        speech.head(&OK, "", now, &mut out);
        let body: Vec<u8> = (0..15).collect();
        speech.bytes(&body, now, &mut out);
        speech.bytes(&[15], now, &mut out);
        speech.end(&mut out);
        assert_eq!(out, [audio(7, &body[..14]), audio(7, &[14, 15]), Spoken::Ended { utterance: 7 }]);
        assert!(speech.is_over() && speech.deadline().is_none());
    }

    #[test]
    fn an_error_is_never_played() {
        for (head, expected) in [
            (Head { status: 503, ..OK }, Class::Next),
            (Head { status: 429, retry_after: Some("1"), ..OK }, Class::Retry { after: Some(Duration::from_secs(1)) }),
            (Head { content_type: "application/json", ..OK }, Class::Next),
        ] {
            let (mut speech, mut out, now) = asked();
            speech.head(&head, "{}", now, &mut out);
            speech.bytes(b"{\"error\":\"a long text\"}", now, &mut out);
            speech.end(&mut out);
            assert_eq!(class(&out), expected);
        }
        let (mut speech, mut out, now) = asked();
        speech.head(&OK, "", now, &mut out);
        speech.bytes(b"ID3\x04 and much more", now, &mut out);
        speech.end(&mut out);
        assert_eq!(class(&out), Class::Next);
    }

    #[test]
    fn a_body_without_audio_and_a_silent_server_are_failures() {
        let (mut speech, mut out, now) = asked();
        speech.head(&OK, "", now, &mut out);
        speech.end(&mut out);
        assert_eq!(class(&out), Class::Next);
        let (mut speech, mut out, now) = asked();
        speech.deadline_passed(now, &mut out);
        assert!(out.is_empty());
        speech.deadline_passed(now + LONGEST_FIRST, &mut out);
        assert_eq!(class(&out), Class::Retry { after: None });
    }
}
