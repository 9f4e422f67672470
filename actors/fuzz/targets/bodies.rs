//! HTTP bodies of tools and receivers: `encoding\ncharset\nbytes`. What is unpacked stays within
//! its limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use switchboard_actors::http::text::text;
use switchboard_actors::http::unpack::unpack;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |&byte| byte == b'\n');
    let (Some(encoding), Some(kind), Some(body)) = (parts.next(), parts.next(), parts.next()) else { return };
    let (Ok(encoding), Ok(kind)) = (std::str::from_utf8(encoding), std::str::from_utf8(kind)) else { return };
    if let Ok(plain) = unpack(body.to_vec(), [encoding], MOST) {
        let packed = encoding.split(',').any(|it| !matches!(it.trim().to_ascii_lowercase().as_str(), "" | "identity"));
        assert!(!packed || plain.len() <= MOST + 1, "{} bytes", plain.len());
        let _ = text(&plain, Some(kind));
    }
});

/// Bytes of an answer.
const MOST: usize = 4 * 1024;
