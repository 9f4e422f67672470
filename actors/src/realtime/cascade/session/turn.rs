//! The caller's turns: our detector, and what the layers above are told. Pure.

use std::time::{Duration, Instant};

use super::{Session, SessionAction};
use crate::audio::detector::{DetectorPlan, SpeechDetector};
use crate::audio::scratch::Scratch;
use crate::carrier::AudioFormat;
use crate::g711;
use crate::ids::{ItemId, Private};
use crate::realtime::report::{ModelReport, Speaker, Words};
use crate::words::holds_words;

/// Our detector of the caller's speech.
#[derive(Debug)]
pub(super) struct Detector {
    plan: Option<DetectorPlan>,
    format: AudioFormat,
    detector: Option<Box<SpeechDetector>>,
    is_speech: bool,
    /// When audio came last.
    heard: Option<Instant>,
}

impl Detector {
    /// A detector that has heard nothing. Without a plan it never hears speech.
    pub(super) fn new(plan: Option<DetectorPlan>, format: AudioFormat) -> Self {
        let mut detector = Self { plan, format, detector: None, is_speech: false, heard: None };
        detector.renew();
        detector
    }

    /// Hears a frame. Returns whether speech begins or ends with it.
    pub(super) fn hear(&mut self, audio: &[u8], now: Instant) -> Option<bool> {
        self.heard = Some(now);
        let (detector, encoding) = (self.detector.as_mut()?, self.format.encoding);
        Scratch::lend(|Scratch { narrow, .. }| detector.hear(g711::read(encoding, audio, narrow)));
        let is_speech = detector.is_speech();
        (std::mem::replace(&mut self.is_speech, is_speech) != is_speech).then_some(is_speech)
    }

    /// When speech is over because no more audio comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.heard.filter(|_| self.is_speech).map(|heard| heard + STREAM_GAP)
    }

    /// Whether speech is over because no more audio comes.
    pub(super) fn fell_silent(&mut self, now: Instant) -> bool {
        let is_due = self.deadline().is_some_and(|at| at <= now);
        if is_due {
            self.is_speech = false;
            self.renew();
        }
        is_due
    }

    /// Whether the caller speaks.
    pub(super) const fn is_speech(&self) -> bool {
        self.is_speech
    }

    /// A plan is checked before a call begins, and its rate is one of ours.
    fn renew(&mut self) {
        let made = self.plan.and_then(|plan| SpeechDetector::new(plan, self.format.rate_hz).ok());
        self.detector = made.map(Box::new);
    }
}

/// A turn of the caller.
#[derive(Debug)]
pub(super) struct CallerTurn {
    number: u64,
    item: ItemId,
    /// All words so far.
    text: String,
    /// How many words of it were told.
    told: usize,
}

impl Session {
    pub(super) fn caller_began(&mut self, number: u64, out: &mut Vec<SessionAction>) {
        let item = ItemId::new(&format!("item_{}_caller{number}", self.number));
        self.turn = Some(CallerTurn { number, item: item.clone(), text: String::new(), told: 0 });
        self.listen_until = None;
        self.place(item.clone(), Speaker::Caller, out);
        out.push(SessionAction::Report(ModelReport::SpeechStarted { item }));
    }

    pub(super) fn caller_says(&mut self, number: u64, text: &str, out: &mut Vec<SessionAction>) {
        let transcribes = self.transcribes;
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.number == number) else { return };
        text.clone_into(&mut turn.text);
        // Engines change words that they have sent. What was told cannot be taken back.
        let piece: Vec<&str> = text.split_whitespace().skip(turn.told).collect();
        turn.told += piece.len();
        if transcribes && !piece.is_empty() {
            let (item, text) = (turn.item.clone(), Private::new(format!("{} ", piece.join(" "))));
            out.push(SessionAction::Report(ModelReport::CallerWords { item, text, last: false }));
        }
    }

    /// The turn is over, and it is answered.
    pub(super) fn caller_said(&mut self, number: u64, text: String, out: &mut Vec<SessionAction>) {
        if let Some(turn) = self.turn.take_if(|turn| turn.number == number) {
            self.turn_over(turn.item, text, out);
        }
    }

    /// The turn was noise, and nobody answers it.
    pub(super) fn caller_said_nothing(&mut self, number: u64, out: &mut Vec<SessionAction>) {
        let Some(turn) = self.turn.take_if(|turn| turn.number == number) else { return };
        self.turn_over(turn.item, String::new(), out);
        if !self.dialogue.is_busy() {
            out.push(SessionAction::Report(ModelReport::NothingOwed));
        }
    }

    fn turn_over(&self, item: ItemId, text: String, out: &mut Vec<SessionAction>) {
        out.push(SessionAction::Report(ModelReport::SpeechStopped { item: item.clone() }));
        if self.transcribes {
            let words = Private::new(text.clone());
            out.push(SessionAction::Report(ModelReport::CallerWords { item: item.clone(), text: words, last: true }));
            out.push(SessionAction::ToWords(Words::CallerSaid { item, text: Some(text) }));
        }
    }

    /// Tells the words of an open turn as its last ones.
    pub(super) fn tell_last_words(&mut self, out: &mut Vec<SessionAction>) {
        if let Some(CallerTurn { item, text, .. }) = self.turn.take() {
            self.turn_over(item, text, out);
        }
    }

    /// Tells the words of an open turn, because the rest of them will not come.
    pub(super) fn tell_words_so_far(&mut self, out: &mut Vec<SessionAction>) {
        let Some(turn) = self.turn.take() else { return };
        if self.transcribes && holds_words(&turn.text) {
            out.push(SessionAction::ToWords(Words::CallerSaid { item: turn.item, text: Some(turn.text) }));
        }
    }

    /// An item takes its place behind the one before.
    pub(super) fn place(&mut self, item: ItemId, speaker: Speaker, out: &mut Vec<SessionAction>) {
        let previous = self.placed.replace(item.clone());
        out.push(SessionAction::ToWords(Words::Placed { item, speaker, previous }));
    }
}

/// How long audio may be missing before speech counts as over. Shorter: a network's hiccup ends a
/// turn. Longer: the answer waits for a caller who is on hold.
const STREAM_GAP: Duration = Duration::from_secs(1);
