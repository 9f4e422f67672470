//! The agent's direction, rule by rule: what is sent when, what is marked, what is reported, what is dropped.

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{BUFFERS, PACED};
use switchboard_actors::audio::action::{AudioAction, AudioTimer, DropCause};
use switchboard_actors::audio::level::{Gain, Levels};
use switchboard_actors::audio::messages::CLIP_RESPONSE;
use switchboard_actors::audio::pipeline::{AudioEvent, Pipeline};
use switchboard_actors::audio::report::{AudioReport, ItemPlayout};
use switchboard_actors::carrier::{
    AudioFormat, ByClear, CallerFrame, Capabilities, Chunk, Length, LineCommand, Marks, waybeo,
};
use switchboard_actors::frame::Frame;
use switchboard_actors::ids::{ItemId, ResponseId};
use switchboard_actors::{clock, g711};

#[test]
fn a_burst_goes_out_up_to_the_lead_at_once_and_then_in_real_time() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 2_000);
    assert_eq!(
        call.told(),
        "started item_1, play 100, play 100, mark 1:1600:item_1, play 100, play 100, mark 1:3200:item_1"
    );
    assert_eq!(call.pipeline.deadline(), Some((call.now + ms(20), AudioTimer::FirstHeard)));
    call.pass(20);
    assert_eq!(call.pipeline.deadline(), Some((call.now + ms(80), AudioTimer::Refill)));
    call.pass(79);
    assert_eq!(call.told(), "");
    call.pass(1);
    assert_eq!(call.told(), "play 100");
    call.pass(100);
    assert_eq!(call.told(), "play 100, mark 1:4800:item_1");
}

#[test]
fn a_late_timer_is_caught_up_with() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 2_000);
    call.told();
    call.pass(250);
    assert_eq!(call.told(), "play 100, play 100, mark 1:4800:item_1");
}

#[test]
fn speech_in_small_pieces_is_passed_on_at_once() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 20);
    assert_eq!(call.told(), "started item_1, play 20");
    call.pass(20);
    call.says("resp_1", "item_1", 20);
    assert_eq!(call.told(), "play 20");
}

#[test]
fn an_item_ends_with_a_mark_and_its_echo_is_the_end() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 100);
    call.completes("item_1");
    assert_eq!(call.told(), "started item_1, play 100, mark 1:800:item_1");
    call.pass(100);
    assert_eq!(call.told(), "", "the clock alone is not yet believed");
    call.echoes("1:800:item_1");
    assert_eq!(call.told(), "heard item_1 100/100, drained");
    assert_eq!(call.pipeline.deadline(), None);
}

#[test]
fn a_mark_that_stands_at_the_end_already_is_not_doubled() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 200);
    call.echoes("1:1600:item_1");
    call.completes("item_1");
    assert_eq!(call.told(), "started item_1, play 100, play 100, mark 1:1600:item_1, heard item_1 200/200, drained");
}

#[test]
fn strange_stale_and_doubled_echoes_are_nothing() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 300);
    call.told();
    for name in ["", "1:9999:item_1", "0:1600:item_1", "1:1600:item_2", "nonsense", "1:1600:item_1:x"] {
        call.echoes(name);
    }
    call.interrupts(None);
    assert_eq!(call.told(), "clear, interrupted item_1 0/300");
    call.says("resp_2", "item_1", 200);
    assert_eq!(call.told(), "started item_1, play 100, play 100, mark 2:1600:item_1");
    call.echoes("1:1600:item_1");
    call.completes("item_1");
    assert_eq!(call.told(), "", "the echo is that of the clear");
    call.echoes("2:1600:item_1");
    call.echoes("2:1600:item_1");
    assert_eq!(call.told(), "heard item_1 200/200, drained");
}

#[test]
fn barge_in_clears_mutes_and_says_what_was_heard() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 300);
    call.completes("item_1");
    call.says("resp_1", "item_2", 1_000);
    call.says("resp_1", "item_3", 500);
    call.pass(300);
    call.pass(150);
    call.told();
    call.interrupts(Some("resp_1"));
    assert_eq!(call.told(), "heard item_1 300/300, clear, interrupted item_2 150/1000 item_3 0/500");
    call.says("resp_1", "item_3", 500);
    call.completes("item_3");
    call.pass(1_000);
    assert_eq!(call.told(), "dropped Muted 25");
    call.says("resp_2", "item_4", 20);
    assert_eq!(call.told(), "started item_4, play 20");
}

#[test]
fn a_response_with_audio_in_the_queue_is_muted_though_another_is_named() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 1_000);
    call.interrupts(Some("resp_2"));
    call.told();
    call.says("resp_1", "item_1", 100);
    call.says("resp_2", "item_2", 100);
    call.pass(1_000);
    assert_eq!(call.told(), "dropped Muted 10");
}

#[test]
fn an_interruption_of_silence_clears_nothing() {
    let mut call = Call::new(&BUFFERS);
    call.interrupts(None);
    assert_eq!(call.told(), "interrupted");
    call.says("resp_1", "item_1", 100);
    call.completes("item_1");
    call.pass(100);
    call.echoes("1:800:item_1");
    call.echoes("2:800:item_1");
    call.told();
    call.interrupts(None);
    assert_eq!(call.told(), "interrupted");
}

#[test]
fn what_a_carrier_cannot_take_back_counts_as_heard() {
    let mut call = Call::new(&PACED);
    call.says("resp_1", "item_1", 1_000);
    call.told();
    call.interrupts(None);
    assert_eq!(call.told(), "interrupted item_1 200/1000");
}

#[test]
fn a_paced_line_gets_20_ms_frames_on_one_origin() {
    let mut call = Call::new(&PACED);
    call.says("resp_1", "item_1", 1_000);
    assert_eq!(call.told(), format!("started item_1{}", ", play 20".repeat(10)));
    for late in [0, 7, 13, 2] {
        call.pass(20 - late);
        call.told();
        call.pass(late);
    }
    call.told();
    call.pass(19);
    assert_eq!(call.told(), "", "lateness does not add up");
    call.pass(1);
    assert_eq!(call.told(), "play 20");
}

#[test]
fn a_carrier_that_may_clear_is_asked_to_and_is_not_believed() {
    let waybeo = waybeo::CARRIER.capabilities();
    let mut call = Call::new(waybeo);
    call.says("resp_1", "item_1", 1_000);
    call.told();
    call.pass(100);
    assert_eq!(call.told(), ", play 20".repeat(5)[2..]);
    call.pauses();
    assert_eq!(call.told(), "", "what it may have dropped would have to be sent again");
    call.resumes();
    call.interrupts(None);
    assert_eq!(call.told(), "clear, interrupted item_1 300/1000");
    call.pass(200);
    call.interrupts(None);
    assert_eq!(call.told(), "interrupted", "there is nothing left to clear");
}

#[test]
fn waybeo_is_never_more_than_200_ms_ahead_however_late_the_timers_are() {
    let mut call = Call::new(waybeo::CARRIER.capabilities());
    call.says("resp_1", "item_1", 3_000);
    let (mut sent, mut passed) = (0, 0);
    for step in 0..600_u64 {
        sent += call.told().matches("play 20").count() as u64 * 20;
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
    assert_eq!(call.told(), "started item_1, play 20", "the rest waits for its frame");
    call.completes("item_1");
    assert_eq!(call.told(), "play 20");
    assert_eq!(call.last_frame[..80], [0x31; 80]);
    assert_eq!(call.last_frame[80..], [0xFF; 80]);
    call.pass(329);
    assert_eq!(call.told(), "");
    call.pass(1);
    assert_eq!(call.told(), "heard item_1 30/30, drained");
}

#[test]
fn an_answer_that_just_stops_is_played_to_its_last_sample() {
    let mut call = Call::new(&PACED);
    call.says("resp_1", "item_1", 30);
    call.told();
    call.pass(69);
    assert_eq!(call.told(), "");
    call.pass(1);
    assert_eq!(call.told(), "play 20");
    call.pass(2_000);
    assert_eq!(call.told(), "drained");
    call.says("resp_1", "item_1", 20);
    assert_eq!(call.told(), "started item_1, play 20");
}

#[test]
fn a_clip_waits_its_turn_and_is_reported_under_its_own_id() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 100);
    let event = AudioEvent::PlayPcm { item: ItemId::new("clip_1"), pcm: Arc::from([g711::decode_mulaw(0x31); 800]) };
    call.handle(event);
    assert_eq!(call.told(), "started item_1, play 100, started clip_1, play 100, mark 1:800:clip_1");
    call.echoes("1:800:clip_1");
    assert_eq!(call.told(), "heard item_1 100/100, heard clip_1 100/100, drained");
    assert_eq!(call.last_response.as_str(), CLIP_RESPONSE);
}

#[test]
fn a_clip_can_be_interrupted_and_played_again() {
    let mut call = Call::new(&BUFFERS);
    for generation in 1..3 {
        let event =
            AudioEvent::PlayPcm { item: ItemId::new("clip_1"), pcm: Arc::from([g711::decode_mulaw(0x31); 800]) };
        call.handle(event);
        assert_eq!(call.told(), format!("started clip_1, play 100, mark {generation}:800:clip_1"));
        call.pass(40);
        call.interrupts(None);
        assert_eq!(call.told(), "clear, interrupted clip_1 40/100");
    }
}

#[test]
fn a_model_that_never_stops_is_cut_at_two_minutes() {
    let mut call = Call::new(&BUFFERS);
    for _ in 0..130 {
        call.says("resp_1", "item_1", 1_000);
    }
    let told = call.told();
    assert_eq!(told.matches("overflowed item_1").count(), 1, "{told}");
    call.pass(1_000);
    let told = call.told();
    assert!(told.contains("dropped Overflow 50"), "{told}");
    assert!(told.contains("dropped Muted"), "{told}");
    call.completes("item_1");
    for _ in 0..1_300 {
        call.pass(100);
    }
    let told = call.told();
    assert!(told.contains("heard item_1 120"), "what was taken is played to its end: {told}");
}

#[test]
fn items_without_end_are_bounded_as_audio_is() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "first", 10_000);
    for n in 0..300 {
        call.says("resp_1", &format!("item_{n}"), 20);
    }
    let told = call.told();
    assert_eq!(told.matches("overflowed").count(), 1, "{told}");
}

#[test]
fn a_model_that_speaks_before_the_word_of_it_has_come_loses_nothing() {
    let mut call = Call::new(&BUFFERS);
    call.pipeline = Pipeline::new(AudioFormat::MULAW_8K, &BUFFERS, ms(400));
    call.says("resp_1", "item_1", 60);
    call.says("resp_1", "item_1", 60);
    call.completes("item_1");
    assert_eq!(call.told(), "");
    call.handle(AudioEvent::ModelAttached { input: AudioFormat::MULAW_8K, output: AudioFormat::MULAW_8K });
    assert_eq!(call.told(), "started item_1, play 100, play 20, mark 1:960:item_1");
    call.pass(1_000);
    assert_eq!(call.told(), "");
}

#[test]
fn audio_before_any_model_is_bounded_and_forgotten_by_an_interruption() {
    let mut call = Call::new(&BUFFERS);
    call.pipeline = Pipeline::new(AudioFormat::MULAW_8K, &BUFFERS, ms(400));
    for _ in 0..70 {
        call.says("resp_1", "item_1", 20);
    }
    call.pass(1_000);
    assert_eq!(call.told(), "dropped Unexpected 6");
    call.interrupts(None);
    call.handle(AudioEvent::ModelAttached { input: AudioFormat::MULAW_8K, output: AudioFormat::MULAW_8K });
    call.pass(1_000);
    assert!(!call.told().contains("play"), "what was said before the interruption is over");
}

#[test]
fn an_interrupted_answer_leaves_nothing_in_the_next_one() {
    let mut call = Call::new(&BUFFERS);
    call.handle(AudioEvent::ModelAttached { input: AudioFormat::PCM_24K, output: AudioFormat::PCM_24K });
    let loud: Vec<u8> = 20_000_i16.to_le_bytes().repeat(24_000 / 1000 * 35);
    call.model_audio("resp_1", "item_1", &loud);
    call.interrupts(None);
    call.told();
    call.model_audio("resp_2", "item_2", &[0; 960]);
    assert_eq!(call.last_frame, [0xFF; 160], "not even the filter's tail");
}

#[test]
fn a_resampled_item_has_its_own_length_to_the_sample() {
    let mut call = Call::new(&BUFFERS);
    call.handle(AudioEvent::ModelAttached { input: AudioFormat::PCM_24K, output: AudioFormat::PCM_24K });
    // 12,345 samples: no whole number of blocks, frames or line samples; cut in odd bytes.
    for piece in vec![0x11; 24_690].chunks(1_001) {
        call.model_audio("resp_1", "item_1", piece);
    }
    call.completes("item_1");
    for _ in 0..30 {
        call.pass(100);
    }
    let whole = call.heard.expect("heard by the clock");
    assert_eq!(whole.heard, whole.received);
    assert_eq!(whole.received, Duration::from_nanos(514_375_000));
}

#[test]
fn a_pause_takes_back_what_was_not_heard_and_goes_on_from_there() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 1_000);
    call.completes("item_1");
    call.pass(100);
    call.pass(50);
    call.told();
    call.pauses();
    assert_eq!(call.told(), "clear");
    assert_eq!(call.pipeline.deadline(), None, "nothing is waited for");
    call.echoes("1:1600:item_1");
    call.says("resp_1", "item_2", 100);
    call.pass(60_000);
    assert_eq!(call.told(), "", "what the model says meanwhile waits");
    call.resumes();
    assert_eq!(
        call.told(),
        "play 100, play 100, mark 2:2800:item_1, play 100, play 100, mark 2:4400:item_1",
        "150 ms were heard, so the first mark stands at 350"
    );
    call.resumes();
    assert_eq!(call.told(), "");
    for _ in 0..5 {
        call.pass(100);
    }
    call.completes("item_2");
    call.pass(1_600);
    call.pass(2_000);
    let told = call.told();
    assert!(told.contains("heard item_1 1000/1000"), "{told}");
    assert!(told.ends_with("heard item_2 100/100, drained"), "{told}");
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
    call.told();
    call.pass(3_000);
    call.interrupts(Some("resp_1"));
    let told = call.told();
    assert_eq!(told, "interrupted item_2 130/2000 item_3 0/100", "heard to the end before it: item_1; cleared already");
    call.resumes();
    call.says("resp_2", "item_4", 100);
    assert_eq!(call.told(), "started item_4, play 100", "an interruption ends the pause");
}

#[test]
fn a_pause_in_silence_is_nothing_until_something_is_said() {
    let mut call = Call::new(&BUFFERS);
    call.pauses();
    call.pauses();
    call.says("resp_1", "item_1", 100);
    call.completes("item_1");
    call.handle(AudioEvent::TellWhenDrained);
    assert_eq!(call.told(), "queued 100");
    call.pass(10_000);
    assert_eq!(call.told(), "");
    call.resumes();
    assert_eq!(call.told(), "started item_1, play 100, mark 1:800:item_1");
    call.pass(100);
    call.echoes("1:800:item_1");
    assert_eq!(call.told(), "heard item_1 100/100, drained");
}

#[test]
fn a_carrier_that_cannot_clear_is_only_sent_nothing() {
    let mut call = Call::new(&PACED);
    call.says("resp_1", "item_1", 1_000);
    call.pass(100);
    call.told();
    call.pauses();
    assert_eq!(call.told(), "");
    call.pass(5_000);
    assert_eq!(call.told(), "");
    call.resumes();
    assert_eq!(call.told(), ["play 20"; 10].join(", "));
    call.interrupts(None);
    assert_eq!(call.told(), "interrupted item_1 500/1000", "300 before the pause, 200 after it: not to be taken back");
}

#[test]
fn the_beginning_of_an_item_is_heard_once_whatever_happens_to_it() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 100);
    call.completes("item_1");
    call.says("resp_1", "item_2", 1_000);
    call.pass(19);
    assert!(call.begun.is_empty());
    call.pauses();
    call.resumes();
    assert_eq!(call.pipeline.deadline(), Some((call.now + ms(1), AudioTimer::FirstHeard)));
    call.pass(1);
    assert_eq!(call.begun, ["item_1 20"]);
    call.pass(99);
    call.pauses();
    call.pass(1_000);
    call.resumes();
    call.pass(1);
    assert_eq!(call.begun, ["item_1 20", "item_2 1120"], "sent at once, heard after the first item and a pause");
    call.pass(100);
    call.interrupts(None);
    assert_eq!(call.begun.len(), 2);
}

#[test]
fn a_beginning_is_proved_by_an_echo_and_told_before_an_interruption() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 300);
    call.now += ms(10);
    call.echoes("1:1600:item_1");
    assert_eq!(call.begun, ["item_1 10"]);
    call.interrupts(None);
    call.says("resp_2", "item_2", 300);
    call.now += ms(30);
    call.interrupts(None);
    assert_eq!(call.begun, ["item_1 10", "item_2 30"]);
}

#[test]
fn an_item_shorter_than_a_beginning_begins_with_its_end() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 10);
    call.pass(50);
    assert!(call.begun.is_empty(), "more may come");
    assert_eq!(call.pipeline.deadline().map(|(_, timer)| timer), Some(AudioTimer::Drained));
    call.completes("item_1");
    assert_eq!(call.begun, ["item_1 50"]);
}

#[test]
fn whoever_waits_for_the_end_is_told_how_long_it_will_be() {
    let mut call = Call::new(&BUFFERS);
    call.handle(AudioEvent::TellWhenDrained);
    assert_eq!(call.told(), "queued 0, drained");
    call.says("resp_1", "item_1", 12_000);
    call.pass(100);
    call.pass(50);
    call.told();
    call.handle(AudioEvent::TellWhenDrained);
    assert_eq!(call.told(), "queued 11850");
    call.pauses();
    call.pass(5_000);
    call.handle(AudioEvent::TellWhenDrained);
    assert_eq!(call.told(), "clear, queued 11850");
}

#[test]
fn samples_of_ours_are_played_in_the_line_s_format_without_a_model() {
    for (line, bytes) in [
        (AudioFormat::MULAW_8K, 800),
        (AudioFormat::ALAW_8K, 800),
        (AudioFormat::PCM_8K, 1_600),
        (AudioFormat { rate_hz: 16_000, ..AudioFormat::PCM_8K }, 3_200),
        (AudioFormat::PCM_24K, 4_800),
    ] {
        let mut call = Call::new(&BUFFERS);
        call.pipeline = Pipeline::new(line, &BUFFERS, ms(400));
        let pcm: Arc<[i16]> = (0..2_001).map(|n| (f64::from(n) * 0.4).sin().mul_add(8_000.0, 0.5) as i16).collect();
        call.handle(AudioEvent::PlayPcm { item: ItemId::new("clip_1"), pcm: Arc::clone(&pcm) });
        assert_eq!(call.first_frame_of_a_step.len(), bytes, "{line:?}: 100 ms");
        let mut samples = vec![];
        g711::decode(line.encoding, &call.first_frame_of_a_step, &mut samples);
        let energy = |samples: &[i16]| {
            samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64
        };
        let ratio = energy(&samples) / energy(&pcm[..800]);
        assert!((0.9..1.1).contains(&ratio), "{line:?}: {ratio}");
        for _ in 0..20 {
            call.pass(100);
        }
        let told = call.told();
        assert!(told.ends_with("heard clip_1 250/250, drained"), "{line:?}: {told}");
        assert_eq!(call.last_response.as_str(), CLIP_RESPONSE);

        call.handle(AudioEvent::PlayPcm { item: ItemId::new("clip_2"), pcm });
        call.pass(100);
        call.told();
        call.interrupts(None);
        let told = call.told();
        assert!(told == "clear, interrupted clip_2 100/250" || told == "clear, interrupted clip_2 95/250", "{told}");
    }
}

#[test]
fn a_level_is_for_all_that_the_caller_hears() {
    let loud = g711::encode_mulaw(1_000);
    for levels in
        [Levels::default(), Levels { to_caller: Gain::decibels(6.020_6).expect("a gain"), ..Levels::default() }]
    {
        let mut call = Call::new(&BUFFERS);
        call.pipeline = Pipeline::new(AudioFormat::MULAW_8K, &BUFFERS, ms(400)).with_levels(levels);
        let expected = [g711::encode_mulaw(if levels == Levels::default() { 1_000 } else { 2_000 }); 800];
        call.handle(AudioEvent::PlayPcm { item: ItemId::new("pcm"), pcm: Arc::from([1_000; 800]) });
        assert_eq!(call.last_frame, expected);
        call.handle(AudioEvent::ModelAttached { input: AudioFormat::MULAW_8K, output: AudioFormat::MULAW_8K });
        call.model_audio("resp_1", "item_1", &[loud; 800]);
        assert_eq!(call.last_frame, expected);
        call.pass(1_000);
        call.told();
        call.interrupts(None);
        assert!(call.told().ends_with("interrupted item_1 100/100"), "the ledger does not care");
    }
}

#[test]
fn the_end_of_a_turn_is_answered_with_the_last_voice() {
    let mut call = Call::new(&BUFFERS);
    let speech = |call: &mut Call, code: u8, count: usize| {
        for _ in 0..count {
            call.now += ms(20);
            call.handle(AudioEvent::CallerFrame(CallerFrame {
                timestamp: None,
                payload: Frame::copy_of(&[code; 160]),
            }));
        }
        call.told();
    };
    speech(&mut call, 0xFF, 10);
    call.handle(AudioEvent::CallerTurn { open: false });
    assert_eq!(call.told(), "", "never heard");
    speech(&mut call, 0x20, 10);
    speech(&mut call, 0xFF, 25);
    call.handle(AudioEvent::CallerTurn { open: true });
    assert_eq!(call.told(), "");
    call.now += ms(7);
    call.handle(AudioEvent::CallerTurn { open: false });
    assert_eq!(call.told(), "last voice 507");
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
    assert!(call.told().starts_with("started item_1, play 400"), "3200 bytes of mu-law are 400 ms");
    call.says("resp_1", "item_1", 200);
    assert_eq!(call.told(), "", "210 ms are below the floor, and more may come");
    call.completes("item_1");
    assert!(call.told().starts_with("play 400"), "the end is filled up to the floor");
}

#[test]
fn a_message_is_never_above_a_carriers_ceiling() {
    let exact = Capabilities { chunk: Chunk::exactly(Length::Time(ms(20))), ..BUFFERS };
    let mut call = Call::new(&exact);
    call.says("resp_1", "item_1", 50);
    assert_eq!(call.told(), "started item_1, play 20, play 20");
    call.completes("item_1");
    assert!(call.told().starts_with("play 20"), "half a chunk is filled up");
}

#[test]
fn an_utterance_is_followed_by_the_silence_that_its_carrier_needs() {
    let tailed = Capabilities { chunk: Chunk { tail: ms(80), ..Chunk::ANY }, ..BUFFERS };
    let mut call = Call::new(&tailed);
    call.says("resp_1", "item_1", 1_000);
    call.completes("item_1");
    let mut sent = 0;
    for _ in 0..20 {
        let told = call.told();
        sent += told.split(", ").filter_map(|one| one.strip_prefix("play ")?.parse::<u64>().ok()).sum::<u64>();
        call.pass(100);
    }
    assert_eq!(sent, 1_080);
}

#[test]
fn a_marks_name_is_as_short_as_its_carrier_takes() {
    let marks = Marks::Echoed { by_clear: ByClear::Drops, longest_name: 12, most_pending: 64 };
    let mut call = Call::new(&Capabilities { marks, ..BUFFERS });
    call.says("resp_1", "an_item_with_a_long_name", 200);
    call.completes("an_item_with_a_long_name");
    let told = call.told();
    let mark = told.split(", ").find_map(|one| one.strip_prefix("mark ")).expect("a mark").to_owned();
    assert!(mark.len() <= 12, "{mark}");
    call.pass(200);
    call.told();
    call.handle(AudioEvent::MarkEchoed(mark));
    assert!(call.told().contains("heard an_item_with_a_long_name"), "its echo is known again");
}

struct Call {
    pipeline: Pipeline,
    now: Instant,
    told: Vec<String>,
    /// The items whose beginning was heard, and how long after it was sent.
    begun: Vec<String>,
    last_frame: Vec<u8>,
    first_frame_of_a_step: Vec<u8>,
    last_response: ResponseId,
    heard: Option<ItemPlayout>,
}

impl Call {
    fn new(capabilities: &Capabilities) -> Self {
        let pipeline = Pipeline::new(AudioFormat::MULAW_8K, capabilities, ms(400));
        let last_response = ResponseId::new("");
        let (told, begun, last_frame) = (vec![], vec![], vec![]);
        let mut call = Self {
            pipeline,
            now: clock::now(),
            told,
            begun,
            last_frame,
            first_frame_of_a_step: vec![],
            last_response,
            heard: None,
        };
        call.handle(AudioEvent::ModelAttached { input: AudioFormat::MULAW_8K, output: AudioFormat::MULAW_8K });
        call
    }

    fn says(&mut self, response: &str, item: &str, length_ms: usize) {
        self.model_audio(response, item, &vec![0x31; length_ms * 8]);
    }

    fn model_audio(&mut self, response: &str, item: &str, bytes: &[u8]) {
        let (response, item) = (ResponseId::new(response), ItemId::new(item));
        self.handle(AudioEvent::ModelAudio { response, item, audio: Frame::copy_of(bytes) });
    }

    fn completes(&mut self, item: &str) {
        self.handle(AudioEvent::ItemComplete(ItemId::new(item)));
    }

    fn echoes(&mut self, name: &str) {
        self.handle(AudioEvent::MarkEchoed(name.to_owned()));
    }

    fn interrupts(&mut self, response: Option<&str>) {
        self.handle(AudioEvent::ClearPlayout(response.map(ResponseId::new)));
    }

    fn pauses(&mut self) {
        self.handle(AudioEvent::PausePlayout);
    }

    fn resumes(&mut self) {
        self.handle(AudioEvent::ResumePlayout);
    }

    fn pass(&mut self, length_ms: u64) {
        self.now += ms(length_ms);
        self.handle(AudioEvent::Tick);
    }

    fn handle(&mut self, event: AudioEvent) {
        let mut actions = vec![];
        self.first_frame_of_a_step.clear();
        self.pipeline.handle(event, self.now, &mut actions).expect("rates are supported");
        for action in actions {
            if let AudioAction::Report(AudioReport::FirstHeard { item, after_sent, .. }) = action {
                self.begun.push(format!("{item} {}", after_sent.as_millis()));
            } else {
                let words = self.words(action);
                self.told.push(words);
            }
        }
    }

    fn words(&mut self, action: AudioAction) -> String {
        let length =
            |item: &ItemPlayout| format!("{} {}/{}", item.item, item.heard.as_millis(), item.received.as_millis());
        match action {
            AudioAction::ToModel(frame) => format!("model {}", frame.len()),
            AudioAction::ToLine(LineCommand::Play(frame)) => {
                self.last_frame = frame.to_vec();
                if self.first_frame_of_a_step.is_empty() {
                    self.first_frame_of_a_step = frame.to_vec();
                }
                format!("play {}", frame.len() / 8)
            }
            AudioAction::ToLine(LineCommand::Mark(name)) => format!("mark {name}"),
            AudioAction::ToLine(LineCommand::Clear) => "clear".to_owned(),
            AudioAction::ToLine(LineCommand::HangUp | LineCommand::Close) => "close".to_owned(),
            AudioAction::Report(AudioReport::PlayoutStarted { item, .. }) => format!("started {item}"),
            AudioAction::Report(AudioReport::ItemHeard(whole)) => {
                let words = format!("heard {}", length(&whole));
                self.last_response = whole.response.clone();
                self.heard = Some(whole);
                words
            }
            AudioAction::Report(AudioReport::PlayoutDrained) => "drained".to_owned(),
            AudioAction::Report(AudioReport::Interrupted(cut)) => {
                let items: String = cut.iter().map(|item| format!(" {}", length(item))).collect();
                format!("interrupted{items}")
            }
            AudioAction::Report(AudioReport::PlayoutOverflowed { item }) => format!("overflowed {item}"),
            AudioAction::Report(AudioReport::FramesDropped(frames)) => format!("frames lost {frames}"),
            AudioAction::Report(AudioReport::FirstHeard { .. }) => unreachable!("kept apart"),
            AudioAction::Report(AudioReport::Queued { remaining }) => format!("queued {}", remaining.as_millis()),
            AudioAction::Report(AudioReport::LastVoice { ago }) => format!("last voice {}", ago.as_millis()),
            AudioAction::Report(AudioReport::Diagnosed(diagnosis)) => format!("diagnosed {}", diagnosis.verdict),
            AudioAction::Record(block) => format!("record {}", block.at),
            AudioAction::CountDrops { cause, frames } => {
                assert!(DropCause::ALL.contains(&cause));
                format!("dropped {cause:?} {frames}")
            }
        }
    }

    /// What was done and reported since last asked.
    fn told(&mut self) -> String {
        std::mem::take(&mut self.told).join(", ")
    }
}

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}
