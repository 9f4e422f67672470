//! Cuts the audio out of a message, so that the JSON reader does not touch it: a piece is thousands
//! of characters, and a reader that goes through nested objects checks each several times.

use std::borrow::Cow;

/// The audio that was cut out of a message. In the message, each piece is replaced by its number.
#[derive(Debug, Default, PartialEq)]
pub(super) struct AudioPieces<'a>(Vec<&'a str>);

impl<'a> AudioPieces<'a> {
    /// The audio of a part whose field says `data`.
    pub(super) fn piece(&self, data: Cow<'_, str>) -> Cow<'a, str> {
        let cut = data.parse::<usize>().ok().and_then(|number| self.0.get(number));
        cut.map_or_else(|| Cow::Owned(data.into_owned()), |piece| Cow::Borrowed(*piece))
    }
}

/// The message without its audio, and the audio. `None` if it has none, or an unusual form: an
/// escape, which only the JSON reader can undo, or a tool call, whose arguments may have a field of
/// the same name.
pub(super) fn cut_audio(text: &str) -> Option<(String, AudioPieces<'_>)> {
    if text.len() < WORTH_IT || CALLS.iter().any(|call| text.contains(call)) {
        return None;
    }
    let (mut rest, mut pieces, mut left) = (String::with_capacity(USUAL_REST), Vec::new(), text);
    while let Some(at) = memchr::memmem::find(left.as_bytes(), FIELD.as_bytes()) {
        let (before, value) = left.split_at(at + FIELD.len());
        let start = value.find(|sign: char| !sign.is_ascii_whitespace() && sign != ':')?;
        let (between, value) = value.split_at(start);
        rest.push_str(before);
        rest.push_str(between);
        left = value;
        let Some(data) = value.strip_prefix('"') else { continue };
        let end = memchr::memchr2(b'"', b'\\', data.as_bytes())?;
        let (data, after) = data.split_at(end);
        if after.starts_with('\\') {
            return None;
        }
        rest.push('"');
        rest.push_str(&pieces.len().to_string());
        pieces.push(data);
        rest.push('"');
        left = &after[1..];
    }
    rest.push_str(left);
    (!pieces.is_empty()).then_some((rest, AudioPieces(pieces)))
}

/// The field that holds audio.
const FIELD: &str = r#""data""#;
/// Fields of tool calls, in both cases.
const CALLS: [&str; 4] = [r#""toolCall""#, r#""tool_call""#, r#""functionCall"#, r#""function_call"#];
/// The shortest message whose audio is cut out. A shorter one costs the reader nothing.
const WORTH_IT: usize = 512;
/// The usual length of a message without its audio.
const USUAL_REST: usize = 256;
