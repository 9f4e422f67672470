//! The command `check`.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

#[test]
fn check_says_what_would_run() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join(".env"), "SOMEBODY_ELSES=x\nTWILIO_AUTH_TOKEN=swordfish\nSWITCHBOARD__SERVER__MAX_CALLS=3\nSWITCHBOARD__SERVER__WORKERS=2\n").expect("a file");
    let output = check(dir.path(), &["--json"], &[("SWITCHBOARD__SERVER__WORKERS", "5")]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["server"]["max_calls"], 3);
    assert_eq!(told["server"]["workers"], 5, "a variable that is set wins over .env");
    assert_eq!(told["twilio"]["verify"], "require");
    assert_eq!(told["secrets"]["TWILIO_AUTH_TOKEN"], "present");

    let words = check(dir.path(), &["--route", "+912250000000", "--parameter", "language=hi"], &[]);
    let text = String::from_utf8(words.stdout).expect("text");
    assert!(
        text.contains("default: en hi mr te ta ml") && text.contains("language hi: by the call's parameter"),
        "{text}"
    );
    assert!(!text.contains("swordfish") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn check_leaves_with_2_and_all_that_is_wrong_on_stderr() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("config.toml"), "[server]\nbnd = 1\nmax_calls = 0\n").expect("a file");
    let output = check(dir.path(), &[], &[]);
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(text.contains("server.bnd (config.toml, line 2)") && text.contains("server.max_calls"), "{text}");
    let output = check(dir.path(), &["--json"], &[]);
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((told["valid"].as_bool(), told["problems"].as_array().map(Vec::len)), (Some(false), Some(2)));

    let missing = check(dir.path(), &["--config", "nowhere.toml"], &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("nowhere.toml"));
    assert_eq!(check(dir.path(), &["--jsn"], &[]).status.code(), Some(2));
    assert_eq!(check(dir.path(), &["--help"], &[]).status.code(), Some(0));
}

fn check(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("check").args(arguments).current_dir(dir).env_clear().envs(variables.iter().copied());
    command.output().expect("the program runs")
}
