//! The sessions of the console: a signed cookie, so that a session survives a restart of the
//! service and is known to every node with the same tokens.
//!
//! The value is `name.expiry.number.signature`. The key of the signature comes from the token, so a
//! changed token ends its sessions.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use switchboard_actors::ids::StreamToken;

#[derive(Debug)]
pub(super) struct Sessions {
    /// In seconds.
    lifetime: AtomicU64,
    /// Sessions that were ended before their time, with the second of their expiry.
    ended: Mutex<HashMap<String, i64>>,
}

impl Sessions {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime: AtomicU64::new(lifetime.as_secs()), ended: Mutex::default() }
    }

    /// Sessions that are opened from now on last this long.
    pub(super) fn last(&self, lifetime: Duration) {
        self.lifetime.store(lifetime.as_secs(), Ordering::Relaxed);
    }

    pub(super) fn lifetime(&self) -> Duration {
        Duration::from_secs(self.lifetime.load(Ordering::Relaxed))
    }

    /// Opens a session of the token's owner `name`; returns the cookie's value.
    pub(super) fn open(&self, name: &str, digest: &[u8], now: DateTime<Utc>) -> String {
        let expiry = now.timestamp() + i64::try_from(self.lifetime().as_secs()).unwrap_or(i64::MAX / 2);
        let signed = format!("{name}.{expiry}.{}", StreamToken::random().into_inner().expose());
        let signature = URL_SAFE_NO_PAD.encode(mac(digest, &signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// Whether `cookie` was opened with the token of this `digest`, and has not ended.
    pub(super) fn holds(&self, cookie: &str, digest: &[u8], now: DateTime<Utc>) -> bool {
        let Some((signed, signature)) = cookie.rsplit_once('.') else { return false };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let valid = mac(digest, signed).verify_slice(&signature).is_ok();
        valid
            && expiry(cookie).is_some_and(|expiry| now.timestamp() < expiry)
            && !self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains_key(cookie)
    }

    /// Ends a session that [`Self::holds`].
    pub(super) fn close(&self, cookie: &str, now: DateTime<Utc>) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // What has expired meanwhile needs no entry.
        ended.retain(|_, expiry| *expiry > now.timestamp());
        if let Some(expiry) = expiry(cookie) {
            ended.insert(cookie.to_owned(), expiry);
        }
    }
}

/// Returns the name in a cookie, which may be made up.
pub(super) fn owner(cookie: &str) -> Option<&str> {
    // A name has no dot.
    cookie.split_once('.').map(|(name, _)| name)
}

fn expiry(cookie: &str) -> Option<i64> {
    cookie.split('.').nth(1)?.parse().ok()
}

fn mac(digest: &[u8], signed: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(digest).expect("HMAC takes a key of any length");
    mac.update(PURPOSE);
    mac.update(signed.as_bytes());
    mac
}

/// Sets these signatures apart from any other use of the token's hash.
const PURPOSE: &[u8] = b"switchboard console session\0";
