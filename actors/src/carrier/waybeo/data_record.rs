//! Waybeo's `data_record` (from its deployments; there is no public documentation): whether the
//! call's questions were answered. Pure.
//!
//! `callId` must be spelled exactly so; another spelling is answered with 400. A record is sent for
//! every call; a call without words is sent as `none`.

use serde::Serialize;

use super::settings::TOKEN;
use crate::carrier::settings::Payload;

/// The record, as a body for webhooks.
pub(super) const DATA_RECORD: Payload = Payload {
    name: "waybeo_data_record",
    user_agent: "VoiceAgent-Waybeo/2.0",
    bearer: TOKEN,
    body: |call, completion| serde_json::to_vec(&body(call, completion)),
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    call_id: &'a str,
    command: &'static str,
    parameters: [Parameter; 2],
}

#[derive(Serialize)]
struct Parameter {
    key: &'static str,
    value: String,
}

fn body<'a>(ucid: &'a str, completion: &str) -> Body<'a> {
    Body {
        call_id: ucid,
        command: "data_record",
        parameters: [
            Parameter { key: "bot_reference_id", value: format!("bot_{ucid}") },
            Parameter { key: "data_capture_status", value: completion.to_owned() },
        ],
    }
}

#[cfg(test)]
mod tests;
