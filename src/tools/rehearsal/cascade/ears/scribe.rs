//! ElevenLabs' Scribe: segments that are committed. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use super::caller::{Caller, Ended, Heard, timed};
use crate::tools::rehearsal::cascade::link::{Engine, Idle, Link, Message, Socket, UNTAGGED};
use crate::tools::rehearsal::cascade::query::{Query, format_of};
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::Ids;
use crate::tools::rehearsal::protocol::{Refusal, ServerSession, Visit};
use crate::tools::rehearsal::speech::Language;

/// A stream.
#[derive(Debug)]
pub(in crate::tools::rehearsal::cascade) struct Scribe {
    caller: Caller,
    language: String,
    rate_hz: u32,
    /// Whether the words of a commit come once more, with their times.
    has_times: bool,
    words_after_ms: u64,
    /// The audio at the last commit.
    committed_ms: u64,
}

/// Opens a stream.
///
/// # Errors
/// The address asks for something that does not exist or does not fit together.
pub(in crate::tools::rehearsal::cascade) fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    let refused = |message: String| refusal("invalid_request", &message);
    let query = Query::new(visit.query, &["model_id"], &KNOWN).map_err(refused)?;
    let word = query.text("audio_format");
    let format = format_of(word).ok_or_else(|| refused(format!("audio_format: '{word}' is not supported")))?;
    let strategy = query.word("commit_strategy", &["manual", "vad"]).map_err(refused)?;
    let silence = query.number("vad_silence_threshold_secs", 1.5, &(0.3..=3.0)).map_err(refused)?;
    if query.text("keyterms").chars().count() > 20 {
        return Err(refused("keyterms: more than 20 characters".to_owned()));
    }
    let has_times = query.flag("include_timestamps").map_err(refused)?;
    let silence_ms = if strategy == "vad" { (silence * 1000.0) as u32 } else { NEVER_MS };
    let language = query.text("language_code").to_owned();
    let caller = Caller::new(format, Language::of(Some(&language), ""), silence_ms, visit.memory);
    let words_after = visit.options.transcript_after.as_millis() as u64;
    let words_after_ms = visit.misbehaviour.transcripts_after_ms.unwrap_or(words_after);
    let config = json!({"audio_format": word, "commit_strategy": strategy, "model_id": query.text("model_id")});
    let session = Ids::new(visit.seed).next("scribe");
    let started = json!({"message_type": "session_started", "session_id": session, "config": config});
    let scribe = Scribe { caller, language, rate_hz: format.rate(), has_times, words_after_ms, committed_ms: 0 };
    Ok(Socket::open(scribe, Some(started), IDLE, visit))
}

/// The refusal of an upgrade.
pub(in crate::tools::rehearsal::cascade) fn refusal(status: &str, message: &str) -> Refusal {
    Refusal::new(400, json!({"detail": {"status": status, "message": message}}).to_string())
}

impl Scribe {
    fn chunk(&mut self, message: &Value, link: &mut Link) {
        let rate = &message["sample_rate"];
        if !rate.is_null() && *rate != self.rate_hz {
            return fail(link, "input_error", "sample_rate: not that of the audio_format");
        }
        let audio = message["audio_base_64"].as_str().unwrap_or("!");
        let Ok(bytes) = base64_simd::STANDARD.decode_to_vec(audio) else {
            return fail(link, "input_error", "audio_base_64: expected base64");
        };
        for heard in self.caller.hear(&bytes) {
            match heard {
                Heard::Word { text, .. } if !Misbehaviour::on(link.misbehaviour().no_transcripts) => {
                    link.send(json!({"message_type": "partial_transcript", "text": text}));
                }
                Heard::Ended(ended) => self.committed(&ended, link),
                Heard::Word { .. } | Heard::Began { .. } => {}
            }
        }
        if message["commit"] == true {
            self.commit(link);
        }
    }

    /// Commits at the client's request.
    fn commit(&mut self, link: &mut Link) {
        if self.caller.ms() < self.committed_ms + LEAST_COMMITTED_MS {
            return fail(link, "commit_throttled", "less than 0.3 s of audio since the last commit");
        }
        let ms = self.caller.ms();
        let nothing = || Ended { from_ms: ms, to_ms: ms, text: String::new(), rest: String::new() };
        let ended = self.caller.finish().unwrap_or_else(nothing);
        self.committed(&ended, link);
    }

    fn committed(&mut self, ended: &Ended, link: &mut Link) {
        self.committed_ms = self.caller.ms();
        if Misbehaviour::on(link.misbehaviour().fail_transcripts) {
            fail(link, "transcriber_error", "the words are lost");
            return link.close(1011, "the words are lost");
        }
        if Misbehaviour::on(link.misbehaviour().no_transcripts) {
            return;
        }
        let at = link.ms() + self.words_after_ms;
        let plain = json!({"message_type": "committed_transcript", "text": ended.text});
        link.send_at(at, UNTAGGED, Message::Text(plain));
        if self.has_times {
            let word = |(text, start, end): (&str, f64, f64)| json!({"text": text, "start": start, "end": end, "type": "word"});
            let words: Vec<Value> = timed(&ended.text, ended.from_ms, ended.to_ms).into_iter().map(word).collect();
            let timed = json!({
                "message_type": "committed_transcript_with_timestamps", "text": ended.text,
                "language_code": self.language, "words": words,
            });
            link.send_at(at, UNTAGGED, Message::Text(timed));
        }
    }
}

impl Engine for Scribe {
    fn hear_text(&mut self, text: &str, link: &mut Link) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        link.touch();
        if message["message_type"] == "input_audio_chunk" {
            self.chunk(&message, link);
        } else {
            fail(link, "invalid_request", "there is no such message");
            link.close(1008, "invalid_request");
        }
    }

    fn hear_binary(&mut self, _: &[u8], link: &mut Link) {
        fail(link, "invalid_request", "expected a text message");
        link.close(1008, "invalid_request");
    }
}

fn fail(link: &mut Link, kind: &str, message: &str) {
    link.send(json!({"message_type": kind, "error": message}));
}

/// The least audio of a commit.
const LEAST_COMMITTED_MS: u64 = 300;
/// The silence that never comes.
const NEVER_MS: u32 = 600_000;
const IDLE: Idle = Idle { after: Duration::from_secs(20), code: 1008, reason: "input_timeout_exceeded" };
const KNOWN: [&str; 14] = [
    "audio_format",
    "commit_strategy",
    "vad_silence_threshold_secs",
    "vad_threshold",
    "min_speech_duration_ms",
    "min_silence_duration_ms",
    "language_code",
    "include_timestamps",
    "keyterms",
    "secondary_languages",
    "no_verbatim",
    "filter_background_audio",
    "enable_logging",
    "token",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::rehearsal::cascade::link::testing::{Client, told};
    use crate::tools::rehearsal::memory::Memory;
    use crate::tools::rehearsal::outgoing::Out;
    use crate::tools::rehearsal::sound::Format;

    fn client(silence_ms: u32) -> Client<Scribe> {
        let caller = Caller::new(Format::MuLaw, Language::of(None, ""), silence_ms, &Memory::default());
        let language = "en".to_owned();
        let scribe = Scribe { caller, language, rate_hz: 8_000, has_times: true, words_after_ms: 100, committed_ms: 0 };
        Client::new(scribe, IDLE, "")
    }

    fn chunk(client: &mut Client<Scribe>, frame: &[u8], commit: bool) -> Vec<Out> {
        client.text(&json!({
            "message_type": "input_audio_chunk", "audio_base_64": base64_simd::STANDARD.encode_to_string(frame),
            "commit": commit, "sample_rate": 8_000,
        }))
    }

    fn spoken(client: &mut Client<Scribe>) -> Vec<Value> {
        let mut out = Vec::new();
        for (ms, byte) in [(1_000, 0xFF), (600, 0x20), (800, 0xFF)] {
            out.extend(client.speak(ms, byte, |client, frame| chunk(client, frame, false)));
        }
        told(&out)
    }

    #[test]
    fn a_partial_is_the_whole_segment_and_a_commit_comes_twice() {
        let out = spoken(&mut client(300));
        let kinds: Vec<&str> = out.iter().filter_map(|it| it["message_type"].as_str()).collect();
        let (partial, committed) = ("partial_transcript", "committed_transcript");
        assert_eq!(kinds, [partial, partial, committed, "committed_transcript_with_timestamps"]);
        assert_eq!(out[1]["text"], "[caller speech,");
        assert_eq!((&out[2]["text"], out[3]["words"].as_array().map(Vec::len)), (&out[3]["text"], Some(6)));
    }

    #[test]
    fn the_client_may_commit_but_not_too_often() {
        let mut client = client(NEVER_MS);
        assert_eq!(spoken(&mut client).len(), 2);
        chunk(&mut client, &[], true);
        let out = told(&client.wait(200));
        assert!(out[0]["text"].as_str().is_some_and(|text| text.starts_with("[caller speech, ")));
        assert_eq!(told(&chunk(&mut client, &[], true))[0]["message_type"], "commit_throttled");
        assert!(client.wait(19_000).is_empty());
        assert_eq!(told(&client.wait(2_000))[0]["reason"], "input_timeout_exceeded");
    }
}
