//! The command line, as a new user explores it.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn every_command_has_help_with_an_example_and_a_short_one_without() {
    for command in
        ["demo", "serve", "call", "check", "doctor", "records", "deliveries", "bench", "rehearse", "completions", "man"]
    {
        let long = text(&run(&[command, "--help"]).stdout);
        assert!(long.contains("Example"), "{command}\n{long}");
        let short = text(&run(&[command, "-h"]).stdout);
        assert!(!short.contains("Example"), "{command}\n{short}");
    }
    // The list of carriers goes over more than one line.
    let help = text(&run(&["call", "--help"]).stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("twilio, waybeo, plivo, vobiz, exotel, asterisk, audiosocket, telnyx, smartflo, signalwire")
            && help.contains("[possible values: en, hi"),
        "{help}"
    );
    assert!(text(&run(&["rehearse", "--help"]).stdout).contains("drop_after_ms"));
}

#[test]
fn the_version_says_what_it_was_built_for() {
    let version = text(&run(&["--version"]).stdout);
    assert!(version.starts_with(concat!("switchboard ", env!("CARGO_PKG_VERSION"), " (")), "{version}");
    assert!(version.trim_end().ends_with(')') && version.contains(std::env::consts::ARCH), "{version}");
}

#[test]
fn shells_complete_and_the_manual_has_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]);
        assert!(script.status.success() && text(&script.stdout).contains("deliveries"), "{shell}");
    }
    assert_eq!(run(&["completions", "tcsh"]).status.code(), Some(2));
    let page = text(&run(&["man"]).stdout);
    for part in [".TH switchboard 1", "SWITCHBOARD RECORDS", "hangup", "\\-\\-say"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_call_to_nobody_is_one_error_with_the_next_step() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
    let output = run(&["call", "--url", &format!("http://127.0.0.1:{port}/twilio/voice")]);
    let problem = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{problem}");
    assert!(problem.contains("is `switchboard serve` running?"), "{problem}");
    assert_eq!(problem.matches("refused").count(), 1, "{problem}");
}

#[test]
fn unusable_sound_files_are_refused_before_the_call() {
    let home = tempfile::tempdir().expect("a folder");
    let silent = home.path().join("silent.wav");
    switchboard::tools::wav::write(&silent, &[0; 16_000]).expect("writable");
    let silent = silent.display().to_string();
    for arguments in [
        &["demo", "--heard", "/nowhere/heard.wav"][..],
        &["call", "--url", "http://127.0.0.1:9/twilio/voice", "--heard", "/nowhere/heard.wav"],
        &["demo", "--wav", &silent],
    ] {
        let output = run(arguments);
        let problem = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {problem}");
        let named =
            if arguments.contains(&"--wav") { "silent.wav has no speech above -45 dBFS" } else { "/nowhere/heard.wav" };
        assert!(problem.contains(named), "{problem}");
    }
    assert!(!Path::new("data").join("calls").join("silent").exists());
}

#[cfg(unix)]
#[test]
fn a_demo_that_is_interrupted_stops_at_once() {
    use std::io::Read as _;
    let home = tempfile::tempdir().expect("a folder");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["demo", "--records", "calls"])
        .current_dir(home.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut said = demo.stderr.take().expect("piped");
    let mut log = Vec::new();
    // Waits until the call is live.
    while !String::from_utf8_lossy(&log).contains("call started") {
        let mut piece = [0; 256];
        let read = said.read(&mut piece).expect("it goes on");
        assert!(read > 0, "{}", String::from_utf8_lossy(&log));
        log.extend(&piece[..read]);
    }
    let killed = Command::new("kill").args(["-INT", &demo.id().to_string()]).status().expect("there is a kill");
    assert!(killed.success());
    said.read_to_end(&mut log).expect("it ends");
    assert_eq!(demo.wait().expect("it ends").code(), Some(130), "{}", String::from_utf8_lossy(&log));
    assert!(String::from_utf8_lossy(&log).ends_with("stopped\n"), "{}", String::from_utf8_lossy(&log));
    assert!(!String::from_utf8_lossy(&log).contains("carry the call through"));
}

fn run(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a folder");
    Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(arguments)
        .current_dir(home.path())
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
