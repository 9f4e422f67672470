//! A response, when it begins and when it ends.

use std::borrow::Cow;

use super::error::ErrorInfo;
use super::items::ItemInfo;
use crate::realtime::openai::protocol::fields::Fields;
use crate::realtime::openai::protocol::usage;
use crate::realtime::report::Usage;

/// A response, when it begins and when it ends.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResponseInfo<'a> {
    /// `resp_…`; empty where the server does not say.
    pub id: Cow<'a, str>,
    /// `in_progress`, `completed`, `cancelled`, `failed`, `incomplete`.
    pub status: Option<Cow<'a, str>>,
    /// Why it ended as it did: `turn_detected`, `client_cancelled`, `max_output_tokens`, `content_filter`.
    pub reason: Option<Cow<'a, str>>,
    /// Of failed ones.
    pub error: ErrorInfo<'a>,
    /// What it has said and called.
    pub output: Vec<ItemInfo<'a>>,
    /// The request it answers, as we wrote it into its metadata.
    pub request: Option<u64>,
    /// What it cost; `None` where there is nothing to be read.
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
        // Some servers tell what it cost beside the response.
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
