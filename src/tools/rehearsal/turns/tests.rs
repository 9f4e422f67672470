use super::*;

const SPEECH: f32 = 1e-2;
const ROOM: f32 = 1e-7;

fn detector() -> Detector {
    Detector::new(Tuning { threshold: 0.5, silence_ms: 200 })
}

fn hear(detector: &mut Detector, power: f32, blocks: usize) -> Vec<(usize, Change)> {
    (0..blocks).filter_map(|n| Some((n, detector.hear(power)?))).collect()
}

#[test]
fn a_turn_begins_after_four_loud_blocks_and_ends_after_the_silence() {
    let mut detector = detector();
    assert_eq!(hear(&mut detector, ROOM, 100), []);
    assert_eq!(hear(&mut detector, SPEECH, 100), [(3, Change::Began(4))]);
    // The block after the last loud one still has two loud neighbours.
    assert_eq!(hear(&mut detector, ROOM, 100), [(20, Change::Ended)]);
}

#[test]
fn a_click_is_not_speech() {
    let mut detector = detector();
    for _ in 0..50 {
        assert_eq!(hear(&mut detector, SPEECH, 2), []);
        assert_eq!(hear(&mut detector, ROOM, 20), []);
    }
}

#[test]
fn a_pause_shorter_than_the_silence_stays_within_the_turn() {
    let mut detector = detector();
    hear(&mut detector, SPEECH, 20);
    for _ in 0..20 {
        assert_eq!(hear(&mut detector, ROOM, 15), []);
        assert_eq!(hear(&mut detector, SPEECH, 10), []);
    }
    assert!(detector.speaking());
}

#[test]
fn a_noise_that_stays_becomes_the_floor() {
    let mut detector = detector();
    let noise = 1e-4;
    hear(&mut detector, ROOM, 100);
    assert_eq!(hear(&mut detector, noise, 800).len(), 2, "taken for speech once, then for the line");
    assert_eq!(hear(&mut detector, noise, 800), []);
    assert_eq!(hear(&mut detector, SPEECH, 10).len(), 1, "speech stands out of it");
}

#[test]
fn digital_silence_before_a_noisy_line_does_not_pass_for_its_noise() {
    let mut detector = detector();
    let noise = 8e-5;
    hear(&mut detector, 0.0, 100);
    hear(&mut detector, noise, 30);
    hear(&mut detector, SPEECH, 50);
    let ended = hear(&mut detector, noise, 50);
    assert!(matches!(ended[..], [(20, Change::Ended)]), "{ended:?}");
}

#[test]
fn a_higher_threshold_asks_for_a_louder_voice() {
    let soft = 5e-5;
    let mut keen = Detector::new(Tuning { threshold: 0.3, silence_ms: 200 });
    let mut deaf = Detector::new(Tuning { threshold: 0.9, silence_ms: 200 });
    assert_eq!(hear(&mut keen, soft, 10).len(), 1);
    assert_eq!(hear(&mut deaf, soft, 10).len(), 0);
}
