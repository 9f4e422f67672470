use super::*;

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn tone(count_ms: usize) -> Vec<i16> {
    vec![1000; count_ms * 8]
}

#[test]
fn a_mark_is_reached_when_everything_before_it_has_been_played() {
    let mut playout = Playout::new(true);
    playout.append(tone(100), ms(10));
    assert_eq!(playout.mark("a".into(), ms(10)), Some(vec![]));
    playout.append(tone(50), ms(20));
    assert_eq!(playout.mark("b".into(), ms(20)), Some(vec![]));
    assert_eq!(playout.next_mark(), Some(ms(110)));
    assert_eq!(playout.advance(ms(109)), Vec::<String>::new());
    assert_eq!(playout.advance(ms(110)), ["a"]);
    assert_eq!(playout.next_mark(), Some(ms(160)));
    assert_eq!(playout.advance(ms(500)), ["b"]);
    assert_eq!(playout.next_mark(), None);
}

#[test]
fn a_mark_on_an_empty_buffer_is_reached_at_once() {
    let mut playout = Playout::new(false);
    assert_eq!(playout.mark("now".into(), ms(5)), Some(vec!["now".to_owned()]));
    playout.append(tone(20), ms(5));
    assert_eq!(playout.mark("later".into(), ms(5)), Some(vec![]));
    assert_eq!(playout.mark("too".into(), ms(30)), Some(vec!["later".to_owned(), "too".to_owned()]));
}

#[test]
fn a_clear_drops_the_audio_and_reaches_every_pending_mark() {
    let mut playout = Playout::new(true);
    playout.append(tone(1000), ms(0));
    playout.mark("a".into(), ms(0));
    playout.append(tone(1000), ms(0));
    playout.mark("b".into(), ms(0));
    assert_eq!(playout.clear(ms(300)), ["a", "b"]);
    assert_eq!(playout.clear(ms(300)), Vec::<String>::new());
    playout.advance(ms(400));
    let (tally, heard) = playout.finish();
    assert_eq!((tally.played, tally.dropped), (2400, 13_600));
    assert_eq!((tally.marks_played, tally.marks_cleared), (0, 2));
    assert_eq!(heard.len(), 3200);
    assert!(heard[..2400].iter().all(|sample| *sample == 1000));
    assert!(heard[2400..].iter().all(|sample| *sample == 0));
}

#[test]
fn what_arrives_late_is_heard_late_and_silence_stands_between() {
    let mut playout = Playout::new(true);
    playout.append(tone(20), ms(100));
    playout.append(tone(20), ms(200));
    playout.advance(ms(250));
    let tally = playout.tally();
    assert_eq!((tally.first_audible, tally.last_audible), (Some(800), Some(1759)));
    let (_, heard) = playout.finish();
    let loud: Vec<usize> = heard.iter().enumerate().filter(|(_, sample)| **sample != 0).map(|(at, _)| at).collect();
    assert_eq!(loud, (800..960).chain(1600..1760).collect::<Vec<_>>());
}

#[test]
fn the_queue_and_the_marks_are_bounded_and_what_is_over_is_counted() {
    let mut playout = Playout::new(false);
    playout.append(vec![0; LONGEST_QUEUE], ms(0));
    playout.append(vec![0; 80], ms(0));
    assert_eq!(playout.tally().overflowed, 80);
    assert_eq!(playout.queued(), LONGEST_QUEUE);
    for _ in 0..MOST_MARKS {
        assert_eq!(playout.mark("m".into(), ms(0)), Some(vec![]));
    }
    assert_eq!(playout.mark("m".into(), ms(0)), None);
}

#[test]
fn the_level_follows_the_voice() {
    let mut playout = Playout::new(false);
    playout.append(vec![16_000; 4000], ms(0));
    playout.advance(ms(400));
    assert!((playout.level() - 0.488).abs() < 0.01, "{}", playout.level());
    playout.advance(ms(1500));
    assert!(playout.level() < 0.01);
}
