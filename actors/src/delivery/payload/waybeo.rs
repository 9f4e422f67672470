//! Waybeo's `data_record` (as its deployments take it; there is no public page): whether the call's questions were answered. Pure.
//!
//! `callId` is spelled so; another spelling is answered with 400. Sent for every call, those without words as `none`.

use serde::Serialize;

use super::{Material, completion};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    call_id: String,
    command: &'static str,
    parameters: [Parameter; 2],
}

#[derive(Serialize)]
struct Parameter {
    key: &'static str,
    value: String,
}

pub(super) fn body(material: Material<'_>) -> Body {
    let ucid = &material.notice.call.carrier_call_id;
    Body {
        call_id: ucid.clone(),
        command: "data_record",
        parameters: [
            Parameter { key: "bot_reference_id", value: format!("bot_{ucid}") },
            Parameter { key: "data_capture_status", value: completion(material.record).to_owned() },
        ],
    }
}

#[cfg(test)]
mod tests;
