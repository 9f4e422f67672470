//! Classifies losses by whether another try could help. The protocol has no errors: the code of a
//! close says little, and its words decide
//! (<https://ai.google.dev/gemini-api/docs/live-api/session-management>).

use crate::complaints::redacted;
use crate::realtime::breaker::Scope;
use crate::realtime::report::{LossClass, ModelLoss};

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The configuration was not accepted yet.
    Setup,
    /// The session was opened with a handle and has not answered yet. Without the handle it may
    /// work.
    Resumed,
    /// The configuration was accepted.
    Running,
}

/// What the words of a close mean, each with a part of the words in lower case. The first that
/// matches counts.
const MEANINGS: [(&str, Meaning); 24] = [
    ("api key", Meaning::Key),
    ("api_key", Meaning::Key),
    ("credits are depleted", Meaning::Key),
    ("billing", Meaning::Key),
    ("denied access", Meaning::Key),
    ("permission", Meaning::Key),
    ("unauthenticated", Meaning::Key),
    ("is not found for api version", Meaning::Model),
    ("not supported for bidigeneratecontent", Meaning::Model),
    ("is not found", Meaning::OfHandleOrModel),
    ("session expired", Meaning::Expired),
    ("handle", Meaning::Passing),
    ("quota", Meaning::Passing),
    ("resource_exhausted", Meaning::Passing),
    ("content_type_audio", Meaning::Passing),
    ("token", Meaning::Passing),
    ("context", Meaning::Passing),
    ("not implemented", Meaning::Settings),
    ("extract voices", Meaning::Settings),
    ("language code", Meaning::Settings),
    ("invalid argument", Meaning::Settings),
    ("internal error", Meaning::Passing),
    ("deadline expired", Meaning::Passing),
    ("unavailable", Meaning::Passing),
];

/// What the words of a close mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The key, or the account behind it, is refused.
    Key,
    /// The model does not exist, or not for this API.
    Model,
    /// A handle or a model was not found.
    OfHandleOrModel,
    /// The configuration is wrong for this model.
    Settings,
    /// The session is over, and another one may be opened.
    Expired,
    /// Another session may work.
    Passing,
}

/// The scope of a fatal loss: what other calls should not try either.
pub fn scope_of(loss: &ModelLoss) -> Scope {
    let has = |word: &str| loss.reason.split(['.', ' ', ':', ',']).any(|part| part == word);
    match meaning(&loss.reason) {
        Some(Meaning::Key) => Scope::Key,
        Some(Meaning::Model | Meaning::OfHandleOrModel) => Scope::Model,
        Some(Meaning::Settings | Meaning::Expired | Meaning::Passing) => Scope::Session,
        None if has("404") => Scope::Model,
        None if has("401") || has("403") => Scope::Key,
        None => Scope::Session,
    }
}

fn meaning(reason: &str) -> Option<Meaning> {
    let reason = reason.to_ascii_lowercase();
    MEANINGS.iter().find(|(words, _)| reason.contains(words)).map(|(_, meaning)| *meaning)
}

/// The loss of a closed socket.
pub(super) fn loss_of_close(code: Option<u16>, reason: &str, stage: Stage) -> ModelLoss {
    let number = code.unwrap_or(1005);
    let class = match (meaning(reason), stage) {
        (Some(Meaning::Key | Meaning::Model), _) => LossClass::Fatal,
        (Some(Meaning::Expired), _) => LossClass::Expired,
        (Some(Meaning::Passing), _) => LossClass::Retryable,
        // The server accepted the same settings when the session began, or refuses the handle.
        (Some(Meaning::Settings | Meaning::OfHandleOrModel), Stage::Running | Stage::Resumed) => LossClass::Retryable,
        (Some(Meaning::Settings | Meaning::OfHandleOrModel), Stage::Setup) => LossClass::Fatal,
        // A policy or a wrong message, in words that are not known here.
        (None, Stage::Setup) if matches!(number, 1003 | 1007 | 1008) => LossClass::Fatal,
        (None, _) => LossClass::Retryable,
    };
    let words = if reason.is_empty() { "no reason given" } else { reason };
    ModelLoss { class, reason: format!("closed with {number}: {}", clipped(&redacted(words))) }
}

/// The loss of an upgrade that was answered with a status other than 101.
pub fn loss_of_status(status: u16) -> ModelLoss {
    let (class, meaning) = match status {
        401 | 403 => (LossClass::Fatal, "the key was refused"),
        404 => (LossClass::Fatal, "no such endpoint or model"),
        408 | 425 => (LossClass::Retryable, "the server took too long"),
        429 => (LossClass::Retryable, "too many requests or sessions"),
        500..=599 => (LossClass::Retryable, "the server has trouble"),
        300..=399 => (LossClass::Fatal, "redirects are not followed"),
        _ => (LossClass::Fatal, "the request was refused"),
    };
    ModelLoss { class, reason: format!("upgrade answered with status {status}: {meaning}") }
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

    /// Trap: every error is a close, and its words decide.
    #[test]
    fn the_words_of_a_close_decide_and_its_code_alone_does_not() {
        for (code, reason, stage, class, scope) in [
            (1000, "", Stage::Running, Retryable, Scope::Session),
            (1006, "", Stage::Running, Retryable, Scope::Session),
            (1007, "Request contains an invalid argument.", Stage::Setup, Fatal, Scope::Session),
            (1007, "Request contains an invalid argument.", Stage::Running, Retryable, Scope::Session),
            (1007, "Request contains an invalid argument.", Stage::Resumed, Retryable, Scope::Session),
            (1007, "API key not valid. Please pass a valid API key.", Stage::Setup, Fatal, Scope::Key),
            (1007, "API key expired", Stage::Running, Fatal, Scope::Key),
            (1007, "Unsupported language code 'xx'", Stage::Setup, Fatal, Scope::Session),
            (1007, "Cannot extract voices from a non-audio request", Stage::Setup, Fatal, Scope::Session),
            (1007, "CONTENT_TYPE_AUDIO not supported here", Stage::Running, Retryable, Scope::Session),
            (1007, "The input token count exceeds the limit", Stage::Setup, Retryable, Scope::Session),
            (
                1008,
                "models/x is not found for API version v1beta, or is not supported for bidiGenerateContent",
                Stage::Resumed,
                Fatal,
                Scope::Model,
            ),
            (1008, "Operation is not implemented, or supported, or enabled.", Stage::Setup, Fatal, Scope::Session),
            (1008, "Your project has been denied access", Stage::Running, Fatal, Scope::Key),
            (1008, "BidiGenerateContent session expired", Stage::Running, Expired, Scope::Session),
            (1008, "something new", Stage::Setup, Fatal, Scope::Session),
            (1008, "something new", Stage::Resumed, Retryable, Scope::Session),
            (1011, "Internal error encountered.", Stage::Running, Retryable, Scope::Session),
            (1011, "You exceeded your current quota", Stage::Running, Retryable, Scope::Session),
            (1011, "Your prepayment credits are depleted", Stage::Running, Fatal, Scope::Key),
            (1012, "", Stage::Running, Retryable, Scope::Session),
        ] {
            let loss = loss_of_close(Some(code), reason, stage);
            assert_eq!((loss.class, scope_of(&loss)), (class, scope), "{code} {reason} {stage:?}");
        }
        assert_eq!(loss_of_close(None, "", Stage::Running).class, Retryable);
    }

    #[test]
    fn a_refused_upgrade_says_what_to_look_at() {
        for (status, class, scope) in [
            (400, Fatal, Scope::Session),
            (401, Fatal, Scope::Key),
            (403, Fatal, Scope::Key),
            (404, Fatal, Scope::Model),
            (429, Retryable, Scope::Session),
            (503, Retryable, Scope::Session),
        ] {
            let loss = loss_of_status(status);
            assert_eq!((loss.class, scope_of(&loss)), (class, scope), "{status}");
        }
    }
}
