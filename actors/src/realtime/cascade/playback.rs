//! What the caller heard of an answer. Pure.
//!
//! With word times, what was heard is all words that began well before the place that was played.
//! Without them, the piece that was running is cut in proportion to its characters. A piece whose
//! length is not known yet is taken at the pace of the voice, which is learnt from every answer.

use std::time::Duration;

use super::text::Piece;
use super::voice::Timing;

/// The pace of a voice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    ms_per_character: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { ms_per_character: USUAL_PACE }
    }
}

impl Pace {
    /// Learns from a text that took so long.
    fn learn(&mut self, characters: usize, took: Duration) {
        if characters >= SHORTEST_LESSON {
            let pace = took.as_secs_f64() * 1000.0 / characters as f64;
            self.ms_per_character = (self.ms_per_character + pace.clamp(FASTEST_PACE, SLOWEST_PACE)) / 2.0;
        }
    }

    fn time_of(self, characters: usize) -> Duration {
        Duration::from_secs_f64(self.ms_per_character * characters as f64 / 1000.0)
    }
}

/// An answer that is being said.
#[derive(Debug, Default)]
pub struct Playback {
    /// Its pieces, each with its place in the text.
    pieces: Vec<Said>,
    /// The text as the voice is given it: the pieces, each followed by a space.
    text: String,
    timings: Vec<Timing>,
    /// How long all of it takes, once all audio has come.
    whole: Option<Duration>,
}

#[derive(Debug)]
struct Said {
    piece: Piece,
    /// Where it begins in the text.
    at: usize,
    /// How long it takes, if its audio is told apart from the other pieces'.
    took: Option<Duration>,
}

impl Playback {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The text of all pieces.
    pub fn text(&self) -> &str {
        self.text.trim_end()
    }

    /// The voice is given another piece. Returns its place.
    pub fn say(&mut self, piece: Piece) -> usize {
        let at = self.text.len();
        self.text.push_str(&piece.text);
        self.text.push(' ');
        self.pieces.push(Said { piece, at, took: None });
        self.pieces.len() - 1
    }

    /// All audio of the piece at this place has come.
    pub fn piece_took(&mut self, place: usize, took: Duration, pace: &mut Pace) {
        if let Some(said) = self.pieces.get_mut(place) {
            said.took = Some(took);
            pace.learn(said.piece.text.chars().count(), took);
        }
    }

    /// The voice says when words are said.
    pub fn timed(&mut self, timings: &[Timing]) {
        if self.timings.len() < MOST_TIMINGS {
            self.timings.extend_from_slice(timings);
        }
    }

    /// All audio of the answer has come.
    pub fn took(&mut self, whole: Duration, pace: &mut Pace) {
        self.whole = Some(whole);
        pace.learn(self.text().chars().count(), whole);
    }

    /// Where the content of the answer is cut if so much of its audio was played, in bytes.
    pub fn heard_content(&self, played: Duration, pace: Pace) -> usize {
        let heard = self.heard(played, pace);
        let running = self.pieces.iter().rev().find(|said| said.at < heard);
        running.map_or(0, |said| {
            let end = said.at + said.piece.text.len();
            if heard >= end { said.piece.content.end } else { said.piece.heard_content(heard - said.at) }
        })
    }

    /// The text that was heard if so much of the audio was played.
    pub fn heard_text(&self, played: Duration, pace: Pace) -> &str {
        self.text[..self.heard(played, pace)].trim_end()
    }

    /// The bytes of the text that were heard: whole words.
    fn heard(&self, played: Duration, pace: Pace) -> usize {
        if self.whole.is_some_and(|whole| played + MARGIN >= whole) {
            return self.text().len();
        }
        match self.timings.last() {
            Some(last) if played <= last.end + LATE_TIMINGS => {
                let heard = self.timings.iter().take_while(|timing| timing.start + MARGIN <= played);
                heard.last().map_or(0, |timing| timing.bytes.end)
            }
            // The times come later than the audio, or not at all for the rest.
            Some(last) => self.words_within(last.bytes.end, played - last.end, pace),
            None => self.heard_by_pieces(played, pace),
        }
    }

    fn heard_by_pieces(&self, played: Duration, pace: Pace) -> usize {
        let mut begins = Duration::ZERO;
        for said in &self.pieces {
            let Some(took) = said.took else {
                return match self.whole {
                    Some(whole) if begins < whole => self.part(said.at, played - begins, whole - begins),
                    _ => self.words_within(said.at, played - begins, pace),
                };
            };
            if played < begins + took {
                let end = said.at + said.piece.text.len();
                return self.whole_words(said.at, said.at + share(&self.text[said.at..end], played - begins, took));
            }
            begins += took;
        }
        self.text().len()
    }

    /// The words from `at` on that fit into `time` at the pace of the voice.
    fn words_within(&self, at: usize, time: Duration, pace: Pace) -> usize {
        let rest = self.text[at..].trim_end();
        self.part(at, time, pace.time_of(rest.chars().count()))
    }

    /// The words of the text from `at` on, which takes `whole`, that fit into `time`.
    fn part(&self, at: usize, time: Duration, whole: Duration) -> usize {
        let rest = self.text[at..].trim_end();
        self.whole_words(at, at + share(rest, time, whole))
    }

    /// The end of the last whole word before `end`, not before `least`.
    fn whole_words(&self, least: usize, end: usize) -> usize {
        let is_edge = self.text[end..].chars().next().is_none_or(char::is_whitespace);
        if is_edge {
            return end;
        }
        self.text[..end].rfind(char::is_whitespace).map_or(least, |at| at.max(least))
    }
}

/// The bytes of `text` that are said in `time` if all of it takes `whole`.
fn share(text: &str, time: Duration, whole: Duration) -> usize {
    let characters = text.chars().count();
    let part = if whole.is_zero() { 1.0 } else { (time.as_secs_f64() / whole.as_secs_f64()).min(1.0) };
    let heard = (part * characters as f64).floor() as usize;
    text.char_indices().nth(heard).map_or(text.len(), |(at, _)| at)
}

/// A word that began later than this before the end of what was played was not understood.
const MARGIN: Duration = Duration::from_millis(100);
/// How long after the last time known the times are still believed to be complete.
const LATE_TIMINGS: Duration = Duration::from_millis(400);
/// The pace of most voices, in ms for each character.
const USUAL_PACE: f64 = 65.0;
const FASTEST_PACE: f64 = 25.0;
const SLOWEST_PACE: f64 = 200.0;
/// The characters of a text that tells something about the pace.
const SHORTEST_LESSON: usize = 10;
const MOST_TIMINGS: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::super::text::{Answer, Limits};
    use super::*;

    const CONTENT: &str = "Yes. **Your table** is booked for eight o'clock. See you then, and thank you!";

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn playback() -> Playback {
        let (mut answer, mut pieces) = (Answer::new("en", Limits::default()), Vec::new());
        answer.push(CONTENT, &mut pieces);
        answer.finish(&mut pieces);
        let mut playback = Playback::default();
        for piece in pieces {
            playback.say(piece);
        }
        assert_eq!(playback.text(), "Yes. Your table is booked for eight o'clock. See you then, and thank you!");
        playback
    }

    /// Times of 200 ms for each word.
    fn timed(playback: &mut Playback) {
        let text = playback.text().to_owned();
        let mut at = 0;
        for (place, word) in (0..).zip(text.split(' ')) {
            let start = ms(place * 200);
            playback.timed(&[Timing { bytes: at..at + word.len(), start, end: start + ms(200) }]);
            at += word.len() + 1;
        }
    }

    #[test]
    fn with_word_times_the_cut_is_at_a_word() {
        let mut playback = playback();
        timed(&mut playback);
        for (played, heard) in
            [(0, ""), (99, ""), (100, "Yes."), (299, "Yes."), (300, "Yes. Your"), (750, "Yes. Your table is")]
        {
            assert_eq!(playback.heard_text(ms(played), Pace::default()), heard, "{played}");
        }
        let cut = playback.heard_content(ms(750), Pace::default());
        assert_eq!(&CONTENT[..cut], "Yes. **Your table** is");
        playback.took(ms(2800), &mut Pace::default());
        assert_eq!(playback.heard_content(ms(2750), Pace::default()), CONTENT.len());
    }

    #[test]
    fn without_times_the_running_piece_is_cut_in_proportion() {
        let (mut playback, mut pace) = (playback(), Pace::default());
        playback.piece_took(0, ms(1000), &mut pace);
        playback.piece_took(1, ms(4000), &mut pace);
        assert_eq!(playback.heard_text(ms(999), pace), "");
        assert_eq!(playback.heard_text(ms(1000), pace), "Yes.");
        assert_eq!(playback.heard_text(ms(3000), pace), "Yes. Your table is");
        assert_eq!(playback.heard_text(ms(5000), pace), "Yes. Your table is booked for eight o'clock.");
        assert_eq!(
            &CONTENT[..playback.heard_content(ms(5000), pace)],
            "Yes. **Your table** is booked for eight o'clock."
        );
        assert_eq!(playback.heard_text(ms(60_000), pace), playback.text());
    }

    #[test]
    fn a_stream_of_all_pieces_is_cut_by_the_pace_until_its_length_is_known() {
        let (mut playback, mut pace) = (playback(), Pace::default());
        let by_pace = playback.heard_text(ms(2000), pace).to_owned();
        assert_eq!(by_pace, "Yes. Your table is booked for");
        playback.took(ms(9000), &mut pace);
        assert_eq!(playback.heard_text(ms(2000), pace), "Yes. Your table");
        assert!(pace.ms_per_character > USUAL_PACE);
        assert_eq!(playback.heard_text(ms(9000), pace), playback.text());
    }

    #[test]
    fn what_is_heard_never_shrinks_and_never_splits_a_word() {
        for has_times in [true, false] {
            let mut playback = playback();
            if has_times {
                timed(&mut playback);
            }
            let words: Vec<&str> = playback.text().split(' ').collect();
            let (mut last, mut cut) = (0, 0);
            for step in 0..120 {
                let heard = playback.heard_text(ms(step * 50), Pace::default());
                assert!(
                    heard.len() >= last
                        && heard.split(' ').zip(&words).all(|(one, other)| one.is_empty() || one == *other),
                    "{heard}"
                );
                let content = playback.heard_content(ms(step * 50), Pace::default());
                assert!(content >= cut && CONTENT.is_char_boundary(content), "{step}");
                (last, cut) = (heard.len(), content);
            }
            assert_eq!(last, playback.text().len());
        }
    }

    #[test]
    fn times_that_stop_are_continued_by_the_pace() {
        let mut playback = playback();
        playback.timed(&[Timing { bytes: 0..4, start: ms(0), end: ms(300) }]);
        assert_eq!(playback.heard_text(ms(600), Pace::default()), "Yes.");
        assert_eq!(playback.heard_text(ms(1400), Pace::default()), "Yes. Your table is");
    }

    #[test]
    fn nothing_said_is_nothing_heard() {
        let playback = Playback::default();
        assert!(playback.is_empty());
        assert_eq!(
            (playback.heard_content(ms(100), Pace::default()), playback.heard_text(ms(100), Pace::default())),
            (0, "")
        );
    }
}
