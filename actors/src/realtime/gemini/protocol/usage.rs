//! Reads the tokens that the server counts (<https://ai.google.dev/api/generate-content#UsageMetadata>).
//! Pure.
//!
//! The input of each turn is the whole conversation so far, and each turn is charged. So the counts
//! of all turns are added.

use super::server::{list, raw, text};
use crate::realtime::fields::Fields;
use crate::realtime::report::Usage;

/// The tokens of a turn; `None` if the server counts none.
pub fn of_turn(usage: &Fields<'_>) -> Option<Usage> {
    let prompt = Kinds::of(usage, "promptTokensDetails");
    let tools = Kinds::of(usage, "toolUsePromptTokensDetails");
    let cached = Kinds::of(usage, "cacheTokensDetails");
    let said = Kinds::of(usage, "responseTokensDetails").or(Kinds::of(usage, "candidatesTokensDetails"));
    let unnamed_prompt = count(usage, "promptTokenCount").saturating_sub(prompt.sum());
    let unnamed_tools = count(usage, "toolUsePromptTokenCount").saturating_sub(tools.sum());
    let unnamed_cached = count(usage, "cachedContentTokenCount").saturating_sub(cached.sum());
    let all_said = count(usage, "responseTokenCount").max(count(usage, "candidatesTokenCount"));
    let unnamed_said = all_said.saturating_sub(said.sum());
    // Output without a kind is audio, because an audio model says nothing else.
    let (more_text, more_audio) = if said.sum() == 0 { (0, unnamed_said) } else { (unnamed_said, 0) };
    let (input_text, input_audio) =
        (prompt.text + tools.text + unnamed_prompt + unnamed_tools, prompt.audio + tools.audio);
    let usage = Usage {
        input_text,
        input_audio,
        cached_text: (cached.text + unnamed_cached).min(input_text),
        cached_audio: cached.audio.min(input_audio),
        input_image: prompt.image + tools.image,
        cached_image: cached.image.min(prompt.image),
        output_text: said.text + more_text + count(usage, "thoughtsTokenCount"),
        output_audio: said.audio + more_audio,
        ..Usage::default()
    };
    (usage != Usage::default()).then_some(usage)
}

/// Tokens by their kind.
#[derive(Debug, Clone, Copy, Default)]
struct Kinds {
    text: u64,
    audio: u64,
    image: u64,
}

impl Kinds {
    fn of(usage: &Fields<'_>, name: &str) -> Self {
        let mut kinds = Self::default();
        for detail in list(usage, name) {
            let detail = Fields::of(Some(detail));
            let tokens = count(&detail, "tokenCount");
            match text(&detail, "modality").as_deref() {
                Some("AUDIO") => kinds.audio += tokens,
                Some("IMAGE" | "VIDEO") => kinds.image += tokens,
                _ => kinds.text += tokens,
            }
        }
        kinds
    }

    fn or(self, other: Self) -> Self {
        if self.sum() == 0 { other } else { self }
    }

    const fn sum(self) -> u64 {
        self.text + self.audio + self.image
    }
}

fn count(fields: &Fields<'_>, name: &str) -> u64 {
    let number: Option<f64> = raw(fields, name)
        .and_then(crate::realtime::fields::text)
        .and_then(|text| text.trim().parse().ok())
        .filter(|number: &f64| number.fract() == 0.0 && (0.0..=MOST_TOKENS).contains(number));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within the bounds")]
    number.map_or(0, |number| number as u64)
}

/// More tokens than any model reads or writes in one turn. A larger number is a mistake of the
/// server, and it would end a call by its spending limit.
const MOST_TOKENS: f64 = 10_000_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(text: &str) -> Option<Usage> {
        of_turn(&Fields::read(text).expect("an object"))
    }

    #[test]
    fn tokens_are_counted_by_their_kind() {
        let usage_read = turn(
            r#"{"promptTokenCount":830,"responseTokenCount":140,"totalTokenCount":960,"cachedContentTokenCount":30,
            "thoughtsTokenCount":7,"toolUsePromptTokenCount":5,
            "promptTokensDetails":[{"modality":"AUDIO","tokenCount":500},{"modality":"TEXT","tokenCount":320}],
            "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":20}],
            "responseTokensDetails":[{"modality":"AUDIO","tokenCount":140}]}"#,
        );
        let expected = Usage {
            input_text: 335,
            input_audio: 500,
            cached_text: 10,
            cached_audio: 20,
            output_text: 7,
            output_audio: 140,
            ..Usage::default()
        };
        assert_eq!(usage_read, Some(expected));
    }

    #[test]
    fn older_names_texts_and_missing_details_count_too() {
        let usage_read = turn(r#"{"prompt_token_count":"40","candidates_token_count":20.0}"#).expect("usage");
        assert_eq!((usage_read.input_text, usage_read.output_audio, usage_read.output_text), (40, 20, 0));
    }

    #[test]
    fn absurd_and_missing_numbers_are_no_usage() {
        for text in [
            "{}",
            r#"{"promptTokenCount":1e300}"#,
            r#"{"promptTokenCount":-4,"responseTokenCount":2.5}"#,
            r#"{"promptTokensDetails":[{"modality":"AUDIO","tokenCount":null}]}"#,
        ] {
            assert_eq!(turn(text), None, "{text}");
        }
    }
}
