//! The conversation's items: the amount of audio of each, and its place.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::ids::{ItemId, ResponseId};
use crate::realtime::seed::Progress;

/// The newest items of one session.
#[derive(Debug, Default)]
pub(super) struct Items {
    entries: HashMap<ItemId, Entry>,
    order: VecDeque<ItemId>,
    /// The item that receives audio and words now. Its ids are looked up once and not once per
    /// delta.
    current: Option<(ResponseId, ItemId)>,
}

#[derive(Debug, Default)]
struct Entry {
    response: Option<ResponseId>,
    audio_bytes: usize,
    audio_complete: bool,
    /// Whether this crate added the item to the conversation.
    ours: bool,
    /// The predecessor that was reported for the item; `None` until it is placed.
    placed: Option<Option<ItemId>>,
    /// The words of its parts, while its response runs.
    parts: BTreeMap<u32, String>,
}

impl Items {
    /// The typed ids, remembered for the next delta.
    pub(super) fn ids(&mut self, response: &str, item: &str) -> (ResponseId, ItemId) {
        match &self.current {
            Some((known_response, known_item))
                if known_response.as_str() == response && known_item.as_str() == item =>
            {
                (known_response.clone(), known_item.clone())
            }
            _ => {
                let ids = (ResponseId::new(response), ItemId::new(item));
                self.entry(&ids.1).response = Some(ids.0.clone());
                self.current = Some(ids.clone());
                ids
            }
        }
    }

    /// Records an item of the server.
    pub(super) fn saw(&mut self, item: &ItemId) {
        self.entry(item);
    }

    /// Records an item of ours.
    pub(super) fn made(&mut self, item: &ItemId) {
        self.entry(item).ours = true;
    }

    pub(super) fn is_ours(&self, item: &ItemId) -> bool {
        self.entries.get(item).is_some_and(|entry| entry.ours)
    }

    pub(super) fn knows(&self, item: &ItemId) -> bool {
        self.entries.contains_key(item)
    }

    pub(super) fn forget(&mut self, item: &ItemId) {
        self.entries.remove(item);
        self.order.retain(|known| known != item);
        self.current.take_if(|(_, current)| current == item);
    }

    pub(super) fn add_audio(&mut self, item: &ItemId, bytes: usize) {
        self.entry(item).audio_bytes += bytes;
    }

    /// The bytes of audio received, and whether the audio is complete.
    pub(super) fn audio(&self, item: &ItemId) -> Option<(usize, bool)> {
        self.entries.get(item).map(|entry| (entry.audio_bytes, entry.audio_complete))
    }

    /// The bytes of audio received in all items of `response`.
    pub(super) fn sound_of(&self, response: &ResponseId) -> usize {
        let mine = self.entries.values().filter(|entry| entry.response.as_ref() == Some(response));
        mine.map(|entry| entry.audio_bytes).sum()
    }

    /// Records that all audio of `item` arrived. Returns `true` the first time, and only if there
    /// was any audio.
    pub(super) fn complete_audio(&mut self, item: &ItemId) -> bool {
        self.entries
            .get_mut(item)
            .is_some_and(|entry| entry.audio_bytes > 0 && !std::mem::replace(&mut entry.audio_complete, true))
    }

    /// Ends `response`. Forgets the words of its items and returns the items whose audio was not
    /// yet marked complete.
    pub(super) fn finish(&mut self, response: &ResponseId) -> Vec<ItemId> {
        let mut incomplete = Vec::new();
        for item in &self.order {
            if let Some(entry) = self.entries.get_mut(item)
                && entry.response.as_ref() == Some(response)
            {
                entry.parts.clear();
                if entry.audio_bytes > 0 && !std::mem::replace(&mut entry.audio_complete, true) {
                    incomplete.push(item.clone());
                }
            }
        }
        incomplete
    }

    /// The items of `response`.
    pub(super) fn of(&self, response: &ResponseId) -> Vec<ItemId> {
        let mine =
            |item: &&ItemId| self.entries.get(*item).is_some_and(|entry| entry.response.as_ref() == Some(response));
        self.order.iter().filter(mine).cloned().collect()
    }

    /// The progress of `response`: how much of it arrived.
    pub(super) fn progress(&self, response: &ResponseId) -> Progress {
        let mine = self.entries.values().filter(|entry| entry.response.as_ref() == Some(response));
        mine.filter(|entry| entry.audio_bytes > 0).fold(Progress::Silent, |progress, entry| {
            match (progress, entry.audio_complete) {
                (Progress::Silent | Progress::Whole, true) => Progress::Whole,
                _ => Progress::Partly,
            }
        })
    }

    /// The complete words of `item`, after its part `index` became `text`.
    pub(super) fn say(&mut self, item: &ItemId, index: u32, text: &str) -> String {
        let parts = &mut self.entry(item).parts;
        if parts.len() < MOST_PARTS || parts.contains_key(&index) {
            parts.insert(index, text.to_owned());
        }
        parts.values().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Records that `item` stands behind `previous`. Returns `true` if that is new: the first time,
    /// or if the predecessor was unknown.
    pub(super) fn place(&mut self, item: &ItemId, previous: Option<&ItemId>) -> bool {
        let placed = &mut self.entry(item).placed;
        let is_new = match placed {
            None => true,
            Some(None) => previous.is_some(),
            Some(Some(_)) => false,
        };
        if is_new {
            *placed = Some(previous.cloned());
        }
        is_new
    }

    fn entry(&mut self, item: &ItemId) -> &mut Entry {
        if !self.entries.contains_key(item) {
            if self.order.len() >= MOST_ITEMS
                && let Some(oldest) = self.order.pop_front()
            {
                self.entries.remove(&oldest);
            }
            self.order.push_back(item.clone());
        }
        self.entries.entry(item.clone()).or_default()
    }
}

/// The number of items to remember. An item is useful until it was heard or cut, which happens
/// within the next few items. A call of an hour creates hundreds.
const MOST_ITEMS: usize = 128;
/// The number of parts of one item whose words are kept apart. The API creates one.
const MOST_PARTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_items_of_an_endless_session_are_bounded() {
        let mut items = Items::default();
        for number in 0..10 * MOST_ITEMS {
            items.ids("r", &format!("item_{number}"));
        }
        assert_eq!((items.entries.len(), items.order.len()), (MOST_ITEMS, MOST_ITEMS));
        assert!(!items.knows(&ItemId::new("item_0")));
        assert!(items.knows(&ItemId::new(&format!("item_{}", 10 * MOST_ITEMS - 1))));
    }

    #[test]
    fn a_forgotten_item_is_unknown() {
        let mut items = Items::default();
        let (_, item) = items.ids("r", "i");
        items.forget(&item);
        assert!(!items.knows(&item));
        assert_eq!(items.order.len(), 0);
        assert_eq!(items.ids("r", "i").1, item, "and may come again");
        assert!(items.knows(&item));
    }
}
