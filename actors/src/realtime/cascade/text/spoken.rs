//! From a cut of the content to the words that a voice is given: without markdown, addresses and
//! pictographs. Pure.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use unicode_properties::UnicodeEmoji;
use unicode_segmentation::UnicodeSegmentation;

/// What a voice says at once: a sentence or several, or the beginning of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The words to say. Never empty.
    pub text: String,
    /// The part of the content that it speaks, in bytes. The parts of an answer follow each other
    /// without a gap, except where nothing can be said.
    pub content: Range<usize>,
    /// For each byte of the text, the byte of the content that its character comes from.
    origin: Vec<usize>,
}

impl Piece {
    /// Makes a piece of words that belong to no answer.
    pub fn verbatim(text: &str) -> Self {
        Self { text: text.to_owned(), content: 0..text.len(), origin: (0..text.len()).collect() }
    }

    /// Where the content is cut if the caller heard the first `bytes` of the text. The cut never
    /// splits a character.
    pub fn heard_content(&self, bytes: usize) -> usize {
        let at = (0..=bytes.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        self.origin.get(at).copied().unwrap_or(self.content.end)
    }
}

/// Whether the lines that follow are code, which is not said.
#[derive(Debug, Default)]
pub(super) struct Fence(bool);

/// Makes the piece for the content at `at`. `None` if there is nothing to say.
pub(super) fn piece(content: &str, at: Range<usize>, fence: &mut Fence) -> Option<Piece> {
    let mut said = Said::default();
    let mut block = at.start..at.start;
    for line in content[at.clone()].split_inclusive('\n') {
        let end = block.end + line.len();
        let is_edge = [FENCE, OTHER_FENCE].iter().any(|edge| line.trim_start().starts_with(edge));
        if is_edge || fence.0 {
            said.read(content, block);
            fence.0 ^= is_edge;
            block = end..end;
        } else {
            block.end = end;
        }
    }
    said.read(content, block);
    let mut said = said.cleaned();
    // A sentence that goes on in the next piece must not sound as if it were over.
    let raw = content[at.clone()].trim_end_matches(' ');
    if said.text.ends_with('.') && !raw.ends_with(['.', '\n']) && raw.ends_with(|c: char| c.is_alphanumeric()) {
        said.text.pop();
        said.origin.pop();
    }
    let has_words = said.text.chars().any(char::is_alphanumeric);
    has_words.then_some(Piece { text: said.text, content: at, origin: said.origin })
}

/// A text, with the byte of the content for each of its bytes.
#[derive(Debug, Default)]
struct Said {
    text: String,
    origin: Vec<usize>,
}

impl Said {
    /// Appends text that stands for the content at `origin`.
    fn push(&mut self, text: &str, origin: usize) {
        self.text.push_str(text);
        self.origin.extend(std::iter::repeat_n(origin, text.len()));
    }

    /// Appends text that stands in the content as it is.
    fn push_verbatim(&mut self, text: &str, origin: usize) {
        self.text.push_str(text);
        self.origin.extend(origin..origin + text.len());
    }

    /// Appends what the markdown at `at` says.
    fn read(&mut self, content: &str, at: Range<usize>) {
        if at.is_empty() {
            return;
        }
        // In the middle of a line, a number or a dash begins no list.
        let is_inside = !content[..at.start].is_empty() && !content[..at.start].ends_with('\n');
        let raw = content[at.clone()].trim_start();
        let start = at.end - raw.len();
        let source = if is_inside { format!("{INSIDE}{raw}") } else { raw.to_owned() };
        let shift = if is_inside { INSIDE.len() } else { 0 };
        let mut numbers = Vec::new();
        for (event, range) in Parser::new_ext(&source, Options::ENABLE_STRIKETHROUGH).into_offset_iter() {
            let from = range.start.max(shift);
            let origin = start + from - shift;
            match event {
                Event::Start(Tag::List(number)) => numbers.push(number),
                Event::End(TagEnd::List(_)) => drop(numbers.pop()),
                Event::Start(Tag::Item) => {
                    // A line that begins with a year looks like an item with that number.
                    if let Some(Some(number)) = numbers.last_mut() {
                        self.push(&format!("{number}. "), origin);
                        *number += 1;
                    }
                }
                Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::CodeBlock) => {
                    self.pause(start + range.end.saturating_sub(shift));
                }
                Event::Text(text) => {
                    let own = text.get(from - range.start..).filter(|_| range.end > shift).unwrap_or_default();
                    self.push_found(own, &source[from.min(range.end)..range.end], origin);
                }
                Event::Code(text) => self.push_found(&text, &source[from..range.end], origin),
                Event::SoftBreak | Event::HardBreak => self.push(" ", origin),
                Event::Html(html) => self.push(&without_tags(&html), origin),
                Event::InlineHtml(tag) if tag.starts_with("<br") => self.push(" ", origin),
                Event::Start(_)
                | Event::End(_)
                | Event::InlineHtml(_)
                | Event::InlineMath(_)
                | Event::DisplayMath(_)
                | Event::FootnoteReference(_)
                | Event::Rule
                | Event::TaskListMarker(_) => {}
            }
        }
    }

    /// Appends `text` that the markdown in `source` at `origin` says.
    fn push_found(&mut self, text: &str, source: &str, origin: usize) {
        match source.find(text) {
            Some(at) => self.push_verbatim(text, origin + at),
            // A character that the markdown writes in another way.
            None => self.push(text, origin),
        }
    }

    /// Ends a block, so that a voice does not read on into the next one.
    fn pause(&mut self, origin: usize) {
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        self.origin.truncate(end);
        if self.text.ends_with(char::is_alphanumeric) {
            self.push(". ", origin);
        } else if !self.text.is_empty() {
            self.push(" ", origin);
        }
    }

    /// The same text without marks that opened nothing, addresses, pictographs and double spaces.
    fn cleaned(&self) -> Self {
        let mut clean = Self::default();
        let mut skip_to = 0;
        for (at, grapheme) in self.text.grapheme_indices(true) {
            if at < skip_to {
                continue;
            }
            let rest = &self.text[at..];
            if SCHEMES.iter().any(|scheme| rest.starts_with(scheme)) {
                let end = rest.find(|c: char| c.is_whitespace() || ")>]".contains(c)).unwrap_or(rest.len());
                skip_to = at + rest[..end].trim_end_matches(['.', ',', ';', '!', '?', ':']).len();
                continue;
            }
            let said = self.said(at, grapheme);
            let is_double = said == " " && (clean.text.is_empty() || clean.text.ends_with(' '));
            if !is_double {
                clean.text.push_str(said);
                clean.origin.extend(&self.origin[at..at + said.len()]);
            }
        }
        let end = clean.text.trim_end().len();
        clean.text.truncate(end);
        clean.origin.truncate(end);
        clean
    }

    /// How `grapheme` at `at` is said.
    fn said<'a>(&self, at: usize, grapheme: &'a str) -> &'a str {
        let first = grapheme.chars().next().unwrap_or_default();
        let next = self.text[at + grapheme.len()..].chars().next();
        let is_alone = grapheme.len() == first.len_utf8();
        match first {
            // A combining character makes a letter of any mark.
            c if c.is_ascii() && !is_alone && !grapheme.contains('\u{20E3}') && grapheme != "\r\n" => grapheme,
            '*' | '`' | '\\' => "",
            '_' | '|' => " ",
            '~' if next == Some('~') || self.text[..at].ends_with('~') => "",
            '#' if next.is_none_or(|next| next == ' ' || next == '#') => "",
            c if c.is_whitespace() => " ",
            // A keycap is a digit with marks.
            c if c.is_ascii() && grapheme.contains('\u{20E3}') => &grapheme[..c.len_utf8()],
            c if !c.is_ascii() && is_picture(c) => "",
            _ => grapheme,
        }
    }
}

fn is_picture(c: char) -> bool {
    let is_mark = matches!(c, '\u{FE0F}' | '\u{20E3}' | '\u{2022}' | '\u{25AA}'..='\u{25FF}' | '\u{2190}'..='\u{21FF}');
    is_mark || c.is_emoji_char() && !matches!(c, '©' | '®' | '™' | '‼' | '⁉')
}

/// The text between the tags of `html`.
fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    for part in html.split('<') {
        text.push_str(part.split_once('>').map_or(if text.is_empty() { part } else { "" }, |(_, text)| text));
    }
    text
}

/// Stands before content from the middle of a line.
const INSIDE: &str = "a ";
const FENCE: &str = "```";
const OTHER_FENCE: &str = "~~~";
const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(content: &str) -> String {
        piece(content, 0..content.len(), &mut Fence::default()).map(|piece| piece.text).unwrap_or_default()
    }

    #[test]
    fn marks_and_pictures_are_not_said() {
        for (content, expected) in [
            ("**Hello**, _you_!", "Hello, you!"),
            ("**Hello. ", "Hello."),
            ("# Rooms\nTwo are free.", "Rooms. Two are free."),
            ("- Apples\n- Pears", "Apples. Pears"),
            ("1. Apples\n2. Pears", "1. Apples. 2. Pears"),
            ("1947. That is when.", "1947. That is when."),
            ("- 5 degrees", "5 degrees"),
            ("+91 is India", "+91 is India"),
            ("See [our page](https://example.com/a_b) now", "See our page now"),
            ("See https://example.com/a_b?c=d. Thanks", "See . Thanks"),
            ("Use `book table` here", "Use book table here"),
            ("Great 😀👍🏽 day 1️⃣", "Great day 1"),
            ("ठीक है 🙏।", "ठीक है ।"),
            ("क्‍या ന്‍ ശ്രീ", "क्‍या ന്‍ ശ്രീ"),
            ("<p>Hello</p>", "Hello"),
            ("A<br/>b <b>c</b>", "A b c."),
            ("Tom &amp; Jerry", "Tom & Jerry"),
            ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
            ("room_number|price", "room number price"),
            ("It is #5", "It is #5"),
            ("~~no~~ yes", "no yes"),
            ("    four spaces", "four spaces"),
            ("---", ""),
            ("***", ""),
            ("😀", ""),
        ] {
            assert_eq!(said(content), expected, "{content:?}");
        }
    }

    #[test]
    fn the_middle_of_a_line_begins_no_list() {
        let content = "Your floor is this: 4. Please come - now.";
        let piece = piece(content, 20..content.len(), &mut Fence::default()).expect("words");
        assert_eq!(piece.text, "4. Please come - now.");
        assert_eq!(piece.heard_content(2), 22);
    }

    #[test]
    fn code_is_not_said_over_several_cuts() {
        let content = "Look:\n```rust\nlet a = 1;\nlet b = 2;\n```\nDone.";
        let mut fence = Fence::default();
        let mut said = Vec::new();
        let mut at = 0;
        for line in content.split_inclusive('\n') {
            said.extend(piece(content, at..at + line.len(), &mut fence).map(|piece| piece.text));
            at += line.len();
        }
        assert_eq!(said, ["Look:", "Done."]);
    }

    #[test]
    fn each_character_knows_where_it_comes_from() {
        let content = "Skip. **Your table** is 😀 booked &amp; paid.";
        let piece = piece(content, 5..content.len(), &mut Fence::default()).expect("words");
        assert_eq!(piece.text, "Your table is booked & paid.");
        for word in ["Your", "table", "is", "booked", "paid"] {
            let heard = piece.text.find(word).expect("said");
            assert_eq!(piece.heard_content(heard), content.find(word).expect("written"), "{word}");
        }
        assert_eq!(piece.heard_content(piece.text.len()), content.len());
        assert_eq!(piece.heard_content(usize::MAX), content.len());
    }

    proptest! {
        #[test]
        fn every_origin_is_a_place_in_the_content(content in "[ -~\n]{0,60}|[*_`#<>&।कि😀a1.\n -]{0,40}", from in 0_usize..20) {
            let from = (0..=from.min(content.len())).rev().find(|at| content.is_char_boundary(*at)).unwrap_or(0);
            if let Some(piece) = piece(&content, from..content.len(), &mut Fence::default()) {
                prop_assert_eq!(piece.origin.len(), piece.text.len());
                let mut last = 0;
                for at in 0..=piece.text.len() {
                    let place = piece.heard_content(at);
                    prop_assert!(content.is_char_boundary(place) && (from..=content.len()).contains(&place), "{} {}", at, place);
                    prop_assert!(place >= last || !piece.text.is_char_boundary(at), "{} {}", at, place);
                    last = place;
                }
            }
        }
    }
}
