//! A whole call without actors: the call machine, the sessions, the audio path and the transcript,
//! as they are in the service, between a phone and scripted servers. Time is simulated.

mod actions;
mod links;
mod told;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_actors::audio::pipeline::{AudioEvent, Pipeline};
use switchboard_actors::call::machine::{CallMachine, Means};
use switchboard_actors::call::steps::{CallEvent, Note};
use switchboard_actors::carrier::{CallerFrame, Carrier};
use switchboard_actors::ending::Ending;
use switchboard_actors::frame::Frame;
use switchboard_actors::ids::{CallId, CarrierCallId, ItemId, Private, StreamId, ToolCallId};
use switchboard_actors::line::identity::{CallIdentity, Direction};
use switchboard_actors::line::messages::LineReport;
use switchboard_actors::profile::CallProfile;
use switchboard_actors::realtime::clips::messages::FetchedClip;
use switchboard_actors::realtime::conversation::SessionEvent;
use switchboard_actors::realtime::messages::ModelOrder;
use switchboard_actors::realtime::named::LinkOrder;
use switchboard_actors::realtime::report::{LossClass, ModelLoss, ModelReport};
use switchboard_actors::realtime::sessions::{ClipFetched, LegId, Sessions, SessionsEvent};
use switchboard_actors::transcript::log::{Conversation, ConversationLog};
use switchboard_actors::transcript::messages::{Fact, Tally};
use switchboard_actors::transcript::record::{CallSettings, Closing, Record};

use crate::phone::Phone;
use crate::server::{Known, Message, Mind, Server, ms};

/// A call.
pub(crate) struct Call {
    pub(crate) now: Instant,
    pub(crate) began: Instant,
    profile: Arc<CallProfile>,
    identity: CallIdentity,
    machine: CallMachine,
    sessions: Sessions,
    pipeline: Pipeline,
    log: ConversationLog,
    pub(crate) phone: Phone,
    pub(crate) mind: Rc<RefCell<Mind>>,
    /// The servers that have a socket, and those that had one.
    pub(crate) servers: Vec<Seated>,
    jobs: VecDeque<Job>,
    later: Vec<(Instant, Job)>,
    /// What happens to the next dials. Afterwards each succeeds after 100 ms.
    pub(crate) dials: VecDeque<Dial>,
    /// The model whose server is out of reach.
    pub(crate) down: Option<String>,
    /// How long each session says that it lasts.
    pub(crate) session_lasts: Option<Duration>,
    /// How long an operator's tool takes.
    pub(crate) tool_takes: Duration,
    pub(crate) facts: Vec<(Instant, Fact)>,
    pub(crate) notes: Vec<Note>,
    pub(crate) reports: Vec<(Instant, ModelReport)>,
    /// What became of exact words: played from a recording, or left to the model.
    pub(crate) clips: Vec<&'static str>,
    /// The calls of operators' tools that ran.
    pub(crate) tools_run: Vec<ToolCallId>,
    /// The end of the call, and what the phone had played when its line was closed.
    pub(crate) ended: Option<End>,
    model_over: bool,
    attached: bool,
    next_alive: Instant,
}

/// The end of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) at: Instant,
    pub(crate) ending: Ending,
    pub(crate) tally: Tally,
    /// Whether audio was left that the caller had not heard.
    pub(crate) cut_off: bool,
}

/// A server with its socket.
pub(crate) struct Seated {
    pub(crate) leg: LegId,
    model: String,
    pub(crate) is_open: bool,
    pub(crate) server: Box<dyn Server>,
}

/// What happens to a dial.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dial {
    /// It succeeds after this time.
    Succeeds(Duration),
    /// It fails after this time.
    Fails(Duration),
}

enum Job {
    Call(CallEvent),
    Audio(AudioEvent),
    Order(ModelOrder),
    CallerAudio(Frame),
    Dialled(LegId, String, Box<dyn Server>),
    DialFailed(LegId),
    Message(LegId, Message),
    Pong(LegId),
    ClipMade(u64),
    /// Something of a server is due.
    Wake,
}

impl Call {
    /// A call of `carrier` that begins now.
    pub(crate) fn begin(profile: CallProfile, carrier: Carrier, mark_delay: Duration) -> Self {
        Self::prepare(profile, carrier, mark_delay).started()
    }

    /// A call before anything happened.
    pub(crate) fn prepare(profile: CallProfile, carrier: Carrier, mark_delay: Duration) -> Self {
        let now = switchboard_actors::clock::now();
        let (profile, can) = (Arc::new(profile), carrier.capabilities());
        let phone = Phone::new(can, mark_delay, now);
        let identity = CallIdentity {
            id: CallId::random(),
            carrier,
            carrier_call: CarrierCallId::new("CA1"),
            stream: StreamId::new("MZ1"),
            direction: Direction::Inbound,
            from: Private::new("+15550100001".to_owned()),
            to: Private::new("+15550100002".to_owned()),
            line: phone.format(),
            started_at: chrono::DateTime::UNIX_EPOCH,
            parameters: Private::default(),
        };
        Self {
            now,
            began: now,
            machine: CallMachine::new(Arc::clone(&profile), now).with_means(Means::default()),
            sessions: Sessions::new(Arc::clone(&profile.model), now).of_caller(Some("hash".to_owned())),
            pipeline: Pipeline::new(phone.format(), can, profile.playout_lead),
            log: ConversationLog::new(now),
            phone,
            identity,
            profile,
            mind: Rc::default(),
            servers: Vec::new(),
            jobs: VecDeque::new(),
            later: Vec::new(),
            dials: VecDeque::new(),
            down: None,
            session_lasts: None,
            tool_takes: ms(300),
            facts: Vec::new(),
            notes: Vec::new(),
            reports: Vec::new(),
            clips: Vec::new(),
            tools_run: Vec::new(),
            ended: None,
            model_over: false,
            attached: false,
            next_alive: now,
        }
    }

    pub(crate) fn started(mut self) -> Self {
        self.on_sessions(SessionsEvent::Started);
        self.jobs.push_back(Job::Call(CallEvent::Begun));
        self.settle();
        self
    }

    /// An event from outside.
    pub(crate) fn on(&mut self, event: CallEvent) {
        self.jobs.push_back(Job::Call(event));
        self.settle();
    }

    /// The caller says `words` for this long.
    pub(crate) fn caller_says(&mut self, words: &str, length: Duration) {
        words.clone_into(&mut self.mind.borrow_mut().caller_says);
        self.phone.speaks_until = self.phone.next_frame.max(self.now) + length;
    }

    /// The caller says `words` and waits until the agent has answered, at most ten seconds.
    pub(crate) fn caller_asks(&mut self, words: &str) {
        let before = self.phone.loud(self.now);
        self.caller_says(words, ms(1_000));
        self.run(1_000);
        self.run_until(10_000, |call| call.phone.loud(call.now) > before + ms(300));
        self.run_until(10_000, Self::is_quiet);
        self.run(1_200);
    }

    /// Whether the caller hears nothing, and nothing is on its way.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.phone.is_silent(self.now) && self.machine.state() == "listening"
    }

    /// A key is pressed.
    pub(crate) fn presses(&mut self, keys: &str) {
        for key in keys.chars() {
            self.on(CallEvent::Line(LineReport::KeyPressed(key)));
            self.run(200);
        }
    }

    /// The newest server.
    pub(crate) fn server(&mut self) -> &mut dyn Server {
        &mut *self.servers.last_mut().expect("a server").server
    }

    /// A server sends a message out of its script.
    pub(crate) fn server_sends(&mut self, message: Message) {
        let leg = self.servers.last().expect("a server").leg;
        self.jobs.push_back(Job::Message(leg, message));
        self.settle();
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, length_ms: u64) {
        let until = self.now + ms(length_ms);
        self.run_to(until, |_| false);
        self.now = until;
    }

    /// Lets time pass until `is_so`, at most this long. Returns whether it became so.
    pub(crate) fn run_until(&mut self, most_ms: u64, is_so: impl FnMut(&mut Self) -> bool) -> bool {
        let until = self.now + ms(most_ms);
        self.run_to(until, is_so)
    }

    fn run_to(&mut self, until: Instant, mut is_so: impl FnMut(&mut Self) -> bool) -> bool {
        let (mut steps, mut at) = (0, self.now);
        loop {
            self.settle();
            if is_so(self) {
                return true;
            }
            let next = self.next();
            if next > until {
                return false;
            }
            steps = if next > at { 0 } else { steps + 1 };
            assert!(steps < 1_000, "a deadline is not met, and time stands still: {:?}", self.machine.deadline());
            self.now = self.now.max(next);
            at = self.now;
            self.fire();
        }
    }

    /// When something happens next.
    fn next(&self) -> Instant {
        let machine = self.machine.deadline().filter(|_| self.ended.is_none()).map(|(at, _)| at);
        let sessions = self.sessions.deadline().filter(|_| !self.model_over);
        let pipeline = self.pipeline.deadline().filter(|_| self.ended.is_none()).map(|(at, _)| at);
        let later = self.later.iter().map(|(at, _)| *at);
        let phone = self.ended.is_none().then(|| self.phone.due().min(self.next_alive));
        later.chain([machine, sessions, pipeline, phone].into_iter().flatten()).min().unwrap_or(self.now + FAR)
    }

    fn fire(&mut self) {
        let now = self.now;
        while let Some(at) = self.later.iter().position(|(at, _)| *at <= now) {
            let (_, job) = self.later.remove(at);
            self.jobs.push_back(job);
        }
        if self.ended.is_none() {
            if self.next_alive <= now {
                self.next_alive += ms(1_000);
                self.jobs.push_back(Job::Call(CallEvent::Line(LineReport::Alive)));
            }
            for name in self.phone.due_echoes(now) {
                self.jobs.push_back(Job::Audio(AudioEvent::MarkEchoed(name)));
            }
            if let Some(payload) = self.phone.frame(now) {
                let frame = CallerFrame { timestamp: Some(now - self.began), payload: Frame::copy_of(&payload) };
                self.jobs.push_back(Job::Audio(AudioEvent::CallerFrame(frame)));
            }
            self.settle();
            if self.machine.deadline().is_some_and(|(at, _)| at <= now) {
                self.jobs.push_back(Job::Call(CallEvent::TimeUp));
            }
            if self.pipeline.deadline().is_some_and(|(at, _)| at <= now) {
                self.jobs.push_back(Job::Audio(AudioEvent::Tick));
            }
        }
        self.settle();
        if self.sessions.deadline().is_some_and(|at| at <= now) && !self.model_over {
            self.on_sessions(SessionsEvent::DeadlinePassed);
        }
        self.settle();
    }

    /// Does everything that can be done now.
    fn settle(&mut self) {
        loop {
            self.servers_speak();
            let Some(job) = self.jobs.pop_front() else { return };
            self.perform(job);
        }
    }

    /// Takes the servers' messages as they are due. A message that is due later comes later.
    fn servers_speak(&mut self) {
        let now = self.now;
        for seated in &mut self.servers {
            let due = seated.server.due_messages(now);
            if seated.is_open {
                self.jobs.extend(due.into_iter().map(|message| Job::Message(seated.leg, message)));
            }
        }
        self.later.retain(|(_, job)| !matches!(job, Job::Wake));
        let next =
            self.servers.iter_mut().filter(|seated| seated.is_open).filter_map(|seated| seated.server.base().due());
        // A wake-up without a purpose of its own.
        self.later.extend(next.min().map(|at| (at, Job::Wake)));
    }

    fn perform(&mut self, job: Job) {
        match job {
            Job::Call(event) => {
                for action in self.machine.handle(event, self.now) {
                    self.act(action);
                }
            }
            Job::Audio(event) => self.on_audio(event),
            Job::Order(order) => self.on_sessions(SessionsEvent::Ordered(order)),
            Job::CallerAudio(frame) => self.on_sessions(SessionsEvent::CallerAudio(frame)),
            Job::Dialled(leg, model, mut server) => {
                server.opened(self.now);
                self.servers.push(Seated { leg, model, is_open: true, server });
                let epoch_s = (self.now - self.began).as_secs_f64();
                self.on_sessions(SessionsEvent::Dialled { leg, said: Vec::new(), epoch_s });
            }
            Job::DialFailed(leg) => {
                let loss = ModelLoss { class: LossClass::Retryable, reason: "refused".to_owned() };
                self.on_sessions(SessionsEvent::Session { leg, event: SessionEvent::DialFailed(loss) });
            }
            Job::Message(leg, Message::Text(text)) => {
                self.on_sessions(SessionsEvent::Session { leg, event: SessionEvent::Text(&text) });
            }
            Job::Message(leg, Message::Binary(bytes)) => {
                self.on_sessions(SessionsEvent::Session { leg, event: SessionEvent::Binary(&bytes) });
            }
            Job::Message(leg, Message::Link(came)) => {
                self.on_sessions(SessionsEvent::Session { leg, event: came.event() });
            }
            Job::ClipMade(question) => {
                let made = Ok(FetchedClip { samples: tone(CLIP).into(), characters: 0 });
                self.on_sessions(SessionsEvent::ClipFetched(ClipFetched { question, made }));
            }
            Job::Wake => {}
            Job::Pong(leg) => self.on_sessions(SessionsEvent::Session { leg, event: SessionEvent::Pong }),
        }
    }
}

/// A recording of exact words: a tone of this length.
fn tone(length: Duration) -> Vec<i16> {
    (0..length.as_millis() * 8).map(|at| ((at as f32 * 0.3).sin() * 8_000.0) as i16).collect()
}

/// The length of every recording.
pub(crate) const CLIP: Duration = Duration::from_millis(1_500);
const FAR: Duration = Duration::from_secs(86_400);
