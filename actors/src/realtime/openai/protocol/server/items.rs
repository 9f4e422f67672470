//! Items, their pieces, and what is said of them.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::realtime::openai::protocol::fields::Fields;
use crate::realtime::openai::protocol::usage;
use crate::realtime::report::TranscriptionUsage;

/// An event about an item.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemRef<'a> {
    /// The item; empty where the server does not say.
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
    /// The item; empty where the server does not say.
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

/// An item, as far as we look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ItemInfo<'a> {
    /// `item_…`.
    pub id: Option<Cow<'a, str>>,
    /// `message`, `function_call`, `function_call_output`, …
    pub kind: Option<Cow<'a, str>>,
    /// `user`, `assistant`, `system`; of messages.
    pub role: Option<Cow<'a, str>>,
    /// `completed`, `incomplete`, `in_progress`.
    pub status: Option<Cow<'a, str>>,
    /// Of function calls and their results; a call's own id where the server gives it no other.
    pub call_id: Option<Cow<'a, str>>,
    /// Of function calls.
    pub name: Option<Cow<'a, str>>,
    /// Of function calls: JSON, whether it came in a string or as it is.
    pub arguments: Option<Cow<'a, str>>,
    /// Of messages: whether something is written in one of its parts.
    pub has_text: bool,
}

impl<'a> ItemInfo<'a> {
    pub(super) fn of(item: &Fields<'a>) -> Self {
        let written = |part: &RawValue| Fields::of(Some(part)).text("text").is_some_and(|text| !text.trim().is_empty());
        let filled = |text: Option<Cow<'a, str>>| text.filter(|text| !text.is_empty());
        Self {
            id: item.text("id"),
            kind: item.text("type"),
            role: item.text("role"),
            status: item.text("status"),
            call_id: filled(item.text("call_id")).or_else(|| item.text("id")),
            name: item.text("name"),
            arguments: item.json("arguments"),
            has_text: item.list("content").into_iter().any(written),
        }
    }
}

/// `response.output_item.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputItem<'a> {
    /// The response; empty where the server does not say.
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
    /// The item; empty where the server does not say.
    pub item_id: Cow<'a, str>,
    /// The piece. Some servers send events without one.
    pub delta: Option<Cow<'a, str>>,
}

impl<'a> CallerDelta<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        // A number is no piece of speech.
        let worded = event.raw("delta").is_some_and(|raw| raw.get().starts_with(['"', '{', '[']));
        Self { item_id: event.id("item_id"), delta: event.words("delta").filter(|_| worded) }
    }
}

/// `…input_audio_transcription.completed`.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcribed<'a> {
    /// The item; empty where the server does not say.
    pub item_id: Cow<'a, str>,
    /// What was said; empty where there is nothing to be read.
    pub transcript: Cow<'a, str>,
    /// What it cost.
    pub usage: Option<TranscriptionUsage>,
}

impl<'a> Transcribed<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        Self {
            item_id: event.id("item_id"),
            transcript: event.words("transcript").or_else(|| event.words("text")).unwrap_or_default(),
            usage: usage::of_transcription(&event.object("usage")),
        }
    }
}

/// A piece of a part of an item: audio in base64, or words. Borrowed as long as nothing in it is escaped.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta<'a> {
    /// The response; empty where the server does not say.
    pub response_id: Cow<'a, str>,
    /// The item; empty where the server does not say.
    pub item_id: Cow<'a, str>,
    /// The piece; empty where there is nothing to be read.
    pub delta: Cow<'a, str>,
}

impl<'a> Delta<'a> {
    pub(super) fn of(event: &Fields<'a>) -> Self {
        let PartRef { response_id, item_id } = PartRef::of(event);
        Self { response_id, item_id, delta: event.words("delta").unwrap_or_default() }
    }
}

/// A part of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct PartRef<'a> {
    /// The response; empty where the server does not say.
    pub response_id: Cow<'a, str>,
    /// The item; empty where the server does not say.
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
    /// The response; empty where the server does not say.
    pub response_id: Cow<'a, str>,
    /// The item; empty where the server does not say.
    pub item_id: Cow<'a, str>,
    /// Which part of the item.
    pub content_index: Option<u32>,
    /// The whole text; `text` in the one event, `transcript` in the other. `None` where there is nothing to be read.
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
    /// The response; empty where the server does not say.
    pub response_id: Cow<'a, str>,
    /// The item.
    pub item_id: Option<Cow<'a, str>>,
    /// The call; its item where the server gives it no other name.
    pub call_id: Cow<'a, str>,
    /// The function; beta servers leave it out, then it is in the response's output.
    pub name: Option<Cow<'a, str>>,
    /// JSON, whether it came in a string or as it is.
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
