//! `/v1/audio/transcriptions`: the words of a file in a form. Pure.

use std::io::Cursor;
use std::time::Duration;

use serde_json::json;

use crate::tools::rehearsal::cascade::reply::Reply;
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::memory::Memory;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::sound::{Format, Sound};
use crate::tools::rehearsal::speech::Language;

/// Answers a form. `after` is the time that the words take.
pub(in crate::tools::rehearsal::cascade) fn answer(
    content_type: &str,
    body: &[u8],
    misbehaviour: &Misbehaviour,
    after: Duration,
    memory: &Memory,
) -> Reply {
    let after = misbehaviour.transcripts_after_ms.map_or(after, Duration::from_millis);
    match form(content_type, body).and_then(|form| words(&form, misbehaviour, memory)) {
        Ok(words) => words.reply(after),
        Err(fault) => Reply::refused(400, &fault),
    }
}

/// A field of a form.
#[derive(Debug, PartialEq, Eq)]
struct Field<'a> {
    name: &'a str,
    file: Option<&'a str>,
    value: &'a [u8],
}

/// The words of a file, and how they are asked for.
struct Words {
    text: String,
    seconds: f64,
    format: String,
    is_streamed: bool,
}

/// Reads a form (RFC 7578): each field between boundaries, with exact line ends.
fn form<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Field<'a>>, Fault> {
    let broken = |message: &str| Fault::request("invalid_multipart", message);
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").filter(|it| !it.is_empty());
    let boundary = boundary.ok_or_else(|| broken("expected multipart/form-data with a boundary"))?.trim_matches('"');
    let (first, next) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}"));
    let mut rest = body.strip_prefix(first.as_bytes()).ok_or_else(|| broken("the first boundary is missing"))?;
    let mut fields = Vec::new();
    loop {
        let end = find(rest, next.as_bytes()).ok_or_else(|| broken("the last boundary is missing"))?;
        fields.push(field(&rest[..end]).ok_or_else(|| broken("a field has no name"))?);
        match &rest[end + next.len()..] {
            [b'-', b'-', ..] => return Ok(fields),
            [b'\r', b'\n', more @ ..] if fields.len() < MOST_FIELDS => rest = more,
            _ => return Err(broken("a boundary is not at the end of a line")),
        }
    }
}

fn field(part: &[u8]) -> Option<Field<'_>> {
    let end = find(part, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&part[..end]).ok()?;
    let disposition = head.lines().find_map(|line| line.strip_prefix("Content-Disposition: form-data; "))?;
    let parameter = |name: &str| {
        let (_, behind) = disposition.split_once(&format!("{name}=\""))?;
        Some(behind.split_once('"')?.0)
    };
    // `filename` ends as `name` does.
    let name = disposition.strip_prefix("name=\"")?.split_once('"')?.0;
    Some(Field { name, file: parameter("filename"), value: &part[end + 4..] })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn words(form: &[Field<'_>], misbehaviour: &Misbehaviour, memory: &Memory) -> Result<Words, Fault> {
    if let Some(field) = form.iter().find(|field| !KNOWN.contains(&field.name)) {
        return Err(Fault::unknown(field.name));
    }
    let value = |name: &str| {
        let field = form.iter().find(|field| field.name == name);
        field.map(|field| std::str::from_utf8(field.value).unwrap_or_default())
    };
    let file = form.iter().find(|field| field.name == "file").ok_or_else(|| Fault::missing("file"))?;
    value("model").filter(|model| !model.is_empty()).ok_or_else(|| Fault::missing("model"))?;
    let format = value("response_format").unwrap_or("json").to_owned();
    if !["json", "text", "verbose_json"].contains(&format.as_str()) {
        return Err(Fault::unsupported("response_format", &format, ["json", "text", "verbose_json"].into_iter()));
    }
    let language = value("language").unwrap_or("en");
    if language.len() != 2 {
        return Err(Fault::request("invalid_language", format!("'{language}' is no ISO 639-1 code")).at("language"));
    }
    if !file.file.is_some_and(|name| name.ends_with(".wav")) {
        let message = "the extension of the file name decides the decoder, and this server has one for wav";
        return Err(Fault::request("unsupported_format", message).at("file"));
    }
    let sound = sound(file.value)?;
    if Misbehaviour::on(misbehaviour.fail_transcripts) {
        return Err(Fault { kind: "server_error", ..Fault::request("transcription_failed", "the words are lost") });
    }
    let is_silent = sound.format.power(&sound.bytes) < SILENT;
    let text = match () {
        () if Misbehaviour::on(misbehaviour.no_transcripts) => String::new(),
        // Models of this kind hear words in silence.
        () if is_silent => "Thank you.".to_owned(),
        () => {
            let sound = sound.trimmed();
            let text = Language::of(Some(language), "").heard(sound.ms());
            memory.keep(&text, sound);
            text
        }
    };
    Ok(Words { text, seconds: sound.ms() as f64 / 1000.0, format, is_streamed: value("stream") == Some("true") })
}

fn sound(wav: &[u8]) -> Result<Sound, Fault> {
    let broken = |message: String| Fault::request("invalid_audio", message).at("file");
    let mut reader = hound::WavReader::new(Cursor::new(wav)).map_err(|error| broken(error.to_string()))?;
    let spec = reader.spec();
    let format = match (spec.channels, spec.bits_per_sample, spec.sample_rate) {
        (1, 16, 8_000) => Format::Pcm8k,
        (1, 16, 16_000) => Format::Pcm16k,
        (1, 16, 24_000) => Format::Pcm24k,
        _ => return Err(broken(format!("expected one channel of 16 bit at 8, 16 or 24 kHz, got {spec:?}"))),
    };
    let samples =
        reader.samples::<i16>().collect::<Result<Vec<i16>, _>>().map_err(|error| broken(error.to_string()))?;
    if samples.len() < format.rate() as usize / 10 {
        return Err(broken("Audio file is too short. Minimum audio length is 0.1 seconds.".to_owned()));
    }
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    Ok(Sound { format, bytes: bytes.into() })
}

impl Words {
    fn reply(self, after: Duration) -> Reply {
        let Self { text, seconds, format, is_streamed } = self;
        let usage = json!({"type": "duration", "seconds": seconds.ceil()});
        if is_streamed {
            let delta = json!({"type": "transcript.text.delta", "delta": text});
            let done = json!({"type": "transcript.text.done", "text": text, "usage": usage});
            return Reply::whole("text/event-stream", after, format!("data: {delta}\n\ndata: {done}\n\n"));
        }
        match format.as_str() {
            "text" => Reply::whole("text/plain; charset=utf-8", after, format!("{text}\n")),
            "verbose_json" => {
                let body = json!({"task": "transcribe", "duration": seconds, "text": text, "usage": usage});
                Reply::whole("application/json", after, body.to_string())
            }
            _ => Reply::whole("application/json", after, json!({"text": text, "usage": usage}).to_string()),
        }
    }
}

const KNOWN: [&str; 10] = [
    "file",
    "model",
    "language",
    "prompt",
    "temperature",
    "response_format",
    "timestamp_granularities[]",
    "stream",
    "chunking_strategy",
    "include[]",
];
const MOST_FIELDS: usize = 64;
/// The power below which nothing was said: -56 dB of full scale.
const SILENT: f32 = 2.5e-6;

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(ms: u32, loud: i16) -> Vec<u8> {
        let mut bytes = Vec::new();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::new(Cursor::new(&mut bytes), spec).unwrap();
        for n in 0..ms * 16 {
            writer.write_sample(if n % 40 < 20 { loud } else { -loud }).unwrap();
        }
        writer.finalize().unwrap();
        bytes
    }

    fn body(fields: &[(&str, &str)], file: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        body.extend(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"turn.wav\"\r\nContent-Type: audio/wav\r\n\r\n");
        body.extend(file);
        body.extend(b"\r\n--b--\r\n");
        body
    }

    fn answered(fields: &[(&str, &str)], file: &[u8], rehearse: &str) -> (u16, String) {
        let misbehaviour = Misbehaviour::default().with(rehearse).unwrap();
        let (kind, body) = ("multipart/form-data; boundary=b", body(fields, file));
        let reply = answer(kind, &body, &misbehaviour, Duration::ZERO, &Memory::default());
        (reply.status, String::from_utf8(reply.pieces[0].1.to_vec()).unwrap())
    }

    const MODEL: (&str, &str) = ("model", "small");

    #[test]
    fn a_turn_has_its_words_in_the_language_and_format_asked_for() {
        let speech = wav(1_000, 4_000);
        let (status, text) = answered(&[MODEL], &speech, "");
        assert_eq!((status, text.contains("[caller speech, 1.0 s] some words")), (200, true), "{text}");
        let (_, text) = answered(&[MODEL, ("language", "hi"), ("response_format", "text")], &speech, "");
        assert!(text.starts_with("[कॉलर"), "{text}");
        assert!(answered(&[MODEL, ("stream", "true")], &speech, "").1.starts_with("data: {"));
        assert_eq!(
            answered(&[MODEL], &speech, "no_transcripts:1").1,
            r#"{"text":"","usage":{"seconds":1.0,"type":"duration"}}"#
        );
    }

    #[test]
    fn silence_has_words_too() {
        assert!(answered(&[MODEL], &wav(600, 0), "").1.contains("Thank you."));
    }

    #[test]
    fn what_the_real_server_refuses_is_refused() {
        let speech = wav(1_000, 4_000);
        assert_eq!(answered(&[], &speech, "").0, 400);
        assert_eq!(answered(&[MODEL, ("voice", "x")], &speech, "").0, 400);
        assert_eq!(answered(&[MODEL, ("language", "hi-IN")], &speech, "").0, 400);
        assert_eq!(answered(&[MODEL], &wav(50, 4_000), "").0, 400);
        assert_eq!(answered(&[MODEL], b"RIFF", "").0, 400);
        let form = |content_type, body: &[u8]| form(content_type, body).is_err();
        assert!(form("application/json", b"{}"));
        assert!(form(
            "multipart/form-data; boundary=b",
            b"--b\nContent-Disposition: form-data; name=\"a\"\n\nx\n--b--"
        ));
    }
}
