use super::*;

#[test]
fn off_is_every_sample_as_it_was() {
    let mut level = Level::new(Gain::OFF, 8_000);
    assert!(level.is_off());
    let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let mut samples = all.clone();
    level.process(&mut samples);
    assert_eq!(samples, all);
}

#[test]
fn a_gain_multiplies_what_is_below_the_knee() {
    for (decibels, factor) in [(6.020_6, 2.0), (-6.020_6, 0.5), (12.041_2, 4.0), (-20.0, 0.1)] {
        let mut samples: Vec<i16> = (-4_000..=4_000).collect();
        Level::new(gain(decibels), 8_000).process(&mut samples);
        for (before, after) in (-4_000_i16..=4_000).zip(samples) {
            let expected = f32::from(before) * factor;
            assert!((f32::from(after) - expected).abs() <= 0.6, "{before} at {decibels} dB is {after}");
        }
    }
}

#[test]
fn the_limiter_bends_smoothly_and_never_overflows() {
    for decibels in [-24.0, -1.0, 0.1, 1.0, 3.0, 6.0, 12.0, 24.0] {
        let mut samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let mut level = Level::new(gain(decibels), 8_000);
        level.process(&mut samples);
        assert!(samples.is_sorted(), "louder in is louder out, {decibels} dB");
        let largest = level.factor.ceil() as i32 + 1;
        let steps = samples.windows(2).map(|pair| i32::from(pair[1]) - i32::from(pair[0]));
        assert!(steps.into_iter().all(|step| step <= largest), "a corner at {decibels} dB");
        for n in 0..32_768 {
            assert_eq!(samples[32_768 + n], -samples[32_768 - n], "odd symmetry");
        }
    }
}

#[test]
fn a_gain_that_moves_takes_10_ms_and_makes_no_click() {
    for rate_hz in [8_000_u32, 24_000] {
        let mut level = Level::new(Gain::OFF, rate_hz);
        let mut samples = vec![10_000; rate_hz as usize / 10];
        let (before, moving) = samples.split_at_mut(rate_hz as usize / 50);
        level.process(before);
        level.move_to(gain(12.0));
        // The size of the frames does not matter.
        moving.chunks_mut(7).for_each(|frame| level.process(frame));
        let most = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
        assert!(most.is_some_and(|most| most <= 400), "{most:?}");
        let there = rate_hz as usize / 50 + rate_hz as usize / 100;
        assert!(samples[there - 2] != samples[there - 1]);
        assert!(samples[there..].iter().all(|&sample| sample == samples[there - 1]), "10 ms later it is there");

        level.move_to(Gain::OFF);
        let mut samples = vec![30_000; rate_hz as usize / 100];
        level.process(&mut samples);
        assert!(level.is_off(), "and back to the bit");
    }
}

#[test]
fn a_gain_that_is_no_gain_is_refused() {
    for decibels in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 24.1, -24.1] {
        assert_eq!(Gain::decibels(decibels), None);
    }
    assert_eq!(Gain::decibels(0.0), Some(Gain::OFF));
    assert_eq!(Levels::default(), Levels { from_caller: Gain::OFF, to_caller: Gain::OFF });
}

fn gain(decibels: f32) -> Gain {
    Gain::decibels(decibels).expect("a gain")
}
