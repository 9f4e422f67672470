//! Prints the results of the calls on stdout.

use std::io::Write as _;

use serde::Serialize;

use crate::tools::phone::summary::Summary;
use crate::tools::terminal::safe_lines;

/// Prints the summaries on stdout. A closed pipe does not count as a failed call.
pub(super) fn print(summaries: &[Summary], json: bool) {
    let text = match summaries {
        [only] if json => serde_json::to_string_pretty(only).unwrap_or_default() + "\n",
        [only] => only.to_text(),
        many if json => {
            let all = Many { total: Total::of(many), calls: many };
            serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
        }
        many => table(many),
    };
    // Servers are quoted in it.
    let text = if json { text } else { safe_lines(&text) };
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// The JSON document for several calls.
#[derive(Debug, Serialize)]
struct Many<'a> {
    total: Total,
    calls: &'a [Summary],
}

/// The totals of several calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Total {
    pub(super) calls: usize,
    pub(super) failed: usize,
    pub(super) silent: usize,
    pub(super) first_sound_ms_median: Option<u64>,
    pub(super) first_sound_ms_p95: Option<u64>,
    pub(super) first_sound_ms_max: Option<u64>,
    pub(super) answered_ms_median: Option<u64>,
    pub(super) answered_ms_p95: Option<u64>,
    pub(super) answered_ms_max: Option<u64>,
    pub(super) heard_seconds: f64,
    pub(super) warnings: u64,
}

impl Total {
    pub(super) fn of(summaries: &[Summary]) -> Self {
        let sorted = |time: fn(&Summary) -> Option<u64>| {
            let mut times: Vec<u64> = summaries.iter().filter_map(time).collect();
            times.sort_unstable();
            times
        };
        let rank = |times: &[u64], share: f64| {
            let index = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
            times.get(index).copied()
        };
        let sounds = sorted(|summary| summary.time_to_first_sound_ms);
        let answers = sorted(|summary| summary.answered_after_ms);
        Self {
            calls: summaries.len(),
            failed: summaries.iter().filter(|summary| !summary.succeeded()).count(),
            silent: summaries.len() - sounds.len(),
            first_sound_ms_median: rank(&sounds, 0.5),
            first_sound_ms_p95: rank(&sounds, 0.95),
            first_sound_ms_max: sounds.last().copied(),
            answered_ms_median: rank(&answers, 0.5),
            answered_ms_p95: rank(&answers, 0.95),
            answered_ms_max: answers.last().copied(),
            heard_seconds: summaries.iter().map(|summary| summary.heard_seconds).sum(),
            warnings: summaries.iter().flat_map(|summary| &summary.warnings).map(|warning| warning.count).sum(),
        }
    }
}

fn table(summaries: &[Summary]) -> String {
    let dash = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let mut text = String::from(
        "call                                first sound    answered   heard  marks clears  warn  ended\n",
    );
    for summary in summaries {
        let warnings: u64 = summary.warnings.iter().map(|warning| warning.count).sum();
        let ended = summary.failures.first().unwrap_or(&summary.ended_how);
        text.push_str(&format!(
            "{:<34}  {:>8} ms {:>8} ms {:>5.1} s {:>6} {:>6} {:>5}  {ended}\n",
            summary.call_sid,
            dash(summary.time_to_first_sound_ms),
            dash(summary.answered_after_ms),
            summary.heard_seconds,
            summary.marks_echoed,
            summary.clears,
            warnings,
        ));
    }
    let total = Total::of(summaries);
    text.push_str(&format!(
        "{} calls, {} failed, {} heard nothing; first sound {} / {} / {} ms, answered after {} / {} / {} ms (median / 95 % / last); heard {:.1} s; {} warnings\n",
        total.calls,
        total.failed,
        total.silent,
        dash(total.first_sound_ms_median),
        dash(total.first_sound_ms_p95),
        dash(total.first_sound_ms_max),
        dash(total.answered_ms_median),
        dash(total.answered_ms_p95),
        dash(total.answered_ms_max),
        total.heard_seconds,
        total.warnings,
    ));
    text
}
