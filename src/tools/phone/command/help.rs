//! The carrier-specific parts of `switchboard call --help`.

use switchboard_actors::carrier::Carrier;

use crate::tools::phone::options::{carriers, default_carrier};

/// The help text of `--url`.
pub(super) fn url() -> String {
    let default = default_carrier();
    let mut words = String::new();
    for (carrier, fake) in carriers().filter_map(|carrier| Some((carrier, carrier.fake()?))) {
        let address = fake.usage().address;
        words.push_str(&if carrier == default {
            address.to_owned()
        } else {
            format!("; with --carrier {}, {address}", carrier.name())
        });
    }
    words
}

/// The help text of `--fault`.
pub(super) fn faults() -> String {
    format!("What the carrier does wrong, with --carrier {}; several separated by commas", with_faults())
}

/// The carriers that have faults to simulate.
pub(super) fn with_faults() -> String {
    let has = |carrier: &Carrier| carrier.fake().is_some_and(|fake| !fake.faults().is_empty());
    carriers().filter(has).map(Carrier::name).collect::<Vec<_>>().join(" or ")
}

/// Explains when a call ends and what the exit code means, with examples for each carrier.
pub(super) fn examples() -> String {
    let lines = carriers().filter_map(Carrier::fake).flat_map(|fake| fake.usage().examples);
    let lines: Vec<String> = lines.map(|example| format!("  switchboard call {example}")).collect();
    format!("{ENDS}\n\nExamples:\n{}", lines.join("\n"))
}

const ENDS: &str = "\
Unless --hangup-after says otherwise, the caller hangs up when everything has been said and pressed, an answer to it was heard, \
and 4 s of silence followed it; or when no answer came for 12 s. A service that hangs up first is obeyed.

Exit code: 0 the calls went through, 1 something failed (no webhook, no stream, a lost socket), 2 bad usage.";
