use super::*;

#[test]
fn a_meter_grows_with_the_level_and_keeps_its_width() {
    assert_eq!(meter(0.0), "········");
    assert_eq!(meter(1.0), "████████");
    let mut filled = Vec::new();
    for level in [0.001, 0.01, 0.05, 0.2, 0.4] {
        let bar = meter(level);
        assert_eq!(bar.chars().count(), METER_CELLS);
        filled.push(bar.chars().filter(|cell| *cell == '█').count());
    }
    assert!(filled.is_sorted() && filled[0] < filled[4], "{filled:?}");
}

#[test]
fn a_call_is_one_line() {
    let now = Progress {
        phase: Phase::Talking,
        elapsed: Duration::from_millis(127_300),
        heard: Duration::from_secs(61),
        marks: 412,
        clears: 12,
        ..Progress::default()
    };
    let line = console::strip_ansi_codes(&one_call(&now)).into_owned();
    assert!(line.contains("127.3s") && line.contains("talking") && line.contains("marks 412"), "{line}");
    // The spinner takes two columns.
    assert!(line.chars().count() <= 78, "{line}");
    assert!(!line.contains('\n'));
}
