//! What happens when nobody speaks: prompts, step by step, and the goodbye. Pure.
//!
//! A sub-machine of the call: it is told when somebody speaks and when the floor falls silent, and says which step has been
//! reached. Silence is counted from the moment at which the caller has *heard* the agent's last word. After the configured prompts
//! comes the goodbye, so a model that says goodbye and forgets to hang up is closed by the same steps.
//!
//! A caller on mute with comfort noise is not silent to a turn detection that hears noise as speech: speech whose transcript comes and
//! holds no words does not take the prompts back to the first step, and a wall-clock rule (`longest_without_words`) ends what prompts cannot.
//!
//! Whether the caller is there does not hang on transcription alone. A turn whose transcription failed is the caller's, and so is one
//! whose transcript is still to come, for as long as it does not come and say that there was nothing in it: then the prompts stand
//! where they would have stood without that turn.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::ids::ItemId;
use crate::profile::no_input::NoInputPlan;

/// What silence leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoInputStep {
    /// Say the prompt of this number, from 0.
    Prompt(usize),
    /// Say goodbye and hang up.
    Goodbye,
}

/// Who is asked whether they are there, and how often they were. One a call.
#[derive(Debug, Clone)]
pub struct NoInput {
    plan: NoInputPlan,
    /// When prompts were said; those before the caller's last sign count no more.
    prompted: Vec<Instant>,
    /// Since when the floor has been silent; `None` while somebody speaks or an answer is being made.
    silent_since: Option<Instant>,
    /// When the caller last gave a sign of being there for certain, or the call began.
    words_at: Instant,
    /// Turns of the caller whose transcript is still to come, the newest last.
    untold: VecDeque<Untold>,
    goodbye: Goodbye,
}

/// The last step, behind which there is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goodbye {
    /// It has not been reached.
    ToCome,
    /// It has been asked for, and the caller has given no sign since.
    Asked,
}

/// A turn of the caller whose words are not known.
#[derive(Debug, Clone)]
struct Untold {
    item: ItemId,
    ended: Instant,
    /// It has been reported as missing.
    missing: bool,
}

/// What transcription says of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Words.
    Words,
    /// That there were none.
    Noise,
    /// Nothing: it failed.
    Failed,
}

impl NoInput {
    /// Nobody is silent yet, and nothing has been asked.
    pub fn new(plan: NoInputPlan, now: Instant) -> Self {
        Self {
            plan,
            prompted: Vec::new(),
            silent_since: None,
            words_at: now,
            untold: VecDeque::new(),
            goodbye: Goodbye::ToCome,
        }
    }

    /// Nobody speaks and nothing is being made: the agent's last word was heard, or a turn of the caller brought no answer.
    pub fn floor_silent(&mut self, now: Instant) {
        self.silent_since.get_or_insert(now);
    }

    /// Somebody has the floor: the caller's speech began, an answer is being made or played.
    pub fn floor_taken(&mut self) {
        self.silent_since = None;
    }

    /// The caller said words (a transcript with text) or pressed a key: back to the first step.
    pub fn caller_answered(&mut self, now: Instant) {
        self.sign_of_life(now);
        self.goodbye = Goodbye::ToCome;
        if self.silent_since.is_some() {
            self.silent_since = Some(now);
        }
    }

    /// A turn of the caller is over, and its transcript is to come.
    pub fn turn_ended(&mut self, item: &ItemId, now: Instant) {
        if self.untold.len() == MOST_UNTOLD
            && let Some(oldest) = self.untold.pop_front()
        {
            // A server that owes so many does not transcribe.
            self.sign_of_life(oldest.ended);
        }
        self.untold.push_back(Untold { item: item.clone(), ended: now, missing: false });
    }

    /// Transcription has spoken of a turn, or of speech that was taken for none. Whether the turn had been reported as missing.
    pub fn turn_told(&mut self, item: &ItemId, told: Told, now: Instant) -> bool {
        // A server that does not name the turns as they are spoken names them now; they come in order.
        let is = |turn: &Untold| turn.item == *item || turn.item.as_str().is_empty();
        let place = self.untold.iter().position(is);
        let turn = place.and_then(|place| self.untold.remove(place));
        match told {
            Told::Words => self.caller_answered(now),
            Told::Noise => {}
            Told::Failed => {
                if let Some(turn) = &turn {
                    self.sign_of_life(turn.ended);
                }
            }
        }
        turn.is_some_and(|turn| turn.missing)
    }

    /// How many turns have become so late that their transcript is missing; each is reported once.
    pub fn late_turns(&mut self, now: Instant) -> u64 {
        let late = self.untold.iter_mut().filter(|turn| !turn.missing && now >= turn.ended + LATE);
        late.map(|turn| turn.missing = true).count() as u64
    }

    fn sign_of_life(&mut self, at: Instant) {
        self.words_at = self.words_at.max(at);
        let words_at = self.words_at;
        self.prompted.retain(|prompted| *prompted > words_at);
    }

    /// When the caller last gave a sign, if the transcripts that are still to come hold words. A turn that began to be waited for
    /// after the caller was to be let go comes too late: noise that never ends would keep the call for ever.
    fn last_sign(&self) -> Instant {
        let longest = self.plan.longest_without_words;
        self.untold
            .iter()
            .map(|turn| turn.ended)
            .fold(self.words_at, |last, ended| if ended <= last + longest { last.max(ended) } else { last })
    }

    /// When the next step is reached, if the floor stays as it is.
    pub fn deadline(&self) -> Option<Instant> {
        if self.goodbye == Goodbye::Asked {
            return None;
        }
        let last = self.last_sign();
        let mute = last + self.plan.longest_without_words;
        let silence = self.plan.before_prompts.get(self.advanced(last)).unwrap_or(&self.plan.before_goodbye);
        Some(self.silent_since.map_or(mute, |since| mute.min(since + *silence)))
    }

    /// The step that has been reached, once.
    pub fn advance(&mut self, now: Instant) -> Option<NoInputStep> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        let last = self.last_sign();
        let (mute, advanced) = (now >= last + self.plan.longest_without_words, self.advanced(last));
        self.silent_since = None;
        if mute || advanced >= self.plan.before_prompts.len() {
            self.goodbye = Goodbye::Asked;
            return Some(NoInputStep::Goodbye);
        }
        self.prompted.push(now);
        Some(NoInputStep::Prompt(advanced))
    }

    /// Prompts said since the caller's `last` sign.
    fn advanced(&self, last: Instant) -> usize {
        self.prompted.iter().filter(|prompted| **prompted > last).count()
    }
}

/// Turns whose transcript is waited for. A transcript takes a second or two, so that one or two are the rule.
const MOST_UNTOLD: usize = 16;
/// How long after a turn its transcript is missing. A usual one takes a second or two.
const LATE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_climbs_prompt_by_prompt_to_the_goodbye() {
        let start = origin();
        let mut no_input = NoInput::new(plan(), start);
        let mut now = start;
        let mut no_input_steps = Vec::new();
        for _ in 0..3 {
            no_input.floor_silent(now);
            assert_eq!(no_input.advance(now + secs(7)), None);
            now += secs(8);
            no_input_steps.extend(no_input.advance(now));
            assert_eq!(no_input.advance(now), None, "a rung is reached once");
        }
        assert_eq!(no_input_steps, [NoInputStep::Prompt(0), NoInputStep::Prompt(1), NoInputStep::Goodbye]);
        no_input.floor_silent(now);
        assert_eq!(no_input.deadline(), None, "there is nothing above the goodbye");
    }

    #[test]
    fn each_rung_waits_its_own_silence() {
        let start = origin();
        let plan = NoInputPlan { before_prompts: vec![secs(5), secs(7)], before_goodbye: secs(9), ..plan() };
        let mut no_input = NoInput::new(plan, start);
        for (now, no_input_step) in
            [(0, NoInputStep::Prompt(0)), (20, NoInputStep::Prompt(1)), (40, NoInputStep::Goodbye)]
        {
            no_input.floor_silent(start + secs(now));
            let wait = [5, 7, 9][now as usize / 20];
            assert_eq!(no_input.advance(start + secs(now + wait - 1)), None);
            assert_eq!(no_input.advance(start + secs(now + wait)), Some(no_input_step));
        }
    }

    #[test]
    fn words_take_the_ladder_back_to_its_foot_and_noise_does_not() {
        let start = origin();
        let mut no_input = NoInput::new(plan(), start);
        no_input.floor_silent(start);
        assert_eq!(no_input.advance(start + secs(8)), Some(NoInputStep::Prompt(0)));
        no_input.floor_taken();
        no_input.floor_silent(start + secs(10));
        assert_eq!(no_input.advance(start + secs(18)), Some(NoInputStep::Prompt(1)), "speech without words is noise");
        no_input.caller_answered(start + secs(20));
        no_input.floor_silent(start + secs(25));
        assert_eq!(no_input.advance(start + secs(33)), Some(NoInputStep::Prompt(0)));
    }

    #[test]
    fn a_muted_caller_whose_noise_always_takes_the_floor_is_let_go_by_the_wall_clock() {
        let start = origin();
        let mut no_input = NoInput::new(plan(), start);
        no_input.floor_taken();
        assert_eq!(no_input.deadline(), Some(start + secs(120)));
        assert_eq!(no_input.advance(start + secs(119)), None);
        assert_eq!(no_input.advance(start + secs(120)), Some(NoInputStep::Goodbye));
    }

    #[test]
    fn a_caller_who_answers_the_goodbye_is_given_the_ladder_again() {
        let start = origin();
        let mut no_input = NoInput::new(NoInputPlan { before_prompts: Vec::new(), ..plan() }, start);
        no_input.floor_silent(start);
        assert_eq!(no_input.advance(start + secs(8)), Some(NoInputStep::Goodbye));
        no_input.caller_answered(start + secs(9));
        no_input.floor_silent(start + secs(9));
        assert_eq!(no_input.deadline(), Some(start + secs(17)));
    }

    #[test]
    fn a_turn_whose_transcription_fails_is_the_callers() {
        let start = origin();
        let mut no_input = NoInput::new(plan(), start);
        no_input.floor_silent(start);
        assert_eq!(no_input.advance(start + secs(8)), Some(NoInputStep::Prompt(0)));
        no_input.turn_ended(&turn(1), start + secs(10));
        no_input.turn_told(&turn(1), Told::Failed, start + secs(11));
        no_input.floor_silent(start + secs(20));
        assert_eq!(no_input.advance(start + secs(28)), Some(NoInputStep::Prompt(0)), "the prompt was answered aloud");
        assert_eq!(no_input.deadline(), Some(start + secs(10 + 120)));
    }

    #[test]
    fn a_turn_whose_transcript_never_comes_is_the_callers() {
        let start = origin();
        let mut no_input = NoInput::new(plan(), start);
        for turn_at in (10..1_000).step_by(10) {
            no_input.turn_ended(&turn(turn_at), start + secs(turn_at));
            assert_eq!(no_input.advance(start + secs(turn_at + 9)), None);
        }
        assert_eq!(no_input.deadline(), Some(start + secs(990 + 120)));
        assert!(no_input.untold.len() <= MOST_UNTOLD);
    }

    #[test]
    fn a_late_transcript_without_words_leaves_the_ladder_where_it_was() {
        let start = origin();
        let mut no_input = NoInput::new(plan(), start);
        no_input.floor_silent(start);
        assert_eq!(no_input.advance(start + secs(8)), Some(NoInputStep::Prompt(0)));
        no_input.turn_ended(&turn(1), start + secs(10));
        no_input.turn_ended(&turn(2), start + secs(100));
        assert_eq!(no_input.deadline(), Some(start + secs(100 + 120)), "they may have been words");
        no_input.turn_told(&turn(2), Told::Noise, start + secs(115));
        no_input.turn_told(&turn(1), Told::Noise, start + secs(116));
        assert_eq!(no_input.deadline(), Some(start + secs(120)));
        no_input.floor_silent(start + secs(110));
        assert_eq!(
            no_input.advance(start + secs(118)),
            Some(NoInputStep::Prompt(1)),
            "the first prompt was not answered"
        );
    }

    #[test]
    fn noise_without_end_is_let_go_however_late_its_transcripts_are() {
        for late in [1, 4, 20, 40] {
            let start = origin();
            let mut no_input = NoInput::new(plan(), start);
            let ended = (1..400).find(|second| {
                let now = start + secs(*second);
                if second % 3 == 0 {
                    no_input.turn_ended(&turn(*second), now);
                }
                if *second > late && (second - late) % 3 == 0 {
                    no_input.turn_told(&turn(second - late), Told::Noise, now);
                }
                no_input.advance(now) == Some(NoInputStep::Goodbye)
            });
            let ended = ended.expect("it is let go");
            assert!((120..=120 + late).contains(&ended), "{late} s late, let go after {ended} s");
        }
    }

    #[test]
    fn turns_that_were_not_named_are_told_in_order() {
        let start = origin();
        let mut no_input = NoInput::new(plan(), start);
        for ended in [10, 20] {
            no_input.turn_ended(&ItemId::new(""), start + secs(ended));
        }
        no_input.turn_told(&turn(1), Told::Failed, start + secs(21));
        no_input.turn_told(&turn(2), Told::Noise, start + secs(22));
        assert_eq!(no_input.deadline(), Some(start + secs(10 + 120)));
    }

    #[test]
    fn a_transcript_that_does_not_come_is_told_once_and_taken_back_when_it_does() {
        let start = origin();
        let mut no_input = NoInput::new(plan(), start);
        no_input.turn_ended(&turn(1), start);
        no_input.turn_ended(&turn(2), start + secs(1));
        assert_eq!(no_input.late_turns(start + secs(4)), 0);
        assert_eq!((no_input.late_turns(start + secs(5)), no_input.late_turns(start + secs(5))), (1, 0));
        assert!(!no_input.turn_told(&turn(2), Told::Words, start + secs(5)));
        assert!(no_input.turn_told(&turn(1), Told::Words, start + secs(9)));
        assert!(!no_input.turn_told(&turn(1), Told::Failed, start + secs(9)), "it is known already");
    }

    fn turn(number: u64) -> ItemId {
        ItemId::new(&format!("item_{number}"))
    }

    fn plan() -> NoInputPlan {
        NoInputPlan {
            before_prompts: vec![secs(8), secs(8)],
            before_goodbye: secs(8),
            longest_without_words: secs(120),
        }
    }

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin")]
    fn origin() -> Instant {
        Instant::now()
    }
}
