//! Reads source files for tests of the code's structure.

use std::fs;
use std::path::{Path, PathBuf};

/// The workspace's root. This crate may also stand alone, outside its workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// This crate's own files.
pub(crate) fn actors_src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file under `folder`; none if it does not exist.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The text of a file.
pub(crate) fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|problem| panic!("{}: {problem}", file.display()))
}

/// Whether a file contains only tests and their helpers.
pub(crate) fn is_for_tests(file: &Path) -> bool {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    stem == "tests" || stem == "testing" || stem.ends_with("_tests")
}

/// The code in front of the tests, which are at the end of a file.
pub(crate) fn without_tests(code: &str) -> &str {
    code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
}

/// The code without its comments; a line keeps its place.
pub(crate) fn without_comments(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let line = if line.trim_start().starts_with("//") { "" } else { line.split(" // ").next().unwrap_or_default() };
        code.push_str(line);
        code.push('\n');
    }
    code
}
