use clap::Parser;

use super::table::Total;
use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    call: CallArgs,
}

fn parse(line: &str) -> Result<CallArgs, String> {
    let words = std::iter::once("call").chain(line.split_whitespace());
    Line::try_parse_from(words).map(|line| line.call).map_err(|error| error.to_string())
}

#[test]
fn the_contracts_options_are_read() {
    let carrier = default_carrier();
    let args = parse(&format!(
        "--url http://127.0.0.1:8080/voice --carrier {} --from +1 --to +2 --dtmf 3s:1,5s:# \
         --hangup-after 20s --auth-token t --calls 5 --ramp 2.5 --json",
        carrier.name()
    ))
    .expect("good usage");
    assert_eq!(args.dtmf, [(Duration::from_secs(3), '1'), (Duration::from_secs(5), '#')]);
    assert_eq!(args.hangup_after, Some(Duration::from_secs(20)));
    assert_eq!((args.calls, args.ramp, args.json), (5, 2.5, true));
    let options = args.options().expect("possible");
    assert_eq!(options.target, Target::Webhook("http://127.0.0.1:8080/voice".parse().expect("an address")));
}

#[test]
fn bad_usage_says_what_was_expected() {
    let carriers = format!("expected {}", default_carrier().name());
    for (line, expected) in [
        ("", "required"),
        ("--url http://a/ --stream ws://a/", "cannot be used with"),
        ("--url ws://a/", "http:// or https://"),
        ("--stream http://a/", "ws:// or wss://"),
        ("--stream ws://a/ --dtmf 3s", "TIME:KEY"),
        ("--stream ws://a/ --dtmf 3s:x", "TIME:KEY"),
        ("--stream ws://a/ --carrier nobody", &*carriers),
        ("--stream ws://a/ --hangup-after soon", "--hangup-after"),
        ("--stream ws://a/ --calls 0", "1..=2000"),
        ("--stream ws://a/ --ramp 0", "calls a second"),
        ("--url http://a/ --parameter a=b", "cannot be used with"),
    ] {
        let problem = parse(line).expect_err(line);
        assert!(problem.contains(expected), "{line}: {problem}");
    }
}

#[test]
fn without_a_file_the_caller_says_the_bundled_sentence_unless_mute() {
    let speech = |line: &str| parse(line).expect("good usage").options().expect("possible").speech.len();
    let english = speech("--stream ws://127.0.0.1:1/ws");
    assert!(english > 8_000 && speech("--stream ws://127.0.0.1:1/ws --say en") == english);
    assert_ne!(speech("--stream ws://127.0.0.1:1/ws --say hi"), english);
    assert_eq!(speech("--stream ws://127.0.0.1:1/ws --say nothing"), 0);
    assert!(parse("--stream ws://127.0.0.1:1/ws --say xx").is_err());
    assert!(parse("--stream ws://127.0.0.1:1/ws --say en --wav a.wav").is_err());
}

#[test]
fn a_time_that_is_none_says_what_was_expected() {
    for option in ["--speak-at soon", "--hangup-after 5", "--longest x"] {
        let problem = parse(&format!("--stream ws://a/ {option}")).expect_err(option);
        assert!(problem.contains("such as 500ms, 3s or 2m"), "{option}: {problem}");
    }
}

#[test]
fn an_answer_is_timed_from_the_last_word() {
    let summary = Summary { spoke_until_ms: Some(100), ..Summary::default() };
    let mut heard = vec![1_000; 800];
    heard.extend([0; 1_600]);
    assert_eq!(answered_after(&summary, &heard), None, "what was heard before is no answer");
    heard.extend([1_000; 160]);
    assert_eq!(answered_after(&summary, &heard), Some(200));
    assert_eq!(answered_after(&Summary::default(), &heard), None);
}

#[test]
fn a_missing_sound_file_is_bad_usage() {
    let args = parse("--stream ws://127.0.0.1:1/ws --wav /nowhere/caller.wav").expect("good usage");
    let problem = args.options().expect_err("no such file");
    assert!(problem.contains("/nowhere/caller.wav"), "{problem}");
    assert_eq!(CommandError::Usage(problem).exit_code(), 2);
}

#[test]
fn recordings_of_several_calls_are_numbered() {
    assert_eq!(numbered(Path::new("/a/heard.wav"), 7), Path::new("/a/heard-0007.wav"));
    assert_eq!(numbered(Path::new("heard"), 12), Path::new("heard-0012"));
}

#[test]
fn several_calls_come_to_one_row() {
    let call = |first: Option<u64>, failed: bool| Summary {
        time_to_first_sound_ms: first,
        answered_after_ms: first.map(|first| first + 1_000),
        heard_seconds: 1.5,
        failures: if failed { vec!["x".into()] } else { vec![] },
        ..Summary::default()
    };
    let total = Total::of(&[call(Some(100), false), call(Some(300), false), call(Some(200), false), call(None, true)]);
    assert_eq!((total.calls, total.failed, total.silent), (4, 1, 1));
    let answers = (total.answered_ms_median, total.answered_ms_p95, total.answered_ms_max);
    assert_eq!(answers, (Some(1_200), Some(1_300), Some(1_300)));
    let sounds = (total.first_sound_ms_median, total.first_sound_ms_p95, total.first_sound_ms_max);
    assert_eq!(sounds, (Some(200), Some(300), Some(300)));
    assert!((total.heard_seconds - 6.0).abs() < 1e-9);
}
