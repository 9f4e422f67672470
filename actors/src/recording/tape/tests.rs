use super::*;
use crate::clock;

const MS: Duration = Duration::from_millis(1);

#[test]
fn both_sides_stand_where_they_were_heard() {
    let (mut tape, t0) = tape();
    tape.agent(&pcm(7, 1_600), t0 + 100 * MS);
    for n in 0..20_u32 {
        tape.caller(&pcm(3, 160), None, t0 + (120 + 20 * n) * MS);
    }
    let whole = all(&mut tape, t0 + 600 * MS);
    assert_eq!(whole.len(), 4_800);
    assert_eq!(span(&whole, 0), Some((800, 4_000)), "the caller from 100 to 500 ms");
    assert_eq!(span(&whole, 1), Some((800, 2_400)), "the agent from 100 to 300 ms");
}

#[test]
fn what_was_sent_ahead_follows_on_and_what_was_cleared_is_not_there() {
    let (mut tape, t0) = tape();
    tape.agent(&pcm(7, 1_600), t0);
    tape.agent(&pcm(7, 1_600), t0 + 10 * MS);
    tape.cleared(t0 + 250 * MS);
    tape.agent(&pcm(5, 800), t0 + 300 * MS);
    let whole = all(&mut tape, t0 + 1_000 * MS);
    assert_eq!(whole[..2_000], [[0, 7]; 2_000]);
    assert_eq!(whole[2_000..2_400], [[0, 0]; 400]);
    assert_eq!(whole[2_400..3_200], [[0, 5]; 800]);
    assert!(whole[3_200..].iter().all(|moment| *moment == [0, 0]));
}

#[test]
fn a_person_follows_what_was_sent_before_on_a_side_of_their_own() {
    let (mut tape, t0) = tape();
    tape.agent(&pcm(7, 1_600), t0);
    tape.person(&pcm(9, 160), t0 + 100 * MS);
    tape.person(&pcm(9, 1_600), t0 + 110 * MS);
    // The agent interrupts nobody: the call was given back, and what the person said is played out.
    tape.agent(&pcm(5, 160), t0 + 120 * MS);
    let whole = every_side(&mut tape, t0 + 1_000 * MS);
    assert_eq!(whole[..1_600], [[0, 7, 0]; 1_600]);
    assert_eq!(whole[1_600..3_360], [[0, 0, 9]; 1_760]);
    assert_eq!(whole[3_360..3_520], [[0, 5, 0]; 160]);
    assert!(whole[3_520..].iter().all(|moment| *moment == [0; SIDES]));
}

#[test]
fn jitter_is_joined_and_a_gap_is_silence() {
    for clock in [true, false] {
        let (mut tape, t0) = tape();
        let late = [0, 30, 5, 60, 40, 20, 0, 80, 60, 40];
        for (n, late) in (0_u32..).zip(late) {
            let stamp = clock.then_some(5_000 * MS + 20 * n * MS);
            tape.caller(&pcm(3, 160), stamp, t0 + (20 * (n + 1) + late) * MS);
        }
        // A gap of 400 ms.
        tape.caller(&pcm(4, 160), clock.then_some(5_000 * MS + 600 * MS), t0 + 620 * MS);
        let whole = all(&mut tape, t0 + 1_000 * MS);
        assert_eq!(span(&whole[..1_600], 0), Some((0, 1_600)), "clock {clock}");
        assert_eq!(whole[1_600..4_800], [[0, 0]; 3_200], "clock {clock}");
        assert_eq!(whole[4_800..4_960], [[4, 0]; 160], "clock {clock}");
    }
}

#[test]
fn nothing_is_kept_of_a_pause_and_time_goes_on() {
    let (mut tape, t0) = tape();
    tape.agent(&pcm(7, 4_000), t0);
    for n in 0..50_u32 {
        let now = t0 + 20 * (n + 1) * MS;
        if n == 10 {
            tape.pause(true, now);
        }
        if n == 30 {
            tape.pause(false, now);
        }
        tape.caller(&pcm(3, 160), None, now);
    }
    let whole = all(&mut tape, t0 + 1_000 * MS);
    assert_eq!(whole.len(), 8_000);
    assert_eq!(whole[..1_600], [[3, 7]; 1_600]);
    assert!(whole[1_760..4_800].iter().all(|moment| *moment == [0, 0]));
    assert_eq!(whole[4_800..], [[3, 0]; 3_200]);
}

#[test]
fn a_tapes_memory_is_bounded_however_long_the_call() {
    let (mut tape, t0) = tape();
    let mut most = 0;
    for n in 0..50_000_u32 {
        let now = t0 + 20 * (n + 1) * MS;
        tape.caller(&pcm(3, 160), None, now);
        tape.agent(&pcm(7, 160), now);
        while tape.block(now).is_some() {}
        most = most.max(tape.tracks.iter().map(Track::buffered).sum());
    }
    assert!(most <= 16_000, "{most} bytes: two sides of 400 ms");
    tape.agent(&pcm(7, 8_000_000), t0 + 1_000_020 * MS);
    assert!(tape.tracks[AGENT].buffered() <= 2 * 48_000 + 1_024, "six seconds and no more");
}

#[test]
fn a_silent_call_has_its_length() {
    let (mut tape, t0) = tape();
    assert_eq!(tape.block(t0 + 60_000 * MS), None);
    let last = tape.last_block(t0 + 60_000 * MS).map(|block| block.at + block.moments as u64);
    assert!(last.is_none() || last == Some(480_000));
    let last = tape.last_block(t0 + 61_000 * MS).expect("there is more");
    assert_eq!(last.at + last.moments as u64, 488_000);
    assert_eq!(tape.last_block(t0 + 61_000 * MS), None);
}

#[test]
fn each_side_is_read_as_it_is_written_and_silent_where_nobody_speaks() {
    let now = clock::now();
    let mut tape = Tape::new(AudioFormat::ALAW_8K, AudioFormat::MULAW_8K, now);
    tape.caller(&[0xF3; 160], None, now + 20 * MS);
    tape.agent(&[0x80; 160], now + 40 * MS);
    let whole = all(&mut tape, now + 1_000 * MS);
    assert_eq!(whole[..160], [[g711::decode_alaw(0xF3), 0]; 160]);
    assert_eq!(whole[160..320], [[0, 0]; 160]);
    assert_eq!(whole[320..480], [[0, g711::decode_mulaw(0x80)]; 160]);
    assert_eq!(whole[480..], [[0, 0]; 7_520], "no code of A-law means silence, so none stands for it");
}

fn tape() -> (Tape, Instant) {
    let now = clock::now();
    (Tape::new(AudioFormat::PCM_8K, AudioFormat::PCM_8K, now), now)
}

fn pcm(sample: i16, count: usize) -> Vec<u8> {
    sample.to_le_bytes().repeat(count)
}

/// The caller's side and the agent's of the whole recording.
fn all(tape: &mut Tape, now: Instant) -> Vec<[i16; 2]> {
    every_side(tape, now).into_iter().map(|[caller, agent, _]| [caller, agent]).collect()
}

/// The whole recording, as the writer puts it together.
fn every_side(tape: &mut Tape, now: Instant) -> Vec<[i16; SIDES]> {
    let mut whole = Vec::new();
    let mut add = |block: Block| {
        whole.resize(block.at as usize, [0; SIDES]);
        let (mut moments, mut room) = (Vec::new(), Vec::new());
        block.decode(&mut moments, &mut room);
        whole.extend(moments);
    };
    while let Some(block) = tape.block(now) {
        add(block);
    }
    while let Some(block) = tape.last_block(now) {
        add(block);
    }
    whole
}

/// The range from the first to after the last non-silent sample of a side, if all samples between
/// them are non-silent.
fn span(whole: &[[i16; 2]], side: usize) -> Option<(usize, usize)> {
    let first = whole.iter().position(|moment| moment[side] != 0)?;
    let last = whole.iter().rposition(|moment| moment[side] != 0)? + 1;
    whole[first..last].iter().all(|moment| moment[side] != 0).then_some((first, last))
}
