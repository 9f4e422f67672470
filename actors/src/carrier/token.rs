//! The proof of carriers that sign nothing: a token in every URL that they are given, or as the
//! password of `Basic` credentials. Pure.

use base64_simd::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::form::Form;
use super::webhook_api::{Refused, Request};
use crate::ids::Private;

/// Authenticates a request by `?token=` or its password. Without a `token` only direct connections
/// from this machine are accepted. `variable` is the secret's name, `call` the field of the query
/// with the call's id. Returns the URL's query.
///
/// # Errors
/// When the query cannot be read, or nothing proves the request.
pub(super) fn accept(
    request: &Request<'_>,
    token: Option<&Private<String>>,
    variable: &str,
    call: &str,
) -> Result<Form, Refused> {
    let query = Form::parse(request.query().as_bytes())
        .map_err(|error| Refused::unreadable(format!("the query cannot be read: {error}")))?;
    let (good, reason, detail) = match token {
        // Compare hashes so that timing reveals not even the length.
        Some(token) => {
            let same = |shown: &str| bool::from(Sha256::digest(shown).ct_eq(&Sha256::digest(token.expose())));
            let password = password(request.header("authorization"));
            let good = query.value("token").is_some_and(same) || password.is_some_and(|it| same(&it));
            (good, "bad_token", format!("expected ?token= with {variable}"))
        }
        None => {
            let detail = format!("without {variable} only direct connections from this machine are served");
            (request.is_local, "not_local", detail)
        }
    };
    if good {
        return Ok(query);
    }
    Err(Refused::stranger(&detail, reason, detail.as_str(), query.value(call)))
}

/// The password of `Basic` credentials.
fn password(authorization: Option<&str>) -> Option<String> {
    let encoded = authorization?.strip_prefix("Basic ")?.trim();
    let pair = String::from_utf8(STANDARD.decode_to_vec(encoded).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}
