//! The configuration of both dialects, and what is opened with it. Pure.

use std::sync::Arc;

use serde_json::json;
use url::Url;

use super::control::PlivoApi;
use super::dialect::Dialect;
use super::webhook_api::{PlivoWebhookApi, Trust};
use crate::carrier::address::{public_url, without_query};
use crate::carrier::control::Control;
use crate::carrier::settings::{Described, Finding, Given, Opened};
use crate::carrier::webhook_api::Role;

pub(super) fn is_answered(given: &Given<'_>) -> bool {
    given.settings.flag("enabled")
}

/// Refuses a configuration that strangers could use at our cost.
pub(super) fn check(dialect: &Dialect, given: &Given<'_>) -> Vec<Finding> {
    let (id, token) = (dialect.auth_id, dialect.auth_token);
    if !is_answered(given) {
        return Vec::new();
    }
    let (has_id, has_token) = (given.secrets.one(id).is_some(), !given.secrets.listed(token).is_empty());
    if !has_token && given.outside.is_some() {
        let text = format!(
            "found true while an address is not loopback, without a token to check signatures with; set {token}"
        );
        return vec![Finding { key: "enabled", text, refuses: true }];
    }
    if has_id && has_token {
        return Vec::new();
    }
    let text = format!(
        "its API cannot be used: the call of a lost stream stays up until the caller hangs up, and nobody is called; set {id} and {token}"
    );
    vec![Finding { key: "enabled", text, refuses: false }]
}

pub(super) fn describe(dialect: &Dialect, given: &Given<'_>) -> Described {
    let (settings, name) = (given.settings, dialect.name());
    let signed = !given.secrets.listed(dialect.auth_token).is_empty();
    let api_url = settings.url("api_url").map(without_query);
    let lost_socket = settings.duration("lost_socket").unwrap_or_default();
    let words = if is_answered(given) {
        let signatures = if signed { "signatures required" } else { "signatures not required (loopback)" };
        let api = match given.secrets.one(dialect.auth_id).filter(|_| signed) {
            Some(_) => api_url.clone().unwrap_or_default(),
            None => format!("no API ({} or {} absent)", dialect.auth_id, dialect.auth_token),
        };
        let lost_socket = humantime::format_duration(lost_socket);
        format!("{}, {signatures}; a lost stream is waited for {lost_socket}; {api}", dialect.path(Role::Arrives))
    } else {
        format!("not answered ({name}.enabled = false)")
    };
    Described {
        heading: dialect.name(),
        words,
        facts: json!({
            "enabled": settings.flag("enabled"),
            "api_url": api_url,
            "lost_socket_ms": lost_socket.as_millis(),
            "signatures_required": signed,
        }),
    }
}

pub(super) fn open(dialect: &'static Dialect, given: &Given<'_>, public: &Url) -> Option<Opened> {
    if !is_answered(given) {
        return None;
    }
    let tokens = given.secrets.listed(dialect.auth_token);
    let account = given.secrets.one(dialect.auth_id).cloned();
    let api = account.zip(tokens.first()).zip(given.settings.url("api_url"));
    let control = api.map(|((account, token), api_url)| {
        let api: Arc<dyn Control> = Arc::new(PlivoApi {
            dialect,
            api_url: api_url.clone(),
            account,
            auth_token: token.clone(),
            after_stream: public_url(public, dialect.path(Role::StreamEnded)),
            briefing: public_url(public, dialect.path(Role::CalleeAnswered)),
            callee_status: public_url(public, dialect.path(Role::CalleeStatus)),
        });
        api
    });
    let trust = if tokens.is_empty() { Trust::Loopback } else { Trust::Signed(tokens) };
    Some(Opened {
        webhook_api: Arc::new(PlivoWebhookApi::new(dialect, public.clone(), trust)),
        control,
        expiring: None,
    })
}
