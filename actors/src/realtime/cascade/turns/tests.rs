use super::TurnAction as A;
use super::*;
use crate::clock;

struct Rig {
    turns: Turns,
    start: Instant,
    now: Instant,
}

impl Rig {
    fn new(policy: TurnPolicy) -> Self {
        let now = clock::now();
        Self { turns: Turns::new("en", policy), start: now, now }
    }

    fn speech(&mut self, begins: bool) -> Vec<A> {
        let mut out = Vec::new();
        self.turns.speech(begins, self.now, &mut out);
        out
    }

    fn heard(&mut self, heard: &Heard) -> Vec<A> {
        let mut out = Vec::new();
        self.turns.heard(heard, self.now, &mut out);
        out
    }

    fn words(&mut self, text: &str, are_settled: bool) -> Vec<A> {
        self.heard(&Heard::Words { text: text.into(), are_settled })
    }

    /// Lets `ms` pass, with every deadline on the way.
    fn wait(&mut self, ms: u64) -> Vec<A> {
        let (end, mut out) = (self.now + Duration::from_millis(ms), Vec::new());
        while let Some(at) = self.turns.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.turns.deadline_passed(at, &mut out);
        }
        self.now = end;
        out
    }

    fn at(&self) -> u128 {
        (self.now - self.start).as_millis()
    }
}

fn eager() -> TurnPolicy {
    TurnPolicy { is_eager: true, ..TurnPolicy::default() }
}

fn answer(text: &str, is_prepared: bool) -> A {
    A::Answer { text: text.into(), is_prepared }
}

fn words(text: &str) -> A {
    A::Words(text.into())
}

#[test]
fn silence_after_settled_words_ends_a_turn() {
    let mut rig = Rig::new(TurnPolicy::default());
    assert_eq!(rig.speech(true), [A::Started]);
    assert_eq!(rig.words("I need a table", false), [words("I need a table")]);
    assert_eq!(rig.wait(5000), []);
    assert_eq!(rig.speech(false), [A::Commit]);
    assert_eq!(rig.words("I need a table.", true), [words("I need a table.")]);
    assert_eq!(rig.wait(299), []);
    assert_eq!(rig.wait(1), [answer("I need a table.", false)]);
    assert_eq!((rig.at(), rig.turns.is_turn()), (5300, false));
}

#[test]
fn words_that_cannot_be_all_wait_longer() {
    for (text, ms) in [("I need a table", 500), ("I need a table and", 2500), ("98220", 1200), ("Yes", 300)] {
        let mut rig = Rig::new(TurnPolicy::default());
        rig.speech(true);
        rig.words(text, true);
        rig.speech(false);
        assert_eq!(rig.wait(ms - 1), [], "{text}");
        assert_eq!(rig.wait(1), [answer(text, false)], "{text}");
    }
}

#[test]
fn a_pause_within_a_turn_ends_nothing() {
    let mut rig = Rig::new(TurnPolicy::default());
    rig.speech(true);
    rig.words("I need a table", true);
    rig.speech(false);
    rig.wait(400);
    assert_eq!(rig.speech(true), []);
    assert_eq!(rig.wait(5000), []);
    rig.words("I need a table for two", true);
    rig.speech(false);
    assert_eq!(rig.wait(500), [answer("I need a table for two", false)]);
}

#[test]
fn unsettled_words_are_waited_for_but_not_for_ever() {
    let mut rig = Rig::new(TurnPolicy::default());
    rig.speech(true);
    rig.words("I need", false);
    rig.speech(false);
    assert_eq!(rig.wait(1499), []);
    assert_eq!(rig.wait(1), [answer("I need", false)]);
    rig.speech(true);
    rig.words("I need", false);
    rig.speech(false);
    assert_eq!(rig.heard(&Heard::Committed), []);
    assert_eq!(rig.wait(500), [answer("I need", false)]);
}

#[test]
fn speech_without_words_is_no_turn() {
    let mut rig = Rig::new(TurnPolicy::default());
    rig.speech(true);
    rig.speech(false);
    assert_eq!(rig.wait(1499), []);
    assert_eq!(rig.wait(1), [A::Nothing]);
    // Their words came late all the same.
    assert_eq!(rig.words("Hello.", true), [A::Started, words("Hello.")]);
    assert_eq!(rig.wait(300), [answer("Hello.", false)]);
}

#[test]
fn in_noise_the_engine_ends_the_turn() {
    let mut rig = Rig::new(TurnPolicy::default());
    rig.speech(true);
    rig.words("Hello.", true);
    let over = Heard::UtteranceOver { text: "Hello.".into() };
    assert_eq!(rig.heard(&over), []);
    assert_eq!(rig.wait(1199), []);
    assert_eq!(rig.words("Hello. Please", false), [words("Hello. Please")]);
    assert_eq!(rig.wait(1199), []);
    rig.words("Hello. Please.", true);
    assert_eq!(rig.wait(1), [answer("Hello. Please.", false)]);
}

#[test]
fn without_a_detector_the_engine_alone_decides() {
    let mut rig = Rig::new(TurnPolicy::default());
    assert_eq!(rig.heard(&Heard::SpeechBegan { has_words: false }), [A::Started]);
    rig.words("I need", false);
    assert_eq!(rig.wait(60_000), [], "words come seldom, so that none for a while is no silence");
    rig.heard(&Heard::UtteranceOver { text: "I need".into() });
    rig.wait(100);
    rig.words("I need a table", false);
    assert_eq!(rig.wait(60_000), []);
    rig.heard(&Heard::UtteranceOver { text: "I need a table.".into() });
    assert_eq!(rig.wait(300), [answer("I need a table.", false)]);
}

#[test]
fn an_engine_that_finds_turns_is_believed_at_once() {
    let mut rig = Rig::new(TurnPolicy { is_engines: true, ..TurnPolicy::default() });
    rig.speech(true);
    rig.words("I need a table", false);
    rig.speech(false);
    assert_eq!(rig.wait(1000), []);
    assert_eq!(
        rig.heard(&Heard::TurnOver { text: "I need a table.".into() }),
        [words("I need a table."), answer("I need a table.", false)]
    );
    // It may fail to tell the end.
    rig.speech(true);
    rig.words("Yes.", true);
    rig.speech(false);
    assert_eq!(rig.wait(2500), [answer("Yes.", false)]);
}

#[test]
fn an_eager_answer_is_kept_if_the_words_stay() {
    let mut rig = Rig::new(TurnPolicy { is_engines: true, ..eager() });
    rig.heard(&Heard::SpeechBegan { has_words: true });
    let out = rig.heard(&Heard::TurnEndsEagerly { text: "A table".into() });
    assert_eq!(out, [words("A table"), A::AnswerEagerly("A table".into())]);
    let out = rig.heard(&Heard::TurnOver { text: "A table.".into() });
    assert_eq!(out, [words("A table."), answer("A table.", true)]);
    assert_eq!(rig.turns.counts(), EagerCounts { begun: 1, kept: 1, thrown: 0 });
}

#[test]
fn an_eager_answer_is_thrown_away_if_the_caller_goes_on() {
    let mut rig = Rig::new(eager());
    rig.speech(true);
    rig.words("A table.", true);
    assert_eq!(rig.speech(false), [A::Commit, A::AnswerEagerly("A table.".into())]);
    rig.wait(100);
    assert_eq!(rig.speech(true), [A::TakeBack]);
    rig.speech(false);
    let out = rig.words("A table for two.", true);
    assert_eq!(out, [words("A table for two."), A::AnswerEagerly("A table for two.".into())]);
    assert_eq!(rig.wait(300), [answer("A table for two.", true)]);
    assert_eq!(rig.turns.counts(), EagerCounts { begun: 2, kept: 1, thrown: 1 });
}

#[test]
fn eager_answers_are_off_by_default_and_bounded() {
    let mut rig = Rig::new(TurnPolicy::default());
    rig.speech(true);
    rig.words("Yes.", true);
    assert_eq!(rig.speech(false), [A::Commit]);
    let mut rig = Rig::new(eager());
    rig.words("Yes.", true);
    for _ in 0..20 {
        rig.speech(true);
        rig.speech(false);
        rig.words("Yes.", true);
    }
    assert_eq!(rig.turns.counts().begun, MOST_TRIES);
    let mut rig = Rig::new(eager());
    rig.speech(true);
    rig.words("Yes.", true);
    rig.wait(10_001);
    assert_eq!(rig.speech(false), [A::Commit], "a long turn often goes on");
}

#[test]
fn a_turn_may_be_forced_or_discarded() {
    let mut rig = Rig::new(eager());
    let mut out = Vec::new();
    rig.turns.force(&mut out);
    assert_eq!(out, []);
    rig.speech(true);
    rig.words("A table", false);
    rig.turns.force(&mut out);
    assert_eq!(out, [answer("A table", false)]);
    rig.speech(true);
    rig.words("A table.", true);
    rig.speech(false);
    out.clear();
    rig.turns.discard(&mut out);
    assert_eq!((out, rig.turns.is_turn(), rig.wait(60_000)), (vec![A::TakeBack], false, vec![]));
}

proptest::proptest! {
    /// Whatever comes in whatever order, a turn that began ends, once, and no eager answer is left.
    #[test]
    fn every_turn_ends_once(steps in proptest::collection::vec((0_u8..9, 0_u64..900), 0..60)) {
        let mut rig = Rig::new(eager());
        let mut all = Vec::new();
        for (step, ms) in steps {
            let text = ["A", "A table", "A table.", "A table and"][ms as usize % 4].to_owned();
            all.extend(match step {
                0 => rig.speech(true),
                1 => rig.speech(false),
                2 => rig.words(&text, true),
                3 => rig.words(&text, false),
                4 => rig.heard(&Heard::UtteranceOver { text }),
                5 => rig.heard(&Heard::TurnEndsEagerly { text }),
                6 => rig.heard(&Heard::TurnResumed),
                7 => rig.heard(&Heard::TurnOver { text }),
                _ => rig.wait(ms),
            });
        }
        all.extend(rig.speech(true));
        all.extend(rig.speech(false));
        all.extend(rig.wait(60_000));
        let count = |wanted: fn(&A) -> bool| all.iter().filter(|action| wanted(action)).count();
        let ends = count(|action| matches!(action, A::Answer { .. } | A::Nothing));
        proptest::prop_assert!(!rig.turns.is_turn());
        proptest::prop_assert_eq!(ends, count(|action| *action == A::Started), "{:?}", all);
        let EagerCounts { begun, kept, thrown } = rig.turns.counts();
        proptest::prop_assert_eq!(begun, kept + thrown);
    }
}
