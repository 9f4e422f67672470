//! The model's words. Its transcript comes in fragments, with places in session time, beside the
//! audio: a little later, or earlier if the timeline runs ahead. Each segment of the voice gets the
//! fragments that belong to its sound.
//!
//! How session time and the stream's position relate is not documented. The two are therefore tied
//! together in each segment: the oldest fragment without a segment belongs to the sound that opened
//! it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::voice::Places;
use crate::ids::{ItemId, ResponseId};
use crate::realtime::word_times::Span;

/// The fragments of one session.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// Fragments without a segment, oldest first.
    unclaimed: VecDeque<Spoken>,
    /// The newest segment.
    last: Option<Said>,
}

#[derive(Debug)]
struct Spoken {
    text: String,
    /// Where the words begin and end in session time, in ms.
    place: Option<(u64, u64)>,
    arrived: Instant,
}

/// A segment's words.
#[derive(Debug)]
struct Said {
    response: ResponseId,
    item: ItemId,
    /// The position in the stream at which the segment began.
    from_ms: u64,
    /// Session time minus stream position. `None` until a fragment with a place comes.
    offset_ms: Option<i64>,
    text: String,
    /// The position at which the segment ended. `None` while it runs.
    to_ms: Option<u64>,
}

/// Words of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SaidEvent {
    /// A further piece, with its place in the segment's audio.
    Piece(ResponseId, ItemId, String, Option<Span>),
    /// All words of a segment that has ended.
    Whole(ResponseId, ItemId, String),
}

impl Transcript {
    /// A segment began at this position.
    pub(super) fn began(&mut self, response: &ResponseId, item: &ItemId, at_ms: u64, now: Instant) {
        self.unclaimed.retain(|spoken| now.saturating_duration_since(spoken.arrived) < STALE_AFTER);
        let (response, item) = (response.clone(), item.clone());
        self.last = Some(Said { response, item, from_ms: at_ms, offset_ms: None, text: String::new(), to_ms: None });
    }

    /// A fragment came.
    pub(super) fn heard(&mut self, text: String, place: Option<(u64, u64)>, now: Instant) {
        if self.unclaimed.len() >= MOST_UNCLAIMED {
            self.unclaimed.pop_front();
        }
        self.unclaimed.push_back(Spoken { text, place, arrived: now });
    }

    /// Gives the newest segment its fragments up to the stream's position `at_ms`.
    pub(super) fn claim(&mut self, at_ms: u64, places: &Places, out: &mut Vec<SaidEvent>) {
        let Some(said) = &mut self.last else { return };
        let until = said.to_ms.unwrap_or(at_ms);
        let before = said.text.len();
        while let Some(first) = self.unclaimed.front()
            && said.claims(first, until)
            && let Some(Spoken { text, place, .. }) = self.unclaimed.pop_front()
        {
            if said.text.len() >= LONGEST_TEXT {
                continue;
            }
            let text = said.parted(text);
            said.text.push_str(&text);
            let span = place.and_then(|place| said.span(place, places));
            out.push(SaidEvent::Piece(said.response.clone(), said.item.clone(), text, span));
        }
        // These words came after their segment, whose text was complete.
        if said.to_ms.is_some() && said.text.len() > before {
            let text = said.text.trim().to_owned();
            out.push(SaidEvent::Whole(said.response.clone(), said.item.clone(), text));
        }
    }

    /// The newest segment ended at this position.
    pub(super) fn ended(&mut self, at_ms: u64, places: &Places, out: &mut Vec<SaidEvent>) {
        self.claim(at_ms, places, out);
        let Some(said) = self.last.as_mut().filter(|said| said.to_ms.is_none()) else { return };
        said.to_ms = Some(at_ms);
        if !said.text.is_empty() {
            let text = said.text.trim().to_owned();
            out.push(SaidEvent::Whole(said.response.clone(), said.item.clone(), text));
        }
    }
}

impl Said {
    /// Whether the fragment belongs to this segment, which has come to the position `until`.
    fn claims(&mut self, fragment: &Spoken, until: u64) -> bool {
        let Some((start, _)) = fragment.place else { return self.to_ms.is_none() };
        let offset = match self.offset_ms {
            Some(offset) => offset,
            // An ended segment without words: the fragment may be of the next one.
            None if self.to_ms.is_some() && !self.text.is_empty() => return false,
            None => {
                let offset = start as i64 - self.from_ms as i64;
                // A fragment from somewhere else says nothing about the two times.
                if offset.abs() > MOST_OFFSET_MS {
                    return self.to_ms.is_none();
                }
                *self.offset_ms.insert(offset)
            }
        };
        // Where a word stands in the segment's audio is known once its sound has come.
        match self.to_ms {
            None => (start as i64) < until as i64 + offset,
            Some(_) => start as i64 <= until as i64 + offset + SLACK_MS,
        }
    }

    /// The next words, parted from those before: sentences come without a blank between them.
    fn parted(&self, words: String) -> String {
        let joins = self.text.ends_with(SENTENCE_ENDS) && words.starts_with(char::is_alphabetic);
        if joins { format!(" {words}") } else { words }
    }

    /// Where a place in session time stands in the segment's audio.
    fn span(&self, (start, end): (u64, u64), places: &Places) -> Option<Span> {
        let in_stream = |at: u64| u64::try_from(at as i64 - self.offset_ms?).ok();
        let in_segment = |at| places.in_segment(in_stream(at)?);
        Some(Span { from_ms: in_segment(start)?, to_ms: in_segment(end)? })
    }
}

/// The signs that end a sentence.
const SENTENCE_ENDS: [char; 4] = ['.', '?', '!', '।'];

/// Text without sound for this long belongs to speech that was cut.
const STALE_AFTER: Duration = Duration::from_secs(5);
/// The number of fragments that wait. There are five a second.
const MOST_UNCLAIMED: usize = 128;
/// How far the two times may differ, in ms.
const MOST_OFFSET_MS: i64 = 10_000;
/// How far a fragment may begin behind the end of its segment, in ms: one step of their grid.
const SLACK_MS: i64 = 200;
/// The longest text of a segment, in bytes.
const LONGEST_TEXT: usize = 16_000;

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        transcript: Transcript,
        now: Instant,
        events: Vec<SaidEvent>,
    }

    impl Rig {
        fn new() -> Self {
            Self { transcript: Transcript::default(), now: crate::clock::now(), events: Vec::new() }
        }

        fn began(&mut self, name: &str, at_ms: u64) {
            self.transcript.began(&ResponseId::new(name), &ItemId::new(name), at_ms, self.now);
            self.claim(at_ms);
        }

        fn heard(&mut self, text: &str, start_ms: u64, at_ms: u64) {
            self.transcript.heard(text.to_owned(), Some((start_ms, start_ms + 200)), self.now);
            self.claim(at_ms);
        }

        fn claim(&mut self, at_ms: u64) {
            self.transcript.claim(at_ms, &Places::default(), &mut self.events);
        }

        fn ended(&mut self, at_ms: u64) {
            self.transcript.ended(at_ms, &Places::default(), &mut self.events);
        }

        fn texts(&mut self) -> Vec<String> {
            let text = |event| match event {
                SaidEvent::Piece(_, item, text, _) => format!("{item}+{text}"),
                SaidEvent::Whole(_, item, text) => format!("{item}={text}"),
            };
            std::mem::take(&mut self.events).into_iter().map(text).collect()
        }
    }

    #[test]
    fn fragments_belong_to_the_segment_whose_sound_they_are() {
        let mut rig = Rig::new();
        rig.began("a", 5_000);
        rig.heard(" Of", 5_600, 5_100);
        rig.heard(" course.", 5_800, 5_300);
        rig.ended(6_500);
        rig.heard(" Next", 9_000, 8_300);
        assert_eq!(rig.texts(), ["a+ Of", "a+ course.", "a=Of course."]);
        rig.began("b", 8_400);
        rig.ended(9_500);
        assert_eq!(rig.texts(), ["b+ Next", "b=Next"]);
    }

    #[test]
    fn text_that_leads_its_audio_waits_for_it() {
        let mut rig = Rig::new();
        rig.began("a", 5_000);
        rig.heard(" one", 5_600, 5_100);
        rig.heard(" two", 7_600, 5_200);
        assert_eq!(rig.texts(), ["a+ one"]);
        rig.claim(7_000);
        assert!(rig.texts().is_empty());
        rig.claim(7_020);
        assert_eq!(rig.texts(), ["a+ two"]);
    }

    #[test]
    fn text_for_sound_that_is_past_completes_its_segment() {
        let mut rig = Rig::new();
        rig.began("a", 5_000);
        rig.heard(" one", 5_600, 5_400);
        rig.ended(6_200);
        rig.heard(" two.", 6_000, 6_800);
        assert_eq!(rig.texts(), ["a+ one", "a=one", "a+ two.", "a=one two."]);
    }

    #[test]
    fn text_without_sound_is_forgotten() {
        let mut rig = Rig::new();
        rig.heard(" cut", 1_000, 0);
        rig.now += Duration::from_secs(6);
        rig.began("a", 9_000);
        rig.heard(" new", 9_500, 9_100);
        rig.ended(10_000);
        assert_eq!(rig.texts(), ["a+ new", "a=new"]);
    }

    #[test]
    fn sentences_that_come_without_a_blank_get_one() {
        let mut rig = Rig::new();
        rig.began("a", 5_000);
        for (at, text) in [" It is 3", ".5 today.", "Good", "bye!", "नमस्ते।", "जी"].into_iter().enumerate()
        {
            rig.heard(text, 5_600 + 200 * at as u64, 9_000);
        }
        rig.ended(9_000);
        assert_eq!(rig.texts().last().map(String::as_str), Some("a=It is 3.5 today. Goodbye! नमस्ते। जी"));
    }

    #[test]
    fn fragments_without_a_place_count_as_they_come() {
        let mut rig = Rig::new();
        rig.began("a", 700);
        rig.transcript.heard(" hello".to_owned(), None, rig.now);
        rig.ended(2_000);
        assert_eq!(rig.texts(), ["a+ hello", "a=hello"]);
    }
}
