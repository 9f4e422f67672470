//! Tests of the dialects: a conversation in each, in the shapes of its server. The scripts are in
//! `actors/tests/vectors/dialects`; each has a greeting, an answer, an interruption, a tool call and
//! a goodbye.
//!
//! | a line begins with | and is |
//! |---|---|
//! | `#` | a comment |
//! | `<` | an event of the server |
//! | `!` | an order of the call, or time that passes |
//! | `>` | the next event that was sent, without its id |
//! | `=` | something that is reported, in this order; other reports may stand between |

use super::*;
use crate::realtime::openai::dialects::Dialect;
use crate::realtime::plan::Transcription;

const SCRIPTS: [(&str, &str); 6] = [
    ("openai", include_str!("../../../../../tests/vectors/dialects/openai.txt")),
    ("partial", include_str!("../../../../../tests/vectors/dialects/partial.txt")),
    ("beta", include_str!("../../../../../tests/vectors/dialects/beta.txt")),
    ("xai", include_str!("../../../../../tests/vectors/dialects/xai.txt")),
    ("azure_voice_live", include_str!("../../../../../tests/vectors/dialects/azure_voice_live.txt")),
    ("inworld", include_str!("../../../../../tests/vectors/dialects/inworld.txt")),
];

/// A session of a dialect while its script is played.
struct Stage {
    harness: Harness,
    sent: VecDeque<Value>,
    reported: VecDeque<String>,
}

#[test]
fn a_conversation_in_every_dialect() {
    for (word, script) in SCRIPTS {
        let mut stage = Stage::of(Dialect::named(word).expect("a dialect"));
        for (number, line) in script.lines().enumerate() {
            let Some((mark, rest)) = line.split_at_checked(1).filter(|(mark, _)| *mark != "#") else { continue };
            stage.play(mark, rest.trim(), &format!("{word}.txt:{}", number + 1));
        }
        stage.settled(word);
    }
}

#[test]
fn every_script_has_the_whole_conversation() {
    for (word, script) in SCRIPTS {
        for needed in
            ["= ready", "! say greeting", "= speech ", "= stopped ", "= called ", "! answer ", "! say goodbye"]
        {
            assert!(script.contains(needed), "{word} lacks `{needed}`");
        }
        assert!(script.contains("! cut ") && script.trim_end().ends_with("= closed"), "{word}");
    }
}

impl Stage {
    fn of(dialect: &'static Dialect) -> Self {
        let mut common = sample::common();
        common.tools = vec![ToolSpec { parameters: json!({"type": "object"}), ..tool("end_call") }];
        common.transcription = Some(Transcription {
            model: "gpt-live-transcribe".to_owned(),
            language: Some("hi".to_owned()),
            keywords: vec!["Kothrud".to_owned()],
            ..Transcription::default()
        });
        let plan = OpenAiPlan {
            dialect,
            format: AudioFormat::MULAW_8K,
            turn_detection: dialect.nearest(&sample::openai().turn_detection),
            ..sample::openai()
        };
        let mut harness = Harness::of(common, plan);
        harness.on(SessionEvent::Opened);
        Self { harness, sent: VecDeque::new(), reported: VecDeque::new() }
    }

    fn play(&mut self, mark: &str, rest: &str, place: &str) {
        match mark {
            "<" => {
                self.settled(place);
                let event: Value = serde_json::from_str(rest).unwrap_or_else(|error| panic!("{place}: {error}"));
                let seen = self.harness.hear(event);
                self.see(seen);
            }
            "!" => {
                self.settled(place);
                self.order(rest, place);
            }
            ">" => {
                let expected: Value = serde_json::from_str(rest).unwrap_or_else(|error| panic!("{place}: {error}"));
                let sent = self.sent.pop_front().unwrap_or_else(|| panic!("{place}: nothing was sent"));
                assert_eq!(sent, expected, "{place}: sent {sent}");
            }
            "=" => {
                let found = self.reported.iter().position(|report| report == rest);
                let found = found.unwrap_or_else(|| panic!("{place}: reported {:?}", self.reported));
                self.reported.drain(..=found);
            }
            other => panic!("{place}: {other} is no mark"),
        }
    }

    fn order(&mut self, order: &str, place: &str) {
        let words: Vec<&str> = order.splitn(3, ' ').collect();
        let order = match words[..] {
            ["wait", milliseconds] => {
                self.harness.now += Duration::from_millis(milliseconds.parse().expect("a number"));
                return;
            }
            ["say", purpose, instructions] => {
                let purpose = match purpose {
                    "greeting" => ResponsePurpose::Greeting,
                    "goodbye" => ResponsePurpose::Goodbye,
                    other => panic!("{place}: {other}"),
                };
                request(purpose, Some(instructions))
            }
            ["cut", id, milliseconds] => {
                let heard = Duration::from_millis(milliseconds.parse().expect("a number"));
                ModelOrder::TruncateItem { item: item(id), heard }
            }
            ["answer", call, output] => {
                ModelOrder::AnswerTool { call: ToolCallId::new(call), output: output.to_owned(), speak: true }
            }
            ["close"] => ModelOrder::Close,
            _ => panic!("{place}: {order} is no order"),
        };
        let seen = self.harness.order(order);
        self.see(seen);
    }

    /// Nothing was sent beside what the script expects.
    fn settled(&mut self, place: &str) {
        assert!(self.sent.is_empty(), "{place}: sent beside: {:?}", self.sent);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others print as they are")]
    fn see(&mut self, seen: Seen) {
        assert_eq!(seen.lost, None);
        self.sent.extend(seen.sent.into_iter().map(|mut event| {
            event.as_object_mut().expect("an object").remove("event_id");
            event
        }));
        let reports = seen.reports.iter().map(|report| match report {
            ModelReport::Ready { .. } => "ready".to_owned(),
            ModelReport::SpeechStarted { item } => format!("speech {item}"),
            ModelReport::SpeechStopped { item } => format!("stopped {item}"),
            ModelReport::ResponseStarted { response } => format!("started {response}"),
            ModelReport::ResponseFinished { response, usage: Some(_), .. } => format!("finished {response}, charged"),
            ModelReport::ResponseFinished { response, usage: None, .. } => format!("finished {response}"),
            ModelReport::CallerWords { text, last: false, .. } => format!("hears {}", text.expose()),
            ModelReport::CallerWords { text, last: true, .. } => format!("heard {}", text.expose()),
            ModelReport::ToolCalled(call) => format!("called {} {}", call.name, call.arguments),
            ModelReport::Used(usage) => format!("used {} ms", usage.session_ms),
            ModelReport::Complained { code, .. } => format!("complained {code}"),
            other => format!("{other:?}"),
        });
        let words = seen.words.iter().map(|words| match words {
            Words::Placed { item, previous, .. } => {
                format!("placed {item} after {}", previous.as_ref().map_or("nothing", ItemId::as_str))
            }
            Words::CallerSaid { text, .. } => format!("caller said {}", text.as_deref().unwrap_or("nothing")),
            Words::AgentSaid { text, .. } => format!("agent said {text}"),
            other => format!("{other:?}"),
        });
        let audio = seen.audio.iter().map(|(response, item, audio)| format!("audio {response} {item} {}", audio.len()));
        let complete = seen.complete.iter().map(|item| format!("complete {item}"));
        self.reported.extend(reports.chain(words).chain(audio).chain(complete));
        if seen.closed {
            self.reported.push_back("closed".to_owned());
        }
    }
}
