//! Which file is whose, by its name. Pure.
//!
//! A name is a call's where it begins as its transcript does, where it begins as its recordings do and is one of sound, where our id of
//! the call stands in it, or where its record names it. What could be several calls' belongs to all of them, and goes only with the
//! last.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use switchboard_actors::delivery::notice::ids_of;
use switchboard_actors::ids::CallId;
use switchboard_actors::transcript::record::name_part;

use super::shelf::TRANSCRIPT;

/// What names of files are known by.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// How transcripts' names begin.
    filed: HashMap<String, BTreeSet<usize>>,
    /// How recordings' names begin.
    began: HashMap<String, BTreeSet<usize>>,
    /// Names that records name.
    named: HashMap<String, BTreeSet<usize>>,
    /// Our ids.
    ids: HashMap<String, BTreeSet<usize>>,
    /// The ids of deliveries.
    events: HashMap<String, BTreeSet<usize>>,
}

impl Owners {
    /// Takes in a call, which is known by `number` from now on: the name of its transcript, if it has one, and what the record says.
    /// `id` is our id of it, where it is to be believed.
    pub(super) fn add(&mut self, number: usize, transcript: Option<&str>, record: &Value, id: Option<&str>) {
        let put = |map: &mut HashMap<String, BTreeSet<usize>>, key: String| {
            map.entry(key).or_default().insert(number);
        };
        if let Some(stem) = transcript.and_then(|name| name.strip_suffix(TRANSCRIPT)) {
            put(&mut self.filed, stem.to_owned());
        }
        if let (Some(carrier_id), Some(began)) = (record["ucid"].as_str(), record["call_start_time"].as_i64()) {
            put(&mut self.began, format!("call_{}_{began}", name_part(carrier_id)));
        }
        for name in recordings_of(record) {
            put(&mut self.named, name.to_owned());
        }
        if let Some(id) = id {
            put(&mut self.ids, id.to_owned());
        }
        // A record without an id of ours is told of under its file's name.
        for call in id.into_iter().chain(transcript.filter(|_| id.is_none())) {
            ids_of(call).into_iter().for_each(|event| put(&mut self.events, event));
        }
    }

    /// Whose a file of this name is.
    pub(super) fn of(&self, name: &str) -> BTreeSet<usize> {
        let plain = name.strip_prefix('.').unwrap_or(name);
        let plain = plain.strip_suffix(".tmp").unwrap_or(plain);
        let (filed, began) = (longest(&self.filed, plain), longest(&self.began, plain).filter(|_| is_sound(plain)));
        if is_sound(plain)
            && let Some(named) = self.named.get(plain)
        {
            // Where several records name it, it is the one's whose name it bears.
            let bears: BTreeSet<usize> =
                [filed, began].into_iter().flatten().flat_map(|(_, owners)| owners & named).collect();
            return if bears.is_empty() { named.clone() } else { bears };
        }
        if let Some(owners) = self.events.get(event_in(plain)) {
            return owners.clone();
        }
        let by_id: BTreeSet<usize> = ids_in(plain).filter_map(|id| self.ids.get(id)).flatten().copied().collect();
        if !by_id.is_empty() {
            return by_id;
        }
        match (filed, began) {
            (Some((one, owners)), Some((other, more))) if one == other => owners | more,
            (Some((one, owners)), Some((other, _))) if one > other => owners.clone(),
            (_, Some((_, owners))) | (Some((_, owners)), None) => owners.clone(),
            (None, None) => BTreeSet::new(),
        }
    }

    /// Whose ids stand in a text.
    pub(super) fn within(&self, text: &str) -> BTreeSet<usize> {
        ids_in(text).filter_map(|id| self.ids.get(id)).flatten().copied().collect()
    }
}

/// The bare names of a record's recordings; what is a path, or no name of sound, is none.
pub(super) fn recordings_of(record: &Value) -> impl Iterator<Item = &str> {
    let listed = record["recordings"].as_array().into_iter().flatten();
    let names = listed.chain(std::iter::once(&record["recording"])).filter_map(Value::as_str);
    names.filter(|name| is_bare(name) && is_sound(name))
}

/// Our id of a call in its one form; `None` of a text that is no id of ours, as records of another's making may have.
pub(super) fn our_id(text: &str) -> Option<String> {
    let id = CallId::parse(text.trim())?.to_string();
    (text.trim().len() == id.len() && id.bytes().any(|sign| !matches!(sign, b'0' | b'-'))).then_some(id)
}

/// Whether a file without an owner is of the call that a carrier calls so: `call_{id}_{moment}` begins its name.
pub(super) fn is_of_carrier_id(name: &str, carrier_id: &str) -> bool {
    let plain = name.strip_prefix('.').unwrap_or(name);
    let Some(rest) = plain.strip_prefix(&format!("call_{}_", name_part(carrier_id))) else { return false };
    let end = rest.find(['_', '.']).unwrap_or(rest.len());
    is_moment(&rest[..end]) && !rest[end..].split(['_', '.']).any(is_moment)
}

/// Whether a name is one of a recording.
pub(super) fn is_sound(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| SOUND.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

/// The longest beginning of `name` that is known; what follows it is no moment, which would make it another call's.
fn longest<'a>(known: &'a HashMap<String, BTreeSet<usize>>, name: &str) -> Option<(usize, &'a BTreeSet<usize>)> {
    let ends = name.char_indices().filter(|(_, sign)| matches!(sign, '_' | '.')).map(|(end, _)| end);
    ends.filter(|end| !name[*end..].split(['_', '.']).any(is_moment))
        .rev()
        .find_map(|end| known.get(&name[..end]).map(|owners| (end, owners)))
}

/// The event's id in a delivery's name.
fn event_in(name: &str) -> &str {
    let name = name.strip_suffix(".json").unwrap_or(name);
    name.strip_suffix(".unreadable").unwrap_or(name)
}

/// Every id of our form that stands in a text by itself.
fn ids_in(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let joined = |at: Option<&u8>| at.is_some_and(u8::is_ascii_alphanumeric);
    let dashes = |part: &str| [8, 13, 18, 23].iter().all(|at| part.as_bytes()[*at] == b'-');
    (0..bytes.len().saturating_sub(ID_LENGTH - 1)).filter_map(move |from| {
        let part = text.get(from..from + ID_LENGTH)?;
        let before = from.checked_sub(1).and_then(|at| bytes.get(at));
        let stands = !joined(before) && before != Some(&b'-') && !joined(bytes.get(from + ID_LENGTH));
        (stands && dashes(part) && our_id(part).as_deref() == Some(part)).then_some(part)
    })
}

fn is_bare(name: &str) -> bool {
    !name.contains(['/', '\\', '\0']) && !matches!(name, "" | "." | "..")
}

/// Whether it is a moment in milliseconds, as names of files have them: from 2001 to 2286.
fn is_moment(part: &str) -> bool {
    part.len() == MOMENT_LENGTH && part.bytes().all(|sign| sign.is_ascii_digit())
}

const SOUND: [&str; 5] = ["wav", "flac", "mp3", "ogg", "opus"];
const ID_LENGTH: usize = 36;
const MOMENT_LENGTH: usize = 13;

#[cfg(test)]
mod tests;
