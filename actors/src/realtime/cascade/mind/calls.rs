//! Assembles tool calls out of their streamed parts. Pure.
//!
//! A call is found by its index, but some servers give every call the index 0, omit ids, or repeat
//! the name in every part.

use std::collections::BTreeSet;

use serde::de::IgnoredAny;

use super::chunk::CallPart;

/// A tool call of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id, as the server is told it again. It is unique in its answer only.
    pub id: String,
    /// The tool's name. It is untrusted input.
    pub name: String,
    /// The arguments as the model wrote them; `{}` if it wrote none.
    pub arguments: String,
}

/// The calls of an answer in progress.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<(u64, Call)>);

impl Calls {
    /// Whether the answer has none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a part. What exceeds the limits is ignored.
    pub(super) fn take(&mut self, part: CallPart) {
        let held = self.0.iter_mut().rfind(|(index, _)| *index == part.index);
        if let Some((_, call)) = held
            && !is_another(call, &part)
        {
            if !part.id.is_empty() {
                call.id = part.id;
            }
            if !part.name.is_empty() {
                call.name = part.name;
            }
            if call.arguments.len() + part.arguments.len() <= LONGEST_ARGUMENTS {
                call.arguments.push_str(&part.arguments);
            }
        } else if self.0.len() < MOST_CALLS && part.arguments.len() <= LONGEST_ARGUMENTS {
            self.0.push((part.index, Call { id: part.id, name: part.name, arguments: part.arguments }));
        }
    }

    /// The finished calls. Half calls are left out if the answer was cut.
    pub(super) fn finish(&mut self, was_cut: bool) -> Vec<Call> {
        let mut ids = BTreeSet::new();
        let mut calls: Vec<Call> = std::mem::take(&mut self.0).into_iter().map(|(_, call)| call).collect();
        calls.retain(|call| !call.name.is_empty() && (!was_cut || is_json(&call.arguments)));
        for call in &mut calls {
            if call.arguments.trim().is_empty() {
                "{}".clone_into(&mut call.arguments);
            }
            if call.id.is_empty() || ids.contains(&call.id) {
                let free = (1..).map(|number| format!("call{number:05}")).find(|id| !ids.contains(id));
                call.id = free.unwrap_or_default();
            }
            ids.insert(call.id.clone());
        }
        calls
    }
}

/// Whether `part` begins another call than the one that is held at its index.
fn is_another(held: &Call, part: &CallPart) -> bool {
    if !part.id.is_empty() && !held.id.is_empty() {
        return part.id != held.id;
    }
    // Without ids, a name and new arguments after complete ones are another call.
    part.id.is_empty() && !part.name.is_empty() && part.arguments.starts_with('{') && is_json(&held.arguments)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The most calls of an answer.
const MOST_CALLS: usize = 16;
/// The most bytes of the arguments of a call.
const LONGEST_ARGUMENTS: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn part(index: u64, id: &str, name: &str, arguments: &str) -> CallPart {
        CallPart { index, id: id.into(), name: name.into(), arguments: arguments.into() }
    }

    fn assembled(parts: &[CallPart], was_cut: bool) -> Vec<(String, String, String)> {
        let mut calls = Calls::default();
        parts.iter().cloned().for_each(|part| calls.take(part));
        calls.finish(was_cut).into_iter().map(|call| (call.id, call.name, call.arguments)).collect()
    }

    fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
        (id.into(), name.into(), arguments.into())
    }

    #[test]
    fn parts_are_joined_by_their_index() {
        let parts = [
            part(0, "a", "find", ""),
            part(1, "b", "book", "{\"at\":"),
            part(0, "", "", "{\"x\":1}"),
            part(1, "", "", "\"8\"}"),
        ];
        assert_eq!(assembled(&parts, false), [call("a", "find", "{\"x\":1}"), call("b", "book", "{\"at\":\"8\"}")]);
    }

    #[test]
    fn two_calls_with_one_index_are_two_calls() {
        let parts = [part(0, "a", "find", "{}"), part(0, "b", "find", "{\"y\":1}")];
        assert_eq!(assembled(&parts, false), [call("a", "find", "{}"), call("b", "find", "{\"y\":1}")]);
        let without_ids = [part(0, "", "find", "{}"), part(0, "", "find", "{\"y\":1}")];
        let expected = [call("call00001", "find", "{}"), call("call00002", "find", "{\"y\":1}")];
        assert_eq!(assembled(&without_ids, false), expected);
    }

    #[test]
    fn a_repeated_name_or_id_is_not_appended() {
        let parts = [part(0, "a", "find", "{\"x\""), part(0, "a", "find", ":1}")];
        assert_eq!(assembled(&parts, false), [call("a", "find", "{\"x\":1}")]);
        // Two calls that share an id would get each other's results.
        let parts = [part(0, "a", "find", "{}"), part(1, "a", "book", "{}")];
        assert_eq!(assembled(&parts, false), [call("a", "find", "{}"), call("call00001", "book", "{}")]);
    }

    #[test]
    fn no_arguments_are_an_empty_object() {
        assert_eq!(assembled(&[part(0, "a", "find", " ")], false), [call("a", "find", "{}")]);
    }

    #[test]
    fn a_half_call_of_a_cut_answer_is_dropped() {
        let parts = [part(0, "a", "find", "{}"), part(1, "b", "book", "{\"at\":"), part(2, "c", "late", "")];
        assert_eq!(assembled(&parts, true), [call("a", "find", "{}")]);
        assert_eq!(assembled(&parts, false).len(), 3);
    }

    #[test]
    fn the_number_and_size_of_calls_is_bounded() {
        let many: Vec<_> = (0..100).map(|index| part(index, "", "find", "{}")).collect();
        assert_eq!(assembled(&many, false).len(), MOST_CALLS);
        let long: Vec<_> = (0..100).map(|_| part(0, "a", "find", &"x".repeat(10_000))).collect();
        assert!(assembled(&long, false)[0].2.len() <= LONGEST_ARGUMENTS);
    }
}
