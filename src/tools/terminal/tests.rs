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
fn lines_stay_lines_and_nothing_else_of_them_is_obeyed() {
    assert_eq!(safe_lines("one\n  \u{1b}[2Jtwo\r\n\nthree"), "one\n  \u{fffd}[2Jtwo \n\nthree");
    assert_eq!(safe_lines(""), "");
}

#[test]
fn lines_are_as_wide_as_they_look() {
    assert_eq!(wrapped("one two three", Some(7)), ["one two", "three"]);
    assert_eq!(wrapped("one two three", None), ["one two three"]);
    assert_eq!((columns("日本"), columns("abc")), (4, 3));
    assert_eq!(fitted("日本語", 5), "日本…", "a wide letter is not cut in two");
}
