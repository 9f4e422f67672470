//! Plays every provider of models against a scripted server of its protocol: one list of checks for
//! all of them. A provider's capabilities decide which form a check takes, never whether it runs.
//!
//! The call machine, the sessions, the audio path and the transcript are those of the service; the
//! phone, the carrier and the servers are simulated, and so is the time. `cargo test -p
//! switchboard-actors --test models -- --nocapture` prints the results as a table.

mod call;
mod checks;
mod phone;
mod profile;
mod server;

use std::fmt::Write as _;
use std::thread;

use checks::barge_in::error_of_words;
use checks::{CHECKS, Verdict};
use profile::{TIMED_VOICE, UNTIMED_VOICE, joins};
use server::ms;
use switchboard_actors::realtime::seat::Provider;

#[test]
fn every_provider_passes_every_check() {
    let (mut table, mut problems) = (String::new(), Vec::new());
    let only = std::env::var("CHECK").unwrap_or_default();
    let provider_only = std::env::var("PROVIDER").unwrap_or_default();
    let providers: Vec<Provider> =
        Provider::all().filter(|it| provider_only.is_empty() || it.word() == provider_only).collect();
    let names: Vec<&str> = providers.iter().map(|provider| provider.word()).collect();
    writeln!(table, "| check | {} |\n|---{}|", names.join(" | "), "|---".repeat(names.len())).expect("a text");
    let checks: Vec<_> = CHECKS.iter().filter(|(name, _)| name.contains(&only)).collect();
    // The providers share nothing, and most machines have more than one core.
    let verdicts: Vec<Vec<Verdict>> = thread::scope(|scope| {
        let checks = &checks;
        let run = |provider: Provider| scope.spawn(move || checks.iter().map(|(_, check)| check(provider)).collect());
        let running: Vec<_> = providers.iter().copied().map(run).collect();
        running.into_iter().map(|it| it.join().expect("no panic")).collect()
    });
    for (at, (name, _)) in checks.iter().enumerate() {
        write!(table, "| {name} ").expect("a text");
        for (provider, verdicts) in providers.iter().zip(&verdicts) {
            write!(table, "| {} ", verdicts[at].as_deref().unwrap_or("FAILS")).expect("a text");
            problems.extend(verdicts[at].as_ref().err().map(|problem| format!("{provider:?}: {name}: {problem}")));
        }
        table.push_str("|\n");
    }
    println!("{table}");
    assert!(problems.is_empty(), "{problems:#?}");
}

/// Where engines are joined, the model and the record know the words that were heard: to 60 ms if the
/// voice says when its words are said, else to 250 ms.
#[test]
fn the_words_that_were_heard_are_known() {
    for provider in Provider::all().filter(|provider| joins(*provider)) {
        for (voice, most) in [(TIMED_VOICE, ms(60)), (UNTIMED_VOICE, ms(250))] {
            let (told, recorded) = error_of_words(provider, voice).expect("every call is played");
            println!("{provider:?} with {voice}: the model misses {told:?}, the record {recorded:?} (p99)");
            assert!(told <= most && recorded <= most, "{provider:?} with {voice}: {told:?}, {recorded:?}");
        }
    }
}
