use super::*;

#[test]
fn the_folders_are_read_without_anybodys_secrets() {
    let production = "[server]\npublic_url = \"https://voice.example.com\"\n[realtime]\nprovider = \"openai\"\n\
        [records]\ndir = \"/srv/calls\"\n[recording]\nenabled = true\ndir = \"/srv/wavs\"\nconsent = \"This is recorded.\"";
    let kept = Kept::of(&Sources::default().file("/etc/switchboard/config.toml", production), None).expect("good");
    assert_eq!(kept.records.dir, Path::new("/srv/calls"));
    assert_eq!(kept.recording.dir.as_deref(), Some(Path::new("/srv/wavs")));
    assert_eq!(kept.said_by, "records.dir of /etc/switchboard/config.toml, line 6");
    let elsewhere = Kept::of(&Sources::default().file("c.toml", production), Some(Path::new("/backup"))).expect("good");
    assert_eq!((elsewhere.records.dir.as_path(), elsewhere.said_by.as_str()), (Path::new("/backup"), "--dir"));
}

#[test]
fn only_problems_of_the_folder_settings_are_reported() {
    let problems = |text: &str| Kept::of(&Sources::default().file("c.toml", text), None).map_err(|it| it.to_string());
    let problem =
        problems("[records]\ndri = \"x\"\n[limits]\nnonsense = 1\n[server]\nbind = 5").expect_err("a wrong key");
    assert!(problem.contains("records.dri") && !problem.contains("nonsense") && !problem.contains("bind"), "{problem}");
    assert!(problems("[records\ndir = \"x\"").expect_err("no TOML").contains("not TOML"));
    assert!(problems("[transfers.sales]\nnumber = 5\n[agents.x]\nvoice = 1").is_ok());
}

#[test]
fn a_folder_that_is_not_there_is_named_in_full_with_who_named_it() {
    let mut kept = Kept::of(&Sources::default(), None).expect("good");
    // The working directory of tests may have been one of a service.
    kept.records.dir = tempfile::tempdir().expect("a folder").path().join("data/calls");
    let problem = kept.look().expect_err("no such folder here");
    assert!(
        problem.starts_with("there is no folder /")
            && problem.contains("/data/calls (records.dir of built-in defaults); give --config"),
        "{problem}"
    );
}
