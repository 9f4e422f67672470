//! Numbers as JavaScript prints them (RFC 8785 §3.2.2.3). A receiver that parses a body and prints
//! it again, to check its signature, gets the same bytes. Pure.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Serializes a body.
///
/// # Errors
/// When it cannot be serialized, which does not happen for JSON values.
pub(super) fn write(body: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    body.serialize(&mut Serializer::with_formatter(&mut bytes, Plain))?;
    Ok(bytes)
}

struct Plain;

impl Formatter for Plain {
    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, number: f64) -> io::Result<()> {
        let size = number.abs();
        if number == 0.0 {
            // Zero of either sign.
            writer.write_all(b"0")
        } else if (1e-6..1e21).contains(&size) {
            write!(writer, "{number}")
        } else if size < 1.0 {
            write!(writer, "{number:e}")
        } else {
            write!(writer, "{}", format!("{number:e}").replace('e', "e+"))
        }
    }

    fn write_f32<W: Write + ?Sized>(&mut self, writer: &mut W, number: f32) -> io::Result<()> {
        self.write_f64(writer, f64::from(number))
    }
}

#[cfg(test)]
mod tests;
