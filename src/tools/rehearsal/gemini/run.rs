//! One answer of the model: streams it at a pace, and ends it when a caller would have heard it.
//! Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::answers::FORMAT;
use super::conversation::{Tokens, audio_tokens};
use super::messages::Messages;
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::script::Saying;
use crate::tools::rehearsal::sound::Sound;
use crate::tools::rehearsal::speech::word_end;

/// A running answer.
#[derive(Debug)]
pub(super) struct Run {
    sayings: VecDeque<Saying>,
    current: Option<Spoken>,
    pace: Pace,
    tells_words: bool,
    next_at: Instant,
    /// When its first audio was sent.
    sounds_since: Option<Instant>,
    /// Milliseconds of audio sent.
    sent_ms: u64,
    /// The words sent with it.
    words: String,
    pieces: u64,
    /// The tokens of audio that are left to it.
    left_ms: Option<u64>,
    /// Calls whose results the model waits for.
    awaited: Vec<String>,
    /// Whether it has called anything.
    called: bool,
    generated: bool,
}

/// Words and audio that are being sent.
#[derive(Debug)]
struct Spoken {
    text: String,
    text_sent: usize,
    sound: Sound,
    /// Bytes of audio to send: more than there are if the audio is repeated.
    length: usize,
    sent: usize,
    started: Instant,
}

/// What a run has come to.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing more is due now.
    Waits,
    /// The model calls a tool.
    Calls {
        /// The tool's name.
        name: String,
        /// The arguments.
        args: Value,
    },
    /// Everything was generated and, as far as the server knows, played.
    Over,
}

impl Run {
    /// Begins an answer.
    pub(super) fn begin(
        sayings: Vec<Saying>,
        pace: Pace,
        tells_words: bool,
        most_tokens: Option<u64>,
        now: Instant,
    ) -> Self {
        Self {
            sayings: sayings.into(),
            current: None,
            pace,
            tells_words,
            next_at: now + pace.first_audio,
            sounds_since: None,
            sent_ms: 0,
            words: String::new(),
            pieces: 0,
            left_ms: most_tokens.map(|tokens| tokens * 40),
            awaited: Vec::new(),
            called: false,
            generated: false,
        }
    }

    /// When [`Run::step`] is due; `None` while it waits for a tool.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.awaited.is_empty().then_some(self.next_at)
    }

    /// Number of pieces of audio sent so far.
    pub(super) const fn pieces(&self) -> u64 {
        self.pieces
    }

    /// Whether it has called a tool.
    pub(super) const fn called(&self) -> bool {
        self.called
    }

    /// The calls whose results the model waits for.
    pub(super) fn awaited(&self) -> &[String] {
        &self.awaited
    }

    /// The model waits for the result of this call.
    pub(super) fn wait_for(&mut self, id: String) {
        self.awaited.push(id);
    }

    /// A result has come. Returns whether it was the last that the model has waited for.
    pub(super) fn result_came(&mut self, id: &str) -> bool {
        let before = self.awaited.len();
        self.awaited.retain(|awaited| awaited != id);
        before > 0 && self.awaited.is_empty()
    }

    /// Goes on with more to say.
    pub(super) fn go_on(&mut self, sayings: Vec<Saying>, now: Instant) {
        self.sayings.extend(sayings);
        self.next_at = now + self.pace.first_audio;
    }

    /// Replaces the audio by silence of the same length.
    pub(super) fn silence(&mut self) {
        for saying in &mut self.sayings {
            if let Saying::Speak { sound, .. } = saying {
                *sound = sound.silence();
            }
        }
    }

    /// The words and the milliseconds that the server believes to be heard by now. It assumes that
    /// audio is played as soon as it comes.
    pub(super) fn heard(&self, now: Instant) -> (String, u64) {
        let since = self.sounds_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let heard_ms = (since.as_millis() as u64).min(self.sent_ms);
        if heard_ms == self.sent_ms {
            return (self.words.clone(), heard_ms);
        }
        let end = (self.words.len() as u64 * heard_ms / self.sent_ms.max(1)) as usize;
        (self.words[..self.words.floor_char_boundary(end)].to_owned(), heard_ms)
    }

    /// The tokens that were generated.
    pub(super) const fn tokens(&self) -> Tokens {
        Tokens { text: 0, audio: audio_tokens(self.sent_ms) }
    }

    /// Sends the pieces that are on their way when the caller interrupts.
    pub(super) fn send_late(&mut self, messages: &mut Messages) {
        for _ in 0..self.pace.late_deltas {
            if let Some(spoken) = self.current.take().filter(|spoken| spoken.sent < spoken.length) {
                self.send_piece(spoken, messages);
            }
        }
    }

    /// Sends what is due, at most [`PIECES_PER_STEP`] pieces of audio.
    pub(super) fn step(&mut self, messages: &mut Messages, now: Instant) -> Step {
        let mut left = PIECES_PER_STEP;
        loop {
            if !self.awaited.is_empty() || now < self.next_at {
                return Step::Waits;
            }
            if self.generated {
                return Step::Over;
            }
            match self.current.take() {
                Some(spoken) if spoken.sent < spoken.length => {
                    if left == 0 {
                        self.current = Some(spoken);
                        return Step::Waits;
                    }
                    left -= 1;
                    self.sounds_since.get_or_insert(now);
                    self.send_piece(spoken, messages);
                }
                Some(spoken) => self.send_last_words(&spoken, messages),
                None => match self.sayings.pop_front() {
                    Some(Saying::Speak { text, sound }) => self.open(text, sound, now),
                    Some(Saying::Call { name, arguments }) => {
                        self.called = true;
                        return Step::Calls { name, args: arguments };
                    }
                    None => self.generated(messages, now),
                },
            }
        }
    }

    fn generated(&mut self, messages: &mut Messages, now: Instant) {
        self.generated = true;
        messages.content(&json!({"generationComplete": true}));
        // The end of the turn waits for the playout.
        let played = self.sounds_since.map(|since| since + Duration::from_millis(self.sent_ms));
        self.next_at = played.map_or(now, |played| played.max(now));
    }

    fn open(&mut self, text: String, sound: Sound, now: Instant) {
        let per_ms = FORMAT.bytes_per_ms();
        let asked = self.pace.answer.map(|length| length.as_millis() as usize * per_ms);
        let mut length = asked.filter(|_| !sound.bytes.is_empty()).unwrap_or(sound.bytes.len());
        if let Some(left) = &mut self.left_ms {
            length = length.min(usize::try_from(*left).unwrap_or(usize::MAX).saturating_mul(per_ms));
            *left -= (length / per_ms) as u64;
        }
        self.current = Some(Spoken { text, text_sent: 0, sound, length, sent: 0, started: now });
    }

    fn send_piece(&mut self, mut spoken: Spoken, messages: &mut Messages) {
        let words = self.next_words(&mut spoken);
        let per_ms = FORMAT.bytes_per_ms();
        let from = spoken.sent % spoken.sound.bytes.len();
        let size = (self.pace.delta.as_millis() as usize * per_ms).max(per_ms);
        let size = size.min(spoken.length - spoken.sent).min(spoken.sound.bytes.len() - from);
        let audio = &spoken.sound.bytes[from..from + size];
        // Words come with their audio or before it.
        match words {
            Some(words) if self.pieces % 2 == 1 => messages.audio(audio, Some(&words)),
            Some(words) => {
                messages.content(&json!({"outputTranscription": {"text": words}}));
                messages.audio(audio, None);
            }
            None => messages.audio(audio, None),
        }
        spoken.sent += size;
        self.pieces += 1;
        self.sent_ms += (size / per_ms) as u64;
        if let Some(speed) = self.pace.speed {
            let ahead = Duration::from_secs_f64(spoken.sent as f64 / per_ms as f64 / 1000.0 / speed);
            self.next_at = spoken.started + ahead;
        }
        self.current = Some(spoken);
    }

    /// The words that are due. They run ahead of the audio at twice its speed.
    fn next_words(&mut self, spoken: &mut Spoken) -> Option<String> {
        let target = (spoken.text.len() * 2 * (spoken.sent + 1)).div_ceil(spoken.length.max(1));
        (target > spoken.text_sent).then(|| self.words_to(spoken, target)).flatten()
    }

    fn words_to(&mut self, spoken: &mut Spoken, target: usize) -> Option<String> {
        let to = word_end(&spoken.text, target);
        let words = spoken.text[spoken.text_sent..to].to_owned();
        spoken.text_sent = to;
        self.words.push_str(&words);
        (self.tells_words && !words.is_empty()).then_some(words)
    }

    fn send_last_words(&mut self, spoken: &Spoken, messages: &mut Messages) {
        let words = &spoken.text[spoken.text_sent..];
        self.words.push_str(words);
        if self.tells_words && !words.is_empty() {
            messages.content(&json!({"outputTranscription": {"text": words}}));
        }
    }
}

/// Maximum number of pieces per step. A flood is thus written as fast as the socket accepts it and
/// not kept in memory.
const PIECES_PER_STEP: u32 = 8;
