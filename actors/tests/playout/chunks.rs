//! The timing and size of the chunks that are sent.

use super::*;

#[test]
fn a_burst_goes_out_up_to_the_lead_at_once_and_then_in_real_time() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 2_000);
    assert_eq!(
        call.reports(),
        "started item_1, play 100, play 100, mark 1:1600:item_1, play 100, play 100, mark 1:3200:item_1"
    );
    assert_eq!(call.pipeline.deadline(), Some((call.now + ms(20), AudioTimer::FirstHeard)));
    call.pass(20);
    assert_eq!(call.pipeline.deadline(), Some((call.now + ms(80), AudioTimer::Refill)));
    call.pass(79);
    assert_eq!(call.reports(), "");
    call.pass(1);
    assert_eq!(call.reports(), "play 100");
    call.pass(100);
    assert_eq!(call.reports(), "play 100, mark 1:4800:item_1");
}

#[test]
fn a_late_timer_is_caught_up_with() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 2_000);
    call.reports();
    call.pass(250);
    assert_eq!(call.reports(), "play 100, play 100, mark 1:4800:item_1");
}

#[test]
fn speech_in_small_pieces_is_passed_on_at_once() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 20);
    assert_eq!(call.reports(), "started item_1, play 20");
    call.pass(20);
    call.says("resp_1", "item_1", 20);
    assert_eq!(call.reports(), "play 20");
}

#[test]
fn a_paced_line_gets_20_ms_frames_on_one_origin() {
    let mut call = Call::new(&PACED);
    call.says("resp_1", "item_1", 1_000);
    assert_eq!(call.reports(), format!("started item_1{}", ", play 20".repeat(10)));
    for late in [0, 7, 13, 2] {
        call.pass(20 - late);
        call.reports();
        call.pass(late);
    }
    call.reports();
    call.pass(19);
    assert_eq!(call.reports(), "", "lateness does not add up");
    call.pass(1);
    assert_eq!(call.reports(), "play 20");
}

#[test]
fn a_paced_carrier_is_never_sent_more_than_its_lead_however_late_the_timers_are() {
    let mut call = Call::new(&UNSURE);
    call.says("resp_1", "item_1", 3_000);
    let (mut sent, mut passed) = (0, 0);
    for step in 0..600_u64 {
        sent += call.reports().matches("play 20").count() as u64 * 20;
        assert!(sent <= passed + 200, "{sent} ms sent after {passed} ms");
        assert!(sent == 3_000 || sent + 20 > passed, "the caller waits: {sent} ms sent after {passed} ms");
        let late = [5, 20, 1, 40, 3][step as usize % 5];
        call.pass(late);
        passed += late;
    }
    assert_eq!(sent, 3_000);
}

#[test]
fn the_last_frame_of_a_paced_answer_is_filled_with_silence() {
    let mut call = Call::new(&PACED);
    call.says("resp_1", "item_1", 30);
    assert_eq!(call.reports(), "started item_1, play 20", "the rest waits for its frame");
    call.completes("item_1");
    assert_eq!(call.reports(), "play 20");
    assert_eq!(call.last_frame[..80], [0x31; 80]);
    assert_eq!(call.last_frame[80..], [0xFF; 80]);
    call.pass(329);
    assert_eq!(call.reports(), "");
    call.pass(1);
    assert_eq!(call.reports(), "heard item_1 30/30, drained");
}

#[test]
fn an_answer_that_just_stops_is_played_to_its_last_sample() {
    let mut call = Call::new(&PACED);
    call.says("resp_1", "item_1", 30);
    call.reports();
    call.pass(69);
    assert_eq!(call.reports(), "");
    call.pass(1);
    assert_eq!(call.reports(), "play 20");
    call.pass(2_000);
    assert_eq!(call.reports(), "drained");
    call.says("resp_1", "item_1", 20);
    assert_eq!(call.reports(), "started item_1, play 20");
}

#[test]
fn a_model_that_speaks_in_real_time_has_little_at_the_carrier() {
    let mut call = Call::new(&BUFFERS);
    let played = |call: &mut Call| call.reports().matches("play 100").count();
    call.handle(AudioEvent::LimitLead(true));
    call.says("resp_1", "item_1", 1_500);
    assert_eq!(played(&mut call), 2);
    (0..5).for_each(|_| call.pass(100));
    assert_eq!(played(&mut call), 5, "the rest in real time");
    call.handle(AudioEvent::LimitLead(false));
    call.pass(0);
    assert_eq!(played(&mut call), 2, "another model has the carrier's whole lead");
}

#[test]
fn a_message_is_never_below_a_carriers_floor_nor_off_its_step() {
    let bytes = |count| Some(Length::Bytes(count));
    let chunk = Chunk { step: bytes(320), least: bytes(3_200), most: bytes(100_000), tail: Duration::ZERO };
    let carrier = Capabilities { chunk, lead: ms(400), ..BUFFERS };
    let mut call = Call::new(&carrier);
    call.pipeline = Pipeline::new(AudioFormat::MULAW_8K, &carrier, ms(800));
    call.handle(AudioEvent::ModelAttached { input: AudioFormat::MULAW_8K, output: AudioFormat::MULAW_8K });
    call.says("resp_1", "item_1", 410);
    assert!(call.reports().starts_with("started item_1, play 400"), "3200 bytes of mu-law are 400 ms");
    call.says("resp_1", "item_1", 200);
    assert_eq!(call.reports(), "", "210 ms are below the floor, and more may come");
    call.completes("item_1");
    assert!(call.reports().starts_with("play 400"), "the end is filled up to the floor");
}

#[test]
fn a_message_is_never_above_a_carriers_ceiling() {
    let exact = Capabilities { chunk: Chunk::exactly(Length::Time(ms(20))), ..BUFFERS };
    let mut call = Call::new(&exact);
    call.says("resp_1", "item_1", 50);
    assert_eq!(call.reports(), "started item_1, play 20, play 20");
    call.completes("item_1");
    assert!(call.reports().starts_with("play 20"), "half a chunk is filled up");
}

#[test]
fn an_utterance_is_followed_by_the_silence_that_its_carrier_needs() {
    let tailed = Capabilities { chunk: Chunk { tail: ms(80), ..Chunk::ANY }, ..BUFFERS };
    let mut call = Call::new(&tailed);
    call.says("resp_1", "item_1", 1_000);
    call.completes("item_1");
    let mut sent = 0;
    for _ in 0..20 {
        let reports = call.reports();
        sent += reports.split(", ").filter_map(|one| one.strip_prefix("play ")?.parse::<u64>().ok()).sum::<u64>();
        call.pass(100);
    }
    assert_eq!(sent, 1_080);
}
