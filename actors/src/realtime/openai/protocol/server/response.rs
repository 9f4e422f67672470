//! A response at its beginning and at its end.

use std::borrow::Cow;

use super::error::ErrorInfo;
use super::items::ItemInfo;
use crate::realtime::fields::Fields;
use crate::realtime::openai::protocol::usage;
use crate::realtime::report::Usage;

/// A response at its beginning or at its end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResponseInfo<'a> {
    /// The id: `resp_…`; empty if the server does not name it.
    pub id: Cow<'a, str>,
    /// The status: `in_progress`, `completed`, `cancelled`, `failed` or `incomplete`.
    pub status: Option<Cow<'a, str>>,
    /// The reason of its end: `turn_detected`, `client_cancelled`, `max_output_tokens` or
    /// `content_filter`.
    pub reason: Option<Cow<'a, str>>,
    /// The error of a failed response.
    pub error: ErrorInfo<'a>,
    /// The messages and function calls of the response.
    pub output: Vec<ItemInfo<'a>>,
    /// The request that the response answers, from the metadata that we sent.
    pub request: Option<u64>,
    /// The cost; `None` if the event has no readable one.
    pub usage: Option<Usage>,
}

impl<'a> ResponseInfo<'a> {
    pub(super) fn of_event(event: &Fields<'a>) -> Self {
        let response = event.object("response");
        let details = response.object("status_details");
        let of_error = |fields: &Fields<'a>| fields.raw("error").map(ErrorInfo::of).unwrap_or_default();
        let error = of_error(&details)
            .or(response.raw("status_details").map(ErrorInfo::of).unwrap_or_default())
            .or(of_error(&response));
        let id = response.text("id").or_else(|| event.text("response_id")).or_else(|| event.text("response"));
        // Some servers send the usage beside the response instead of inside it.
        let usage = [&response, event].into_iter().find_map(|object| usage::of_response(&object.object("usage")));
        Self {
            id: id.unwrap_or_default(),
            status: response.text("status"),
            reason: details.text("reason").or_else(|| response.text("status_details")),
            error,
            output: response.list("output").into_iter().map(|item| ItemInfo::of(&Fields::of(Some(item)))).collect(),
            request: response.object("metadata").text("wish").and_then(|request| request.parse().ok()),
            usage,
        }
    }
}
