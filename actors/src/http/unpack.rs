//! Undoes the compression of an answer, up to a limit: a few bytes may expand to gigabytes. Pure.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Why an answer cannot be unpacked. The texts follow "the answer is".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUnpacked {
    /// The encoding is unknown.
    #[error("compressed as `{0}`, which is not supported")]
    Unknown(String),
    /// The data does not match the declared encoding.
    #[error("compressed as `{0}` and damaged or cut short")]
    Damaged(&'static str),
}

/// Undoes `encodings`, the values of `Content-Encoding` in their order. The result has at most
/// `most` + 1 bytes; `most` + 1 bytes mean that the data exceeds the limit.
///
/// # Errors
/// When an encoding is unknown, or the bytes do not match it.
pub fn unpack<'v>(
    mut bytes: Vec<u8>,
    encodings: impl IntoIterator<Item = &'v str>,
    most: usize,
) -> Result<Vec<u8>, NotUnpacked> {
    let encodings: Vec<_> = encodings.into_iter().flat_map(|value| value.split(',')).map(str::trim).collect();
    // An empty body needs no unpacking; answers without a body keep the header.
    if bytes.is_empty() {
        return Ok(bytes);
    }
    // The last encoding comes off first.
    for encoding in encodings.into_iter().rev() {
        bytes = match encoding.to_ascii_lowercase().as_str() {
            "" | "identity" => bytes,
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(&bytes[..]), most, "gzip")?,
            // The standard's "deflate" is zlib; some servers send raw deflate.
            "deflate" => read(ZlibDecoder::new(&bytes[..]), most, "deflate")
                .or_else(|_| read(DeflateDecoder::new(&bytes[..]), most, "deflate"))?,
            "br" => read(Decompressor::new(&bytes[..], BUFFER), most, "br")?,
            other => return Err(NotUnpacked::Unknown(other.chars().filter(char::is_ascii_graphic).take(20).collect())),
        };
    }
    Ok(bytes)
}

fn read(packed: impl Read, most: usize, encoding: &'static str) -> Result<Vec<u8>, NotUnpacked> {
    let mut bytes = Vec::new();
    let read: io::Result<usize> = packed.take((most as u64).saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|_| NotUnpacked::Damaged(encoding))?;
    Ok(bytes)
}

const BUFFER: usize = 4096;

#[cfg(test)]
mod tests;
