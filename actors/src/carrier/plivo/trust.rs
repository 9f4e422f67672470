//! Request signatures (<https://www.plivo.com/docs/voice/concepts/signature-validation>). Pure.
//!
//! `base64(HMAC-SHA256(token, text + separator + nonce))`. The text is the address that was
//! configured at the carrier, without its query, or that address with the sorted parameters of the
//! query and the form. The calling code builds the address from the configured public URL, never
//! from `Host` or `X-Forwarded-*`.

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::carrier::webhook_api::{Headers, Verb};
use crate::ids::Private;

/// One way of signing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scheme {
    /// The headers with signatures: by the account's token, and by its main account's. Each may
    /// have several, separated by commas.
    pub(super) signatures: [&'static str; 2],
    /// The header with the nonce.
    pub(super) nonce: &'static str,
    /// The signed part of the request.
    pub(super) covers: Covers,
    /// What stands between the text and the nonce.
    pub(super) separator: &'static str,
}

/// The signed part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Covers {
    /// The address without its query.
    Address,
    /// The address, and all parameters of the query and the form.
    Request,
}

/// The parts of a request that matter for its signature.
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    /// The method.
    pub(super) verb: Verb,
    /// The address without its query.
    pub(super) address: &'a str,
    /// The decoded parameters of the query.
    pub(super) query: &'a [(String, String)],
    /// The decoded parameters of the form.
    pub(super) form: &'a [(String, String)],
    /// The headers.
    pub(super) headers: &'a dyn Headers,
}

/// Why a request is not the carrier's. The words are for our log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadSignature {
    /// There is no signature, or no nonce.
    #[error("the request has no signature, or no nonce for it")]
    Missing,
    /// The signature matches with none of our tokens.
    #[error("the signature matches neither `server.public_url` + the request's path nor any configured token")]
    Mismatch,
}

/// Checks a request in constant time, by every scheme with every token. Returns all its nonces.
///
/// # Errors
/// When the request does not have the carrier's signature.
pub(super) fn verify(
    schemes: &[Scheme],
    tokens: &[Private<String>],
    signed: &Signed<'_>,
) -> Result<Vec<String>, BadSignature> {
    let (mut nonces, mut shown, mut matched) = (Vec::new(), false, Choice::from(0));
    for scheme in schemes {
        let Some(nonce) = signed.headers.value(scheme.nonce).filter(|nonce| (1..=LONGEST_NONCE).contains(&nonce.len()))
        else {
            continue;
        };
        nonces.push(nonce.to_owned());
        let text = format!("{}{}{nonce}", text(scheme.covers, signed), scheme.separator);
        let expected: Vec<String> = tokens.iter().map(|token| sign(token.expose(), &text)).collect();
        let headers = scheme.signatures.iter().filter_map(|name| signed.headers.value(name));
        // No early return: the time must not depend on which of them matched.
        for signature in headers.flat_map(|listed| listed.split(',').take(MOST_SIGNATURES)).map(str::trim) {
            shown |= !signature.is_empty();
            for expected in &expected {
                matched |= expected.as_bytes().ct_eq(signature.as_bytes());
            }
        }
    }
    match (shown, bool::from(matched)) {
        (_, true) => Ok(nonces),
        (true, false) => Err(BadSignature::Mismatch),
        (false, false) => Err(BadSignature::Missing),
    }
}

/// Whether a request shows any signature.
pub(super) fn is_signed(schemes: &[Scheme], headers: &dyn Headers) -> bool {
    schemes.iter().flat_map(|scheme| scheme.signatures).any(|name| headers.value(name).is_some())
}

/// The signed text of a request, without its nonce.
fn text(covers: Covers, signed: &Signed<'_>) -> String {
    if covers == Covers::Address {
        return signed.address.to_owned();
    }
    let sorted = |pairs: &[(String, String)]| {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        pairs
    };
    let query: Vec<String> = sorted(signed.query).iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = query.join("&");
    // The query of a GET is all that it has; a POST has a form as well.
    let form: String = match signed.verb {
        Verb::Get => String::new(),
        Verb::Post => sorted(signed.form).into_iter().flat_map(|(name, value)| [name, value]).collect(),
    };
    let has_form = signed.verb == Verb::Post && !signed.form.is_empty();
    let mark = if query.is_empty() && !has_form { "" } else { "?" };
    let dot = if !query.is_empty() && has_form { "." } else { "" };
    format!("{}{mark}{query}{dot}{form}", signed.address)
}

fn sign(token: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    STANDARD.encode_to_string(mac.finalize().into_bytes())
}

/// The longest nonce. The carriers' have 20 characters.
const LONGEST_NONCE: usize = 128;
/// The most signatures of one header that are looked at.
const MOST_SIGNATURES: usize = 8;

#[cfg(test)]
mod tests;
