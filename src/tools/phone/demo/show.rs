//! Displays the demo on stderr: the state of the call, and the levels of both voices over time. If
//! stderr is not a terminal, each new state is printed on a line of its own.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::super::display::loudness;
use super::super::handset::Progress;

/// A state that the call was seen in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The state's name, as `/calls` shows it.
    pub state: String,
    /// When the state was first seen, in milliseconds since dialling.
    pub at_ms: u64,
}

/// The live display.
#[derive(Debug)]
pub(super) struct Show {
    lines: [ProgressBar; 4],
    live: bool,
    title: String,
    seen: Vec<Seen>,
    /// Both levels, one pair per redraw.
    levels: Vec<(f32, f32)>,
}

impl Show {
    /// An empty display with this title.
    pub(super) fn new(title: String) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let line = || {
            let bar = all.add(ProgressBar::no_length());
            if let Ok(plain) = ProgressStyle::with_template("{wide_msg}") {
                bar.set_style(plain);
            }
            bar
        };
        let lines = [line(), line(), line(), line()];
        Self { lines, live: std::io::stderr().is_terminal(), title, seen: Vec::new(), levels: Vec::new() }
    }

    /// Draws the call as it is now, with its state if the service reported one.
    pub(super) fn draw(&mut self, now: &Progress, state: Option<&str>) {
        if let Some(state) = state
            && self.seen.last().is_none_or(|last| last.state != state)
        {
            self.seen.push(Seen { state: state.to_owned(), at_ms: now.elapsed.as_millis() as u64 });
            if !self.live {
                // A closed pipe does not count as a failed call.
                let _ = writeln!(std::io::stderr(), "{:6.1} s  {state}", now.elapsed.as_secs_f64());
            }
        }
        self.levels.push((now.caller_level, now.agent_level));
        if self.live {
            let heard = now.heard.as_secs_f64();
            let numbers = format!("heard {heard:.1} s   marks {}   clears {}", now.marks, now.clears);
            let [head, timeline, caller, agent] = &self.lines;
            head.set_message(format!(
                "{}  {:5.1} s   {numbers}",
                style(&self.title).for_stderr().bold(),
                now.elapsed.as_secs_f64()
            ));
            timeline.set_message(format!("state   {}", states(&self.seen, now.elapsed)));
            let columns = self.levels.len().saturating_sub(COLUMNS);
            let recent = &self.levels[columns..];
            caller.set_message(format!(
                "caller  {}",
                style(strip(recent.iter().map(|level| level.0))).for_stderr().cyan()
            ));
            agent.set_message(format!(
                "agent   {}",
                style(strip(recent.iter().map(|level| level.1))).for_stderr().magenta()
            ));
        }
    }

    /// Leaves the last picture on the screen. Returns the states that were seen.
    pub(super) fn finish(self) -> Vec<Seen> {
        for line in &self.lines {
            if self.live {
                line.abandon();
            } else {
                line.finish_and_clear();
            }
        }
        self.seen
    }
}

/// Columns per voice on the screen. At ten redraws per second, these show the last seven seconds.
const COLUMNS: usize = 70;

/// The states with the time spent in each. Only the latest are shown if there are many.
fn states(seen: &[Seen], now: Duration) -> String {
    let first = seen.len().saturating_sub(STATES_SHOWN);
    let mut text = if first > 0 { "… ".to_owned() } else { String::new() };
    for (index, state) in seen.iter().enumerate().skip(first) {
        let until = seen.get(index + 1).map_or(now.as_millis() as u64, |next| next.at_ms);
        let spent = until.saturating_sub(state.at_ms) as f64 / 1000.0;
        let label = format!("{} {spent:.1}", state.state);
        if index + 1 == seen.len() {
            text.push_str(&style(label).for_stderr().green().bold().to_string());
        } else {
            text.push_str(&style(format!("{label} ▸ ")).for_stderr().dim().to_string());
        }
    }
    text
}

const STATES_SHOWN: usize = 5;

/// Levels over time, one character each.
fn strip(levels: impl Iterator<Item = f32>) -> String {
    const SIGNS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    levels.map(|level| SIGNS[(loudness(level) * 8.0).round() as usize]).collect()
}

#[cfg(test)]
mod tests;
