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
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        let said = "a\u{1b}[2Jb\u{7}\u{9b}31m\u{202e}c\u{2066}d\u{200f}\r\ne\tf";
        assert_eq!(one_line(said), "a\u{fffd}[2Jb\u{fffd}\u{fffd}31m\u{fffd}c\u{fffd}d\u{fffd}  e f");
        assert_eq!(one_line("क्‍ष नमस्ते 😀"), "क्‍ष नमस्ते 😀", "letters that are joined stay joined");
    }

    #[test]
    fn json_says_the_same_and_is_as_harmless() {
        let value = json!({ "text": "a\u{1b}[2J\u{202e}\u{85}\u{e0041}ß" });
        let text = json_text(&value);
        assert!(!text.chars().any(|c| c != '\n' && is_unsafe(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
    }

    #[test]
    fn lines_are_as_wide_as_they_look() {
        assert_eq!(wrapped("one two three", Some(7)), ["one two", "three"]);
        assert_eq!(wrapped("one two three", None), ["one two three"]);
        assert_eq!((columns("日本"), columns("abc")), (4, 3));
        assert_eq!(fitted("日本語", 5), "日本…", "a wide letter is not cut in two");
    }
}
