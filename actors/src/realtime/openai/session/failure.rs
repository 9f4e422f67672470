//! Classifies failures by whether another try could help
//! (<https://platform.openai.com/docs/api-reference/realtime-server-events/error>).

use std::time::Duration;

use crate::complaints::redacted;
use crate::realtime::breaker::Scope;
use crate::realtime::openai::protocol::server::ErrorInfo;
use crate::realtime::report::{LossClass, ModelLoss};
use crate::realtime::requests::{Failure, Remedy};

/// Codes after which no further try helps, in an `error`, in a close frame's reason or in a failed
/// response.
const FATAL: [&str; 10] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_hard_limit_reached",
    "account_deactivated",
    "invalid_api_key",
    "model_not_found",
    "invalid_model",
    "missing_model",
    "beta_api_shape_disabled",
    "organization_deactivated",
];
/// The code of a session that reached its maximum duration.
const EXPIRED: &str = "session_expired";

/// The fatal codes that concern only the model. The others concern the key.
const OF_THE_MODEL: [&str; 3] = ["model_not_found", "invalid_model", "missing_model"];
/// The fatal code that concerns neither the model nor the key.
const OF_THE_SESSION: &str = "beta_api_shape_disabled";

/// The scope of a fatal loss: what other calls should not try either.
pub fn scope_of(loss: &ModelLoss) -> Scope {
    let has = |word: &str| loss.reason.split(['.', ' ', ':', ',']).any(|part| part == word);
    if has(OF_THE_SESSION) {
        Scope::Session
    } else if OF_THE_MODEL.iter().any(|word| has(word)) || has("404") || has("4004") {
        Scope::Model
    } else if FATAL.iter().any(|word| has(word)) || ["401", "402", "403", "3000", "3003"].into_iter().any(has) {
        Scope::Key
    } else if loss.reason.starts_with(UPGRADE) && !has("400") {
        // Whoever answers there opens no session for anybody.
        Scope::Model
    } else {
        Scope::Session
    }
}

/// The class of `text`, which is a code or `<type>.<code>`; `None` if the session goes on.
fn class_of_words(text: &str) -> Option<LossClass> {
    let has = |word: &str| text.split(['.', ' ', ':', ',']).any(|part| part == word);
    if FATAL.iter().any(|word| has(word)) {
        Some(LossClass::Fatal)
    } else if has(EXPIRED) {
        Some(LossClass::Expired)
    } else {
        None
    }
}

/// The class of loss if `error` ends the session; `None` if the session goes on.
pub(super) fn class_of_error(error: &ErrorInfo<'_>) -> Option<LossClass> {
    [error.code.as_deref(), error.kind.as_deref()].into_iter().flatten().find_map(class_of_words)
}

/// The loss of a closed socket, from its close frame and the last error before the session was
/// ready.
pub fn loss_of_close(code: Option<u16>, reason: &str, last_error: Option<&str>) -> ModelLoss {
    let number = code.unwrap_or(1005);
    let class = class_of_words(reason)
        .or_else(|| last_error.and_then(class_of_words))
        .or_else(|| class_of_kind(reason))
        .or_else(|| last_error.filter(|_| reason.is_empty()).and_then(class_of_kind))
        .unwrap_or(match number {
            // The request was wrong, and the server gave no reason that is known here. A 4xxx code
            // is not transient: clients that treat it as transient dial in a loop.
            3000 | 3003 | 4000..=4999 => LossClass::Fatal,
            _ => LossClass::Retryable,
        });
    let words = if reason.is_empty() { last_error.unwrap_or("no reason given") } else { reason };
    ModelLoss { class, reason: format!("closed with {number}: {}", clipped(&redacted(words))) }
}

/// The class by the error's type, for an unknown code.
fn class_of_kind(text: &str) -> Option<LossClass> {
    match text.split('.').next() {
        // The server refuses the request itself.
        Some("invalid_request_error") => Some(LossClass::Fatal),
        Some("server_error" | "rate_limit_exceeded" | "rate_limit_error") => Some(LossClass::Retryable),
        _ => None,
    }
}

/// The loss of an upgrade that was answered with a status other than 101.
pub fn loss_of_status(status: u16) -> ModelLoss {
    let (class, meaning) = match status {
        401 | 403 => (LossClass::Fatal, "the key was refused"),
        402 => (LossClass::Fatal, "the key has no credit"),
        404 | 410 => (LossClass::Fatal, "no such model or deployment"),
        200..=299 => (LossClass::Fatal, "no WebSocket was opened; the URL is that of something else"),
        408 | 425 => (LossClass::Retryable, "the server took too long"),
        429 => (LossClass::Retryable, "too many requests or sessions"),
        500..=599 => (LossClass::Retryable, "the server has trouble"),
        300..=399 => (LossClass::Fatal, "redirects are not followed"),
        _ => (LossClass::Fatal, "the request was refused"),
    };
    ModelLoss { class, reason: format!("{UPGRADE}{status}: {meaning}") }
}

/// The beginning of a loss's reason that an upgrade's status caused.
const UPGRADE: &str = "upgrade answered with status ";

/// The remedy for a response that failed or was refused. Only a request that is itself wrong is not
/// repeated. An unknown error may be temporary.
pub(super) fn failure_of(error: &ErrorInfo<'_>) -> Failure {
    let code = error.word();
    let unnamed = error.code.is_none() && error.kind.is_none();
    let said = [error.code.as_deref(), error.kind.as_deref(), unnamed.then(|| error.text())];
    let said = said.into_iter().flatten().map(letters).collect::<Vec<_>>().join(" ");
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    // Some servers send an HTTP status as the code.
    let status = code.parse().unwrap_or(0_u16);
    let remedy = if says(&OF_LIMITS) || status == 429 {
        Remedy::Wait(advertised_wait(error.text()))
    } else if says(&["servererror"]) {
        Remedy::TryOnce
    } else if class_of_error(error).is_some()
        || says(&OF_WRONG_REQUESTS)
        || (400..500).contains(&status) && !PASSING.contains(&status)
    {
        Remedy::GiveUp
    } else {
        Remedy::TryOnce
    };
    Failure { code: clipped(&redacted(code)), remedy }
}

/// The letters of `text` in lower case, so that `rate_limit`, `rate limit` and `RateLimit` are
/// equal.
fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}

/// Words that mean a rate limit, in the form of [`letters`].
const OF_LIMITS: [&str; 3] = ["ratelimit", "toomanyrequests", "throttl"];
/// Words that mean a wrong request, which another try would not improve, in the form of
/// [`letters`].
const OF_WRONG_REQUESTS: [&str; 10] = [
    "invalid",
    "badrequest",
    "validation",
    "unsupported",
    "missing",
    "notfound",
    "permission",
    "authentication",
    "unauthorized",
    "forbidden",
];
/// HTTP refusals that are temporary: request timeout, conflict, too early.
const PASSING: [u16; 3] = [408, 409, 425];

/// The wait that the server advises: "… try again in 1.2s", "in 350ms", "in 1m3.5s".
fn advertised_wait(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let (_, mut rest) = lower.split_once("try again in ")?;
    let mut total = None;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let Ok(number) = number.trim_end_matches('.').parse::<f64>() else { return total };
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let seconds = match unit {
            "ms" | "millisecond" | "milliseconds" => number / 1000.0,
            "s" | "sec" | "second" | "seconds" => number,
            "m" | "min" | "minute" | "minutes" => number * 60.0,
            "h" | "hour" | "hours" => number * 3600.0,
            _ => return total,
        };
        let step = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        total = Some(total.unwrap_or(Duration::ZERO).saturating_add(step));
        rest = next;
    }
}

/// The real length of an item, from "Audio content of 3700ms is already shorter than 3760ms".
pub(super) fn real_length_ms(message: &str) -> Option<u64> {
    let (_, rest) = message.split_once("Audio content of ")?;
    let (number, rest) = rest.split_once("ms")?;
    rest.contains("already shorter").then(|| number.trim().parse().ok())?
}

/// The server's message, cut to a length that suits a log line.
pub(super) fn clipped(text: &str) -> String {
    text.chars().take(LONGEST_WORDS).collect()
}

/// The maximum of characters of a server's message that are passed on.
const LONGEST_WORDS: usize = 300;

#[cfg(test)]
mod tests {
    use LossClass::{Expired, Fatal, Retryable};

    use super::*;
    use crate::realtime::openai::protocol::server::ServerEvent;

    #[test]
    fn a_close_is_classified_by_its_words_before_its_number() {
        let cases = [
            (Some(3000), "invalid_request_error.invalid_api_key", None, Fatal),
            (Some(3000), "invalid_request_error", None, Fatal),
            (Some(3000), "", None, Fatal),
            (Some(4000), "invalid_request_error.invalid_model", None, Fatal),
            (Some(4000), "invalid_request_error.beta_api_shape_disabled", None, Fatal),
            (Some(4004), "invalid_request_error.model_not_found", None, Fatal),
            (Some(4004), "", None, Fatal),
            (Some(1013), "insufficient_quota.credit_balance_exhausted", None, Fatal),
            (Some(1013), "", Some("insufficient_quota"), Fatal),
            (Some(1013), "try again later", None, Retryable),
            (Some(1013), "", None, Retryable),
            (Some(1001), "", Some("session_expired"), Expired),
            (Some(1001), "invalid_request_error.session_expired", None, Expired),
            (Some(1001), "going away", None, Retryable),
            (Some(1000), "", None, Retryable),
            (Some(1011), "internal error", None, Retryable),
            (Some(1012), "", None, Retryable),
            (None, "", None, Retryable),
            (Some(1006), "", Some("invalid_request_error.unknown_parameter"), Fatal),
            (Some(4000), "server_error.overloaded", None, Retryable),
        ];
        for (code, reason, last, class) in cases {
            let loss = loss_of_close(code, reason, last);
            assert_eq!(loss.class, class, "{code:?} {reason:?} {last:?}");
            assert!(loss.reason.contains(reason), "{}", loss.reason);
        }
    }

    #[test]
    fn a_refusal_says_whom_it_concerns() {
        use Scope::{Key, Model, Session};
        let cases = [
            (loss_of_close(Some(3000), "invalid_request_error.invalid_api_key", None), Key),
            (loss_of_close(Some(3000), "", None), Key),
            (loss_of_close(Some(1013), "insufficient_quota.credit_balance_exhausted", None), Key),
            (loss_of_close(Some(4004), "invalid_request_error.model_not_found", None), Model),
            (loss_of_close(Some(4000), "invalid_request_error.invalid_model", None), Model),
            (loss_of_close(Some(4000), "invalid_request_error.beta_api_shape_disabled", None), Session),
            (loss_of_status(401), Key),
            (loss_of_status(403), Key),
            (loss_of_status(404), Model),
            (loss_of_status(402), Key),
            (loss_of_status(200), Model),
            (loss_of_status(302), Model),
            (loss_of_status(405), Model),
            (loss_of_status(426), Model),
            (loss_of_status(400), Session),
        ];
        for (loss, scope) in cases {
            assert_eq!((loss.class, scope_of(&loss)), (Fatal, scope), "{loss:?}");
        }
    }

    #[test]
    fn an_upgrades_status_is_classified() {
        for (status, class) in [
            (400, Fatal),
            (401, Fatal),
            (403, Fatal),
            (404, Fatal),
            (429, Retryable),
            (500, Retryable),
            (503, Retryable),
            (302, Fatal),
            (408, Retryable),
        ] {
            assert_eq!(loss_of_status(status).class, class, "{status}");
        }
    }

    #[test]
    fn the_advertised_wait_is_read_in_every_unit() {
        for (message, millis) in [
            ("Rate limit reached … Please try again in 1.2s. Visit", Some(1_200)),
            ("try again in 350ms.", Some(350)),
            ("Please try again in 20 seconds", Some(20_000)),
            ("Please try again in 1m3.5s.", Some(63_500)),
            ("Please try again in 6m0s", Some(360_000)),
            ("try again in a while", None),
            ("try again in ", None),
            ("slow down", None),
        ] {
            assert_eq!(advertised_wait(message), millis.map(Duration::from_millis), "{message}");
        }
        let endless = format!("try again in {}h", "9".repeat(300));
        assert!(advertised_wait(&endless).is_some(), "an absurd number is a long wait and no panic");
    }

    #[test]
    fn the_real_length_of_an_item_is_read_from_the_refusal() {
        assert_eq!(real_length_ms("Audio content of 3700ms is already shorter than 3760ms"), Some(3_700));
        assert_eq!(real_length_ms("Audio content of xms is already shorter than 3760ms"), None);
        assert_eq!(real_length_ms("Item not found"), None);
    }

    #[test]
    fn failures_of_responses_have_their_remedies() {
        let error = |kind: &'static str, code: Option<&'static str>, message: &'static str| ErrorInfo {
            kind: Some(kind.into()),
            code: code.map(Into::into),
            message: Some(message.into()),
            ..ErrorInfo::default()
        };
        let limited = error("tokens", Some("rate_limit_exceeded"), "try again in 2s");
        assert_eq!(failure_of(&limited).remedy, Remedy::Wait(Some(Duration::from_secs(2))));
        let azure = error("x", Some("inference_rate_limit_exceeded"), "");
        assert_eq!(failure_of(&azure).remedy, Remedy::Wait(None));
        assert_eq!(failure_of(&error("server_error", None, "")).remedy, Remedy::TryOnce);
        assert_eq!(failure_of(&error("invalid_request_error", Some("invalid_value"), "")).remedy, Remedy::GiveUp);
        assert_eq!(failure_of(&ErrorInfo::default()).code, "unknown");
    }

    #[test]
    fn only_a_wrong_request_is_not_made_again() {
        let wait = |millis: u64| Remedy::Wait((millis > 0).then(|| Duration::from_millis(millis)));
        for (written, remedy) in [
            (r#""overloaded""#, Remedy::TryOnce),
            (r#""The model is overloaded, sorry.""#, Remedy::TryOnce),
            ("null", Remedy::TryOnce),
            ("{}", Remedy::TryOnce),
            ("503", Remedy::TryOnce),
            ("529", Remedy::TryOnce),
            ("408", Remedy::TryOnce),
            (r#"{"code":"overloaded"}"#, Remedy::TryOnce),
            (r#"{"type":"InternalServerError"}"#, Remedy::TryOnce),
            (r#"[{"message":"upstream: EOF"}]"#, Remedy::TryOnce),
            (r#"{"type":"server_error","code":"invalid_upstream"}"#, Remedy::TryOnce),
            ("429", wait(0)),
            (r#""Rate limit reached, try again in 2s""#, wait(2_000)),
            (r#"{"type":"RateLimitError","message":"try again in 1s"}"#, wait(1_000)),
            (r#"{"type":"TooManyRequests"}"#, wait(0)),
            ("400", Remedy::GiveUp),
            (r#""invalid_request_error""#, Remedy::GiveUp),
            (r#""Invalid value: 'x'""#, Remedy::GiveUp),
            (r#"{"type":"BadRequestError"}"#, Remedy::GiveUp),
            (r#"{"code":"insufficient_quota"}"#, Remedy::GiveUp),
        ] {
            let event = format!(r#"{{"type":"response.done","response":{{"status_details":{{"error":{written}}}}}}}"#);
            let Ok(ServerEvent::ResponseDone(response)) = ServerEvent::parse(&event) else { panic!("{event}") };
            assert_eq!(failure_of(&response.error).remedy, remedy, "{written}");
        }
    }
}
