//! The words that a server's complaints are counted by. Pure.

/// Every code that has a count of its own: a server's (reference §3.7 and §3.8), ours for what a server leaves undone, and
/// [`OTHER`]. A server can make up as many codes as it likes, and each would be a series for ever.
pub const CODES: [&str; 49] = [
    "account_deactivated",
    "beta_api_shape_disabled",
    "billing_hard_limit_reached",
    "cannot_update_voice",
    "content_filter",
    "conversation_already_has_active_response",
    "credit_balance_exhausted",
    "inference_rate_limit_exceeded",
    "input_audio_buffer_commit_empty",
    "insufficient_quota",
    "integer_above_max_value",
    "integer_below_min_value",
    "invalid_api_key",
    "invalid_event",
    "invalid_json",
    "invalid_model",
    "invalid_request_error",
    "invalid_type",
    "invalid_value",
    "item_create_invalid_item_id",
    "item_delete_invalid_item_id",
    "item_retrieve_invalid_item_id",
    "item_truncate_invalid_item_id",
    "max_output_tokens",
    "missing_model",
    "missing_required_parameter",
    "model_not_found",
    "organization_deactivated",
    "rate_limit_error",
    "rate_limit_exceeded",
    "response_cancel_not_active",
    "server_error",
    "session_expired",
    "string_above_max_length",
    "unknown",
    "unknown_parameter",
    "unsupported_content_type",
    // Ours.
    "cancel_unanswered",
    "create_unanswered",
    "not_prepared",
    "response_stalled",
    "retry_due",
    "siblings_late",
    "too_many_orders",
    "too_many_wishes",
    "unknown_tool_call",
    "unreadable_event",
    USAGE_UNREADABLE,
    OTHER,
];
/// The code for an answer that sounded and of whose cost the server tells nothing that can be read.
pub const USAGE_UNREADABLE: &str = "usage_unreadable";
/// What every code without a count of its own is counted as.
pub const OTHER: &str = "other";

/// What a complaint with `code` is counted as.
pub fn label(code: &str) -> &'static str {
    CODES.into_iter().find(|known| *known == code).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_a_server_makes_up_has_no_count_of_its_own() {
        for made_up in ["call +15550100 back", "", "Server_Error", "e4711"] {
            assert_eq!(label(made_up), OTHER);
        }
        for known in CODES {
            assert_eq!(label(known), known);
        }
    }
}
