//! Sarvam's Bulbul: no names, no cancel, no times. Pure.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::speaker::{Speaker, Timeline};
use crate::tools::rehearsal::cascade::ears::sarvam::refusal;
use crate::tools::rehearsal::cascade::link::{Engine, Idle, Link, Message, Socket, UNTAGGED};
use crate::tools::rehearsal::cascade::query::{Query, format};
use crate::tools::rehearsal::memory::Memory;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::Ids;
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::protocol::{Refusal, ServerSession, Visit};
use crate::tools::rehearsal::schema::Rule::{Int, Number, Object, Text, Word};
use crate::tools::rehearsal::schema::{self, Rule, may, must};
use crate::tools::rehearsal::speech::Language;

/// A socket.
#[derive(Debug)]
pub(in crate::tools::rehearsal::cascade) struct Sarvam {
    request: String,
    pace: Pace,
    misbehaviour: Rc<Misbehaviour>,
    memory: Memory,
    /// Whether the end of an answer is told.
    tells_end: bool,
    /// The voice, and the name of its codec, once they are known.
    speaker: Option<(Speaker, String)>,
    timeline: Timeline,
    buffer: String,
}

/// Opens a socket.
///
/// # Errors
/// The address asks for something that does not exist.
pub(in crate::tools::rehearsal::cascade) fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    let refused = |message: String| refusal(400, "invalid_request_error", &message);
    let query = Query::new(visit.query, &[], &["model", "send_completion_event"]).map_err(refused)?;
    let model = query.text("model");
    if !["", "bulbul:v2", "bulbul:v3", "bulbul:v4-flash"].contains(&model) {
        return Err(refused(format!("model: there is no '{model}'")));
    }
    let tells_end = query.flag("send_completion_event").map_err(refused)?;
    let request = Ids::new(visit.seed).next("sv");
    let sarvam = Sarvam::new(request, Pace::of(visit.options), Rc::clone(&visit.misbehaviour), tells_end);
    let sarvam = Sarvam { memory: visit.memory.clone(), ..sarvam };
    Ok(Socket::open(sarvam, None, IDLE, visit))
}

impl Sarvam {
    fn new(request: String, pace: Pace, misbehaviour: Rc<Misbehaviour>, tells_end: bool) -> Self {
        let (timeline, buffer) = (Timeline::default(), String::new());
        Self { request, pace, misbehaviour, memory: Memory::default(), tells_end, speaker: None, timeline, buffer }
    }

    fn handle(&mut self, message: &Value, link: &mut Link) -> Result<(), String> {
        let data = &message["data"];
        match message["type"].as_str() {
            Some("config") => self.configure(data),
            Some("ping") => Ok(()),
            Some(_) if self.speaker.is_none() => Err("the first message is no config".to_owned()),
            Some("text") => {
                let text = data["text"].as_str().filter(|text| !text.trim().is_empty()).ok_or("text is missing")?;
                if text.chars().count() > LONGEST_TEXT {
                    return Err(format!("text: more than {LONGEST_TEXT} characters"));
                }
                self.buffer.push_str(text);
                if self.buffer.chars().count() >= BUFFERED {
                    self.say(link);
                }
                Ok(())
            }
            Some("flush") => {
                self.say(link);
                self.timeline.said_ms = 0.0;
                if self.tells_end {
                    let end = json!({"type": "event", "data": {"event_type": "final"}});
                    link.send_at(Speaker::end_ms(&self.timeline, link.ms()), UNTAGGED, Message::Text(end));
                }
                Ok(())
            }
            _ => Err("there is no such message".to_owned()),
        }
    }

    fn configure(&mut self, data: &Value) -> Result<(), String> {
        schema::check(data, &CONFIG, "data").map_err(|fault| fault.message)?;
        let code = data["language_code"].as_str().or(data["target_language_code"].as_str());
        let code = code.filter(|code| code.ends_with("-IN")).ok_or("language_code: expected one such as hi-IN")?;
        let rate = data["speech_sample_rate"].as_u64().unwrap_or(22_050);
        let codec = data["output_audio_codec"].as_str().unwrap_or("mp3");
        let format = format(codec, rate).ok_or_else(|| format!("{codec} at {rate} Hz is not supported"))?;
        let speaker =
            Speaker::at(format, Some(Language::of(Some(code), "")), self.pace, &self.misbehaviour, &self.memory);
        self.speaker = Some((speaker, codec.to_owned()));
        Ok(())
    }

    fn say(&mut self, link: &mut Link) {
        let text = std::mem::take(&mut self.buffer);
        let Some((speaker, codec)) = self.speaker.as_ref().filter(|_| !text.trim().is_empty()) else { return };
        let (pieces, _) = speaker.say(&text, link.ms(), &mut self.timeline);
        for piece in pieces {
            let audio = base64_simd::STANDARD.encode_to_string(&piece.audio);
            let data = json!({"content_type": format!("audio/{codec}"), "audio": audio, "request_id": self.request});
            link.send_at(piece.at_ms, UNTAGGED, Message::Text(json!({"type": "audio", "data": data})));
        }
    }
}

impl Engine for Sarvam {
    fn hear_text(&mut self, text: &str, link: &mut Link) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        link.touch();
        if let Err(problem) = self.handle(&message, link) {
            link.send(json!({"type": "error", "data": {"message": problem, "code": 422}}));
            link.close(1003, "invalid_request_error");
        }
    }

    fn hear_binary(&mut self, _: &[u8], link: &mut Link) {
        link.close(1003, "expected a text message");
    }
}

const TEXT: Rule = Text(usize::MAX);
const CONFIG: Rule = Object(&[
    may("model", TEXT),
    may("language_code", TEXT),
    may("target_language_code", TEXT),
    must("speaker", TEXT),
    may("pace", Number(0.3, 3.0)),
    may("temperature", Number(0.01, 2.0)),
    may("speech_sample_rate", Int(8_000, 48_000)),
    may("output_audio_codec", Word(&["linear16", "mulaw", "alaw", "opus", "flac", "aac", "wav", "mp3"])),
    may("min_buffer_size", Int(30, 200)),
    may("max_chunk_length", Int(50, 500)),
    may("dict_id", TEXT),
]);
const LONGEST_TEXT: usize = 2_500;
/// Text that is said without being asked for, in characters.
const BUFFERED: usize = 50;
const IDLE: Idle = Idle { after: Duration::from_secs(60), code: 1008, reason: "inactivity" };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::rehearsal::cascade::link::testing::{Client, told};
    use crate::tools::rehearsal::server::RehearsalOptions;

    fn client() -> Client<Sarvam> {
        let pace = Pace::of(&RehearsalOptions::default());
        Client::new(Sarvam::new("r".to_owned(), pace, Rc::default(), true), IDLE, "")
    }

    fn config() -> Value {
        json!({"type": "config", "data": {
            "model": "bulbul:v3", "language_code": "hi-IN", "target_language_code": "hi-IN", "speaker": "ritu",
            "speech_sample_rate": 8_000, "output_audio_codec": "mulaw", "min_buffer_size": 50, "max_chunk_length": 150,
        }})
    }

    #[test]
    fn an_answer_ends_behind_its_audio() {
        let mut client = client();
        client.text(&config());
        client.text(&json!({"type": "text", "data": {"text": "ठीक है। "}}));
        assert!(client.wait(1_000).is_empty());
        client.text(&json!({"type": "flush"}));
        let out = told(&client.wait(1_000));
        let (last, audio) = out.split_last().expect("an end");
        assert!(audio.iter().all(|it| it["data"]["content_type"] == "audio/mulaw") && audio.len() > 1);
        assert_eq!(last["data"]["event_type"], "final");
    }

    #[test]
    fn text_before_the_configuration_and_a_wrong_one_are_refused() {
        let mut early = client();
        assert_eq!(told(&early.text(&json!({"type": "text", "data": {"text": "x"}})))[0]["type"], "error");
        let mut wrong = config();
        wrong["data"]["voice"] = json!("x");
        assert_eq!(told(&client().text(&wrong))[1]["close"], 1003);
        let mut idle = client();
        idle.text(&config());
        assert_eq!(told(&idle.wait(61_000))[0]["reason"], "inactivity");
    }
}
