//! Deepgram's Listen v1: segments and utterances; the client finds the turns. Pure.

use serde_json::{Value, json};

use super::caller::{Caller, Ended, Heard, timed};
use crate::tools::rehearsal::cascade::link::{Engine, Idle, Link, Message, Socket, UNTAGGED};
use crate::tools::rehearsal::cascade::query::Query;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::Ids;
use crate::tools::rehearsal::protocol::{Refusal, ServerSession, Visit};
use crate::tools::rehearsal::speech::Language;

/// A stream.
#[derive(Debug)]
pub(in crate::tools::rehearsal::cascade) struct Listen {
    request: String,
    model: String,
    caller: Caller,
    options: Options,
    /// When the running segment began, in audio.
    segment_ms: u64,
    /// Whether audio has come.
    has_audio: bool,
}

/// What the address asks for.
#[derive(Debug, Clone, Copy)]
struct Options {
    /// Whether words are told before they are final.
    interim: bool,
    /// Whether the beginning of speech is told.
    activity: bool,
    /// The gap between words after which an utterance is over, if that is told.
    utterance_end_ms: Option<u64>,
    /// The time that the words of a segment take.
    words_after_ms: u64,
}

/// Opens a stream.
///
/// # Errors
/// The address asks for something that does not exist or does not fit together.
pub(in crate::tools::rehearsal::cascade) fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    let mut ids = Ids::new(visit.seed);
    let request = ids.next("dg");
    let refused = |message: String| refusal("INVALID_QUERY_PARAMETER", &message, &request);
    let query = Query::new(visit.query, &["model", "encoding", "sample_rate"], &KNOWN).map_err(refused)?;
    let format = query.audio().map_err(refused)?;
    let (options, silence_ms) = options(query, visit).map_err(refused)?;
    let language = query.text("language");
    if query.text("model").starts_with("nova-3") && language.starts_with("ml") {
        return Err(refused(format!("no model of this name speaks '{language}'")));
    }
    let caller = Caller::new(format, Language::of(Some(language), ""), silence_ms, visit.memory);
    let model = query.text("model").to_owned();
    let listen = Listen { request, model, caller, options, segment_ms: 0, has_audio: false };
    Ok(Socket::open(listen, None, IDLE, visit))
}

fn options(query: Query<'_>, visit: &Visit<'_>) -> Result<(Options, u32), String> {
    for flag in ["punctuate", "smart_format", "no_delay", "numerals", "filler_words", "diarize", "mip_opt_out"] {
        query.flag(flag)?;
    }
    query.number("channels", 1, &(1..=1))?;
    let interim = query.flag("interim_results")?;
    let has_end = !query.text("utterance_end_ms").is_empty();
    let utterance_end_ms = query.number("utterance_end_ms", 1_000, &(1_000..=5_000))?;
    if has_end && !interim {
        return Err("utterance_end_ms requires interim_results=true".to_owned());
    }
    if !query.text("keyterm").is_empty() && !query.text("model").starts_with("nova-3") {
        return Err("keyterm requires a model that begins with nova-3".to_owned());
    }
    let silence_ms = match query.text("endpointing") {
        "false" => NEVER_MS,
        _ => query.number("endpointing", 10, &(10..=NEVER_MS))?,
    };
    let words_after = visit.options.transcript_after.as_millis() as u64;
    let options = Options {
        interim,
        activity: query.flag("vad_events")?,
        utterance_end_ms: has_end.then_some(utterance_end_ms),
        words_after_ms: visit.misbehaviour.transcripts_after_ms.unwrap_or(words_after),
    };
    Ok((options, silence_ms))
}

/// The refusal of an upgrade.
pub(in crate::tools::rehearsal::cascade) fn refusal(code: &str, message: &str, request: &str) -> Refusal {
    let body = json!({ "err_code": code, "err_msg": message, "request_id": request });
    Refusal { status: 400, reason: Some(("dg-error", message.to_owned())), body: body.to_string() }
}

impl Listen {
    fn heard(&mut self, heard: Heard, link: &mut Link) {
        let has_words = !Misbehaviour::on(link.misbehaviour().no_transcripts);
        match heard {
            Heard::Began { at_ms } => {
                link.forget(UTTERANCE_END, 0);
                self.segment_ms = at_ms;
                if self.options.activity {
                    let timestamp = seconds(at_ms);
                    link.send(json!({"type": "SpeechStarted", "channel": [0, 1], "timestamp": timestamp}));
                }
            }
            Heard::Word { text, is_last } if has_words => {
                // The words that will not change any more are a segment of their own.
                if is_last {
                    let rest = self.results(&text, self.caller.ms(), &["is_final"]);
                    self.segment_ms = self.caller.ms();
                    link.send(rest);
                } else if self.options.interim {
                    link.send(self.results(&text, self.caller.ms(), &[]));
                }
            }
            Heard::Ended(ended) if has_words => {
                self.ended(&ended, &["is_final", "speech_final"], link);
                if let Some(ms) = self.options.utterance_end_ms {
                    let message =
                        json!({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": seconds(ended.to_ms)});
                    let at = link.ms() + self.options.words_after_ms.max(ms);
                    link.send_at(at, UTTERANCE_END, Message::Text(message));
                }
            }
            Heard::Word { .. } | Heard::Ended(_) => {}
        }
    }

    /// The last segment of an utterance.
    fn ended(&mut self, ended: &Ended, flags: &[&str], link: &mut Link) {
        if Misbehaviour::on(link.misbehaviour().fail_transcripts) {
            let error =
                json!({"type": "Error", "variant": "INTERNAL", "description": "the words are lost", "message": ""});
            link.send(error);
            return link.close(1011, "NET-0000 the words are lost");
        }
        let is_noisy = Misbehaviour::on(link.misbehaviour().no_speech_final);
        let flags: Vec<&str> = flags.iter().copied().filter(|flag| !is_noisy || *flag != "speech_final").collect();
        // A segment may be told completely before its utterance ends; then this one has the rest.
        let text = if self.segment_ms == ended.from_ms { &ended.text } else { &ended.rest };
        let message = self.results(text, ended.to_ms, &flags);
        self.segment_ms = ended.to_ms;
        link.send_at(link.ms() + self.options.words_after_ms, UNTAGGED, Message::Text(message));
    }

    fn results(&self, text: &str, to_ms: u64, flags: &[&str]) -> Value {
        let word = |(word, start, end): (&str, f64, f64)| {
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
            json!({"word": bare, "start": start, "end": end, "confidence": 0.99, "punctuated_word": word})
        };
        let words: Vec<Value> = timed(text, self.segment_ms, to_ms).into_iter().map(word).collect();
        let flag = |name: &str| flags.contains(&name);
        json!({
            "type": "Results", "channel_index": [0, 1],
            "duration": seconds(to_ms.saturating_sub(self.segment_ms)), "start": seconds(self.segment_ms),
            "is_final": flag("is_final"), "speech_final": flag("speech_final"), "from_finalize": flag("from_finalize"),
            "channel": {"alternatives": [{"transcript": text, "confidence": 0.98, "words": words}]},
            "metadata": {"request_id": self.request, "model_info": {"name": self.model}},
        })
    }

    /// Sends what is left, and closes.
    fn close(&mut self, link: &mut Link) {
        if let Some(ended) = self.caller.finish() {
            self.ended(&ended, &["is_final", "speech_final"], link);
        }
        let at = link.ms() + self.options.words_after_ms;
        let metadata = json!({
            "type": "Metadata", "transaction_key": "deprecated", "request_id": self.request,
            "duration": seconds(self.caller.ms()), "channels": 1,
        });
        link.send_at(at, UNTAGGED, Message::Text(metadata));
        link.close_at(at, 1000, "");
    }
}

impl Engine for Listen {
    fn hear_text(&mut self, text: &str, link: &mut Link) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        match message["type"].as_str() {
            // Alone it does not save a stream that never got audio.
            Some("KeepAlive") if self.has_audio => link.touch(),
            Some("KeepAlive") => {}
            Some("Finalize") => {
                if let Some(ended) = self.caller.finish() {
                    self.ended(&ended, &["is_final", "speech_final", "from_finalize"], link);
                }
            }
            Some("CloseStream") => self.close(link),
            Some("Configure") if self.model.starts_with("nova-3") => {
                let keyterms = &message["keyterms"];
                link.send(json!({"type": "ConfigureSuccess", "request_id": self.request, "keyterms": keyterms}));
            }
            Some("Configure") => {
                link.send(json!({"type": "ConfigureFailure", "code": "CONFIGURE_KEYTERMS_NOT_SUPPORTED"}));
            }
            _ => {
                let description = "could not parse message";
                link.send(
                    json!({"type": "Error", "variant": "SchemaError", "description": description, "message": text}),
                );
                link.close(1008, "DATA-0000 could not parse message");
            }
        }
    }

    fn hear_binary(&mut self, bytes: &[u8], link: &mut Link) {
        if bytes.is_empty() {
            return self.close(link);
        }
        if bytes.starts_with(b"RIFF") {
            return link.close(1008, "DATA-0000 the payload has a header, expected raw audio");
        }
        self.has_audio = true;
        link.touch();
        for heard in self.caller.hear(bytes) {
            self.heard(heard, link);
        }
    }
}

pub(super) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// The tag of the end of an utterance, which a later beginning takes back.
const UTTERANCE_END: u64 = 1;
/// The silence that never comes.
const NEVER_MS: u32 = 600_000;
const IDLE: Idle = Idle {
    after: std::time::Duration::from_secs(10),
    code: 1011,
    reason: "NET-0001 neither audio data nor a text message came within 10 s",
};
const KNOWN: [&str; 25] = [
    "language",
    "language_hint",
    "channels",
    "multichannel",
    "interim_results",
    "endpointing",
    "utterance_end_ms",
    "vad_events",
    "punctuate",
    "smart_format",
    "no_delay",
    "numerals",
    "keyterm",
    "keywords",
    "filler_words",
    "profanity_filter",
    "redact",
    "diarize",
    "detect_entities",
    "replace",
    "search",
    "mip_opt_out",
    "tag",
    "extra",
    "version",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::rehearsal::cascade::link::testing::{Client, told};
    use crate::tools::rehearsal::memory::Memory;
    use crate::tools::rehearsal::sound::Format;

    fn client(rehearse: &str) -> Client<Listen> {
        let options = Options { interim: true, activity: true, utterance_end_ms: Some(1_000), words_after_ms: 250 };
        let caller = Caller::new(Format::MuLaw, Language::of(None, ""), 300, &Memory::default());
        let (request, model) = ("r".to_owned(), "nova-3".to_owned());
        let listen = Listen { request, model, caller, options, segment_ms: 0, has_audio: false };
        Client::new(listen, IDLE, rehearse)
    }

    fn spoken(client: &mut Client<Listen>, ms: u64, silence_ms: u64) -> Vec<Value> {
        let mut out = client.speak(1_000, 0xFF, Client::binary);
        out.extend(client.speak(ms, 0x20, Client::binary));
        out.extend(client.speak(silence_ms, 0xFF, Client::binary));
        told(&out)
    }

    fn word(message: &Value) -> String {
        let kind = message["type"].as_str().unwrap_or("close").to_owned();
        let flag = |name: &str| if message[name] == true { format!(" {name}") } else { String::new() };
        let text = message["channel"]["alternatives"][0]["transcript"].as_str().unwrap_or_default();
        format!("{kind}{}{} {text}", flag("is_final"), flag("speech_final")).trim_end().to_owned()
    }

    #[test]
    fn a_turn_is_two_segments_and_its_utterance_ends_twice() {
        let words: Vec<String> = spoken(&mut client(""), 1_000, 2_000).iter().map(word).collect();
        assert_eq!(
            words,
            [
                "SpeechStarted",
                "Results [caller",
                "Results is_final [caller speech,",
                "Results is_final speech_final 1.2 s] some words",
                "UtteranceEnd",
            ]
        );
    }

    #[test]
    fn noise_keeps_the_end_of_speech_away_but_not_that_of_the_utterance() {
        let words: Vec<String> = spoken(&mut client("no_speech_final:1"), 1_000, 2_000).iter().map(word).collect();
        assert_eq!(words[3..], ["Results is_final 1.2 s] some words", "UtteranceEnd"]);
        assert_eq!(spoken(&mut client("no_transcripts:1"), 1_000, 2_000).len(), 1);
    }

    #[test]
    fn a_stream_is_closed_without_audio_whatever_else_comes() {
        let alive = json!({"type": "KeepAlive"});
        let mut never = client("");
        never.wait(9_000);
        never.text(&alive);
        assert_eq!(told(&never.wait(1_500))[0]["close"], 1011);
        let mut used = client("");
        used.binary(&[0xFF; 160]);
        for _ in 0..5 {
            assert!(used.wait(9_000).is_empty());
            used.text(&alive);
        }
        assert_eq!(told(&used.wait(10_000))[0]["close"], 1011);
    }

    #[test]
    fn an_empty_message_ends_the_stream_and_a_header_is_refused() {
        let mut ended = client("");
        spoken(&mut ended, 1_000, 0);
        assert!(ended.binary(&[]).is_empty());
        let out = told(&ended.wait(300));
        assert_eq!(out.iter().map(word).collect::<Vec<_>>()[1..], ["Metadata", "close"]);
        assert_eq!(told(&client("").binary(b"RIFF____WAVEfmt "))[0]["close"], 1008);
        assert_eq!(told(&client("").text(&json!({"type": "Listen"})))[1]["close"], 1008);
    }

    #[test]
    fn what_is_buffered_is_finalised_on_request() {
        let mut client = client("");
        assert!(client.text(&json!({"type": "Finalize"})).is_empty() && client.wait(300).is_empty());
        spoken(&mut client, 300, 0);
        client.text(&json!({"type": "Finalize"}));
        let out = told(&client.wait(300));
        assert_eq!((out.len(), &out[0]["from_finalize"]), (1, &json!(true)));
    }
}
