//! One conversation with a client: incoming events, outgoing events, and deadlines. Pure: the socket
//! supplies the time.

mod appends;
mod ending;
mod speech;
mod start;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod work;

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard_actors::frame::Frame;

use self::ending::{Ending, Timer};
use super::backend::Backend;
use super::client::{self, Incoming};
use super::events::Events;
use super::hearing::{Fragment, Hearing};
use super::settings::Settings;
use super::voice::{Utterance, Voice};
use crate::tools::rehearsal::agenda::Agenda;
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::Out;
use crate::tools::rehearsal::protocol::ServerSession;
use crate::tools::rehearsal::script::Saying;
use crate::tools::rehearsal::sound::Sound;

/// The inputs of a new session.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    /// Maximum length of the session.
    pub(super) lifetime: Duration,
    /// The misbehaviour to rehearse.
    pub(super) misbehaviour: Rc<Misbehaviour>,
    /// The seed for ids and for what varies.
    pub(super) seed: u64,
    /// The wall clock in seconds since 1970.
    pub(super) epoch_s: u64,
}

/// One conversation with a client.
#[derive(Debug)]
pub(super) struct Session {
    id: String,
    expires_at: u64,
    phase: Phase,
    settings: Settings,
    hearing: Hearing,
    voice: Voice,
    backend: Backend,
    agenda: Agenda<Due>,
    events: Events,
    misbehaviour: Rc<Misbehaviour>,
    /// The client event that plays an own clip, while it plays.
    clip: Option<Option<String>>,
    /// Whether the model spoke when the caller's turn began, or began to.
    over_speech: bool,
    /// The caller's last turn, until it is answered.
    unanswered: Option<Sound>,
    /// What the model was told and has not used: keys, and orders in texts.
    told: Vec<String>,
    /// Delegations to the client that were not answered.
    delegated: Vec<String>,
    /// Turns that were handed to the backend.
    turns_delegated: u64,
    /// Responses of the backend that failed, as rehearsed.
    responses_failed: u64,
    /// Turns of the caller so far.
    turns: u64,
    /// Utterances so far: those that began, and those that ended.
    said: (u64, u64),
    /// Whether the content filter cuts the current utterance.
    filtered: bool,
    /// Pieces of the stream so far.
    pieces: u64,
    /// Session time of the last report of usage.
    reported_ms: u64,
    endings: Vec<(Instant, Timer)>,
    /// When audio last came.
    audio_at: Instant,
    ping_at: Instant,
    ping_every: Duration,
    /// Whether a ping is still unanswered.
    unanswered_ping: bool,
}

/// How far a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// It waits for its start.
    Silent,
    /// The start came with this id.
    Starting(Option<String>),
    /// It runs.
    Running,
    /// It is over, or its start was refused.
    Over,
}

/// Something to do at a session time.
#[derive(Debug)]
enum Due {
    /// Acknowledge an appended text: the event, and the client's id of the text.
    Appended(&'static str, Option<String>),
    /// Say something.
    Say(Utterance),
    /// Stop speaking, by order.
    Stop,
    /// Send words of the caller.
    Words(Fragment),
    /// Hand over work.
    Delegate(Vec<Saying>),
    /// Let the backend's response go on.
    Respond,
    /// Say that the work of this delegation has begun.
    Acknowledge(String),
}

impl Session {
    /// Opens a session, which is silent until its start.
    pub(super) fn open(opening: &Opening, now: Instant) -> Self {
        let misbehaviour = Rc::clone(&opening.misbehaviour);
        let mut events = Events::new(opening.seed, &misbehaviour);
        let lifetime = misbehaviour.expire_after_ms.map_or(opening.lifetime, Duration::from_millis);
        let settings = Settings::none();
        let ping_every = misbehaviour.ping_every_ms.map_or(PING_EVERY, |ms| Duration::from_millis(ms.max(10)));
        let endings = [
            (misbehaviour.close_after_ms, Timer::Close),
            (misbehaviour.drop_after_ms, Timer::Drop),
            (misbehaviour.content_after_ms, Timer::End(Ending::Content)),
        ];
        let endings = endings.into_iter().filter_map(|(ms, end)| Some((now + Duration::from_millis(ms?), end)));
        let endings = endings.chain([(now + lifetime, Timer::End(Ending::Expired))]).collect();
        Self {
            id: events.id("live"),
            expires_at: opening.epoch_s + lifetime.as_secs(),
            phase: Phase::Silent,
            hearing: Hearing::new(settings.format()),
            voice: Voice::new(settings.format(), 0),
            settings,
            backend: Backend::default(),
            agenda: Agenda::new(),
            events,
            misbehaviour,
            clip: None,
            over_speech: false,
            unanswered: None,
            told: Vec::new(),
            delegated: Vec::new(),
            turns_delegated: 0,
            responses_failed: 0,
            turns: 0,
            said: (0, 0),
            filtered: false,
            pieces: 0,
            reported_ms: 0,
            endings,
            audio_at: now,
            ping_at: now + ping_every,
            ping_every,
            unanswered_ping: false,
        }
    }

    fn handle(&mut self, event: &Value, now: Instant) -> Result<(), Fault> {
        let id = event["event_id"].as_str();
        let text = |key: &str| event[key].as_str().unwrap_or_default();
        match text("type") {
            "session.start" => Err(Fault::request("invalid_event", "The session has already started.")),
            "session.update" => {
                self.settings.update(&event["session"])?;
                if !Misbehaviour::on(self.misbehaviour.no_updated) {
                    self.send_session("session.updated", id);
                }
                Ok(())
            }
            "session.input_audio.append" => self.append(text("audio"), now),
            "session.input_audio.mute" => {
                self.hearing.mute(true);
                self.events.send("session.input_audio.muted", id, json!({}));
                Ok(())
            }
            "session.input_audio.unmute" => {
                self.hearing.mute(false);
                self.events.send("session.input_audio.unmuted", id, json!({}));
                Ok(())
            }
            "session.output_audio.fixture.play" => self.play(text("audio"), id),
            "session.instructions.append" | "session.thinking.append" | "session.commentary.append" => {
                self.append_text(event)
            }
            "response.item.create" => {
                self.check_hosted("response.item.create")?;
                self.backend.take(&event["item"])
            }
            "response.create" => self.respond(),
            "session.close" => {
                self.end(Ending::Requested, id);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Takes a piece of the caller's audio, and with it lets time pass.
    fn append(&mut self, audio: &str, now: Instant) -> Result<(), Fault> {
        let invalid = |message: &str| Fault::request("invalid_audio", message).at("audio");
        if audio.len() > MOST_APPENDED / 3 * 4 {
            return Err(invalid("The audio is too long for one event."));
        }
        let bytes = Frame::of_base64(audio).map_err(|_| invalid("Expected audio in base64."))?;
        if bytes.is_empty() || bytes.len() % self.settings.format().sample_bytes() != 0 {
            return Err(invalid("Expected at least one sample, and whole ones."));
        }
        self.audio_at = now;
        self.hear(&bytes, now);
        self.advance(now);
        Ok(())
    }

    /// Does everything that is due by the session's clock.
    fn advance(&mut self, now: Instant) {
        let ms = self.hearing.ms();
        while self.phase == Phase::Running {
            let piece_at = self.voice.next_at();
            if let Some(at) = self.agenda.next_at().filter(|at| *at <= ms.min(piece_at))
                && let Some(due) = self.agenda.take(at)
            {
                self.perform(due, at, now);
            } else if piece_at <= ms {
                self.send_piece(now);
            } else {
                break;
            }
        }
        if self.phase == Phase::Running && ms / USAGE_EVERY_MS > self.reported_ms / USAGE_EVERY_MS {
            self.reported_ms = ms / USAGE_EVERY_MS * USAGE_EVERY_MS;
            // A hundred and twenty-eight thousand tokens, of which a second has about ten.
            let ratio = ms as f64 / 12_800_000.0;
            let usage = json!({"usage": {"seconds": ms / 1000}, "context_window": {"usage_ratio": ratio.min(1.0)}});
            self.events.send("session.usage.updated", None, usage);
        }
    }

    fn perform(&mut self, due: Due, at: u64, now: Instant) {
        match due {
            Due::Appended(kind, about) => self.appended(kind, about.as_deref(), at),
            Due::Say(utterance) => self.say(utterance, at),
            Due::Stop => self.voice.stop(),
            Due::Words(Fragment { text, start_ms, end_ms }) => {
                let words = json!({"delta": text, "start_ms": start_ms, "end_ms": end_ms});
                self.events.send("session.input_transcript.delta", None, words);
            }
            Due::Delegate(sayings) => self.delegate(sayings, at),
            Due::Respond => self.go_on(at, now),
            Due::Acknowledge(delegation) => self.acknowledge(&delegation, at),
        }
    }

    fn send_session(&mut self, kind: &str, about: Option<&str>) {
        let mut session = self.settings.object(&self.id, self.expires_at);
        if let Some(least) = self.misbehaviour.big_updated_bytes {
            let padding = "\n[rehearsed length]".repeat(least.min(LARGEST_EVENT) as usize / 19 + 1);
            session["instructions"] =
                json!(format!("{}{padding}", session["instructions"].as_str().unwrap_or_default()));
        }
        self.events.send(kind, about, json!({"session": session}));
    }

    fn refuse(&mut self, fault: &Fault, about: Option<&str>, now: Instant) {
        if self.phase == Phase::Silent {
            self.refuse_start(fault, now);
        } else {
            self.events.refuse(fault, about);
        }
    }
}

impl ServerSession for Session {
    fn hear_text(&mut self, text: &str, now: Instant) {
        if self.phase == Phase::Over {
            return;
        }
        let is_running = self.phase == Phase::Running;
        let early = || Fault::request("invalid_event", "The session has not started.");
        match client::read(text) {
            Ok(Incoming::Append(audio)) => {
                let appended = if is_running { self.append(audio, now) } else { Err(early()) };
                if let Err(fault) = appended {
                    self.refuse(&fault, None, now);
                }
            }
            Ok(Incoming::Event(event)) => {
                let handled = match event["type"].as_str() {
                    Some("session.start") if self.phase == Phase::Silent => self.start(&event, now),
                    _ if is_running => self.handle(&event, now),
                    _ => Err(early()),
                };
                if let Err(fault) = handled {
                    self.refuse(&fault, event["event_id"].as_str(), now);
                }
            }
            Err(refused) => self.refuse(&refused.fault, refused.event_id.as_deref(), now),
        }
    }

    fn hear_binary(&mut self, _: &[u8], now: Instant) {
        if self.phase != Phase::Over {
            self.refuse(&client::binary(), None, now);
        }
    }

    fn hear_pong(&mut self) {
        self.unanswered_ping = false;
    }

    fn next_out(&mut self) -> Option<Out> {
        self.events.next()
    }

    fn waiting(&self) -> usize {
        self.events.waiting()
    }

    fn deadline(&self) -> Instant {
        let silent = (self.phase == Phase::Running).then(|| self.audio_at + LONGEST_SILENCE);
        let endings = self.endings.iter().map(|(at, _)| *at);
        endings.chain(silent).fold(self.ping_at, Instant::min)
    }

    fn tick(&mut self, now: Instant) {
        if self.ping_at <= now {
            self.ping(now);
        }
        if self.phase == Phase::Running && self.audio_at + LONGEST_SILENCE <= now {
            self.end(Ending::Expired, None);
        }
        while let Some(place) = self.endings.iter().position(|(at, _)| *at <= now) {
            let (_, timer) = self.endings.swap_remove(place);
            self.run_out(timer, now);
        }
    }
}

/// Maximum length of the audio in one event.
const MOST_APPENDED: usize = 15 * 1024 * 1024;
/// Maximum rehearsed length of an event: what a client with a reasonable limit accepts.
const LARGEST_EVENT: u64 = 15 * 1024 * 1024;
/// Session time between two reports of usage.
const USAGE_EVERY_MS: u64 = 15_000;
/// How long the server waits for audio.
const LONGEST_SILENCE: Duration = Duration::from_millis(30_975);
/// Ping interval. That of the real server is not known.
const PING_EVERY: Duration = Duration::from_secs(20);
