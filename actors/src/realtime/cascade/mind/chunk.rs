//! Reads one message of a streamed chat answer. Pure.
//!
//! Compatible servers omit fields, send `null` for objects and objects for texts, and put the usage
//! in every message. What can be understood of a message counts.

use serde_json::value::RawValue;

use crate::realtime::fields::{Fields, elements, without_non_finite};

/// What one message adds to the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The next words.
    pub(super) content: String,
    /// Whether the model reasons, which is never said.
    pub(super) reasons: bool,
    /// Parts of tool calls.
    pub(super) calls: Vec<CallPart>,
    /// Why the answer ends.
    pub(super) finish: Option<String>,
    /// The usage so far, which is cumulative.
    pub(super) usage: Option<ChatUsage>,
    /// The server failed: a code and a message.
    pub(super) error: Option<(String, String)>,
}

/// A part of a tool call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CallPart {
    /// The index of the call; without one, its place in the message.
    pub(super) index: u64,
    /// The id; empty if absent.
    pub(super) id: String,
    /// The tool's name; empty if absent.
    pub(super) name: String,
    /// The next characters of the arguments.
    pub(super) arguments: String,
}

/// The tokens of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChatUsage {
    /// Tokens in, cached ones included.
    pub input: u64,
    /// The cached part of the tokens in.
    pub cached: u64,
    /// Tokens out, reasoning included.
    pub output: u64,
    /// The part of the tokens out that was reasoning.
    pub reasoning: u64,
    /// Whether we counted, because the server did not.
    pub is_estimate: bool,
}

impl ChatUsage {
    /// The usual number of tokens for so many characters in and out.
    pub fn estimate(characters_in: usize, characters_out: usize) -> Self {
        let tokens = |characters: usize| characters.div_ceil(CHARACTERS_PER_TOKEN) as u64;
        Self { input: tokens(characters_in), output: tokens(characters_out), is_estimate: true, ..Self::default() }
    }
}

/// Reads the message `text`. `None` if it is no JSON object.
pub(super) fn read(text: &str) -> Option<Chunk> {
    match Fields::read(text) {
        Ok(fields) => Some(of(&fields)),
        Err(_) => without_non_finite(text).and_then(|mended| Some(of(&Fields::read(&mended).ok()?))),
    }
}

fn of(fields: &Fields<'_>) -> Chunk {
    let first = fields.list("choices").into_iter().next();
    let choice = Fields::of(first);
    // Only a server that does not stream has a message.
    let name = if choice.raw("delta").is_some() { "delta" } else { "message" };
    let delta = choice.object(name);
    let content = content(&delta, "content");
    let reasons = REASONING.iter().any(|name| delta.filled(name).is_some());
    Chunk {
        content: if content.is_empty() { self::content(&delta, "refusal") } else { content },
        reasons,
        calls: delta.list("tool_calls").into_iter().take(MOST_PARTS).enumerate().map(call).collect(),
        finish: choice.filled("finish_reason").map(|finish| finish.into_owned()),
        usage: usage(fields),
        error: error(fields),
    }
}

/// The words of a field, which may be a list of parts. Parts of other kinds than text are not said.
fn content(delta: &Fields<'_>, name: &str) -> String {
    if let Some(text) = delta.text(name) {
        return text.into_owned();
    }
    let Some(raw) = delta.raw(name).filter(|raw| raw.get().starts_with('[')) else { return String::new() };
    let parts = elements(raw).into_iter().map(|part| Fields::of(Some(part)));
    parts.filter(|part| part.text("type").as_deref() == Some("text")).filter_map(|part| part.text("text")).collect()
}

fn call((place, raw): (usize, &RawValue)) -> CallPart {
    let fields = Fields::of(Some(raw));
    let function = fields.object("function");
    CallPart {
        index: fields.count("index", LARGEST_INDEX).unwrap_or(place as u64),
        id: fields.id("id").into_owned(),
        name: function.id("name").into_owned(),
        arguments: function.json("arguments").unwrap_or_default().into_owned(),
    }
}

fn usage(fields: &Fields<'_>) -> Option<ChatUsage> {
    let place = [fields.object("usage"), fields.object("x_groq").object("usage")];
    let usage = place.into_iter().find(|usage| usage.has("prompt_tokens") || usage.has("completion_tokens"))?;
    let count = |of: &Fields<'_>, name| of.count(name, MOST_TOKENS).unwrap_or_default();
    Some(ChatUsage {
        input: count(&usage, "prompt_tokens"),
        cached: count(&usage.object("prompt_tokens_details"), "cached_tokens"),
        output: count(&usage, "completion_tokens"),
        reasoning: count(&usage.object("completion_tokens_details"), "reasoning_tokens"),
        is_estimate: false,
    })
}

/// The error in place of an answer. Its shape differs: an object, a text, or the message itself.
fn error(fields: &Fields<'_>) -> Option<(String, String)> {
    let is_itself = fields.text("object").as_deref() == Some("error");
    if !is_itself && fields.raw("error").is_none() {
        return None;
    }
    let error = if is_itself { fields.clone() } else { fields.object("error") };
    let code = error.filled("code").or_else(|| error.filled("type")).unwrap_or_else(|| "error".into());
    let message = error.words("message").or_else(|| fields.words("error")).unwrap_or_default();
    Some((code.into_owned(), message.into_owned()))
}

/// The fields of reasoning, which differ by server.
const REASONING: [&str; 3] = ["reasoning_content", "reasoning", "thinking"];
/// The most parts of tool calls that are read of one message.
const MOST_PARTS: usize = 64;
const LARGEST_INDEX: u32 = 1_000;
const MOST_TOKENS: u32 = 100_000_000;
const CHARACTERS_PER_TOKEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_adds_is_read_in_every_known_shape() {
        let words = |text: &str| read(text).expect("an object").content;
        assert_eq!(words(r#"{"choices":[{"delta":{"content":"Let me "}}]}"#), "Let me ");
        assert_eq!(words(r#"{"choices":[{"message":{"content":"Whole."}}]}"#), "Whole.");
        assert_eq!(words(r#"{"choices":[{"delta":{"content":null,"refusal":"I cannot."}}]}"#), "I cannot.");
        let parts =
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":"x"},{"type":"text","text":"Hi"}]}}]}"#;
        assert_eq!(words(parts), "Hi");
        for empty in [
            r#"{"choices":[]}"#,
            r#"{"choices":[],"prompt_filter_results":[]}"#,
            r#"{"choices":[{"delta":null}]}"#,
            r#"{"choices":[{"index":0}]}"#,
            r#"{"choices":[{"delta":{"role":"assistant","content":""}}],"obfuscation":"abc"}"#,
            r#"{"choices":null}"#,
            "{}",
        ] {
            assert_eq!(read(empty), Some(Chunk::default()), "{empty}");
        }
        assert_eq!(read("[DONE"), None);
    }

    #[test]
    fn reasoning_is_noticed_and_not_said() {
        for name in REASONING {
            let chunk = read(&format!(r#"{{"choices":[{{"delta":{{"{name}":"the caller"}}}}]}}"#)).expect("an object");
            assert!(chunk.reasons && chunk.content.is_empty(), "{name}");
        }
    }

    #[test]
    fn usage_is_found_where_servers_put_it() {
        let text = r#"{"choices":[],"usage":{"prompt_tokens":120,"completion_tokens":30,
            "prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":9}}}"#;
        let usage = ChatUsage { input: 120, cached: 64, output: 30, reasoning: 9, is_estimate: false };
        assert_eq!(read(text).and_then(|chunk| chunk.usage), Some(usage));
        let text = r#"{"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":NaN}}}"#;
        assert_eq!(read(text).and_then(|chunk| chunk.usage), Some(ChatUsage { input: 1, ..ChatUsage::default() }));
        assert_eq!(read(r#"{"usage":null}"#).and_then(|chunk| chunk.usage), None);
        assert_eq!(
            ChatUsage::estimate(9, 4),
            ChatUsage { input: 3, output: 1, is_estimate: true, ..ChatUsage::default() }
        );
    }

    #[test]
    fn an_error_is_read_in_every_known_shape() {
        for (text, code, message) in [
            (r#"{"error":{"message":"slow","type":"x","code":"rate_limit_exceeded"}}"#, "rate_limit_exceeded", "slow"),
            (r#"{"error":{"message":"slow","type":"server_error","code":null}}"#, "server_error", "slow"),
            (r#"{"error":"slow"}"#, "error", "slow"),
            (r#"{"object":"error","message":"slow","type":"BadRequestError","code":400}"#, "400", "slow"),
        ] {
            let error = read(text).and_then(|chunk| chunk.error).expect(text);
            assert_eq!((error.0.as_str(), error.1.as_str()), (code, message), "{text}");
        }
        assert_eq!(read(r#"{"error":null}"#).and_then(|chunk| chunk.error), None);
    }
}
