use super::*;
use crate::carrier::Encoding;
use crate::ids::{CallId, CarrierCallId};
use crate::recording::tape::Side;

/// A block of `count` moments, PCM16.
fn block(at: u64, [left, right]: [i16; 2], count: usize) -> Block {
    let side = |sample: i16| Side {
        encoding: Encoding::Pcm16,
        bytes: sample.to_le_bytes().repeat(count),
        sounding: std::iter::once(0..count as u32).collect(),
    };
    let nobody = Side { encoding: Encoding::Pcm16, bytes: Vec::new(), sounding: Vec::new() };
    Block { at, moments: count, sides: [side(left), side(right), nobody] }
}

/// A block in which a person has the call, of `count` moments.
fn taken(at: u64, [left, person]: [i16; 2], count: usize) -> Block {
    let mut block = block(at, [left, person], count);
    block.sides.swap(1, 2);
    block
}

fn owner() -> Owner {
    Owner { call: CallTag::new(CallId::random(), &CarrierCallId::new("CA1")), incidents: None }
}

#[test]
fn blocks_stand_where_they_belong_and_what_is_missing_is_silence() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("call.wav");
    let mut file = WavFile::create(&path, 8_000).expect("a file");
    file.write(&block(0, [1, 2], 3), &mut Room::default()).expect("written");
    file.write(&block(20_000, [3, 4], 2), &mut Room::default()).expect("written");
    file.finish().expect("finished");
    let bytes = std::fs::read(&path).expect("there");
    assert_eq!(bytes.len(), 44 + 20_002 * 4);
    assert_eq!(bytes[..44], wav::head(8_000, 2, 20_002));
    assert_eq!(bytes[44..56], [1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 2, 0]);
    assert!(bytes[56..44 + 80_000].iter().all(|&byte| byte == 0));
    assert_eq!(bytes[44 + 80_000..], [3, 0, 4, 0, 3, 0, 4, 0]);
}

#[test]
fn a_person_has_a_channel_of_their_own_from_the_beginning_of_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("call.wav");
    let mut file = WavFile::create(&path, 8_000).expect("a file");
    let room = &mut Room::default();
    for block in [block(0, [1, 2], 3), taken(4, [3, 9], 2), block(7, [5, 6], 1)] {
        file.write(&block, room).expect("written");
        let bytes = std::fs::read(&path).expect("there");
        assert!(bytes.len() >= 44 + u32::from_le_bytes([bytes[40], bytes[41], bytes[42], bytes[43]]) as usize);
    }
    file.finish().expect("finished");
    let bytes = std::fs::read(&path).expect("there");
    assert_eq!(bytes[..44], wav::head(8_000, 3, 8));
    let samples: Vec<u8> = bytes[44..].iter().step_by(2).copied().collect();
    let expected = [[1, 2, 0], [1, 2, 0], [1, 2, 0], [0; 3], [3, 0, 9], [3, 0, 9], [0; 3], [5, 6, 0]];
    assert_eq!(samples, expected.concat());
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 1, "nothing is left beside it");
}

#[test]
fn a_file_that_cannot_be_widened_stays_as_it_was() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("call.wav");
    let mut file = WavFile::create(&path, 8_000).expect("a file");
    file.write(&block(0, [1, 2], 3), &mut Room::default()).expect("written");
    let before = std::fs::read(&path).expect("there");
    std::fs::create_dir(dir.path().join(".call.wav.tmp")).expect("a folder in the way");
    assert!(file.write(&taken(3, [1, 9], 1), &mut Room::default()).is_err());
    assert_eq!(std::fs::read(&path).expect("there"), before);
}

#[test]
fn a_crash_leaves_a_valid_wav_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("call.wav");
    let mut file = WavFile::create(&path, 8_000).expect("a file");
    for n in 0..30 {
        file.write(&block(n * 1_600, [5, 6], 1_600), &mut Room::default()).expect("written");
    }
    // Like a crash: nothing is finished.
    std::mem::forget(file);
    let bytes = std::fs::read(&path).expect("there");
    let said = u32::from_le_bytes([bytes[40], bytes[41], bytes[42], bytes[43]]) as usize;
    assert!(said >= 44 * 1_600 / 44 * 4 * 20, "the head knows of all but the last two seconds: {said}");
    assert!(bytes.len() >= 44 + said, "and what it knows of is there");
}

#[test]
fn a_name_that_is_taken_is_never_written_over() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("call.wav");
    std::fs::write(&path, "mine").expect("written");
    assert!(WavFile::create(&path, 8_000).is_err());
    assert_eq!(std::fs::read(&path).expect("there"), b"mine");
}

#[test]
fn a_recorder_writes_what_it_is_given_until_it_is_dropped() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, guard) = (dir.path().join("call.wav"), Arc::new(()));
    let recorder = RecordingWriter::start().expect("a thread").record(path.clone(), 8_000, owner(), Arc::clone(&guard));
    for n in 0..10 {
        assert!(recorder.take(block(n * 1_600, [1, 1], 1_600)));
    }
    drop(recorder);
    while Arc::strong_count(&guard) > 1 {
        std::thread::yield_now();
    }
    assert_eq!(std::fs::metadata(&path).expect("there").len(), 44 + 16_000 * 4);
}

#[test]
fn a_disk_that_fails_ends_the_recording_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("nowhere/call.wav");
    let recorder = RecordingWriter::start().expect("a thread").record(path, 8_000, owner(), ());
    while recorder.take(block(0, [0; 2], 1)) {
        std::thread::yield_now();
    }
}
