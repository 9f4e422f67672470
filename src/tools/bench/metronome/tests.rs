use super::*;

#[actix_rt::test]
async fn beats_come_in_order_and_never_early() {
    let metronome = Metronome::start().expect("a thread");
    let begun = Instant::now();
    let (soon, late) = (metronome.after(Duration::ZERO), metronome.after(Duration::from_millis(5)));
    metronome.until(late).await;
    assert!(begun.elapsed() >= Duration::from_millis(5));
    metronome.until(soon).await;
}
