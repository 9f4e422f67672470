//! The ordered items of a conversation, and the client's operations on them. Pure.

use serde_json::Value;

use super::item::{AudioPart, Body, Item, Part};
use super::usage::Tokens;
use crate::tools::rehearsal::fault::Fault;

/// The items of one session.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    items: Vec<Item>,
}

impl Conversation {
    /// All items, oldest first.
    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns the item with this id for modification.
    pub(super) fn item_mut(&mut self, id: &str) -> Option<&mut Item> {
        self.items.iter_mut().rev().find(|item| item.id == id)
    }

    /// The id of the last item. A new item follows it.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.items.last().map(|item| item.id.as_str())
    }

    /// Appends an item made by the server. Returns the id of its predecessor.
    pub(super) fn push(&mut self, item: Item) -> Option<String> {
        let previous = self.last_id().map(str::to_owned);
        self.items.push(item);
        self.forget_oldest();
        previous
    }

    /// The id of the item before this one.
    pub(super) fn before(&self, id: &str) -> Option<&str> {
        let place = self.position(id)?.checked_sub(1)?;
        Some(&self.items[place].id)
    }

    /// Sets how much of an item's audio has been sent. Does nothing if the client has truncated or
    /// deleted the item.
    pub(super) fn grow(&mut self, id: &str, ms: u64) {
        let Some(Item { body: Body::Message { parts, .. }, .. }) = self.item_mut(id) else { return };
        match parts.first_mut() {
            Some(Part::Audio(audio)) if audio.cut => {}
            Some(Part::Audio(audio)) => audio.ms = ms,
            _ => parts.push(Part::Audio(AudioPart { ms, transcript: None, sound: None, cut: false })),
        }
    }

    /// Replaces an item by its finished form. An item that the client truncated stays truncated,
    /// and one that it deleted stays deleted.
    pub(super) fn finish(&mut self, mut item: Item) {
        let Some(place) = self.position(&item.id) else { return };
        if let (Some(before), Some(after)) = (self.items[place].audio().filter(|audio| audio.cut), item.audio_mut()) {
            after.cut_to(before.ms);
        }
        self.items[place] = item;
        self.forget_old_audio();
    }

    /// Inserts an item made by the client. Returns the id of its predecessor.
    ///
    /// # Errors
    /// Fails if the id is taken, the previous item is unknown, or a result names a call that was
    /// not made.
    pub(super) fn insert(&mut self, item: Item, previous: Option<&str>) -> Result<Option<String>, Fault> {
        if self.position(&item.id).is_some() {
            let message = format!("Error adding item: an item with id '{}' already exists.", item.id);
            return Err(Fault::request("item_create_invalid_item_id", message).at("item.id"));
        }
        if let Body::CallOutput { call_id, .. } = &item.body
            && !self.items.iter().any(|item| matches!(&item.body, Body::Call { call_id: made, .. } if made == call_id))
        {
            let message = format!("Tool call ID '{call_id}' not found in conversation.");
            return Err(Fault::request("invalid_tool_call_id", message).at("item.call_id"));
        }
        let place = match previous {
            None => self.items.len(),
            Some("root") => 0,
            Some(id) => match self.position(id) {
                Some(place) => place + 1,
                None => {
                    let message = format!("Error adding item: the previous item with id '{id}' does not exist.");
                    return Err(Fault::request("item_create_invalid_item_id", message).at("previous_item_id"));
                }
            },
        };
        let follows = place.checked_sub(1).map(|before| self.items[before].id.clone());
        self.items.insert(place, item);
        self.forget_oldest();
        Ok(follows)
    }

    /// Returns the item with this id, including its audio.
    ///
    /// # Errors
    /// Fails if there is no such item.
    pub(super) fn retrieve(&self, id: &str) -> Result<Value, Fault> {
        let place = self.position(id).ok_or_else(|| unknown("retriev", "retrieve", id))?;
        Ok(self.items[place].object(true))
    }

    /// Deletes an item.
    ///
    /// # Errors
    /// Fails if there is no item with this id.
    pub(super) fn delete(&mut self, id: &str) -> Result<(), Fault> {
        let place = self.position(id).ok_or_else(|| unknown("delet", "delete", id))?;
        self.items.remove(place);
        Ok(())
    }

    /// Truncates an assistant item's audio. Its transcript is removed too: the server cannot know
    /// which words were heard.
    ///
    /// # Errors
    /// Fails if there is no such item, if it has no audio of the model, or if its audio is shorter
    /// than requested.
    pub(super) fn truncate(&mut self, id: &str, audio_end_ms: u64) -> Result<(), Fault> {
        let item = self.item_mut(id).ok_or_else(|| unknown("truncat", "truncate", id))?;
        let assistant = matches!(item.body, Body::Message { role: "assistant", .. });
        let Some(audio) = item.audio_mut().filter(|audio| assistant && audio.ms > 0) else {
            let message = "Only model output audio messages can be truncated.";
            return Err(Fault::request("unsupported_content_type", message).at("item_id"));
        };
        if audio.ms < audio_end_ms {
            let message = format!("Audio content of {}ms is already shorter than {audio_end_ms}ms", audio.ms);
            return Err(Fault::request("invalid_value", message).at("audio_end_ms"));
        }
        audio.cut_to(audio_end_ms);
        Ok(())
    }

    /// Whether the model has said anything in this conversation.
    pub(super) fn has_assistant_message(&self) -> bool {
        self.items.iter().any(|item| matches!(item.body, Body::Message { role: "assistant", .. }))
    }

    /// Marks every item as answered, because a response includes it.
    pub(super) fn mark_answered(&mut self) {
        self.items.iter_mut().for_each(|item| item.answered = true);
    }

    /// Input tokens of the whole conversation for one response.
    pub(super) fn tokens(&self) -> Tokens {
        self.items
            .iter()
            .map(Item::tokens)
            .fold(Tokens::default(), |sum, item| Tokens { text: sum.text + item.text, audio: sum.audio + item.audio })
    }

    /// Drops all audio but the newest: an hour of it would be 170 MB.
    pub(super) fn forget_old_audio(&mut self) {
        let mut kept = 0;
        for item in self.items.iter_mut().rev() {
            if let Body::Message { parts, .. } = &mut item.body {
                for part in parts {
                    if let Part::Audio(audio) = part
                        && audio.sound.is_some()
                    {
                        kept += 1;
                        if kept > SOUNDS_KEPT {
                            audio.sound = None;
                        }
                    }
                }
            }
        }
    }

    /// Drops the oldest items. The real server truncates a long context by tokens; this one limits
    /// items and text.
    fn forget_oldest(&mut self) {
        let weight = |items: &[Item]| items.iter().map(Item::text_bytes).sum::<usize>();
        while self.items.len() > MOST_ITEMS || (self.items.len() > 1 && weight(&self.items) > MOST_TEXT) {
            self.items.remove(0);
        }
        self.forget_old_audio();
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.items.iter().rposition(|item| item.id == id)
    }
}

fn unknown(doing: &str, code: &str, id: &str) -> Fault {
    let code = match code {
        "retrieve" => "item_retrieve_invalid_item_id",
        "delete" => "item_delete_invalid_item_id",
        _ => "item_truncate_invalid_item_id",
    };
    Fault::request(code, format!("Error {doing}ing item: the item with id '{id}' does not exist.")).at("item_id")
}

/// Number of newest sounds that are kept for `conversation.item.retrieve` and for repeating: the
/// caller's turn and the model's answer.
const SOUNDS_KEPT: usize = 2;
/// Maximum number of items. The real server's context is bounded by tokens.
const MOST_ITEMS: usize = 512;
const MOST_TEXT: usize = 2 * 1024 * 1024;

#[cfg(test)]
mod tests;
