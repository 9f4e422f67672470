use super::*;

const SPOKE_AT: usize = 20_000;

fn speech() -> Vec<i16> {
    Sentence::in_language("en").expect("bundled").samples().expect("bundled")
}

/// A call that contains the greeting and, half a second after the caller's last word, the same
/// words.
fn heard() -> Vec<i16> {
    let mut heard = vec![0; SPOKE_AT];
    heard[4000..12_000].fill(3000);
    heard.resize(SPOKE_AT + speech().len() + 4000, 0);
    heard.extend(speech());
    heard
}

fn judge(heard: &[i16], summary: Summary, problems: &[&str]) -> DemoReport {
    let records = records::Records {
        problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
        ..records::Records::default()
    };
    let summary = Summary { spoke_from_ms: Some(SPOKE_AT as u64 / 8), ..summary };
    let speech = speech();
    let evidence = Evidence { states: Vec::new(), summary, heard, speech: &speech, records };
    evidence.judge(false, "heard.wav".into())
}

#[test]
fn a_call_with_greeting_answer_and_records_passes() {
    let report = judge(&heard(), Summary::default(), &[]);
    assert_eq!(report.problems, Vec::<String>::new());
    assert!(report.passed && (report.greeting_seconds - 1.0).abs() < 0.05);
    assert_eq!(report.answered_after_ms, Some(500));
}

#[test]
fn whatever_is_missing_fails_and_is_named() {
    let mut no_greeting = heard();
    no_greeting[..SPOKE_AT].fill(0);
    let mut no_answer = heard();
    no_answer[SPOKE_AT..].fill(0);
    let failed = Summary { failures: vec!["hold the stream".into()], ..Summary::default() };
    let warned = Summary { warnings: vec![Warning::new(31951, "a field too many")], ..Summary::default() };
    for (report, expected) in [
        (judge(&no_greeting, Summary::default(), &[]), "of greeting"),
        (judge(&no_answer, Summary::default(), &[]), "own words"),
        (judge(&heard(), failed, &[]), "hold the stream"),
        (judge(&heard(), warned, &[]), "31951 a field too many"),
        (judge(&heard(), Summary::default(), &["no queue file"]), "no queue file"),
        (judge(&[], Summary::default(), &[]), "of greeting"),
    ] {
        assert!(!report.passed);
        assert!(report.problems.iter().any(|problem| problem.contains(expected)), "{expected}: {:?}", report.problems);
    }
}
