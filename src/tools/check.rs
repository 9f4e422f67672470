//! The command `check`: reads the configuration and reports what would run, or what is wrong.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use serde_json::json;
use switchboard_actors::line::identity::Direction;
use switchboard_actors::profile::CallProfile;

use crate::cli::CheckArgs;
use crate::service::config::{Config, ConfigError, Decision, Profiles, RouteInput, plan_notes, plan_problems};
use crate::service::folders;
use crate::tools::terminal::safe_lines;

/// Exit code for bad usage or a bad configuration; nothing was started.
const REFUSED: u8 = 2;

/// Runs the command.
pub fn run(args: &CheckArgs) -> ExitCode {
    let refused = |error: ConfigError| {
        if args.json {
            print(&format!("{:#}\n", error.summary()));
        }
        refuse(&error)
    };
    let mut config = match args.config.load() {
        Ok(config) => config,
        Err(error) => return refused(error),
    };
    if args.session_update {
        print(&updates(&config));
        return ExitCode::SUCCESS;
    }
    let mut problems = folders::problems(&config);
    problems.extend(plan_problems(&config));
    if !problems.is_empty() {
        return refused(ConfigError { problems });
    }
    config.notes.extend(folders::notes(&config));
    config.notes.extend(plan_notes(&config));
    let decision = args.route.as_ref().map(|to| config.route(&call(args, to)));
    let text = if args.json {
        for_machines(&config, decision.as_ref())
    } else {
        in_words(&config, args.route.as_deref().zip(decision.as_ref()))
    };
    print(&text);
    ExitCode::SUCCESS
}

/// The session updates that would be sent to the model, as text.
fn updates(config: &Config) -> String {
    let line = |profile: &Arc<CallProfile>| {
        let update = profile.model.configuration();
        let model = config.realtime.imitated(profile.model.model());
        let line = json!({"agent": profile.agent, "language": profile.language, "model": model, "variant": profile.variant, "event": update});
        format!("{line}\n")
    };
    Profiles::new(config, None).iter().map(line).collect()
}

/// Reports on stderr what is wrong with a configuration.
pub fn refuse(error: &ConfigError) -> ExitCode {
    let error = safe_lines(&error.to_string());
    let text = format!("{} {error}\n", style("error:").red().bold().for_stderr());
    // If stderr is gone, the message cannot be delivered anywhere.
    let _ = io::stderr().lock().write_all(text.as_bytes());
    ExitCode::from(REFUSED)
}

fn call(args: &CheckArgs, to: &str) -> RouteInput {
    RouteInput {
        carrier: args.carrier,
        direction: Direction::Inbound,
        from: args.from.clone().into(),
        to: to.to_owned().into(),
        parameters: args.parameter.iter().cloned().collect(),
    }
}

fn for_machines(config: &Config, decision: Option<&Decision>) -> String {
    let mut summary = config.summary();
    if let Some(decision) = decision {
        summary["route"] = json!({
            "route": decision.route,
            "agent": decision.agent,
            "language": decision.language,
            "because": decision.because,
        });
    }
    format!("{summary:#}\n")
}

fn in_words(config: &Config, route: Option<(&str, &Decision)>) -> String {
    let mut text = String::new();
    for (heading, facts) in config.describe() {
        let heading = style(format!("{heading:>9}")).bold();
        text += &format!("{heading}  {facts}\n");
    }
    if let Some((to, decision)) = route {
        text += &format!("\n{} agent {}, language {}\n", style("answers:").bold(), decision.agent, decision.language);
        for reason in &decision.because {
            text += &format!("  - {reason}\n");
        }
        text += &format!("  - {}\n", config.spelling(to));
    }
    if !config.notes.is_empty() {
        text += &format!("\n{}\n", style("Worth knowing:").yellow().bold());
        for note in &config.notes {
            text += &format!("  - {note}\n");
        }
    }
    text + &format!("\n{}\n", style("The configuration is valid.").green())
}

/// Writes to stdout. A closed pipe (`| head`) is not an error.
fn print(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}
