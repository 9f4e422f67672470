//! The client events of a primary socket, field by field.

use crate::tools::rehearsal::schema::Rule::{Any, Bool, Either, Int, List, Object, Tagged, Text, Word};
use crate::tools::rehearsal::schema::{Field, Rule, clearable, may, must, nullable};

/// The shape of this client event, or `None` if there is no such event.
pub(super) fn shape(kind: &str) -> Option<&'static Rule> {
    EVENTS.iter().find(|(name, _)| *name == kind).map(|(_, rule)| rule)
}

/// The names of all client events.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().map(|(name, _)| *name)
}

/// What a session keeps from its start to its end.
pub(super) const IMMUTABLE: [&str; 6] = ["model", "instructions", "audio", "input", "store", "safety_identifier"];

static EVENTS: [(&str, Rule); 12] = [
    ("session.start", Object(&[TYPE, EVENT_ID, must("session", SESSION)])),
    ("session.update", Object(&[TYPE, EVENT_ID, must("session", UPDATE)])),
    ("session.input_audio.append", Object(&[TYPE, EVENT_ID, must("audio", TEXT)])),
    ("session.input_audio.mute", Object(&[TYPE, EVENT_ID])),
    ("session.input_audio.unmute", Object(&[TYPE, EVENT_ID])),
    ("session.output_audio.fixture.play", Object(&[TYPE, EVENT_ID, must("audio", TEXT)])),
    ("session.instructions.append", APPEND),
    ("session.thinking.append", APPEND),
    ("session.commentary.append", APPEND),
    ("response.item.create", Object(&[TYPE, EVENT_ID, must("item", Tagged("type", ITEMS))])),
    ("response.create", Object(&[TYPE, EVENT_ID])),
    ("session.close", Object(&[TYPE, EVENT_ID])),
];

const TEXT: Rule = Text(usize::MAX);
const TYPE: Field = must("type", TEXT);
const EVENT_ID: Field = may("event_id", Text(512));
/// The key `delegation_id` is never left out: null stands for no delegation.
const APPEND: Rule = Object(&[TYPE, EVENT_ID, must("content", TEXT), nullable("delegation_id", TEXT)]);

const SESSION: Rule = Object(&[
    must("model", TEXT),
    clearable("instructions", TEXT),
    clearable("audio", AUDIO),
    clearable("delegation", Tagged("type", DELEGATION)),
    clearable("input", List(&HISTORY)),
    clearable("safety_identifier", TEXT),
    clearable("store", Bool),
]);
const AUDIO: Rule = Object(&[
    clearable("format", Tagged("type", FORMATS)),
    clearable("output", Object(&[clearable("voice", Either(&[TEXT, Object(&[must("id", TEXT)])]))])),
]);
const FORMATS: &[(&str, Rule)] = &[
    ("audio/pcm", Object(&[TYPE, must("rate", Int(16_000, 24_000))])),
    ("audio/pcmu", Object(&[TYPE, must("rate", Int(8_000, 8_000))])),
    ("audio/pcma", Object(&[TYPE, must("rate", Int(8_000, 8_000))])),
];
const DELAY: Field = clearable("acknowledgement_delay_ms", Int(0, i64::MAX));
const DELEGATION: &[(&str, Rule)] =
    &[("client", Object(&[TYPE, DELAY])), ("responses", Object(&[TYPE, DELAY, must("responses", Object(&RESPONSES))]))];
const RESPONSES: [Field; 9] = [
    must("model", TEXT),
    clearable("instructions", TEXT),
    clearable("tools", List(&TOOL)),
    clearable("tool_choice", Either(&[Word(&["auto", "none", "required"]), Any])),
    clearable("parallel_tool_calls", Bool),
    clearable("reasoning", REASONING),
    clearable("text", Object(&[clearable("verbosity", Word(&["low", "medium", "high"]))])),
    clearable("max_output_tokens", Int(16, i64::MAX)),
    clearable("service_tier", Word(&["auto", "default", "flex", "priority", "ultrafast", "fast_tier_temp_pilot"])),
];
const REASONING: Rule = Object(&[
    clearable("effort", Word(&["none", "minimal", "low", "medium", "high", "xhigh"])),
    clearable("summary", Word(&["concise", "detailed", "auto"])),
]);
const TOOL: Rule = Tagged(
    "type",
    &[
        (
            "function",
            Object(&[
                TYPE,
                must("name", Text(64)),
                clearable("description", TEXT),
                clearable("parameters", Any),
                clearable("strict", Bool),
            ]),
        ),
        ("mcp", Any),
        ("web_search", Any),
        ("file_search", Any),
        ("code_interpreter", Any),
    ],
);

/// What an update may change: the backend alone.
const UPDATE: Rule = Object(&[clearable("delegation", Tagged("type", DELEGATION_UPDATE))]);
const DELEGATION_UPDATE: &[(&str, Rule)] = &[
    ("client", Object(&[TYPE, DELAY])),
    ("responses", Object(&[TYPE, DELAY, clearable("responses", Object(&RESPONSES_UPDATE))])),
];
const RESPONSES_UPDATE: [Field; 9] = {
    let [_, instructions, tools, choice, parallel, reasoning, text, most, tier] = RESPONSES;
    [may("model", TEXT), instructions, tools, choice, parallel, reasoning, text, most, tier]
};

const HISTORY: Rule = Tagged(
    "type",
    &[(
        "message",
        Tagged("role", &[("developer", Object(&TYPED)), ("user", Object(&TYPED)), ("assistant", Object(&SPOKEN))]),
    )],
);
const TYPED: [Field; 5] = [TYPE, must("role", TEXT), must("content", List(&INPUT_PART)), ITEM_ID, STATUS];
const SPOKEN: [Field; 5] = [TYPE, must("role", TEXT), must("content", List(&OUTPUT_PART)), ITEM_ID, STATUS];
const ITEM_ID: Field = may("id", TEXT);
const STATUS: Field = may("status", TEXT);
const INPUT_PART: Rule = Tagged("type", &[("input_text", PART)]);
const OUTPUT_PART: Rule = Tagged("type", &[("output_text", PART), ("text", PART)]);
const PART: Rule = Object(&[TYPE, must("text", TEXT)]);

/// What a client may put before the backend.
const ITEMS: &[(&str, Rule)] = &[
    (
        "function_call_output",
        Object(&[TYPE, must("call_id", TEXT), must("output", Either(&[TEXT, List(&Any)])), ITEM_ID, STATUS]),
    ),
    (
        "message",
        Object(&[TYPE, must("role", TEXT), must("content", Either(&[TEXT, List(&INPUT_PART)])), ITEM_ID, STATUS]),
    ),
];
