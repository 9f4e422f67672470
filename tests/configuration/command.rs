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
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["server"]["max_calls"], 3);
    assert_eq!(report["server"]["workers"], 5, "a variable that is set wins over .env");
    assert_eq!(report["twilio"]["verify"], "require");
    assert_eq!(report["secrets"]["TWILIO_AUTH_TOKEN"], "present");

    let words = check(dir.path(), &["--route", "+912250000000", "--parameter", "language=hi"], &[]);
    let text = String::from_utf8(words.stdout).expect("text");
    assert!(
        text.contains("default: en hi mr te ta ml") && text.contains("language hi: by the call's parameter"),
        "{text}"
    );
    assert!(!text.contains("swordfish") && !text.contains('\u{1b}'), "{text}");
    for (country, written, said) in [
        ("", "+912250000000", "numbers come as +91…; +912250000000 is written so"),
        ("", "00912250000000", "\"00912250000000\" was read as +912250000000"),
        ("", "02250000000", "\"02250000000\" names no country"),
        ("IN", "02250000000", "\"02250000000\" was read as +912250000000"),
    ] {
        let output = check(dir.path(), &["--route", written], &[("SWITCHBOARD__NUMBERS__COUNTRY", country)]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(said), "{written} in {country:?}: {text}");
    }
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
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((report["valid"].as_bool(), report["problems"].as_array().map(Vec::len)), (Some(false), Some(2)));

    let missing = check(dir.path(), &["--config", "nowhere.toml"], &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("nowhere.toml"));
    assert_eq!(check(dir.path(), &["--jsn"], &[]).status.code(), Some(2));
    assert_eq!(check(dir.path(), &["--help"], &[]).status.code(), Some(0));
}

#[test]
fn check_opens_what_the_service_will_write_to() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("file"), "").expect("a file");
    for (key, value) in [
        ("records.dir", "file"),
        ("records.dir", "file/deeper"),
        ("records.dir", "/proc/switchboard"),
        ("records.legacy_dir", "file/old"),
        ("recording.dir", "file/wavs"),
        ("spend.file", "file/spend.json"),
    ] {
        let variable = format!("SWITCHBOARD__{}", key.replace('.', "__").to_uppercase());
        let set = [
            (variable.as_str(), value),
            ("SWITCHBOARD__RECORDING__ENABLED", "true"),
            ("SWITCHBOARD__SPEND__DAY_HARD", "5"),
        ];
        let output = check(dir.path(), &["--json"], &set);
        assert_eq!(output.status.code(), Some(2), "{key} = {value}: {output:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(&format!("{key}: found")), "{key} = {value}: {text}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["problems"][0]["key"], key);
    }
    std::fs::create_dir(dir.path().join("data")).expect("a folder");
    std::fs::write(dir.path().join("data/spend.json"), "").expect("a file");
    let set = [("SWITCHBOARD__SPEND__DAY_HARD", "5")];
    let broken = check(dir.path(), &[], &set);
    assert_eq!(broken.status.code(), Some(2), "{broken:?}");
    assert!(String::from_utf8_lossy(&broken.stderr).contains("spend.file: "), "{broken:?}");
    std::fs::remove_file(dir.path().join("data/spend.json")).expect("removed");

    let set = [("SWITCHBOARD__RECORDING__DIR", "new/wavs"), ("SWITCHBOARD__RECORDING__ENABLED", "true")];
    let good = check(dir.path(), &[], &set);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    let mut left: Vec<_> =
        std::fs::read_dir(dir.path()).expect("a folder").map(|it| it.expect("an entry").file_name()).collect();
    left.sort();
    assert_eq!(left, ["data", "file"], "nothing is made and nothing is left behind");
}

#[test]
fn check_shows_what_is_used_and_what_is_worth_knowing() {
    let dir = tempfile::tempdir().expect("a folder");
    let text = r#"
[realtime]
fallback_models = ["gpt-realtime-2.1-mini"]
[recording]
enabled = true
[agents.default]
tools = ["end_call", "stock"]
[tools.stock]
description = "What is in stock"
url = "https://crm.example.com/stock?key=s3cr3t"
[transfers.desk]
number = "+14155550100"
hours = "mon-fri 09:00-18:00 +05:30"
"#;
    std::fs::write(dir.path().join("config.toml"), text).expect("a file");
    let output = check(dir.path(), &[], &[]);
    let printed = String::from_utf8(output.stdout).expect("text");
    for shown in [
        "then gpt-realtime-2.1-mini",
        "stock: https://crm.example.com/stock\n",
        "open mon,tue,wed,thu,fri 09:00-18:00 +05:30",
        "callers of default are recorded and not told",
        "Worth knowing:",
        "TWILIO_AUTH_TOKEN absent",
    ] {
        assert!(printed.contains(shown), "{shown} is not in {printed}");
    }
    for hidden in ["s3cr3t", "WAYBEO_STREAM_TOKEN", "SWITCHBOARD_CALLER_SALT", "OPENAI_API_KEY"] {
        assert!(!printed.contains(hidden), "{hidden} is in {printed}");
    }
    let text = text.replace("[agents.default]", "[agents.default]\nnotice = \"This call is recorded.\"");
    std::fs::write(dir.path().join("config.toml"), text).expect("a file");
    let printed = String::from_utf8(check(dir.path(), &[], &[]).stdout).expect("text");
    assert!(!printed.contains("not told") && printed.contains("callers are told first"), "{printed}");
    let misspelt = check(dir.path(), &[], &[("SWITCHBOARD__REALTIME__MODEL", "gpt-realtme-2.1")]);
    assert!(String::from_utf8_lossy(&misspelt.stdout).contains("knows no model gpt-realtme-2.1"), "{misspelt:?}");
}

fn check(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("check").args(arguments).current_dir(dir).env_clear().envs(variables.iter().copied());
    command.output().expect("the program runs")
}
