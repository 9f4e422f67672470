use ListenerAction as A;
use url::Url;

use super::super::ears::EarsKind;
use super::*;
use crate::clock;

const OK: Head<'_> =
    Head { status: 200, content_type: "application/json", retry_after_ms: None, retry_after: None, error: None };

struct Rig {
    listener: Listener,
    now: Instant,
    out: Vec<A>,
}

fn plan() -> EarsPlan {
    EarsPlan {
        url: Url::parse("http://127.0.0.1:9").expect("a URL"),
        model: "small".into(),
        language: "en".into(),
        format: AudioFormat::MULAW_8K,
        endpointing: Duration::from_millis(300),
        keywords: Vec::new(),
        eager: false,
    }
}

fn socket(kind: EarsKind) -> EarsEngine {
    EarsEngine::Socket { kind, plan: plan() }
}

fn uploads() -> EarsEngine {
    EarsEngine::Uploads { plan: plan() }
}

fn result(start: u32, transcript: &str, is_final: bool) -> String {
    format!(
        r#"{{"type":"Results","start":{start},"is_final":{is_final},"channel":{{"alternatives":[{{"transcript":"{transcript}"}}]}}}}"#
    )
}

impl Rig {
    fn new(engines: Vec<EarsEngine>) -> Self {
        let listener = Listener::new(engines, AudioFormat::MULAW_8K, "en", TurnPolicy::default());
        Self { listener, now: clock::now(), out: Vec::new() }
    }

    /// Hears the caller for so long, in frames of 20 ms.
    fn hear(&mut self, ms: u64) {
        for _ in 0..ms / 20 {
            self.pass(20);
            self.listener.hear_caller(&[0x55; 160], self.now, &mut self.out);
        }
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(at) = self.listener.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.listener.deadline_passed(self.now, &mut self.out);
        }
        self.now = end;
    }

    fn speech(&mut self, begins: bool) {
        self.listener.speech(begins, self.now, &mut self.out);
    }

    fn socket(&mut self, event: SocketEvent<'_>) {
        self.listener.socket(event, self.now, &mut self.out);
    }

    /// What followed, in short. Audio that follows audio is added up, in ms.
    fn took(&mut self) -> Vec<String> {
        let (mut words, mut ms) = (Vec::new(), 0);
        for action in std::mem::take(&mut self.out) {
            if let A::Send(ToEars::Audio(audio)) = &action {
                ms += audio.len() / 8;
                continue;
            }
            if ms > 0 {
                words.push(format!("{} ms", std::mem::take(&mut ms)));
            }
            words.push(match action {
                A::Open { engine } => format!("open {engine}"),
                A::Close => "close".into(),
                A::Send(ToEars::Text(text)) => text,
                A::Send(ToEars::Audio(_) | ToEars::AudioText(_)) => "audio".into(),
                A::Upload { engine, turn } => {
                    format!("upload {} to {engine}: {} ms", turn.number, turn.audio.as_millis())
                }
                A::Turn(TurnAction::Answer { text, .. }) => format!("answer: {text}"),
                A::Turn(TurnAction::Words(text)) => text,
                A::Turn(turn) => format!("{turn:?}"),
                A::Complained { code, .. } => code,
                A::TookOver { engine, .. } => format!("took over {engine}"),
                A::Lost(_) => "lost".into(),
            });
        }
        if ms > 0 {
            words.push(format!("{ms} ms"));
        }
        words
    }
}

const FINALIZE: &str = r#"{"type":"Finalize"}"#;

#[test]
fn a_turn_is_heard_and_ends() {
    let mut rig = Rig::new(vec![socket(EarsKind::Listen)]);
    rig.listener.warm(rig.now, &mut rig.out);
    rig.socket(SocketEvent::Opened);
    assert_eq!(rig.took(), ["open 0"]);
    rig.speech(true);
    rig.hear(1000);
    rig.socket(SocketEvent::Text(&result(0, "A table", false)));
    rig.speech(false);
    rig.socket(SocketEvent::Text(&result(0, "A table.", true)));
    assert_eq!(rig.took(), ["Started", "1000 ms", "A table", FINALIZE, "A table."]);
    rig.pass(300);
    assert_eq!(rig.took(), ["answer: A table."]);
    assert_eq!(rig.listener.take_given(), Duration::from_secs(1));
    // The words that were taken do not come again.
    rig.speech(true);
    rig.socket(SocketEvent::Text(&result(2, "Thanks.", true)));
    assert_eq!(rig.took(), ["Started", "Thanks."]);
}

#[test]
fn what_was_said_before_the_socket_opened_is_sent_a_little_faster() {
    let mut rig = Rig::new(vec![socket(EarsKind::Listen)]);
    rig.hear(1000);
    assert_eq!(rig.took(), ["open 0"]);
    rig.socket(SocketEvent::Opened);
    assert_eq!(rig.took(), ["100 ms"]);
    rig.hear(400);
    assert_eq!(rig.took(), ["500 ms"]);
    rig.hear(4000);
    let total: usize = rig.took().iter().filter_map(|it| it.strip_suffix(" ms")?.parse::<usize>().ok()).sum();
    assert_eq!(total, 1000 + 400 + 4000 - 600, "it has caught up");
}

#[test]
fn the_next_engine_hears_the_turn_from_its_start() {
    let mut rig = Rig::new(vec![socket(EarsKind::Listen), socket(EarsKind::Listen)]);
    rig.listener.warm(rig.now, &mut rig.out);
    rig.socket(SocketEvent::Opened);
    rig.hear(2000);
    rig.speech(true);
    rig.hear(1000);
    rig.socket(SocketEvent::Text(&result(0, "I need", false)));
    rig.took();
    rig.socket(SocketEvent::Closed(Some(1011), "NET-0000"));
    assert_eq!(rig.took(), ["close", "took over 1", "open 1"]);
    rig.hear(200);
    rig.socket(SocketEvent::Opened);
    rig.pass(2000);
    assert_eq!(rig.took(), ["1700 ms"], "with the moment before the turn");
    rig.socket(SocketEvent::Text(&result(0, "I need a table.", true)));
    rig.speech(false);
    rig.pass(300);
    assert_eq!(rig.took(), ["I need a table.", FINALIZE, "answer: I need a table."]);
}

#[test]
fn audio_that_waits_is_bounded_and_ears_that_stay_deaf_are_lost() {
    let mut rig = Rig::new(vec![socket(EarsKind::Listen)]);
    rig.hear(3000);
    assert_eq!(rig.took(), ["open 0"]);
    rig.hear(30_000);
    assert!(rig.listener.waiting.bytes <= 80_000);
    let took = rig.took();
    assert_eq!(took.first().map(String::as_str), Some("close"));
    assert_eq!(took.iter().filter(|it| *it == "lost").count(), 1, "{took:?}");
    rig.hear(30_000);
    assert_eq!(rig.took(), Vec::<String>::new(), "nothing is opened any more");
    let mut rig = Rig::new(vec![socket(EarsKind::Listen), socket(EarsKind::Listen)]);
    rig.listener.warm(rig.now, &mut rig.out);
    rig.socket(SocketEvent::Refused(Head { status: 401, ..OK }, ""));
    rig.socket(SocketEvent::Refused(Head { status: 401, ..OK }, ""));
    assert_eq!(rig.took(), ["open 0", "close", "took over 1", "open 1", "close", "lost"]);
}

#[test]
fn an_engine_that_finds_turns_is_not_told_to_end_one() {
    let mut rig = Rig::new(vec![socket(EarsKind::Flux)]);
    rig.listener.warm(rig.now, &mut rig.out);
    rig.socket(SocketEvent::Opened);
    let info = |event: &str, text: &str| format!(r#"{{"type":"TurnInfo","event":"{event}","transcript":"{text}"}}"#);
    rig.socket(SocketEvent::Text(&info("StartOfTurn", "A table")));
    rig.speech(true);
    rig.speech(false);
    assert_eq!(rig.took(), ["open 0", "Started", "A table"]);
    rig.socket(SocketEvent::Text(&info("EndOfTurn", "A table.")));
    assert_eq!(rig.took(), ["A table.", "answer: A table."]);
    rig.socket(SocketEvent::Text(&info("StartOfTurn", "Yes")));
    rig.listener.force(&mut rig.out);
    assert_eq!(rig.took(), ["Started", "Yes", r#"{"type":"ForceEndTurn"}"#, "answer: Yes"]);
}

#[test]
fn an_engine_that_takes_uploads_gets_each_utterance() {
    let mut rig = Rig::new(vec![uploads(), uploads()]);
    rig.listener.warm(rig.now, &mut rig.out);
    rig.hear(1000);
    rig.speech(true);
    rig.hear(1000);
    rig.speech(false);
    assert_eq!(rig.took(), ["Started", "upload 1 to 0: 1300 ms"]);
    rig.listener.answered(1, &Head { status: 503, ..OK }, "", rig.now, &mut rig.out);
    assert_eq!(rig.took(), ["took over 1", "upload 1 to 1: 1300 ms"]);
    rig.pass(1500);
    rig.listener.answered(1, &OK, r#"{"text":"A table."}"#, rig.now, &mut rig.out);
    rig.pass(100);
    assert_eq!(rig.took(), ["A table.", "answer: A table."]);
    rig.listener.upload_broken("reset", rig.now, &mut rig.out);
    assert_eq!(rig.took(), Vec::<String>::new(), "nothing was outstanding");
}

#[test]
fn uploads_take_over_from_a_socket_within_a_turn() {
    let mut rig = Rig::new(vec![socket(EarsKind::Listen), uploads()]);
    rig.listener.warm(rig.now, &mut rig.out);
    rig.socket(SocketEvent::Opened);
    rig.speech(true);
    rig.hear(1000);
    rig.took();
    rig.socket(SocketEvent::Closed(Some(1008), "DATA-0000"));
    rig.hear(500);
    rig.speech(false);
    assert_eq!(rig.took(), ["close", "took over 1", "upload 1 to 1: 1500 ms"]);
}

#[test]
fn what_is_discarded_is_not_answered() {
    let mut rig = Rig::new(vec![socket(EarsKind::Listen)]);
    rig.listener.warm(rig.now, &mut rig.out);
    rig.socket(SocketEvent::Opened);
    rig.speech(true);
    rig.socket(SocketEvent::Text(&result(0, "A table.", true)));
    rig.listener.discard(&mut rig.out);
    rig.took();
    rig.pass(3000);
    assert_eq!((rig.took(), rig.listener.is_turn()), (Vec::new(), false));
    rig.listener.close(&mut rig.out);
    assert_eq!(rig.took(), [r#"{"type":"CloseStream"}"#]);
}
