//! Undoes what a server has packed its answer with, up to a bound: a few bytes may hold gigabytes. Pure.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Why an answer stays packed, in words that follow "the answer is".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUnpacked {
    /// We do not know how.
    #[error("packed as `{0}`, which cannot be undone")]
    Unknown(String),
    /// It is not what it says.
    #[error("packed as `{0}` and damaged or cut short")]
    Damaged(&'static str),
}

/// Undoes `encodings`, the values of `Content-Encoding` in their order. What comes of it has at most `most` + 1 bytes: one more than
/// `most` tells that there would be more.
///
/// # Errors
/// When one of them is not known, or the bytes are not what they say.
pub fn unpack<'v>(
    mut bytes: Vec<u8>,
    encodings: impl IntoIterator<Item = &'v str>,
    most: usize,
) -> Result<Vec<u8>, NotUnpacked> {
    let encodings: Vec<_> = encodings.into_iter().flat_map(|value| value.split(',')).map(str::trim).collect();
    // An empty body is empty however it is packed; answers without one keep the header.
    if bytes.is_empty() {
        return Ok(bytes);
    }
    // The last that was put on is the first that comes off.
    for encoding in encodings.into_iter().rev() {
        bytes = match encoding.to_ascii_lowercase().as_str() {
            "" | "identity" => bytes,
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(&bytes[..]), most, "gzip")?,
            // The standard means zlib; some mean what is inside of it.
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
