//! Finds the calls that a file belongs to, by its name. Pure.
//!
//! A file belongs to a call in four cases: its name begins like the call's transcript; it is a
//! sound file whose name begins like the call's recordings; its name contains Switchboard's id of
//! the call; or the call's record names it. A file that could belong to several calls belongs to
//! all of them and is removed with the last one.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use switchboard_actors::delivery::notice::ids_of;
use switchboard_actors::ids::CallId;
use switchboard_actors::transcript::record::name_part;

use super::folders::TRANSCRIPT;

/// The known parts of file names, each with its calls.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Prefixes of transcript names.
    filed: HashMap<String, BTreeSet<usize>>,
    /// Prefixes of recording names.
    began: HashMap<String, BTreeSet<usize>>,
    /// File names that records mention.
    named: HashMap<String, BTreeSet<usize>>,
    /// Switchboard's ids.
    ids: HashMap<String, BTreeSet<usize>>,
    /// Ids of deliveries.
    events: HashMap<String, BTreeSet<usize>>,
}

impl Owners {
    /// Adds a call under the key `number`, with the name of its transcript, if any, and the content
    /// of its record. `id` is Switchboard's id of the call, if it can be trusted.
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
        // Deliveries of a record without such an id use its file name instead.
        for call in id.into_iter().chain(transcript.filter(|_| id.is_none())) {
            ids_of(call).into_iter().for_each(|event| put(&mut self.events, event));
        }
    }

    /// The calls that own a file with this name.
    pub(super) fn of(&self, name: &str) -> BTreeSet<usize> {
        let plain = name.strip_prefix('.').unwrap_or(name);
        let plain = plain.strip_suffix(".tmp").unwrap_or(plain);
        let (filed, began) = (longest(&self.filed, plain), longest(&self.began, plain).filter(|_| is_sound(plain)));
        if is_sound(plain)
            && let Some(named) = self.named.get(plain)
        {
            // If several records name the file, the owner is the call whose prefix the name has.
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

    /// The calls whose ids occur in a text.
    pub(super) fn within(&self, text: &str) -> BTreeSet<usize> {
        ids_in(text).filter_map(|id| self.ids.get(id)).flatten().copied().collect()
    }
}

/// The file names of a record's recordings. Skips entries that are a path or not the name of a
/// sound file.
pub(super) fn recordings_of(record: &Value) -> impl Iterator<Item = &str> {
    let listed = record["recordings"].as_array().into_iter().flatten();
    let names = listed.chain(std::iter::once(&record["recording"])).filter_map(Value::as_str);
    names.filter(|name| is_bare(name) && is_sound(name))
}

/// Normalises Switchboard's id of a call. Returns `None` for other text, which records from another
/// producer may contain.
pub(super) fn our_id(text: &str) -> Option<String> {
    let id = CallId::parse(text.trim())?.to_string();
    (text.trim().len() == id.len() && id.bytes().any(|sign| !matches!(sign, b'0' | b'-'))).then_some(id)
}

/// Whether a file without an owner belongs to the call with this carrier id: its name begins with
/// `call_{id}_{moment}`.
pub(super) fn is_of_carrier_id(name: &str, carrier_id: &str) -> bool {
    let plain = name.strip_prefix('.').unwrap_or(name);
    let Some(rest) = plain.strip_prefix(&format!("call_{}_", name_part(carrier_id))) else { return false };
    let end = rest.find(['_', '.']).unwrap_or(rest.len());
    is_moment(&rest[..end]) && !rest[end..].split(['_', '.']).any(is_moment)
}

/// Whether a name is that of a recording.
pub(super) fn is_sound(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| SOUND.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

/// Finds the longest known prefix of `name`. The prefix must not be followed by a time, which would
/// make it another call's name.
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

/// Every standalone id of Switchboard's form in a text.
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

/// Whether this is a time in milliseconds as used in file names: from 2001 to 2286.
fn is_moment(part: &str) -> bool {
    part.len() == MOMENT_LENGTH && part.bytes().all(|sign| sign.is_ascii_digit())
}

const SOUND: [&str; 5] = ["wav", "flac", "mp3", "ogg", "opus"];
const ID_LENGTH: usize = 36;
const MOMENT_LENGTH: usize = 13;

#[cfg(test)]
mod tests;
