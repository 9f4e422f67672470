//! What the scripted servers share: the model behind them, their ears, and their outgoing messages.
//! They are written from the providers' documents and share no code with what they are played
//! against.

pub(crate) mod cascade;
pub(crate) mod gemini;
pub(crate) mod live;
pub(crate) mod realtime;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;
use switchboard_actors::carrier::{AudioFormat, Encoding};
use switchboard_actors::g711;
use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::named::LinkOrder;
use switchboard_actors::realtime::plan::SessionPlan;

use self::cascade::FromLink;
use crate::call::Dial;

/// A server of one session.
pub(crate) trait Server {
    /// The socket is open.
    fn opened(&mut self, now: Instant);
    /// The client sent a message.
    fn hear(&mut self, message: &Value, now: Instant);
    /// The client orders something of a link that it opens itself. `dial` is what happens to whatever
    /// is opened or asked by it.
    fn order(&mut self, order: LinkOrder, _dial: Dial, _: Instant) {
        self.base().is_wrong(format!("a link of its own: {order:?}"));
    }
    /// All links break, if the client opens them itself. Returns whether it does; then it repairs
    /// them by itself too.
    fn lose_links(&mut self, _: Instant) -> bool {
        false
    }
    /// The messages to send now.
    fn due_messages(&mut self, now: Instant) -> Vec<Message> {
        self.base().take_due(now).into_iter().map(|(message, _)| message).collect()
    }
    /// The session ends by itself in this time, and the server says so if its protocol can.
    fn ends_in(&mut self, left: Duration, now: Instant);
    /// Messages that make no sense in this protocol.
    fn garbage(&self) -> Vec<Message>;
    /// What all servers have.
    fn base(&mut self) -> &mut Base;
}

/// A message of a server.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// Something of a link that the client has opened itself.
    Link(FromLink),
}

/// The server that a plan expects. A new provider needs an arm here, and so a server.
pub(crate) fn server_of(plan: &SessionPlan, mind: &Rc<RefCell<Mind>>, now: Instant) -> Box<dyn Server> {
    let can = plan.capabilities();
    let base = Base::new(can.input, can.output, Rc::clone(mind), now);
    match &plan.provider {
        ProviderPlan::OpenAi(_) => Box::new(realtime::Realtime::new(base)),
        ProviderPlan::OpenAiLive(_) => Box::new(live::Live::new(base)),
        ProviderPlan::Gemini(_) => Box::new(gemini::Gemini::new(base)),
        ProviderPlan::Cascade(_) => Box::new(cascade::Cascade::new(base)),
    }
}

/// The model of a call, whichever server it speaks through: what it does at the end of the caller's
/// turns, and what it said.
#[derive(Debug, Default)]
pub(crate) struct Mind {
    /// What it does at the end of the caller's next turns. Afterwards it answers [`USUAL_ANSWER`].
    pub(crate) turns: VecDeque<Deed>,
    /// The words that the caller says now.
    pub(crate) caller_says: String,
    /// Everything that it began to say, in order.
    pub(crate) said: Vec<String>,
    /// The number of the last call of a tool.
    pub(crate) calls: u64,
    /// Whether each call of a tool is sent twice.
    pub(crate) repeats_calls: bool,
}

/// What a model does at the end of the caller's turn.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    /// It says these words, 15 letters a second.
    Says(String),
    /// It calls a tool with these arguments.
    Calls(&'static str, Value),
    /// It does nothing.
    Nothing,
}

/// What a model learned, in the order in which it learned it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Known {
    /// The prompt in force from here on.
    Prompt(String),
    /// A text of the conversation, with its role.
    Text(String, String),
    /// An order to speak.
    Asked(String),
    /// The result of a tool call.
    Result(String, String),
    /// An item was cut to this length, in ms.
    Cut(String, u64),
    /// An item was deleted.
    Deleted(String),
}

/// What all servers have.
pub(crate) struct Base {
    /// The format of the caller's audio.
    pub(crate) input: AudioFormat,
    /// The format of the agent's audio.
    pub(crate) output: AudioFormat,
    pub(crate) mind: Rc<RefCell<Mind>>,
    /// What the model learned.
    pub(crate) knows: Vec<Known>,
    /// What the client did against the protocol.
    pub(crate) wrong: Vec<String>,
    /// When the session ends, in seconds since 1970, if it says so in its first message.
    pub(crate) expires_at: Option<f64>,
    /// Whether the client ended the session in the protocol's own way, or the socket.
    pub(crate) ended: bool,
    pub(crate) ears: Ears,
    scheduled: BTreeMap<(Instant, u64), Outgoing>,
    number: u64,
}

/// A message to be sent.
struct Outgoing {
    message: Message,
    /// The response that it belongs to.
    of: Option<String>,
    /// The audio in it, in ms.
    ms: u64,
}

impl Base {
    pub(crate) fn new(input: AudioFormat, output: AudioFormat, mind: Rc<RefCell<Mind>>, _: Instant) -> Self {
        Self {
            input,
            output,
            mind,
            knows: Vec::new(),
            wrong: Vec::new(),
            expires_at: None,
            ended: false,
            ears: Ears::new(input),
            scheduled: BTreeMap::new(),
            number: 0,
        }
    }

    /// Sends `event` as text at this time.
    pub(crate) fn send(&mut self, at: Instant, event: &Value) {
        self.schedule(at, Message::Text(event.to_string()), None, 0);
    }

    /// Sends a message at this time, as a part of a response, with this much audio in it.
    pub(crate) fn schedule(&mut self, at: Instant, message: Message, of: Option<&str>, ms: u64) {
        self.number += 1;
        self.scheduled.insert((at, self.number), Outgoing { message, of: of.map(str::to_owned), ms });
    }

    /// Takes back what is not sent of a response.
    pub(crate) fn take_back(&mut self, response: &str) {
        self.scheduled.retain(|_, outgoing| outgoing.of.as_deref() != Some(response));
    }

    /// Something comes of a link at this time, as a part of what is named.
    pub(crate) fn comes(&mut self, at: Instant, came: FromLink, of: impl Into<String>) {
        self.schedule(at, Message::Link(came), Some(&of.into()), 0);
    }

    /// Takes back what is not sent of everything whose name begins so. Returns whether there was any.
    pub(crate) fn take_back_all(&mut self, beginning: &str) -> bool {
        let before = self.scheduled.len();
        self.scheduled.retain(|_, outgoing| !outgoing.of.as_deref().is_some_and(|of| of.starts_with(beginning)));
        self.scheduled.len() < before
    }

    /// Takes the messages to send now, each with the ms of audio in it.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<(Message, u64)> {
        let later = self.scheduled.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.scheduled, later);
        due.into_values().map(|it| (it.message, it.ms)).collect()
    }

    /// When the next message is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.scheduled.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Notes something that the client did wrong.
    pub(crate) fn is_wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    /// What the model does at the end of the caller's turn.
    pub(crate) fn deed(&mut self) -> Deed {
        let next = self.mind.borrow_mut().turns.pop_front();
        next.unwrap_or_else(|| Deed::Says(USUAL_ANSWER.to_owned()))
    }

    /// The words of the caller's turn that has ended.
    pub(crate) fn caller_words(&self) -> String {
        std::mem::take(&mut self.mind.borrow_mut().caller_says)
    }

    /// Notes that the model says `words`; returns how long they last, in ms.
    pub(crate) fn says(&self, words: &str) -> u64 {
        self.mind.borrow_mut().said.push(words.to_owned());
        length_ms(words)
    }

    /// Notes that a voice begins to say an answer with these words. Returns its place.
    pub(crate) fn begins_to_say(&self, words: &str) -> usize {
        let said = &mut self.mind.borrow_mut().said;
        said.push(words.to_owned());
        said.len() - 1
    }

    /// Notes that a voice says these words too.
    pub(crate) fn goes_on_saying(&self, place: usize, words: &str) {
        let said = &mut self.mind.borrow_mut().said;
        match said.get_mut(place) {
            Some(said) => *said = format!("{said} {words}"),
            None => said.push(words.to_owned()),
        }
    }

    /// The id of a new call of a tool. It is unique in the call, whichever server makes it.
    pub(crate) fn next_call(&self) -> String {
        let mut mind = self.mind.borrow_mut();
        mind.calls += 1;
        format!("call_{}", mind.calls)
    }

    /// This much of the agent's voice.
    pub(crate) fn voice(&self, ms: u64) -> Vec<u8> {
        tone(self.output, ms)
    }
}

/// Ears that hear turns by their level. Time is the time of the audio.
#[derive(Debug)]
pub(crate) struct Ears {
    format: AudioFormat,
    /// The silence that ends a turn, in ms.
    ends_after_ms: u64,
    /// All audio so far, in ms.
    pub(crate) ms: u64,
    loud_ms: u64,
    quiet_ms: u64,
    /// Where the caller's turn began.
    pub(crate) turn_from: Option<u64>,
}

/// What ears noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noticed {
    Began,
    Ended,
}

impl Ears {
    fn new(format: AudioFormat) -> Self {
        Self::ending_after(format, TURN_ENDS_AFTER_MS)
    }

    /// Ears for which so much silence ends a turn.
    pub(crate) fn ending_after(format: AudioFormat, ends_after_ms: u64) -> Self {
        Self { format, ends_after_ms, ms: 0, loud_ms: 0, quiet_ms: 0, turn_from: None }
    }

    /// Forgets an open turn.
    pub(crate) fn forget(&mut self) {
        (self.loud_ms, self.quiet_ms, self.turn_from) = (0, 0, None);
    }

    pub(crate) fn hear(&mut self, audio: &[u8]) -> Option<Noticed> {
        let ms = (audio.len() / self.format.bytes_per_ms()) as u64;
        self.ms += ms;
        if is_loud(self.format, audio) {
            (self.loud_ms, self.quiet_ms) = (self.loud_ms + ms, 0);
        } else {
            (self.loud_ms, self.quiet_ms) = (0, self.quiet_ms + ms);
        }
        if self.turn_from.is_none() && self.loud_ms >= BELIEVED_AFTER_MS {
            self.turn_from = Some(self.ms.saturating_sub(self.loud_ms));
            return Some(Noticed::Began);
        }
        if self.turn_from.is_some() && self.quiet_ms >= self.ends_after_ms {
            self.turn_from = None;
            return Some(Noticed::Ended);
        }
        None
    }
}

/// The words of an order to speak: the exact ones if it has some, else some that fit.
pub(crate) fn words_for(order: &str) -> String {
    let exact = order.split_once("exactly").and_then(|(_, rest)| rest.split_once('“'));
    let exact = exact.and_then(|(_, rest)| rest.split_once('”'));
    exact.map_or_else(|| USUAL_WORDS.to_owned(), |(words, _)| words.to_owned())
}

/// How long words last, in ms.
pub(crate) fn length_ms(words: &str) -> u64 {
    (words.chars().count() as u64 * 1000 / LETTERS_A_SECOND).div_ceil(100) * 100
}

/// How many letters of `words` are said within this time.
pub(crate) fn words_within(words: &str, ms: u64) -> usize {
    let letters = (ms * LETTERS_A_SECOND / 1000) as usize;
    words.char_indices().nth(letters).map_or(words.len(), |(at, _)| at)
}

/// A tone of this length. It is as loud as a voice.
pub(crate) fn tone(format: AudioFormat, ms: u64) -> Vec<u8> {
    let period = u64::from(format.rate_hz) / 500;
    let samples: Vec<i16> = (0..ms * u64::from(format.rate_hz) / 1000)
        .map(|at| if at % period < period / 2 { 8_000 } else { -8_000 })
        .collect();
    encoded(format, &samples)
}

pub(crate) fn silence(format: AudioFormat, ms: u64) -> Vec<u8> {
    vec![format.encoding.silence(); ms as usize * format.bytes_per_ms()]
}

fn encoded(format: AudioFormat, samples: &[i16]) -> Vec<u8> {
    match format.encoding {
        Encoding::Pcm16 => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        Encoding::MuLaw | Encoding::ALaw => {
            let mut bytes = Vec::new();
            g711::encode(format.encoding, samples, &mut bytes);
            bytes
        }
    }
}

pub(crate) fn is_loud(format: AudioFormat, audio: &[u8]) -> bool {
    match format.encoding {
        Encoding::Pcm16 => {
            let (samples, _) = audio.as_chunks::<2>();
            samples.iter().any(|sample| i16::from_le_bytes(*sample).unsigned_abs() > 1_000)
        }
        Encoding::MuLaw | Encoding::ALaw => {
            let mut room = Vec::new();
            g711::read(format.encoding, audio, &mut room).iter().any(|sample| sample.unsigned_abs() > 1_000)
        }
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

pub(crate) fn from_base64(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap_or_default();
    base64_simd::STANDARD.decode_to_vec(text).unwrap_or_default()
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What the model answers where the script says nothing.
pub(crate) const USUAL_ANSWER: &str = "Certainly, I can help you with that.";
/// What the model says to an order without exact words.
pub(crate) const USUAL_WORDS: &str = "Hello, how may I help you?";
/// The pace of the model's speech.
const LETTERS_A_SECOND: u64 = 15;
/// How long speech must last to be believed.
const BELIEVED_AFTER_MS: u64 = 100;
/// The silence that ends a turn.
const TURN_ENDS_AFTER_MS: u64 = 500;
