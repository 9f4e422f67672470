//! An hour of calls in virtual time. Call machine, audio path, model session and transcript are
//! joined as their actors join them, between a phone and a model written in this file. The test
//! finds state that grows during the hour, and requests that are still open at its end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard::service::config::{Config, Profiles};
use switchboard_actors::audio::action::AudioAction;
use switchboard_actors::audio::pipeline::{AudioEvent, Pipeline};
use switchboard_actors::audio::report::AudioReport;
use switchboard_actors::call::machine::CallMachine;
use switchboard_actors::call::steps::{CallAction, CallEvent};
use switchboard_actors::carrier::{AudioFormat, CallerFrame, LineCommand, twilio};
use switchboard_actors::frame::Frame;
use switchboard_actors::line::messages::LineReport;
use switchboard_actors::profile::CallProfile;
use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::conversation::{SessionAction, SessionEvent};
use switchboard_actors::realtime::openai::session::Session;
use switchboard_actors::realtime::report::Words;
use switchboard_actors::transcript::log::ConversationLog;
use switchboard_actors::transcript::messages::Fact;

const MS: Duration = Duration::from_millis(1);

#[test]
fn an_hour_of_calls_leaves_nothing_behind() {
    for seed in 0..4 {
        let mut call = World::new(seed);
        let mut sizes = Vec::new();
        for minute in 1..=60 {
            call.run_until(call.began + minute * 60_000 * MS);
            assert_eq!(call.ending(), None, "seed {seed}: the call has ended in minute {minute}");
            // The call is at rest, so that data in transit does not count.
            call.rest();
            sizes.push(call.sizes());
            assert!(call.to_come.len() < 200, "{} events are to come", call.to_come.len());
        }
        for (what, size) in sizes.last().expect("an hour") {
            let early = sizes[10..25].iter().map(|sizes| sizes[what]).max().expect("its first half");
            assert!(*size <= early + early / 4 + 2_000, "seed {seed}: {what} has grown from {early} to {size}");
        }
        assert!(call.turns >= 200 && call.barge_ins >= 20 && call.tools >= 10, "an hour of conversation: {call:?}");
        let heard = call.heard.len();
        assert!(heard >= 200, "seed {seed}: {heard} items were heard");
        call.tell(CallEvent::Line(LineReport::Stopped));
        assert!(call.ending().is_some() && call.machine.deadline().is_none(), "the machine waits for nothing");
        call.run_until(call.now + 10_000 * MS);
        assert!(call.session.deadline().is_none(), "the session waits for {:?}", call.session.deadline());
        assert!(call.audio.deadline().is_none(), "the audio path waits for {:?}", call.audio.deadline());
        assert_eq!(call.dropped, 0, "seed {seed}: audio was dropped");
    }
}

/// An event at a scheduled time.
#[derive(Debug, Clone)]
enum Happening {
    /// A frame of the caller's audio arrives.
    Frame,
    /// The phone has played up to a mark, in one generation of its buffer.
    Played(u64, String),
    /// The model's server sends this event.
    Said(Value),
    /// The caller begins a turn.
    Speaks,
    /// The caller ends a turn.
    Ends(String),
    /// The caller presses a key.
    Key(char),
}

/// One call, its phone and its model.
#[derive(Debug)]
struct World {
    now: Instant,
    began: Instant,
    machine: CallMachine,
    audio: Pipeline,
    session: Session,
    log: ConversationLog,
    to_come: BTreeMap<(Instant, u64), Happening>,
    sequence: u64,
    dice: u64,
    // The phone's state.
    buffer_ends: Instant,
    generation: u64,
    marks: VecDeque<String>,
    frames: u64,
    speaking: bool,
    quiet: bool,
    // The model's state.
    attached: bool,
    responses: u64,
    answering: Option<String>,
    last_item: Option<String>,
    // The results.
    turns: u64,
    barge_ins: u64,
    tools: u64,
    dropped: u64,
    heard: Vec<u32>,
}

impl World {
    fn new(seed: u64) -> Self {
        let settings =
            [("realtime.audio_format", "g711"), ("limits.max_call_duration", "2h"), ("limits.idle_after", "60s")];
        let config = Config::builtin_with(&settings).expect("good settings");
        let profile: Arc<CallProfile> =
            Profiles::new(&config, Some("ws://127.0.0.1:1")).get("default", "en").expect("the shipped agent");
        let ProviderPlan::OpenAi(own) = &profile.model.provider else { panic!("the shipped provider") };
        let now = Instant::now();
        let mut world = Self {
            machine: CallMachine::new(Arc::clone(&profile), now),
            audio: Pipeline::new(AudioFormat::MULAW_8K, twilio::CARRIER.capabilities(), profile.playout_lead),
            session: Session::new(Arc::clone(&profile.model.common), Arc::clone(own), now),
            log: ConversationLog::new(now),
            began: now,
            now,
            to_come: BTreeMap::new(),
            sequence: 0,
            dice: seed,
            buffer_ends: now,
            generation: 0,
            marks: VecDeque::new(),
            frames: 0,
            speaking: false,
            quiet: false,
            attached: false,
            responses: 0,
            answering: None,
            last_item: None,
            turns: 0,
            barge_ins: 0,
            tools: 0,
            dropped: 0,
            heard: Vec::new(),
        };
        world.tell(CallEvent::Begun);
        world.at(0, Happening::Frame);
        world.at(6_000, Happening::Speaks);
        let mut actions = Vec::new();
        world.session.handle(SessionEvent::Opened, now, &mut actions);
        world.carry_out(actions);
        world.at(30, Happening::Said(json!({"type": "session.created", "session": {"id": "sess_1"}})));
        world
    }

    fn at(&mut self, ms: u64, happening: Happening) {
        self.sequence += 1;
        self.to_come.insert((self.now + Duration::from_millis(ms), self.sequence), happening);
    }

    fn below(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % sides
    }

    fn ending(&self) -> Option<switchboard_actors::ending::Ending> {
        self.machine.ending()
    }

    /// Handles all events up to this time, in order.
    fn run_until(&mut self, end: Instant) {
        loop {
            let machine = self.machine.deadline().map(|(at, _)| (at, 0));
            let audio = self.audio.deadline().map(|(at, _)| (at, 1));
            let session = self.session.deadline().map(|(at, _)| (at, 2));
            let event = self.to_come.keys().next().map(|(at, _)| (*at, 3));
            let Some((at, which)) = [machine, audio, session, event].into_iter().flatten().min() else { return };
            if at > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(at);
            match which {
                0 => self.tell(CallEvent::TimeUp),
                1 => self.audio(AudioEvent::Tick),
                2 => self.model(SessionEvent::DeadlinePassed),
                _ => {
                    let (_, happening) = self.to_come.pop_first().expect("it was seen");
                    self.happen(happening);
                }
            }
        }
    }

    /// Runs until everything is said and heard, without starting anything new.
    fn rest(&mut self) {
        self.quiet = true;
        for _ in 0..60 {
            self.run_until(self.now + 1_000 * MS);
            if self.machine.state() == "listening"
                && !self.speaking
                && self.answering.is_none()
                && self.marks.is_empty()
            {
                break;
            }
        }
        assert_eq!(self.machine.state(), "listening", "nothing comes to rest: {self:?}");
        self.quiet = false;
    }

    /// The size of each part. Unwanted growth shows here; the transcript grows with the
    /// conversation.
    fn sizes(&self) -> BTreeMap<&'static str, usize> {
        let size = |what: &dyn std::fmt::Debug| format!("{what:?}").len();
        [("machine", size(&self.machine)), ("audio", size(&self.audio)), ("session", size(&self.session))].into()
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Frame => {
                let byte = if self.speaking { 0x20 + (self.frames % 7) as u8 } else { 0xFF };
                let timestamp = Some(Duration::from_millis(20 * self.frames));
                self.audio(AudioEvent::CallerFrame(CallerFrame { timestamp, payload: Frame::copy_of(&[byte; 160]) }));
                self.frames += 1;
                if self.frames.is_multiple_of(50) {
                    self.tell(CallEvent::Line(LineReport::Alive));
                }
                self.at(20, Happening::Frame);
            }
            Happening::Played(generation, name) if generation == self.generation => {
                self.marks.retain(|mark| *mark != name);
                self.audio(AudioEvent::MarkEchoed(name));
            }
            Happening::Played(..) => {}
            Happening::Said(event) => {
                if event["type"] == "session.updated" {
                    self.attached = true;
                }
                if event["type"] == "response.done" {
                    self.answering = None;
                }
                self.model(SessionEvent::Text(&event.to_string()));
            }
            Happening::Speaks if self.quiet => self.at(2_000, Happening::Speaks),
            Happening::Speaks => self.speak(),
            Happening::Ends(item) => self.end_turn(&item),
            Happening::Key(key) => self.tell(CallEvent::Line(LineReport::KeyPressed(key))),
        }
    }

    fn speak(&mut self) {
        self.turns += 1;
        self.speaking = true;
        let item = format!("item_u{}", self.turns);
        if self.machine.state() == "speaking" {
            self.barge_ins += 1;
        }
        if let Some(response) = self.answering.take() {
            // The server cancels the response, so the rest of it is not sent.
            self.to_come.retain(|_, happening| !matches!(happening, Happening::Said(event) if event["response_id"] == *response || event["response"]["id"] == *response));
            self.at(5, Happening::Said(json!({"type": "response.done", "response": {"id": response, "status": "cancelled", "status_details": {"reason": "turn_detected"}}})));
        }
        self.happen(Happening::Said(
            json!({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": item}),
        ));
        let length = 600 + self.below(2_000);
        self.at(length, Happening::Ends(item));
        // Half of the turns begin while the last answer is playing.
        let pause = length + 1_500 + self.below(12_000);
        self.at(pause, Happening::Speaks);
        if self.below(20) == 0 {
            self.at(length + 4_000, Happening::Key('5'));
        }
    }

    fn end_turn(&mut self, item: &str) {
        self.speaking = false;
        let previous = self.last_item.replace(item.to_owned());
        self.happen(Happening::Said(
            json!({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 0, "item_id": item}),
        ));
        self.happen(Happening::Said(
            json!({"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": previous}),
        ));
        let message = json!({"id": item, "type": "message", "role": "user", "content": []});
        self.happen(Happening::Said(
            json!({"type": "conversation.item.added", "previous_item_id": previous, "item": message}),
        ));
        let late = 100 + self.below(1_500);
        self.at(
            late,
            Happening::Said(json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": item,
            "content_index": 0, "transcript": "and what does it cost", "usage": {"type": "duration", "seconds": 1.0}})),
        );
        self.answer(None);
    }

    /// Sends a response, faster than it plays.
    fn answer(&mut self, request: Option<&Value>) {
        if self.answering.is_some() {
            return;
        }
        self.responses += 1;
        let (response, item) = (format!("resp_{}", self.responses), format!("item_a{}", self.responses));
        self.answering = Some(response.clone());
        let metadata = request.map_or(Value::Null, |request| request["metadata"].clone());
        let delay = 80 + self.below(300);
        self.at(
            delay,
            Happening::Said(json!({"type": "response.created", "response": {"id": response, "metadata": metadata}})),
        );
        let previous = self.last_item.replace(item.clone());
        let message = json!({"id": item, "type": "message", "role": "assistant", "content": []});
        self.at(
            delay,
            Happening::Said(json!({"type": "conversation.item.added", "previous_item_id": previous, "item": message})),
        );
        let pieces = 5 + self.below(30);
        for piece in 0..pieces {
            let when = delay + 10 * piece;
            let delta = base64_simd::STANDARD.encode_to_string(vec![0x31; 1_600]);
            self.at(when, Happening::Said(json!({"type": "response.output_audio_transcript.delta", "response_id": response, "item_id": item, "delta": "word "})));
            self.at(when, Happening::Said(json!({"type": "response.output_audio.delta", "response_id": response, "item_id": item, "output_index": 0, "content_index": 0, "delta": delta})));
        }
        let end = delay + 10 * pieces + 5;
        self.at(
            end,
            Happening::Said(json!({"type": "response.output_audio.done", "response_id": response, "item_id": item})),
        );
        self.at(end, Happening::Said(json!({"type": "response.output_audio_transcript.done", "response_id": response, "item_id": item, "transcript": "word ".repeat(pieces as usize)})));
        let usage = json!({"input_token_details": {"text_tokens": 10, "audio_tokens": 20}, "output_token_details": {"text_tokens": 3, "audio_tokens": 9}});
        let mut output = json!([]);
        if self.below(12) == 0 && request.is_none() {
            self.tools += 1;
            let call = json!({"id": format!("item_f{}", self.responses), "type": "function_call", "status": "completed", "name": "save_answer",
                "call_id": format!("call_{}", self.responses), "arguments": "{\"key\":\"colour\",\"value\":\"red\"}"});
            self.at(end, Happening::Said(json!({"type": "response.output_item.done", "response_id": response, "output_index": 1, "item": call})));
            output = json!([call]);
        }
        self.at(end, Happening::Said(json!({"type": "response.done", "response": {"id": response, "status": "completed", "output": output, "usage": usage}})));
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever else there is or will be, this call has no use for it"
    )]
    fn tell(&mut self, event: CallEvent) {
        for action in self.machine.handle(event, self.now) {
            match action {
                CallAction::AttachModel => self
                    .audio(AudioEvent::ModelAttached { input: AudioFormat::MULAW_8K, output: AudioFormat::MULAW_8K }),
                CallAction::DetachModel => self.audio(AudioEvent::ModelDetached),
                CallAction::ClearPlayout { response } => self.audio(AudioEvent::ClearPlayout(response)),
                CallAction::TellWhenDrained => self.audio(AudioEvent::TellWhenDrained),
                CallAction::CallerTurn { open } => self.audio(AudioEvent::CallerTurn { open }),
                CallAction::Order(order) => self.model(SessionEvent::Ordered(order)),
                CallAction::Record(fact) => {
                    if let Fact::Heard { heard, .. } = &fact {
                        self.heard.push(u32::try_from(heard.as_millis()).expect("a short time"));
                    }
                    self.log.note(fact, self.now);
                }
                CallAction::CloseModel => {
                    self.model(SessionEvent::Ordered(switchboard_actors::realtime::messages::ModelOrder::Close));
                }
                CallAction::FinishAudio => {
                    self.to_come.clear();
                    self.audio(AudioEvent::ClearPlayout(None));
                }
                CallAction::Tell(_)
                | CallAction::TellSpent(_)
                | CallAction::CloseLine
                | CallAction::FinishRecord { .. }
                | CallAction::TellSupervisor { .. }
                | CallAction::Stop => {}
                other => panic!("this call has no use for {other:?}"),
            }
        }
    }

    fn audio(&mut self, event: AudioEvent) {
        let mut actions = Vec::new();
        self.audio.handle(event, self.now, &mut actions).expect("the formats fit");
        for action in actions {
            match action {
                AudioAction::ToModel(_) => assert!(self.attached, "caller audio before the session was ready"),
                AudioAction::ToLine(LineCommand::Play(frame)) => {
                    let length = AudioFormat::MULAW_8K.duration_of(frame.len());
                    self.buffer_ends = self.buffer_ends.max(self.now) + length;
                }
                AudioAction::ToLine(LineCommand::Mark(name)) => {
                    self.sequence += 1;
                    self.marks.push_back(name.clone());
                    let at = self.buffer_ends.max(self.now) + 60 * MS;
                    self.to_come.insert((at, self.sequence), Happening::Played(self.generation, name));
                }
                AudioAction::ToLine(LineCommand::Clear) => {
                    self.generation += 1;
                    self.buffer_ends = self.now;
                    for name in std::mem::take(&mut self.marks) {
                        self.sequence += 1;
                        let passed = Happening::Played(self.generation, name);
                        self.to_come.insert((self.now + 60 * MS, self.sequence), passed);
                    }
                }
                AudioAction::ToLine(LineCommand::HangUp | LineCommand::Close) => {}
                AudioAction::Report(report) => {
                    if let AudioReport::PlayoutOverflowed { .. } = report {
                        self.dropped += 1;
                    }
                    self.tell(CallEvent::Audio(report));
                }
                AudioAction::Record(_) | AudioAction::Overhear(_) => {}
                AudioAction::CountDrops { cause, frames } => {
                    // Audio that the caller interrupted is dropped on purpose.
                    if cause != switchboard_actors::audio::action::DropCause::Muted {
                        self.dropped += frames;
                    }
                }
            }
        }
    }

    fn model(&mut self, event: SessionEvent<'_>) {
        let mut actions = Vec::new();
        self.session.handle(event, self.now, &mut actions);
        self.carry_out(actions);
    }

    fn carry_out(&mut self, actions: Vec<SessionAction>) {
        for action in actions {
            match action {
                SessionAction::Send(text) => self.server_hears(&serde_json::from_str(&text).expect("our own JSON")),
                SessionAction::ToAudio(audio) => {
                    let (response, item, audio) = (audio.response, audio.item, audio.audio);
                    self.audio(AudioEvent::ModelAudio { response, item, audio });
                }
                SessionAction::Complete(complete) => self.audio(AudioEvent::ItemComplete(complete.item)),
                SessionAction::ToWords(words) => self.hear_words(words),
                SessionAction::Report(report) => self.tell(CallEvent::Model(report)),
                SessionAction::Ping => self.model(SessionEvent::Pong),
                SessionAction::SendAudio(_)
                | SessionAction::Pong(_)
                | SessionAction::ToLink(_)
                | SessionAction::ExpiresAt(_)
                | SessionAction::EndsIn(_)
                | SessionAction::Resumable(_)
                | SessionAction::Learned { .. }
                | SessionAction::Prepared
                | SessionAction::Close => {}
                SessionAction::Lose(loss) => panic!("the model was lost: {loss:?}"),
            }
        }
    }

    fn hear_words(&mut self, words: Words) {
        self.log.hear(words, self.now);
    }

    fn server_hears(&mut self, event: &Value) {
        match event["type"].as_str().expect("an event has a type") {
            "session.update" => {
                self.at(20, Happening::Said(json!({"type": "session.updated", "session": {"id": "sess_1"}})));
            }
            "response.create" => self.answer(Some(&event["response"])),
            "conversation.item.truncate" => {
                self.at(5, Happening::Said(json!({"type": "conversation.item.truncated", "item_id": event["item_id"], "content_index": 0, "audio_end_ms": event["audio_end_ms"]})));
            }
            "conversation.item.delete" => {
                self.at(5, Happening::Said(json!({"type": "conversation.item.deleted", "item_id": event["item_id"]})));
            }
            "conversation.item.create" => {
                let mut item = event["item"].clone();
                if item["id"].is_null() {
                    self.sequence += 1;
                    item["id"] = json!(format!("item_c{}", self.sequence));
                }
                let id = item["id"].as_str().expect("an id").to_owned();
                let previous = self.last_item.replace(id);
                self.at(
                    5,
                    Happening::Said(
                        json!({"type": "conversation.item.added", "previous_item_id": previous, "item": item}),
                    ),
                );
            }
            _ => {}
        }
    }
}
