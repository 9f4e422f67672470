//! The session's configuration as the server reports it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::realtime::fields::{Fields, text as text_of};

/// The session's configuration as the server reports it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionInfo<'a> {
    /// The id: `sess_…`.
    pub id: Option<Cow<'a, str>>,
    /// The format of the caller's audio.
    pub input: Option<FormatInfo<'a>>,
    /// The format of the agent's audio.
    pub output: Option<FormatInfo<'a>>,
    /// The time when the session ends, in seconds since 1970.
    pub expires_at: Option<f64>,
}

impl<'a> SessionInfo<'a> {
    pub(super) fn of(session: &Fields<'a>) -> Self {
        let audio = session.object("audio");
        let format = |direction: &str, beta: &str| {
            let written = audio.object(direction).raw("format").or_else(|| session.raw(beta));
            written.and_then(FormatInfo::of)
        };
        Self {
            id: session.text("id"),
            input: format("input", "input_audio_format"),
            output: format("output", "output_audio_format"),
            expires_at: session.number("expires_at"),
        }
    }
}

/// An audio format as the server names it.
#[derive(Debug, Clone, PartialEq)]
pub struct FormatInfo<'a> {
    /// The name: `audio/pcm`, `audio/pcmu` or `audio/pcma`; any other name stays as written.
    pub kind: Cow<'a, str>,
    /// Samples per second.
    pub rate: Option<u32>,
}

impl<'a> FormatInfo<'a> {
    /// Reads an object with a type and a rate, or a single word as in the beta protocol. Any other
    /// shape gives `None`.
    pub(super) fn of(raw: &'a RawValue) -> Option<Self> {
        let fields = Fields::of(Some(raw));
        let kind = text_of(raw).or_else(|| fields.text("type"))?;
        let rate = fields.count("rate", u32::MAX).and_then(|rate| u32::try_from(rate).ok());
        let known = |spelling: &&(&str, &str)| spelling.0.eq_ignore_ascii_case(&kind);
        Some(match FORMATS.iter().find(known) {
            Some((_, ours)) => Self { kind: Cow::Borrowed(ours), rate },
            None => Self { kind, rate },
        })
    }
}

/// The spellings of the formats that we request.
const FORMATS: [(&str, &str); 10] = [
    ("pcm16", "audio/pcm"),
    ("pcm", "audio/pcm"),
    ("pcm_s16le", "audio/pcm"),
    ("audio/pcm16", "audio/pcm"),
    ("audio/l16", "audio/pcm"),
    ("g711_ulaw", "audio/pcmu"),
    ("pcmu", "audio/pcmu"),
    ("audio/x-mulaw", "audio/pcmu"),
    ("g711_alaw", "audio/pcma"),
    ("pcma", "audio/pcma"),
];
