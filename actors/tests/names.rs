//! Tests who is named where. A carrier is named only in its own folder. The simulation of a carrier
//! names nothing of the service's side of it.

mod sources;

use std::path::{Path, PathBuf};

use sources::{actors_src, files, is_for_tests, read, root, without_comments, without_tests};
use switchboard_actors::carrier::Carrier;

/// Folders under the workspace's root that name no carrier, except in the carriers' own folders.
const NEUTRAL: [&str; 2] = ["src", "actors/src"];
/// The folder of the carriers, and the page that has a line and a row for each of them.
const FOLDERS: &str = "actors/src/carrier";
const ROWS: &str = "actors/src/carrier/mod.rs";
/// The names that code would use for the service's side of a carrier.
const SERVICES_SIDE: [&str; 14] = [
    "Wire",
    "wire::",
    "trust::",
    "::trust",
    "answer::",
    "::answer",
    "desk::",
    "::desk",
    "told::",
    "::told",
    "control::",
    "::control",
    "carrier::json",
    "g711",
];

#[test]
fn no_carrier_is_named_outside_its_folder() {
    let names: Vec<&str> = Carrier::all().map(Carrier::name).collect();
    let mut checked = 0;
    for folder in NEUTRAL.map(|folder| root().join(folder)) {
        // This crate may also stand alone, outside its workspace.
        for file in &files(&folder) {
            if names.iter().any(|name| file.starts_with(root().join(FOLDERS).join(name))) {
                continue;
            }
            let text = read(file);
            let mut found = naming(&names, &text);
            if *file == root().join(ROWS) {
                found.retain(|line| !is_a_row(&names, line));
            }
            assert!(found.is_empty(), "{} names a carrier, which its folder alone does: {found:#?}", file.display());
            checked += 1;
        }
    }
    assert!(checked > 200 || !root().join("src").exists(), "only {checked} files were found: have they moved?");
}

#[test]
fn a_fake_shares_nothing_with_what_it_is_played_against() {
    let carriers = actors_src().join("carrier");
    let fakes: Vec<PathBuf> = files(&carriers).into_iter().filter(|file| is_of_a_fake(&carriers, file)).collect();
    assert!(fakes.len() > Carrier::all().filter(|carrier| carrier.fake().is_some()).count(), "they have moved");
    for file in fakes.iter().filter(|file| !is_for_tests(file)) {
        let code = without_comments(without_tests(&read(file)));
        let found: Vec<&str> = SERVICES_SIDE.into_iter().filter(|word| code.contains(word)).collect();
        assert!(found.is_empty(), "{} uses {found:?}: a mistake there would agree with itself", file.display());
    }
}

#[test]
fn the_checks_see_what_they_are_to_see() {
    assert_eq!(naming(&["pigeon"], "a\nlet x = Pigeon::new();\n// PIGEON_TOKEN\nb").len(), 2);
    assert_eq!(naming(&["pigeon"], "a pig in the eon").len(), 0);
    let is_a_row = |line| is_a_row(&["pigeon", "owl"], line);
    assert!(is_a_row("pub mod pigeon;") && is_a_row("const SEATS: [&dyn Seat; 2] = [&pigeon::Pigeon, &owl::Owl];"));
    assert!(!is_a_row("use pigeon::Pigeon;") && !is_a_row("/// As pigeon does."));
    assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\n pigeon"), "a\n");
    assert!(!without_comments("/// The wire::\nfn f() {}").contains("wire"));
    let carriers = Path::new("/c");
    for (path, expected) in [
        ("/c/fake.rs", true),
        ("/c/fake/line.rs", true),
        ("/c/pigeon/fake.rs", true),
        ("/c/pigeon/fake/line.rs", true),
        ("/c/pigeon/wire.rs", false),
        ("/c/wire.rs", false),
    ] {
        assert_eq!(is_of_a_fake(carriers, Path::new(path)), expected, "{path}");
    }
    assert!(is_for_tests(Path::new("a/tests.rs")) && !is_for_tests(Path::new("a/attests.rs")));
}

/// The lines that name one of `names`, in upper or lower case.
fn naming<'a>(names: &[&str], text: &'a str) -> Vec<&'a str> {
    let has = |line: &str| names.iter().any(|name| line.to_lowercase().contains(name));
    text.lines().filter(|line| has(line)).collect()
}

/// Whether a line of the carriers' first page is one that every carrier has there.
fn is_a_row(names: &[&str], line: &str) -> bool {
    let line = line.trim();
    line.starts_with("const SEATS:") || names.iter().any(|name| line == format!("pub mod {name};"))
}

fn is_of_a_fake(carriers: &Path, file: &Path) -> bool {
    let inside = file.strip_prefix(carriers).unwrap_or(file);
    inside.components().any(|part| part.as_os_str() == "fake" || part.as_os_str() == "fake.rs")
}
