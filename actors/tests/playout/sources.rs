//! The sources of audio: a model's formats, our clips, and audio that is too early or too much.

use super::*;

#[test]
fn a_clip_waits_its_turn_and_is_reported_under_its_own_id() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "item_1", 100);
    let event = AudioEvent::PlayPcm { item: ItemId::new("clip_1"), pcm: Arc::from([g711::decode_mulaw(0x31); 800]) };
    call.handle(event);
    assert_eq!(call.reports(), "started item_1, play 100, started clip_1, play 100, mark 1:800:clip_1");
    call.echoes("1:800:clip_1");
    assert_eq!(call.reports(), "heard item_1 100/100, heard clip_1 100/100, drained");
    assert_eq!(call.last_response.as_str(), CLIP_RESPONSE);
}

#[test]
fn a_model_that_never_stops_is_cut_at_two_minutes() {
    let mut call = Call::new(&BUFFERS);
    for _ in 0..130 {
        call.says("resp_1", "item_1", 1_000);
    }
    let reports = call.reports();
    assert_eq!(reports.matches("overflowed item_1").count(), 1, "{reports}");
    call.pass(1_000);
    let reports = call.reports();
    assert!(reports.contains("dropped Overflow 50"), "{reports}");
    assert!(reports.contains("dropped Muted"), "{reports}");
    call.completes("item_1");
    for _ in 0..1_300 {
        call.pass(100);
    }
    let reports = call.reports();
    assert!(reports.contains("heard item_1 120"), "what was taken is played to its end: {reports}");
}

#[test]
fn items_without_end_are_bounded_as_audio_is() {
    let mut call = Call::new(&BUFFERS);
    call.says("resp_1", "first", 10_000);
    for n in 0..300 {
        call.says("resp_1", &format!("item_{n}"), 20);
    }
    let reports = call.reports();
    assert_eq!(reports.matches("overflowed").count(), 1, "{reports}");
}

#[test]
fn a_model_that_speaks_before_the_word_of_it_has_come_loses_nothing() {
    let mut call = Call::new(&BUFFERS);
    call.pipeline = Pipeline::new(AudioFormat::MULAW_8K, &BUFFERS, ms(400));
    call.says("resp_1", "item_1", 60);
    call.says("resp_1", "item_1", 60);
    call.completes("item_1");
    assert_eq!(call.reports(), "");
    call.handle(AudioEvent::ModelAttached { input: AudioFormat::MULAW_8K, output: AudioFormat::MULAW_8K });
    assert_eq!(call.reports(), "started item_1, play 100, play 20, mark 1:960:item_1");
    call.pass(1_000);
    assert_eq!(call.reports(), "");
}

#[test]
fn audio_before_any_model_is_bounded_and_forgotten_by_an_interruption() {
    let mut call = Call::new(&BUFFERS);
    call.pipeline = Pipeline::new(AudioFormat::MULAW_8K, &BUFFERS, ms(400));
    for _ in 0..70 {
        call.says("resp_1", "item_1", 20);
    }
    call.pass(1_000);
    assert_eq!(call.reports(), "dropped Unexpected 6");
    call.interrupts(None);
    call.handle(AudioEvent::ModelAttached { input: AudioFormat::MULAW_8K, output: AudioFormat::MULAW_8K });
    call.pass(1_000);
    assert!(!call.reports().contains("play"), "what was said before the interruption is over");
}

#[test]
fn a_resampled_item_has_its_own_length_to_the_sample() {
    let mut call = Call::new(&BUFFERS);
    call.handle(AudioEvent::ModelAttached { input: AudioFormat::PCM_24K, output: AudioFormat::PCM_24K });
    // 12,345 samples, which is not a whole number of blocks, frames or line samples. The pieces
    // have odd byte lengths.
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
        let reports = call.reports();
        assert!(reports.ends_with("heard clip_1 250/250, drained"), "{line:?}: {reports}");
        assert_eq!(call.last_response.as_str(), CLIP_RESPONSE);

        call.handle(AudioEvent::PlayPcm { item: ItemId::new("clip_2"), pcm });
        call.pass(100);
        call.reports();
        call.interrupts(None);
        let reports = call.reports();
        assert!(
            reports == "clear, interrupted clip_2 100/250" || reports == "clear, interrupted clip_2 95/250",
            "{reports}"
        );
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
        call.reports();
        call.interrupts(None);
        assert!(call.reports().ends_with("interrupted item_1 100/100"), "the ledger does not care");
    }
}
