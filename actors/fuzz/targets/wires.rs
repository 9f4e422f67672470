//! Every carrier's wire, fed with a stream of messages: the first byte chooses the carrier, lines
//! are messages, one that begins with a NUL is one of bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use switchboard_actors::carrier::{Carrier, Incoming, Outgoing};

fuzz_target!(|data: &[u8]| {
    let Some((&which, stream)) = data.split_first() else { return };
    let carriers: Vec<Carrier> = Carrier::all().collect();
    let mut wire = carriers[usize::from(which) % carriers.len()].wire();
    let mut reply = Outgoing::default();
    for message in stream.split(|&byte| byte == b'\n').take(64) {
        // What cannot be read is an error and never the end of the line.
        let _ = match (message.split_first(), std::str::from_utf8(message)) {
            (Some((0, bytes)), _) => wire.read(Incoming::Binary(bytes), &mut reply),
            (_, Ok(text)) => wire.read(Incoming::Text(text), &mut reply),
            (_, Err(_)) => wire.read(Incoming::Binary(message), &mut reply),
        };
        assert!(reply.messages().count() <= 64, "one message is answered with few");
        reply.clear();
    }
});
