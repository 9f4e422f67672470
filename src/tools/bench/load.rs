//! The steps of the bench: starts the service, adds calls, measures, and stops at the first missed
//! objective.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::future::{Either, select};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::overload::Rung;
use switchboard_actors::realtime::seat::Provider;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::spawn_local;

use super::metronome::Metronome;
use super::model::{self, Configured};
use super::models;
use super::phone::{self, CallBook, Tally};
use super::played::Played;
use super::sheet::{CapacitySheet, Feature, Latency, Step};
use super::{plot, probe, turns};
use crate::service::shutdown::Signals;
use crate::tools::phone::{CarrierName, default_carrier};
use crate::tools::rehearsal::protocols;

/// Measures what this host can carry.
#[derive(Debug, Clone, Args)]
#[command(
    after_long_help = "Example: switchboard bench --steps 100,400,800 --seconds 10 --out target/bench\n         switchboard bench --audio\n         switchboard bench --model live --steps 100\n         switchboard bench --carrier NAME --steps 100"
)]
pub struct BenchArgs {
    /// Concurrent calls of each step.
    #[arg(long, value_delimiter = ',', default_values_t = [50, 100, 200, 400, 600, 800, 1000, 1200, 1400, 1600])]
    pub steps: Vec<usize>,
    /// Measured seconds of each step.
    #[arg(long, default_value_t = 8)]
    pub seconds: u64,
    /// The objective: 99 % of frames pass within this many ms, each way.
    #[arg(long, default_value_t = 10)]
    pub p99_ms: u32,
    /// Compare what a call costs the service with the embedded model in these protocols, at the
    /// first number of --steps: the first protocol of the model, then these.
    #[arg(long, value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(protocols()))]
    pub model: Vec<String>,
    /// Measure the service's own part of a turn instead, with engines that hear, think and speak.
    #[arg(long, conflicts_with_all = ["audio", "model"])]
    pub turns: bool,
    /// Rounds of a comparison with --model; the medians are compared.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// The carrier that is played, by its strict fake.
    #[arg(long, default_value = default_carrier().name(), value_parser = CarrierName)]
    pub carrier: Carrier,
    /// The model's audio: pcm24k or g711.
    #[arg(long, default_value = "pcm24k", value_parser = ["pcm24k", "g711"])]
    pub audio_format: String,
    /// Measure again with one feature off at a time, at this many calls.
    #[arg(long)]
    pub features_at: Option<usize>,
    /// Measure what the audio path does to sound instead, and fail when a limit is missed
    /// (audio.json, spectra.svg).
    #[arg(long)]
    pub audio: bool,
    /// Where the sheet (sheet.json), the plot (latency.svg) and the service's own log (service.log)
    /// go.
    #[arg(long, default_value = "target/bench")]
    pub out: PathBuf,
    /// Print the sheet as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Why the bench produced no sheet.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file or socket of the bench failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The service did not start, or ended early.
    #[error("the service under test {0}; its log is {1}")]
    Service(&'static str, PathBuf),
    /// A call could not be set up.
    #[error("call {number} could not be set up: {reason}")]
    SetUp {
        /// The number of the call.
        number: usize,
        /// Why.
        reason: String,
    },
    /// The service takes no more calls, because it cannot keep up.
    #[error("the service refuses new calls from {calls} on, because it cannot keep up")]
    Refused {
        /// The calls that are on.
        calls: usize,
    },
    /// The service has no address for the carrier's calls.
    #[error("the carrier cannot call: {0}")]
    NoCall(String),
    /// The model does not speak this protocol.
    #[error("the embedded model does not speak {0:?}")]
    NoProtocol(String),
    /// The load generator is the bottleneck, so the figures say nothing about the service.
    #[error(
        "the load generator used {busy_percent} % of its core at {calls} calls: it is the bottleneck, nothing can be concluded from here on"
    )]
    GeneratorBusy {
        /// Number of calls at that time.
        calls: usize,
        /// Processor use of the load generator, in percent.
        busy_percent: u32,
    },
    /// A signal ended the bench.
    #[error("{0}: the bench stopped before its end, without a sheet")]
    Signal(&'static str),
}

/// Runs the bench. The sheet is printed on stdout, progress on stderr.
///
/// # Errors
/// Fails if the service cannot be started or measured, or if a signal arrives before the end.
pub async fn run_bench(args: &BenchArgs) -> Result<ExitCode, BenchError> {
    if args.audio {
        return super::audio::run(&args.out, args.json);
    }
    let mut signals = Signals::listen();
    // Dropping an unfinished measurement also ends its service.
    match select(pin!(measure(args)), pin!(signals.end())).await {
        Either::Left((done, _)) => done,
        Either::Right((signal, _)) => Err(BenchError::Signal(signal)),
    }
}

async fn measure(args: &BenchArgs) -> Result<ExitCode, BenchError> {
    std::fs::create_dir_all(&args.out).map_err(|source| BenchError::Io { what: "make the output folder", source })?;
    let progress = ProgressBar::new(args.steps.len() as u64).with_style(
        ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    if args.turns {
        return turns::measure(args, probe::machine(), keep_apart()).await;
    }
    if !args.model.is_empty() {
        let first = protocols().next().map(str::to_owned);
        let others = args.model.iter().filter(|it| Some(*it) != first.as_ref()).cloned();
        let compared: Vec<String> = first.clone().into_iter().chain(others).collect();
        return models::compare(args, &compared, probe::machine(), keep_apart()).await;
    }
    let mut sheet = CapacitySheet::new(probe::machine(), args.carrier.name(), &args.audio_format, args.p99_ms);
    let variant = Variant { audio_format: &args.audio_format, verify: true, log: "info", overload: "auto" };
    // Called once: after the move to one core, the process sees only that core.
    let apart = keep_apart();
    let mut rig = Rig::start(args, variant, apart).await?;
    for &calls in &args.steps {
        progress.set_message(format!("{calls} calls: setting up"));
        match rig.step(calls, args, &progress).await {
            Ok(step) => {
                let met = step.holds(args.p99_ms);
                sheet.steps.push(step);
                progress.inc(1);
                if !met {
                    break;
                }
            }
            Err(stopped @ (BenchError::GeneratorBusy { .. } | BenchError::Refused { .. })) => {
                sheet.stopped = Some(stopped.to_string());
                break;
            }
            Err(other) => return Err(other),
        }
    }
    rig.stop().await;
    progress.set_message("setting up");
    let variant = Variant { overload: "off", ..variant };
    let mut rig = Rig::start(args, variant, apart).await?;
    sheet.set_ups_per_s = Some(rig.set_up_rate().await?);
    rig.stop().await;
    if let Some(calls) = args.features_at {
        for (name, variant) in [
            ("everything on", variant),
            ("model audio g711", Variant { audio_format: "g711", ..variant }),
            ("verification off", Variant { verify: false, ..variant }),
            ("log off", Variant { log: "off", ..variant }),
        ] {
            progress.set_message(format!("{name} at {calls} calls"));
            let mut rig = Rig::start(args, variant, apart).await?;
            let step = rig.step(calls, args, &progress).await?;
            rig.stop().await;
            sheet.features.push(Feature { name: name.to_owned(), step });
        }
    }
    progress.finish_and_clear();
    sheet.conclude();
    let text = serde_json::to_string_pretty(&sheet).unwrap_or_default();
    let written = std::fs::write(args.out.join("sheet.json"), &text)
        .and_then(|()| std::fs::write(args.out.join("latency.svg"), plot::latency_over_calls(&sheet)));
    written.map_err(|source| BenchError::Io { what: "write the sheet", source })?;
    sheet.print(args.json.then_some(text.as_str()));
    Ok(ExitCode::SUCCESS)
}

/// The features that are on in the service under test.
#[derive(Debug, Clone, Copy)]
struct Variant<'a> {
    audio_format: &'a str,
    verify: bool,
    log: &'static str,
    /// What threads do that fall behind, as `server.overload`.
    overload: &'static str,
}

/// The service under test and its load.
struct Rig {
    played: Played,
    service: Served,
    log: PathBuf,
    address: String,
    admin: u16,
    sessions: UnboundedReceiver<Configured>,
    call_books: Vec<Rc<CallBook>>,
    tally: Rc<Tally>,
    lost: Rc<Cell<usize>>,
    metronome: Rc<Metronome>,
    /// Memory of the service without calls, in KiB.
    idle_kib: u64,
    _records: tempdir::Dir,
}

impl Rig {
    async fn start(args: &BenchArgs, variant: Variant<'_>, apart: bool) -> Result<Self, BenchError> {
        let io = |what| move |source| BenchError::Io { what, source };
        let played = Played::new(args.carrier, variant.verify).map_err(io("play the carrier"))?;
        let (model_port, sessions) = model::listen().await.map_err(io("listen for the service"))?;
        let (port, admin) = (free_port().map_err(io("find a port"))?, free_port().map_err(io("find a port"))?);
        let records = tempdir::Dir::new().map_err(io("make a folder for records"))?;
        let log = args.out.join("service.log");
        let address = format!("127.0.0.1:{port}");
        // The limit admits every call of the steps, and requires no more of the system than they
        // need.
        let most = args.steps.iter().copied().chain(args.features_at).fold(SET_UPS, usize::max);
        let provider = Provider::usual();
        let mut command = serve(&address, admin, records.path(), most, apart).map_err(io("find this program"))?;
        command
            .env("SWITCHBOARD__REALTIME__PROVIDER", provider.word())
            .env("SWITCHBOARD__REALTIME__URL", format!("ws://127.0.0.1:{model_port}/v1/realtime"))
            .env("SWITCHBOARD__REALTIME__AUDIO_FORMAT", variant.audio_format)
            .envs(provider.key().map(|key| (key.variable, "bench")))
            .envs(played.environment())
            .env("SWITCHBOARD__SERVER__OVERLOAD", variant.overload)
            .env("RUST_LOG", variant.log);
        let service = Served::start(command, &address, &log).await?;
        Ok(Self {
            played,
            idle_kib: probe::resident_kib(service.0.id()).unwrap_or(0),
            metronome: Metronome::start().map_err(io("start the metronome"))?,
            service,
            log,
            address,
            admin,
            sessions,
            call_books: Vec::new(),
            tally: Rc::default(),
            lost: Rc::default(),
            _records: records,
        })
    }

    /// Raises the number of calls to `calls`, measures, and returns the figures.
    async fn step(&mut self, calls: usize, args: &BenchArgs, progress: &ProgressBar) -> Result<Step, BenchError> {
        let from = self.call_books.len();
        let mut to_update = Vec::new();
        for number in from..calls {
            match self.add(number).await {
                Ok(took) => to_update.push(took),
                Err(_) if probe::rung(self.admin).await == Rung::Refusing => {
                    return Err(BenchError::Refused { calls: number });
                }
                Err(reason) => return Err(BenchError::SetUp { number, reason }),
            }
        }
        progress.set_message(format!("{calls} calls: settling"));
        tokio::time::sleep(Duration::from_secs(2)).await;
        progress.set_message(format!("{calls} calls: measuring {} s", args.seconds));
        let (pid, own) = (self.service.0.id(), std::process::id());
        let processor_time = |pid| probe::processor_time(pid).unwrap_or_default();
        self.tally.up.borrow_mut().clear();
        self.tally.down.borrow_mut().clear();
        self.tally.clear.borrow_mut().clear();
        let lost_before = self.lost.get();
        let (service_before, own_before, wall) = (processor_time(pid), processor_time(own), Instant::now());
        self.tally.measuring.set(true);
        tokio::time::sleep(Duration::from_secs(args.seconds)).await;
        self.tally.measuring.set(false);
        let (service_used, own_used, wall) =
            (processor_time(pid) - service_before, processor_time(own) - own_before, wall.elapsed());
        let resident_kib = probe::resident_kib(pid).unwrap_or(0);
        progress.set_message(format!("{calls} calls: interrupting"));
        self.tally.measuring.set(true);
        let (up, down) = (Latency::of(&self.tally.up.take()), Latency::of(&self.tally.down.take()));
        for book in self.call_books.iter().take(INTERRUPTED) {
            book.interrupt.set(true);
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
        self.tally.measuring.set(false);
        let busy_percent = (100.0 * own_used.as_secs_f64() / wall.as_secs_f64()) as u32;
        if busy_percent > 95 {
            return Err(BenchError::GeneratorBusy { calls, busy_percent });
        }
        if !matches!(self.service.0.try_wait(), Ok(None)) {
            return Err(BenchError::Service("left during the load", self.log.clone()));
        }
        let rung = probe::rung(self.admin).await;
        Ok(Step {
            rung: rung.word(),
            gathered_ms: (rung.frames() - 1) * 20,
            calls,
            up,
            down,
            packet_ms: u32::try_from(self.played.packet().as_millis()).unwrap_or(u32::MAX),
            clear: Latency::of(&self.tally.clear.take()),
            first_update_ms: Latency::of(&to_update),
            cpu_ms_per_call_s: service_used.as_secs_f64() * 1000.0 / (calls as f64 * wall.as_secs_f64()),
            service_busy_percent: (100.0 * service_used.as_secs_f64() / wall.as_secs_f64()) as u32,
            generator_busy_percent: busy_percent,
            kib_per_call: resident_kib.saturating_sub(self.idle_kib) as f64 / calls.max(1) as f64,
            resident_kib,
            lost: self.lost.get() - lost_before,
        })
    }

    /// Adds one call, including its webhook. Returns the µs from the phone's 101 to the model's
    /// `session.update`.
    async fn add(&mut self, number: usize) -> Result<u32, String> {
        let phone = self.played.ring(&self.address, number as u128).await?;
        let opened = phone.opened;
        let waited = tokio::time::timeout(Duration::from_secs(5), self.sessions.recv()).await;
        let configured = waited.ok().flatten().ok_or("no model session came within 5 s")?;
        let book = CallBook::new(Rc::clone(&self.metronome), Rc::clone(&self.tally));
        self.call_books.push(Rc::clone(&book));
        // First frames are spread over the 20 ms of a frame.
        let first = self.metronome.after(Duration::from_micros((number as u64 * 7_919) % 20_000));
        let (lost, phone_book) = (Rc::clone(&self.lost), Rc::clone(&book));
        spawn_local(async move {
            phone::carry(phone, phone_book, first).await;
            lost.set(lost.get() + 1);
        });
        spawn_local(model::carry(configured.session, book));
        Ok(u32::try_from((configured.update_at - opened).as_micros()).unwrap_or(u32::MAX))
    }

    /// Sets up many calls concurrently, each with webhook, signature, token and model session.
    /// Returns how many per second.
    async fn set_up_rate(&mut self) -> Result<f64, BenchError> {
        let began = Instant::now();
        let this = &*self;
        let ringing = stream::iter(0..SET_UPS).map(async |number| {
            let started = this.played.ring(&this.address, 0xF000_0000 + number as u128).await;
            started.map_err(|reason| BenchError::SetUp { number, reason })
        });
        let phones: Vec<_> = ringing.buffer_unordered(SET_UPS_AT_ONCE).try_collect().await?;
        let mut sessions = Vec::new();
        for number in 0..phones.len() {
            let reason = "no model session came within 5 s";
            let waited = tokio::time::timeout(Duration::from_secs(5), self.sessions.recv()).await;
            let session =
                waited.ok().flatten().ok_or_else(|| BenchError::SetUp { number, reason: reason.to_owned() })?;
            sessions.push(session);
        }
        Ok(SET_UPS as f64 / began.elapsed().as_secs_f64())
    }

    async fn stop(self) {
        for book in &self.call_books {
            book.closed.set(true);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// The command of a service under test, for `most` calls. Its model and carriers are still to be
/// set.
pub(super) fn serve(address: &str, admin: u16, records: &Path, most: usize, apart: bool) -> std::io::Result<Command> {
    let binary = std::env::current_exe()?;
    let mut command = if apart {
        let mut taskset = Command::new("taskset");
        taskset.args(["-c", SERVICE_CORE]).arg(&binary);
        taskset
    } else {
        Command::new(&binary)
    };
    command
        .arg("serve")
        .current_dir(records)
        .env("SWITCHBOARD__SERVER__BIND", address)
        .env("SWITCHBOARD__SERVER__PUBLIC_URL", format!("http://{address}"))
        .env("SWITCHBOARD__SERVER__WORKERS", "1")
        // What is measured is not how many calls there may be, but for the steps.
        .env("SWITCHBOARD__SERVER__OVERLOAD", "off")
        .env("SWITCHBOARD__SERVER__MAX_CALLS", most.to_string())
        .env("SWITCHBOARD__LIMITS__SOCKETS_PER_ADDRESS", most.to_string())
        .env("SWITCHBOARD__ADMIN__BIND", format!("127.0.0.1:{admin}"))
        .env("SWITCHBOARD__RECORDS__DIR", records.join("calls"));
    Ok(command)
}

/// The service's process. It is killed when the bench ends, for whatever reason.
pub(super) struct Served(pub(super) Child);

impl Served {
    /// Starts the service with its log in a file, and waits until it listens on `address`.
    pub(super) async fn start(mut command: Command, address: &str, log: &Path) -> Result<Self, BenchError> {
        let io = |what| move |source| BenchError::Io { what, source };
        let log_file = std::fs::File::create(log).map_err(io("make the service's log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file);
        let mut service = Self(command.spawn().map_err(io("start the service"))?);
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
                return Ok(service);
            }
            if !matches!(service.0.try_wait(), Ok(None)) {
                return Err(BenchError::Service("left at once", log.to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(BenchError::Service("does not listen", log.to_owned()))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Number of calls in the set-up measurement.
const SET_UPS: usize = 500;
/// Number of concurrent set-ups in it.
const SET_UPS_AT_ONCE: usize = 16;
/// CPU core of the service under test.
const SERVICE_CORE: &str = "0";
/// CPU core of the load.
const LOAD_CORE: &str = "1";
/// Number of interruptions measured in a step.
const INTERRUPTED: usize = 100;
/// Moves the load to its own core, if there is more than one and the system permits it. Returns
/// whether every service under test must then be started on [`SERVICE_CORE`].
fn keep_apart() -> bool {
    if !std::thread::available_parallelism().is_ok_and(|n| n.get() > 1) {
        return false;
    }
    let own = std::process::id().to_string();
    let mut taskset = Command::new("taskset");
    taskset.args(["-a", "-cp", LOAD_CORE, &own]).stdout(Stdio::null()).stderr(Stdio::null());
    taskset.status().is_ok_and(|status| status.success())
}

pub(super) fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A temporary folder that is removed on drop.
pub(super) mod tempdir {
    use std::path::{Path, PathBuf};

    pub(in super::super) struct Dir(PathBuf);

    impl Dir {
        pub(in super::super) fn new() -> std::io::Result<Self> {
            let path = std::env::temp_dir().join(format!("switchboard-bench-{}", uuid::Uuid::new_v4()));
            std::fs::create_dir_all(&path)?;
            Ok(Self(path))
        }

        pub(in super::super) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

#[cfg(test)]
mod tests;
