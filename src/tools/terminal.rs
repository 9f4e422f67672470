//! Text of strangers on an operator's terminal: what was said, what a receiver answered, what a file is called.

use std::io::{self, Write};

use console::style;
use serde_json::Value;

/// `text` on one line, without what a terminal would obey or what turns the direction of the line: a control character or a bidi sign
/// is shown as `�`, a line break or a tab as a space. Joiners stay: Indic scripts are written with them.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_unsafe(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// A JSON value for machines and for eyes: what [`one_line`] would take away is escaped.
pub(crate) fn json_text(value: &Value) -> String {
    let mut text = String::new();
    for c in format!("{value:#}\n").chars() {
        if c != '\n' && is_unsafe(c) {
            // Stands inside a string: there is none of these anywhere else in JSON.
            let mut units = [0; 2];
            text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            text.push(c);
        }
    }
    text
}

/// Whether a terminal obeys it, or shows what is around it in another order than it stands in.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` on lines of `width` columns, cut at spaces, where a width is given; a word that is longer has a line of its own.
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

/// The columns that `text` takes on a terminal.
pub(crate) fn columns(text: &str) -> usize {
    console::measure_text_width(text)
}

/// `text` in `width` columns: filled up with spaces, or cut with `…`.
pub(crate) fn fitted(text: &str, width: usize) -> String {
    console::pad_str(text, width, console::Alignment::Left, Some("…")).into_owned()
}

/// The columns of the terminal that stdout is, if it is one.
pub(crate) fn width() -> Option<usize> {
    let term = console::Term::stdout();
    term.is_term().then(|| usize::from(term.size().1)).filter(|columns| *columns > 0)
}

/// Writes to stdout. A reader that has read enough is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Says on stderr what is wrong.
pub(crate) fn complain(problem: &str) {
    let text = format!("{} {}\n", style("error:").red().bold().for_stderr(), one_line(problem));
    // Nobody is left to be told when stderr is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests;
