//! Displays running calls on stderr, only if that is a terminal.

use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::handset::{Phase, Progress};

/// One line that is redrawn. Draws nothing if stderr is not a terminal.
#[derive(Debug)]
pub(super) struct Line {
    bar: ProgressBar,
}

/// Redraw interval. Longer: the meters lag. Shorter: the terminal flickers.
pub(super) const REDRAW: Duration = Duration::from_millis(100);

impl Line {
    /// An empty line.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(spinner) = ProgressStyle::with_template("{spinner:.cyan} {wide_msg}") {
            bar.set_style(spinner);
        }
        Self { bar }
    }

    /// Replaces the line's text.
    pub(super) fn draw(&self, text: String) {
        self.bar.set_message(text);
        self.bar.tick();
    }

    /// Prints a permanent line above this one.
    pub(super) fn keep(&self, text: &str) {
        self.bar.println(text);
    }

    /// Removes the line.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Formats one call as a line.
pub(super) fn one_call(now: &Progress) -> String {
    let seconds = now.elapsed.as_secs_f64();
    let phase = match now.phase {
        Phase::Talking => style(now.phase.word()).for_stderr().green(),
        Phase::Dialling | Phase::Waiting => style(now.phase.word()).for_stderr().yellow(),
        Phase::Over => style(now.phase.word()).for_stderr().dim(),
    };
    let warnings = match now.warnings {
        0 => String::new(),
        count => format!(" {}", style(format!("{count} warnings")).for_stderr().red()),
    };
    // The line fits the 80 columns of an ordinary terminal; a warning may exceed them.
    format!(
        "{seconds:5.1}s {phase} caller {} agent {}{warnings} heard {:.1}s marks {} clears {}",
        style(meter(now.caller_level)).for_stderr().cyan(),
        style(meter(now.agent_level)).for_stderr().magenta(),
        now.heard.as_secs_f64(),
        now.marks,
        now.clears,
    )
}

/// Formats many calls as one line.
pub(super) fn many_calls(calls: &[Progress], expected: usize) -> String {
    let count = |phase| calls.iter().filter(|call| call.phase == phase).count();
    let audible = |level: fn(&Progress) -> f32| calls.iter().filter(|call| level(call) > QUIETEST).count();
    let heard: f64 = calls.iter().map(|call| call.heard.as_secs_f64()).sum();
    format!(
        "{} of {expected} placed  {} talking ({} callers and {} agents audible)  {} over  heard {heard:.0} s",
        calls.len(),
        count(Phase::Talking),
        audible(|call| call.caller_level),
        audible(|call| call.agent_level),
        count(Phase::Over),
    )
}

/// Draws a level, 0 to 1, as a bar on a decibel scale.
pub(super) fn meter(level: f32) -> String {
    let eighths = (loudness(level) * (METER_CELLS * 8) as f32).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if let Some(part) = (eighths % 8).checked_sub(1) {
        bar.push(['▏', '▎', '▍', '▌', '▋', '▊', '▉'][part]);
    }
    let filled = bar.chars().count();
    bar.push_str(&"·".repeat(METER_CELLS - filled));
    bar
}

/// Converts a level to a decibel scale: 0 is a quiet line, 1 is the loudest speech.
pub(super) fn loudness(level: f32) -> f32 {
    let decibels = 20.0 * level.max(1e-6).log10();
    ((decibels - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)).clamp(0.0, 1.0)
}

/// Cells of a meter.
const METER_CELLS: usize = 8;
/// Left end of a meter: the noise of a quiet room on a telephone.
const QUIETEST_DB: f32 = -50.0;
/// Right end of a meter: the average level of the loudest speech.
const LOUDEST_DB: f32 = -8.0;
/// The left end as a linear level.
const QUIETEST: f32 = 0.003;

#[cfg(test)]
mod tests;
