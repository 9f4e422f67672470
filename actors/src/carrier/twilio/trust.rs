//! The request signature of both dialects
//! (<https://www.twilio.com/docs/usage/security#validating-requests>). Pure.
//!
//! `base64(HMAC(secret, URL + sorted form))`, over the URL that the carrier was told to call. The
//! calling code builds that URL from the configured public URL and the raw request target, never
//! from `Host` or `X-Forwarded-*`. SignalWire also signs `URL + raw body`, in lower-case hex
//! ([`verify_raw`]).

use std::collections::{BTreeMap, BTreeSet};

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::ids::Private;

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
    /// The decoded pairs of a form, as received, with empty values and repeated names. A pair that is
    /// repeated counts once.
    Form(&'a [(String, String)]),
    /// The same, where every pair counts and repeated names stay in their order.
    EveryPair(&'a [(String, String)]),
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
    #[error("the request has no signature")]
    Missing,
    /// The signature matches no candidate URL with any of our secrets.
    #[error("the signature matches neither `server.public_url` + the request's path nor any configured token or key")]
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
        Signed::EveryPair(pairs) => whole_tail(pairs),
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

/// Checks the signatures over a webhook's URL and its raw body: `sha1` and `sha256`, of which one is
/// enough.
///
/// # Errors
/// When neither is there, or neither is the carrier's.
pub(super) fn verify_raw(
    keys: &Keys,
    url: &str,
    body: &[u8],
    sha1: Option<&str>,
    sha256: Option<&str>,
) -> Result<(), BadSignature> {
    fn hex<M: Mac + KeyInit>(secret: &str, url: &str, body: &[u8]) -> String {
        let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(url.as_bytes());
        mac.update(body);
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
    if sha1.is_none() && sha256.is_none() {
        return Err(BadSignature::Missing);
    }
    let mut matched = Choice::from(0);
    for secret in &keys.auth_tokens {
        for url in webhook_candidates(url) {
            let secret = secret.expose();
            if let Some(shown) = sha1 {
                matched |= hex::<Hmac<Sha1>>(secret, &url, body).as_bytes().ct_eq(shown.as_bytes());
            }
            if let Some(shown) = sha256 {
                matched |= hex::<Hmac<Sha256>>(secret, &url, body).as_bytes().ct_eq(shown.as_bytes());
            }
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

/// Names in byte order, every value of a name in the order of the form, without separators.
fn whole_tail(pairs: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = pairs.iter().collect();
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    sorted.into_iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect()
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
mod tests;
