//! Any server with `/v1/audio/transcriptions`: a turn is uploaded when it is over. Pure.
//!
//! Our own detector cuts the turns. A model of this kind hears words in silence, so audio without
//! speech and turns that are too short are not sent.

use std::collections::VecDeque;
use std::time::Duration;

use url::Url;

use super::EarsPlan;
use super::words::TurnWords;
use crate::carrier::AudioFormat;
use crate::g711;
use crate::realtime::cascade::address::{endpoint, short};
use crate::realtime::cascade::failure::{Failure, Head, Part};
use crate::realtime::fields::Fields;

/// The address of a request.
pub fn url(plan: &EarsPlan) -> Url {
    endpoint(&plan.url, "/v1/audio/transcriptions")
}

/// A turn that is over, as the body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its number. Answers carry it back.
    pub number: u64,
    /// `content-type`, with the boundary.
    pub content_type: String,
    /// The form.
    pub body: Vec<u8>,
    /// The duration of the audio.
    pub audio: Duration,
}

/// What the machine wants, and what was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadEvent {
    /// Send this.
    Send(Turn),
    /// The words of the turn so far. Nothing of it is outstanding.
    Words(String),
    /// What was sent had no words.
    Nothing,
    /// A request failed; its turn can be sent again with [`Upload::again`].
    Failed(Failure),
}

/// The caller's audio, cut into turns.
#[derive(Debug)]
pub struct Upload {
    plan: EarsPlan,
    /// Samples before the speech, or of the speech in progress.
    samples: VecDeque<i16>,
    is_speech: bool,
    /// Turns that were sent and not answered, oldest first, with their audio and their words.
    open: VecDeque<Open>,
    last_number: u64,
    words: TurnWords,
    scratch: Vec<i16>,
}

#[derive(Debug)]
struct Open {
    number: u64,
    samples: Vec<i16>,
    words: Option<String>,
}

impl Upload {
    /// No audio yet.
    pub fn new(plan: EarsPlan) -> Self {
        Self {
            plan,
            samples: VecDeque::new(),
            is_speech: false,
            open: VecDeque::new(),
            last_number: 0,
            words: TurnWords::default(),
            scratch: Vec::new(),
        }
    }

    /// Takes a frame of caller audio.
    pub fn hear_caller(&mut self, audio: &[u8], out: &mut Vec<UploadEvent>) {
        self.scratch.clear();
        g711::decode(self.plan.format.encoding, audio, &mut self.scratch);
        self.samples.extend(&self.scratch);
        let (pre_roll, longest) = (self.samples_of(PRE_ROLL), self.samples_of(LONGEST));
        if !self.is_speech {
            let surplus = self.samples.len().saturating_sub(pre_roll);
            self.samples.drain(..surplus);
        } else if self.samples.len() >= longest {
            // The speech goes on in the next request.
            self.send(out);
        }
    }

    /// Our detector hears the caller begin or cease to speak.
    pub fn speech(&mut self, begins: bool, out: &mut Vec<UploadEvent>) {
        if self.is_speech && !begins {
            self.is_speech = false;
            self.send(out);
        }
        self.is_speech = begins;
    }

    /// The answer to a turn: its head and its whole body.
    pub fn answered(&mut self, number: u64, head: &Head<'_>, body: &str, out: &mut Vec<UploadEvent>) {
        let Some(open) = self.open.iter_mut().find(|open| open.number == number) else { return };
        if !(200..300).contains(&head.status) {
            return out.push(UploadEvent::Failed(Failure::of_status(Part::Ears, head, body)));
        }
        let seconds = open.samples.len() as f64 / f64::from(self.plan.format.rate_hz);
        open.words = Some(words_of(body, seconds));
        let mut settled = false;
        while let Some(words) = self.open.front().and_then(|open| open.words.clone()) {
            self.open.pop_front();
            settled |= !words.is_empty();
            self.words.settle(&words);
        }
        if self.open.is_empty() {
            out.push(if settled || !self.words.are_none() {
                UploadEvent::Words(self.words.all())
            } else {
                UploadEvent::Nothing
            });
        }
    }

    /// Sends every unanswered turn again, to another server perhaps.
    pub fn again(&mut self, plan: EarsPlan, out: &mut Vec<UploadEvent>) {
        self.plan = plan;
        let open = self.open.iter().filter(|open| open.words.is_none());
        out.extend(open.map(|open| UploadEvent::Send(turn(&self.plan, open.number, &open.samples))));
    }

    /// Whether words are outstanding.
    pub fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }

    /// The turn was taken with the words so far.
    pub fn turn_taken(&mut self) {
        self.words.clear();
    }

    fn send(&mut self, out: &mut Vec<UploadEvent>) {
        let shortest = self.samples_of(PRE_ROLL) + self.samples_of(SHORTEST);
        if self.samples.len() < shortest || self.open.len() >= MOST_OPEN {
            self.samples.clear();
            return;
        }
        self.last_number += 1;
        let samples: Vec<i16> = self.samples.drain(..).collect();
        out.push(UploadEvent::Send(turn(&self.plan, self.last_number, &samples)));
        self.open.push_back(Open { number: self.last_number, samples, words: None });
    }

    fn samples_of(&self, time: Duration) -> usize {
        let ms = usize::try_from(time.as_millis()).unwrap_or(usize::MAX);
        AudioFormat { encoding: crate::carrier::Encoding::MuLaw, ..self.plan.format }.bytes_per_ms() * ms
    }
}

/// The words of an answer: JSON, server-sent events, or plain text.
fn words_of(body: &str, seconds: f64) -> String {
    let text = match Fields::read(body) {
        Ok(fields) => fields.words("text").unwrap_or_default().trim().to_owned(),
        Err(_) if body.trim_start().starts_with("data:") => streamed(body),
        Err(_) => body.trim().to_owned(),
    };
    let plain = text.to_lowercase();
    let plain = plain.trim_matches(|c: char| !c.is_alphanumeric());
    if seconds < LONGEST_HALLUCINATION && HALLUCINATIONS.contains(&plain) { String::new() } else { text }
}

/// The text of the last event; without one, the pieces joined.
fn streamed(body: &str) -> String {
    let mut pieces = String::new();
    for line in body.lines().filter_map(|line| line.strip_prefix("data:")) {
        let Ok(fields) = Fields::read(line.trim()) else { continue };
        if let Some(text) = fields.text("text") {
            return text.trim().to_owned();
        }
        pieces.push_str(&fields.text("delta").unwrap_or_default());
    }
    pieces.trim().to_owned()
}

fn turn(plan: &EarsPlan, number: u64, samples: &[i16]) -> Turn {
    let wav = wav(plan.format.rate_hz, samples);
    let boundary = boundary(&wav);
    let mut body = Vec::with_capacity(wav.len() + 1024);
    let keywords = plan.keywords.join(", ");
    let fields = [
        ("model", plan.model.as_str()),
        ("language", short(&plan.language)),
        ("response_format", "json"),
        ("temperature", "0"),
        ("prompt", &keywords),
    ];
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value.as_bytes());
        body.extend_from_slice(b"\r\n");
    }
    // The extension of the file name decides the decoder.
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"turn.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(&wav);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let audio = Duration::from_secs_f64(samples.len() as f64 / f64::from(plan.format.rate_hz));
    Turn { number, content_type: format!("multipart/form-data; boundary={boundary}"), body, audio }
}

/// A boundary that the file does not contain.
fn boundary(wav: &[u8]) -> String {
    let candidates = (0_u32..).map(|number| format!("switchboard-turn-{number}"));
    let contains = |boundary: &str| memchr::memmem::find(wav, boundary.as_bytes()).is_some();
    candidates.into_iter().find(|boundary| !contains(boundary)).unwrap_or_default()
}

/// A WAV file of one channel.
fn wav(rate_hz: u32, samples: &[i16]) -> Vec<u8> {
    let bytes = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX - HEAD_BYTES);
    let mut wav = Vec::with_capacity(samples.len() * 2 + HEAD_BYTES as usize);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(bytes + HEAD_BYTES - 8).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    wav.extend_from_slice(&1_u16.to_le_bytes());
    wav.extend_from_slice(&1_u16.to_le_bytes());
    wav.extend_from_slice(&rate_hz.to_le_bytes());
    wav.extend_from_slice(&(rate_hz * 2).to_le_bytes());
    wav.extend_from_slice(&2_u16.to_le_bytes());
    wav.extend_from_slice(&16_u16.to_le_bytes());
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&bytes.to_le_bytes());
    wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    wav
}

const HEAD_BYTES: u32 = 44;
/// Audio before the detector's beginning of speech, which is late by some of it.
const PRE_ROLL: Duration = Duration::from_millis(300);
/// The least speech that is sent. Shorter: words are heard in a click.
const SHORTEST: Duration = Duration::from_millis(250);
/// The most audio of a request.
const LONGEST: Duration = Duration::from_secs(30);
/// The most requests that wait for an answer.
const MOST_OPEN: usize = 8;
/// What such models hear in noise.
const HALLUCINATIONS: [&str; 7] = [
    "thank you",
    "thanks for watching",
    "thank you for watching",
    "you",
    "bye",
    "please subscribe",
    "subtitles by the amara.org community",
];
/// Audio above this length, in seconds, is believed.
const LONGEST_HALLUCINATION: f64 = 1.0;

#[cfg(test)]
mod tests {
    use super::super::testing::plan;
    use super::*;

    const OK: Head<'_> =
        Head { status: 200, content_type: "application/json", retry_after_ms: None, retry_after: None, error: None };

    fn upload() -> Upload {
        Upload::new(plan("http://127.0.0.1:8080"))
    }

    /// Hears so many frames of 20 ms.
    fn hear(upload: &mut Upload, frames: usize, out: &mut Vec<UploadEvent>) {
        (0..frames).for_each(|_| upload.hear_caller(&[0x80; 160], out));
    }

    /// A turn of `frames` of speech.
    fn spoken(upload: &mut Upload, frames: usize) -> Vec<UploadEvent> {
        let mut out = Vec::new();
        hear(upload, 100, &mut out);
        upload.speech(true, &mut out);
        hear(upload, frames, &mut out);
        upload.speech(false, &mut out);
        out
    }

    #[test]
    fn a_turn_is_sent_with_what_came_before_it() {
        let mut upload = upload();
        let out = spoken(&mut upload, 50);
        let [UploadEvent::Send(turn)] = &out[..] else { panic!("{}", out.len()) };
        assert_eq!((turn.number, turn.audio), (1, Duration::from_millis(1300)));
        assert_eq!(turn.content_type, "multipart/form-data; boundary=switchboard-turn-0");
        let text = String::from_utf8_lossy(&turn.body);
        for part in [
            "--switchboard-turn-0\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nsmall\r\n",
            "name=\"language\"\r\n\r\nhi\r\n",
            "name=\"prompt\"\r\n\r\nPune, Kothrud & Co\r\n",
            "name=\"file\"; filename=\"turn.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(turn.body.ends_with(b"\r\n--switchboard-turn-0--\r\n"));
        let at = memchr::memmem::find(&turn.body, b"RIFF").expect("a file");
        let number = |from: usize| u32::from_le_bytes(turn.body[at + from..at + from + 4].try_into().expect("four"));
        assert_eq!((number(24), number(28), number(40)), (8000, 16_000, 1300 * 16));
        assert_eq!(number(4) as usize + 8, 44 + 1300 * 16);
    }

    #[test]
    fn clicks_and_silence_are_not_sent() {
        assert_eq!(spoken(&mut upload(), 10), []);
        let (mut upload, mut out) = (upload(), Vec::new());
        hear(&mut upload, 10_000, &mut out);
        upload.speech(false, &mut out);
        assert_eq!(out, []);
    }

    #[test]
    fn answers_are_joined_in_the_order_of_speech() {
        let mut upload = upload();
        spoken(&mut upload, 50);
        spoken(&mut upload, 50);
        let mut out = Vec::new();
        upload.answered(2, &OK, r#"{"text":" for two."}"#, &mut out);
        assert!(out.is_empty() && upload.is_waiting());
        upload.answered(1, &OK, "data: {\"type\":\"transcript.text.delta\",\"delta\":\"A ta\"}\n\ndata: {\"text\":\"A table\"}\n\ndata: [DONE]\n", &mut out);
        assert_eq!(out, [UploadEvent::Words("A table for two.".into())]);
        upload.answered(1, &OK, r#"{"text":"again"}"#, &mut out);
        assert_eq!(out.len(), 1);
        upload.turn_taken();
        spoken(&mut upload, 50);
        upload.answered(3, &OK, r#"{"text":"Yes."}"#, &mut out);
        assert_eq!(out[1], UploadEvent::Words("Yes.".into()));
    }

    #[test]
    fn words_that_are_heard_in_noise_are_not_believed() {
        let mut upload = upload();
        spoken(&mut upload, 20);
        let mut out = Vec::new();
        upload.answered(1, &OK, r#"{"text":" Thank you."}"#, &mut out);
        assert_eq!(out, [UploadEvent::Nothing]);
        assert_eq!(words_of(r#"{"text":"Thank you."}"#, 2.0), "Thank you.");
        assert_eq!(words_of(" plain text\n", 2.0), "plain text");
    }

    #[test]
    fn a_failed_turn_can_be_sent_to_another_server() {
        let mut upload = upload();
        spoken(&mut upload, 50);
        let mut out = Vec::new();
        upload.answered(1, &Head { status: 503, ..OK }, "busy", &mut out);
        assert!(matches!(&out[..], [UploadEvent::Failed(_)]) && upload.is_waiting());
        let mut other = plan("http://127.0.0.1:9090");
        other.model = "other".into();
        upload.again(other, &mut out);
        let Some(UploadEvent::Send(turn)) = out.last() else { panic!("{}", out.len()) };
        assert!(turn.number == 1 && String::from_utf8_lossy(&turn.body).contains("other"));
    }

    #[test]
    fn a_caller_who_does_not_stop_is_sent_in_parts() {
        let (mut upload, mut out) = (upload(), Vec::new());
        upload.speech(true, &mut out);
        hear(&mut upload, 50 * 60 * 20, &mut out);
        assert_eq!(out.len(), MOST_OPEN, "the rest is dropped while the server does not answer");
        assert!(upload.samples.len() <= 30 * 8000);
    }
}
