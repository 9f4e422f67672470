//! Sarvam's realtime transcription: utterances with numbers. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use super::caller::{Caller, Ended, Heard};
use super::listen::seconds;
use crate::tools::rehearsal::cascade::link::{Engine, Idle, Link, Message, Socket, UNTAGGED};
use crate::tools::rehearsal::cascade::query::Query;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::Ids;
use crate::tools::rehearsal::protocol::{Refusal, ServerSession, Visit};
use crate::tools::rehearsal::speech::Language;

/// A stream.
#[derive(Debug)]
pub(in crate::tools::rehearsal::cascade) struct Sarvam {
    request: String,
    caller: Caller,
    silence_ms: u32,
    words_after_ms: u64,
    /// Utterances that ended.
    utterances: u64,
}

/// Opens a stream.
///
/// # Errors
/// The address asks for something that does not exist or does not fit together.
pub(in crate::tools::rehearsal::cascade) fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    let request = Ids::new(visit.seed).next("sv");
    let refused = |message: String| refusal(400, "invalid_config", &message);
    let query = Query::new(visit.query, &["language_code"], &KNOWN).map_err(refused)?;
    query.word("language_code", &LANGUAGES).map_err(refused)?;
    let model = query.text("model");
    if !["", "saaras:v3-realtime", "saaras:v4"].contains(&model) {
        return Err(refused(format!("model: there is no '{model}'")));
    }
    if !query.text("keyterms").is_empty() && model != "saaras:v4" {
        return Err(refused("keyterms: only saaras:v4 has them".to_owned()));
    }
    query.word("stream_type", &["", "fast", "balanced"]).map_err(refused)?;
    query.word("mode", &["", "transcribe", "translate", "verbatim", "translit", "codemix"]).map_err(refused)?;
    query.word("endpointing", &["", "vad"]).map_err(refused)?;
    let format = query.audio().map_err(refused)?;
    let silence_ms = query.number("silence_duration_ms", 500, &(60..=10_000)).map_err(refused)?;
    let language = query.text("language_code");
    let caller = Caller::new(format, Language::of(Some(language), ""), silence_ms, visit.memory);
    let words_after = visit.options.transcript_after.as_millis() as u64;
    let words_after_ms = visit.misbehaviour.transcripts_after_ms.unwrap_or(words_after);
    let begin = json!({"event": "session.begin", "request_id": request, "config": {
        "model": model, "language_code": language, "encoding": query.text("encoding"),
        "sample_rate": format.rate(), "turn_detection": "vad", "silence_duration_ms": silence_ms,
    }});
    let sarvam = Sarvam { request, caller, silence_ms, words_after_ms, utterances: 0 };
    Ok(Socket::open(sarvam, Some(begin), IDLE, visit))
}

/// The refusal of an upgrade.
pub(in crate::tools::rehearsal::cascade) fn refusal(status: u16, code: &str, message: &str) -> Refusal {
    Refusal::new(status, json!({"error": {"code": code, "message": message}}).to_string())
}

impl Sarvam {
    fn heard(&mut self, heard: Heard, link: &mut Link) {
        let number = self.utterances;
        let has_words = !Misbehaviour::on(link.misbehaviour().no_transcripts);
        match heard {
            Heard::Began { .. } => {
                link.send(json!({"event": "vad.speech_start", "utterance_idx": number, "confidence": 0.91}));
            }
            Heard::Word { text, .. } if has_words => {
                link.send(json!({"event": "transcript.partial", "utterance_idx": number, "text": text}));
            }
            Heard::Ended(ended) => self.ended(&ended, link),
            Heard::Word { .. } => {}
        }
    }

    /// The end of an utterance, and later its words.
    fn ended(&mut self, ended: &Ended, link: &mut Link) {
        let number = self.utterances;
        self.utterances += 1;
        link.send(json!({"event": "vad.speech_end", "utterance_idx": number, "confidence": 0.88}));
        if Misbehaviour::on(link.misbehaviour().fail_transcripts) {
            return fail(link, "internal_error", "the words are lost", true);
        }
        if Misbehaviour::on(link.misbehaviour().no_transcripts) {
            return;
        }
        let message = json!({
            "event": "transcript.final", "utterance_idx": number, "text": ended.text,
            "start_s": seconds(ended.from_ms), "end_s": seconds(ended.to_ms),
        });
        link.send_at(link.ms() + self.words_after_ms, UNTAGGED, Message::Text(message));
    }

    fn audio(&mut self, message: &Value, link: &mut Link) {
        let audio = message["audio"].as_str().unwrap_or_default();
        match base64_simd::STANDARD.decode_to_vec(audio) {
            Ok(bytes) if !bytes.is_empty() => {
                for heard in self.caller.hear(&bytes) {
                    self.heard(heard, link);
                }
            }
            _ => fail(link, "invalid_audio", "audio: expected base64 of at least one sample", false),
        }
    }

    fn configure(&mut self, message: &Value, link: &mut Link) {
        let code = message["language_code"].as_str();
        if code.is_some_and(|code| !LANGUAGES.contains(&code)) {
            return fail(link, "invalid_config", "language_code: there is no such language", false);
        }
        let silence = message["silence_duration_ms"].as_u64().and_then(|ms| u32::try_from(ms).ok());
        self.silence_ms = silence.unwrap_or(self.silence_ms);
        if let Some(code) = code {
            self.caller.configure(Language::of(Some(code), ""), self.silence_ms);
        }
        let keys = message.as_object().into_iter().flat_map(|object| object.keys());
        let applied: Vec<&String> = keys.filter(|key| *key != "event").collect();
        link.send(json!({"event": "config.updated", "applied": applied}));
    }

    fn end(&mut self, link: &mut Link) {
        if let Some(ended) = self.caller.finish() {
            self.ended(&ended, link);
        }
        let duration = seconds(self.caller.ms());
        let message = json!({
            "event": "session.end", "request_id": self.request, "total_duration_s": seconds(link.ms()),
            "total_utterances": self.utterances, "audio_duration_s": duration,
        });
        let at = link.ms() + self.words_after_ms;
        link.send_at(at, UNTAGGED, Message::Text(message));
        link.close_at(at, 1000, "");
    }
}

impl Engine for Sarvam {
    fn hear_text(&mut self, text: &str, link: &mut Link) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        link.touch();
        match message["event"].as_str() {
            Some("audio_input") => self.audio(&message, link),
            Some("config.update") => self.configure(&message, link),
            Some("ping") => link.send(json!({"event": "pong"})),
            Some("end") => self.end(link),
            Some("speech_start" | "speech_end" | "flush") => {
                fail(link, "invalid_event", "only with endpointing=manual", false);
            }
            _ => fail(link, "invalid_event", "there is no such event", false),
        }
    }

    fn hear_binary(&mut self, _: &[u8], link: &mut Link) {
        fail(link, "invalid_event", "expected a text message", true);
    }
}

fn fail(link: &mut Link, code: &str, message: &str, is_fatal: bool) {
    let status = if is_fatal { 500 } else { 400 };
    link.send(json!({"event": "error", "code": code, "is_fatal": is_fatal, "message": message, "status_code": status}));
    if is_fatal {
        link.close(1011, message);
    }
}

const IDLE: Idle = Idle { after: Duration::from_secs(60), code: 1008, reason: "inactivity" };
const KNOWN: [&str; 14] = [
    "model",
    "stream_type",
    "mode",
    "endpointing",
    "encoding",
    "sample_rate",
    "threshold",
    "prefix_padding_ms",
    "silence_duration_ms",
    "min_speech_duration_ms",
    "return_timestamps",
    "prompt",
    "keyterms",
    "api-subscription-key",
];
const LANGUAGES: [&str; 24] = [
    "auto", "en-IN", "hi-IN", "bn-IN", "kn-IN", "ml-IN", "mr-IN", "or-IN", "pa-IN", "ta-IN", "te-IN", "gu-IN", "as-IN",
    "ur-IN", "ne-IN", "kok-IN", "ks-IN", "sd-IN", "sa-IN", "sat-IN", "mni-IN", "brx-IN", "mai-IN", "doi-IN",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::rehearsal::cascade::link::testing::{Client, told};
    use crate::tools::rehearsal::memory::Memory;
    use crate::tools::rehearsal::outgoing::Out;
    use crate::tools::rehearsal::sound::Format;

    fn client(rehearse: &str) -> Client<Sarvam> {
        let caller = Caller::new(Format::MuLaw, Language::of(Some("hi-IN"), ""), 300, &Memory::default());
        let sarvam = Sarvam { request: "r".to_owned(), caller, silence_ms: 300, words_after_ms: 100, utterances: 0 };
        Client::new(sarvam, IDLE, rehearse)
    }

    fn send(client: &mut Client<Sarvam>, frame: &[u8]) -> Vec<Out> {
        client.text(&json!({"event": "audio_input", "audio": base64_simd::STANDARD.encode_to_string(frame)}))
    }

    fn events(client: &mut Client<Sarvam>) -> Vec<(String, u64)> {
        let mut out = Vec::new();
        for (ms, byte) in [(1_000, 0xFF), (600, 0x20), (800, 0xFF)] {
            out.extend(client.speak(ms, byte, send));
        }
        let event = |told: Value| {
            (told["event"].as_str().unwrap_or("close").to_owned(), told["utterance_idx"].as_u64().unwrap_or(9))
        };
        told(&out).into_iter().map(event).collect()
    }

    #[test]
    fn the_words_of_an_utterance_come_behind_its_end() {
        let mut client = client("");
        let partial = "transcript.partial";
        let names = ["vad.speech_start", partial, partial, partial, "vad.speech_end", "transcript.final"];
        assert_eq!(events(&mut client), names.map(|name| (name.to_owned(), 0)));
        assert!(events(&mut client).iter().all(|(_, number)| *number == 1));
        client.text(&json!({"event": "end"}));
        let out = told(&client.wait(200));
        assert_eq!((&out[0]["total_utterances"], &out[0]["audio_duration_s"]), (&json!(2), &json!(4.8)));
        assert_eq!(out[1]["close"], 1000);
    }

    #[test]
    fn what_is_wrong_is_said_and_an_idle_stream_is_closed() {
        let mut client = client("");
        for wrong in [json!({"event": "flush"}), json!({"event": "audio_input", "audio": "!"}), json!({})] {
            let out = told(&client.text(&wrong));
            assert_eq!((&out[0]["event"], &out[0]["is_fatal"]), (&json!("error"), &json!(false)), "{wrong}");
        }
        let updated = told(&client.text(&json!({"event": "config.update", "language_code": "ta-IN"})));
        assert_eq!(updated[0]["applied"], json!(["language_code"]));
        client.wait(50_000);
        assert_eq!(told(&client.text(&json!({"event": "ping"})))[0]["event"], "pong");
        assert!(client.wait(59_000).is_empty());
        assert_eq!(told(&client.wait(2_000))[0]["close"], 1008);
    }

    #[test]
    fn lost_words_end_the_stream() {
        let last = events(&mut client("fail_transcripts:1"));
        assert_eq!(
            last[last.len() - 2..].iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["error", "close"]
        );
    }
}
