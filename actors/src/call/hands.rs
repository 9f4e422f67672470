//! The hands: who talks with the caller for us, the agent or a person. Pure; one of the regions of
//! [`super::machine`].
//!
//! An operator may take the call over. What the agent says is cut as by an interruption, and until
//! the call is given back it says nothing: what it generates is stopped, its tools are refused, and
//! none of its sound is played. The model hears both meanwhile. At giving back it is told what was
//! said, as far as it was transcribed, and goes on. Prompts to a silent caller, the limits of
//! duration and transfers wait until then; an operator's hang-up ends the call at once.
//!
//! | state | |
//! |---|---|
//! | agent | the agent talks with the caller |
//! | person | a person does |
#![doc = include_str!("hands.md")]

use crate::ids::ItemId;

/// Who talks with the caller.
#[derive(Debug)]
pub(super) enum Hands {
    /// The agent.
    Agent {
        /// The turn that ended last. A turn that was open when a person gave the call back may be
        /// theirs.
        ended: Option<ItemId>,
    },
    /// A person.
    Person(Meanwhile),
}

impl Default for Hands {
    fn default() -> Self {
        Self::Agent { ended: None }
    }
}

/// What was said while a person talks with the caller.
#[derive(Debug, Default)]
pub(super) struct Meanwhile {
    said: Vec<Said>,
    /// The turn that ended last: the next report says who spoke it.
    ended: Option<ItemId>,
    /// Turns beyond the bound.
    omitted: usize,
}

#[derive(Debug)]
struct Said {
    item: ItemId,
    by: Speaker,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Caller,
    Person,
}

impl Hands {
    /// Whether a person talks with the caller.
    pub(super) const fn are_a_persons(&self) -> bool {
        matches!(self, Self::Person(_))
    }

    /// The state's name in the table.
    #[cfg(test)]
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Agent { .. } => "agent",
            Self::Person(_) => "person",
        }
    }

    /// A person takes the call.
    pub(super) fn take(&mut self) {
        *self = Self::Person(Meanwhile::default());
    }

    /// The agent has the call again. Returns what it is told, or `None` if it had the call already.
    pub(super) fn give_back(&mut self) -> Option<String> {
        match std::mem::take(self) {
            Self::Agent { .. } => None,
            Self::Person(meanwhile) => Some(meanwhile.told()),
        }
    }

    /// A turn on the line has ended.
    pub(super) fn turn_ended(&mut self, item: &ItemId) {
        let (Self::Agent { ended } | Self::Person(Meanwhile { ended, .. })) = self;
        *ended = Some(item.clone());
    }

    /// The person spoke in the turn that ended last; returns its item.
    pub(super) fn spoken_by_person(&mut self) -> Option<ItemId> {
        let (Self::Agent { ended } | Self::Person(Meanwhile { ended, .. })) = self;
        let item = ended.take()?;
        if let Self::Person(meanwhile) = self {
            meanwhile.of(&item)?.by = Speaker::Person;
        }
        Some(item)
    }

    /// The words of a turn.
    pub(super) fn words(&mut self, item: &ItemId, text: &str) {
        if let Self::Person(meanwhile) = self
            && let Some(said) = meanwhile.of(item)
        {
            said.text = text.trim().chars().take(LONGEST).collect();
        }
    }
}

impl Meanwhile {
    /// The entry of a turn; `None` beyond the bound.
    fn of(&mut self, item: &ItemId) -> Option<&mut Said> {
        let known = self.said.iter().position(|said| said.item == *item);
        let place = match known {
            Some(place) => place,
            None if self.said.len() == MOST_SAID => {
                self.omitted += 1;
                return None;
            }
            None => {
                self.said.push(Said { item: item.clone(), by: Speaker::Caller, text: String::new() });
                self.said.len() - 1
            }
        };
        self.said.get_mut(place)
    }

    /// What the model is told of it.
    fn told(&self) -> String {
        let lines: Vec<String> = self
            .said
            .iter()
            .filter(|said| !said.text.is_empty())
            .map(|said| {
                let who = if said.by == Speaker::Person { "Colleague" } else { "Caller" };
                format!("{who}: “{}”", said.text)
            })
            .collect();
        let said = if lines.is_empty() {
            "What they said was not written down.".to_owned()
        } else {
            format!("They said:\n{}", lines.join("\n"))
        };
        let more = if self.omitted > 0 { "\nThey said more that is not written here." } else { "" };
        format!("{GIVEN_BACK} {said}{more}")
    }
}

/// What the model is told when a person takes the call.
pub(super) const TAKEN: &str = "A colleague of ours talks with the caller from now on. You hear both of them. Say nothing and call no tool \
    until you are told that you have the call again.";
/// What it is told when it has the call again, before what was said.
const GIVEN_BACK: &str = "The colleague has left, and you have the call again. Go on from where they are; do not greet, and do not repeat \
    what was settled.";
/// What it is asked for then.
pub(super) const GO_ON: &str = "You have the call again after a colleague has talked with the caller. Answer what the caller still waits for; \
    if nothing is open, say in one short sentence that you go on from here, and ask how.";
/// Turns that the model is told of. More would be a long text; it has heard them all the same.
const MOST_SAID: usize = 200;
/// Characters of one turn that it is told.
const LONGEST: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str) -> ItemId {
        ItemId::new(name)
    }

    #[test]
    fn the_model_is_told_who_said_what_in_order() {
        let mut hands = Hands::default();
        assert_eq!(hands.give_back(), None);
        hands.take();
        hands.turn_ended(&item("a"));
        assert_eq!(hands.spoken_by_person(), Some(item("a")));
        assert_eq!(hands.spoken_by_person(), None, "one report is of one turn");
        hands.turn_ended(&item("b"));
        hands.words(&item("b"), "At ten, please.");
        hands.words(&item("a"), "When shall we come? ");
        let told = hands.give_back().expect("it was a person's");
        let (_, said) = told.split_once("They said:\n").expect("what was said");
        assert_eq!(said, "Colleague: “When shall we come?”\nCaller: “At ten, please.”");
        assert!(!hands.are_a_persons());
        hands.turn_ended(&item("c"));
        assert_eq!(hands.spoken_by_person(), Some(item("c")), "it was open when the call was given back");
    }

    #[test]
    fn without_words_it_is_told_so_and_many_turns_are_bounded() {
        let mut hands = Hands::default();
        hands.take();
        assert!(hands.give_back().is_some_and(|told| told.ends_with("was not written down.")));
        hands.take();
        for number in 0..=MOST_SAID {
            hands.words(&item(&number.to_string()), "yes");
        }
        assert!(hands.give_back().is_some_and(|told| told.ends_with("more that is not written here.")));
    }
}
