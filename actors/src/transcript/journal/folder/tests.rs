use super::*;

#[test]
fn the_journals_of_a_running_process_are_not_recovered() {
    let dir = tempfile::tempdir().expect("a directory");
    let folder = JournalFolder::open(dir.path(), "1-a").expect("a folder");
    fs::write(folder.path("x"), "").expect("writable");
    assert!(orphans(dir.path()).expect("readable").is_empty());
    drop(folder);
    let found = orphans(dir.path()).expect("readable");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].journals.len(), 1);
    assert!(orphans(dir.path()).expect("readable").is_empty(), "taken once at a time");
    fs::remove_file(&found[0].journals[0]).expect("ours");
    drop(found);
    assert_eq!(fs::read_dir(dir.path().join(ROOT)).expect("there").count(), 0, "nothing is left behind");
}

#[test]
fn a_folder_that_the_disk_did_not_take_is_made_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().join(ROOT);
    fs::write(&root, "in the way").expect("writable");
    let folder = JournalFolder::unmade(dir.path(), "1-a");
    assert!(folder.ensure().is_err());
    fs::remove_file(&root).expect("ours");
    folder.ensure().expect("there is room");
    folder.ensure().expect("made once");
    fs::write(folder.path("x"), "").expect("writable");
    assert!(orphans(dir.path()).expect("readable").is_empty(), "it is locked");
}

#[test]
fn setting_a_journal_aside_overwrites_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    for number in 0..3 {
        let journal = dir.path().join("x.journal");
        fs::write(&journal, number.to_string()).expect("writable");
        set_aside(dir.path(), &journal, "torn").expect("moved");
    }
    let mut names: Vec<_> = fs::read_dir(dir.path().join(ROOT).join(ASIDE))
        .expect("there")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["x-2.torn", "x-3.torn", "x.torn"]);
}
