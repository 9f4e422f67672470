//! The command `health`: checks whether a service on this machine answers. For containers and
//! watchdogs without curl.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::tools::terminal::{complain, one_line};

/// What `health` is asked.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Where the service listens for carriers (server.bind)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub at: SocketAddr,
    /// Asks whether it takes calls (/ready) and not only whether it lives (/health)
    #[arg(long)]
    pub ready: bool,
}

/// Sends one request and prints the answer. Success is status 200 within [`PATIENCE`].
pub(crate) fn run(args: &HealthArgs) -> ExitCode {
    match ask(args) {
        Ok(Answer { status: 200, body }) => {
            let _ = writeln!(io::stdout(), "{}", one_line(&body));
            ExitCode::SUCCESS
        }
        Ok(Answer { status, body }) => refuse(&format!("{} answered {status}: {body}", args.at)),
        Err(problem) => refuse(&format!("nothing answers at {}: {problem}; is `switchboard serve` running?", args.at)),
    }
}

fn refuse(what: &str) -> ExitCode {
    complain(what);
    ExitCode::FAILURE
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    body: String,
}

fn ask(args: &HealthArgs) -> io::Result<Answer> {
    let mut line = TcpStream::connect_timeout(&args.at, PATIENCE)?;
    line.set_read_timeout(Some(PATIENCE))?;
    line.set_write_timeout(Some(PATIENCE))?;
    let path = if args.ready { "/ready" } else { "/health" };
    write!(line, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", args.at)?;
    let mut text = Vec::new();
    line.take(MOST).read_to_end(&mut text)?;
    read(&String::from_utf8_lossy(&text)).ok_or_else(|| io::Error::other("its answer is not HTTP"))
}

/// Parses the answer of a Switchboard service: the head has the length of the body, so everything
/// after the head is the body.
fn read(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer { status, body: body.trim_end().to_owned() })
}

/// Time limit. The service answers without waiting for anything, so one that needs longer is
/// unhealthy.
const PATIENCE: Duration = Duration::from_secs(3);
/// Maximum size read. A normal answer is a few hundred bytes.
const MOST: u64 = 64 * 1024;

#[cfg(test)]
mod tests;
