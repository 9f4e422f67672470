use super::super::Resampler;
use super::*;

#[test]
fn the_filter_run_by_us_is_the_one_run_by_rubato() {
    let mut noise = 1_u32;
    let input: Vec<i16> = (0..20 * RUBATOS_BLOCK)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 16) as i16 / 2
        })
        .collect();
    let mut theirs = vec![];
    let mut rubatos = rubatos(3).expect("rubato takes these parameters");
    for block in input.chunks(RUBATOS_BLOCK) {
        let block = vec![block.iter().map(|&sample| f64::from(sample)).collect()];
        let mut out = vec![vec![0.0; rubatos.output_frames_max()]];
        let room = out[0].len();
        let (_, written) = rubatos
            .process_into_buffer(
                &SequentialSliceOfVecs::new(&block, 1, RUBATOS_BLOCK).expect("a block"),
                &mut SequentialSliceOfVecs::new_mut(&mut out, 1, room).expect("its room"),
                None,
            )
            .expect("buffers of its sizes");
        theirs.extend_from_slice(&out[0][..written]);
    }
    let mut ours = vec![];
    Resampler::new(8_000, 24_000).expect("known rates").process(&input, &mut ours);
    // The delay between the two is the first shift at which all samples match.
    let apart = (0..64).find(|&late| {
        theirs[..9_000]
            .iter()
            .zip(&ours[late..])
            .skip(400)
            .all(|(theirs, &ours)| (theirs - f64::from(ours)).abs() < 0.6)
    });
    assert!(apart.is_some(), "no shift makes them the same");
}

#[test]
fn every_tap_has_its_place_and_every_phase_passes_a_steady_level_as_it_is() {
    for (from, to) in [(8_000, 24_000), (24_000, 8_000), (16_000, 24_000), (24_000, 16_000), (8_000, 16_000)] {
        let filter = Filter::between(from, to).expect("known rates").expect("two rates");
        // The window may begin with zeros.
        let kept = filter.taps.iter().filter(|&&tap| tap != 0.0).count();
        assert!(kept + filter.ups >= TAPS * filter.grid_hz / from.min(to) as usize, "{from} to {to}: {kept} taps");
        for out in 0..filter.ups {
            let sum: f32 = filter.taps.iter().skip(out).step_by(filter.ups).sum();
            assert!((sum - 1.0).abs() < 1e-4, "{from} to {to}, phase {out}: {sum}");
        }
    }
}

#[test]
fn a_direction_takes_a_whole_number_of_samples_of_either_rate() {
    for (low, high) in [(8_000, 24_000), (8_000, 16_000), (16_000, 24_000)] {
        for (from, to) in [(low, high), (high, low)] {
            let filter = Filter::between(from, to).expect("known rates").expect("two rates");
            let samples = |rate: u32| filter.delay * rate as usize % filter.grid_hz;
            assert_eq!((samples(from), samples(to)), (0, 0), "{from} to {to}");
        }
    }
}
