use flate2::Compression;
use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

fn packed(mut packing: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    packing.read_to_end(&mut bytes).expect("packed");
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    packed(GzEncoder::new(bytes, Compression::default()))
}

const SHIPPED: &[u8] = br#"{"status":"shipped"}"#;
/// `SHIPPED` in brotli: uncompressed, in one block.
const SHIPPED_IN_BROTLI: &[u8] = b"\x8b\x09\x80{\"status\":\"shipped\"}\x03";

#[test]
fn what_servers_pack_with_is_undone() {
    let raw = packed(DeflateEncoder::new(SHIPPED, Compression::default()));
    let zlib = packed(ZlibEncoder::new(SHIPPED, Compression::default()));
    for (encodings, bytes) in [
        (vec![], SHIPPED.to_vec()),
        (vec!["identity"], SHIPPED.to_vec()),
        (vec!["gzip"], gzip(SHIPPED)),
        (vec!["X-GZIP"], gzip(SHIPPED)),
        (vec!["deflate"], raw),
        (vec!["deflate"], zlib.clone()),
        (vec!["br"], SHIPPED_IN_BROTLI.to_vec()),
        (vec!["deflate, gzip"], gzip(&zlib)),
        (vec!["deflate", "gzip"], gzip(&zlib)),
        (vec!["gzip"], [gzip(&SHIPPED[..5]), gzip(&SHIPPED[5..])].concat()),
    ] {
        let unpacked = unpack(bytes, encodings.iter().copied(), 100);
        assert_eq!(unpacked.as_deref(), Ok(SHIPPED), "{encodings:?}");
    }
}

#[test]
fn a_body_that_contradicts_its_encoding_is_an_error() {
    assert_eq!(unpack(vec![1], ["zstd"], 10), Err(NotUnpacked::Unknown("zstd".to_owned())));
    for encoding in ["gzip", "br"] {
        assert_eq!(unpack(SHIPPED.to_vec(), [encoding], 100), Err(NotUnpacked::Damaged(encoding)));
    }
    // Without zlib's header and its checksum, almost any bytes are valid deflate.
    assert_eq!(unpack(vec![0xFF; 20], ["deflate"], 100), Err(NotUnpacked::Damaged("deflate")));
    let whole = gzip(SHIPPED);
    for length in 1..whole.len() {
        assert_eq!(unpack(whole[..length].to_vec(), ["gzip"], 100), Err(NotUnpacked::Damaged("gzip")), "{length}");
    }
    assert_eq!(unpack(Vec::new(), ["gzip"], 10), Ok(Vec::new()));
}

#[test]
fn a_bomb_is_unpacked_no_further_than_it_may() {
    let bomb = gzip(&vec![b'x'; 32 << 20]);
    assert!(bomb.len() < 64 << 10);
    let unpacked = unpack(bomb.clone(), ["gzip"], 4096).expect("as far as it goes");
    assert_eq!(unpacked.len(), 4097);
    assert!(unpacked.capacity() <= 64 << 10, "{}", unpacked.capacity());
    assert_eq!(unpack(gzip(&bomb), ["gzip, gzip"], 64 << 10).expect("as far as it goes").len(), (64 << 10) + 1);
}

proptest! {
    #[test]
    fn any_bytes_are_unpacked_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        encoding in prop::sample::select(vec!["gzip", "deflate", "br", "deflate,br", "zstd", ""]),
    ) {
        if let Ok(unpacked) = unpack(bytes.clone(), [encoding], 1000) {
            prop_assert!(unpacked.len() <= 1001);
        }
        prop_assert_eq!(unpack(gzip(&bytes), ["gzip"], 1000), Ok(bytes));
    }
}
