//! Request signatures (<https://developers.telnyx.com/docs/development/webhook-signing>): Ed25519 over
//! the time, a bar and the raw body. The address is not signed. Pure.

use base64_simd::STANDARD;
use chrono::{DateTime, Utc};
use ring::signature::{ED25519, UnparsedPublicKey};

/// The header with the signature, base64 of 64 bytes.
pub(super) const SIGNATURE_HEADER: &str = "telnyx-signature-ed25519";
/// The header with the signed time, in seconds since 1970.
pub(super) const TIME_HEADER: &str = "telnyx-timestamp";

/// A public key of the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a key as the portal shows it: base64 of 32 bytes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        STANDARD.decode_to_vec(text.trim()).ok()?.try_into().ok().map(Self)
    }
}

/// The signed parts of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    /// The header with the signature.
    pub(super) signature: Option<&'a str>,
    /// The header with the time.
    pub(super) time: Option<&'a str>,
    /// The raw body.
    pub(super) body: &'a [u8],
}

/// Why a request is not the carrier's. The words are for our log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadSignature {
    /// There is no signature, or no time for it.
    #[error("the request has no `telnyx-signature-ed25519`, or no `telnyx-timestamp`")]
    Missing,
    /// The time is too far from ours.
    #[error(
        "`telnyx-timestamp` is more than 300 s away from our clock: a recorded request, or this machine's clock is wrong"
    )]
    Stale,
    /// The signature fits none of our keys.
    #[error("`telnyx-signature-ed25519` fits no key of TELNYX_PUBLIC_KEY")]
    Mismatch,
}

/// Checks a request that arrived at `now`.
///
/// # Errors
/// When the request does not have the carrier's signature.
pub(super) fn verify(keys: &[PublicKey], signed: &Signed<'_>, now: DateTime<Utc>) -> Result<(), BadSignature> {
    let (Some(signature), Some(time)) = (signed.signature, signed.time) else { return Err(BadSignature::Missing) };
    let seconds: i64 = time.parse().map_err(|_| BadSignature::Missing)?;
    if seconds.abs_diff(now.timestamp()) > LONGEST_AGE_SECONDS {
        return Err(BadSignature::Stale);
    }
    let signature = STANDARD.decode_to_vec(signature.trim()).map_err(|_| BadSignature::Mismatch)?;
    let text = [time.as_bytes(), b"|", signed.body].concat();
    // Nothing here is secret: the time that it takes tells a stranger nothing.
    let fits = |key: &PublicKey| UnparsedPublicKey::new(&ED25519, key.0).verify(&text, &signature).is_ok();
    if keys.iter().any(fits) { Ok(()) } else { Err(BadSignature::Mismatch) }
}

/// The farthest that a signed time may be from ours: the carrier's own libraries take as much.
const LONGEST_AGE_SECONDS: u64 = 300;

#[cfg(test)]
mod tests;
