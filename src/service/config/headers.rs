//! Headers whose values are secrets: a setting names the header and the environment variable with
//! its value. Pure.

use std::collections::BTreeMap;

use switchboard_actors::ids::Private;

use super::layers::Variable;
use super::names::is_variable;
use super::reader::Section;

/// Reads a header and the value of the variable it names. The value is never shown.
pub(super) fn read_header(
    (header, variable): (&str, &str),
    key: &str,
    section: &Section<'_>,
    variables: &BTreeMap<String, Variable>,
) -> Option<(String, Private<String>)> {
    let refuse = |message: String| {
        section.problem(key, message);
        None
    };
    check_header(header, key, section)?;
    if !is_variable(variable) {
        return refuse(format!(
            "found no variable's name for {header:?}, expected one in capitals; the value itself is never written in a file"
        ));
    }
    let value = variables.get(variable).map(|variable| variable.value.trim()).filter(|value| !value.is_empty());
    match value {
        None => refuse(format!("found {variable} for {header:?}, which is not in the environment; set {variable}")),
        Some(value) if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
            refuse(format!("the value of {variable} cannot be sent in a header; set {variable} to plain ASCII text"))
        }
        Some(value) => Some((header.to_owned(), Private::new(value.to_owned()))),
    }
}

/// Checks a header's name. `None` means that a problem was reported.
pub(super) fn check_header(header: &str, key: &str, section: &Section<'_>) -> Option<()> {
    if header.is_empty() || !header.bytes().all(is_header_sign) {
        section.problem(key, format!("found {header:?}, expected a header's name, as \"Authorization\""));
        return None;
    }
    if FRAMING.iter().any(|framing| header.eq_ignore_ascii_case(framing)) {
        section.problem(key, format!("found {header:?}, which every request sets by itself, expected another header"));
        return None;
    }
    Some(())
}

/// Whether a byte may stand in a header's name (RFC 9110, `tchar`).
const fn is_header_sign(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// Headers that decide where a request ends, who receives it and how its body is read. Settings may
/// not name them.
const FRAMING: [&str; 13] = [
    "Host",
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Transfer-Encoding",
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Upgrade",
    "Expect",
    "TE",
    "Trailer",
    "Idempotency-Key",
];
