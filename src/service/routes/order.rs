//! What is in a body: a webhook's bytes, or an operator's order as JSON.

use actix_web::web::Bytes;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A body as actix hands it over, so that what is wrong with it is told as a problem.
pub(super) type Body = Result<Bytes, actix_web::Error>;

/// The bytes.
///
/// # Errors
/// When they did not come, or were too many.
pub(super) fn bytes(body: Body) -> Result<Bytes, Problem> {
    body.map_err(|error| {
        let status = error.as_response_error().status_code();
        Problem::new(status, format!("the body cannot be read: {error}"))
    })
}

/// The order in them; `expected` shows whoever wrote another one what it looks like.
///
/// # Errors
/// As [`bytes()`], and when it is not such an order.
pub(super) fn order<T: DeserializeOwned>(body: Body, expected: &str) -> Result<T, Problem> {
    let bytes = bytes(body)?;
    // A list would be read as a table's fields in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::bad_request(format!("expected {expected}: found a list")));
    }
    serde_json::from_slice(&bytes).map_err(|error| Problem::bad_request(format!("expected {expected}: {error}")))
}
