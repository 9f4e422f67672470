//! Calls that go on with another provider, at every state and in every order of the three: what was
//! said and heard is known there, what was owed is asked for once, and nothing is done twice.

use super::super::*;
use crate::carrier::AudioFormat;
use crate::ids::ToolCallId;
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::gemini::plan::sample as of_gemini;
use crate::realtime::openai::plan::OpenAiPlan;
use crate::realtime::openai_live::plan::{OpenAiLivePlan, sample as of_live};

/// A protocol, played by a small server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Realtime,
    Live,
    Gemini,
}

/// How far a session gets before it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Words of ours were asked for, and nothing has arrived.
    Asked,
    /// A part of them has arrived.
    Partly,
    /// All of them.
    Whole,
    /// The caller speaks.
    CallerSpeaks,
    /// The caller has spoken, and an answer is due.
    CallerSpoke,
    /// The model has called a tool.
    Called,
    /// The tool has answered.
    Answered,
}

const STAGES: [Stage; 7] = [
    Stage::Asked,
    Stage::Partly,
    Stage::Whole,
    Stage::CallerSpeaks,
    Stage::CallerSpoke,
    Stage::Called,
    Stage::Answered,
];
const ORDERS: [[Kind; 3]; 6] = [
    [Kind::Realtime, Kind::Live, Kind::Gemini],
    [Kind::Realtime, Kind::Gemini, Kind::Live],
    [Kind::Live, Kind::Realtime, Kind::Gemini],
    [Kind::Live, Kind::Gemini, Kind::Realtime],
    [Kind::Gemini, Kind::Realtime, Kind::Live],
    [Kind::Gemini, Kind::Live, Kind::Realtime],
];

struct Call {
    rig: Rig,
    order: [Kind; 3],
    /// The place in the order of the session in use.
    at: usize,
    leg: LegId,
    /// What the session in use was sent, apart from audio.
    sent: String,
    reports: Vec<ModelReport>,
    /// Bytes of the agent's audio since the last question.
    heard: usize,
    /// Whether the full-duplex model speaks.
    speaks: bool,
    ticks: u32,
    /// When the session in use began.
    began: Instant,
}

impl Call {
    fn of(order: [Kind; 3]) -> Self {
        let plan = |kind| {
            let format = AudioFormat::MULAW_8K;
            match kind {
                Kind::Realtime => ProviderPlan::OpenAi(Arc::new(OpenAiPlan { format, ..sample::openai() })),
                Kind::Live => ProviderPlan::OpenAiLive(Arc::new(OpenAiLivePlan { format, ..of_live::live() })),
                Kind::Gemini => ProviderPlan::Gemini(Arc::new(of_gemini::gemini())),
            }
        };
        let [first, others @ ..] = order.map(plan);
        let rig = Rig::with(|it| {
            it.common_mut().transcription = Some(Default::default());
            it.provider = first;
            it.resilience.fallbacks = others.into();
        });
        let (sent, reports, began) = (String::new(), Vec::new(), rig.now);
        let mut call =
            Self { rig, order, at: 0, leg: LegId(0), sent, reports, heard: 0, speaks: false, ticks: 0, began };
        call.open();
        call
    }

    fn kind(&self) -> Kind {
        self.order[self.at]
    }

    /// Dials the candidate that is next in the order, and lets it take over.
    fn open(&mut self) {
        let mut standings = [Standing::Blocked; 3];
        standings[self.at] = Standing::Good;
        self.rig.advise(&standings, 0.0);
        self.leg = LegId(self.rig.sessions.last_leg);
        self.sent.clear();
        self.began = self.rig.now;
        self.rig.on(SessionsEvent::Dialled { leg: self.leg, said: Vec::new(), epoch_s: 0.0 });
        match self.kind() {
            Kind::Realtime => {
                self.hear(json!({"type": "session.created", "session": {"id": "sess"}}));
                self.hear(json!({"type": "session.updated", "session": {"id": "sess"}}));
            }
            Kind::Live => self.hear(json!({"type": "session.started", "event_id": "e", "client_event_id": "start",
                "session": {"id": "live", "expires_at": 7_000, "status": "active", "model": "m"}})),
            Kind::Gemini => self.hear(json!({"setupComplete": {}})),
        }
        self.pass(1_000);
    }

    /// Loses the session in use; the next one takes over.
    fn goes_on(&mut self) {
        self.rig.drop_socket(self.leg);
        self.see();
        self.reports.clear();
        self.speaks = false;
        self.at += 1;
        self.open();
    }

    #[expect(clippy::needless_pass_by_value, reason = "an event is written where it is said")]
    fn hear(&mut self, event: Value) {
        self.rig.session(self.leg, SessionEvent::Text(&event.to_string()));
        self.see();
    }

    fn order(&mut self, order: ModelOrder) {
        self.rig.order(order);
        self.see();
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others do not matter here")]
    fn see(&mut self) {
        for action in std::mem::take(&mut self.rig.out) {
            match action {
                SessionsAction::Send(leg, text) if leg == self.leg => self.sent.push_str(&text),
                SessionsAction::Report(report) => self.reports.push(report),
                SessionsAction::ToAudio(audio) => self.heard += audio.audio.len(),
                _ => {}
            }
        }
    }

    /// Time passes; the line is silent, and a full-duplex model streams.
    fn pass(&mut self, milliseconds: u32) {
        for _ in 0..milliseconds / 20 {
            self.rig.now += Duration::from_millis(20);
            self.rig.on(SessionsEvent::DeadlinePassed);
            self.rig.on(SessionsEvent::CallerAudio(Frame::copy_of(&vec![0xff; self.frame()])));
            self.ticks += 1;
            if self.kind() == Kind::Live && self.ticks.is_multiple_of(5) {
                let code = if self.speaks { 0x10 } else { 0xff };
                let delta = base64_simd::STANDARD.encode_to_string(vec![code; 800]);
                self.hear(json!({"type": "session.output_audio.delta", "delta": delta}));
            }
            self.see();
        }
    }

    /// The bytes of 20 ms of the caller's audio.
    fn frame(&self) -> usize {
        20 * self.rig.sessions.formats.input.bytes_per_ms()
    }

    /// The model says `words` in two seconds, or half of it.
    fn says(&mut self, id: &str, words: &str, whole: bool) {
        let milliseconds = if whole { 2_000 } else { 1_000 };
        match self.kind() {
            Kind::Realtime => {
                let delta = base64_simd::STANDARD.encode_to_string(vec![0x10; milliseconds * 8]);
                self.hear(json!({"type": "response.created", "response": {"id": id}}));
                self.hear(json!({"type": "response.output_audio_transcript.delta", "response_id": id, "item_id": id,
                    "delta": words}));
                self.hear(json!({"type": "response.output_audio.delta", "response_id": id, "item_id": id,
                    "delta": delta}));
                if whole {
                    self.hear(
                        json!({"type": "response.output_audio_transcript.done", "response_id": id, "item_id": id,
                        "transcript": words}),
                    );
                    self.hear(json!({"type": "response.output_audio.done", "response_id": id, "item_id": id}));
                    self.hear(json!({"type": "response.done", "response": {"id": id, "status": "completed"}}));
                }
            }
            Kind::Live => {
                self.speaks = true;
                self.pass(200);
                self.hear(
                    json!({"type": "session.output_transcript.delta", "delta": words, "start_ms": 0, "end_ms": 200}),
                );
                self.pass(u32::try_from(milliseconds).expect("small") - 200);
                if whole {
                    self.speaks = false;
                    self.pass(2_000);
                }
            }
            Kind::Gemini => {
                let data = base64_simd::STANDARD.encode_to_string(vec![0x10; milliseconds * 48]);
                self.hear(json!({"serverContent": {"outputTranscription": {"text": words}}}));
                self.hear(json!({"serverContent": {"modelTurn": {"role": "model",
                    "parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}]}}}));
                if whole {
                    self.hear(json!({"serverContent": {"generationComplete": true}}));
                    self.hear(json!({"serverContent": {"turnComplete": true}}));
                }
            }
        }
    }

    fn caller(&mut self, id: &str, words: &str, over: bool) {
        match self.kind() {
            Kind::Realtime => {
                self.hear(json!({"type": "input_audio_buffer.speech_started", "item_id": id}));
                if over {
                    self.hear(json!({"type": "input_audio_buffer.speech_stopped", "item_id": id}));
                    self.hear(json!({"type": "input_audio_buffer.committed", "item_id": id}));
                    self.hear(json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": id,
                        "transcript": words}));
                }
            }
            Kind::Live => {
                let input = self.rig.sessions.formats.input;
                let start_ms = (self.rig.now - self.began).as_millis() as u64 + 200;
                let (samples, half) = (input.rate_hz as usize / 50, input.rate_hz as usize / 2_000);
                let loud = |n: usize| (n / half).is_multiple_of(2);
                let frame: Vec<u8> = if input == AudioFormat::MULAW_8K {
                    (0..samples).map(|n| if loud(n) { 0x10 } else { 0x90 }).collect()
                } else {
                    (0..samples).flat_map(|n| if loud(n) { 9_000_i16 } else { -9_000 }.to_le_bytes()).collect()
                };
                for _ in 0..40 {
                    self.rig.on(SessionsEvent::CallerAudio(Frame::copy_of(&frame)));
                    self.rig.now += Duration::from_millis(20);
                    self.rig.on(SessionsEvent::DeadlinePassed);
                }
                self.see();
                self.hear(json!({"type": "session.input_transcript.delta", "delta": words, "start_ms": start_ms, "end_ms": start_ms + 200}));
                if over {
                    self.pass(1_500);
                }
            }
            Kind::Gemini => {
                self.hear(json!({"serverContent": {"inputTranscription": {"text": words}}}));
                if over {
                    self.pass(2_500);
                }
            }
        }
    }

    fn calls(&mut self, call: &str) {
        match self.kind() {
            Kind::Realtime => {
                let item = json!({"id": call, "type": "function_call", "status": "completed", "call_id": call,
                    "name": "order_status", "arguments": "{}"});
                self.hear(json!({"type": "response.created", "response": {"id": format!("r_{call}")}}));
                self.hear(json!({"type": "response.done", "response": {"id": format!("r_{call}"),
                    "status": "completed", "output": [item]}}));
            }
            Kind::Live => {
                let nested = |event: Value| json!({"type": "response.event", "delegation_id": "d", "event": event});
                self.hear(nested(json!({"type": "response.created", "response": {"id": "x", "output": []}})));
                self.hear(nested(json!({"type": "response.output_item.done", "item": {"type": "function_call",
                    "id": "fc", "call_id": call, "name": "order_status", "arguments": "{}", "status": "completed"}})));
            }
            Kind::Gemini => {
                self.hear(json!({"toolCall": {"functionCalls": [{"id": call, "name": "order_status", "args": {}}]}}));
            }
        }
    }

    /// The calls that were reported, by their ids.
    fn called(&self) -> Vec<String> {
        let call = |report: &ModelReport| {
            if let ModelReport::ToolCalled(call) = report { Some(call.id.to_string()) } else { None }
        };
        self.reports.iter().filter_map(call).collect()
    }

    /// Whether the session that took over was asked to speak.
    fn answering(&self) -> bool {
        let answering = self.reports.iter().filter_map(|report| {
            if let ModelReport::Resumed { answering, .. } = report { Some(*answering) } else { None }
        });
        let answering: Vec<bool> = answering.collect();
        assert_eq!(answering.len(), 1, "it takes over once: {:?}", self.reports);
        answering[0]
    }
}

/// Takes a session to `stage`, loses it, and examines the one that follows. `tag` makes the words
/// differ from those of other sessions.
fn lose_at(call: &mut Call, stage: Stage, tag: &str) {
    let place = format!("{:?} at {}: lost at {stage:?}", call.order, call.at);
    let greeting = format!("Greet {tag} now.");
    let words = format!("Hello {tag} and welcome to our little shop of horrors and other things.");
    let (asked, answer) = (format!("Where is {tag}?"), format!("It is at {tag}."));
    let (item, tool) = (format!("item_{tag}"), format!("call_{tag}"));
    call.order(speak(&greeting));
    if stage != Stage::Asked {
        call.says(&format!("r_{tag}"), &words, stage != Stage::Partly);
    }
    if matches!(stage, Stage::CallerSpeaks | Stage::CallerSpoke | Stage::Called | Stage::Answered) {
        call.caller(&item, &asked, stage != Stage::CallerSpeaks);
    }
    if matches!(stage, Stage::Called | Stage::Answered) {
        call.calls(&tool);
        assert_eq!(call.called(), std::slice::from_ref(&tool), "{place}");
    }
    let output = format!("shipped to {tag}");
    let tool_answers = |call: &mut Call| {
        let tool = ToolCallId::new(&tool);
        call.order(ModelOrder::AnswerTool { call: tool, output: output.clone(), speak: true });
    };
    if stage == Stage::Answered {
        tool_answers(call);
    }
    call.goes_on();
    let told = |call: &Call, text: &str| call.sent.matches(text).count();
    let sent = call.sent.clone();
    match stage {
        Stage::Asked => {
            assert!(told(call, &greeting) == 1 && call.answering(), "{place}: asked for again once: {sent}");
        }
        Stage::Partly => {
            assert!(sent.contains("do not repeat what was heard") && call.answering(), "{place}: {sent}");
            assert!(sent.contains("“Hello"), "{place}: what was heard is known: {sent}");
        }
        Stage::Whole => {
            assert!(sent.contains(&words) && !sent.contains(&greeting), "{place}: {sent}");
            assert!(!call.answering(), "{place}: nothing is owed");
        }
        Stage::CallerSpeaks => assert!(sent.contains(&words), "{place}: {sent}"),
        Stage::CallerSpoke => {
            assert!(sent.contains(&words) && sent.contains(&asked), "{place}: {sent}");
            assert!(call.answering(), "{place}: an answer is due");
        }
        Stage::Called => {
            assert!(call.called().is_empty(), "{place}: the call is not made again");
            if call.answering() {
                // A full-duplex model owes words while it works.
                call.says(&format!("wait_{tag}"), "One moment, please.", true);
            }
            tool_answers(call);
            call.pass(1_000);
            assert!(told(call, &output) >= 1, "{place}: the result arrives: {}", call.sent);
            call.says(&format!("a_{tag}"), &answer, true);
        }
        Stage::Answered => {
            assert!(call.called().is_empty() && told(call, &output) == 1, "{place}: {sent}");
            assert!(call.answering(), "{place}: the result is still to be told");
        }
    }
    // What was owed is said, so that the next loss finds nothing older.
    if !matches!(stage, Stage::Whole | Stage::Called) {
        call.pass(2_000);
        call.says(&format!("rest_{tag}"), &answer, true);
    }
}

#[test]
fn a_call_goes_on_at_every_state_in_every_order_of_providers() {
    for order in ORDERS {
        for first in STAGES {
            for second in STAGES {
                let mut call = Call::of(order);
                lose_at(&mut call, first, "north");
                lose_at(&mut call, second, "south");
            }
        }
    }
}

#[test]
fn what_is_heard_of_any_provider_is_in_the_calls_own_format() {
    for order in ORDERS {
        let mut call = Call::of(order);
        let per_ms = call.rig.sessions.formats.output.bytes_per_ms();
        for at in 0..3 {
            call.heard = 0;
            call.order(speak("Greet."));
            call.says(&format!("r_{at}"), "Good day to you.", true);
            let milliseconds = call.heard / per_ms;
            // A full-duplex model's silence belongs to what it says.
            let most = if call.kind() == Kind::Live { 4_200 } else { 2_000 };
            assert!((1_900..=most).contains(&milliseconds), "{order:?} at {at}: {milliseconds} ms");
            if at < 2 {
                call.goes_on();
            }
        }
    }
}
