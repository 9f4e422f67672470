//! The signatures of both carriers, as they make them. Pure.
//!
//! The service checks signatures with its own code. This file deliberately shares none of it,
//! because a shared mistake would go unnoticed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use url::Url;

use crate::carrier::plivo::dialect::Which;

/// The headers that sign a request to `url`. `params` is the decoded form; a `get` has none.
pub(super) fn headers(
    which: Which,
    token: &str,
    call: &str,
    url: &Url,
    get: bool,
    params: &[(String, String)],
) -> Vec<(&'static str, String)> {
    let nonce = nonce(call);
    let mut base = url.clone();
    base.set_query(None);
    base.set_fragment(None);
    match which {
        Which::Plivo => {
            let text = format!("{}{}.{nonce}", base.as_str(), parameters(url, get, params));
            vec![("X-Plivo-Signature-V3", mac(token, &text)), ("X-Plivo-Signature-V3-Nonce", nonce)]
        }
        Which::Vobiz => vec![
            ("X-Vobiz-Signature-V2", mac(token, &format!("{base}{nonce}"))),
            ("X-Vobiz-Signature-V2-Nonce", nonce.clone()),
            ("X-Vobiz-Signature-V3", mac(token, &format!("{base}.{nonce}"))),
            ("X-Vobiz-Signature-V3-Nonce", nonce),
        ],
    }
}

/// The parameters as Plivo's library writes them behind the address.
fn parameters(url: &Url, get: bool, params: &[(String, String)]) -> String {
    let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url.query_pairs().into_owned() {
        query.entry(name).or_default().push(value);
    }
    let mut written = Vec::new();
    for (name, mut values) in query {
        values.sort();
        written.extend(values.into_iter().map(|value| format!("{name}={value}")));
    }
    let mut text = String::new();
    if !written.is_empty() || !params.is_empty() {
        text.push('?');
        text.push_str(&written.join("&"));
    }
    if !get && !params.is_empty() {
        if !written.is_empty() {
            text.push('.');
        }
        let mut form: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in params {
            form.entry(name).or_default().push(value);
        }
        for (name, mut values) in form {
            values.sort_unstable();
            for value in values {
                text.push_str(name);
                text.push_str(value);
            }
        }
    }
    text
}

fn mac(token: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    STANDARD.encode_to_string(mac.finalize().into_bytes())
}

/// Twenty digits that no other request has: of this program by the count, of others by the call.
fn nonce(call: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let digest = Sha256::digest(format!("{call} {count}"));
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    format!("{:020}", u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_written_as_the_carriers_library_writes_them() {
        let url: Url = "https://voice.example.com/a?b=2&a=1".parse().expect("a URL");
        let form = [("X", "1"), ("A", "2"), ("A", "1")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(parameters(&url, false, &form), "?a=1&b=2.A1A2X1");
        assert_eq!(parameters(&url, true, &[]), "?a=1&b=2");
        let bare: Url = "https://voice.example.com/a".parse().expect("a URL");
        assert_eq!((parameters(&bare, false, &form).as_str(), parameters(&bare, true, &[]).as_str()), ("?A1A2X1", ""));
    }

    #[test]
    fn no_two_requests_have_one_nonce() {
        let (one, other) = (nonce("c"), nonce("c"));
        assert!(one != other && one.len() == 20 && one.bytes().all(|byte| byte.is_ascii_digit()), "{one}");
    }
}
