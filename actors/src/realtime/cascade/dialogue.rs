//! The conversation of a cascade: joins the ears, the mind and the voice of a call. Pure.
//!
//! ```text
//! caller ──▶ Listener ──turn is over──▶ Thinker ──pieces──▶ Mouth ──▶ audio
//!                                          ▲ results of tools, what was heard │
//!                                          └──────────────────────────────────┘
//! ```
//!
//! One response is in progress at a time: from its request until its audio has come. Others wait. The
//! call alone decides whether the caller interrupts it, and says what was heard of it.

mod action;
mod responses;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

pub use self::action::{DialogueAction, Wish};
use super::failure::{Head, Part};
use super::listener::{Listener, ListenerAction};
use super::mind::ChatUsage;
use super::mouth::{Mouth, MouthAction};
use super::parts::Parts;
use super::thinker::{Order, Outcome, Thinker, ThinkerAction};
use super::turns::TurnAction;
use super::wire::{RequestEvent, SocketEvent};
use crate::realtime::messages::ResponsePurpose;
use crate::tools::spec::ToolSpec;

/// The conversation of a call.
#[derive(Debug)]
pub struct Dialogue {
    listener: Listener,
    thinker: Thinker,
    mouth: Mouth,
    /// The number of the caller's last turn, and of the last response.
    last_turn: u64,
    last_response: u64,
    /// The response in progress.
    current: Option<Response>,
    /// The response that is thought before it is certain to be wanted.
    eager: Option<u64>,
    /// What has to be said next.
    wishes: VecDeque<Wish>,
    /// The engines of another language. They take over when nothing is being said.
    next_language: Option<Box<Parts>>,
    /// Calls of tools without a result, by response, and whether an answer to the results is wanted.
    tools: BTreeMap<u64, Batch>,
    /// Actions of the parts. The buffers are reused.
    listened: Vec<ListenerAction>,
    thought: Vec<ThinkerAction>,
    spoken: Vec<MouthAction>,
}

#[derive(Debug)]
struct Response {
    number: u64,
    /// When it began, and when the voice was given its first words.
    begun: Instant,
    first_words: Option<Instant>,
    /// Whether any of its audio has come.
    has_audio: bool,
    /// Whether the voice was given anything.
    has_words: bool,
    /// Whether all of its audio has come.
    has_sounded: bool,
    /// How it was thought to its end.
    ended: Option<(Outcome, ChatUsage)>,
}

#[derive(Debug, Default)]
struct Batch {
    open: Vec<String>,
    wants_answer: bool,
}

impl Dialogue {
    /// A conversation that has not begun.
    pub fn new(listener: Listener, thinker: Thinker, mouth: Mouth) -> Self {
        Self {
            listener,
            thinker,
            mouth,
            last_turn: 0,
            last_response: 0,
            current: None,
            eager: None,
            wishes: VecDeque::new(),
            next_language: None,
            tools: BTreeMap::new(),
            listened: Vec::new(),
            thought: Vec::new(),
            spoken: Vec::new(),
        }
    }

    /// The mind, for facts and for what was said before.
    pub fn mind(&mut self) -> &mut Thinker {
        &mut self.thinker
    }

    /// Whether the caller is in the middle of a turn.
    pub fn is_turn(&self) -> bool {
        self.listener.is_turn()
    }

    /// Whether a response is in progress or waits.
    pub fn is_busy(&self) -> bool {
        self.current.is_some() || !self.wishes.is_empty()
    }

    /// Whether the ears and the voice can serve: their sockets are open, or need not be.
    pub fn is_open(&self) -> bool {
        self.listener.is_open() && self.mouth.is_open()
    }

    /// What waits until the response in progress is over, in order.
    pub fn waiting(&self) -> impl Iterator<Item = &Wish> {
        self.wishes.iter()
    }

    /// Whether results of tools are still to come, of which some have come.
    pub fn awaits_results(&self) -> bool {
        self.tools.values().any(|batch| batch.wants_answer)
    }

    /// What the ears and the voice were given since this was asked last, which is charged for: the
    /// duration of audio, and characters.
    pub fn take_used(&mut self) -> (Duration, u64) {
        (self.listener.take_given(), self.mouth.take_characters())
    }

    /// The call begins: opens what has to be open.
    pub fn begin(&mut self, now: Instant, out: &mut Vec<DialogueAction>) {
        self.listener.warm(now, &mut self.listened);
        self.mouth.warm(now, &mut self.spoken);
        self.settle(now, out);
    }

    /// The call is over: asks the ears for the last words.
    pub fn close(&mut self, now: Instant, out: &mut Vec<DialogueAction>) {
        self.wishes.clear();
        self.next_language = None;
        self.cancel(now, out);
        self.listener.close(&mut self.listened);
        self.settle(now, out);
    }

    /// Takes a frame of caller audio.
    pub fn hear_caller(&mut self, audio: &[u8], now: Instant, out: &mut Vec<DialogueAction>) {
        self.listener.hear_caller(audio, now, &mut self.listened);
        self.settle(now, out);
    }

    /// Our detector hears the caller begin or cease to speak.
    pub fn speech(&mut self, begins: bool, now: Instant, out: &mut Vec<DialogueAction>) {
        self.listener.speech(begins, now, &mut self.listened);
        self.settle(now, out);
    }

    /// Asks the model to speak, after what is in progress.
    pub fn think(&mut self, order: Order, now: Instant, out: &mut Vec<DialogueAction>) {
        self.wish(Wish::Think(order));
        self.settle(now, out);
    }

    /// Says these words, after what is in progress.
    pub fn say(&mut self, words: &str, purpose: Option<ResponsePurpose>, now: Instant, out: &mut Vec<DialogueAction>) {
        if !words.trim().is_empty() {
            self.wish(Wish::Say { words: words.to_owned(), purpose });
        }
        self.settle(now, out);
    }

    /// Stops the response in progress.
    pub fn cancel(&mut self, now: Instant, out: &mut Vec<DialogueAction>) {
        if let Some(mut current) = self.current.take() {
            self.mouth.cancel(now, &mut self.spoken);
            self.thinker.cancel(&mut self.thought);
            let usage = self
                .thought
                .iter()
                .find_map(|action| if let ThinkerAction::Ended { usage, .. } = action { Some(*usage) } else { None });
            self.thought.retain(|action| matches!(action, ThinkerAction::Abort { .. }));
            let usage = current.ended.take().map(|(_, usage)| usage).or(usage).unwrap_or_default();
            let (response, outcome) = (current.number, Outcome::Cancelled);
            out.push(DialogueAction::ResponseEnded { response, outcome, usage });
        }
        self.settle(now, out);
    }

    /// Stops the response in progress and drops those that wait.
    pub fn overtake(&mut self, now: Instant, out: &mut Vec<DialogueAction>) {
        self.wishes.clear();
        self.cancel(now, out);
    }

    /// What the caller said and was not answered does not count.
    pub fn discard(&mut self, now: Instant, out: &mut Vec<DialogueAction>) {
        self.listener.discard(&mut self.listened);
        self.settle(now, out);
    }

    /// The caller's turn is over whatever was heard.
    pub fn force_turn(&mut self, now: Instant, out: &mut Vec<DialogueAction>) {
        self.listener.force(&mut self.listened);
        self.settle(now, out);
    }

    /// The caller heard so much of a response's audio and no more. Returns how many letters of its
    /// words that is, if it is known.
    pub fn heard(&mut self, response: u64, played: Duration) -> Option<usize> {
        if let Some(content) = self.mouth.heard_content(response, played) {
            self.thinker.heard(response, content);
        }
        self.mouth.heard_letters(response, played)
    }

    /// The caller heard nothing of a response.
    pub fn unheard(&mut self, response: u64) {
        self.thinker.heard(response, 0);
    }

    /// The result of a tool. When all results of a response are there, it is answered, if any of them
    /// asks for it.
    pub fn answer_tool(&mut self, key: &str, output: &str, speak: bool, now: Instant, out: &mut Vec<DialogueAction>) {
        if self.thinker.answer_tool(key, output)
            && let Some((&response, batch)) =
                self.tools.iter_mut().find(|(_, batch)| batch.open.iter().any(|open| open == key))
        {
            batch.open.retain(|open| open != key);
            batch.wants_answer |= speak;
            if batch.open.is_empty() && self.tools.remove(&response).is_some_and(|batch| batch.wants_answer) {
                self.wish(Wish::Think(Order::default()));
            }
        }
        self.settle(now, out);
    }

    /// Changes what is given, from the next answer on.
    pub fn configure(&mut self, instructions: Option<String>, tools: Option<Vec<ToolSpec>>) {
        self.thinker.configure(instructions, tools);
    }

    /// The conversation goes on with the engines of another language, as soon as nothing is being
    /// said.
    pub fn speak(&mut self, parts: Box<Parts>, now: Instant, out: &mut Vec<DialogueAction>) {
        self.next_language = Some(parts);
        self.settle(now, out);
    }

    /// Something came of the ears' socket.
    pub fn ears_socket(&mut self, event: SocketEvent<'_>, now: Instant, out: &mut Vec<DialogueAction>) {
        self.listener.socket(event, now, &mut self.listened);
        self.settle(now, out);
    }

    /// The answer to an upload came.
    pub fn uploaded(&mut self, number: u64, head: &Head<'_>, body: &str, now: Instant, out: &mut Vec<DialogueAction>) {
        self.listener.answered(number, head, body, now, &mut self.listened);
        self.settle(now, out);
    }

    /// The connection of an upload broke.
    pub fn upload_broken(&mut self, problem: &str, now: Instant, out: &mut Vec<DialogueAction>) {
        self.listener.upload_broken(problem, now, &mut self.listened);
        self.settle(now, out);
    }

    /// Something came of a request to the mind.
    pub fn mind_request(&mut self, number: u64, event: RequestEvent<'_>, now: Instant, out: &mut Vec<DialogueAction>) {
        self.thinker.request(number, event, now, &mut self.thought);
        self.settle(now, out);
    }

    /// Something came of the voice's socket.
    pub fn voice_socket(&mut self, event: SocketEvent<'_>, now: Instant, out: &mut Vec<DialogueAction>) {
        self.mouth.socket(event, now, &mut self.spoken);
        self.settle(now, out);
    }

    /// Something came of a request to the voice.
    pub fn voice_request(&mut self, number: u64, event: RequestEvent<'_>, now: Instant, out: &mut Vec<DialogueAction>) {
        self.mouth.request(number, event, now, &mut self.spoken);
        self.settle(now, out);
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        [self.listener.deadline(), self.thinker.deadline(), self.mouth.deadline()].into_iter().flatten().min()
    }

    /// The deadline has passed.
    pub fn deadline_passed(&mut self, now: Instant, out: &mut Vec<DialogueAction>) {
        self.listener.deadline_passed(now, &mut self.listened);
        self.thinker.deadline_passed(now, &mut self.thought);
        self.mouth.deadline_passed(now, &mut self.spoken);
        self.settle(now, out);
    }

    /// Follows the actions of the parts until nothing follows any more.
    fn settle(&mut self, now: Instant, out: &mut Vec<DialogueAction>) {
        loop {
            let before = (self.listened.len(), self.thought.len(), self.spoken.len());
            for action in std::mem::take(&mut self.listened) {
                self.listened(action, now, out);
            }
            for action in std::mem::take(&mut self.thought) {
                self.thought(action, now, out);
            }
            for action in std::mem::take(&mut self.spoken) {
                self.spoken(action, now, out);
            }
            self.finish(out);
            let changes = self.change_language(now, out);
            let begins = self.next(now, out);
            if before == (0, 0, 0) && !changes && !begins {
                return;
            }
        }
    }

    fn listened(&mut self, action: ListenerAction, now: Instant, out: &mut Vec<DialogueAction>) {
        let turn = self.last_turn;
        match action {
            ListenerAction::Turn(TurnAction::Started) => {
                self.last_turn += 1;
                out.push(DialogueAction::CallerBegan { turn: self.last_turn });
            }
            ListenerAction::Turn(TurnAction::Words(text)) => out.push(DialogueAction::CallerSays { turn, text }),
            ListenerAction::Turn(TurnAction::AnswerEagerly(text)) => {
                if self.current.is_none() && self.wishes.is_empty() {
                    self.thinker.caller(&turn_name(turn), &text);
                    self.last_response += 1;
                    self.eager = Some(self.last_response);
                    self.thinker.answer(self.last_response, Order::default(), true, now, &mut self.thought);
                }
            }
            ListenerAction::Turn(TurnAction::TakeBack) => {
                if self.eager.take().is_some() {
                    self.thinker.cancel(&mut self.thought);
                    self.thinker.forget(&turn_name(turn));
                    out.push(DialogueAction::Eager { kept: false });
                }
            }
            ListenerAction::Turn(TurnAction::Answer { text, is_prepared }) => {
                self.thinker.caller(&turn_name(turn), &text);
                out.push(DialogueAction::CallerSaid { turn, text });
                match self.eager.take().filter(|_| is_prepared) {
                    Some(response) if self.current.is_none() => {
                        out.push(DialogueAction::Eager { kept: true });
                        self.start(response, Wish::Think(Order::default()), now, out);
                        self.thinker.release(&mut self.thought);
                    }
                    Some(_) => {
                        out.push(DialogueAction::Eager { kept: false });
                        self.wish(Wish::Think(Order::default()));
                    }
                    None => self.wish(Wish::Think(Order::default())),
                }
            }
            ListenerAction::Turn(TurnAction::Nothing) => out.push(DialogueAction::CallerSaidNothing { turn }),
            ListenerAction::Turn(TurnAction::Commit) => {}
            ListenerAction::Complained { code, message } => {
                out.push(DialogueAction::Complained { part: Part::Ears, code, message });
            }
            ListenerAction::TookOver { engine, failure } => out.push(DialogueAction::TookOver { engine, failure }),
            ListenerAction::Lost(failure) => out.push(DialogueAction::Lost(failure)),
            ListenerAction::Open { .. }
            | ListenerAction::Close
            | ListenerAction::Send(_)
            | ListenerAction::Upload { .. } => {
                out.push(DialogueAction::Ears(action));
            }
        }
    }

    fn thought(&mut self, action: ThinkerAction, now: Instant, out: &mut Vec<DialogueAction>) {
        match action {
            ThinkerAction::Say { response, piece } => self.give(response, piece, now, out),
            ThinkerAction::CallTool { response, key, name, arguments } => {
                self.tools.entry(response).or_default().open.push(key.clone());
                while self.tools.len() > MOST_BATCHES {
                    self.tools.pop_first();
                }
                out.push(DialogueAction::CallTool { response, key, name, arguments });
            }
            ThinkerAction::Ended { response, outcome, usage } => {
                self.mouth.end(response, now, &mut self.spoken);
                if let Some(current) = self.current.as_mut().filter(|current| current.number == response) {
                    current.ended = Some((outcome, usage));
                }
            }
            ThinkerAction::Wasted(usage) => out.push(DialogueAction::Wasted(usage)),
            ThinkerAction::TookOver { engine, failure } => out.push(DialogueAction::TookOver { engine, failure }),
            ThinkerAction::Lost(failure) => out.push(DialogueAction::Lost(failure)),
            ThinkerAction::Ask { .. } | ThinkerAction::Abort { .. } => out.push(DialogueAction::Mind(action)),
        }
    }

    fn spoken(&mut self, action: MouthAction, now: Instant, out: &mut Vec<DialogueAction>) {
        match action {
            MouthAction::Audio { utterance, audio } => {
                self.time(utterance, now, out);
                out.push(DialogueAction::Audio { response: utterance, audio });
            }
            MouthAction::Timed { utterance, words } => {
                out.push(DialogueAction::Timed { response: utterance, words });
            }
            MouthAction::Complete { utterance } => {
                out.push(DialogueAction::AudioComplete { response: utterance });
                if let Some(current) = self.current.as_mut().filter(|current| current.number == utterance) {
                    current.has_sounded = true;
                }
            }
            MouthAction::Complained { code, message } => {
                out.push(DialogueAction::Complained { part: Part::Voice, code, message });
            }
            MouthAction::TookOver { engine, failure } => out.push(DialogueAction::TookOver { engine, failure }),
            MouthAction::Lost(failure) => self.dumb(failure, out),
            MouthAction::Open { .. }
            | MouthAction::Close
            | MouthAction::Send(_)
            | MouthAction::Request { .. }
            | MouthAction::Abort { .. } => out.push(DialogueAction::Voice(action)),
        }
    }
}

/// The name of a turn in the conversation.
fn turn_name(turn: u64) -> String {
    format!("turn{turn}")
}

/// The most responses whose tools still run.
const MOST_BATCHES: usize = 16;

#[cfg(test)]
mod tests;
