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

use checks::{CHECKS, Verdict};
use switchboard_actors::realtime::seat::Provider;

/// The providers whose sessions have one server. Those that join engines need one for each of them.
fn one_server_each() -> impl Iterator<Item = Provider> {
    Provider::all().filter(|provider| provider.engines().is_empty())
}

#[test]
fn every_provider_passes_every_check() {
    let (mut table, mut problems) = (String::new(), Vec::new());
    let only = std::env::var("CHECK").unwrap_or_default();
    let provider_only = std::env::var("PROVIDER").unwrap_or_default();
    let providers: Vec<Provider> =
        one_server_each().filter(|it| provider_only.is_empty() || it.word() == provider_only).collect();
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
