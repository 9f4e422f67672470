//! Events about items and their parts.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::realtime::fields::Fields;
use crate::realtime::openai::protocol::usage;
use crate::realtime::report::TranscriptionUsage;

/// An event about an item.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemRef<'a> {
    /// The item; empty if the server does not name it.
    pub item_id: Cow<'a, str>,
}

impl<'a> ItemRef<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        Self { item_id: event.id("item_id") }
    }
}

/// `input_audio_buffer.committed`.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed<'a> {
    /// The item; empty if the server does not name it.
    pub item_id: Cow<'a, str>,
    /// The item before it.
    pub previous_item_id: Option<Cow<'a, str>>,
}

impl<'a> Committed<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        Self { item_id: event.id("item_id"), previous_item_id: event.text("previous_item_id") }
    }
}

/// `conversation.item.added`.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemPlaced<'a> {
    /// The item.
    pub item: ItemInfo<'a>,
    /// The item before it.
    pub previous_item_id: Option<Cow<'a, str>>,
}

impl<'a> ItemPlaced<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        Self { item: ItemInfo::of(&event.object("item")), previous_item_id: event.text("previous_item_id") }
    }
}

/// The fields of an item that this crate uses.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ItemInfo<'a> {
    /// The id: `item_…`.
    pub id: Option<Cow<'a, str>>,
    /// The kind: `message`, `function_call`, `function_call_output`, …
    pub kind: Option<Cow<'a, str>>,
    /// The role of a message: `user`, `assistant` or `system`.
    pub role: Option<Cow<'a, str>>,
    /// The status: `completed`, `incomplete` or `in_progress`.
    pub status: Option<Cow<'a, str>>,
    /// The call id of a function call or its result. A function call without one uses its item id.
    pub call_id: Option<Cow<'a, str>>,
    /// The function's name, for function calls.
    pub name: Option<Cow<'a, str>>,
    /// The arguments of a function call, as JSON. The server may send them in a string or as an
    /// object.
    pub arguments: Option<Cow<'a, str>>,
    /// Whether a part of the message contains text.
    pub has_text: bool,
}

impl<'a> ItemInfo<'a> {
    pub(super) fn of(item: &Fields<'a>) -> Self {
        let written = |part: &RawValue| Fields::of(Some(part)).text("text").is_some_and(|text| !text.trim().is_empty());
        Self {
            id: item.text("id"),
            kind: item.text("type"),
            role: item.text("role"),
            status: item.text("status"),
            call_id: item.filled("call_id").or_else(|| item.text("id")),
            name: item.text("name"),
            arguments: item.json("arguments"),
            has_text: item.list("content").into_iter().any(written),
        }
    }
}

/// `response.output_item.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputItem<'a> {
    /// The response; empty if the server does not name it.
    pub response_id: Cow<'a, str>,
    /// The item.
    pub item: ItemInfo<'a>,
}

impl<'a> OutputItem<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        Self { response_id: event.id("response_id"), item: ItemInfo::of(&event.object("item")) }
    }
}

/// `…input_audio_transcription.delta`.
#[derive(Debug, Clone, PartialEq)]
pub struct CallerDelta<'a> {
    /// The item; empty if the server does not name it.
    pub item_id: Cow<'a, str>,
    /// The piece. Some servers send events without one.
    pub delta: Option<Cow<'a, str>>,
}

impl<'a> CallerDelta<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        // A number is not a piece of speech.
        let worded = event.raw("delta").is_some_and(|raw| raw.get().starts_with(['"', '{', '[']));
        Self { item_id: event.id("item_id"), delta: event.words("delta").filter(|_| worded) }
    }
}

/// `…input_audio_transcription.completed`.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcribed<'a> {
    /// The item; empty if the server does not name it.
    pub item_id: Cow<'a, str>,
    /// The transcript; empty if the event has no readable one.
    pub transcript: Cow<'a, str>,
    /// Whether more words of the item follow.
    pub goes_on: bool,
    /// The cost of the transcription.
    pub usage: Option<TranscriptionUsage>,
}

impl<'a> Transcribed<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        Self {
            item_id: event.id("item_id"),
            transcript: event.words("transcript").or_else(|| event.words("text")).unwrap_or_default(),
            goes_on: event.text("status").as_deref() == Some("in_progress"),
            usage: usage::of_transcription(&event.object("usage")),
        }
    }
}

/// A piece of one part of an item: audio in base64, or words. It is borrowed if it contains no
/// escape.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta<'a> {
    /// The response; empty if the server does not name it.
    pub response_id: Cow<'a, str>,
    /// The item; empty if the server does not name it.
    pub item_id: Cow<'a, str>,
    /// The piece; empty if the event has no readable one.
    pub delta: Cow<'a, str>,
}

impl<'a> Delta<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        let PartRef { response_id, item_id } = PartRef::of(event);
        Self { response_id, item_id, delta: event.words("delta").unwrap_or_default() }
    }
}

/// An event about one part of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct PartRef<'a> {
    /// The response; empty if the server does not name it.
    pub response_id: Cow<'a, str>,
    /// The item; empty if the server does not name it.
    pub item_id: Cow<'a, str>,
}

impl<'a> PartRef<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        Self { response_id: event.id("response_id"), item_id: event.id("item_id") }
    }
}

/// `response.output_audio_transcript.done` and `response.output_text.done`.
#[derive(Debug, Clone, PartialEq)]
pub struct WordsDone<'a> {
    /// The response; empty if the server does not name it.
    pub response_id: Cow<'a, str>,
    /// The item; empty if the server does not name it.
    pub item_id: Cow<'a, str>,
    /// The index of the part within the item.
    pub content_index: Option<u32>,
    /// The complete text. One event calls it `text`, the other `transcript`. `None` if the event
    /// has no readable one.
    pub transcript: Option<Cow<'a, str>>,
}

impl<'a> WordsDone<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        let PartRef { response_id, item_id } = PartRef::of(event);
        Self {
            response_id,
            item_id,
            content_index: event.count("content_index", u32::MAX).and_then(|index| u32::try_from(index).ok()),
            transcript: event.words("transcript").or_else(|| event.words("text")),
        }
    }
}

/// `response.function_call_arguments.done`.
#[derive(Debug, Clone, PartialEq)]
pub struct ArgumentsDone<'a> {
    /// The response; empty if the server does not name it.
    pub response_id: Cow<'a, str>,
    /// The item.
    pub item_id: Option<Cow<'a, str>>,
    /// The call id; the item's id if the server sends no call id.
    pub call_id: Cow<'a, str>,
    /// The function's name. Beta servers omit it; the response's output then contains it.
    pub name: Option<Cow<'a, str>>,
    /// The arguments as JSON. The server may send them in a string or as an object.
    pub arguments: Cow<'a, str>,
}

impl<'a> ArgumentsDone<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        let item_id = event.text("item_id");
        Self {
            response_id: event.id("response_id"),
            call_id: event.text("call_id").or_else(|| item_id.clone()).unwrap_or_default(),
            item_id,
            name: event.text("name"),
            arguments: event.json("arguments").unwrap_or_default(),
        }
    }
}
