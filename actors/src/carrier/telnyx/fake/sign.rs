//! Signatures as the carrier makes them. Pure.

use base64_simd::STANDARD;
use chrono::{DateTime, Utc};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};

/// The headers that sign `body` at `now`.
pub(super) fn headers(secret: &str, body: &str, now: DateTime<Utc>) -> [(&'static str, String); 2] {
    let time = now.timestamp().to_string();
    let signature = pair(secret).sign(format!("{time}|{body}").as_bytes());
    [("telnyx-signature-ed25519", STANDARD.encode_to_string(signature)), ("telnyx-timestamp", time)]
}

/// The public key of a secret, as the portal shows it.
pub(super) fn public_key(secret: &str) -> String {
    STANDARD.encode_to_string(pair(secret).public_key())
}

/// The pair of keys with this seed: base64 of 32 bytes, or the hash of any other text.
fn pair(secret: &str) -> Ed25519KeyPair {
    let seed = STANDARD.decode_to_vec(secret).ok().filter(|seed| seed.len() == 32);
    let seed = seed.unwrap_or_else(|| Sha256::digest(secret).to_vec());
    Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_seed_makes_a_known_signature() {
        let seed = STANDARD.encode_to_string((0..32).collect::<Vec<u8>>());
        assert_eq!(public_key(&seed), "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=");
        let now = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        let [(_, signature), (_, time)] = headers(&seed, r#"{"data":{"event_type":"call.initiated"}}"#, now);
        assert_eq!(time, "1700000000");
        assert_eq!(
            signature,
            "aBuTQ1AtxQGraK6PrtJP6VW9Mu+R2aG6TbxS7lim9/ia8dN94a42JYoTifASA18z3xe+GLlYfveWOuyyKq7OCw=="
        );
    }
}
