use std::collections::BTreeSet;

use super::*;
use crate::carrier::AudioFormat;
use crate::realtime::openai::plan::{check, sample};
use crate::realtime::plan::Transcription;
use crate::realtime::seat::Provider;

#[test]
fn a_dialect_is_found_by_its_word() {
    let words: BTreeSet<&str> = DIALECTS.iter().map(|dialect| dialect.word).collect();
    assert_eq!(words.len(), DIALECTS.len(), "no two of one word");
    for dialect in DIALECTS {
        assert_eq!(Dialect::named(dialect.word), Some(dialect));
    }
    assert_eq!(Dialect::named("pigeon"), None);
    assert_eq!(Dialect::words().collect::<Vec<_>>(), ["openai", "partial", "beta"]);
}

#[test]
fn a_provider_of_its_own_knows_the_settings_of_its_dialect() {
    for dialect in DIALECTS.into_iter().filter(|dialect| !dialect.chosen) {
        let provider = Provider::named(dialect.word).expect("a provider of this word");
        for key in dialect.knows {
            assert!(provider.knows(key), "{dialect:?} has {key}");
        }
        assert!(!provider.knows("dialect"), "{dialect:?} is one");
    }
}

#[test]
fn the_table_of_this_page_says_what_the_rows_say() {
    let page = include_str!("../dialects.rs");
    for dialect in DIALECTS {
        let line = page.lines().find(|line| line.starts_with(&format!("//! | {} |", dialect.word)));
        let cells: Vec<&str> = line.expect("a line").split('|').map(str::trim).collect();
        let cut = if dialect.truncate && dialect.delete { "yes" } else { "told in words" };
        let metadata = if dialect.responses.metadata { "yes" } else { "no" };
        let instructions = if dialect.responses.instructions { "yes" } else { "as a text before it" };
        let charged = if dialect.charged == Charged::Time { "time" } else { "tokens" };
        assert_eq!(cells[3..7], [cut, metadata, instructions, charged], "{dialect:?}");
    }
}

#[test]
fn what_a_server_does_not_have_comes_as_near_as_it_can() {
    let semantic =
        TurnDetection::Semantic { eagerness: "low".to_owned(), create_response: false, interrupt_response: false };
    let made = xai::DIALECT.nearest(&semantic);
    assert!(matches!(made, TurnDetection::Server { .. }) && made.answers() && made.interrupts(), "{made:?}");
    let kept = voice_live::DIALECT.nearest(&semantic);
    assert!(matches!(kept, TurnDetection::Semantic { .. }) && !kept.answers() && !kept.interrupts(), "{kept:?}");
    let quiet = TurnDetection::Server {
        threshold: 0.0,
        prefix_padding_ms: 300,
        silence_duration_ms: 500,
        idle_timeout_ms: Some(7_000),
        create_response: true,
        interrupt_response: true,
    };
    assert!(
        matches!(xai::DIALECT.nearest(&quiet), TurnDetection::Server { threshold, idle_timeout_ms: Some(7_000), .. } if threshold > 0.0)
    );
    assert!(matches!(voice_live::DIALECT.nearest(&quiet), TurnDetection::Server { idle_timeout_ms: None, .. }));
}

#[test]
fn a_transcriber_of_others_is_replaced_by_an_own_one() {
    assert_eq!(xai::DIALECT.transcriber("gpt-live-transcribe"), "grok-transcribe");
    assert_eq!(voice_live::DIALECT.transcriber("whisper-1"), "whisper-1");
    assert_eq!(OPENAI.transcriber("gpt-live-transcribe"), "gpt-live-transcribe");
    assert_eq!((voice_live::DIALECT.language("mr"), voice_live::DIALECT.language("fr")), ("mr-IN", "fr"));
}

#[test]
fn a_plan_of_every_dialect_is_accepted_in_every_format() {
    let mut common = sample::common();
    let transcription = Transcription { model: "gpt-live-transcribe".to_owned(), ..Transcription::default() };
    common.transcription = Some(transcription);
    for dialect in DIALECTS {
        for format in [AudioFormat::PCM_24K, AudioFormat::MULAW_8K, AudioFormat::ALAW_8K] {
            let plan = OpenAiPlan { dialect, format, ..sample::openai() };
            assert_eq!(check(&common, &plan), Ok(()), "{dialect:?}");
        }
    }
}
