//! The `switchboard` command.

use std::process::ExitCode;

use clap::Parser;
use switchboard::cli::{Cli, Command};
use switchboard::{check, telemetry};

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => match args.load() {
            Ok(config) => {
                telemetry::start_log();
                config.warn();
                log::error!("this build has no listeners to serve with");
                ExitCode::FAILURE
            }
            Err(error) => check::refuse(&error),
        },
        Command::Check(args) => check::run(&args),
    }
}
