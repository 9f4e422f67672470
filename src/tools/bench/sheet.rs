//! The capacity sheet: the measurements and the conclusions.

use std::io::Write as _;

use serde::Serialize;
use switchboard_actors::overload::Rung;

/// All measurements of one run.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CapacitySheet {
    /// The machine, in one line.
    pub(super) machine: String,
    /// The carrier that was played.
    pub(super) carrier: &'static str,
    /// `pcm24k` or `g711`.
    pub(super) audio_format: String,
    /// The objective: p99 in each direction, in ms.
    pub(super) p99_objective_ms: u32,
    /// One row per number of calls.
    pub(super) steps: Vec<Step>,
    /// One row per feature switched off.
    pub(super) features: Vec<Feature>,
    /// Calls set up per second, each with webhook, signature, token and model session. Measured on
    /// an idle service with many set-ups at once.
    pub(super) set_ups_per_s: Option<f64>,
    /// Why the steps ended before an objective was missed.
    pub(super) stopped: Option<String>,
    /// The largest number of calls that met every objective.
    pub(super) calls_a_core: Option<usize>,
    /// Recommended `server.max_calls` for one worker: 85 % of `calls_a_core`, because latency rises
    /// steeply above.
    pub(super) recommended_max_calls: Option<usize>,
}

/// Measurements at one number of calls.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Step {
    pub(super) calls: usize,
    /// Added latency from caller to model.
    pub(super) up: Latency,
    /// Added latency from model to caller.
    pub(super) down: Latency,
    /// The carrier's smallest packet, in ms, if it is longer than a frame. The agent's audio waits
    /// until one is full, and the objective allows that.
    pub(super) packet_ms: u32,
    /// Time from `speech_started` at the model's socket to `clear` at the phone's.
    pub(super) clear: Latency,
    /// Time from the phone's 101 to the first `session.update`.
    pub(super) first_update_ms: Latency,
    pub(super) cpu_ms_per_call_s: f64,
    pub(super) service_busy_percent: u32,
    pub(super) generator_busy_percent: u32,
    pub(super) resident_kib: u64,
    /// Additional memory per call, compared with no calls.
    pub(super) kib_per_call: f64,
    /// Calls that ended unexpectedly during the measurement.
    pub(super) lost: usize,
    /// What the service did to keep up: `calm`, `messages_40ms`, `messages_60ms`, `refusing`.
    pub(super) rung: &'static str,
    /// How much longer audio waits for its message to the model on this rung, in ms; the objective
    /// allows that.
    pub(super) gathered_ms: u32,
}

/// Measurements with one feature switched off.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Feature {
    pub(super) name: String,
    pub(super) step: Step,
}

/// Percentiles in ms.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) samples: usize,
}

impl Latency {
    /// Computes the percentiles of samples in µs.
    pub(super) fn of(micros: &[u32]) -> Self {
        let mut sorted = micros.to_vec();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(index).map_or(0.0, |us| f64::from(*us) / 1000.0)
        };
        Self { p50: at(50), p95: at(95), p99: at(99), samples: sorted.len() }
    }
}

impl Step {
    /// Whether every objective was met.
    pub(super) fn holds(&self, p99_ms: u32) -> bool {
        let (up, down) = (p99_ms.saturating_add(self.gathered_ms), p99_ms.saturating_add(self.packet_ms));
        let (up, down) = (f64::from(up), f64::from(down));
        self.lost == 0 && self.up.samples > 0 && self.down.samples > 0 && self.up.p99 <= up && self.down.p99 <= down
    }
}

impl CapacitySheet {
    pub(super) fn new(machine: String, carrier: &'static str, audio_format: &str, p99_objective_ms: u32) -> Self {
        Self {
            machine,
            carrier,
            audio_format: audio_format.to_owned(),
            p99_objective_ms,
            steps: Vec::new(),
            features: Vec::new(),
            set_ups_per_s: None,
            stopped: None,
            calls_a_core: None,
            recommended_max_calls: None,
        }
    }

    /// Derives the conclusions from the steps.
    pub(super) fn conclude(&mut self) {
        self.calls_a_core = self.steps.iter().filter(|s| s.holds(self.p99_objective_ms)).map(|s| s.calls).max();
        self.recommended_max_calls = self.calls_a_core.map(|calls| calls * 85 / 100);
    }

    /// Whether a step missed an objective. Otherwise, more calls might have been possible.
    fn limit_reached(&self) -> bool {
        self.steps.iter().any(|step| !step.holds(self.p99_objective_ms))
    }

    /// Prints `json` if it is given, otherwise the table.
    pub(super) fn print(&self, json: Option<&str>) {
        let mut out = std::io::stdout().lock();
        let _ = match json {
            Some(text) => writeln!(out, "{text}"),
            None => self.table(&mut out),
        };
    }

    fn table(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        writeln!(
            out,
            "{}; carrier {}; model audio {}; objective p99 <= {} ms each way",
            self.machine, self.carrier, self.audio_format, self.p99_objective_ms
        )?;
        if let Some(packet_ms) = self.steps.iter().map(|step| step.packet_ms).find(|packet_ms| *packet_ms > 0) {
            writeln!(out, "the carrier takes packets of {packet_ms} ms and more, which the objective down allows")?;
        }
        writeln!(out)?;
        writeln!(
            out,
            "{:>16} {:>20} {:>20} {:>17} {:>10} {:>9} {:>6} {:>6} {:>9} {:>13}",
            "calls",
            "up p50/p95/p99 ms",
            "down p50/p95/p99 ms",
            "clear p50/p99 ms",
            "ms/call-s",
            "KiB/call",
            "busy",
            "rig",
            "101->upd",
            "keeps up by",
        )?;
        for step in &self.steps {
            let mark = if step.holds(self.p99_objective_ms) { "" } else { "  missed" };
            Self::row(out, &step.calls.to_string(), step, mark)?;
        }
        for feature in &self.features {
            Self::row(out, &feature.name, &feature.step, "")?;
        }
        if let Some(rate) = self.set_ups_per_s {
            writeln!(out, "\n{rate:.0} set-ups a second")?;
        }
        for rung in Rung::ALL.iter().skip(1).map(|rung| rung.word()) {
            if let Some(step) = self.steps.iter().find(|step| step.rung == rung) {
                writeln!(out, "{rung}: from {} calls on", step.calls)?;
            }
        }
        if let Some(stopped) = &self.stopped {
            writeln!(out, "\nstopped: {stopped}")?;
        }
        match (self.calls_a_core, self.recommended_max_calls) {
            (Some(calls), Some(recommended)) => {
                let (least, limit) = if self.limit_reached() {
                    ("", "")
                } else {
                    ("at least ", " (limit not reached; go on with --steps)")
                };
                let result = format!("{least}{calls} calls a core held{limit}");
                writeln!(out, "\n{result}; recommended server.max_calls per worker: {least}{recommended}")
            }
            _ => writeln!(out, "\nno step held its objective; start lower with --steps"),
        }
    }

    fn row(out: &mut impl std::io::Write, name: &str, step: &Step, mark: &str) -> std::io::Result<()> {
        let three = |l: &Latency| format!("{:.2}/{:.2}/{:.2}", l.p50, l.p95, l.p99);
        writeln!(
            out,
            "{name:>16} {:>20} {:>20} {:>17} {:>10.2} {:>9.0} {:>5}% {:>5}% {:>9.2} {:>13}{mark}",
            three(&step.up),
            three(&step.down),
            format!("{:.2}/{:.2}", step.clear.p50, step.clear.p99),
            step.cpu_ms_per_call_s,
            step.kib_per_call,
            step.service_busy_percent,
            step.generator_busy_percent,
            step.first_update_ms.p50,
            step.rung,
        )
    }
}

#[cfg(test)]
mod tests;
