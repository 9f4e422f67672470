//! Journals as a crash, a disk or somebody else leaves them: whatever can be read becomes a record.
#![no_main]

use std::sync::OnceLock;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use switchboard_actors::transcript::journal::{Replay, read};

fuzz_target!(|data: &[u8]| {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    let epoch = *EPOCH.get_or_init(Instant::now);
    if let Some(replay) = Replay::of(read(data).entries, epoch) {
        replay.record().transcript_json().expect("a record is JSON");
    }
});
