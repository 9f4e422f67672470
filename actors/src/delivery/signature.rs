//! Signatures of the Standard Webhooks convention: `v1,` and the base64 of an HMAC-SHA256 over id,
//! timestamp and body. Pure.
//!
//! A secret is written as `whsec_` and base64. Several secrets are separated by commas or blanks. A
//! delivery carries a signature for each, so that a receiver can rotate its secret.

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ids::Private;

/// The secrets of an endpoint, the newest first. Prints as `[private]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets(Vec<Private<Vec<u8>>>);

/// Why a secret is refused. Its text is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// It does not begin with `whsec_`.
    #[error("it does not begin with `whsec_`")]
    Prefix,
    /// The rest is not base64.
    #[error("what follows `whsec_` is not base64")]
    Encoding,
    /// It is too short or too long.
    #[error("it has {found} bytes, expected {LEAST_BYTES} to {MOST_BYTES}")]
    Length {
        /// Its number of bytes.
        found: usize,
    },
    /// There are too many, or none.
    #[error("found {found} secrets, expected 1 to {MOST_SECRETS}")]
    Number {
        /// The number given.
        found: usize,
    },
}

impl Secrets {
    /// Reads one secret, or several.
    ///
    /// # Errors
    /// When one of them is not a valid secret.
    pub fn parse(text: &str) -> Result<Self, SecretProblem> {
        let words = text.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty());
        let keys = words.map(parse_one).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() || keys.len() > MOST_SECRETS {
            return Err(SecretProblem::Number { found: keys.len() });
        }
        Ok(Self(keys))
    }

    /// The value of `webhook-signature`: a signature for each secret, separated by blanks.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signatures: Vec<String> = self.0.iter().map(|key| sign_one(key.expose(), id, timestamp, body)).collect();
        signatures.join(" ")
    }
}

fn parse_one(word: &str) -> Result<Private<Vec<u8>>, SecretProblem> {
    let encoded = word.strip_prefix("whsec_").ok_or(SecretProblem::Prefix)?;
    let key = STANDARD.decode_to_vec(encoded).map_err(|_| SecretProblem::Encoding)?;
    if (LEAST_BYTES..=MOST_BYTES).contains(&key.len()) {
        Ok(Private::new(key))
    } else {
        Err(SecretProblem::Length { found: key.len() })
    }
}

fn sign_one(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("v1,{}", STANDARD.encode_to_string(mac.finalize().into_bytes()))
}

/// The convention's own bounds are 24 and 64 bytes. Shorter secrets can be guessed; HMAC hashes
/// longer ones down anyway.
const LEAST_BYTES: usize = 24;
const MOST_BYTES: usize = 64;
/// A rotation needs two secrets; more are leftovers.
const MOST_SECRETS: usize = 4;

#[cfg(test)]
mod tests;
