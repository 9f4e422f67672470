//! How a conversation runs apart from its words: `[interruption]`, `[speech_detector]`, `[keypad]`,
//! and the keys of an agent. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_actors::audio::detector::DetectorPlan;
use switchboard_actors::profile::{InterruptionPlan, InterruptionPolicy, KeyAction};

use super::kinds::{Expected, MILLISECOND, MINUTE, SECOND, duration, flag, number, quoted, text, word};
use super::layers::Node;
use super::names::unknown;
use super::reader::Section;
use super::realtime::Realtime;

/// `[keypad]`: how pressed keys become a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keypad {
    /// A pause this long after a key ends a number.
    pub inter_digit: Duration,
    /// The key that ends a number at once.
    pub terminator: char,
}

/// `[agents.<name>.keypad]`: the action for each sequence of keys.
pub type Keys = BTreeMap<String, KeyAction>;

impl Keypad {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let inter_digit = section.read("inter_digit", duration(200 * MILLISECOND..=30 * SECOND));
        let terminator = section.read("terminator", word(TERMINATORS));
        Some(Self { inter_digit: inter_digit?, terminator: terminator? })
    }
}

/// `[speech_detector]`: our own detector of the caller's speech, if it is on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detector {
    /// How it detects.
    pub plan: DetectorPlan,
    /// Whether it also gives a second opinion beside a model that reports speech by itself.
    pub second_opinion: bool,
}

/// Reads `[speech_detector]`.
pub(super) fn read_detector(section: &Section<'_>) -> Option<Option<Detector>> {
    let enabled = section.read("enabled", |node| {
        flag(node).map(|on| if on { Detects::Everywhere } else { Detects::Nowhere }).or_else(|_| word(DETECTS)(node))
    });
    let threshold = section.read("threshold", number(0.5..=0.99));
    let min_speech = section.read("min_speech", duration(16 * MILLISECOND..=SECOND));
    let min_silence = section.read("min_silence", duration(200 * MILLISECOND..=5 * SECOND));
    let plan = DetectorPlan { threshold: threshold?, min_speech: min_speech?, min_silence: min_silence? };
    Some(match enabled? {
        Detects::Nowhere => None,
        Detects::WhereNeeded => Some(Detector { plan, second_opinion: false }),
        Detects::Everywhere => Some(Detector { plan, second_opinion: true }),
    })
}

/// Reads `[interruption]` and checks it against what the server does by itself.
pub(super) fn read_interruption(section: &Section<'_>, realtime: Option<&Realtime>) -> Option<InterruptionPlan> {
    let min_speech = section.read("min_speech", duration(Duration::ZERO..=5 * SECOND));
    let greeting_protection = section.read("greeting_protection", duration(Duration::ZERO..=MINUTE));
    let policy = section.read("policy", word(POLICIES));
    let resume_after = section.read("resume_after", duration(100 * MILLISECOND..=10 * SECOND));
    let can = realtime.map(|realtime| realtime.capabilities(&realtime.options));
    let full_duplex = can.as_ref().is_some_and(|can| can.full_duplex);
    if policy == Some(Policy::Model) && can.is_some() && !full_duplex {
        let next = "expected \"immediate\" or \"pause\", because its model does not listen while it speaks";
        section.problem("policy", format!("found \"model\" with this realtime.provider; {next}"));
    }
    if can.is_some_and(|can| can.server_interrupts() && !can.full_duplex) {
        let can_leave = realtime.is_some_and(Realtime::may_leave_interruptions);
        if policy == Some(Policy::Pause) {
            let next = if can_leave { LEAVE_IT_TO_US } else { "set interruption.policy = \"immediate\"" };
            let why = "because a server that interrupts leaves nothing to go on with";
            section.problem("policy", format!("found \"pause\" while the server interrupts by itself; {next}, {why}"));
        }
        for (key, value) in [("min_speech", min_speech), ("greeting_protection", greeting_protection)] {
            if value.is_some_and(|value| !value.is_zero()) {
                let next = if can_leave {
                    "realtime.turn_detection.interrupt_response = false leaves it to us"
                } else {
                    "this realtime.provider has no setting against it"
                };
                section.note(key, &format!("the server still stops what it has not said yet; {next}"));
            }
        }
    }
    let (policy, resume_after) = (policy?, resume_after?);
    Some(InterruptionPlan {
        min_speech: min_speech?,
        greeting_protection: greeting_protection?,
        policy: match policy {
            Policy::Auto if full_duplex => InterruptionPolicy::Model,
            Policy::Auto | Policy::Immediate => InterruptionPolicy::Immediate,
            Policy::Model => InterruptionPolicy::Model,
            Policy::Pause => InterruptionPolicy::PauseAndConfirm { resume_after },
        },
    })
}

/// Reads the keypad actions of an agent.
pub(super) fn read_keys(agent: &Section<'_>) -> Option<Keys> {
    let (section, values) = agent.values("keypad", action);
    let read = |(keys, action): (String, Option<KeyAction>)| {
        let pressed = (1..=LONGEST_KEYS).contains(&keys.len()) && keys.chars().all(is_key);
        if !pressed {
            let next = format!("expected the keys to press: 1 to {LONGEST_KEYS} of 0 to 9, * and #");
            section.problem(&keys, format!("found {}, {next}", quoted(&keys)));
        }
        pressed.then_some((keys, action?))
    };
    let all: Vec<_> = values.into_iter().map(read).collect();
    all.into_iter().collect()
}

/// Checks that the destinations and languages of an agent's keys exist.
pub(super) fn check_keys(
    keys: &Keys,
    agent: &Section<'_>,
    spoken: &[String],
    transfers: &[&str],
    keypad: Option<Keypad>,
) {
    if keys.is_empty() {
        return;
    }
    // `read_keys` has already read the actions; this reading only gives problems their origin.
    let (section, _) = agent.values("keypad", |_| Ok(()));
    for (key, action) in keys {
        match action {
            KeyAction::Transfer(destination) if !transfers.contains(&destination.as_str()) => {
                section.problem(key, unknown("transfer", destination, transfers.iter().copied(), "transfers"));
            }
            KeyAction::Language(code) if !spoken.contains(code) => {
                let spoken = spoken.join(", ");
                section.problem(key, format!("found {}, expected a language of this agent: {spoken}", quoted(code)));
            }
            KeyAction::Transfer(_)
            | KeyAction::Language(_)
            | KeyAction::Repeat
            | KeyAction::HangUp
            | KeyAction::PauseRecording(_)
            | KeyAction::Say(_) => {}
        }
        if let Some(keypad) = keypad.filter(|keypad| key.len() > 1 && key.contains(keypad.terminator)) {
            let next = "expected it by itself only: it ends what was pressed before it; keypad.terminator sets another";
            section.problem(key, format!("found `{}` within {}, {next}", keypad.terminator, quoted(key)));
        }
    }
}

/// Reads an action: `transfer sales`, `repeat`, `language hi`, `hang up`, `pause recording`,
/// `resume recording`, `say …`.
fn action(node: &Node) -> Result<KeyAction, Expected> {
    let expected = || {
        Expected::new("what the key does")
            .help("there are \"transfer <name>\", \"repeat\", \"language <code>\", \"hang up\", \"pause recording\", \"resume recording\" and \"say <words>\"")
    };
    let found = text(node).map_err(|_| expected())?;
    let (verb, rest) = found.split_once(char::is_whitespace).unwrap_or((&found, ""));
    let rest = rest.trim();
    match (verb, rest) {
        ("repeat", "") => Ok(KeyAction::Repeat),
        ("hang", "up") => Ok(KeyAction::HangUp),
        ("pause", "recording") => Ok(KeyAction::PauseRecording(true)),
        ("resume", "recording") => Ok(KeyAction::PauseRecording(false)),
        ("transfer", name) if is_word(name) => Ok(KeyAction::Transfer(name.to_owned())),
        ("language", code) if is_word(code) => Ok(KeyAction::Language(code.to_owned())),
        ("say", words) if !words.is_empty() => Ok(KeyAction::Say(words.to_owned())),
        _ => Err(expected()),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

const fn is_key(sign: char) -> bool {
    matches!(sign, '0'..='9' | '*' | '#')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    Auto,
    Immediate,
    Pause,
    Model,
}

const LEAVE_IT_TO_US: &str = "set realtime.turn_detection.interrupt_response = false";
const POLICIES: &[(&str, Policy)] =
    &[("auto", Policy::Auto), ("immediate", Policy::Immediate), ("pause", Policy::Pause), ("model", Policy::Model)];
/// Where our detector is on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detects {
    Nowhere,
    /// For models that do not report speech.
    WhereNeeded,
    /// For all models.
    Everywhere,
}

const DETECTS: &[(&str, Detects)] =
    &[("auto", Detects::WhereNeeded), ("true", Detects::Everywhere), ("false", Detects::Nowhere)];
const TERMINATORS: &[(&str, char)] = &[("#", '#'), ("*", '*')];
/// Most keys of one action; an entry of the caller has the same limit.
const LONGEST_KEYS: usize = 32;
