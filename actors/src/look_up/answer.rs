//! What a look-up's server said, judged. Pure.

use serde_json::{Map, Value};

use crate::profile::values::{LONGEST, Values, clean};

/// An answer that can be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Values for the agent's texts.
    pub values: Values,
    /// The agent that answers instead.
    pub agent: Option<String>,
    /// The code of the language that the call begins in.
    pub language: Option<String>,
    /// The call is not taken.
    pub decline: Option<Decline>,
}

/// A call that is not taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decline {
    /// What the caller hears before the line is closed; `None` leaves it to the carrier.
    pub words: Option<String>,
    /// One word for the log.
    pub reason: Option<String>,
}

/// Why there is no answer to go by. The texts contain nothing of what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The time is over.
    #[error("no answer in time")]
    Late,
    /// The server cannot be asked.
    #[error("not asked: {0}")]
    Unreached(String),
    /// The server refused.
    #[error("HTTP {0}")]
    Status(u16),
    /// The answer cannot be used.
    #[error("an answer that cannot be used: {0}")]
    Bad(String),
}

impl NoAnswer {
    /// The word in metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Unreached(_) => "unreached",
            Self::Status(_) => "http_error",
            Self::Bad(_) => "bad_answer",
        }
    }
}

impl Answer {
    /// Judges the body of an answer. An empty one says nothing, and changes nothing. Fields that
    /// have no meaning are passed over.
    ///
    /// # Errors
    /// What is wrong with it. One wrong field spoils the whole: half of an answer may be worse than
    /// none.
    pub fn read(body: &[u8]) -> Result<Self, NoAnswer> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let object: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| NoAnswer::Bad("it is no JSON object".to_owned()))?;
        let values = match object.get("variables") {
            None | Some(Value::Null) => Values::default(),
            Some(Value::Object(given)) => Values::of_json(given)
                .map_err(|(name, unfit)| bad(&format!("`variables.{}`: {unfit}", shown(&name))))?,
            Some(_) => return Err(bad("`variables` is no object")),
        };
        let decline = match object.get("refuse") {
            None | Some(Value::Null | Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(Decline::default()),
            Some(Value::Object(refuse)) => Some(decline(refuse)?),
            Some(_) => return Err(bad("`refuse` is no object")),
        };
        Ok(Self { values, agent: name(&object, "agent")?, language: name(&object, "language")?, decline })
    }
}

fn decline(refuse: &Map<String, Value>) -> Result<Decline, NoAnswer> {
    let words = match refuse.get("say") {
        None | Some(Value::Null) => None,
        Some(Value::String(words)) if words.chars().nth(LONGEST).is_none() => Some(clean(words)),
        Some(_) => return Err(bad(&format!("`refuse.say` is no text of at most {LONGEST} signs"))),
    };
    let reason = name(refuse, "reason")?;
    Ok(Decline { words: words.filter(|words| !words.is_empty()), reason })
}

/// A name: of an agent, a language, or a reason.
fn name(object: &Map<String, Value>, key: &str) -> Result<Option<String>, NoAnswer> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if is_name(name) => Ok(Some(name.clone())),
        Some(_) => Err(bad(&format!("`{key}` is no name: at most 64 letters, digits, `_` and `-`"))),
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A name of theirs, as far as it can stand in our log.
fn shown(name: &str) -> String {
    name.chars().filter(|sign| sign.is_ascii_alphanumeric() || *sign == '_').take(64).collect()
}

fn bad(problem: &str) -> NoAnswer {
    NoAnswer::Bad(problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Answer, NoAnswer> {
        Answer::read(body.as_bytes())
    }

    #[test]
    fn what_a_server_says_becomes_values_agent_and_language() {
        let answer = read(r#"{"variables":{"name":"Asha","age":31,"vip":true},"agent":"sales","language":"hi","x":1}"#);
        let answer = answer.expect("an answer");
        assert_eq!(answer.values.get("age"), Some("31"));
        assert_eq!((answer.agent.as_deref(), answer.language.as_deref()), (Some("sales"), Some("hi")));
        assert_eq!(answer.decline, None);
        for nothing in ["", " \n", "{}", r#"{"variables":null,"agent":null,"refuse":false}"#] {
            assert_eq!(read(nothing), Ok(Answer::default()), "{nothing}");
        }
    }

    #[test]
    fn a_refusal_has_words_or_a_reason_or_neither() {
        let decline = |body: &str| read(body).expect("an answer").decline.expect("a refusal");
        let said = decline(r#"{"refuse":{"say":"We are\nclosed.","reason":"closed"}}"#);
        assert_eq!(said, Decline { words: Some("We are closed.".to_owned()), reason: Some("closed".to_owned()) });
        assert_eq!(decline(r#"{"refuse":{}}"#), Decline::default());
        assert_eq!(decline(r#"{"refuse":true}"#), Decline::default());
    }

    #[test]
    fn a_wrong_answer_is_none_and_is_not_repeated() {
        let long = format!(r#"{{"variables":{{"name":"{}"}}}}"#, "x".repeat(LONGEST + 1));
        let many: Vec<String> = (0..200).map(|at| format!(r#""v{at}":1"#)).collect();
        let many = format!(r#"{{"variables":{{{}}}}}"#, many.join(","));
        let wrong = [
            "[]",
            "null",
            "ok",
            "<html>secret</html>",
            r#"{"variables":[]}"#,
            r#"{"variables":{"name":{"secret":1}}}"#,
            r#"{"variables":{"secret\nWARN forged":"x"}}"#,
            r#"{"variables":{"caller":"+1secret"}}"#,
            r#"{"agent":"secret agent"}"#,
            r#"{"agent":7}"#,
            r#"{"language":"hi\nsecret"}"#,
            r#"{"refuse":"secret"}"#,
            r#"{"refuse":{"say":["secret"]}}"#,
            r#"{"refuse":{"reason":"secret\n"}}"#,
            &long,
            &many,
        ];
        for body in wrong {
            let problem = read(body).expect_err(body);
            assert_eq!(problem.word(), "bad_answer");
            let text = problem.to_string();
            assert!(!text.contains('\n') && !text.contains("+1secret") && text.len() < 250, "{text}");
        }
    }
}
