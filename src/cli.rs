//! The command line: the commands and their arguments.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::realtime::seat::Provider;

use crate::service::config::{Config, ConfigError, Kept};
use crate::tools::bench::BenchArgs;
use crate::tools::deliveries::DeliveriesArgs;
use crate::tools::doctor::DoctorArgs;
use crate::tools::health::HealthArgs;
use crate::tools::phone::{CallArgs, DemoArgs};
use crate::tools::records::RecordsArgs;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;

/// The version and what the build knew about its source and target: `0.1.0 (1a2b3c4d5e6f
/// 2026-11-29, x86_64-unknown-linux-gnu)`.
pub const VERSION: &str = env!("SWITCHBOARD_VERSION");

/// Answers phone calls with a realtime voice model.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version = VERSION, max_term_width = 100, propagate_version = true)]
#[command(after_long_help = "Examples:\n  switchboard demo\n  switchboard serve --config config.toml\n\n\
    Exit codes: 0 done, 1 failed while running, 2 bad usage or configuration")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows one whole call on this machine, without keys and network
    Demo(DemoArgs),
    /// Answers calls until it is stopped
    #[command(after_long_help = "Example: switchboard serve --config /etc/switchboard/config.toml\n\n\
        SIGTERM and Ctrl-C let calls end by themselves for server.drain_timeout; the second one ends them now.\n\
        The log on stderr follows [log] of the configuration, and RUST_LOG before it: RUST_LOG=warn,switchboard=debug.")]
    Serve(ServeArgs),
    /// Calls a running service as a carrier would
    Call(Box<CallArgs>),
    /// Checks the configuration and shows what would run
    #[command(after_long_help = "Examples:\n  switchboard check\n  \
        switchboard check --config config.toml --json\n  \
        switchboard check --route +912250000000 --from +919800000000")]
    Check(CheckArgs),
    /// Lists webhook deliveries, and sends dead letters again
    #[command(
        after_long_help = "Examples:\n  switchboard deliveries list\n  switchboard deliveries show ID\n  switchboard deliveries retry ID"
    )]
    Deliveries(DeliveriesArgs),
    /// Looks at everything that a call needs, and says what is wrong
    #[command(
        after_long_help = "Examples:\n  switchboard doctor\n  switchboard doctor --config /etc/switchboard/config.toml --json\n\n\
        Nothing is changed, nobody is called. As root, the time-outs of nginx on this machine are looked at too.\n\n\
        Exit codes: 0 nothing is wrong, 1 something is"
    )]
    Doctor(DoctorArgs),
    /// Checks the health of a service on this machine
    #[command(
        after_long_help = "Examples:\n  switchboard health\n  switchboard health --ready --at 127.0.0.1:8080\n\n\
        Exit codes: 0 it is, 1 it is not or nothing answers"
    )]
    Health(HealthArgs),
    /// Measures how many calls this machine can carry
    Bench(BenchArgs),
    /// Lists, shows, compares, indexes and erases records of calls
    Records(RecordsArgs),
    /// Runs the rehearsal model by itself; prints its URL
    #[command(after_long_help = rehearse_help())]
    Rehearse {
        /// Where it listens; port 0 takes any free one
        #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
        bind: SocketAddr,
        /// Whose URL is printed; every protocol is served
        #[arg(long, value_name = "PROTOCOL", default_value = Provider::protocols().next().unwrap_or_default(),
            value_parser = clap::builder::PossibleValuesParser::new(Provider::protocols()))]
        protocol: String,
        /// It speaks TLS, with a certificate of its own that is written to this file
        #[arg(long, value_name = "FILE")]
        certificate: Option<PathBuf>,
    },
    /// Prints shell completions
    #[command(after_long_help = "Example: switchboard completions bash > /etc/bash_completion.d/switchboard")]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Prints the manual page
    #[command(after_long_help = "Example: switchboard man > /usr/local/share/man/man1/switchboard.1")]
    Man,
}

/// The names of all carriers. The first is the default.
fn carriers() -> Vec<&'static str> {
    Carrier::all().map(Carrier::name).collect()
}

fn rehearse_help() -> String {
    let last = Provider::protocols().last().unwrap_or_default();
    format!(
        "The URL of a connection may order misbehaviour: ws://…/v1/realtime?model=m&rehearse=KEY:NUMBER,KEY:NUMBER\n{}\n\
         Examples:\n  switchboard rehearse --bind 127.0.0.1:9999\n  switchboard rehearse --protocol {}\n  \
         switchboard rehearse --protocol {} --certificate model.pem",
        Misbehaviour::HELP,
        last,
        last
    )
}

/// Which configuration.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigArgs {
    /// The configuration; without it config.toml in the working directory, where there is one, else
    /// the built-in defaults
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// How `serve` runs.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The format of the log, whatever the configuration says: a line for people, or one JSON object a line
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"])]
    pub log_format: Option<String>,
}

/// What `check` is asked.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Prints JSON, for machines
    #[arg(long)]
    pub json: bool,
    /// Prints the `session.update` of every agent in every language, a line of JSON each; secrets
    /// are left out
    #[arg(long)]
    pub session_update: bool,
    /// Shows which route a call to this number would take, and why
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub route: Option<String>,
    /// The caller's number, for --route
    #[arg(long, value_name = "NUMBER", requires = "route", default_value = "anonymous", hide_default_value = true)]
    pub from: String,
    /// The carrier, for --route
    #[arg(long, requires = "route", default_value = carriers()[0], hide_default_value = true, value_parser = crate::tools::phone::carrier,
        help = format!("The carrier, for --route: {}", carriers().join(" or ")))]
    pub carrier: Carrier,
    /// A parameter of the carrier's URL, for --route; may be repeated
    #[arg(long, value_name = "NAME=VALUE", requires = "route", value_parser = parameter)]
    pub parameter: Vec<(String, String)>,
}

/// Where an operator's command finds what is kept. Each of these may stand before or behind the
/// command's own words.
#[derive(Debug, Clone, Default, Args)]
pub struct KeptArgs {
    /// The configuration; without it config.toml in the working directory, where there is one, else
    /// the built-in defaults
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// The folder of records, whatever the configuration says
    #[arg(long, value_name = "FOLDER", global = true)]
    pub dir: Option<PathBuf>,
    /// Prints JSON, for machines
    #[arg(long, global = true)]
    pub json: bool,
}

impl KeptArgs {
    /// Reads where records, recordings and deliveries are kept, and nothing else of the
    /// configuration.
    ///
    /// # Errors
    /// What is wrong with these sections.
    pub fn load(&self) -> Result<Kept, ConfigError> {
        Kept::load(self.config.as_deref(), self.dir.as_deref())
    }
}

impl ConfigArgs {
    /// Reads the configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref())
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
