//! Tests who is named where. A carrier or a provider of models is named only in its own folder. The
//! simulation of a carrier names nothing of the service's side of it.

mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use sources::{actors_src, files, is_for_tests, read, root, without_comments, without_tests};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::realtime::seat::Provider;

/// Folders under the workspace's root that name no carrier, except in the carriers' own folders.
const NEUTRAL: [&str; 2] = ["src", "actors/src"];
/// The folder of the carriers, and the page that has a line and a row for each of them.
const FOLDERS: &str = "actors/src/carrier";
const ROWS: &str = "actors/src/carrier/mod.rs";
/// The folders of the providers: of their sessions, and of the servers that play them. A provider's
/// folder has the file of its rows.
const PROVIDERS_FOLDERS: [&str; 2] = ["actors/src/realtime", "src/tools/rehearsal"];
const PROVIDERS_ROWS: &str = "seat.rs";
/// The pages that have lines for each provider: the `mod` lines with the rows, the enums that have a
/// variant for each, and the servers that play them.
const PROVIDERS_DOORS: [&str; 4] = [
    "actors/src/realtime/mod.rs",
    "actors/src/realtime/conversation.rs",
    "src/tools/rehearsal/mod.rs",
    "src/tools/rehearsal/server.rs",
];
/// The names that code would use for the service's side of a carrier.
const SERVICES_SIDE: [&str; 14] = [
    "Wire",
    "wire::",
    "trust::",
    "::trust",
    "answer::",
    "::answer",
    "webhook_api::",
    "::webhook_api",
    "webhook_events::",
    "::webhook_events",
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
fn no_provider_is_named_outside_its_folder() {
    let (folders, names) = (provider_folders(), provider_names());
    assert!(folders.iter().any(|folder| folder == "openai") && names.iter().any(|name| name == "gpt-realtime"));
    let names: Vec<&str> = names.iter().map(String::as_str).chain(folders.iter().map(String::as_str)).collect();
    let mut checked = 0;
    for folder in NEUTRAL.map(|folder| root().join(folder)) {
        for file in files(&folder).iter().filter(|file| !is_for_tests(file)) {
            let mut own = PROVIDERS_FOLDERS.iter().flat_map(|place| folders.iter().map(move |name| (place, name)));
            if own.any(|(place, name)| file.starts_with(root().join(place).join(name))) {
                continue;
            }
            let text = read(file);
            let mut found = naming(&names, without_tests(&text));
            if PROVIDERS_DOORS.iter().any(|entry| *file == root().join(entry)) {
                found.retain(|line| !is_a_providers_line(&folders, line));
            }
            assert!(found.is_empty(), "{} names a provider, which its folder alone does: {found:#?}", file.display());
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
        let words = code.split(|it: char| !it.is_alphanumeric() && it != '_');
        let uses = |word: &&str| {
            if word.contains("::") { code.contains(word) } else { words.clone().any(|it| it.starts_with(word)) }
        };
        let found: Vec<&str> = SERVICES_SIDE.into_iter().filter(uses).collect();
        assert!(found.is_empty(), "{} uses {found:?}: a mistake there would agree with itself", file.display());
    }
}

#[test]
fn the_checks_find_planted_violations() {
    assert_eq!(naming(&["pigeon"], "a\nlet x = Pigeon::new();\n// PIGEON_TOKEN\nb").len(), 2);
    assert_eq!(naming(&["pigeon"], "a pig in the eon").len(), 0);
    let is_a_row = |line| is_a_row(&["pigeon", "owl"], line);
    assert!(is_a_row("pub mod pigeon;") && is_a_row("const SEATS: [&dyn Seat; 2] = [&pigeon::Pigeon, &owl::Owl];"));
    assert!(is_a_row("    [&pigeon::Pigeon, &owl::Owl];") && is_a_row("    &owl::Owl,"));
    assert!(!is_a_row("use pigeon::Pigeon;") && !is_a_row("/// As pigeon does."));
    let is_a_providers_line = |line| is_a_providers_line(&["pigeon".to_owned(), "homing_owl".to_owned()], line);
    for line in [
        "pub mod pigeon;",
        "mod homing_owl;",
        "    use super::pigeon;",
        "const SEATS: [&Seat; 1] = [&pigeon::seat::PIGEON];",
        "    /// Of [`pigeon`].",
        "    HomingOwl(homing_owl::session::Session),",
        "            Self::HomingOwl(plan) => homing_owl::upgrade(plan),",
        "            ProviderPlan::Pigeon(own) => Self::Pigeon(pigeon::new(own)),",
        "                pigeon::upgrade(plan)",
        "const PROTOCOLS: [&Protocol; 1] = [&pigeon::seat::COO];",
        "    &homing_owl::seat::HOO,",
    ] {
        assert!(is_a_providers_line(line), "{line}");
    }
    for line in
        ["/// As pigeon does.", "if provider == PIGEON {", "let pigeon = 1;", "match it { Self::Eagle(_) => pigeon }"]
    {
        assert!(!is_a_providers_line(line), "{line}");
    }
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
    // The list may take more than one line.
    let mut seats = line.trim_matches(['[', ']', ';', ',']).split(',').map(str::trim);
    line.starts_with("const SEATS:")
        || seats.all(|seat| seat.starts_with('&') && seat.contains("::"))
        || names.iter().any(|name| line == format!("pub mod {name};"))
}

/// The names of the providers' folders.
fn provider_folders() -> Vec<String> {
    let rooms = fs::read_dir(actors_src().join("realtime")).expect("a readable folder");
    let rooms = rooms.map(|entry| entry.expect("a readable folder").path());
    let theirs = rooms.filter(|room| room.join(PROVIDERS_ROWS).is_file());
    theirs.filter_map(|room| Some(room.file_name()?.to_str()?.to_owned())).collect()
}

/// The providers' words, and the names of their models. The embedded model is ours.
fn provider_names() -> Vec<String> {
    let mut names = Vec::new();
    for provider in Provider::all().filter(|provider| !provider.is_embedded()) {
        let known = provider.names();
        let models = known.models.iter().map(|model| model.name).chain(known.transcribers.iter().map(|it| it.name));
        names.extend([provider.word(), known.model].into_iter().chain(models).map(str::to_lowercase));
    }
    names
}

/// Whether a line of a providers' door is one that every provider has there.
fn is_a_providers_line(folders: &[String], line: &str) -> bool {
    let line = line.trim();
    folders.iter().any(|folder| {
        let variant = format!("{}(", folder.replace('_', ""));
        let arm = line.to_lowercase();
        let arm =
            ["self::", "providerplan::", "conversation::"].iter().find_map(|of| arm.strip_prefix(of)).unwrap_or(&arm);
        ["const SEATS:", "const PROTOCOLS:"].iter().any(|table| line.starts_with(table))
            || [format!("mod {folder};"), format!("pub mod {folder};"), format!("use super::{folder};")]
                .contains(&line.to_owned())
            || line == format!("/// Of [`{folder}`].")
            || line.trim_start_matches("pub use self::").starts_with(&format!("{folder}::"))
            || line.trim_start_matches(['[', '&']).starts_with(&format!("{folder}::seat::"))
            || arm.starts_with(&variant)
    })
}

fn is_of_a_fake(carriers: &Path, file: &Path) -> bool {
    let inside = file.strip_prefix(carriers).unwrap_or(file);
    inside.components().any(|part| part.as_os_str() == "fake" || part.as_os_str() == "fake.rs")
}
