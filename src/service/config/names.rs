//! The names that people choose: which are good, and what is said of one that leads nowhere. Pure.

use super::kinds::quoted;

/// A message about a name that leads nowhere, with the nearest one that does.
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

/// Whether a name can be written everywhere: in a file, in a variable, in the model's tool call.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
}

/// Whether a text could be an environment variable's name: capitals, digits and underscores.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Two names this much alike (Jaro-Winkler) are taken for one misspelt. Lower: `book` is "corrected" into `send_dtmf`.
const ALIKE: f64 = 0.8;
