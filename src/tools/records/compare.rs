//! `switchboard records compare`: two groups of calls side by side, as of two nodes, versions of the
//! configuration, or variants of an experiment.

use std::collections::BTreeMap;
use std::io;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::command::{print, tell};
use super::folders::{Call, RecordFolders};
use super::list::Since;
use crate::tools::terminal::{json_text, one_line};

/// What `compare` is asked.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// The first group: FIELD=VALUE of the records, as node=a, configuration=1a2b3c4d5e6f, variant=control, agent=sales; or a bare
    /// value of node, configuration or variant
    #[arg(value_name = "A", value_parser = group)]
    first: Group,
    /// The second group
    #[arg(value_name = "B", value_parser = group)]
    second: Group,
    /// Only calls that began since then: `1h` ago, or a moment as 2026-11-29T03:00:00Z
    #[arg(long, value_name = "TIME", value_parser = Since::read)]
    since: Option<Since>,
}

/// Which calls belong to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    /// The field of the record; `None` is any of [`USUAL`].
    field: Option<String>,
    value: String,
}

/// Prints the comparison. Returns whether all records could be read and both groups have calls.
pub(super) fn run(dirs: &RecordFolders, asked: &CompareArgs, as_json: bool) -> io::Result<bool> {
    let found = dirs.calls()?;
    let now = switchboard_actors::clock::wall();
    let recent = |call: &&Call| asked.since.is_none_or(|since| since.includes(&call.transcript, now));
    let of = |group: &Group| {
        Figures::of(found.calls.iter().filter(recent).map(|it| &it.transcript).filter(|it| group.has(it)))
    };
    let (first, second) = (of(&asked.first), of(&asked.second));
    if as_json {
        print(&json_text(&serde_json::json!({
            "a": { "group": asked.first.word(), "figures": first },
            "b": { "group": asked.second.word(), "figures": second },
            "problems": found.problems,
        })))?;
    } else {
        print(&table((&asked.first.word(), &first), (&asked.second.word(), &second)))?;
    }
    tell(&found.problems);
    for (group, figures) in [(&asked.first, &first), (&asked.second, &second)] {
        if figures.calls == 0 {
            tell(&[format!(
                "no call has {}; `switchboard records show ID --json` shows the fields of one",
                group.word()
            )]);
        }
    }
    Ok(found.problems.is_empty() && first.calls > 0 && second.calls > 0)
}

fn group(text: &str) -> Result<Group, String> {
    let (field, value) = match text.split_once('=') {
        Some((field, value)) => (Some(field.trim().to_owned()), value.trim()),
        None => (None, text.trim()),
    };
    if value.is_empty() || field.as_deref() == Some("") {
        return Err("expected FIELD=VALUE, as node=a, or a value of node, configuration or variant".to_owned());
    }
    Ok(Group { field, value: value.to_owned() })
}

impl Group {
    fn has(&self, record: &Value) -> bool {
        let is = |field: &str| record[field] == self.value.as_str();
        match &self.field {
            Some(field) => is(field),
            None => USUAL.iter().any(|field| is(field)),
        }
    }

    fn word(&self) -> String {
        let value = one_line(&self.value);
        self.field.as_ref().map_or_else(|| value.clone(), |field| format!("{}={value}", one_line(field)))
    }
}

/// What is compared of a group of calls. Shares are parts of 1. `None` where no call has the
/// figure.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Figures {
    /// Calls.
    calls: usize,
    /// Calls by the reason of their ending.
    endings: BTreeMap<String, usize>,
    /// The share of calls that were put through to a person.
    transferred: Option<f64>,
    /// The share of calls that ended because something failed.
    failed: Option<f64>,
    /// The median length, in seconds.
    duration_s: Option<f64>,
    /// How long callers waited for an answer, in milliseconds: the median.
    answer_ms: Option<u64>,
    /// The wait that one answer in twenty exceeds.
    answer_p95_ms: Option<u64>,
    /// US dollars, the mean of a call.
    cost_usd: Option<f64>,
    /// The share of the agent's words that callers heard.
    heard: Option<f64>,
    /// Interruptions of the agent, the mean of a call.
    interruptions: Option<f64>,
}

impl Figures {
    fn of<'r>(records: impl Iterator<Item = &'r Value>) -> Self {
        let mut figures = Self::default();
        let (mut waits, mut lengths, mut costs) = (Vec::new(), Vec::new(), Vec::new());
        let (mut transferred, mut failed, mut said, mut heard, mut interruptions) = (0, 0, 0, 0, 0);
        for record in records {
            figures.calls += 1;
            let ending = record["ending"]["reason"].as_str().unwrap_or("unknown").to_owned();
            failed += usize::from(FAILURES.contains(&ending.as_str()));
            *figures.endings.entry(ending).or_default() += 1;
            transferred +=
                usize::from(each(&record["transfers"]).any(|it| PUT_THROUGH.contains(&word(&it["outcome"]))));
            lengths.extend(record["duration_ms"].as_u64());
            costs.extend(record["cost_usd"].as_f64());
            waits.extend(each(&record["latency"]).filter_map(|turn| turn["total_ms"].as_u64()));
            for entry in each(&record["conversation"]).filter(|entry| AGENTS.contains(&word(&entry["speaker"]))) {
                said += word(&entry["text"]).chars().count();
                heard += word(&entry["heard"]).chars().count();
                interruptions += usize::from(entry["interrupted"] == true);
            }
        }
        let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
        figures.transferred = share(transferred, figures.calls);
        figures.failed = share(failed, figures.calls);
        figures.duration_s = percentile(&mut lengths, 50).map(|ms| ms as f64 / 1000.0);
        figures.answer_ms = percentile(&mut waits, 50);
        figures.answer_p95_ms = percentile(&mut waits, 95);
        figures.cost_usd = (!costs.is_empty()).then(|| costs.iter().sum::<f64>() / costs.len() as f64);
        figures.heard = share(heard.min(said), said);
        figures.interruptions = share(interruptions, figures.calls);
        figures
    }
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The value that `percent` of the values do not exceed.
fn percentile(values: &mut [u64], percent: usize) -> Option<u64> {
    values.sort_unstable();
    values.get((values.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

/// The figures as columns, and a row for each ending of either group.
fn table((a, first): (&str, &Figures), (b, second): (&str, &Figures)) -> String {
    let share = |part: Option<f64>| part.map_or_else(|| "-".to_owned(), |part| format!("{:.1} %", part * 100.0));
    let number = |number: Option<f64>, unit: &str, digits: usize| {
        number.map_or_else(|| "-".to_owned(), |number| format!("{number:.digits$}{unit}"))
    };
    let ms = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    let cells = |of: &Figures| {
        vec![
            of.calls.to_string(),
            share(of.transferred),
            share(of.failed),
            number(of.duration_s, " s", 1),
            ms(of.answer_ms),
            ms(of.answer_p95_ms),
            share(of.heard),
            number(of.interruptions, "", 2),
            of.cost_usd.map_or_else(|| "-".to_owned(), |cost| format!("$ {cost:.4}")),
        ]
    };
    let mut rows: Vec<[String; 3]> = vec![[String::new(), a.to_owned(), b.to_owned()]];
    let named = HEADINGS.iter().zip(cells(first)).zip(cells(second));
    rows.extend(named.map(|((heading, left), right)| [(*heading).to_owned(), left, right]));
    let endings: std::collections::BTreeSet<&String> = first.endings.keys().chain(second.endings.keys()).collect();
    for ending in endings {
        let part = |of: &Figures| {
            share((of.calls > 0).then(|| of.endings.get(ending).map_or(0.0, |n| *n as f64 / of.calls as f64)))
        };
        rows.push([format!("ended: {}", one_line(ending)), part(first), part(second)]);
    }
    let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (names, left, right) = (wide(0), wide(1), wide(2));
    rows.iter().map(|[name, a, b]| format!("{name:<names$}  {a:>left$}  {b:>right$}\n")).collect()
}

/// Fields whose values need no field's name.
const USUAL: [&str; 3] = ["node", "configuration", "variant"];
/// Speakers that are the agent.
const AGENTS: [&str; 2] = ["agent", "assistant"];
/// Endings after which somebody should look.
const FAILURES: [&str; 7] =
    ["model_lost", "model_refused", "crashed", "interrupted", "line_lost", "line_silent", "drained"];
/// Outcomes of a transfer that reached a person.
const PUT_THROUGH: [&str; 2] = ["handed_over", "answered"];
const HEADINGS: [&str; 9] = [
    "calls",
    "put through to a person",
    "ended by a failure",
    "length, median",
    "wait for an answer, median",
    "wait for an answer, p95",
    "heard of what the agent said",
    "interruptions a call",
    "cost a call",
];

/// Examples, shown below the command's options.
pub(super) const HELP: &str = "Examples:\n  switchboard records compare node=a node=b --since 1h\n  \
    switchboard records compare 1a2b3c4d5e6f 0f1e2d3c4b5a --json\n  \
    switchboard records compare variant=control variant=short_greeting\n\n\
    Exit codes: 0 both groups have calls and every record could be read, 1 otherwise.";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(node: &str, ending: &str, wait: u64, heard: &str) -> Value {
        json!({
            "node": node, "ending": { "reason": ending }, "duration_ms": 30_000, "cost_usd": 0.02,
            "latency": [{ "turn": 1, "total_ms": wait }, { "turn": 2, "total_ms": null }],
            "transfers": [{ "outcome": if ending == "transferred" { "handed_over" } else { "busy" } }],
            "conversation": [
                { "speaker": "agent", "text": "Hello there", "heard": heard, "interrupted": heard != "Hello there" },
                { "speaker": "caller", "text": "Hi", "heard": null, "interrupted": false },
            ],
        })
    }

    #[test]
    fn two_groups_are_told_apart_and_summed_up() {
        let records = [
            record("a", "caller_hung_up", 800, "Hello there"),
            record("a", "transferred", 1000, "Hello"),
            record("b", "model_lost", 2000, "Hello there"),
        ];
        let of = |text: &str| {
            let group = group(text).expect("a group");
            Figures::of(records.iter().filter(|record| group.has(record)))
        };
        let a = of("node=a");
        assert_eq!(a, of("a"), "the field is found by itself");
        assert_eq!(
            (a.calls, a.transferred, a.failed, a.answer_ms, a.answer_p95_ms),
            (2, Some(0.5), Some(0.0), Some(800), Some(1000))
        );
        assert_eq!((a.heard, a.interruptions, a.cost_usd), (Some(16.0 / 22.0), Some(0.5), Some(0.02)));
        let b = of("b");
        assert_eq!((b.calls, b.failed, b.transferred), (1, Some(1.0), Some(0.0)));
        assert_eq!(of("nowhere"), Figures::default());
        let text = table(("a", &a), ("b", &b));
        assert!(
            text.lines().any(|line| line.starts_with("wait for an answer, p95") && line.ends_with("2000 ms")),
            "{text}"
        );
        assert!(text.contains("ended: model_lost"), "{text}");
        let wide: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert!(wide.iter().all(|line| *line == wide[0]), "{text}");
    }

    #[test]
    fn a_group_is_a_field_and_a_value_or_a_value() {
        assert_eq!(group("agent = sales").expect("a group").word(), "agent=sales");
        assert_eq!(group("control").expect("a group").word(), "control");
        for wrong in ["", "=", "node=", "=a"] {
            assert!(group(wrong).is_err_and(|problem| problem.contains("node=a")), "{wrong}");
        }
    }
}
