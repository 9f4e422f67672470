//! Classifies what goes wrong with an engine: whether the same one is worth another try, whether the
//! next one should take over, and what other calls should avoid. Pure.

use std::fmt;
use std::time::Duration;

use crate::complaints::redacted;
use crate::realtime::breaker::Scope;
pub use crate::realtime::named::Head;
use crate::realtime::report::{LossClass, ModelLoss};

/// A part of the cascade. Each has its own list of engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Speech to text.
    Ears,
    /// The chat model.
    Mind,
    /// Text to speech.
    Voice,
}

impl Part {
    /// The part's word in logs, metrics and settings.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ears => "stt",
            Self::Mind => "llm",
            Self::Voice => "tts",
        }
    }
}

/// Why an engine failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The part that failed.
    pub part: Part,
    /// What to do next.
    pub class: Class,
    /// The server's words without what they may have quoted, or the network's.
    pub reason: String,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The same engine again.
    Retry {
        /// How long the server wants us to wait.
        after: Option<Duration>,
    },
    /// The next engine; this one may work again later.
    Next,
    /// The next engine; this one refuses us, and other calls should avoid what the scope says.
    Fatal(Scope),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part.word(), self.reason)
    }
}

/// The loss of a session of which a part has no engine left.
pub fn loss_of(failure: &Failure) -> ModelLoss {
    let class = match failure.class {
        Class::Retry { .. } | Class::Next => LossClass::Retryable,
        Class::Fatal(_) => LossClass::Fatal,
    };
    ModelLoss { class, reason: failure.to_string() }
}

/// The loss of an upgrade that was answered with a status other than 101.
pub fn loss_of_status(status: u16) -> ModelLoss {
    loss_of(&Failure::of_status(Part::Ears, &Head { status, ..Head::default() }, ""))
}

/// The scope of a fatal loss. The engines of one list rarely share a server, so it is never more than
/// the session; each engine's own failure is learnt by itself.
pub const fn scope_of(_: &ModelLoss) -> Scope {
    Scope::Session
}

impl Failure {
    /// An answer with a status other than the expected one, to a request or an upgrade.
    pub fn of_status(part: Part, head: &Head<'_>, body: &str) -> Self {
        let said = head.error.unwrap_or(body);
        let class = class_of_words(&format!("{} {body}", head.error.unwrap_or_default())).filter(|class| {
            // An outage is no refusal, whatever its page says.
            head.status < 500 || !matches!(class, Class::Fatal(_))
        });
        let class = match (head.status, class) {
            (_, Some(Class::Retry { .. })) | (408 | 425 | 429, None) => Class::Retry { after: head.wait() },
            (_, Some(class)) => class,
            (401..=403, None) => Class::Fatal(Scope::Key),
            (404 | 410, None) => Class::Fatal(Scope::Model),
            (500..=599, None) => Class::Next,
            (_, None) => Class::Fatal(Scope::Session),
        };
        Self::new(part, class, &format!("status {}: {said}", head.status))
    }

    /// An error that the server named, in a message or a close.
    pub fn of_words(part: Part, code: &str, message: &str) -> Self {
        let class = class_of_words(code).or_else(|| class_of_words(message)).unwrap_or(Class::Next);
        Self::new(part, class, &if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") })
    }

    /// A socket that the server closed.
    pub fn of_close(part: Part, code: Option<u16>, reason: &str) -> Self {
        let class = class_of_words(reason).unwrap_or(match code {
            // Nobody refused us: idle time, a restart, a network fault.
            None | Some(1000 | 1001 | 1005 | 1006 | 1011..=1014) => Class::Retry { after: None },
            Some(_) => Class::Fatal(Scope::Session),
        });
        let words = if reason.is_empty() { "no reason given" } else { reason };
        Self::new(part, class, &format!("closed with {}: {words}", code.unwrap_or(1005)))
    }

    /// A fault of the network, or an exchange that took too long.
    pub fn of_network(part: Part, problem: &str) -> Self {
        Self::new(part, Class::Retry { after: None }, problem)
    }

    /// An engine that breaks its protocol.
    pub fn of_protocol(part: Part, problem: &str) -> Self {
        Self::new(part, Class::Next, problem)
    }

    fn new(part: Part, class: Class, reason: &str) -> Self {
        let reason = redacted(&reason.split_whitespace().collect::<Vec<_>>().join(" "));
        Self { part, class, reason: reason.chars().take(LONGEST_REASON).collect() }
    }
}

/// The class that a server's words stand for, wherever they stand among others.
fn class_of_words(words: &str) -> Option<Class> {
    let words = words.to_ascii_lowercase();
    let says = |known: &[&str]| known.iter().any(|known| words.contains(known));
    if says(&OF_THE_KEY) {
        Some(Class::Fatal(Scope::Key))
    } else if says(&OF_THE_MODEL) {
        Some(Class::Fatal(Scope::Model))
    } else if says(&PASSING) {
        Some(Class::Retry { after: None })
    } else if says(&BUSY) {
        Some(Class::Next)
    } else if says(&OF_THE_REQUEST) {
        Some(Class::Fatal(Scope::Session))
    } else {
        None
    }
}

/// Words about the key or its account, which no wait mends.
const OF_THE_KEY: [&str; 17] = [
    "invalid_api_key",
    "invalid api key",
    "invalid_auth",
    "auth_error",
    "authentication_required",
    "authentication_error",
    "account_deactivated",
    "insufficient_quota",
    "insufficient_permissions",
    "quota_exceeded",
    "billing_hard_limit_reached",
    "credit_balance",
    "unaccepted_terms",
    "payment_required",
    "asr_payment_required",
    "permission_denied",
    "subscription key",
];
/// Words about the model or the voice.
const OF_THE_MODEL: [&str; 6] = [
    "model_not_found",
    "invalid_model",
    "voice_not_found",
    "model_decommissioned",
    "unsupported_model",
    "no such model",
];
/// Words after which the same engine may work at once or soon.
const PASSING: [&str; 9] = [
    "rate_limit",
    "rate_limited",
    "too_many_concurrent_requests",
    "too many requests",
    "commit_throttled",
    "input_timeout_exceeded",
    "session_time_limit_exceeded",
    "net-0001",
    "net-0003",
];
/// Words of an engine that has more work than it can do, or a fault of its own.
const BUSY: [&str; 10] = [
    "system_busy",
    "overloaded",
    "queue_overflow",
    "resource_exhausted",
    "transcriber_error",
    "server_error",
    "internal_error",
    "service_unavailable",
    "max_active_conversations",
    "net-0000",
];
/// Words about what we sent.
const OF_THE_REQUEST: [&str; 9] = [
    "invalid_request",
    "input_error",
    "invalid_config",
    "chunk_size_exceeded",
    "context_length_exceeded",
    "data-0000",
    "data-0001",
    "big-000",
    "message-0000",
];
/// The maximum of characters of a server's message that are passed on.
const LONGEST_REASON: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, body: &str) -> Class {
        Failure::of_status(Part::Mind, &Head { status, ..Head::default() }, body).class
    }

    #[test]
    fn a_status_says_who_should_try_again() {
        let again = Class::Retry { after: None };
        for (code, body, class) in [
            (400, "", Class::Fatal(Scope::Session)),
            (401, "", Class::Fatal(Scope::Key)),
            (402, "", Class::Fatal(Scope::Key)),
            (403, "no access", Class::Fatal(Scope::Key)),
            (404, "", Class::Fatal(Scope::Model)),
            (400, r#"{"error":{"code":"model_not_found"}}"#, Class::Fatal(Scope::Model)),
            (429, "", again),
            (429, r#"{"error":{"code":"rate_limit_exceeded"}}"#, again),
            (429, r#"{"error":{"code":"insufficient_quota"}}"#, Class::Fatal(Scope::Key)),
            (408, "", again),
            (500, "invalid_api_key is not the reason", Class::Next),
            (503, "", Class::Next),
            (503, "rate_limit", again),
            (529, r#"{"type":"overloaded_error"}"#, Class::Next),
        ] {
            assert_eq!(status(code, body), class, "{code} {body}");
        }
    }

    #[test]
    fn a_server_may_say_how_long_to_wait() {
        let head = Head { status: 429, retry_after: Some("2"), ..Head::default() };
        assert_eq!(head.wait(), Some(Duration::from_secs(2)));
        let head = Head { retry_after_ms: Some("150"), ..head };
        let failure = Failure::of_status(Part::Voice, &head, "");
        assert_eq!(failure.class, Class::Retry { after: Some(Duration::from_millis(150)) });
        for absurd in ["-1", "1e300", "NaN", "Wed, 21 Oct 2026 07:28:00 GMT", ""] {
            assert_eq!(Head { retry_after: Some(absurd), ..Head::default() }.wait(), None, "{absurd}");
        }
    }

    #[test]
    fn a_close_is_a_refusal_only_if_it_says_so() {
        let again = Class::Retry { after: None };
        for (code, reason, class) in [
            (Some(1011), "NET-0001 no audio", again),
            (Some(1011), "NET-0000", Class::Next),
            (Some(1008), "DATA-0000 not audio", Class::Fatal(Scope::Session)),
            (Some(1008), "quota_exceeded", Class::Fatal(Scope::Key)),
            (Some(1003), "rate_limit_exceeded_error", again),
            (Some(4000), "", Class::Fatal(Scope::Session)),
            (Some(1006), "", again),
            (None, "", again),
        ] {
            assert_eq!(Failure::of_close(Part::Ears, code, reason).class, class, "{code:?} {reason}");
        }
    }

    #[test]
    fn a_reason_quotes_nobody_and_is_short() {
        let failure = Failure::of_words(Part::Ears, "input_error", "cannot read 'my number is 98220 12345'\n\n");
        assert_eq!(failure.to_string(), "stt: input_error: cannot read '…'");
        assert!(Failure::of_network(Part::Mind, &"x".repeat(5000)).reason.len() <= LONGEST_REASON);
    }
}
