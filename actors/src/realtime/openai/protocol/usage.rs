//! Reads the cost that the server reports. Pure.

use crate::realtime::fields::Fields;
use crate::realtime::report::{TranscriptionUsage, Usage};

/// The tokens of a response from the object `usage`; `None` if it reports none.
pub fn of_response(usage: &Fields<'_>) -> Option<Usage> {
    let (input, output) = (usage.object("input_token_details"), usage.object("output_token_details"));
    let cached = input.object("cached_tokens_details");
    let read = |fields: &Fields<'_>, name: &str| fields.count(name, MOST_TOKENS);
    let input_image = read(&input, "image_tokens").unwrap_or_default();
    let (input_text, input_audio) = kinds(&input, read(usage, "input_tokens"), input_image);
    let (output_text, output_audio) = kinds(&output, read(usage, "output_tokens"), 0);
    let of_cache = |name: &str| read(&cached, name).unwrap_or_default();
    let usage = Usage {
        input_text,
        input_audio,
        cached_text: of_cache("text_tokens"),
        cached_audio: of_cache("audio_tokens"),
        input_image,
        cached_image: of_cache("image_tokens"),
        output_text,
        output_audio,
        ..Usage::default()
    };
    (usage != Usage::default()).then_some(usage)
}

/// The text and audio tokens out of `all`. The part that neither kind accounts for goes to the kind
/// that cannot be read. If the server reports neither kind, all tokens count as text. The total
/// stays right.
fn kinds(details: &Fields<'_>, all: Option<u64>, others: u64) -> (u64, u64) {
    let [text, audio] = ["text_tokens", "audio_tokens"].map(|name| details.count(name, MOST_TOKENS));
    let parts = text.unwrap_or_default() + audio.unwrap_or_default() + others;
    let rest = all.unwrap_or_default().saturating_sub(parts);
    match (text, audio) {
        (Some(text), Some(audio)) => (text, audio),
        (Some(text), None) => (text, rest),
        (None, audio) => (rest, audio.unwrap_or_default()),
    }
}

/// The cost of a transcription; `None` if the server reports nothing usable.
pub fn of_transcription(usage: &Fields<'_>) -> Option<TranscriptionUsage> {
    let input = usage.object("input_token_details");
    let read = |fields: &Fields<'_>, name: &str| fields.count(name, MOST_TOKENS).unwrap_or_default();
    let seconds = usage.number("seconds").filter(|seconds| (0.0..=MOST_SECONDS).contains(seconds));
    let (input_text, audio_tokens) = (read(&input, "text_tokens"), read(&input, "audio_tokens"));
    let counted = TranscriptionUsage {
        audio_ms: (seconds.unwrap_or_default() * 1_000.0).round() as u64,
        input_text,
        // Tokens without a kind count as audio, because the input is speech.
        input_audio: audio_tokens.max(read(usage, "input_tokens").saturating_sub(input_text)),
        output_text: read(usage, "output_tokens"),
    };
    (counted != TranscriptionUsage::default()).then_some(counted)
}

/// An estimate of an answer's cost, for servers that report none. It counts the caller's audio of
/// the whole session, which each answer reads anew, and the answer's own audio.
pub fn estimated(heard_ms: u64, answered_ms: u64) -> Usage {
    Usage {
        input_audio: heard_ms.div_ceil(MS_OF_TOKEN_IN),
        output_audio: answered_ms.div_ceil(MS_OF_TOKEN_OUT),
        ..Usage::default()
    }
}

/// More tokens than any model reads or writes in one response. A larger number is a mistake of the
/// server, and it would end a call by its spending limit.
const MOST_TOKENS: u32 = 10_000_000;
/// A limit in seconds that no turn reaches.
const MOST_SECONDS: f64 = 24.0 * 3600.0;
/// Milliseconds of the caller's audio per token: ten tokens a second
/// (<https://platform.openai.com/docs/guides/realtime-costs>).
const MS_OF_TOKEN_IN: u64 = 100;
/// Milliseconds of the model's audio per token: twenty tokens a second.
const MS_OF_TOKEN_OUT: u64 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn response(text: &str) -> Option<Usage> {
        of_response(&Fields::read(text).expect("an object"))
    }

    #[test]
    fn floats_nulls_and_texts_lose_nothing() {
        let usage_read = response(
            r#"{"total_tokens":60,"input_tokens":40.0,"output_tokens":"20","input_token_details":{"text_tokens":20,"audio_tokens":20,
            "cached_tokens":null,"cached_tokens_details":{"text_tokens":3.0}},"output_token_details":{"text_tokens":5,"audio_tokens":15.0}}"#,
        );
        let whole = Usage {
            input_text: 20,
            input_audio: 20,
            cached_text: 3,
            output_text: 5,
            output_audio: 15,
            ..Usage::default()
        };
        assert_eq!(usage_read, Some(whole));
    }

    #[test]
    fn what_one_kind_does_not_tell_is_taken_from_the_total() {
        let usage_read = response(
            r#"{"input_tokens":40,"output_tokens":20,"input_token_details":{"text_tokens":[1],"audio_tokens":30},
            "output_token_details":{"text_tokens":5,"audio_tokens":-15}}"#,
        );
        let usage = usage_read.expect("usage");
        assert_eq!((usage.input_text, usage.input_audio), (10, 30));
        assert_eq!((usage.output_text, usage.output_audio), (5, 15));
        let usage = response(r#"{"input_tokens":40,"output_tokens":20,"output_token_details":"none"}"#).expect("usage");
        assert_eq!((usage.input_text, usage.output_text), (40, 20));
    }

    #[test]
    fn absurd_and_missing_numbers_are_no_usage() {
        for text in [
            "{}",
            r#"{"input_tokens":1e300,"output_tokens":-4}"#,
            r#"{"input_tokens":20.5}"#,
            r#"{"input_tokens":0,"output_tokens":0,"total_tokens":0}"#,
            r#"{"input_token_details":{"text_tokens":18446744073709551615}}"#,
        ] {
            assert_eq!(response(text), None, "{text}");
        }
    }

    #[test]
    fn a_transcription_is_charged_by_what_can_be_read_of_it() {
        let read = |text: &str| of_transcription(&Fields::read(text).expect("an object"));
        let seconds = TranscriptionUsage { audio_ms: 1_500, ..TranscriptionUsage::default() };
        assert_eq!(read(r#"{"type":"duration","seconds":1.5}"#), Some(seconds));
        assert_eq!(read(r#"{"seconds":"1.5"}"#), Some(seconds));
        for text in [r#"{"seconds":1e300}"#, r#"{"seconds":-1}"#, r#"{"seconds":null}"#, "{}"] {
            assert_eq!(read(text), None, "{text}");
        }
        let tokens = TranscriptionUsage { input_audio: 12, output_text: 4, ..TranscriptionUsage::default() };
        assert_eq!(read(r#"{"input_tokens":12,"output_tokens":4.0}"#), Some(tokens));
        let tokens = TranscriptionUsage { input_text: 2, ..tokens };
        assert_eq!(
            read(r#"{"input_tokens":14,"output_tokens":4,"input_token_details":{"text_tokens":2,"audio_tokens":12}}"#),
            Some(tokens)
        );
    }

    #[test]
    fn an_estimate_grows_with_what_was_heard_and_said() {
        let usage = estimated(10_000, 2_010);
        assert_eq!((usage.input_audio, usage.output_audio), (100, 41));
        assert_eq!(estimated(0, 0), Usage::default());
    }
}
