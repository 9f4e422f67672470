//! Tests the structure of the service: the imports of its configuration files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Files that know no specific setting: they define values, their places and their problems. They
/// import only each other.
const SCHEMA: [&str; 9] =
    ["problem", "layers", "kinds", "names", "reader", "variables", "dotenv", "sources", "headers"];
/// Files that use the whole configuration. No other file imports them.
const USES: [&str; 3] = ["routing", "profiles", "report"];
/// The file that reads all sections.
const WHOLE: &str = "root";

#[test]
fn the_files_of_the_configuration_form_no_circle() {
    let imports = imports_of_the_configuration();
    assert!(imports.len() >= 30, "only {} files were found: has the folder moved?", imports.len());
    let circles = circles(&imports);
    assert!(circles.is_empty(), "these files import each other: {circles:?}");
}

#[test]
fn the_configurations_schema_knows_no_section() {
    let imports = imports_of_the_configuration();
    for file in SCHEMA {
        let others: Vec<&String> = imports[file].iter().filter(|name| !SCHEMA.contains(&name.as_str())).collect();
        assert!(others.is_empty(), "config/{file}.rs is schema and imports {others:?}");
    }
}

#[test]
fn a_section_knows_nothing_of_the_whole() {
    for (file, imports) in imports_of_the_configuration() {
        assert!(!imports.contains("self"), "config/{file}.rs imports from config/mod.rs, which only re-exports");
        for name in USES {
            assert!(file == "profiles" || !imports.contains(name), "config/{file}.rs imports `{name}`");
        }
        if !USES.contains(&file.as_str()) {
            assert!(!imports.contains(WHOLE), "config/{file}.rs imports the whole configuration");
        }
    }
}

#[test]
fn the_checks_find_planted_violations() {
    let files: BTreeSet<String> = ["a", "b", "c"].map(str::to_owned).into();
    let found = |code: &str| imports(code, &files).into_iter().collect::<Vec<_>>();
    assert_eq!(found("use super::a::{X, Y};\nlet z = super::b::Z;"), ["a", "b"]);
    assert_eq!(found("use super::{a, c::{X, Y}};"), ["a", "c"]);
    assert_eq!(found("use super::Config;"), ["self"]);
    assert_eq!(found("// use super::a::X;\nuse crate::service::config::b::Z;"), ["b"]);
    assert_eq!(found("use super::a::X;\n#[cfg(test)]\nmod tests {\n    use super::*;\n}"), ["a"]);
    let graph = |edges: &[(&str, &str)]| {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in edges {
            all.entry((*from).to_owned()).or_default().insert((*to).to_owned());
            all.entry((*to).to_owned()).or_default();
        }
        all
    };
    assert!(circles(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    let found = circles(&graph(&[("a", "b"), ("b", "c"), ("c", "b")]));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["b", "c"]);
}

/// The imports of each file in the folder. `self` is the folder's own module.
fn imports_of_the_configuration() -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service/config");
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(&folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if path.extension().is_some_and(|it| it == "rs") && stem != "mod" {
            texts.insert(stem, fs::read_to_string(&path).expect("a readable file"));
        }
    }
    let files: BTreeSet<String> = texts.keys().cloned().collect();
    texts.into_iter().map(|(file, text)| (file, imports(&text, &files))).collect()
}

/// The files that `text` refers to by a path of its folder. Tests and comments are ignored.
fn imports(text: &str, files: &BTreeSet<String>) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = BTreeSet::new();
    for prefix in ["super::", "service::config::"] {
        for (at, _) in code.match_indices(prefix) {
            let path = &code[at + prefix.len()..];
            let names = match path.strip_prefix('{') {
                Some(group) => first_names(group),
                None => vec![first_name(path)],
            };
            let file = |name: &&str| if files.contains(*name) { (*name).to_owned() } else { "self".to_owned() };
            found.extend(names.iter().map(file));
        }
    }
    found
}

/// The first name of each path of a group `a::b, c::{d, e}}`, up to its closing brace.
fn first_names(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut names) = (0_i32, 0, Vec::new());
    for (at, c) in group.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth < 0 || (depth == 0 && c == ',') {
            names.push(first_name(group[start..at].trim_start()));
            start = at + 1;
        }
        if depth < 0 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The first name of `path`.
fn first_name(path: &str) -> &str {
    path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// The files that import themselves through other files.
fn circles(imports: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let returns = |file: &&String| {
        let mut open: Vec<&String> = imports[*file].iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(next) = open.pop() {
            if next == *file {
                return true;
            }
            if seen.insert(next) {
                open.extend(imports.get(next).into_iter().flatten());
            }
        }
        false
    };
    imports.keys().filter(returns).cloned().collect()
}
