//! The heads of WebSocket frames, as they come in pieces: what is judged does not depend on where
//! the pieces are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use switchboard_actors::socket::head::Watch;

fuzz_target!(|data: &[u8]| {
    let Some((&cut, bytes)) = data.split_first() else { return };
    let (mut whole, mut pieces) = (Watch::default(), Watch::default());
    let at_once = whole.follow(bytes, MOST);
    let piecemeal = bytes.chunks(usize::from(cut).max(1)).try_for_each(|piece| pieces.follow(piece, MOST));
    assert_eq!(at_once.is_ok(), piecemeal.is_ok(), "cut into pieces of {cut}");
});

/// Bytes of the largest message, as shipped.
const MOST: usize = 64 * 1024;
