//! The caller's turns. The server reports none: our detector finds them in the caller's audio, or a
//! gate on its loudness does, and the transcript's fragments give them words.
//!
//! Words without a voice near them are not the caller's: after a long append the server sometimes
//! invents some.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::audio::detector::{DetectorPlan, SpeechDetector};
use crate::audio::scratch::Scratch;
use crate::audio::voice::VoiceActivity;
use crate::carrier::AudioFormat;
use crate::g711;
use crate::ids::ItemId;

/// The caller's turns of one session.
#[derive(Debug)]
pub(super) struct Caller {
    format: AudioFormat,
    activity: VoiceActivity,
    /// Finds the turns, if it is on. Words are assigned by loudness all the same, so that a soft
    /// voice that it misses keeps its words.
    detector: Option<Box<SpeechDetector>>,
    /// Silence that ends a turn.
    ends_after: Duration,
    /// When a voice was last loud.
    last_voice: Option<Instant>,
    /// When speech was last heard: of the detector, or else of the gate.
    last_speech: Option<Instant>,
    /// Since when a voice is heard that may become a turn.
    voice_since: Option<Instant>,
    /// Where voices were heard, in session time: the last ones, as beginning and end.
    voices: VecDeque<(u64, u64)>,
    /// The turns whose words may still come, oldest first. The last one may be open.
    turns: VecDeque<Turn>,
}

/// A turn of the caller.
#[derive(Debug)]
struct Turn {
    item: ItemId,
    /// Where it began, in session time.
    from_ms: u64,
    /// When its voice ended. `None` while it is open.
    ended: Option<Instant>,
    /// When its last words came.
    words: Option<Instant>,
    text: String,
}

/// What became of a turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TurnEvent {
    /// It began.
    Began(ItemId),
    /// Its voice ended.
    Ended(ItemId),
    /// All its words are known. They are empty if it was noise.
    Reported(ItemId, String),
}

impl Caller {
    /// No turn yet.
    pub(super) fn new(format: AudioFormat, plan: Option<DetectorPlan>) -> Self {
        // A plan is checked before a call begins, and its rate is one of ours.
        let detector = plan.and_then(|plan| SpeechDetector::new(plan, format.rate_hz).ok());
        Self {
            format,
            activity: VoiceActivity::new(format),
            ends_after: plan.filter(|_| detector.is_some()).map_or(TURN_ENDS_AFTER, |plan| plan.min_silence),
            detector: detector.map(Box::new),
            last_voice: None,
            last_speech: None,
            voice_since: None,
            voices: VecDeque::with_capacity(MOST_VOICES),
            turns: VecDeque::new(),
        }
    }

    /// Hears a frame of the caller. Returns whether it may hold a voice.
    pub(super) fn hear(&mut self, frame: &[u8], at_ms: u64, now: Instant) -> bool {
        self.activity.hear(frame, now);
        self.last_voice = self.activity.last_voice(now).and_then(|ago| now.checked_sub(ago)).or(self.last_voice);
        self.detect(frame, now);
        if !self.sounds(now, LINGERS) {
            self.voice_since = None;
            return false;
        }
        self.voice_since.get_or_insert(now);
        match self.voices.back_mut() {
            Some((_, to)) if *to + SAME_VOICE_MS >= at_ms => *to = at_ms,
            _ => {
                if self.voices.len() >= MOST_VOICES {
                    self.voices.pop_front();
                }
                self.voices.push_back((at_ms, at_ms));
            }
        }
        true
    }

    /// What has become of the turns. `name` names a new one.
    pub(super) fn poll(&mut self, at_ms: u64, now: Instant, name: impl FnOnce() -> ItemId) -> Option<TurnEvent> {
        let (begins, speaks) = (self.begins(now), self.speaks(now));
        if let Some(open) = self.turns.back_mut().filter(|turn| turn.ended.is_none()) {
            if !speaks {
                open.ended = Some(now);
                return Some(TurnEvent::Ended(open.item.clone()));
            }
        } else if begins {
            let item = name();
            let from_ms = at_ms.saturating_sub(LEAD_MS);
            self.turns.push_back(Turn { item: item.clone(), from_ms, ended: None, words: None, text: String::new() });
            return Some(TurnEvent::Began(item));
        }
        let settled = self.turns.front().is_some_and(|turn| Self::settles(turn).is_some_and(|at| at <= now));
        let turn = if settled { self.turns.pop_front() } else { None };
        turn.map(|turn| TurnEvent::Reported(turn.item, turn.text.trim().to_owned()))
    }

    /// When [`Self::poll`] is wanted next.
    pub(super) fn due(&self) -> Option<Instant> {
        let open = self.turns.back().filter(|turn| turn.ended.is_none());
        let ends = open.and(self.last_speech).map(|at| at + self.ends_after);
        ends.into_iter().chain(self.turns.front().and_then(Self::settles)).min()
    }

    /// Adds words at this place in session time. Returns the turn that they belong to; `None` if
    /// there was no voice.
    pub(super) fn words(
        &mut self,
        text: &str,
        place: Option<(u64, u64)>,
        at_ms: u64,
        now: Instant,
        name: impl FnOnce() -> ItemId,
    ) -> Option<(ItemId, bool)> {
        let (start, end) = place.unwrap_or((at_ms.saturating_sub(WORDS_LAG_MS), at_ms));
        let near = |from: u64, to: u64| from <= end + NEAR_MS && start <= to + NEAR_MS;
        if !self.voices.iter().any(|(from, to)| near(*from, *to)) {
            return None;
        }
        // The latest turn that had begun when the words were said.
        let turn = self.turns.iter().rposition(|turn| turn.from_ms <= end).or((!self.turns.is_empty()).then_some(0));
        let is_new = turn.is_none();
        let place = turn.unwrap_or_else(|| {
            // The gate missed the turn, or its words come after they were thought complete.
            let turn = Turn { item: name(), from_ms: start, ended: Some(now), words: None, text: String::new() };
            self.turns.push_back(turn);
            self.turns.len() - 1
        });
        let turn = self.turns.get_mut(place)?;
        turn.words = Some(now);
        if turn.text.len() < LONGEST_TEXT {
            turn.text.push_str(text);
        }
        Some((turn.item.clone(), is_new))
    }

    /// Ends the turns: the session ends, and no more words come.
    pub(super) fn finish(&mut self) -> Vec<TurnEvent> {
        let words = |turn: Turn| TurnEvent::Reported(turn.item, turn.text.trim().to_owned());
        self.turns.drain(..).map(words).collect()
    }

    /// Whether the caller is in the middle of a turn.
    pub(super) fn is_open(&self) -> bool {
        self.turns.back().is_some_and(|turn| turn.ended.is_none())
    }

    /// Whether words of the caller may still come.
    pub(super) fn is_awaited(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Everything the caller has said in turns that are not settled.
    pub(super) fn unsettled(&self) -> String {
        self.turns.iter().map(|turn| turn.text.trim()).collect::<Vec<_>>().join(" ")
    }

    /// Lets the detector hear a frame.
    fn detect(&mut self, frame: &[u8], now: Instant) {
        let Some(detector) = &mut self.detector else {
            self.last_speech = self.last_voice;
            return;
        };
        let encoding = self.format.encoding;
        Scratch::lend(|Scratch { narrow, .. }| detector.hear(g711::read(encoding, frame, narrow)));
        if let Some(silence) = detector.silence() {
            self.last_speech = now.checked_sub(silence).or(Some(now));
        }
    }

    /// Whether a turn begins.
    fn begins(&self, now: Instant) -> bool {
        match &self.detector {
            // A line that stops in the middle of speech begins no further turn.
            Some(detector) => detector.is_speech() && self.speaks(now),
            None => {
                let lasts = |since| now.saturating_duration_since(since) >= TURN_BEGINS_AFTER;
                self.sounds(now, LINGERS) && self.voice_since.is_some_and(lasts)
            }
        }
    }

    /// Whether the last speech is not too long ago for its turn to go on.
    fn speaks(&self, now: Instant) -> bool {
        self.last_speech.is_some_and(|at| at + self.ends_after > now)
    }

    fn sounds(&self, now: Instant, within: Duration) -> bool {
        self.last_voice.is_some_and(|at| now.saturating_duration_since(at) <= within)
    }

    /// When no more words of an ended turn are expected.
    fn settles(turn: &Turn) -> Option<Instant> {
        let ended = turn.ended?;
        Some(turn.words.map_or(ended + NO_WORDS_AFTER, |words| (ended + WORDS_LAG).max(words + LAST_WORDS_AFTER)))
    }
}

/// How long a loud voice must last to begin a turn without the detector. Shorter: clicks and coughs are turns. Longer: a
/// short "yes" is none.
const TURN_BEGINS_AFTER: Duration = Duration::from_millis(120);
/// Silence that ends a turn without the detector. Shorter: every pause ends one. Longer: the call learns late that an
/// answer is due.
const TURN_ENDS_AFTER: Duration = Duration::from_millis(600);
/// How long a frame counts as voiced after the last loud piece. Shorter: soft last syllables are
/// left out when the audio is ahead.
const LINGERS: Duration = Duration::from_millis(200);
/// Words come about half a second after they were said.
const WORDS_LAG: Duration = Duration::from_millis(800);
const WORDS_LAG_MS: u64 = 800;
/// The wait for further words of an ended turn: they stand on a grid of 200 ms.
const LAST_WORDS_AFTER: Duration = Duration::from_millis(700);
/// The wait for the first words of an ended turn. Longer: noise is taken for a turn for longer.
const NO_WORDS_AFTER: Duration = Duration::from_millis(1_800);
/// How far words may be from a voice, in ms: their times stand on a grid, and a gate is coarse.
const NEAR_MS: u64 = 1_000;
/// The beginning of a turn before the gate noticed it, in ms.
const LEAD_MS: u64 = 400;
/// A shorter pause belongs to the same voice, in ms.
const SAME_VOICE_MS: u64 = 500;
/// Voices to remember: those of about the last ten seconds.
const MOST_VOICES: usize = 16;
/// The longest text of a turn, in bytes.
const LONGEST_TEXT: usize = 8_000;

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        caller: Caller,
        now: Instant,
        ms: u64,
        turns: u32,
        events: Vec<TurnEvent>,
    }

    impl Rig {
        fn new() -> Self {
            let caller = Caller::new(AudioFormat::MULAW_8K, None);
            let mut rig = Self { caller, now: crate::clock::now(), ms: 0, turns: 0, events: Vec::new() };
            rig.hear(400, 0xFF);
            rig
        }

        fn hear(&mut self, ms: u64, code: u8) {
            for _ in 0..ms / 20 {
                self.now += Duration::from_millis(20);
                self.ms += 20;
                // A tone, so that the frame has energy.
                let frame: Vec<u8> = (0..160).map(|n| if n % 8 < 4 { code } else { code | 0x80 }).collect();
                self.caller.hear(&frame, self.ms, self.now);
                self.poll();
            }
        }

        fn poll(&mut self) {
            let turns = &mut self.turns;
            let name = || {
                *turns += 1;
                ItemId::new(&format!("c{turns}"))
            };
            self.events.extend(self.caller.poll(self.ms, self.now, name));
        }

        fn words(&mut self, text: &str, start: u64, end: u64) -> Option<(ItemId, bool)> {
            let (ms, now) = (self.ms, self.now);
            self.caller.words(text, Some((start, end)), ms, now, || ItemId::new("late"))
        }
    }

    const LOUD: u8 = 0x10;
    const SILENT: u8 = 0xFF;

    #[test]
    fn a_turn_begins_and_ends_by_its_voice_and_waits_for_its_words() {
        let mut rig = Rig::new();
        rig.hear(1_000, LOUD);
        let item = ItemId::new("c1");
        assert_eq!(rig.events, [TurnEvent::Began(item.clone())]);
        assert_eq!(rig.words(" my", 600, 800), Some((item.clone(), false)));
        rig.hear(800, SILENT);
        assert_eq!(rig.events.last(), Some(&TurnEvent::Ended(item.clone())));
        assert_eq!(rig.words(" order", 1_200, 1_400), Some((item.clone(), false)));
        rig.hear(2_000, SILENT);
        assert_eq!(rig.events.last(), Some(&TurnEvent::Reported(item, "my order".to_owned())));
        assert_eq!(rig.events.len(), 3);
    }

    #[test]
    fn a_line_that_stops_ends_the_turn_once() {
        let mut rig = Rig::new();
        rig.hear(1_000, LOUD);
        for _ in 0..100 {
            rig.now += Duration::from_millis(100);
            rig.poll();
        }
        assert_eq!(rig.events.len(), 3, "{:?}", rig.events);
    }

    #[test]
    fn with_the_detector_a_loud_tone_is_no_turn_but_words_find_it() {
        let mut rig = Rig::new();
        rig.caller = Caller::new(AudioFormat::MULAW_8K, Some(DetectorPlan::default()));
        rig.hear(400, SILENT);
        rig.hear(1_000, LOUD);
        rig.hear(1_000, SILENT);
        assert_eq!(rig.events, []);
        assert_eq!(rig.words(" yes", 900, 1_100), Some((ItemId::new("late"), true)));
    }

    #[test]
    fn noise_is_a_turn_without_words() {
        let mut rig = Rig::new();
        rig.hear(400, LOUD);
        rig.hear(4_000, SILENT);
        assert_eq!(rig.events.last(), Some(&TurnEvent::Reported(ItemId::new("c1"), String::new())));
    }

    #[test]
    fn words_without_a_voice_are_nobodys() {
        let mut rig = Rig::new();
        rig.hear(5_000, SILENT);
        assert_eq!(rig.words(" phantom", 4_000, 4_200), None);
        rig.hear(500, LOUD);
        assert_eq!(rig.words(" phantom", 1_000, 1_200), None);
        assert!(rig.words(" real", 5_600, 5_800).is_some());
    }

    #[test]
    fn words_that_come_late_are_a_turn_of_their_own() {
        let mut rig = Rig::new();
        rig.hear(400, LOUD);
        rig.hear(4_000, SILENT);
        assert_eq!(rig.words(" yes", 600, 800), Some((ItemId::new("late"), true)));
        rig.hear(2_000, SILENT);
        assert_eq!(rig.events.last(), Some(&TurnEvent::Reported(ItemId::new("late"), "yes".to_owned())));
        assert!(!rig.caller.is_awaited());
    }
}
