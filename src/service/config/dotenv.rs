//! `.env`: lines of `NAME=value`, taken literally. Pure.
//!
//! The rules are those of `docker --env-file`, systemd and Node: nothing is expanded, so `$` and
//! `\` stand for themselves. One pair of quotes around a whole value is removed. Text after ` #` is
//! a comment unless it is within quotes.
//!
//! Other programs may share the file, so their lines are skipped, whatever they contain. A line
//! with a variable of ours that cannot be read is refused: the value it appears to have would not
//! be the value the operator meant.

use super::layers::unquoted;

/// The content of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// A variable.
    Set { name: String, value: String },
    /// A line with a variable of ours that cannot be read, and why. The value is not repeated.
    Bad { name: String, line: usize, why: &'static str },
}

/// Reads a file. `ours` says which names this program uses.
///
/// # Errors
/// If the file as a whole is not text that could contain variables.
pub(super) fn read(bytes: &[u8], ours: &dyn Fn(&str) -> bool) -> Result<Vec<Line>, &'static str> {
    // Without its mark, UTF-16 is known by the zero byte of its first plain character.
    let marked = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    if marked || bytes.iter().take(2).any(|byte| *byte == 0) {
        return Err("is written in UTF-16, expected UTF-8; save it again as plain text");
    }
    let bytes = bytes.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(bytes);
    let lines = lines(bytes);
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(line) = lines.get(at) {
        let number = at + 1;
        at += 1;
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        let (exported, statement) = without_export(line);
        if statement.is_empty() || statement.starts_with('#') {
            continue;
        }
        let bad = |name: &str, why| Line::Bad { name: name.to_owned(), line: number, why };
        let Some((name, value)) = assignment(statement) else {
            let word = variable_of(statement);
            // `export NAME` without a value passes on the shell's variable and sets nothing.
            if ours(word) && !(exported && word == statement) {
                found.push(bad(word, "the line is not NAME=value"));
            }
            continue;
        };
        match value_of(value) {
            Some(_) if value.contains('\u{FFFD}') && ours(name) => found.push(bad(name, "the line is not UTF-8")),
            Some(value) => found.push(Line::Set { name: name.to_owned(), value: value.to_owned() }),
            None => {
                let inside = closing(value, &lines[at..]).map(|end| at..=at + end);
                if ours(name) {
                    let why = if inside.is_some() { SEVERAL_LINES } else { UNCLOSED };
                    found.push(bad(name, why));
                }
                let Some(inside) = inside else { continue };
                // An unclosed quote must not swallow variables of ours.
                let swallowed = lines[inside.clone()].iter().enumerate().filter_map(|(step, line)| {
                    let line = String::from_utf8_lossy(line);
                    let (name, _) = assignment(without_export(line.trim()).1)?;
                    ours(name).then(|| (inside.start() + step + 1, name.to_owned()))
                });
                found.extend(swallowed.map(|(line, name)| Line::Bad { name, line, why: SWALLOWED }));
                at = inside.end() + 1;
            }
        }
    }
    Ok(found)
}

/// The lines of a file. Old editors end them with a lone carriage return.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.flat_map(|line| line.strip_suffix(b"\r").unwrap_or(line).split(|byte| *byte == b'\r')).collect()
}

/// Whether a line begins with `export`, and its rest.
fn without_export(line: &str) -> (bool, &str) {
    match line.strip_prefix("export").filter(|rest| rest.starts_with(char::is_whitespace)) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, line),
    }
}

/// The variable that a line seems to set although it is not NAME=value: its first word, behind the
/// words with which shells, Windows and YAML begin such a line.
fn variable_of(statement: &str) -> &str {
    let words = statement.split(|c: char| c.is_whitespace() || matches!(c, ':' | '='));
    let mut words = words.filter(|word| !word.is_empty() && !SETTING.contains(&word.to_ascii_lowercase().as_str()));
    words.next().unwrap_or_default().trim_end_matches('+')
}

/// Name and value of a statement, if the name could be a variable's name.
fn assignment(statement: &str) -> Option<(&str, &str)> {
    let (name, value) = statement.split_once('=')?;
    let name = name.trim_end();
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    (fits && !name.is_empty()).then(|| (name, value.trim()))
}

/// The value without quotes and comment; `None` if it opens a quote that this line does not close.
fn value_of(value: &str) -> Option<&str> {
    let Some(quote) = value.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
        // `pass#word` contains no comment.
        let comment = [" #", "\t#"].iter().filter_map(|mark| value.find(mark)).min();
        return Some(value[..comment.unwrap_or(value.len())].trim_end());
    };
    let (whole, bare) = (value, unquoted(value));
    if bare.len() < whole.len() {
        return Some(bare);
    }
    let (inside, behind) = value[1..].split_once(quote)?;
    let comment = behind.trim_start();
    let commented = comment.is_empty() || (comment.starts_with('#') && comment.len() < behind.len());
    // `"a"b` is one value that contains quotes.
    Some(if commented { inside } else { whole })
}

/// The line, counted from 0, that closes a value of several lines.
fn closing(value: &str, lines: &[&[u8]]) -> Option<usize> {
    let quote = *value.as_bytes().first()?;
    lines.iter().position(|line| line.trim_ascii_end().last() == Some(&quote))
}

/// Words with which a line may begin that sets a variable for somebody else than us.
const SETTING: [&str; 10] = ["set", "setenv", "declare", "typeset", "readonly", "local", "export", "-x", "-", "$env"];
const SEVERAL_LINES: &str = "the value goes on over several lines, expected one";
const UNCLOSED: &str = "the value opens with a quote that nothing closes";
const SWALLOWED: &str = "the line is within quotes that an earlier line opened; close them";

#[cfg(test)]
mod tests;
