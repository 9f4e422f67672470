//! The `switchboard` command.

use std::process::ExitCode;

use clap::Parser;
use switchboard::cli::Cli;

fn main() -> ExitCode {
    switchboard::commands::run(Cli::parse())
}
