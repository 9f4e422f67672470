//! The table, the sources and the page agree.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::*;

/// The macros that count, measure or set a metric in the sources.
const MACROS: [&str; 3] = ["counter", "gauge", "histogram"];

#[test]
fn the_sources_count_what_the_table_names_and_nothing_else() {
    let mut used = BTreeMap::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "actors/src"] {
        collect_uses(&root.join(folder), &mut used);
    }
    for metric in METRICS {
        let (how, labels) = used.remove(metric.name).unwrap_or_else(|| panic!("nothing counts {}", metric.name));
        let expected = match metric.kind {
            Kind::Counter => "counter",
            Kind::Amount | Kind::Gauge | Kind::Measurement => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        assert_eq!(how, expected, "{}", metric.name);
        let known: Vec<&str> = metric.labels.iter().map(|label| label.name).collect();
        assert_eq!(labels, known, "the labels of {}", metric.name);
    }
    assert!(used.is_empty(), "not in the table of metrics: {used:?}");
}

#[test]
fn the_page_says_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/metrics.md");
    let page = page();
    if std::env::var_os("WRITE_PAGES").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let found = fs::read_to_string(&path).expect("deploy/metrics.md");
    assert_eq!(found, page, "write it again: WRITE_PAGES=1 cargo test --lib telemetry");
}

#[test]
fn names_and_kinds_are_as_prometheus_wants_them() {
    for metric in METRICS {
        let grows = matches!(metric.kind, Kind::Counter | Kind::Amount);
        assert_eq!(metric.name.ends_with("_total"), grows, "{}", metric.name);
        assert!(
            !metric.help.is_empty() && !metric.help.contains('\n') && metric.help.ends_with('.'),
            "{}",
            metric.name
        );
        let times = METRICS.iter().filter(|other| other.name == metric.name).count();
        assert_eq!(times, 1, "{}", metric.name);
    }
}

/// Collects every metric that a file under `folder` records, by name, with its macro and labels.
/// Test files are skipped.
fn collect_uses(folder: &Path, used: &mut BTreeMap<String, (&'static str, Vec<String>)>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect_uses(&path, used);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("a readable file");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for how in MACROS {
                for (at, start) in code.match_indices(&format!("{how}!(")) {
                    // `describe_counter!` records nothing.
                    if code[..at].ends_with('_') {
                        continue;
                    }
                    let mut parts = code[at + start.len()..].trim_start().splitn(3, '"');
                    // A name that is no literal is the recorder's own use, which goes through the
                    // table.
                    let ("", Some(name)) = (parts.next().unwrap_or_default(), parts.next()) else { continue };
                    let rest = parts.next().unwrap_or_default();
                    let arguments = until_closed(rest);
                    let mut labels: Vec<String> = Vec::new();
                    for (at, _) in arguments.match_indices("\" =>") {
                        labels.extend(arguments[..at].rsplit('"').next().map(str::to_owned));
                    }
                    let found = used.entry(name.to_owned()).or_insert_with(|| (how, Vec::new()));
                    // A use that starts a series from a list of labels shows none here.
                    if found.1.is_empty() {
                        found.1 = labels;
                    }
                }
            }
        }
    }
}

/// Returns the text before the parenthesis that closes one opened before `code`.
fn until_closed(code: &str) -> &str {
    let mut depth = 1_i32;
    let closes = code.find(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    &code[..closes.unwrap_or(code.len())]
}

/// Writes the page for operators.
fn page() -> String {
    let mut page = String::from(HEAD);
    for metric in METRICS {
        let _ =
            writeln!(page, "| `{}` | {} | {} | {} |", metric.name, metric.kind.word(), label_cell(metric), metric.help);
    }
    page.push_str("\n## Values of labels\n\n| label | of | values |\n|---|---|---|\n");
    for metric in METRICS {
        for label in metric.labels {
            let values = match label.values {
                Values::Known(values) => {
                    values().iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
                }
                Values::Named(by) => by.to_owned(),
            };
            let _ = writeln!(page, "| `{}` | `{}` | {values} |", label.name, metric.name);
        }
    }
    page
}

fn label_cell(metric: &Metric) -> String {
    metric.labels.iter().map(|label| format!("`{}`", label.name)).collect::<Vec<_>>().join(", ")
}

const HEAD: &str = "# Metrics

`GET /metrics` of the admin listener, in Prometheus' text format. Every name is there from the start; counters begin at 0, with every \
value of a label that is known beforehand, so that `rate()` and `increase()` see the first event.

This page is written from the table in `src/service/telemetry/table.rs`, and a test keeps both alike: \
`WRITE_PAGES=1 cargo test --lib telemetry` writes it again.

| metric | type | labels | what it is |
|---|---|---|---|
";
