//! A second opinion on the caller's speech: our own detector beside a server that reports speech by
//! itself. Pure.
//!
//! It decides nothing. It only says, of each beginning of speech, whether both sides heard it, so
//! that an operator sees a server that is deaf to callers, or one that takes noise for them.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::detector::{DetectorPlan, SpeechDetector};
use super::scratch::Scratch;
use crate::carrier::AudioFormat;
use crate::g711;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Our detector.
    pub detector: DetectorPlan,
    /// How long the server may take to report a beginning of speech.
    pub within: Duration,
}

/// The opinion on one beginning of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opinion {
    /// The server and our detector both heard it.
    Agreed,
    /// Our detector heard it over the agent's voice, and the server reported nothing in its time.
    Unreported,
    /// The server reported it, and for our detector it is noise.
    Noise,
}

impl Opinion {
    /// All opinions.
    pub const ALL: [Self; 3] = [Self::Agreed, Self::Unreported, Self::Noise];

    /// The opinion's word in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Unreported => "unreported",
            Self::Noise => "noise",
        }
    }
}

/// How often each opinion was given in a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Opinions {
    agreed: u64,
    unreported: u64,
    noise: u64,
}

impl Opinions {
    /// Counts an opinion.
    pub(super) const fn count(&mut self, opinion: Opinion) {
        let counter = match opinion {
            Opinion::Agreed => &mut self.agreed,
            Opinion::Unreported => &mut self.unreported,
            Opinion::Noise => &mut self.noise,
        };
        *counter += 1;
    }
}

/// Our detector on one call's line, and the comparison with what its server reports.
#[derive(Debug)]
pub(super) struct SecondOpinion {
    format: AudioFormat,
    detector: Box<SpeechDetector>,
    beginnings: Beginnings,
}

impl SecondOpinion {
    /// A comparison that has heard nothing; `None` for a rate that the detector does not take.
    pub(super) fn new(format: AudioFormat, Comparison { detector, within }: Comparison) -> Option<Self> {
        let detector = Box::new(SpeechDetector::new(detector, format.rate_hz).ok()?);
        Some(Self { format, detector, beginnings: Beginnings::new(within) })
    }

    /// Takes line audio that arrived now. `over_agent` says whether the agent is being heard.
    pub(super) fn hear(&mut self, audio: &[u8], over_agent: bool, now: Instant) -> Option<Opinion> {
        Scratch::lend(|Scratch { narrow, .. }| self.detector.hear(g711::read(self.format.encoding, audio, narrow)));
        self.beginnings.ours(self.detector.is_speech(), over_agent, now)
    }

    /// The server reports the beginning or the end of the caller's turn.
    pub(super) fn server_reports(&mut self, open: bool, now: Instant) -> Option<Opinion> {
        self.beginnings.server_reports(open, now)
    }
}

/// Pairs the beginnings of speech of both sides.
#[derive(Debug)]
struct Beginnings {
    within: Duration,
    /// Whether our detector hears speech.
    speech: bool,
    /// When it last did.
    heard: Option<Instant>,
    /// Whether the server says that the caller's turn is open.
    turn_open: bool,
    /// The beginning that one side has reported and the other has not.
    single: Option<Single>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Single {
    /// Ours; the server has until then.
    Ours(Instant),
    /// The server's; our detector has until then.
    Servers(Instant),
}

impl Beginnings {
    const fn new(within: Duration) -> Self {
        Self { within, speech: false, heard: None, turn_open: false, single: None }
    }

    /// Whether our detector hears speech now.
    fn ours(&mut self, speech: bool, over_agent: bool, now: Instant) -> Option<Opinion> {
        let begins = speech && !self.speech;
        self.speech = speech;
        if speech {
            self.heard = Some(now);
            if self.single.take_if(|single| matches!(single, Single::Servers(_))).is_some() {
                return Some(Opinion::Agreed);
            }
        }
        if begins && over_agent && !self.turn_open {
            self.single.get_or_insert(Single::Ours(now + self.within));
        }
        let due = |single: &mut Single| matches!(single, Single::Ours(due) | Single::Servers(due) if *due <= now);
        self.single.take_if(due).map(|single| match single {
            Single::Ours(_) => Opinion::Unreported,
            Single::Servers(_) => Opinion::Noise,
        })
    }

    /// The server reports the beginning or the end of the caller's turn.
    fn server_reports(&mut self, open: bool, now: Instant) -> Option<Opinion> {
        self.turn_open = open;
        if !open {
            return None;
        }
        let heard_lately = self.heard.is_some_and(|heard| now.saturating_duration_since(heard) <= self.within);
        if heard_lately {
            self.single = None;
            return Some(Opinion::Agreed);
        }
        // Our detector has not heard the beginning before this one either.
        let before = self.single.replace(Single::Servers(now + OURS_WITHIN));
        matches!(before, Some(Single::Servers(_))).then_some(Opinion::Noise)
    }
}

/// How long our detector may take to hear what the server has reported. Shorter: a soft first
/// syllable is noise. Longer: a word after a cough vouches for the cough.
const OURS_WITHIN: Duration = Duration::from_millis(700);

#[cfg(test)]
mod tests {
    use super::*;

    /// A line whose speech is known, judged every 20 ms.
    struct Line {
        beginnings: Beginnings,
        now: Instant,
        over_agent: bool,
        given: Vec<Opinion>,
    }

    impl Line {
        fn new(over_agent: bool) -> Self {
            let beginnings = Beginnings::new(Duration::from_millis(1_000));
            Self { beginnings, now: crate::clock::now(), over_agent, given: Vec::new() }
        }

        fn hears(&mut self, speech: bool, ms: u64) {
            for _ in 0..ms / 20 {
                self.now += Duration::from_millis(20);
                self.given.extend(self.beginnings.ours(speech, self.over_agent, self.now));
            }
        }

        fn server(&mut self, open: bool) {
            self.given.extend(self.beginnings.server_reports(open, self.now));
        }
    }

    #[test]
    fn speech_that_the_server_reports_in_time_is_agreed_once() {
        let mut line = Line::new(true);
        line.hears(true, 600);
        line.server(true);
        line.hears(true, 1_000);
        line.server(false);
        line.hears(false, 3_000);
        assert_eq!(line.given, [Opinion::Agreed]);
    }

    #[test]
    fn a_server_may_report_a_short_word_after_its_end() {
        let mut line = Line::new(true);
        line.hears(true, 300);
        line.hears(false, 600);
        line.server(true);
        line.hears(false, 3_000);
        assert_eq!(line.given, [Opinion::Agreed]);
    }

    #[test]
    fn a_server_may_be_the_first_to_hear_it() {
        let mut line = Line::new(true);
        line.server(true);
        line.hears(false, 400);
        assert_eq!(line.given, [], "our detector has its time");
        line.hears(true, 1_500);
        assert_eq!(line.given, [Opinion::Agreed]);
    }

    #[test]
    fn speech_over_the_agent_that_the_server_never_reports_is_counted_once() {
        let mut line = Line::new(true);
        line.hears(true, 980);
        assert_eq!(line.given, [], "the server has its time");
        line.hears(true, 2_000);
        line.hears(false, 3_000);
        assert_eq!(line.given, [Opinion::Unreported]);
    }

    #[test]
    fn speech_into_silence_or_into_an_open_turn_has_no_deadline() {
        let mut line = Line::new(false);
        line.hears(true, 1_500);
        line.hears(false, 2_000);
        assert_eq!(line.given, []);
        line.over_agent = true;
        line.hears(true, 500);
        line.server(true);
        line.hears(false, 500);
        line.hears(true, 3_000);
        assert_eq!(line.given, [Opinion::Agreed]);
    }

    #[test]
    fn a_turn_that_begins_on_noise_is_counted_for_each_beginning() {
        let mut line = Line::new(true);
        line.server(true);
        line.hears(false, 680);
        assert_eq!(line.given, [], "our detector has its time");
        line.hears(false, 20);
        assert_eq!(line.given, [Opinion::Noise]);
        for _ in 0..2 {
            line.server(false);
            line.server(true);
        }
        assert_eq!(line.given, [Opinion::Noise; 2]);
        line.hears(false, 5_000);
        assert_eq!(line.given, [Opinion::Noise; 3]);
    }

    #[test]
    fn the_counts_have_the_words_of_the_metric() {
        let mut opinions = Opinions::default();
        for opinion in Opinion::ALL {
            opinions.count(opinion);
        }
        let counts = serde_json::to_value(opinions).expect("numbers");
        assert!(Opinion::ALL.iter().all(|opinion| counts[opinion.word()] == 1), "{counts}");
    }
}
