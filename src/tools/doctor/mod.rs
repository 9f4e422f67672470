//! The command `doctor`: looks at everything that a call needs, before a caller does. It changes
//! nothing, places no call, and asks every server only what has no effect there.
//!
//! [`machine`] looks at this machine, [`model`] at the model's servers, [`front`] at the way from
//! outside, [`nginx`] at the proxy in front, and [`partners`] at carriers, receivers and queues.

mod front;
mod machine;
mod model;
mod nginx;
mod partners;

use std::process::ExitCode;

use clap::Args;
use console::style;
use serde_json::json;

use crate::cli::ConfigArgs;
use crate::service::config::{Config, plan_notes, plan_problems};
use crate::service::folders;
use crate::tools::terminal::{json_text, one_line, print};

/// What `doctor` is asked.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Prints JSON, for machines
    #[arg(long)]
    pub json: bool,
    /// Looks at this machine alone and asks no server
    #[arg(long)]
    pub offline: bool,
}

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it has to be.
    Good,
    /// Not wrong, or not to be found out from here.
    Note,
    /// Calls will suffer from it.
    Wrong,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Wrong => "wrong",
        }
    }
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    verdict: Verdict,
    /// What was looked at.
    of: String,
    /// What was found and, where it is wrong, the next step.
    found: String,
}

impl Line {
    fn good(of: impl Into<String>, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Good, of: of.into(), found: found.into() }
    }

    fn note(of: impl Into<String>, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Note, of: of.into(), found: found.into() }
    }

    fn wrong(of: impl Into<String>, found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, of: of.into(), found: found.into() }
    }

    fn in_words(&self) -> String {
        let word = match self.verdict {
            Verdict::Good => style(" good").green(),
            Verdict::Note => style(" note").yellow(),
            Verdict::Wrong => style("wrong").red().bold(),
        };
        format!("{word}  {}  {}\n", style(format!("{:<16}", one_line(&self.of))).bold(), one_line(&self.found))
    }
}

/// The report as it grows. For people every line is printed as soon as it is known.
struct Report {
    is_quiet: bool,
    lines: Vec<Line>,
}

impl Report {
    fn add(&mut self, lines: impl IntoIterator<Item = Line>) {
        for line in lines {
            if !self.is_quiet {
                // A reader that is gone needs no report.
                let _ = print(&line.in_words());
            }
            self.lines.push(line);
        }
    }

    fn wrong(&self) -> usize {
        self.lines.iter().filter(|line| line.verdict == Verdict::Wrong).count()
    }
}

/// Runs the command: 0 if nothing is wrong, else 1.
pub async fn run(args: DoctorArgs) -> ExitCode {
    let mut report = Report { is_quiet: args.json, lines: Vec::new() };
    match args.config.load() {
        Ok(config) => examine(&config, args.offline, &mut report).await,
        Err(error) => {
            report.add(error.problems.iter().map(|problem| Line::wrong("configuration", problem.to_string())));
        }
    }
    let wrong = report.wrong();
    let text = if args.json {
        let lines = report.lines.iter().map(|it| json!({"verdict": it.verdict.word(), "of": it.of, "found": it.found}));
        json_text(&json!({"wrong": wrong, "lines": lines.collect::<Vec<_>>()}))
    } else {
        match wrong {
            0 => format!("\n{}\n", style("Nothing is wrong.").green()),
            1 => format!("\n{}\n", style("1 thing is wrong.").red()),
            more => format!("\n{}\n", style(format!("{more} things are wrong.")).red()),
        }
    };
    let _ = print(&text);
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn examine(config: &Config, offline: bool, report: &mut Report) {
    report.add(configuration(config));
    report.add(keys(config));
    report.add(machine::looked(config));
    if offline {
        return;
    }
    report.add(model::looked(config).await);
    report.add(front::looked(config).await);
    report.add(nginx::looked(config).await);
    let mut clocks = Vec::new();
    report.add(partners::looked(config, &mut clocks).await);
    report.add([machine::compared(&clocks)]);
}

fn configuration(config: &Config) -> Vec<Line> {
    let of = "configuration";
    let mut problems = folders::problems(config);
    problems.extend(plan_problems(config));
    let mut lines: Vec<Line> = problems.iter().map(|problem| Line::wrong(of, problem.to_string())).collect();
    if lines.is_empty() {
        let file =
            config.file.as_ref().map_or_else(|| "the built-in defaults".to_owned(), |file| file.display().to_string());
        lines.push(Line::good(of, format!("{file}: valid")));
    }
    lines.extend(config.notes.iter().chain(&plan_notes(config)).map(|note| Line::note(of, note.as_str())));
    lines
}

/// Which secrets are there, and which are missed by something that is switched on.
fn keys(config: &Config) -> Vec<Line> {
    let of = "keys";
    let present: Vec<&str> =
        config.secrets.present().into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect();
    let mut lines = vec![if present.is_empty() {
        Line::note(of, "no secret is set: callers hear the embedded model, and nothing is signed")
    } else {
        Line::good(of, format!("set: {}", present.join(", ")))
    }];
    let missed = config.carriers.missed_secrets();
    lines.extend(missed.into_iter().map(|(name, help)| {
        Line::note(of, format!("{name} is not set: {help}; put it into .env or the service's environment"))
    }));
    lines
}
