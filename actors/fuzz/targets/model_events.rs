//! Events of a model's server: any text is an event, or unreadable by a word.
#![no_main]

use libfuzzer_sys::fuzz_target;
use switchboard_actors::realtime::fields::{Fields, without_non_finite};
use switchboard_actors::realtime::gemini::protocol::server::ServerMessage;
use switchboard_actors::realtime::openai::protocol::server::{ServerEvent, mended};
use switchboard_actors::realtime::openai::protocol::usage;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = ServerEvent::parse(text).is_ok();
    let _ = ServerMessage::parse(text);
    if let Some(mended) = mended(text) {
        let _ = ServerEvent::parse(&mended);
    }
    if let Some(plain) = without_non_finite(text) {
        let _ = ServerEvent::parse(&plain);
    }
    if let Ok(fields) = Fields::read(text) {
        let _ = (usage::of_response(&fields), usage::of_transcription(&fields));
    }
    let _ = read;
});
