//! A webhook's form, strictly decoded. Order, repetitions and empty values are kept, because the
//! signature covers them. Pure.

use std::fmt;

/// The decoded pairs of a form or a query. They contain numbers, so it prints only how many there
/// are.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Form(Vec<(String, String)>);

/// Why a form cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A `%` without two hexadecimal digits after it.
    #[error("`%` at byte {at} is not followed by two hexadecimal digits")]
    BadEscape {
        /// Its position.
        at: usize,
    },
    /// Decoded bytes that are not UTF-8.
    #[error("pair {number} is not UTF-8")]
    NotUtf8 {
        /// Which pair, from 1.
        number: usize,
    },
    /// A required field that is missing or empty.
    #[error("the field `{name}` is missing or empty")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A field with an invalid value.
    #[error("the field `{name}` is not {expected}")]
    Unusable {
        /// Its name.
        name: &'static str,
        /// The expected value.
        expected: &'static str,
    },
}

impl Form {
    /// Decodes `name=value&…`: `+` is a space, `%XX` a byte of UTF-8. A pair without `=` has an
    /// empty value.
    ///
    /// # Errors
    /// When an escape is broken or the result is not UTF-8.
    pub fn parse(raw: &[u8]) -> Result<Self, FormError> {
        let mut pairs = Vec::new();
        let mut at = 0;
        for (index, pair) in raw.split(|&byte| byte == b'&').enumerate() {
            if !pair.is_empty() {
                let cut = pair.iter().position(|&byte| byte == b'=');
                let (name, value) = cut.map_or((pair, &pair[pair.len()..]), |cut| (&pair[..cut], &pair[cut + 1..]));
                let value_at = at + pair.len() - value.len();
                let text = |bytes: &[u8], at| {
                    String::from_utf8(decode(bytes, at)?).map_err(|_| FormError::NotUtf8 { number: index + 1 })
                };
                pairs.push((text(name, at)?, text(value, value_at)?));
            }
            at += pair.len() + 1;
        }
        Ok(Self(pairs))
    }

    /// All pairs, in order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The first non-empty value of `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, value)| found == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// An id that will be stored and printed: present, short, and visible ASCII.
    ///
    /// # Errors
    /// When it is not.
    pub fn id(&self, name: &'static str) -> Result<&str, FormError> {
        let value = self.value(name).ok_or(FormError::Missing { name })?;
        if value.len() <= LONGEST_ID && value.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(value)
        } else {
            Err(FormError::Unusable { name, expected: "an id of at most 64 visible ASCII characters" })
        }
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Form({} pairs)", self.0.len())
    }
}

/// The longest id that is accepted. Carriers' ids have 21 to 40 characters.
const LONGEST_ID: usize = 64;

fn decode(bytes: &[u8], at: usize) -> Result<Vec<u8>, FormError> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().enumerate();
    while let Some((index, &byte)) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|(_, &digit)| char::from(digit).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or(FormError::BadEscape { at: at + index })?;
                u8::try_from(high * 16 + low).unwrap_or(u8::MAX)
            }
            plain => plain,
        });
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests;
