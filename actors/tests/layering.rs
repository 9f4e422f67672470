//! Tests the structure of the code: which parts may name which. The reasons are in the crate's
//! first page.

mod sources;

use std::path::{Path, PathBuf};

use sources::{actors_src, files, is_for_tests, read, root, without_comments, without_tests};

/// Files that wait, send, spawn, read the clock or emit events. All other files decide or
/// transform.
const SHELLS: [&str; 48] = [
    "actor.rs",
    "alarm.rs",
    "child.rs",
    "messages.rs",
    "report.rs",
    "dial.rs",
    "socket.rs",
    "incoming.rs",
    "http.rs",
    "kept.rs",
    "resolve.rs",
    "writer.rs",
    // The socket of a model, and a session that is driven without a call.
    "link.rs",
    "named_link.rs",
    "drive.rs",
    "engine_look.rs",
    // Parts of an actor that is too large for one file. Each part is listed, so that none is added
    // unnoticed.
    "call/actor/actions.rs",
    "call/actor/children.rs",
    "call/actor/ending.rs",
    "call/actor/inbox.rs",
    "call/actor/callee.rs",
    "call/actor/probes.rs",
    "call/actor/sabotage.rs",
    "call/actor/watching.rs",
    "delivery/actor/cases.rs",
    "realtime/actor/links.rs",
    "realtime/actor/outlet.rs",
    "delivery/actor/erased.rs",
    "delivery/actor/node.rs",
    "delivery/actor/records.rs",
    "delivery/actor/shared.rs",
    "supervisor/actor/asking.rs",
    "supervisor/actor/spend_store.rs",
    "supervisor/actor/hanging_up.rs",
    "supervisor/actor/outbound.rs",
    "supervisor/actor/spending.rs",
    "clock.rs",
    // The log events and counters of the crate and of its modules.
    "src/events.rs",
    "src/audio/events.rs",
    "src/call/events.rs",
    "src/delivery/events.rs",
    "src/line/events.rs",
    "src/look_up/events.rs",
    "src/look_up/known.rs",
    "src/realtime/events.rs",
    "src/recording/events.rs",
    "src/supervisor/events.rs",
    "src/transcript/events.rs",
];
/// Crates that a pure file does not name, because they wait, send and spawn.
const RUNTIMES: [&str; 4] = ["actix", "tokio", "awc::", "futures_util"];
/// Functions that would give a pure file the time or random numbers. Its tests may use them.
const SOURCES: [&str; 6] = ["clock::now", "clock::wall", "Instant::now", "SystemTime::now", "Utc::now", "::random()"];
/// The modules of the crate, from the ground up. A module names only those before it in this list.
const TOWER: [&str; 34] = [
    // The foundation.
    "clock",
    "events",
    "ids",
    "money",
    "ending",
    "incident",
    "finding",
    "latency",
    "rate",
    "overload",
    "complaints",
    "numbers",
    "words",
    "child",
    "frame",
    "disk",
    "background",
    "alarm",
    "erasure",
    "http",
    "socket",
    // The carrier, and the line to it.
    "carrier",
    "g711",
    "line",
    // The parts of a call.
    "tools",
    "recording",
    "audio",
    "realtime",
    "profile",
    "transcript",
    "delivery",
    "look_up",
    // The call, and the actor that starts it.
    "call",
    "supervisor",
];
/// The only modules of the crate that a carrier's folder names.
const CARRIERS_KNOW: [&str; 4] = ["crate::frame", "crate::ids", "crate::http", "crate::carrier"];
/// The providers of models, in lower case.
const PROVIDERS: [&str; 11] = [
    "openai",
    "azure",
    "gemini",
    "google",
    "xai",
    "inworld",
    "cascade",
    "deepgram",
    "sarvam",
    "elevenlabs",
    "cartesia",
];
/// The folders of the providers.
const PROVIDER_SEATS: [&str; 4] = ["realtime/openai", "realtime/openai_live", "realtime/gemini", "realtime/cascade"];
/// The files that may name providers, besides the providers' own folders: the one with the `mod`
/// line, and the one with the two enums that have a variant for each provider.
const SEAT_ENTRIES: [&str; 2] = ["realtime/mod.rs", "realtime/conversation.rs"];
/// The file of the media-stream actor, and the crate that only this file names.
const STREAM: (&str, &str) = ("routes/stream.rs", "actix_web_actors");
/// Messages that carry audio. They may be dropped, and so must never bypass a mailbox's bound.
const AUDIO: [&str; 4] = ["FromCaller", "FromModel", "ModelBound", "FromPerson"];

#[test]
fn pure_files_name_no_runtime() {
    let mut checked = 0;
    for file in sources(&actors_src()) {
        if is_pure(&file.path) {
            refuse(&file, &file.code, &RUNTIMES);
            checked += 1;
        }
    }
    assert!(checked >= 15, "only {checked} pure files were found: has the tree moved?");
}

#[test]
fn pure_files_take_the_time_as_an_argument() {
    for file in sources(&actors_src()) {
        if is_pure(&file.path) && !is_for_tests(&file.path) {
            // This is the only file that draws an id.
            let code = if file.path.ends_with("ids.rs") { "" } else { without_tests(&file.code) };
            refuse(&file, code, &SOURCES);
        }
    }
}

#[test]
fn a_carrier_knows_nothing_of_actors() {
    let carriers = sources(&actors_src().join("carrier"));
    assert!(carriers.len() >= 2, "the carriers have moved");
    for file in carriers {
        refuse(&file, &file.code, &["actor::", "Recipient", "Addr<"]);
        for (at, _) in file.code.match_indices("crate::") {
            let path = &file.code[at..];
            assert!(
                CARRIERS_KNOW.iter().any(|known| path.starts_with(known)),
                "{} names `{}`; a carrier knows {CARRIERS_KNOW:?} alone",
                file.path.display(),
                path.lines().next().unwrap_or_default()
            );
        }
    }
}

#[test]
fn a_room_names_no_room_above_it() {
    let root = actors_src();
    let mut seen = std::collections::BTreeSet::new();
    for file in sources(&root).iter().filter(|file| !is_for_tests(&file.path)) {
        let Some(room) = room_of(&root, &file.path) else { continue };
        let above = names_above(&room, without_tests(&file.code));
        assert!(above.is_empty(), "{} is in `{room}` and names what stands above it: {above:?}", file.path.display());
        seen.insert(room);
    }
    assert_eq!(seen.len(), TOWER.len(), "a room of TOWER is gone; there are {seen:?}");
}

#[test]
fn every_shell_is_there() {
    let all = files(&actors_src());
    let gone: Vec<_> = SHELLS.iter().filter(|shell| !all.iter().any(|file| file.ends_with(shell))).collect();
    assert!(gone.is_empty(), "SHELLS lists files that are gone: {gone:?}");
}

#[test]
fn providers_of_models_are_named_in_their_seats_alone() {
    let root = actors_src();
    let mut named = Vec::new();
    for file in sources(&root).iter().filter(|file| !is_for_tests(&file.path)) {
        let code = without_tests(&file.code).to_lowercase();
        let place = file.path.strip_prefix(&root).expect("under the root").to_path_buf();
        if PROVIDERS.iter().any(|provider| code.contains(provider)) {
            named.push(place);
        }
    }
    let strangers = |place: &&PathBuf| {
        !PROVIDER_SEATS.iter().any(|seat| place.starts_with(seat))
            && !SEAT_ENTRIES.iter().any(|entry| place.ends_with(entry))
    };
    let strangers: Vec<&PathBuf> = named.iter().filter(strangers).collect();
    assert!(strangers.is_empty(), "a provider is named outside its folder, by {strangers:?}");
    assert!(
        SEAT_ENTRIES.iter().all(|entry| named.iter().any(|place| place.ends_with(entry))),
        "an entry is gone: {named:?}"
    );
}

#[test]
fn comments_refer_to_pages_that_exist() {
    let folders = [actors_src(), root().join("src"), root().join("tests")];
    for file in folders.iter().flat_map(|folder| files(folder)) {
        let text = read(&file);
        let dangling: Vec<&str> = text.lines().filter(|line| cites_a_page_that_is_not_here(line)).collect();
        assert!(dangling.is_empty(), "{} cites a page that is not in the repository: {dangling:#?}", file.display());
    }
}

#[test]
fn one_file_alone_names_the_deprecated_socket_actor() {
    let mut files = sources(&actors_src());
    files.extend(service_sources());
    for file in files.iter().filter(|file| !file.path.ends_with(STREAM.0)) {
        refuse(file, &file.code, &[STREAM.1]);
    }
}

#[test]
fn audio_never_passes_a_mailboxs_bound() {
    let mut files = sources(&actors_src());
    files.extend(service_sources());
    for file in files.iter().filter(|file| !is_for_tests(&file.path)) {
        let found = audio_past_the_bound(without_tests(&file.code));
        assert!(
            found.is_empty(),
            "{} hands audio over with `do_send`, which knows no bound; `try_send` it and count what is dropped: {found:?}",
            file.path.display()
        );
    }
}

#[test]
fn the_checks_find_planted_violations() {
    assert_eq!(audio_past_the_bound("self.next.do_send(\n  ModelBound(frame));").len(), 1);
    assert_eq!(audio_past_the_bound("sink: Recipient<ModelBound>, x() { self.sink.do_send(frame) }").len(), 1);
    assert_eq!(
        audio_past_the_bound("Box<Recipient<FromCaller>> a.try_send(FromCaller(frame)); b.do_send(MarkEchoed(name))")
            .len(),
        0
    );
    assert_eq!(
        without_comments("//! names tokio\nuse x; // and actix\nlet url = \"ws://host\";").trim(),
        "use x;\nlet url = \"ws://host\";"
    );
    assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\n b"), "a\n");
    assert!(cites_a_page_that_is_not_here("/// How long it takes (reference §1.6: 10 s)."));
    assert!(cites_a_page_that_is_not_here("//! as `carriers.md` says"));
    assert!(!cites_a_page_that_is_not_here("//! RFC 6455 §5.2, <https://example.com/page.md>, `deploy/README.md`"));
    assert_eq!(names_above("audio", "use crate::line::messages::X;\nfn f(x: crate::call::Y) {}"), ["call"]);
    assert_eq!(names_above("line", "use crate::{ids, realtime::report::Z};"), ["realtime"]);
    assert_eq!(room_of(Path::new("/a/src"), Path::new("/a/src/audio/pipeline.rs")).as_deref(), Some("audio"));
    assert_eq!(room_of(Path::new("/a/src"), Path::new("/a/src/clock.rs")).as_deref(), Some("clock"));
    assert_eq!(room_of(Path::new("/a/src"), Path::new("/a/src/lib.rs")), None);
    assert!(is_pure(Path::new("src/call/machine.rs")) && !is_pure(Path::new("src/call/actor.rs")));
    assert!(is_pure(Path::new("src/call/machine/tests.rs")) && !is_pure(Path::new("src/call/actor/tests.rs")));
    assert!(is_pure(Path::new("src/realtime/actor/failover.rs")), "a folder's name makes no shell");
    assert!(!is_pure(Path::new("src/line/events.rs")) && is_pure(Path::new("src/line/stream/events.rs")));
}

/// A source file without its comments, which may name anything.
struct Source {
    path: PathBuf,
    code: String,
}

/// The service's own files. Empty if this crate stands alone, outside its workspace.
fn service_sources() -> Vec<Source> {
    sources(&root().join("src"))
}

fn sources(folder: &Path) -> Vec<Source> {
    files(folder).into_iter().map(|path| Source { code: without_comments(&read(&path)), path }).collect()
}

/// Whether a comment refers to a section of a page without an address, or to a page that is not in
/// the repository.
fn cites_a_page_that_is_not_here(line: &str) -> bool {
    let Some(comment) = line.trim_start().strip_prefix("//") else { return false };
    let is_here = |page: &str| page.contains("://") || root().join(page).exists();
    let pages = comment
        .split(|c: char| c.is_whitespace() || "`()<>[],;".contains(c))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| word.ends_with(".md"));
    let section = comment.find('\u{a7}').is_some_and(|at| !comment[..at].contains("RFC"));
    section || pages.into_iter().any(|page| !is_here(page))
}

/// The module that a file belongs to: its folder or itself, under the crate's root. `None` for the
/// crate's first page.
fn room_of(root: &Path, path: &Path) -> Option<String> {
    let first = path.strip_prefix(root).ok()?.components().next()?;
    let room = Path::new(first.as_os_str()).file_stem()?.to_string_lossy().into_owned();
    (room != "lib").then_some(room)
}

/// The modules that `code` in the module `room` names although they are not below it.
fn names_above(room: &str, code: &str) -> Vec<String> {
    let place = |name: &str| TOWER.iter().position(|floor| *floor == name);
    let own = place(room).unwrap_or_else(|| panic!("`{room}` has no place in TOWER"));
    let mut above: Vec<String> = Vec::new();
    for (at, found) in code.match_indices("crate::") {
        let path = &code[at + found.len()..];
        let names: Vec<&str> = match path.strip_prefix('{') {
            Some(group) => top_names(group),
            None => vec![first_name(path)],
        };
        for name in names {
            if place(name).is_some_and(|floor| floor > own) {
                above.push(name.to_owned());
            }
        }
    }
    above
}

/// The first name of each path in a group `a::b, c::{d, e}}`, up to the closing brace.
fn top_names(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut names) = (0_i32, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(first_name(group[start..at].trim_start()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(first_name(group[start..at].trim_start()));
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

/// The first name of `path`.
fn first_name(path: &str) -> &str {
    path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Whether a file may not name a runtime. Tests in `foo/tests.rs` may name what `foo.rs` may.
fn is_pure(path: &Path) -> bool {
    let tested = path.ends_with("tests.rs").then(|| path.parent().map(|folder| folder.with_extension("rs"))).flatten();
    let path = tested.as_deref().unwrap_or(path);
    !SHELLS.iter().any(|shell| path.ends_with(shell))
}

fn refuse(file: &Source, code: &str, words: &[&str]) {
    for word in words {
        let lines: Vec<&str> = code.lines().filter(|line| line.contains(word)).collect();
        assert!(lines.is_empty(), "{} must not name `{word}`: {lines:#?}", file.path.display());
    }
}

/// Every `do_send` of an audio message, either written out or through a field or variable that is
/// declared as its recipient.
fn audio_past_the_bound(code: &str) -> Vec<&str> {
    let recipients: Vec<&str> = AUDIO.iter().flat_map(|message| recipients_of(message, code)).collect();
    let call = ".do_send";
    code.match_indices(&format!("{call}("))
        .filter(|&(at, _)| {
            let arguments = in_parentheses(&code[at + call.len()..]);
            AUDIO.iter().any(|message| arguments.contains(message)) || recipients.contains(&last_word(&code[..at]))
        })
        .map(|(at, _)| code[at..].lines().next().unwrap_or_default())
        .collect()
}

/// The names that are declared as `name: Recipient<message>`, also inside another type.
fn recipients_of<'a>(message: &str, code: &'a str) -> Vec<&'a str> {
    code.match_indices(&format!("Recipient<{message}>"))
        .filter_map(|(at, _)| code[..at].rfind(": ").map(|colon| last_word(&code[..colon])))
        .collect()
}

/// The text from an opening parenthesis to its closing one.
fn in_parentheses(code: &str) -> &str {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            return &code[..at];
        }
    }
    code
}

fn last_word(code: &str) -> &str {
    let start = code.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    &code[start..]
}
