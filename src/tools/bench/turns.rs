//! `switchboard bench --turns`: the service's own part of a turn with engines that hear, think and
//! speak, and what such a call costs.
//!
//! The engines answer at once, so what remains between them is the service: from the end of a turn to
//! the request for its answer, from the first words to the request for their voice, from the first
//! audio to the phone.

use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;
use switchboard_actors::realtime::seat::Provider;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::spawn_local;

use super::engines::{self, Books, Ears, TURN_EVERY};
use super::load::{BenchArgs, BenchError, Served, free_port, serve, tempdir};
use super::metronome::Metronome;
use super::phone::{self, CallBook, Tally};
use super::played::Played;
use super::probe;
use super::sheet::Latency;

/// The measurements of a run.
#[derive(Debug, Serialize)]
struct TurnSheet {
    /// The machine, in one line.
    machine: String,
    /// The objective: p99 of each part, in ms.
    p99_objective_ms: f64,
    /// One row per number of calls.
    steps: Vec<TurnStep>,
    /// The largest number of calls that met every objective.
    calls_a_core: Option<usize>,
}

/// Measurements at one number of calls.
#[derive(Debug, Serialize)]
struct TurnStep {
    calls: usize,
    /// From the end of a turn to the request for its answer.
    asked: Latency,
    /// From the first words of an answer to the request for its voice.
    said: Latency,
    /// From the first audio of an answer to the phone.
    heard: Latency,
    cpu_ms_per_call_s: f64,
    service_busy_percent: u32,
    generator_busy_percent: u32,
    kib_per_call: f64,
}

impl TurnStep {
    fn holds(&self) -> bool {
        // A turn that is not answered is no quick turn.
        let least = self.asked.samples / 2;
        [&self.asked, &self.said, &self.heard].into_iter().all(|part| part.samples > least && part.p99 <= OBJECTIVE_MS)
    }
}

/// Measures each step and prints the sheet.
pub(super) async fn measure(args: &BenchArgs, machine: String, apart: bool) -> Result<ExitCode, BenchError> {
    let mut rig = Rig::start(args, apart).await?;
    let mut sheet = TurnSheet { machine, p99_objective_ms: OBJECTIVE_MS, steps: Vec::new(), calls_a_core: None };
    for &calls in &args.steps {
        let step = rig.step(calls, args).await?;
        let (holds, is_busy) = (step.holds(), step.generator_busy_percent > 95);
        sheet.steps.push(step);
        if is_busy || !holds {
            break;
        }
    }
    sheet.calls_a_core = sheet.steps.iter().filter(|step| step.holds()).map(|step| step.calls).max();
    // A closed stdout has no reader who misses anything.
    let _ = sheet.print(args.json, &mut std::io::stdout().lock());
    Ok(ExitCode::SUCCESS)
}

/// The service under test and its load.
struct Rig {
    played: Played,
    service: Served,
    log: PathBuf,
    address: String,
    ears: UnboundedReceiver<Ears>,
    books: Books,
    tally: Rc<Tally>,
    metronome: Rc<Metronome>,
    /// Memory of the service without calls, in KiB.
    idle_kib: u64,
    _records: tempdir::Dir,
}

impl Rig {
    async fn start(args: &BenchArgs, apart: bool) -> Result<Self, BenchError> {
        let io = |what| move |source| BenchError::Io { what, source };
        let played = Played::new(args.carrier, true).map_err(io("play the carrier"))?;
        let books = Books::default();
        let (engines, ears) = engines::listen(Rc::clone(&books)).await.map_err(io("listen for the service"))?;
        let (port, admin) = (free_port().map_err(io("find a port"))?, free_port().map_err(io("find a port"))?);
        let records = tempdir::Dir::new().map_err(io("make a folder for records"))?;
        let log = args.out.join("service.log");
        let address = format!("127.0.0.1:{port}");
        let most = args.steps.iter().copied().fold(1, usize::max);
        let joins = Provider::of_engines().ok_or_else(|| BenchError::NoProtocol(String::new()))?;
        let mut command = serve(&address, admin, records.path(), most, apart).map_err(io("find this program"))?;
        let setting = |name: &str| format!("SWITCHBOARD__{}__{name}", joins.word().to_uppercase());
        command
            .env("SWITCHBOARD__REALTIME__PROVIDER", joins.word())
            .env(setting("STT__PROVIDER"), EARS)
            .env(setting("STT__URL"), format!("http://127.0.0.1:{engines}"))
            .env(setting("LLM__URL"), format!("http://127.0.0.1:{engines}/v1"))
            .env(setting("TTS__PROVIDER"), VOICE)
            .env(setting("TTS__URL"), format!("http://127.0.0.1:{engines}"))
            .envs(played.environment())
            .env("RUST_LOG", "info");
        let service = Served::start(command, &address, &log).await?;
        Ok(Self {
            played,
            idle_kib: probe::resident_kib(service.0.id()).unwrap_or(0),
            metronome: Metronome::start().map_err(io("start the metronome"))?,
            service,
            log,
            address,
            ears,
            books,
            tally: Rc::default(),
            _records: records,
        })
    }

    /// Raises the number of calls to `calls`, measures, and returns the figures.
    async fn step(&mut self, calls: usize, args: &BenchArgs) -> Result<TurnStep, BenchError> {
        let known = self.books.borrow().len();
        for number in known..calls {
            self.add(number).await.map_err(|reason| BenchError::SetUp { number, reason })?;
        }
        // The greeting is over, and every call has had a turn.
        tokio::time::sleep(TURN_EVERY * 2).await;
        let (pid, own) = (self.service.0.id(), std::process::id());
        let processor_time = |pid| probe::processor_time(pid).unwrap_or_default();
        let parts = [&self.tally.asked, &self.tally.said, &self.tally.heard];
        parts.iter().for_each(|part| part.borrow_mut().clear());
        let (before, own_before, began) = (processor_time(pid), processor_time(own), Instant::now());
        self.tally.measuring.set(true);
        tokio::time::sleep(Duration::from_secs(args.seconds)).await;
        self.tally.measuring.set(false);
        let (used, own_used, took) = (processor_time(pid) - before, processor_time(own) - own_before, began.elapsed());
        if !matches!(self.service.0.try_wait(), Ok(None)) {
            return Err(BenchError::Service("left during the load", self.log.clone()));
        }
        let [asked, said, heard] = parts.map(|part| Latency::of(&part.take()));
        let percent = |used: Duration| (100.0 * used.as_secs_f64() / took.as_secs_f64()) as u32;
        let resident_kib = probe::resident_kib(pid).unwrap_or(0);
        Ok(TurnStep {
            calls,
            asked,
            said,
            heard,
            cpu_ms_per_call_s: used.as_secs_f64() * 1000.0 / (calls as f64 * took.as_secs_f64()),
            service_busy_percent: percent(used),
            generator_busy_percent: percent(own_used),
            kib_per_call: resident_kib.saturating_sub(self.idle_kib) as f64 / calls.max(1) as f64,
        })
    }

    /// Adds one call, including its webhook and the sockets of its engines.
    async fn add(&mut self, number: usize) -> Result<(), String> {
        let phone = self.played.ring(&self.address, number as u128).await?;
        let waited = tokio::time::timeout(Duration::from_secs(5), self.ears.recv()).await;
        let ears = waited.ok().flatten().ok_or("no engine was asked to hear within 5 s")?;
        let book = CallBook::new(Rc::clone(&self.metronome), Rc::clone(&self.tally));
        self.books.borrow_mut().push(Rc::clone(&book));
        // Spread over the time of a turn, as callers are.
        let spread = TURN_EVERY.mul_f64((number as f64 * GOLDEN).fract());
        let first_turn = self.metronome.after(GREETING + spread);
        let first_frame = self.metronome.after(FRAME.mul_f64((number as f64 * GOLDEN).fract()));
        spawn_local(engines::carry(ears, Rc::clone(&book), number, first_turn));
        spawn_local(phone::carry(phone, book, first_frame));
        Ok(())
    }
}

impl TurnSheet {
    fn print(&self, json: bool, out: &mut impl std::io::Write) -> std::io::Result<()> {
        if json {
            return writeln!(out, "{}", serde_json::to_string_pretty(self).unwrap_or_default());
        }
        writeln!(
            out,
            "{}; our own part of a turn; objective p99 <= {} ms each\n",
            self.machine, self.p99_objective_ms
        )?;
        writeln!(
            out,
            "{:>6} {:>24} {:>24} {:>24} {:>6} {:>10} {:>9} {:>6} {:>6}",
            "calls",
            "turn over>asked ms",
            "words>voice ms",
            "audio>phone ms",
            "turns",
            "ms/call-s",
            "KiB/call",
            "busy",
            "rig",
        )?;
        for step in &self.steps {
            let three = |part: &Latency| format!("{:.2}/{:.2}/{:.2}", part.p50, part.p95, part.p99);
            let mark = if step.holds() { "" } else { "  missed" };
            writeln!(
                out,
                "{:>6} {:>24} {:>24} {:>24} {:>6} {:>10.2} {:>9.0} {:>5}% {:>5}%{mark}",
                step.calls,
                three(&step.asked),
                three(&step.said),
                three(&step.heard),
                step.heard.samples,
                step.cpu_ms_per_call_s,
                step.kib_per_call,
                step.service_busy_percent,
                step.generator_busy_percent,
            )?;
        }
        match self.calls_a_core {
            Some(calls) => writeln!(out, "\n{calls} calls a core held"),
            None => writeln!(out, "\nno step held its objective; start lower with --steps"),
        }
    }
}

/// The most of each part of a turn at p99, in ms.
const OBJECTIVE_MS: f64 = 5.0;
/// Ears that tell the turns themselves, so that nothing is waited for, and a voice with a socket.
const EARS: &str = "deepgram_flux";
const VOICE: &str = "cartesia";
/// The time for the greeting.
const GREETING: Duration = Duration::from_secs(2);
const FRAME: Duration = Duration::from_millis(20);
/// Spreads any number of calls evenly.
const GOLDEN: f64 = 0.618_033_988_749_895;

#[cfg(test)]
mod tests {
    use super::*;

    fn step(p99: f64, samples: usize) -> TurnStep {
        let latency = |p99, samples| Latency { p50: 1.0, p95: 2.0, p99, samples };
        TurnStep {
            calls: 50,
            asked: latency(1.0, 100),
            said: latency(p99, 100),
            heard: latency(1.0, samples),
            cpu_ms_per_call_s: 3.0,
            service_busy_percent: 15,
            generator_busy_percent: 10,
            kib_per_call: 300.0,
        }
    }

    #[test]
    fn a_step_holds_if_every_part_is_quick_and_every_turn_is_answered() {
        assert!(step(4.9, 100).holds());
        assert!(!step(5.1, 100).holds(), "the voice is asked late");
        assert!(!step(1.0, 40).holds(), "callers hear nothing");
        let steps = vec![step(1.0, 100)];
        let sheet = TurnSheet { machine: "a machine".to_owned(), p99_objective_ms: 5.0, steps, calls_a_core: Some(50) };
        let mut text = Vec::new();
        sheet.print(false, &mut text).expect("a buffer");
        assert!(String::from_utf8(text).expect("text").contains("50 calls a core held"));
    }
}
