//! Playout pauses while it is uncertain whether the caller interrupts, and then resumes.

use super::*;

#[test]
fn a_pause_takes_back_what_was_not_heard_and_goes_on_from_there() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 1_000);
    call.completes("item_1");
    call.pass(100);
    call.pass(50);
    call.reports();
    call.pauses();
    assert_eq!(call.reports(), "clear");
    assert_eq!(call.pipeline.deadline(), None, "nothing is waited for");
    call.echoes("1:1600:item_1");
    call.says("resp_1", "item_2", 100);
    call.pass(60_000);
    assert_eq!(call.reports(), "", "what the model says meanwhile waits");
    call.resumes();
    assert_eq!(
        call.reports(),
        "play 100, play 100, mark 2:2800:item_1, play 100, play 100, mark 2:4400:item_1",
        "150 ms were heard, so the first mark stands at 350"
    );
    call.resumes();
    assert_eq!(call.reports(), "");
    for _ in 0..5 {
        call.pass(100);
    }
    call.completes("item_2");
    call.pass(1_600);
    call.pass(2_000);
    let reports = call.reports();
    assert!(reports.contains("heard item_1 1000/1000"), "{reports}");
    assert!(reports.ends_with("heard item_2 100/100, drained"), "{reports}");
}

#[test]
fn what_a_stream_had_not_played_is_sent_again_on_the_stream_that_replaces_it() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 1_000);
    call.completes("item_1");
    call.pass(100);
    call.pass(50);
    call.reports();
    call.restarts();
    assert_eq!(
        call.reports(),
        "play 100, play 100, mark 2:2800:item_1, play 100, play 100, mark 2:4400:item_1",
        "150 ms were heard, and nothing has to be cleared"
    );
    call.echoes("1:1600:item_1");
    for _ in 0..6 {
        call.pass(100);
    }
    call.pass(2_000);
    let reports = call.reports();
    assert!(reports.ends_with("heard item_1 1000/1000, drained"), "{reports}");
    call.restarts();
    assert_eq!(call.reports(), "", "all of it was heard");
}

#[test]
fn an_answer_that_goes_on_is_faded_in_and_what_begins_is_not() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 300);
    call.pass(50);
    call.pauses();
    call.resumes();
    let seam = &call.first_frame_of_a_step;
    assert_eq!(seam[0], 0xFF, "silence");
    assert!(seam[..40].iter().any(|&byte| byte != 0x31), "a ramp");
    assert_eq!(seam[40..], [0x31; 760], "5 ms later all is as it was");
    call.interrupts(None);

    call.pauses();
    call.says("resp_2", "item_2", 300);
    call.resumes();
    assert_eq!(call.first_frame_of_a_step, [0x31; 800]);
    call.pass(5);
    call.pauses();
    call.interrupts(None);
    call.says("resp_3", "item_3", 100);
    assert_eq!(call.first_frame_of_a_step, [0x31; 800], "the next answer has no seam");
}

#[test]
fn a_pause_in_silence_is_nothing_until_something_is_said() {
    let mut call = Call::new(&BUFFERS);
    call.pauses();
    call.pauses();
    call.says("resp_1", "item_1", 100);
    call.completes("item_1");
    call.handle(AudioEvent::TellWhenDrained);
    assert_eq!(call.reports(), "queued 100");
    call.pass(10_000);
    assert_eq!(call.reports(), "");
    call.resumes();
    assert_eq!(call.reports(), "started item_1, play 100, mark 1:800:item_1");
    call.pass(100);
    call.echoes("1:800:item_1");
    assert_eq!(call.reports(), "heard item_1 100/100, drained");
}

#[test]
fn a_carrier_that_cannot_clear_is_only_sent_nothing() {
    let mut call = Call::new(&PACED);
    call.says("resp_1", "item_1", 1_000);
    call.pass(100);
    call.reports();
    call.pauses();
    assert_eq!(call.reports(), "");
    call.pass(5_000);
    assert_eq!(call.reports(), "");
    call.resumes();
    assert_eq!(call.reports(), ["play 20"; 10].join(", "));
    call.interrupts(None);
    assert_eq!(
        call.reports(),
        "interrupted item_1 500/1000",
        "300 before the pause, 200 after it: not to be taken back"
    );
}
