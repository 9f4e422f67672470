//! Barge-in: what is cleared, muted and cut, and what counts as heard.

use super::*;

#[test]
fn barge_in_clears_mutes_and_says_what_was_heard() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 300);
    call.completes("item_1");
    call.says("resp_1", "item_2", 1_000);
    call.says("resp_1", "item_3", 500);
    call.pass(300);
    call.pass(150);
    call.reports();
    call.interrupts(Some("resp_1"));
    assert_eq!(call.reports(), "heard item_1 300/300, clear, interrupted item_2 150/1000 item_3 0/500");
    call.says("resp_1", "item_3", 500);
    call.completes("item_3");
    call.pass(1_000);
    assert_eq!(call.reports(), "dropped Muted 25");
    call.says("resp_2", "item_4", 20);
    assert_eq!(call.reports(), "started item_4, play 20");
}

#[test]
fn a_response_with_audio_in_the_queue_is_muted_though_another_is_named() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 1_000);
    call.interrupts(Some("resp_2"));
    call.reports();
    call.says("resp_1", "item_1", 100);
    call.says("resp_2", "item_2", 100);
    call.pass(1_000);
    assert_eq!(call.reports(), "dropped Muted 10");
}

#[test]
fn an_interruption_of_silence_clears_nothing() {
    let mut call = Call::new(&BUFFERS);
    call.interrupts(None);
    assert_eq!(call.reports(), "interrupted");
    call.says("resp_1", "item_1", 100);
    call.completes("item_1");
    call.pass(100);
    call.echoes("1:800:item_1");
    call.echoes("2:800:item_1");
    call.reports();
    call.interrupts(None);
    assert_eq!(call.reports(), "interrupted");
}

#[test]
fn what_a_carrier_cannot_take_back_counts_as_heard() {
    let mut call = Call::new(&PACED);
    call.says("resp_1", "item_1", 1_000);
    call.reports();
    call.interrupts(None);
    assert_eq!(call.reports(), "interrupted item_1 200/1000");
}

#[test]
fn a_carrier_that_may_clear_is_asked_to_and_is_not_believed() {
    let mut call = Call::new(&UNSURE);
    call.says("resp_1", "item_1", 1_000);
    call.reports();
    call.pass(100);
    assert_eq!(call.reports(), ", play 20".repeat(5)[2..]);
    call.pauses();
    assert_eq!(call.reports(), "", "what it may have dropped would have to be sent again");
    call.resumes();
    call.interrupts(None);
    assert_eq!(call.reports(), "clear, interrupted item_1 300/1000");
    call.pass(200);
    call.interrupts(None);
    assert_eq!(call.reports(), "interrupted", "there is nothing left to clear");
}

#[test]
fn a_clip_can_be_interrupted_and_played_again() {
    let mut call = Call::new(&BUFFERS);
    for generation in 1..3 {
        let event =
            AudioEvent::PlayPcm { item: ItemId::new("clip_1"), pcm: Arc::from([g711::decode_mulaw(0x31); 800]) };
        call.handle(event);
        assert_eq!(call.reports(), format!("started clip_1, play 100, mark {generation}:800:clip_1"));
        call.pass(40);
        call.interrupts(None);
        assert_eq!(call.reports(), "clear, interrupted clip_1 40/100");
    }
}

#[test]
fn an_interrupted_answer_leaves_nothing_in_the_next_one() {
    let mut call = Call::new(&BUFFERS);
    call.handle(AudioEvent::ModelAttached { input: AudioFormat::PCM_24K, output: AudioFormat::PCM_24K });
    let loud: Vec<u8> = 20_000_i16.to_le_bytes().repeat(24_000 / 1000 * 35);
    call.model_audio("resp_1", "item_1", &loud);
    call.interrupts(None);
    call.reports();
    call.model_audio("resp_2", "item_2", &[0; 960]);
    assert_eq!(call.last_frame, [0xFF; 160], "not even the filter's tail");
}

#[test]
fn an_interruption_in_a_pause_is_cut_where_the_pause_began() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 100);
    call.completes("item_1");
    call.says("resp_1", "item_2", 1_000);
    call.pass(100);
    call.pass(130);
    call.pauses();
    call.says("resp_1", "item_2", 1_000);
    call.says("resp_1", "item_3", 100);
    call.reports();
    call.pass(3_000);
    call.interrupts(Some("resp_1"));
    let reports = call.reports();
    assert_eq!(
        reports, "interrupted item_2 130/2000 item_3 0/100",
        "heard to the end before it: item_1; cleared already"
    );
    call.resumes();
    call.says("resp_2", "item_4", 100);
    assert_eq!(call.reports(), "started item_4, play 100", "an interruption ends the pause");
}
