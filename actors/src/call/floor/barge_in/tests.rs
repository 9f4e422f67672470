use super::*;

#[test]
fn a_plan_without_patience_interrupts_at_once() {
    let now = crate::clock::now();
    assert_eq!(BargeInFilter::default().speech_started(&item(), &InterruptionPlan::default(), now), Verdict::Interrupt);
}

#[test]
fn a_cough_shorter_than_speech_has_to_be_changes_nothing() {
    let (mut filter, now) = (BargeInFilter::default(), crate::clock::now());
    assert_eq!(filter.speech_started(&item(), &lasting(), now), Verdict::GoOn);
    filter.speech_stopped(&lasting(), now + ms(200));
    assert_eq!((filter.due(), filter.judge(now + ms(900))), (None, Verdict::GoOn));
}

#[test]
fn speech_that_lasts_counts() {
    let (mut filter, now) = (BargeInFilter::default(), crate::clock::now());
    filter.speech_started(&item(), &lasting(), now);
    assert_eq!(filter.judge(now + ms(399)), Verdict::GoOn);
    assert_eq!(filter.judge(now + ms(400)), Verdict::Interrupt);
    assert_eq!(filter.judge(now + ms(400)), Verdict::GoOn);
}

#[test]
fn a_paused_answer_goes_on_unless_words_confirm() {
    let (mut filter, now) = (BargeInFilter::default(), crate::clock::now());
    assert_eq!(filter.speech_started(&item(), &pausing(), now), Verdict::Pause);
    filter.speech_stopped(&pausing(), now + ms(300));
    assert_eq!(filter.words(&item(), "Mm-hm.", false, &nods(), now), Verdict::GoOn);
    assert_eq!(filter.judge(now + ms(1000)), Verdict::Resume);

    filter.speech_started(&item(), &pausing(), now);
    filter.speech_stopped(&pausing(), now + ms(300));
    assert_eq!(filter.words(&ItemId::new("another"), "wait, stop", true, &nods(), now), Verdict::GoOn);
    assert_eq!(filter.words(&item(), "wait, stop", true, &nods(), now), Verdict::Interrupt);
    assert_eq!(filter.judge(now + ms(5000)), Verdict::GoOn);
}

#[test]
fn words_that_never_interrupt_end_the_pause_and_hold_the_length_off() {
    let (mut filter, now) = (BargeInFilter::default(), crate::clock::now());
    filter.speech_started(&item(), &pausing(), now);
    filter.speech_stopped(&pausing(), now + ms(300));
    assert_eq!(filter.words(&item(), "Haan ji", true, &nods(), now + ms(400)), Verdict::Resume);
    assert_eq!(filter.due(), None, "the answer goes on at once");

    filter.speech_started(&item(), &lasting(), now);
    assert_eq!(filter.words(&item(), "haan haan", false, &nods(), now + ms(350)), Verdict::GoOn);
    assert_eq!(filter.judge(now + ms(400)), Verdict::GoOn, "they are no reason to stop");
    assert_eq!(filter.words(&item(), "haan haan, but", false, &nods(), now + ms(700)), Verdict::Interrupt);

    filter.speech_started(&item(), &lasting(), now);
    filter.words(&item(), "haan", false, &nods(), now + ms(350));
    assert_eq!(filter.judge(now + ms(350) + LEAST_CONFIRMING), Verdict::Interrupt, "speech that lasts does");
}

fn nods() -> Nods {
    Nods::new(["mm-hm", "haan", "ji"])
}

fn lasting() -> InterruptionPlan {
    InterruptionPlan { min_speech: ms(400), ..InterruptionPlan::default() }
}

fn pausing() -> InterruptionPlan {
    InterruptionPlan {
        policy: InterruptionPolicy::PauseAndConfirm { resume_after: ms(700) },
        ..InterruptionPlan::default()
    }
}

fn item() -> ItemId {
    ItemId::new("item_u1")
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn a_model_that_decides_by_itself_is_never_interrupted_by_us() {
    let plan = InterruptionPlan { policy: InterruptionPolicy::Model, ..InterruptionPlan::default() };
    let mut filter = BargeInFilter::default();
    let now = crate::clock::now();
    assert_eq!(filter.speech_started(&item(), &plan, now), Verdict::GoOn);
    assert!(!filter.is_pending() && filter.due().is_none());
    assert_eq!(filter.words(&item(), "wait a moment", true, &nods(), now), Verdict::GoOn);
}
