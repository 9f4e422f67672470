use super::*;

#[test]
fn a_first_packet_at_another_rate_is_dropped_and_later_ones_are_resampled() {
    let mut intake = Intake::new(AudioFormat::PCM_8K);
    assert_eq!(intake.mismatched(mismatched(Some(16_000), 160)), None);
    let speech = intake.mismatched(mismatched(Some(16_000), 320)).expect("speech");
    assert_eq!(speech.payload.len(), 2 * 160);
    let found: Vec<_> = intake.take_findings().collect();
    assert_eq!(found, [(FormatMismatch::FirstOffRate, 1), (FormatMismatch::Resampled, 1)]);
    assert_eq!(intake.take_findings().count(), 0, "reported once");
}

#[test]
fn a_packet_at_another_rate_is_not_the_first_when_another_was() {
    let mut intake = Intake::new(AudioFormat::PCM_8K);
    intake.plain();
    assert!(intake.mismatched(mismatched(Some(16_000), 160)).is_some());
}

#[test]
fn a_rate_nobody_can_resample_costs_the_packet_only() {
    let mut intake = Intake::new(AudioFormat::PCM_8K);
    intake.plain();
    for rate in [0, 1, 7_999, 44_100, u32::MAX] {
        assert_eq!(intake.mismatched(mismatched(Some(rate), 80)), None);
    }
    assert_eq!(intake.take_findings().collect::<Vec<_>>(), [(FormatMismatch::UnknownRate, 5)]);
}

#[test]
fn clamped_samples_are_counted_and_the_frame_goes_on() {
    let mut intake = Intake::new(AudioFormat::PCM_8K);
    let frame = intake.mismatched(MismatchedFrame { clamped: 7, ..mismatched(None, 80) }).expect("the frame");
    assert_eq!(frame.payload.len(), 160);
    assert_eq!(intake.take_findings().collect::<Vec<_>>(), [(FormatMismatch::Clamped, 7)]);
}

fn mismatched(rate_hz: Option<u32>, samples: usize) -> MismatchedFrame {
    let payload = Frame::copy_of(&vec![0; 2 * samples]);
    MismatchedFrame { frame: CallerFrame { timestamp: None, payload }, rate_hz, clamped: 0 }
}
