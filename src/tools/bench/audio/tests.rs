use super::*;

#[test]
fn every_figure_of_ours_is_within_its_limit() {
    let table = AudioTable::measured(60);
    let missed: Vec<_> = table.figures.iter().filter(|figure| !figure.passed).collect();
    assert!(table.passed && missed.is_empty(), "{missed:#?}");
    assert!(table.figures.len() >= 20);
}

#[test]
fn a_missed_limit_is_reported() {
    assert!(!Limit::AtLeast(92.5).holds(92.4) && Limit::AtLeast(92.5).holds(92.5));
    assert!(!Limit::AtMost(-95.0).holds(-94.9) && Limit::AtMost(-95.0).holds(-96.0));
    assert!(!Limit::Exactly(0.0).holds(1.0) && Limit::Exactly(0.0).holds(0.0));
    assert!(!Limit::AtLeast(1.0).holds(f64::NAN), "a figure that could not be had is missed");
}

#[test]
fn the_plot_shows_two_lines_that_are_far_apart() {
    let svg = spectra();
    assert_eq!(svg.matches("<polyline").count(), 2);
    let tone = sine(SHOWN_HZ, 8_000, 8_000);
    let linear: Vec<i16> = tone.windows(2).flat_map(|pair| [pair[0]; 3]).collect();
    let worst = |samples: &[i16]| most(levels(samples).filter(|(hz, _)| *hz > 4_000.0).map(|(_, db)| db));
    assert!(worst(&resampled(8_000, 24_000, &tone)) < -95.0);
    assert!(worst(&linear) > -30.0);
}
