//! Tells the program which commit it is built from and for which target. Without git, or outside a checkout, it says what it knows.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=SWITCHBOARD_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    // Grows with each commit, also in a work tree whose `.git` is a file.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| std::path::Path::new(log).exists()) {
        println!("cargo:rerun-if-changed={log}");
    }
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let target = env::var("TARGET").unwrap_or_default();
    // The commit's own date, not today's: the same source makes the same program.
    let commit = env::var("SWITCHBOARD_COMMIT")
        .ok()
        .filter(|commit| !commit.trim().is_empty())
        .or_else(|| git(&["show", "--no-patch", "--abbrev=12", "--format=%h %cs", "HEAD"]));
    let built = commit.map_or_else(|| target.clone(), |commit| format!("{}, {target}", commit.trim()));
    println!("cargo:rustc-env=SWITCHBOARD_VERSION={version} ({built})");
}

/// What git says, on one line; nothing where there is no git, or no checkout.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}
