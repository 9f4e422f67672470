use super::super::options::{ANSWER_PAUSE, Target};
use super::*;

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn options() -> PhoneOptions {
    let url = "ws://127.0.0.1/ws".parse().expect("an address");
    PhoneOptions { speech: vec![500; 400].into(), ..PhoneOptions::new(Target::Stream(url)) }
}

const fn heard(first: u64, last: u64) -> Heard {
    Heard { first: Some(ms(first)), last: Some(ms(last)) }
}

#[test]
fn the_caller_lets_the_greeting_end_and_then_speaks_whole() {
    let mut caller = Caller::new(&options());
    assert_eq!(caller.frame(ms(0), Heard::default()), [0; FRAME]);
    assert_eq!(caller.frame(ms(2000), heard(500, 1990)), [0; FRAME]);
    assert_eq!(caller.frame(ms(2800), heard(500, 2000)), [500; FRAME]);
    // The caller continues while the agent talks over them.
    assert_eq!(caller.frame(ms(2820), heard(500, 2810)), [500; FRAME]);
    let last = caller.frame(ms(2840), heard(500, 2830));
    assert_eq!((last[79], last[80]), (500, 0));
    assert_eq!(caller.frame(ms(2860), heard(500, 2830)), [0; FRAME]);
    assert_eq!(caller.spoke(), Some((ms(2800), Some(ms(2850)))));
}

#[test]
fn a_silent_service_is_spoken_to_after_a_while() {
    let mut caller = Caller::new(&options());
    assert_eq!(caller.frame(LONGEST_WAIT_FOR_GREETING - ms(1), Heard::default()), [0; FRAME]);
    assert_eq!(caller.frame(LONGEST_WAIT_FOR_GREETING, Heard::default()), [500; FRAME]);
}

#[test]
fn a_scheduled_interruption_is_spoken_at_its_time() {
    let mut caller = Caller::new(&PhoneOptions { speak_at: Some(ms(100)), ..options() });
    assert_eq!(caller.frame(ms(80), heard(0, 80)), [0; FRAME]);
    assert_eq!(caller.frame(ms(100), heard(0, 100)), [500; FRAME]);
}

#[test]
fn the_caller_hangs_up_when_the_answer_is_over() {
    let mut caller = Caller::new(&PhoneOptions { speak_at: Some(ms(0)), ..options() });
    for at in [0, 20, 40] {
        assert_eq!(caller.goodbye(ms(at), Heard::default()), None);
        caller.frame(ms(at), Heard::default());
    }
    // Audio heard before the caller's last word does not count as an answer.
    assert_eq!(caller.goodbye(ms(8000), heard(10, 50)), None);
    assert_eq!(caller.goodbye(ms(60) + LONGEST_WAIT_FOR_ANSWER, heard(10, 50)), Some(Goodbye::Unanswered));
    assert_eq!(caller.goodbye(ms(5000), heard(10, 2000)), None);
    assert_eq!(caller.goodbye(ms(2000) + ANSWER_PAUSE, heard(10, 2000)), Some(Goodbye::Answered));
}

#[test]
fn keys_are_pressed_in_order_and_waited_for() {
    let dtmf = vec![(ms(500), '#'), (ms(300), '1')];
    let mut caller = Caller::new(&PhoneOptions { dtmf, speech: Arc::new([]), ..options() });
    assert!(caller.keys_due(ms(200)).is_empty());
    assert_eq!(caller.keys_due(ms(310)), ['1']);
    assert_eq!(caller.goodbye(ms(60_000), heard(0, 100)), None);
    assert_eq!(caller.keys_due(ms(600)), ['#']);
    assert_eq!(caller.goodbye(ms(600) + ANSWER_PAUSE, heard(0, 100)), None);
    assert_eq!(caller.goodbye(ms(900) + ANSWER_PAUSE, heard(0, 900)), Some(Goodbye::Answered));
}

#[test]
fn a_scheduled_hang_up_happens_at_its_time_and_not_before() {
    let caller = Caller::new(&PhoneOptions { hangup_after: Some(ms(20_000)), ..options() });
    assert_eq!(caller.goodbye(ms(19_999), heard(0, 0)), None);
    assert_eq!(caller.goodbye(ms(20_000), heard(0, 19_999)), Some(Goodbye::CarrierEvent));
}

#[test]
fn comfort_noise_is_there_and_cannot_be_heard() {
    let mut caller = Caller::new(&PhoneOptions { comfort_noise: true, ..options() });
    let frame = caller.frame(ms(0), Heard::default());
    assert!(frame.iter().any(|sample| *sample != 0));
    assert!(frame.iter().all(|sample| sample.unsigned_abs() < super::super::playout::AUDIBLE));
}
