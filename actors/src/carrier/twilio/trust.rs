//! Twilio's request signature (<https://www.twilio.com/docs/usage/security#validating-requests>).
//! Pure.
//!
//! `base64(HMAC(secret, URL + sorted form))`, over the URL that Twilio was told to call. The
//! calling code builds that URL from the configured public URL and the raw request target, never
//! from `Host` or `X-Forwarded-*`.

use std::collections::{BTreeMap, BTreeSet};

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::ids::Private;

/// The header with the signature. Header names ignore case.
pub const SIGNATURE_HEADER: &str = "x-twilio-signature";

/// The header in which a request names a shared key and its hash; absent for a signature with the
/// auth token.
pub const SETTINGS_HEADER: &str = "x-twilio-webhooks-signature-settings";

/// The possible secrets of a signature.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// Auth tokens: the account's own, and the next one during a rotation.
    pub auth_tokens: Vec<Private<String>>,
    /// Shared keys by their id, for requests that name one.
    pub shared: BTreeMap<String, Private<String>>,
}

/// The hash of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// The usual one.
    HmacSha1,
    /// Used only with a shared key.
    HmacSha256,
}

/// The signed data besides the URL.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    /// Nothing: the query of a GET or an upgrade is part of the URL.
    Nothing,
    /// The decoded pairs of a form, as received, with empty values and repeated names.
    Form(&'a [(String, String)]),
    /// A raw body, whose SHA-256 is in the URL's query as `bodySHA256`.
    Body(&'a [u8]),
}

/// The parts of a request that matter for its signature.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The URL that Twilio was given, with its query.
    pub url: &'a str,
    /// The signed data besides the URL.
    pub signed: Signed<'a>,
    /// The signature header.
    pub signature: Option<&'a str>,
    /// The settings header.
    pub settings: Option<&'a str>,
}

/// Why a request is not Twilio's. The words are for our log; a stranger gets no more than
/// "refused".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// The signature is missing.
    #[error("the request has no `X-Twilio-Signature`")]
    Missing,
    /// The signature matches no candidate URL with any of our secrets.
    #[error("`X-Twilio-Signature` matches neither `server.public_url` + the request's path nor any configured token")]
    Mismatch,
    /// The hash of the raw body is not the signed one.
    #[error("the body's SHA-256 is not the `bodySHA256` of the URL")]
    OtherBody,
    /// The settings header names an unknown key.
    #[error("`X-Twilio-Webhooks-Signature-Settings` names a shared key that is not configured")]
    UnknownKey,
    /// The settings header names an unknown hash.
    #[error("`X-Twilio-Webhooks-Signature-Settings` names an algorithm other than HMAC_SHA1 and HMAC_SHA256")]
    UnknownAlgorithm,
}

/// Checks a webhook: every candidate form of its URL with every possible secret, in constant time.
///
/// # Errors
/// When the request does not have Twilio's signature.
pub fn verify_webhook(keys: &Keys, request: &Request<'_>) -> Result<(), BadSignature> {
    verify(keys, request, &webhook_candidates(request.url))
}

/// Checks a WebSocket upgrade. Its signed URL is the `<Stream url>` with its `ws`/`wss` scheme.
///
/// # Errors
/// When the request does not have Twilio's signature.
pub fn verify_upgrade(keys: &Keys, request: &Request<'_>) -> Result<(), BadSignature> {
    verify(keys, request, &upgrade_candidates(request.url))
}

/// The kind of signed request; the kinds have different URL schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request over `https` or `http`.
    Webhook,
    /// An upgrade over `wss` or `ws`.
    Upgrade,
}

/// The address, without its query, that a signature matches when it does not match ours. It tries
/// each of `hosts` (with its port) with each scheme and the request's raw `target`, with and
/// without a slash at the end of its path.
pub fn fitting_address(keys: &Keys, asked: &Request<'_>, kind: Kind, hosts: &[String], target: &str) -> Option<String> {
    let schemes = match kind {
        Kind::Webhook => ["https", "http"],
        Kind::Upgrade => ["wss", "ws"],
    };
    let (path, query) =
        target.split_once('?').map_or((target, String::new()), |(path, query)| (path, format!("?{query}")));
    let bare = path.trim_end_matches('/');
    let paths = [path.to_owned(), bare.to_owned(), format!("{bare}/")];
    let bases = hosts.iter().flat_map(|host| schemes.map(|scheme| format!("{scheme}://{host}")));
    bases.flat_map(|base| paths.iter().map(move |path| format!("{base}{path}")).collect::<Vec<_>>()).find(|address| {
        let request = Request { url: &format!("{address}{query}"), ..*asked };
        match kind {
            Kind::Webhook => verify_webhook(keys, &request),
            Kind::Upgrade => verify_upgrade(keys, &request),
        }
        .is_ok()
    })
}

fn verify(keys: &Keys, request: &Request<'_>, candidates: &[String]) -> Result<(), BadSignature> {
    let signature = request.signature.filter(|text| !text.is_empty()).ok_or(BadSignature::Missing)?;
    let (algorithm, secrets) = choose_secrets(keys, request.settings)?;
    if let Signed::Body(body) = request.signed
        && !body_matches(request.url, body)
    {
        return Err(BadSignature::OtherBody);
    }
    let tail = match request.signed {
        Signed::Form(pairs) => form_tail(pairs),
        Signed::Nothing | Signed::Body(_) => String::new(),
    };
    // No early return: the time must not depend on which candidate matched.
    let mut matched = Choice::from(0);
    for secret in secrets {
        for url in candidates {
            let expected = sign_text(algorithm, secret.expose(), url, &tail);
            matched |= expected.as_bytes().ct_eq(signature.as_bytes());
        }
    }
    if bool::from(matched) { Ok(()) } else { Err(BadSignature::Mismatch) }
}

/// Twilio's signature for a form POST to `url`, or without pairs for a GET or an upgrade.
pub fn sign(token: &str, url: &str, pairs: &[(String, String)]) -> String {
    sign_text(Algorithm::HmacSha1, token, url, &form_tail(pairs))
}

/// The secrets that the settings header (attacker's text) may select. Without a hash it is the auth
/// tokens; with one, only the shared key that it names.
fn choose_secrets<'k>(
    keys: &'k Keys,
    settings: Option<&str>,
) -> Result<(Algorithm, Vec<&'k Private<String>>), BadSignature> {
    let settings = settings.map(parse_settings).unwrap_or_default();
    let Some(algorithm) = settings.algorithm else {
        return Ok((Algorithm::HmacSha1, keys.auth_tokens.iter().collect()));
    };
    let algorithm = match algorithm {
        "HMAC_SHA1" => Algorithm::HmacSha1,
        "HMAC_SHA256" => Algorithm::HmacSha256,
        _ => return Err(BadSignature::UnknownAlgorithm),
    };
    let secret = settings.key.and_then(|id| keys.shared.get(id)).ok_or(BadSignature::UnknownKey)?;
    Ok((algorithm, vec![secret]))
}

#[derive(Default)]
struct Settings<'a> {
    key: Option<&'a str>,
    algorithm: Option<&'a str>,
}

fn parse_settings(header: &str) -> Settings<'_> {
    let mut settings = Settings::default();
    for (name, value) in header.split(',').filter_map(|part| part.split_once('=')) {
        match name.trim() {
            "key" => settings.key = Some(value.trim()),
            "algorithm" => settings.algorithm = Some(value.trim()),
            _ => {}
        }
    }
    settings
}

/// Names in byte order, each distinct value of a name once and in order, without separators.
fn form_tail(pairs: &[(String, String)]) -> String {
    let distinct: BTreeSet<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    distinct.into_iter().flat_map(|(name, value)| [name, value]).collect()
}

fn sign_text(algorithm: Algorithm, secret: &str, url: &str, tail: &str) -> String {
    fn mac<M: Mac + KeyInit>(secret: &str, url: &str, tail: &str) -> String {
        let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(url.as_bytes());
        mac.update(tail.as_bytes());
        STANDARD.encode_to_string(mac.finalize().into_bytes())
    }
    match algorithm {
        Algorithm::HmacSha1 => mac::<Hmac<Sha1>>(secret, url, tail),
        Algorithm::HmacSha256 => mac::<Hmac<Sha256>>(secret, url, tail),
    }
}

/// Whether `bodySHA256` in the query is the hash of `body`.
fn body_matches(url: &str, body: &[u8]) -> bool {
    let Some(stated) = body_hash(url) else { return false };
    let actual: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    bool::from(actual.as_bytes().ct_eq(stated.as_bytes()))
}

/// `bodySHA256` in the URL's query. Its presence means that the raw body was signed.
pub fn body_hash(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("bodySHA256="))
}

/// The URL as built, without its port, and with its scheme's default port: Twilio is not consistent
/// about ports.
fn webhook_candidates(url: &str) -> Vec<String> {
    let Some(parts) = Parts::of(url) else { return vec![url.to_owned()] };
    let default = if parts.scheme == "https" { "443" } else { "80" };
    vec![url.to_owned(), parts.with_port(None), parts.with_port(Some(default))]
}

/// The URL as in the TwiML, and with a trailing slash; each also without a port and with the
/// default port.
fn upgrade_candidates(url: &str) -> Vec<String> {
    let slashed = format!("{url}/");
    let Some((plain, slash)) = Parts::of(url).zip(Parts::of(&slashed)) else { return vec![url.to_owned()] };
    let default = if plain.scheme == "wss" { "443" } else { "80" };
    let mut urls = vec![url.to_owned(), slashed.clone()];
    for parts in [plain, slash] {
        urls.extend([parts.with_port(None), parts.with_port(Some(default))]);
    }
    urls
}

/// A URL split at its port and nowhere re-encoded.
struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, after) = url.split_once("://")?;
        let end = after.find(['/', '?']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(end);
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            // No port; the colons belong to a bracketed IPv6 address.
            _ => authority,
        };
        Some(Self { scheme, host, rest })
    }

    fn with_port(&self, port: Option<&str>) -> String {
        let Self { scheme, host, rest } = self;
        match port {
            Some(port) => format!("{scheme}://{host}:{port}{rest}"),
            None => format!("{scheme}://{host}{rest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "test_auth_token_0123456789abcdef";
    const VOICE: &str = "https://voice.example.com/twilio/voice";
    const STREAM: &str = "wss://voice.example.com/twilio/stream";

    #[test]
    fn the_address_that_a_signature_fits_is_found_for_webhooks_and_for_upgrades() {
        let keys = Keys { auth_tokens: vec![Private::new(TOKEN.to_owned())], shared: Default::default() };
        let hosts = ["voice.example.com", "other.example.com:8443"].map(str::to_owned);
        let found = |kind, signed_for: &str, target| {
            let signature = sign(TOKEN, signed_for, &[]);
            let asked = Request { url: "", signed: Signed::Nothing, signature: Some(&signature), settings: None };
            fitting_address(&keys, &asked, kind, &hosts, target)
        };
        for (kind, signed_for, target, expected) in [
            (
                Kind::Webhook,
                "http://other.example.com:8443/twilio/voice",
                "/twilio/voice",
                Some("http://other.example.com:8443/twilio/voice"),
            ),
            (
                Kind::Webhook,
                "https://voice.example.com/twilio/voice/?a=1",
                "/twilio/voice?a=1",
                Some("https://voice.example.com/twilio/voice/"),
            ),
            (Kind::Upgrade, "wss://other.example.com:8443/ws", "/ws", Some("wss://other.example.com:8443/ws")),
            (Kind::Upgrade, "ws://voice.example.com/ws", "/ws", Some("ws://voice.example.com/ws")),
            (Kind::Upgrade, "https://voice.example.com/ws", "/ws", None),
            (Kind::Upgrade, "wss://elsewhere.example.com/ws", "/ws", None),
        ] {
            let found = found(kind, signed_for, target);
            assert_eq!(found.as_deref(), expected, "{kind:?} {signed_for}");
        }
    }

    #[test]
    fn every_vector_of_the_official_sdk_is_reproduced() {
        let v0 = pairs(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675310"),
            ("Digits", "1234"),
            ("From", "+14158675310"),
            ("To", "+18005551212"),
        ]);
        assert_eq!(sign("12345", "https://example.com/myapp.php?foo=1&bar=2", &v0), "L/OH5YylLD5NRKLltdqwSvS0BnU=");
        assert_eq!(sign(TOKEN, VOICE, &incoming()), "UpxdD2geilNTnTZRVnovqvHfNz4=");
        assert_eq!(
            sign_text(Algorithm::HmacSha256, TOKEN, VOICE, &form_tail(&incoming())),
            "KTTpVWH3vZgWfnO1zYAQWHGXIqud6dUIxnvMHauoVg8="
        );
        let with_port = "https://voice.example.com:443/twilio/voice";
        assert_eq!(sign(TOKEN, with_port, &incoming()), "KpYL7l8uO1sRtl1Qoat89MW7td0=");
        let mut v4 = incoming();
        v4.extend(pairs(&[("CallerName", ""), ("FromCity", "SÃO PAULO & CO")]));
        assert_eq!(sign(TOKEN, VOICE, &v4), "aCybjP8OwNrz/FmfaIDjOsQn+ik=");
        let v5 = pairs(&[("A", "x"), ("B", "2"), ("B", "1"), ("B", "2")]);
        assert_eq!(sign(TOKEN, VOICE, &v5), "FXob8ioyFxtkBTMw5Ct2uzoU8nU=");
        assert_eq!(sign(TOKEN, STREAM, &[]), "y/Iy5pP3qXPcdrVhhWmRhNhPZDc=");
        assert_eq!(sign(TOKEN, &format!("{STREAM}/"), &[]), "S7j2IFZuSY5yMI70NO4OUx4uBlk=");
        assert_eq!(sign(TOKEN, "wss://voice.example.com:443/twilio/stream", &[]), "BQU4bPjlNlZcUPgLeasdUXYWMWY=");
        assert_eq!(sign(TOKEN, &raw_url(), &[]), "OpblXSuNBhxVKLwYq4DLqVrnJ+A=");
    }

    #[test]
    fn a_webhook_is_accepted_with_and_without_its_port() {
        for signature in ["UpxdD2geilNTnTZRVnovqvHfNz4=", "KpYL7l8uO1sRtl1Qoat89MW7td0="] {
            for url in [VOICE, "https://voice.example.com:443/twilio/voice"] {
                assert_eq!(verify_webhook(&keys(), &form_request(url, &incoming(), signature)), Ok(()));
            }
        }
    }

    #[test]
    fn a_local_http_webhook_keeps_its_port() {
        let url = "http://127.0.0.1:8080/twilio/voice";
        let signature = sign(TOKEN, url, &incoming());
        assert_eq!(verify_webhook(&keys(), &form_request(url, &incoming(), &signature)), Ok(()));
    }

    #[test]
    fn an_upgrade_is_accepted_with_a_trailing_slash_and_a_port_but_not_as_https() {
        for signature in
            ["y/Iy5pP3qXPcdrVhhWmRhNhPZDc=", "S7j2IFZuSY5yMI70NO4OUx4uBlk=", "BQU4bPjlNlZcUPgLeasdUXYWMWY="]
        {
            assert_eq!(verify_upgrade(&keys(), &bare_request(STREAM, signature)), Ok(()), "{signature}");
        }
        let wrong_scheme = sign(TOKEN, "https://voice.example.com/twilio/stream", &[]);
        assert_eq!(verify_upgrade(&keys(), &bare_request(STREAM, &wrong_scheme)), Err(BadSignature::Mismatch));
    }

    #[test]
    fn any_token_of_a_rotation_is_accepted() {
        let keys = Keys {
            auth_tokens: vec![Private::new("the next one".to_owned()), Private::new(TOKEN.to_owned())],
            ..Keys::default()
        };
        assert_eq!(verify_webhook(&keys, &form_request(VOICE, &incoming(), "UpxdD2geilNTnTZRVnovqvHfNz4=")), Ok(()));
    }

    #[test]
    fn a_missing_or_empty_signature_is_refused() {
        let pairs = incoming();
        let mut request = form_request(VOICE, &pairs, "");
        assert_eq!(verify_webhook(&keys(), &request), Err(BadSignature::Missing));
        request.signature = None;
        assert_eq!(verify_webhook(&keys(), &request), Err(BadSignature::Missing));
    }

    #[test]
    fn without_a_token_nothing_is_accepted() {
        let signature = sign("", VOICE, &incoming());
        assert_eq!(
            verify_webhook(&Keys::default(), &form_request(VOICE, &incoming(), &signature)),
            Err(BadSignature::Mismatch)
        );
    }

    #[test]
    fn a_raw_body_is_held_to_the_hash_in_the_url() {
        let url = raw_url();
        let signature = Some("OpblXSuNBhxVKLwYq4DLqVrnJ+A=");
        let request =
            |body: &'static [u8]| Request { url: &url, signed: Signed::Body(body), signature, settings: None };
        assert_eq!(verify_webhook(&keys(), &request(br#"{"a":1}"#)), Ok(()));
        assert_eq!(verify_webhook(&keys(), &request(br#"{"a":2}"#)), Err(BadSignature::OtherBody));
        let bare = Request { url: VOICE, signed: Signed::Body(b"{}"), signature, settings: None };
        assert_eq!(verify_webhook(&keys(), &bare), Err(BadSignature::OtherBody));
    }

    #[test]
    fn a_shared_key_is_used_only_when_named_and_configured() {
        let pairs = incoming();
        let mut keys = keys();
        let mut request = form_request(VOICE, &pairs, "KTTpVWH3vZgWfnO1zYAQWHGXIqud6dUIxnvMHauoVg8=");
        request.settings = Some("key=SK1, algorithm=HMAC_SHA256");
        assert_eq!(verify_webhook(&keys, &request), Err(BadSignature::UnknownKey), "never the auth token");
        keys.shared.insert("SK1".to_owned(), Private::new(TOKEN.to_owned()));
        assert_eq!(verify_webhook(&keys, &request), Ok(()));
        request.settings = Some("key=SK1,algorithm=MD5");
        assert_eq!(verify_webhook(&keys, &request), Err(BadSignature::UnknownAlgorithm));
        request.settings = Some("algorithm=HMAC_SHA256");
        assert_eq!(verify_webhook(&keys, &request), Err(BadSignature::UnknownKey));
        request.settings = Some("key=SK1");
        assert_eq!(verify_webhook(&keys, &request), Err(BadSignature::Mismatch), "no algorithm: HMAC_SHA1, auth token");
    }

    #[test]
    fn an_ipv6_host_keeps_its_colons() {
        assert_eq!(
            webhook_candidates("http://[::1]:8080/a"),
            ["http://[::1]:8080/a", "http://[::1]/a", "http://[::1]:80/a"]
        );
        assert_eq!(webhook_candidates("http://[::1]/a")[2], "http://[::1]:80/a");
    }

    proptest! {
        #[test]
        fn a_changed_form_is_refused(name in "[A-Za-z]{1,8}", value in "\\PC{0,12}") {
            let mut changed = incoming();
            changed.push((format!("X{name}"), value));
            prop_assert_eq!(
                verify_webhook(&keys(), &form_request(VOICE, &changed, "UpxdD2geilNTnTZRVnovqvHfNz4=")),
                Err(BadSignature::Mismatch)
            );
        }

        #[test]
        fn any_text_is_judged_without_a_panic(url in "\\PC{0,40}", signature in "\\PC{0,40}", settings in "\\PC{0,40}") {
            let request = Request { url: &url, signed: Signed::Body(b"x"), signature: Some(&signature), settings: Some(&settings) };
            prop_assert!(verify_webhook(&keys(), &request).is_err());
            let request = Request { signed: Signed::Nothing, ..request };
            prop_assert!(verify_upgrade(&keys(), &request).is_err());
        }
    }

    fn keys() -> Keys {
        Keys { auth_tokens: vec![Private::new(TOKEN.to_owned())], ..Keys::default() }
    }

    fn raw_url() -> String {
        let hash = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
        format!("https://voice.example.com/twilio/events?bodySHA256={hash}")
    }

    fn incoming() -> Vec<(String, String)> {
        pairs(&[
            ("AccountSid", "AC00000000000000000000000000000002"),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", "CA00000000000000000000000000000001"),
            ("CallStatus", "ringing"),
            ("Direction", "inbound"),
            ("From", "+15550100001"),
            ("To", "+15550100002"),
        ])
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn form_request<'a>(url: &'a str, pairs: &'a [(String, String)], signature: &'a str) -> Request<'a> {
        Request { url, signed: Signed::Form(pairs), signature: Some(signature), settings: None }
    }

    fn bare_request<'a>(url: &'a str, signature: &'a str) -> Request<'a> {
        Request { url, signed: Signed::Nothing, signature: Some(signature), settings: None }
    }
}
