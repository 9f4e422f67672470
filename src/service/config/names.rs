//! Names chosen by operators: which are valid, and the message about one that refers to nothing.
//! Pure.

use super::kinds::quoted;

/// A message about a name that refers to nothing, with the most similar known name.
pub(super) fn unknown<'n>(what: &str, found: &str, known: impl Iterator<Item = &'n str>, section: &str) -> String {
    let known: Vec<&str> = known.collect();
    let nearest = known.iter().max_by(|a, b| strsim::jaro_winkler(a, found).total_cmp(&strsim::jaro_winkler(b, found)));
    let shown = quoted(found);
    match nearest {
        Some(nearest) => {
            let all = known.join(", ");
            let alike = strsim::jaro_winkler(nearest, found) >= ALIKE;
            let hint = if alike {
                format!("the nearest known one is {nearest:?} (there are: {all})")
            } else if is_name(found) {
                format!("there are: {all}; or add [{section}.{found}]")
            } else {
                format!("there are: {all}")
            };
            format!("found {shown}, expected a known {what}; {hint}")
        }
        None => format!("found {shown}, expected a known {what}, but there is none yet; add one as [{section}.<name>]"),
    }
}

/// Whether a name can be written everywhere: in a file, in a variable and in the model's tool call.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
}

/// Whether a text has the form of an environment variable's name: capitals, digits and underscores.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// From this similarity (Jaro-Winkler) on, a name counts as a misspelling. If it were lower, `book`
/// would be "corrected" to `send_dtmf`.
const ALIKE: f64 = 0.8;
