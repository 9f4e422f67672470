//! The idle ladder: what happens when nobody speaks. Pure.
//!
//! A sub-machine of the call: it is told when somebody speaks and when the floor falls silent, and says which rung has been
//! reached. Silence is counted from the moment at which the caller has *heard* the agent's last word. After the configured prompts
//! comes the goodbye, so a model that says goodbye and forgets to hang up is closed by the same ladder.
//!
//! A caller on mute with comfort noise is not silent to a turn detection that hears noise as speech: speech that is never followed by words
//! does not take the ladder back to its foot, and a wall-clock rule (`longest_without_words`) ends what prompts cannot.

use std::time::{Duration, Instant};

/// The rungs of one call's ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LadderPlan {
    /// Silence before the first prompt and between prompts. Shorter nags a caller who is looking for a paper, longer leaves a dropped
    /// handset on the bill.
    pub silence: Duration,
    /// Prompts before the goodbye.
    pub prompts: usize,
    /// No words of the caller for this long, whatever the turn detection heard: goodbye.
    pub longest_without_words: Duration,
}

/// What the ladder asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// Say the prompt of this number, from 0.
    Prompt(usize),
    /// Say goodbye and hang up.
    Goodbye,
}

/// One call's ladder.
#[derive(Debug, Clone)]
pub struct Ladder {
    plan: LadderPlan,
    /// Prompts said since the caller's last words.
    climbed: usize,
    /// Since when the floor has been silent; `None` while somebody speaks or an answer is being made.
    silent_since: Option<Instant>,
    /// When the caller's last words came, or the call began.
    words_at: Instant,
    /// The goodbye has been asked for; there is nothing above it.
    over: bool,
}

impl Ladder {
    /// At its foot; nobody is silent yet.
    pub fn new(plan: LadderPlan, now: Instant) -> Self {
        Self { plan, climbed: 0, silent_since: None, words_at: now, over: false }
    }

    /// Nobody speaks and nothing is being made: the agent's last word was heard, or a turn of the caller brought no answer.
    pub fn floor_silent(&mut self, now: Instant) {
        self.silent_since.get_or_insert(now);
    }

    /// Somebody has the floor: the caller's speech began, an answer is being made or played.
    pub fn floor_taken(&mut self) {
        self.silent_since = None;
    }

    /// The caller said words (a transcript with text) or pressed a key: back to the foot.
    pub fn caller_answered(&mut self, now: Instant) {
        self.climbed = 0;
        self.words_at = now;
        self.over = false;
        if self.silent_since.is_some() {
            self.silent_since = Some(now);
        }
    }

    /// When the next rung is reached, if the floor stays as it is.
    pub fn deadline(&self) -> Option<Instant> {
        if self.over {
            return None;
        }
        let mute = self.words_at + self.plan.longest_without_words;
        Some(self.silent_since.map_or(mute, |since| mute.min(since + self.plan.silence)))
    }

    /// The rung that has been reached, once.
    pub fn climb(&mut self, now: Instant) -> Option<Rung> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        let mute = now >= self.words_at + self.plan.longest_without_words;
        self.silent_since = None;
        if mute || self.climbed >= self.plan.prompts {
            self.over = true;
            return Some(Rung::Goodbye);
        }
        self.climbed += 1;
        Some(Rung::Prompt(self.climbed - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_climbs_prompt_by_prompt_to_the_goodbye() {
        let start = origin();
        let mut ladder = Ladder::new(plan(), start);
        let mut now = start;
        let mut rungs = Vec::new();
        for _ in 0..3 {
            ladder.floor_silent(now);
            assert_eq!(ladder.climb(now + secs(7)), None);
            now += secs(8);
            rungs.extend(ladder.climb(now));
            assert_eq!(ladder.climb(now), None, "a rung is reached once");
        }
        assert_eq!(rungs, [Rung::Prompt(0), Rung::Prompt(1), Rung::Goodbye]);
        ladder.floor_silent(now);
        assert_eq!(ladder.deadline(), None, "there is nothing above the goodbye");
    }

    #[test]
    fn words_take_the_ladder_back_to_its_foot_and_noise_does_not() {
        let start = origin();
        let mut ladder = Ladder::new(plan(), start);
        ladder.floor_silent(start);
        assert_eq!(ladder.climb(start + secs(8)), Some(Rung::Prompt(0)));
        ladder.floor_taken();
        ladder.floor_silent(start + secs(10));
        assert_eq!(ladder.climb(start + secs(18)), Some(Rung::Prompt(1)), "speech without words is noise");
        ladder.caller_answered(start + secs(20));
        ladder.floor_silent(start + secs(25));
        assert_eq!(ladder.climb(start + secs(33)), Some(Rung::Prompt(0)));
    }

    #[test]
    fn a_muted_caller_whose_noise_always_takes_the_floor_is_let_go_by_the_wall_clock() {
        let start = origin();
        let mut ladder = Ladder::new(plan(), start);
        ladder.floor_taken();
        assert_eq!(ladder.deadline(), Some(start + secs(120)));
        assert_eq!(ladder.climb(start + secs(119)), None);
        assert_eq!(ladder.climb(start + secs(120)), Some(Rung::Goodbye));
    }

    #[test]
    fn a_caller_who_answers_the_goodbye_is_given_the_ladder_again() {
        let start = origin();
        let mut ladder = Ladder::new(LadderPlan { prompts: 0, ..plan() }, start);
        ladder.floor_silent(start);
        assert_eq!(ladder.climb(start + secs(8)), Some(Rung::Goodbye));
        ladder.caller_answered(start + secs(9));
        ladder.floor_silent(start + secs(9));
        assert_eq!(ladder.deadline(), Some(start + secs(17)));
    }

    fn plan() -> LadderPlan {
        LadderPlan { silence: secs(8), prompts: 2, longest_without_words: secs(120) }
    }

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin")]
    fn origin() -> Instant {
        Instant::now()
    }
}
