//! Signatures as both carriers make them
//! (<https://www.twilio.com/docs/usage/security#validating-requests>). Pure.
//!
//! The service checks signatures with its own code. This file deliberately shares none of it,
//! because a shared mistake would go unnoticed.

use std::collections::{BTreeMap, BTreeSet};

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use url::Url;

/// The signature of a request to `url` with the decoded form `params`. `params` is empty for a
/// `GET` or an upgrade, whose query is part of the URL already.
pub(super) fn sign(token: &str, url: &str, params: &[(String, String)]) -> String {
    let mut sorted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in params {
        sorted.entry(name).or_default().insert(value);
    }
    let mut hmac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("HMAC takes a key of any length");
    hmac.update(url.as_bytes());
    for (name, values) in sorted {
        for value in values {
            hmac.update(name.as_bytes());
            hmac.update(value.as_bytes());
        }
    }
    STANDARD.encode_to_string(hmac.finalize().into_bytes())
}

/// SignalWire's second signature, of a request to `url` with this body as it is sent: lower-case hex.
pub(super) fn sign_body(key: &str, url: &str, body: &str) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    hmac.update(format!("{url}{body}").as_bytes());
    hmac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An address as it is signed: without user, and over https without port.
pub(super) fn signed_url(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only for an address without a host, which was refused earlier.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if url.scheme() == "https" {
        let _ = url.set_port(None);
    }
    url
}

#[cfg(test)]
mod tests;
