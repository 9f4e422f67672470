//! A server of the Gemini Live API: one run after the other, without ids. It answers in binary
//! messages, generates five times faster than the phone plays, and believes that what it generated
//! is played in real time.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Base, Deed, Known, Message, Noticed, Server, base64, from_base64, ms, words_for, words_within};

pub(crate) struct Gemini {
    base: Base,
    configured: bool,
    /// Whether the next texts are the conversation so far.
    history_follows: bool,
    manual: bool,
    run: Option<Run>,
    /// The calls that are unanswered.
    calls: Vec<String>,
    answered: Vec<String>,
    handles: u64,
}

/// What the server generates, or believes to be played.
struct Run {
    name: String,
    ends: Instant,
}

impl Gemini {
    pub(crate) fn new(base: Base) -> Self {
        let (calls, answered) = (Vec::new(), Vec::new());
        Self { base, configured: false, history_follows: false, manual: false, run: None, calls, answered, handles: 0 }
    }

    fn binary(&mut self, at: Instant, message: &Value, of: Option<&str>) {
        self.base.schedule(at, Message::Binary(message.to_string().into_bytes()), of, 0);
    }

    fn setup(&mut self, setup: &Value, now: Instant) {
        if self.configured {
            self.base.is_wrong("a second setup");
        }
        self.configured = true;
        let prompt = setup["systemInstruction"]["parts"][0]["text"].as_str().unwrap_or_default();
        self.base.knows.push(Known::Prompt(prompt.to_owned()));
        self.history_follows = setup["historyConfig"]["initialHistoryInClientContent"] == true;
        self.manual = setup["realtimeInputConfig"]["automaticActivityDetection"]["disabled"] == true;
        if !setup["sessionResumption"]["handle"].is_null() {
            let handle = setup["sessionResumption"]["handle"].to_string();
            self.base.knows.push(Known::Text("resumed".to_owned(), handle));
        }
        self.binary(now + ms(50), &json!({"setupComplete": {"sessionId": "gemini_1"}}), None);
    }

    fn content(&mut self, content: &Value, now: Instant) {
        let is_history = std::mem::take(&mut self.history_follows);
        let answers = content["turnComplete"] == true && !is_history;
        let turns = content["turns"].as_array().cloned().unwrap_or_default();
        for (at, turn) in turns.iter().enumerate() {
            let role = turn["role"].as_str().unwrap_or_default().to_owned();
            if !["user", "model"].contains(&role.as_str()) {
                self.base.is_wrong(format!("a turn of {role:?}"));
            }
            let text = turn["parts"][0]["text"].as_str().unwrap_or_default().to_owned();
            let is_order = answers && at + 1 == turns.len();
            self.base.knows.push(if is_order { Known::Asked(text) } else { Known::Text(role, text) });
        }
        if is_history {
            return;
        }
        // A text stops what is generated, always.
        self.interrupt(now);
        if answers {
            let order = turns.last().and_then(|turn| turn["parts"][0]["text"].as_str()).unwrap_or_default();
            self.say(&words_for(order), now + ms(250));
        }
    }

    fn realtime(&mut self, input: &Value, now: Instant) {
        let fields = input.as_object().map_or(0, serde_json::Map::len);
        if fields != 1 {
            self.base.is_wrong(format!("{fields} fields in one realtimeInput"));
        }
        if let Some(text) = input["text"].as_str() {
            self.base.knows.push(Known::Asked(text.to_owned()));
            self.interrupt(now);
            return self.say(&words_for(text), now + ms(250));
        }
        if input["activityStart"].is_object() {
            return self.interrupt(now);
        }
        if input["activityEnd"].is_object() || input["audioStreamEnd"] == true {
            if self.manual || self.base.ears.turn_from.is_some() {
                self.base.ears.forget();
                self.turn_ended(now);
            }
            return;
        }
        let audio = from_base64(&input["audio"]["data"]);
        match self.base.ears.hear(&audio) {
            Some(Noticed::Began) if !self.manual => self.interrupt(now),
            Some(Noticed::Ended) if !self.manual => self.turn_ended(now),
            _ => {}
        }
    }

    fn turn_ended(&mut self, now: Instant) {
        let words = self.base.caller_words();
        self.base.knows.push(Known::Text("user".to_owned(), words.clone()));
        let heard = json!({"serverContent": {"inputTranscription": {"text": format!(" {words}"), "finished": true}}});
        self.binary(now + ms(50), &heard, None);
        match self.base.deed() {
            Deed::Says(words) => self.say(&words, now + ms(300)),
            Deed::Calls(name, arguments) => self.call(name, &arguments, now + ms(300)),
            Deed::Nothing => {}
        }
    }

    /// Begins a run with these words.
    fn say(&mut self, words: &str, at: Instant) {
        let name = format!("run_{}", self.base.next_number());
        let of = Some(name.as_str());
        let length = self.base.says(words);
        let (begins, mut at, mut left, mut written) = (at, at, length, 0);
        while left > 0 {
            let piece = left.min(200);
            let part =
                json!({"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": base64(&self.base.voice(piece))}});
            let turn = json!({"serverContent": {"modelTurn": {"role": "model", "parts": [part]}}});
            self.binary(at, &turn, of);
            // The words are a little ahead of their audio.
            let spoken = words_within(words, length - left + piece + 200);
            let transcript = json!({"serverContent": {"outputTranscription": {"text": &words[written..spoken]}}});
            self.binary(at, &transcript, of);
            written = spoken;
            left -= piece;
            at += ms(piece / 5);
        }
        self.binary(at, &json!({"serverContent": {"generationComplete": true}}), of);
        let ends = begins + ms(length);
        self.turn_complete(ends, of, length);
        self.run = Some(Run { name, ends });
    }

    fn turn_complete(&mut self, at: Instant, of: Option<&str>, length: u64) {
        let audio = length / 40;
        let usage = json!({"promptTokenCount": 120, "responseTokenCount": audio, "totalTokenCount": 120 + audio,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 100}, {"modality": "AUDIO", "tokenCount": 20}],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": audio}]});
        self.binary(at, &json!({"serverContent": {"turnComplete": true}, "usageMetadata": usage}), of);
        self.handles += 1;
        let update = json!({"newHandle": format!("handle_{}", self.handles), "resumable": true});
        self.binary(at, &json!({"sessionResumptionUpdate": update}), of);
    }

    fn call(&mut self, name: &str, arguments: &Value, at: Instant) {
        let id = self.base.next_call();
        let times = if self.base.mind.borrow().repeats_calls { 2 } else { 1 };
        for _ in 0..times {
            let call = json!({"functionCalls": [{"id": id, "name": name, "args": arguments}]});
            self.binary(at, &json!({"toolCall": call}), None);
        }
        self.calls.push(id);
        self.turn_complete(at + ms(100), None, 0);
    }

    fn interrupt(&mut self, now: Instant) {
        // Calls that wait for their results are taken back.
        let Some(run) = self.run.take().filter(|run| run.ends > now) else { return };
        self.base.take_back(&run.name);
        self.binary(now, &json!({"serverContent": {"interrupted": true}}), None);
        self.turn_complete(now, None, 0);
    }

    fn result(&mut self, response: &Value, now: Instant) {
        let id = response["id"].as_str().unwrap_or_default().to_owned();
        if self.answered.contains(&id) || !self.calls.contains(&id) {
            self.base.is_wrong(format!("{id:?} is unknown or was answered before"));
        }
        if !response["response"].is_object() {
            self.base.is_wrong("a result that is no object");
        }
        self.base.knows.push(Known::Result(id.clone(), response["response"].to_string()));
        self.answered.push(id);
        if response["scheduling"] != "SILENT" && self.run.as_ref().is_none_or(|run| run.ends <= now) {
            self.say(RESULT, now + ms(300));
        }
    }
}

impl Server for Gemini {
    fn opened(&mut self, _: Instant) {}

    fn hear(&mut self, message: &Value, now: Instant) {
        let fields: Vec<&String> = message.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
        if fields.len() != 1 {
            self.base.is_wrong(format!("fields {fields:?} in one message"));
        }
        if !self.configured && message["setup"].is_null() {
            self.base.is_wrong(format!("{fields:?} came before the setup"));
        }
        if message["setup"].is_object() {
            self.setup(&message["setup"], now);
        } else if message["clientContent"].is_object() {
            self.content(&message["clientContent"], now);
        } else if message["realtimeInput"].is_object() {
            self.realtime(&message["realtimeInput"], now);
        } else if let Some(results) = message["toolResponse"]["functionResponses"].as_array() {
            for result in results {
                self.result(result, now);
            }
        } else if message["contextUpdate"].is_object() {
            if let Some(prompt) = message["contextUpdate"]["systemInstruction"]["parts"][0]["text"].as_str() {
                self.base.knows.push(Known::Prompt(prompt.to_owned()));
            }
        } else {
            self.base.is_wrong(format!("no such message: {fields:?}"));
        }
    }

    fn ends_in(&mut self, left: Duration, now: Instant) {
        self.binary(now, &json!({"goAway": {"timeLeft": format!("{}s", left.as_secs_f64())}}), None);
    }

    fn garbage(&self) -> Vec<Message> {
        let long = "x".repeat(5_000_000);
        let texts = [
            "{".to_owned(),
            "null".to_owned(),
            json!({"serverContent": 7}).to_string(),
            json!({"serverContent": {"modelTurn": {"parts": [{"text": long}]}}}).to_string(),
            json!({"noSuchMessage": long}).to_string(),
            json!({"toolCall": {"functionCalls": [{"args": 3}]}}).to_string(),
            json!({"usageMetadata": {"promptTokenCount": -4}}).to_string(),
        ];
        let binary = texts.clone().into_iter().map(|text| Message::Binary(text.into_bytes()));
        texts.into_iter().map(Message::Text).chain(binary).chain([Message::Binary(vec![0xFF; 64])]).collect()
    }

    fn base(&mut self) -> &mut Base {
        &mut self.base
    }
}

/// What the model says to a result.
pub(crate) const RESULT: &str = "I have found it for you.";
