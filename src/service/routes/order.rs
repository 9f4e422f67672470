//! Reads bodies: a webhook's bytes, or an operator's order as JSON.

use actix_web::web::Bytes;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A body as actix extracts it. An error becomes a problem in the response.
pub(super) type Body = Result<Bytes, actix_web::Error>;

/// Returns the bytes.
///
/// # Errors
/// When the body did not arrive, or is too large.
pub(super) fn bytes(body: Body) -> Result<Bytes, Problem> {
    body.map_err(|error| {
        let status = error.as_response_error().status_code();
        Problem::new(status, format!("the body cannot be read: {error}"))
    })
}

/// Parses the order; `expected` is an example that the error message shows.
///
/// # Errors
/// As [`bytes()`], and if the body is not such an order.
pub(super) fn order<T: DeserializeOwned>(body: Body, expected: &str) -> Result<T, Problem> {
    let bytes = bytes(body)?;
    // serde would read a list as the fields of a struct in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::bad_request(format!("expected {expected}: found a list")));
    }
    serde_json::from_slice(&bytes).map_err(|error| Problem::bad_request(format!("expected {expected}: {error}")))
}
