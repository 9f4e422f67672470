//! What the commands do: each runs one part of the crate in an actix system and turns its result
//! into an exit code.

use std::fmt::Display;
use std::future::Future;
use std::io::{self, IsTerminal as _, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::CommandFactory as _;
use console::style;
use log::debug;
use switchboard_actors::carrier::Carrier;

use crate::cli::{Cli, Command, ServeArgs};
use crate::service::config::{Config, ConfigError, Sources};
use crate::service::reload::Reading;
use crate::service::{Service, huge_pages, logging, open_files, shutdown, telemetry};
use crate::tools::bench::{BenchArgs, run_bench};
use crate::tools::phone::{self, CallArgs, CommandError, DemoArgs, LookUp, Stage, run_demo};
use crate::tools::terminal::safe_lines;
use crate::tools::{check, deliveries, doctor, health, records, rehearsal};

/// Runs the requested command.
pub fn run(cli: Cli) -> ExitCode {
    open_files::raise();
    match cli.command {
        Command::Demo(args) => in_system(demo(args)),
        Command::Serve(args) => serve(&args),
        Command::Call(args) => in_system(call(*args)),
        Command::Check(args) => check::run(&args),
        Command::Deliveries(args) => deliveries::run(&args),
        Command::Doctor(args) => in_system(doctor::run(args)),
        Command::Health(args) => health::run(&args),
        Command::Bench(args) => in_system(bench(args)),
        Command::Records(args) => records::run(&args),
        Command::Rehearse { bind, protocol, certificate } => {
            in_system(async move { rehearse(bind, &protocol, certificate.as_deref()).await })
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "switchboard", &mut script);
            put(&script)
        }
        Command::Man => manual().map_or_else(|error| failed(&error, 1), |page| put(&page)),
    }
}

fn serve(args: &ServeArgs) -> ExitCode {
    // This may restart the program. It runs before the configuration is read, which may come from a
    // pipe and cannot be read twice.
    let heap = huge_pages::prefer();
    let (path, format) = (args.config.config.clone(), args.log_format.clone());
    match Config::load_as(path.as_deref(), format.as_deref()) {
        Ok(config) => {
            logging::start(&config.log);
            if let Err(problem) = heap {
                debug!(problem:%; "the heap stays on small pages: the program could not be started once more");
            }
            config.warn();
            open_files::warn_below(config.server.max_calls);
            in_system(shutdown::serve_from(config, Reading::of(path.as_deref(), format)))
        }
        Err(error) => check::refuse(&error),
    }
}

/// The manual page: the program, then each command with its options.
fn manual() -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let program = Cli::command();
    clap_mangen::Man::new(program.clone()).render(&mut page)?;
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("switchboard {}", command.get_name());
        writeln!(page, ".SH \"{}\"", name.to_uppercase())?;
        let man = clap_mangen::Man::new(command.clone().bin_name(name));
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        man.render_extra_section(&mut page)?;
    }
    Ok(page)
}

/// Writes to stdout. A reader that closes the pipe early is no failure.
fn put(text: &[u8]) -> ExitCode {
    match io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => failed(&error, 1),
        Ok(()) | Err(_) => ExitCode::SUCCESS,
    }
}

async fn demo(args: DemoArgs) -> ExitCode {
    // Log lines would garble the picture; they appear only if stderr is no terminal or RUST_LOG
    // asks for them.
    if !io::stderr().is_terminal() || std::env::var_os("RUST_LOG").is_some() {
        telemetry::start_log();
    }
    let look_up = match LookUp::start() {
        Ok(look_up) => look_up,
        Err(error) => return failed(&error, 1),
    };
    let language = args.language.clone();
    let start = async |settings: Vec<(&'static str, String)>| {
        let usage = |error: ConfigError| CommandError::Usage(error.to_string());
        let known = Config::builtin_with(&[]).map_err(usage)?;
        let greeting = known.languages.get(&language).map_or("", |language| language.greeting.as_str());
        let settings: Vec<_> = settings.into_iter().chain(look_up.settings(greeting)).collect();
        let settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let sources = Sources::default().variables(&[look_up.secret()]).overrides(&settings);
        let config = Config::from_sources(&sources).map_err(usage)?;
        Service::build(config).await.map_err(|error| CommandError::Failed(format!("failed to {error}")))
    };
    let done = tokio::select! {
        done = run_demo(args, start) => done,
        // The process exits at once: the call's journal has what was said so far, and the next
        // start makes a record from it.
        Ok(()) = tokio::signal::ctrl_c() => {
            let _ = writeln!(io::stderr(), "stopped");
            std::process::exit(INTERRUPTED);
        }
    };
    match (done, look_up.stop().await) {
        (Ok(report), Ok(())) if report.passed => ExitCode::SUCCESS,
        (Ok(report), Err(problem)) if report.passed => failed(&problem, 1),
        // The report that was just shown lists what failed.
        (Ok(_), _) => ExitCode::FAILURE,
        (Err(error), _) => failed(&error, error.exit_code()),
    }
}

async fn call(args: CallArgs) -> ExitCode {
    match phone::run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, error.exit_code()),
    }
}

async fn bench(args: BenchArgs) -> ExitCode {
    match run_bench(&args).await {
        Ok(code) => code,
        Err(error) => failed(&error, 1),
    }
}

async fn rehearse(bind: SocketAddr, protocol: &str, certificate: Option<&Path>) -> ExitCode {
    telemetry::start_log();
    match rehearsal::run_standalone(bind, protocol, certificate).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, 1),
    }
}

impl Stage for Service {
    fn public_url(&self) -> String {
        Self::public_url(self).to_string()
    }

    fn admin_url(&self) -> String {
        Self::admin_url(self)
    }

    fn packet_addr(&self, carrier: Carrier) -> Option<SocketAddr> {
        Self::packet_addr(self, carrier)
    }

    async fn stop(self, patience: Duration) {
        Self::stop(self, patience).await;
    }
}

fn in_system(command: impl Future<Output = ExitCode>) -> ExitCode {
    actix::System::new().block_on(command)
}

/// The exit code by which shells know a command that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

fn failed(error: &dyn Display, code: u8) -> ExitCode {
    // An error may quote a server, a file or a name.
    let error = safe_lines(&error.to_string());
    let text = format!("{} {error}\n", style("error:").red().bold().for_stderr());
    // If stderr is closed, there is no other place to report the failure.
    let _ = io::stderr().lock().write_all(text.as_bytes());
    ExitCode::from(code)
}
