use std::f32::consts::TAU;

use super::*;

/// A second of a vowel that glides: pulses through two resonances that move.
fn voice(rate_hz: u32) -> Vec<i16> {
    let rate = rate_hz as f32;
    let (mut phase, mut first, mut second) = (0.0_f32, [0.0_f32; 2], [0.0_f32; 2]);
    let resonance = |state: &mut [f32; 2], input: f32, hertz: f32| {
        let keep = (-TAU * 60.0 / rate).exp();
        let out = input + 2.0 * keep * (TAU * hertz / rate).cos() * state[0] - keep * keep * state[1];
        *state = [out, state[0]];
        out
    };
    let sample = |at: u32| {
        let time = at as f32 / rate;
        phase += (120.0 + 40.0 * time) / rate;
        let pulse = if phase >= 1.0 { rate / 8_000.0 } else { 0.0 };
        phase = phase.fract();
        let syllable = (TAU * 4.0 * time).sin();
        let low = resonance(&mut first, pulse, 550.0 + 200.0 * syllable);
        let high = resonance(&mut second, pulse, 1_500.0 + 500.0 * syllable);
        ((low + 0.6 * high) * 900.0 * (1.2 + syllable)) as i16
    };
    (0..rate_hz).map(sample).collect()
}

fn detector(rate_hz: u32) -> SpeechDetector {
    SpeechDetector::new(DetectorPlan::default(), rate_hz).expect("a line's rate")
}

/// The changes while `samples` come in frames of `frame`, each with its time in milliseconds.
fn changes(rate_hz: u32, samples: &[i16], frame: usize) -> Vec<(Change, usize)> {
    let (mut detector, mut at, mut changes) = (detector(rate_hz), 0, Vec::new());
    for frame in samples.chunks(frame) {
        at += frame.len();
        changes.extend(detector.hear(frame).map(|change| (change, at * 1_000 / rate_hz as usize)));
    }
    changes
}

/// Half a second of silence, a second of a voice, a second of silence.
fn sentence(rate_hz: u32) -> Vec<i16> {
    let rate = rate_hz as usize;
    [vec![0; rate / 2], voice(rate_hz), vec![0; rate]].concat()
}

#[test]
fn a_voice_begins_and_ends_at_every_rate() {
    for rate_hz in [8_000, 16_000, 24_000] {
        let found = changes(rate_hz, &sentence(rate_hz), rate_hz as usize / 50);
        let [(Change::Began, began), (Change::Ended, ended)] = found[..] else { panic!("{found:?} at {rate_hz} Hz") };
        assert!((520..=680).contains(&began), "began at {began} ms, {rate_hz} Hz");
        // The voice ends at 1500 ms.
        let due = 1_500 + DetectorPlan::default().min_silence.as_millis() as usize;
        assert!((due - 20..=due + 100).contains(&ended), "ended at {ended} ms, {rate_hz} Hz");
    }
}

#[test]
fn the_framing_of_the_line_changes_nothing() {
    let samples = sentence(8_000);
    let mut whole = detector(8_000);
    let mut inputs = Vec::new();
    for frame in samples.chunks(128) {
        whole.hear(frame);
        inputs.push(whole.inputs());
    }
    for frame in [16, 64] {
        let (mut detector, mut at) = (detector(8_000), 0);
        for frame in samples.chunks(frame) {
            detector.hear(frame);
            at += frame.len();
            if at % 128 == 0 {
                assert_eq!(detector.inputs(), inputs[at / 128 - 1], "at sample {at}");
            }
        }
    }
}

#[test]
fn silence_and_a_steady_tone_are_no_speech() {
    let tone = |hertz: f32| (0..16_000).map(move |at| ((TAU * hertz * at as f32 / 8_000.0).sin() * 8_000.0) as i16);
    assert_eq!(changes(8_000, &[0; 16_000], 160), []);
    for hertz in [200.0, 440.0, 1_000.0, 2_100.0] {
        let samples: Vec<i16> = std::iter::repeat_n(0, 4_000).chain(tone(hertz)).collect();
        assert_eq!(changes(8_000, &samples, 160), [], "{hertz} Hz");
    }
}

#[test]
fn a_pause_shorter_than_the_silence_does_not_end_speech() {
    let sentence = |pause: usize| [vec![0; 4_000], voice(8_000), vec![0; pause], voice(8_000)].concat();
    assert_eq!(changes(8_000, &sentence(2_400), 160).len(), 1, "300 ms");
    assert_eq!(changes(8_000, &sentence(6_400), 160).len(), 3, "800 ms");
}
