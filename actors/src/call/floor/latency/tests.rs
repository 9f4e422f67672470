use super::*;

#[test]
fn the_parts_of_a_turn_follow_one_another() {
    let (mut watch, start) = (Stopwatch::default(), crate::clock::now());
    let (answer, at) = (ResponseId::new("resp_1"), |ms| start + Duration::from_millis(ms));
    watch.turn_ended(start);
    watch.last_voice(Duration::from_millis(500));
    watch.first_audio(&answer, at(300));
    assert_eq!(watch.first_sent(&answer, at(302)), Some(Duration::from_millis(302)));
    assert_eq!(watch.first_heard(&ResponseId::new("resp_0"), at(303)), None, "an older answer is not this one");
    let latency = watch.first_heard(&answer, at(330)).expect("the answer was heard");
    let expected = TurnLatency {
        turn: 1,
        end_of_speech_ms: Some(500),
        first_delta_ms: Some(300),
        first_sent_ms: Some(2),
        first_heard_ms: Some(28),
        total_ms: Some(830),
        ours_ms: Some(2),
        playout_ms: Some(28),
        ..TurnLatency::default()
    };
    assert_eq!(latency, expected);
    assert_eq!(watch.first_heard(&answer, at(340)), None);
}

#[test]
fn a_filler_is_no_answer_and_stands_beside_it() {
    let (mut watch, start) = (Stopwatch::default(), crate::clock::now());
    let (answer, at) = (ResponseId::new("resp_1"), |ms| start + Duration::from_millis(ms));
    watch.turn_ended(start);
    watch.last_voice(Duration::from_millis(500));
    watch.filled(at(3_000));
    watch.filled(at(8_000));
    watch.first_audio(&answer, at(9_000));
    assert_eq!(watch.first_sent(&answer, at(9_010)), Some(Duration::from_millis(9_010)));
    let latency = watch.first_heard(&answer, at(9_040)).expect("the answer was heard");
    assert_eq!((latency.first_delta_ms, latency.filler_ms, latency.total_ms), (Some(9_000), Some(3_500), Some(9_540)));
}

#[test]
fn a_turn_the_caller_takes_back_is_not_timed() {
    let (mut watch, now) = (Stopwatch::default(), crate::clock::now());
    watch.turn_ended(now);
    watch.abandon();
    watch.first_audio(&ResponseId::new("r"), now);
    assert_eq!(watch.first_sent(&ResponseId::new("r"), now), None);
}

#[test]
fn the_engines_of_a_turn_have_their_parts() {
    let (mut watch, start) = (Stopwatch::default(), crate::clock::now());
    let (answer, at) = (ResponseId::new("resp_1"), |ms| start + Duration::from_millis(ms));
    watch.turn_ended(start);
    watch.last_voice(Duration::from_millis(700));
    watch.parts_took(&answer, Duration::from_millis(180), Duration::from_millis(110));
    watch.first_audio(&answer, at(295));
    watch.first_sent(&answer, at(297));
    let latency = watch.first_heard(&answer, at(330)).expect("the answer was heard");
    let parts = [latency.ears_ms, latency.mind_ms, latency.voice_ms, latency.ours_ms, latency.playout_ms];
    assert_eq!(parts, [700, 180, 110, 7, 33].map(Some));
    assert_eq!(latency.total_ms, Some(1030), "they are the whole wait");
}
