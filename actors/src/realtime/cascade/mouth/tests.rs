use MouthAction as A;
use url::Url;

use super::super::text::{Answer, Limits};
use super::*;
use crate::clock;
use crate::realtime::cascade::failure::Head;
use crate::realtime::cascade::text::Piece;
use crate::realtime::cascade::voice::VoiceKind;

const CONTENT: &str = "Yes, of course. Your table is booked for eight o'clock. See you then, and thank you.";

struct Rig {
    mouth: Mouth,
    now: Instant,
    out: Vec<A>,
}

fn plan(name: &str) -> VoicePlan {
    VoicePlan {
        url: Url::parse("http://127.0.0.1:9").expect("a URL"),
        model: name.into(),
        voice: name.into(),
        language: "en".into(),
        format: AudioFormat::MULAW_8K,
        instructions: None,
    }
}

fn socket(kind: VoiceKind) -> VoiceEngine {
    VoiceEngine::Socket { kind, plan: plan("a") }
}

fn requests(name: &str) -> VoiceEngine {
    VoiceEngine::Requests { plan: plan(name), response_format: "pcm".into() }
}

fn pieces() -> Vec<Piece> {
    let (mut answer, mut pieces) = (Answer::new("en", Limits::default()), Vec::new());
    answer.push(CONTENT, &mut pieces);
    answer.finish(&mut pieces);
    assert_eq!(pieces.len(), 3);
    pieces
}

const OK: Head<'_> =
    Head { status: 200, content_type: "audio/pcm", retry_after_ms: None, retry_after: None, error: None };

impl Rig {
    fn new(engines: Vec<VoiceEngine>) -> Self {
        let format = match engines[0] {
            VoiceEngine::Socket { .. } => AudioFormat::MULAW_8K,
            VoiceEngine::Requests { .. } => AudioFormat::PCM_24K,
        };
        Self { mouth: Mouth::new(engines, format), now: clock::now(), out: Vec::new() }
    }

    fn say(&mut self, utterance: u64, from: usize, to: usize) {
        for piece in pieces().drain(from..to) {
            self.mouth.say(utterance, piece, self.now, &mut self.out);
        }
    }

    fn end(&mut self, utterance: u64) {
        self.mouth.end(utterance, self.now, &mut self.out);
    }

    fn socket(&mut self, event: SocketEvent<'_>) {
        self.mouth.socket(event, self.now, &mut self.out);
    }

    fn request(&mut self, number: u64, event: RequestEvent<'_>) {
        self.mouth.request(number, event, self.now, &mut self.out);
    }

    /// Answers a request with so much audio, to its end.
    fn sound(&mut self, number: u64, ms: usize) {
        self.request(number, RequestEvent::Head(OK, ""));
        self.request(number, RequestEvent::Bytes(&vec![0; ms * 48]));
        self.request(number, RequestEvent::End);
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(at) = self.mouth.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.mouth.deadline_passed(at, &mut self.out);
        }
        self.now = end;
    }

    /// What followed, in short.
    fn took(&mut self) -> Vec<String> {
        let word = |action: A| match action {
            A::Open { engine } => format!("open {engine}"),
            A::Close => "close".into(),
            A::Send(text) => {
                let message: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                let said = [&message["text"], &message["transcript"], &message["data"]["text"], &message["type"]];
                said.into_iter().find_map(|it| it.as_str()).unwrap_or("control").trim().to_owned()
            }
            A::Request { number, engine, request } => {
                format!("ask {number} of {engine}: {}", request.body["input"].as_str().unwrap_or_default())
            }
            A::Abort { number } => format!("abort {number}"),
            A::Audio { utterance, .. } => format!("audio {utterance}"),
            A::Timed { words, .. } => {
                let words = words.iter().map(|it| format!("{}-{} at {}", it.before, it.until, it.span.from_ms));
                format!("timed {}", words.collect::<Vec<_>>().join(", "))
            }
            A::Complete { utterance } => format!("complete {utterance}"),
            A::Complained { code, .. } => code,
            A::TookOver { engine, .. } => format!("took over {engine}"),
            A::Lost(_) => "lost".into(),
        };
        std::mem::take(&mut self.out).into_iter().map(word).collect()
    }

    fn heard(&self, utterance: u64, ms: u64) -> &'static str {
        &CONTENT[..self.mouth.heard_content(utterance, Duration::from_millis(ms)).expect("a known answer")]
    }
}

#[test]
fn each_piece_is_a_request_and_its_length_is_known() {
    let mut rig = Rig::new(vec![requests("a")]);
    rig.say(1, 0, 3);
    assert_eq!(rig.took(), ["ask 1 of 0: Yes, of course."]);
    rig.end(1);
    rig.sound(1, 1000);
    assert_eq!(rig.took(), ["audio 1", "ask 2 of 0: Your table is booked for eight o'clock."]);
    rig.sound(2, 2000);
    rig.sound(3, 2000);
    let expected = ["audio 1", "ask 3 of 0: See you then, and thank you.", "audio 1", "complete 1"];
    assert_eq!(rig.took(), expected);
    assert_eq!(rig.heard(1, 1000), "Yes, of course.");
    assert_eq!(rig.heard(1, 2000), "Yes, of course. Your table is");
    assert_eq!(rig.heard(1, 5000), CONTENT);
    assert_eq!(rig.mouth.take_characters(), CONTENT.chars().count() as u64 - 2);
    assert_eq!(rig.mouth.take_characters(), 0);
}

#[test]
fn a_cancelled_answer_is_aborted_and_its_late_audio_dropped() {
    let mut rig = Rig::new(vec![requests("a")]);
    rig.say(1, 0, 2);
    rig.request(1, RequestEvent::Head(OK, ""));
    rig.request(1, RequestEvent::Bytes(&[0; 48_000]));
    rig.mouth.cancel(rig.now, &mut rig.out);
    assert_eq!(rig.took(), ["ask 1 of 0: Yes, of course.", "audio 1", "abort 1"]);
    rig.request(1, RequestEvent::Bytes(&[0; 4800]));
    rig.request(1, RequestEvent::End);
    rig.end(1);
    assert_eq!(rig.took(), Vec::<String>::new());
    assert_eq!(rig.heard(1, 500), "Yes, of");
    assert_eq!(rig.mouth.deadline(), None);
}

#[test]
fn the_next_engine_says_the_sentence_again_from_its_start() {
    let mut rig = Rig::new(vec![requests("a"), requests("b")]);
    rig.say(1, 0, 3);
    rig.end(1);
    rig.sound(1, 1000);
    rig.request(2, RequestEvent::Head(OK, ""));
    rig.request(2, RequestEvent::Bytes(&vec![0; 500 * 48]));
    rig.took();
    rig.request(2, RequestEvent::Broken("reset"));
    assert_eq!(rig.took(), ["abort 2", "ask 3 of 0: Your table is booked for eight o'clock."], "once more");
    rig.request(3, RequestEvent::Head(Head { status: 503, ..OK }, ""));
    assert_eq!(rig.took(), ["abort 3", "took over 1", "ask 4 of 1: Your table is booked for eight o'clock."]);
    rig.sound(4, 2000);
    rig.sound(5, 2000);
    assert_eq!(rig.took().last().map(String::as_str), Some("complete 1"));
    assert_eq!(rig.heard(1, 1500), "Yes, of course.");
    assert_eq!(rig.heard(1, 3500), "Yes, of course. Your table is booked for eight o'clock.");
    assert_eq!(rig.heard(1, 5500), CONTENT);
}

#[test]
fn an_engine_that_refuses_is_left_and_the_last_one_is_a_loss() {
    let mut rig = Rig::new(vec![requests("a"), requests("b")]);
    rig.say(1, 0, 1);
    rig.request(1, RequestEvent::Head(Head { status: 401, ..OK }, ""));
    rig.request(2, RequestEvent::Head(Head { status: 401, ..OK }, ""));
    let expected =
        ["ask 1 of 0: Yes, of course.", "abort 1", "took over 1", "ask 2 of 1: Yes, of course.", "abort 2", "lost"];
    assert_eq!(rig.took(), expected);
    assert_eq!(rig.heard(1, 1000), "");
}

#[test]
fn a_socket_is_opened_when_it_is_needed_and_may_close_when_it_is_not() {
    let mut rig = Rig::new(vec![socket(VoiceKind::Aura)]);
    rig.mouth.warm(rig.now, &mut rig.out);
    rig.mouth.warm(rig.now, &mut rig.out);
    rig.socket(SocketEvent::Opened);
    rig.socket(SocketEvent::Closed(Some(1011), "NET-0003"));
    // What still comes of a socket that was left is no failure of the next one.
    rig.socket(SocketEvent::Refused(Head { status: 503, ..OK }, ""));
    assert_eq!(rig.took(), ["open 0"]);
    rig.say(1, 0, 1);
    assert_eq!(rig.took(), ["open 0"]);
    rig.say(1, 1, 2);
    rig.end(1);
    rig.socket(SocketEvent::Opened);
    assert_eq!(rig.took(), ["Yes, of course.", "Flush", "Your table is booked for eight o'clock.", "Flush"]);
    rig.socket(SocketEvent::Binary(&[0xFF; 8000]));
    rig.socket(SocketEvent::Text(r#"{"type":"Flushed"}"#));
    rig.socket(SocketEvent::Text(r#"{"type":"Flushed"}"#));
    assert_eq!(rig.took(), ["audio 1", "complete 1"]);
}

#[test]
fn a_socket_that_closes_in_the_middle_is_opened_again() {
    let mut rig = Rig::new(vec![socket(VoiceKind::Cartesia)]);
    rig.say(1, 0, 2);
    rig.socket(SocketEvent::Opened);
    rig.took();
    let chunk = r#"{"type":"chunk","context_id":"u1","data":"/////w=="}"#;
    rig.socket(SocketEvent::Text(chunk));
    rig.socket(SocketEvent::Broken("reset"));
    assert_eq!(rig.took(), ["audio 1", "close", "open 0"]);
    rig.socket(SocketEvent::Opened);
    rig.end(1);
    assert_eq!(rig.took(), ["Yes, of course.", "Your table is booked for eight o'clock.", ""]);
    rig.socket(SocketEvent::Text(r#"{"type":"done","context_id":"u1"}"#));
    assert_eq!(rig.took(), ["complete 1"]);
}

#[test]
fn an_engine_that_ends_an_answer_too_soon_begins_anew() {
    let mut rig = Rig::new(vec![socket(VoiceKind::Cartesia)]);
    rig.say(1, 0, 1);
    rig.socket(SocketEvent::Opened);
    let chunk = format!(r#"{{"type":"chunk","context_id":"u1","data":"{}"}}"#, "/".repeat(10_664) + "/w==");
    rig.socket(SocketEvent::Text(&chunk));
    rig.socket(SocketEvent::Text(r#"{"type":"done","context_id":"u1"}"#));
    rig.say(1, 1, 2);
    rig.took();
    rig.socket(SocketEvent::Text(
        r#"{"type":"timestamps","context_id":"u1","word_timestamps":{"words":["Your","table"],"start":[0,0.3],"end":[0.3,0.6]}}"#,
    ));
    assert_eq!(rig.heard(1, 1200), "Yes, of course. Your");
    rig.socket(SocketEvent::Text(r#"{"type":"done","context_id":"u1"}"#));
    rig.end(1);
    assert_eq!(rig.took(), ["timed 13-17 at 999, 17-22 at 1299", "complete 1"], "counted from the first part on");
}

#[test]
fn an_engine_without_a_cancel_loses_its_socket() {
    let mut rig = Rig::new(vec![socket(VoiceKind::Sarvam)]);
    rig.say(1, 0, 1);
    rig.socket(SocketEvent::Opened);
    rig.took();
    rig.mouth.cancel(rig.now, &mut rig.out);
    rig.say(2, 1, 2);
    assert_eq!(rig.took(), ["close", "open 0"]);
    rig.socket(SocketEvent::Text(r#"{"type":"audio","data":{"audio":"/////w=="}}"#));
    rig.socket(SocketEvent::Opened);
    assert_eq!(rig.took(), ["config", "Your table is booked for eight o'clock.", "flush"]);
}

#[test]
fn an_engine_that_says_nothing_is_given_up() {
    let mut rig = Rig::new(vec![socket(VoiceKind::Aura), socket(VoiceKind::Cartesia)]);
    rig.say(1, 0, 1);
    rig.pass(3999);
    assert_eq!(rig.took(), ["open 0"]);
    rig.pass(1);
    assert_eq!(rig.took(), ["close", "open 0"]);
    rig.socket(SocketEvent::Opened);
    rig.took();
    rig.pass(5000);
    assert_eq!(rig.took(), ["close", "took over 1", "open 1"]);
}

#[test]
fn a_pause_of_the_model_is_no_fault_and_an_end_may_be_untold() {
    let mut rig = Rig::new(vec![socket(VoiceKind::Aura)]);
    rig.say(1, 0, 1);
    rig.socket(SocketEvent::Opened);
    rig.socket(SocketEvent::Binary(&[0xFF; 8000]));
    rig.took();
    rig.pass(60_000);
    assert_eq!(rig.took(), Vec::<String>::new());
    rig.end(1);
    rig.pass(5000);
    assert_eq!(rig.took(), ["Flush", "end_untold", "complete 1"]);
}
