//! Makes foreign text safe for an operator's terminal: the words of callers, answers of receivers,
//! file names.

use std::io::{self, Write};

use console::style;
use serde_json::Value;

/// Returns `text` on one line, without characters that control a terminal or change the direction
/// of the line. A control character or a bidi mark becomes `�`; a line break or a tab becomes a
/// space. Joiners stay, because Indic scripts need them.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_unsafe(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// Returns the lines of `text`, each as [`one_line`] has it.
pub(crate) fn safe_lines(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bare = line.strip_suffix('\n');
        safe.push_str(&one_line(bare.unwrap_or(line)));
        safe.extend(bare.map(|_| '\n'));
    }
    safe
}

/// Formats a JSON value for machines and for people: characters that [`one_line`] would replace are
/// escaped.
pub(crate) fn json_text(value: &Value) -> String {
    let mut text = String::new();
    for c in format!("{value:#}\n").chars() {
        if c != '\n' && is_unsafe(c) {
            // Such a character is always inside a string: JSON has none elsewhere.
            let mut units = [0; 2];
            text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            text.push(c);
        }
    }
    text
}

/// Whether a terminal would obey the character, or show the text around it in another order.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Splits `text` into lines of `width` columns at spaces, if a width is given. A longer word gets
/// its own line.
pub(crate) fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![text.to_owned()] };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a last one");
        let space = usize::from(!line.is_empty());
        if space == 1 && columns(line) + 1 + columns(word) > width {
            lines.push(word.to_owned());
        } else {
            line.push_str(&" "[..space]);
            line.push_str(word);
        }
    }
    lines
}

/// Number of columns that `text` takes on a terminal.
pub(crate) fn columns(text: &str) -> usize {
    console::measure_text_width(text)
}

/// Fits `text` to `width` columns: padded with spaces, or cut with `…`.
pub(crate) fn fitted(text: &str, width: usize) -> String {
    console::pad_str(text, width, console::Alignment::Left, Some("…")).into_owned()
}

/// Number of columns of stdout, if it is a terminal.
pub(crate) fn width() -> Option<usize> {
    let term = console::Term::stdout();
    term.is_term().then(|| usize::from(term.size().1)).filter(|columns| *columns > 0)
}

/// Writes to stdout. A closed pipe is not an error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Reports a problem on stderr.
pub(crate) fn complain(problem: &str) {
    let text = format!("{} {}\n", style("error:").red().bold().for_stderr(), one_line(problem));
    // If stderr is gone, the message cannot be delivered anywhere.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests;
