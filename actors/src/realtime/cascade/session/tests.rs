#![expect(clippy::wildcard_enum_match_arm, reason = "a script looks at a few variants of many")]

mod traps;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::carrier::AudioFormat;
use crate::clock;
use crate::ids::ToolCallId;
use crate::realtime::cascade::ears::EarsKind;
use crate::realtime::cascade::listener::EarsEngine;
use crate::realtime::cascade::mouth::VoiceEngine;
use crate::realtime::cascade::plan::sample;
use crate::realtime::cascade::turns::TurnPolicy;
use crate::realtime::cascade::voice::VoiceKind;
use crate::realtime::messages::{ResponsePurpose, ResponseRequest};
use crate::realtime::named::{Head, LinkOrder, Outbound, RequestEvent, RequestId, SocketEvent};
use crate::realtime::report::{ResponseOutcome, Words};
use crate::realtime::seed::Handoff;

const OK: Head<'_> =
    Head { status: 200, content_type: "text/event-stream", retry_after_ms: None, retry_after: None, error: None };

/// A session whose links are played by the test.
struct Rig {
    session: Session,
    now: Instant,
    /// What followed.
    out: Vec<SessionAction>,
    /// The last request to the mind, and its body.
    ask: u64,
    body: Value,
}

impl Rig {
    /// A session of `plan` that is ready.
    fn of(plan: CascadePlan) -> Self {
        let mut rig = Self::opening(plan);
        for link in [LinkName::Ears, LinkName::Voice] {
            rig.socket(link, SocketEvent::Opened);
        }
        rig.handle(SessionEvent::HandedOver(Handoff::default()));
        rig
    }

    /// A session of `plan` that opens its links.
    fn opening(plan: CascadePlan) -> Self {
        let now = clock::now();
        let session = Session::standby(&sample::common(), Arc::new(plan), 1, now);
        let mut rig = Self { session, now, out: Vec::new(), ask: 0, body: Value::Null };
        rig.handle(SessionEvent::Opened);
        rig
    }

    fn handle(&mut self, event: SessionEvent<'_>) {
        let before = self.out.len();
        self.session.handle(event, self.now, &mut self.out);
        for action in &self.out[before..] {
            if let SessionAction::ToLink(LinkOrder::Request(RequestId { link: LinkName::Mind, number }, request)) =
                action
            {
                (self.ask, self.body) = (*number, serde_json::from_slice(&request.body).expect("JSON"));
            }
        }
    }

    fn order(&mut self, order: ModelOrder) {
        self.handle(SessionEvent::Ordered(order));
    }

    fn socket(&mut self, link: LinkName, event: SocketEvent<'_>) {
        self.handle(SessionEvent::Link(LinkEvent::Socket(link, event)));
    }

    fn mind(&mut self, event: RequestEvent<'_>) {
        let id = RequestId { link: LinkName::Mind, number: self.ask };
        self.handle(SessionEvent::Link(LinkEvent::Request(id, event)));
    }

    /// Lets time pass, with every deadline on the way.
    fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(at) = self.session.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.handle(SessionEvent::DeadlinePassed);
        }
        self.now = end;
    }

    /// A result of Listen v1 that begins at this second.
    fn result(&mut self, start: f64, transcript: &str, is_final: bool, ends: bool) {
        let result = json!({"type": "Results", "start": start, "is_final": is_final, "speech_final": ends,
            "channel": {"alternatives": [{"transcript": transcript}]}});
        self.socket(LinkName::Ears, SocketEvent::Text(&result.to_string()));
    }

    /// The caller says this, and is silent until the turn is over.
    fn caller(&mut self, start: f64, words: &str) {
        self.result(start, words, true, true);
        self.pass(500);
    }

    /// The chat model begins with these words.
    fn thinks(&mut self, text: &str) {
        let chunk = json!({ "choices": [{ "delta": { "content": text } }] });
        self.mind(RequestEvent::Head(OK, ""));
        self.mind(RequestEvent::Bytes(format!("data: {chunk}\n\n").as_bytes()));
    }

    fn done(&mut self) {
        self.mind(RequestEvent::Bytes(b"data: [DONE]\n\n"));
    }

    /// The voice sends so much audio of a context.
    fn sounds(&mut self, context: &str, ms: usize) {
        let audio = base64_simd::STANDARD.encode_to_string(vec![0x55_u8; ms * 8]);
        let chunk = json!({"type": "chunk", "context_id": context, "data": audio, "done": false});
        self.socket(LinkName::Voice, SocketEvent::Text(&chunk.to_string()));
    }

    /// The voice has said all of a context.
    fn sounded(&mut self, context: &str) {
        let done = json!({"type": "done", "context_id": context, "done": true});
        self.socket(LinkName::Voice, SocketEvent::Text(&done.to_string()));
    }

    /// What followed since this was asked last, in short.
    fn took(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out).iter().filter_map(in_short).collect()
    }

    /// The roles and texts that the mind was asked with, without the prompt.
    fn told(&self) -> Vec<String> {
        let line = |message: &Value| format!("{} {}", message["role"], message["content"]).replace('"', "");
        self.body["messages"].as_array().expect("a list").iter().skip(1).map(line).collect()
    }
}

/// An action in a few words; `None` for caller audio.
fn in_short(action: &SessionAction) -> Option<String> {
    use SessionAction as A;
    Some(match action {
        A::ToLink(LinkOrder::Open { link, upgrade, .. }) => {
            let language = upgrade.url.query_pairs().find(|(name, _)| name.starts_with("language"));
            format!("open {link:?} {}", language.map(|(_, language)| language.into_owned()).unwrap_or_default())
        }
        A::ToLink(LinkOrder::Close(link)) => format!("close {link:?}"),
        A::ToLink(LinkOrder::Send(LinkName::Voice, Outbound::Text(text))) => {
            let message: Value = serde_json::from_str(text).expect("JSON");
            let words = message["transcript"].as_str().map(|words| format!("{words}[{}]", message["language"]));
            format!("voice: {}", words.unwrap_or_else(|| "cancel".to_owned()).replace('"', ""))
        }
        A::ToLink(LinkOrder::Send(_, Outbound::Text(text))) => text.clone(),
        A::ToLink(LinkOrder::Send(..) | LinkOrder::Connect(_)) => return None,
        A::ToLink(LinkOrder::Request(id, _)) => format!("ask {:?} {}", id.link, id.number),
        A::ToLink(LinkOrder::Abort(id)) => format!("abort {:?} {}", id.link, id.number),
        A::ToAudio(audio) => format!("audio of {}", audio.response.as_str()),
        A::Complete(complete) => format!("whole {}", complete.item.as_str()),
        A::ToWords(Words::Placed { item, .. }) => format!("placed {}", item.as_str()),
        A::ToWords(Words::AgentSays { delta, .. }) => {
            format!("says{}{delta}", if delta.starts_with(' ') { "" } else { " " })
        }
        A::ToWords(Words::AgentSaid { text, .. }) => format!("said {text}"),
        A::ToWords(Words::CallerSaid { text, .. }) => format!("caller: {}", text.clone().unwrap_or_default()),
        A::ToWords(Words::AgentTimed { words, .. }) => {
            let words = words.iter().map(|it| format!("{}-{} at {}", it.before, it.until, it.span.from_ms));
            format!("timed {}", words.collect::<Vec<_>>().join(", "))
        }
        A::ToWords(Words::Inaudible { .. }) => "inaudible".to_owned(),
        A::Report(report) => return of_report(report),
        A::Lose(loss) => format!("lost: {}", loss.reason),
        A::Prepared => "prepared".to_owned(),
        A::Close => "over".to_owned(),
        other => format!("{other:?}"),
    })
}

fn of_report(report: &ModelReport) -> Option<String> {
    use ModelReport as R;
    Some(match report {
        R::SpeechStarted { .. } => "speaks".to_owned(),
        R::SpeechStopped { .. } => "stops".to_owned(),
        R::CallerWords { text, last, .. } => format!("{}{}", text.expose(), if *last { "." } else { "…" }),
        R::ResponseStarted { .. } => "begins".to_owned(),
        R::ResponseFinished { outcome: ResponseOutcome::Completed, .. } => "ends".to_owned(),
        R::ResponseFinished { outcome, .. } => format!("{outcome:?}"),
        R::PartsTook { mind, voice, .. } => format!("took {} and {} ms", mind.as_millis(), voice.as_millis()),
        R::FirstAudio { .. } => "first audio".to_owned(),
        R::ToolCalled(call) => format!("calls {} {} as {}", call.name, call.arguments, call.id.as_str()),
        R::Complained { code, .. } => code.clone(),
        R::BegunEarly { kept } => format!("eager: {}", if *kept { "kept" } else { "thrown away" }),
        R::Used(_) | R::Worked { .. } | R::Serves { .. } | R::Ready { .. } => return None,
        other => format!("{other:?}"),
    })
}

fn plan() -> CascadePlan {
    sample::sockets(EarsKind::Listen, VoiceKind::Cartesia)
}

/// A plan with Hindi beside English.
fn two_languages() -> CascadePlan {
    let hears = EarsEngine::Socket { kind: EarsKind::Listen, plan: sample::ears("hi") };
    let speaks = VoiceEngine::Socket { kind: VoiceKind::Cartesia, plan: sample::voice("hi") };
    let mut plan = plan();
    plan.others.insert("hi".to_owned(), Arc::new(sample::plan_of("hi", hears, speaks)));
    plan.fitted()
}

fn hindi() -> ModelOrder {
    ModelOrder::Configure {
        instructions: Some("Speak Hindi.".to_owned()),
        backend: None,
        transcription: None,
        language: Some("hi".to_owned()),
        tools: None,
    }
}

fn greeting() -> ModelOrder {
    let instructions = Some("Greet.".to_owned());
    ModelOrder::Speak(ResponseRequest { purpose: ResponsePurpose::Greeting, instructions })
}

#[test]
fn the_minds_connection_is_made_while_the_engines_open() {
    let plan = two_languages();
    let endpoint = plan.mind[0].endpoint();
    let rig = Rig::opening(plan);
    let ahead = rig.out.iter().filter_map(|action| match action {
        SessionAction::ToLink(LinkOrder::Connect(url)) => Some(url),
        _ => None,
    });
    assert_eq!(ahead.collect::<Vec<_>>(), [&endpoint]);
}

#[test]
fn ears_and_voice_are_opened_before_the_session_serves() {
    let mut rig = Rig::opening(plan());
    assert_eq!(rig.took(), ["open Ears en", "open Voice "]);
    rig.order(greeting());
    rig.socket(LinkName::Ears, SocketEvent::Opened);
    assert_eq!(rig.took(), Vec::<String>::new());
    rig.socket(LinkName::Voice, SocketEvent::Opened);
    assert_eq!(rig.took(), ["prepared"]);
    rig.handle(SessionEvent::HandedOver(Handoff::default()));
    assert_eq!(rig.took(), ["begins", "ask Mind 1"], "what was ordered meanwhile is asked for now");
    assert_eq!(rig.told(), ["system Greet."]);
}

#[test]
fn links_that_do_not_open_lose_the_session_in_time() {
    let mut rig = Rig::opening(plan());
    rig.took();
    let begun = rig.now;
    while !rig.out.iter().any(|action| matches!(action, SessionAction::Lose(_))) {
        for link in [LinkName::Ears, LinkName::Voice] {
            rig.socket(link, SocketEvent::Broken("refused"));
        }
        rig.pass(100);
        assert!(rig.now - begun < Duration::from_secs(5), "another provider is asked too late");
    }
}

#[test]
fn a_turn_is_answered_and_each_part_is_timed() {
    let mut rig = Rig::of(plan());
    rig.took();
    rig.caller(0.0, "Is it free?");
    let turn = ["placed item_1_caller1", "speaks", "Is it free? …", "stops", "Is it free?.", "caller: Is it free?"];
    let took = rig.took();
    assert_eq!(
        (&took[..6], &took[6..]),
        (&turn.map(str::to_owned)[..], &["begins", "ask Mind 1"].map(str::to_owned)[..])
    );
    rig.pass(180);
    rig.thinks("Yes, it is. Shall I book it?");
    rig.pass(110);
    rig.done();
    let said = ["voice: Yes, it is. [en]", "voice: Shall I book it? [en]", "voice: [en]"];
    assert_eq!(rig.took(), said, "the words are told with their audio");
    rig.sounds("u1", 40);
    let told = [
        // The chat model was asked 200 ms before the test went on.
        "took 380 and 110 ms",
        "placed item_1_agent1",
        "says Yes, it is. Shall I book it?",
        "first audio",
        "audio of response_1_1",
    ];
    assert_eq!(rig.took(), told);
    let times = json!({"type": "timestamps", "context_id": "u1",
        "word_timestamps": {"words": ["Yes,", "it", "is."], "start": [0.0, 0.3, 0.5], "end": [0.3, 0.5, 0.8]}});
    rig.socket(LinkName::Voice, SocketEvent::Text(&times.to_string()));
    assert_eq!(rig.took(), ["timed 0-4 at 0, 4-6 at 300, 6-9 at 500"]);
    rig.sounded("u1");
    assert_eq!(rig.took(), ["whole item_1_agent1", "said Yes, it is. Shall I book it?", "ends"]);
}

#[test]
fn another_language_has_its_own_engines_once_the_voice_is_silent() {
    let mut rig = Rig::of(two_languages());
    rig.caller(0.0, "Hindi, please.");
    rig.thinks("Of course. ");
    rig.done();
    rig.took();
    rig.order(hindi());
    assert_eq!(rig.took(), Vec::<String>::new(), "the voice finishes what it says");
    rig.sounds("u1", 40);
    rig.sounded("u1");
    let took = rig.took();
    assert_eq!(took[took.len() - 4..], ["close Ears", "open Ears hi", "close Voice", "open Voice "]);
    for link in [LinkName::Ears, LinkName::Voice] {
        rig.socket(link, SocketEvent::Opened);
    }
    rig.caller(0.0, "Kya yeh khali hai?");
    assert_eq!(rig.body["messages"][0]["content"], "Speak Hindi.");
    rig.took();
    rig.thinks("Haan. ");
    rig.done();
    assert_eq!(rig.took(), ["voice: Haan. [hi]", "voice: [hi]"]);
}

#[test]
fn a_session_that_begins_later_speaks_the_language_of_the_call() {
    let common = Common { language: Some("hi".to_owned()), ..sample::common() };
    let (mut out, now) = (Vec::new(), clock::now());
    Session::standby(&common, Arc::new(two_languages()), 2, now).handle(SessionEvent::Opened, now, &mut out);
    let took: Vec<String> = out.iter().filter_map(in_short).collect();
    assert_eq!(took, ["open Ears hi", "open Voice "]);
}

#[test]
fn a_language_without_engines_of_its_own_changes_none() {
    let mut rig = Rig::of(two_languages());
    rig.took();
    let ModelOrder::Configure { instructions, backend, transcription, tools, .. } = hindi() else { return };
    rig.order(ModelOrder::Configure { instructions, backend, transcription, language: Some("mr".to_owned()), tools });
    assert_eq!(rig.took(), Vec::<String>::new());
}

#[test]
fn an_eager_answer_is_counted_and_is_silent_until_the_turn_is_over() {
    let mut eager = plan();
    eager.turns = TurnPolicy { is_eager: true, ..TurnPolicy::default() };
    let mut rig = Rig::of(eager);
    rig.took();
    rig.result(0.0, "A table.", true, true);
    assert_eq!(rig.took().last().map(String::as_str), Some("ask Mind 1"), "it is asked before the silence is over");
    rig.thinks("Of course. ");
    assert_eq!(rig.took(), Vec::<String>::new());
    rig.result(1.0, "For two.", true, true);
    assert!(rig.took().contains(&"eager: thrown away".to_owned()));
    rig.thinks("For two, of course. ");
    rig.done();
    rig.took();
    rig.pass(500);
    let took = rig.took();
    assert!(
        took.contains(&"eager: kept".to_owned()) && took.contains(&"voice: For two, of course. [en]".to_owned()),
        "{took:?}"
    );
    assert_eq!(rig.told(), ["user A table. For two."]);
}

#[test]
fn uploads_and_requests_need_no_socket() {
    let mut rig = Rig::opening(sample::requests());
    assert_eq!(rig.took(), ["prepared"]);
    rig.handle(SessionEvent::HandedOver(Handoff::default()));
    rig.order(greeting());
    rig.thinks("Hello. ");
    rig.done();
    assert_eq!(rig.took(), ["begins", "ask Mind 1", "ask Voice 1"]);
    let format = sample::requests().output();
    assert_eq!(format, AudioFormat::PCM_24K);
    let id = RequestId { link: LinkName::Voice, number: 1 };
    let events = [
        RequestEvent::Head(Head { content_type: "audio/pcm", ..OK }, ""),
        RequestEvent::Bytes(&[0; 960]),
        RequestEvent::End,
    ];
    for event in events {
        rig.handle(SessionEvent::Link(LinkEvent::Request(id, event)));
    }
    assert_eq!(rig.took().last().map(String::as_str), Some("ends"));
}
