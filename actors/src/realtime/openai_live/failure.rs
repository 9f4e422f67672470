//! Classifies failures by whether another try could help. Pure.

use super::protocol::server::ErrorInfo;
use crate::complaints::redacted;
use crate::realtime::breaker::Scope;
use crate::realtime::report::{LossClass, ModelLoss};

/// Words after which no further try helps. They may stand in the code or in the type of an error.
const FATAL: [&str; 9] = [
    "forbidden",
    "invalid_api_key",
    "account_deactivated",
    "organization_deactivated",
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_hard_limit_reached",
    "model_not_found",
    "invalid_model",
];
/// The fatal words that concern the model alone. `forbidden` concerns a voice or a field, and so
/// this session alone.
const OF_THE_MODEL: [&str; 2] = ["model_not_found", "invalid_model"];
/// The fatal word that concerns neither the model nor the key.
const OF_THE_SESSION: &str = "forbidden";
/// Words of an error before the start after which another try may help.
const PASSING: [&str; 4] = ["rate_limit", "server_error", "overloaded", "timeout"];
/// Words of an error about what was said: the answer's audio is cut and the session goes on.
const OF_MODERATION: [&str; 3] = ["moderation", "content_policy", "content_filter"];

/// The loss of an upgrade that was answered with a status other than 101.
pub fn loss_of_status(status: u16) -> ModelLoss {
    let (class, meaning) = match status {
        401 | 403 => (LossClass::Fatal, "the key was refused"),
        404 => (LossClass::Fatal, "no such path, expected `/v1/live/sessions`"),
        408 | 425 => (LossClass::Retryable, "the server took too long"),
        429 => (LossClass::Retryable, "too many requests or sessions"),
        500..=599 => (LossClass::Retryable, "the server has trouble"),
        300..=399 => (LossClass::Fatal, "redirects are not followed"),
        _ => (LossClass::Fatal, "the request was refused"),
    };
    ModelLoss { class, reason: format!("upgrade answered with status {status}: {meaning}") }
}

/// The scope of a fatal loss: what other calls should not try either.
pub fn scope_of(loss: &ModelLoss) -> Scope {
    let has = |word: &str| words(&loss.reason).any(|part| part == word);
    if has(OF_THE_SESSION) {
        Scope::Session
    } else if OF_THE_MODEL.iter().any(|word| has(word)) || has("404") {
        Scope::Model
    } else if FATAL.iter().any(|word| has(word)) || has("401") || has("403") {
        Scope::Key
    } else {
        Scope::Session
    }
}

/// The loss by an error that came in place of `session.started`. Every such error ends this
/// session; most of them would end the next one too.
pub(super) fn loss_before_start(error: &ErrorInfo<'_>) -> ModelLoss {
    let said = [error.code.as_deref(), error.kind.as_deref()];
    let passing = said.into_iter().flatten().any(|said| PASSING.iter().any(|word| said.contains(word)));
    let class = if passing && !is_fatal(error) { LossClass::Retryable } else { LossClass::Fatal };
    let param = error.param.as_deref().map(|param| format!(" {param}")).unwrap_or_default();
    let reason = format!("session.start refused{param}: {}: {}", error.word(), error.text());
    ModelLoss { class, reason: clipped(&redacted(&reason)) }
}

/// Whether `error` ends a running session for good.
pub(super) fn is_fatal(error: &ErrorInfo<'_>) -> bool {
    [error.code.as_deref(), error.kind.as_deref()].into_iter().flatten().any(|said| FATAL.contains(&said))
}

/// Whether `error` says that the answer's audio was cut because of its content.
pub(super) fn is_moderation(error: &ErrorInfo<'_>) -> bool {
    let said = [error.code.as_deref(), error.kind.as_deref()];
    said.into_iter().flatten().any(|said| OF_MODERATION.iter().any(|word| said.contains(word)))
}

/// The loss by a `session.closed` that we did not order.
pub(super) fn loss_of_end(reason: &str) -> ModelLoss {
    let class = if reason == "expired" { LossClass::Expired } else { LossClass::Retryable };
    ModelLoss { class, reason: format!("the server closed the session: {}", clipped(&redacted(reason))) }
}

/// The loss by a socket that closed without `session.closed`.
pub(super) fn loss_of_close(code: Option<u16>, reason: &str) -> ModelLoss {
    // Every code is worth a new dial: a refusal comes as an error event before it.
    let words = if reason.is_empty() { "no reason given" } else { reason };
    let reason = format!("closed with {}: {}", code.unwrap_or(1005), clipped(&redacted(words)));
    ModelLoss { class: LossClass::Retryable, reason }
}

/// The server's message, cut to a length that suits a log line.
pub(super) fn clipped(text: &str) -> String {
    text.chars().take(LONGEST_WORDS).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(['.', ' ', ':', ','])
}

/// The maximum of characters of a server's message that are passed on.
const LONGEST_WORDS: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn error<'a>(kind: &'a str, code: Option<&'a str>) -> ErrorInfo<'a> {
        ErrorInfo { kind: Some(kind.into()), code: code.map(Into::into), ..ErrorInfo::default() }
    }

    #[test]
    fn an_error_before_the_start_is_fatal_unless_it_passes() {
        use LossClass::{Fatal, Retryable};
        for (kind, code, class, scope) in [
            ("invalid_request_error", Some("unknown_parameter"), Fatal, Scope::Session),
            ("invalid_request_error", None, Fatal, Scope::Session),
            ("invalid_request_error", Some("model_not_found"), Fatal, Scope::Model),
            ("insufficient_quota", None, Fatal, Scope::Key),
            ("forbidden", Some("forbidden"), Fatal, Scope::Session),
            ("invalid_request_error", Some("rate_limit_exceeded"), Retryable, Scope::Session),
            ("server_error", None, Retryable, Scope::Session),
            ("server_error", Some("insufficient_quota"), Fatal, Scope::Key),
        ] {
            let loss = loss_before_start(&error(kind, code));
            assert_eq!((loss.class, scope_of(&loss)), (class, scope), "{kind} {code:?}");
        }
    }

    #[test]
    fn a_refused_upgrade_says_what_to_do_next() {
        for (status, class, scope) in [
            (401, LossClass::Fatal, Scope::Key),
            (404, LossClass::Fatal, Scope::Model),
            (429, LossClass::Retryable, Scope::Session),
            (503, LossClass::Retryable, Scope::Session),
            (301, LossClass::Fatal, Scope::Session),
        ] {
            let loss = loss_of_status(status);
            assert_eq!((loss.class, scope_of(&loss)), (class, scope), "{status}");
        }
    }

    #[test]
    fn only_an_expired_session_is_expired() {
        assert_eq!(loss_of_end("expired").class, LossClass::Expired);
        for reason in ["content", "connection_lost", "remote_hangup", "client_request", ""] {
            assert_eq!(loss_of_end(reason).class, LossClass::Retryable, "{reason}");
        }
        assert_eq!(loss_of_close(Some(1006), "").class, LossClass::Retryable);
    }
}
