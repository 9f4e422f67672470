//! The client events of the GA protocol, field by field.

use crate::tools::rehearsal::schema::Rule::{
    Any, Bool, Either, Int, List, Metadata, Number, Object, Tagged, Text, Word,
};
use crate::tools::rehearsal::schema::{Field, Rule, clearable, may, must};

/// The shape of this client event, or `None` if there is no such event.
pub(super) fn shape(kind: &str) -> Option<&'static Rule> {
    EVENTS.iter().find(|(name, _)| *name == kind).map(|(_, rule)| rule)
}

/// The names of all client events.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().map(|(name, _)| *name)
}

static EVENTS: [(&str, Rule); 11] = [
    ("session.update", Object(&[TYPE, EVENT_ID, must("session", SESSION)])),
    ("input_audio_buffer.append", Object(&[TYPE, EVENT_ID, must("audio", Text(usize::MAX))])),
    ("input_audio_buffer.commit", Object(&[TYPE, EVENT_ID])),
    ("input_audio_buffer.clear", Object(&[TYPE, EVENT_ID])),
    (
        "conversation.item.create",
        Object(&[TYPE, EVENT_ID, clearable("previous_item_id", TEXT), must("item", Tagged("type", ITEMS))]),
    ),
    ("conversation.item.retrieve", Object(&[TYPE, EVENT_ID, must("item_id", TEXT)])),
    (
        "conversation.item.truncate",
        Object(&[
            TYPE,
            EVENT_ID,
            must("item_id", TEXT),
            must("content_index", Int(0, 0)),
            must("audio_end_ms", Int(0, i64::MAX)),
        ]),
    ),
    ("conversation.item.delete", Object(&[TYPE, EVENT_ID, must("item_id", TEXT)])),
    ("response.create", Object(&[TYPE, EVENT_ID, clearable("response", RESPONSE)])),
    ("response.cancel", Object(&[TYPE, EVENT_ID, clearable("response_id", TEXT)])),
    ("output_audio_buffer.clear", Object(&[TYPE, EVENT_ID])),
];

const TEXT: Rule = Text(usize::MAX);
const TYPE: Field = must("type", TEXT);
const EVENT_ID: Field = clearable("event_id", Text(512));
/// Maximum number of characters of an id chosen by the client.
const ID: Rule = Text(32);
const WORDS: Rule = List(&TEXT);

const SESSION: Rule = Tagged("type", &[("realtime", Object(SESSION_FIELDS))]);
const SESSION_FIELDS: &[Field] = &[
    TYPE,
    may("model", TEXT),
    may("output_modalities", MODALITIES),
    may("instructions", TEXT),
    may(
        "audio",
        Object(&[
            may(
                "input",
                Object(&[
                    may("format", FORMAT),
                    clearable("noise_reduction", NOISE_REDUCTION),
                    clearable("transcription", TRANSCRIPTION),
                    clearable("turn_detection", TURN_DETECTION),
                ]),
            ),
            may("output", Object(&[may("format", FORMAT), may("voice", VOICE), may("speed", Number(0.25, 1.5))])),
        ]),
    ),
    may("tools", List(&TOOL)),
    may("tool_choice", TOOL_CHOICE),
    may("parallel_tool_calls", Bool),
    may("reasoning", REASONING),
    may("max_output_tokens", MAX_OUTPUT_TOKENS),
    may("truncation", TRUNCATION),
    clearable("tracing", TRACING),
    clearable("include", List(&Word(&["item.input_audio_transcription.logprobs"]))),
    clearable("prompt", PROMPT),
];

const RESPONSE: Rule = Object(&[
    may("conversation", Word(&["auto", "none"])),
    may("input", List(&Tagged("type", ITEMS_AND_REFERENCES))),
    may("instructions", TEXT),
    may("output_modalities", MODALITIES),
    may("audio", Object(&[may("output", Object(&[may("format", FORMAT), may("voice", VOICE)]))])),
    may("tools", List(&TOOL)),
    may("tool_choice", TOOL_CHOICE),
    may("parallel_tool_calls", Bool),
    may("reasoning", REASONING),
    may("max_output_tokens", MAX_OUTPUT_TOKENS),
    clearable("prompt", PROMPT),
    clearable("metadata", Metadata),
]);

const MODALITIES: Rule = List(&Word(&["text", "audio"]));
const FORMAT: Rule = Tagged(
    "type",
    &[
        ("audio/pcm", Object(&[TYPE, must("rate", Int(24_000, 24_000))])),
        ("audio/pcmu", Object(&[TYPE])),
        ("audio/pcma", Object(&[TYPE])),
    ],
);
const NOISE_REDUCTION: Rule =
    Object(&[must("type", Word(&["near_field", "far_field"])), may("strength", Number(0.0, 1.0))]);
const TRANSCRIPTION: Rule = Object(&[
    may("model", TEXT),
    clearable("language", TEXT),
    clearable("languages", WORDS),
    clearable("keywords", WORDS),
    clearable("prompt", TEXT),
    clearable("delay", EFFORT),
]);
const TURN_DETECTION: Rule = Tagged(
    "type",
    &[
        (
            "server_vad",
            Object(&[
                TYPE,
                may("threshold", Number(0.0, 1.0)),
                may("prefix_padding_ms", Int(0, 10_000)),
                may("silence_duration_ms", Int(0, 10_000)),
                clearable("idle_timeout_ms", Int(5_000, 30_000)),
                may("create_response", Bool),
                may("interrupt_response", Bool),
            ]),
        ),
        (
            "semantic_vad",
            Object(&[
                TYPE,
                may("eagerness", Word(&["low", "medium", "high", "auto"])),
                may("create_response", Bool),
                may("interrupt_response", Bool),
            ]),
        ),
    ],
);
const VOICE: Rule = Either(&[
    Word(&["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]),
    Object(&[must("id", TEXT)]),
]);
const TOOL: Rule = Tagged(
    "type",
    &[
        (
            "function",
            Object(&[TYPE, must("name", Text(64)), clearable("description", TEXT), clearable("parameters", Any)]),
        ),
        (
            "mcp",
            Object(&[
                TYPE,
                must("server_label", TEXT),
                may("server_url", TEXT),
                may("connector_id", TEXT),
                may("tunnel_id", TEXT),
                may("authorization", TEXT),
                clearable("headers", Any),
                clearable("allowed_tools", Any),
                clearable("require_approval", Any),
                may("server_description", TEXT),
                may("defer_loading", Bool),
                may("allowed_callers", List(&Word(&["direct", "programmatic"]))),
            ]),
        ),
    ],
);
const TOOL_CHOICE: Rule = Either(&[
    Word(&["none", "auto", "required"]),
    Tagged(
        "type",
        &[
            ("function", Object(&[TYPE, must("name", TEXT)])),
            ("mcp", Object(&[TYPE, must("server_label", TEXT), clearable("name", TEXT)])),
        ],
    ),
]);
const EFFORT: Rule = Word(&["minimal", "low", "medium", "high", "xhigh"]);
const REASONING: Rule = Object(&[may("effort", EFFORT)]);
const MAX_OUTPUT_TOKENS: Rule = Either(&[Int(1, 4096), Word(&["inf"])]);
const TRUNCATION: Rule = Either(&[
    Word(&["auto", "disabled"]),
    Tagged(
        "type",
        &[(
            "retention_ratio",
            Object(&[
                TYPE,
                must("retention_ratio", Number(0.0, 1.0)),
                may("token_limits", Object(&[may("post_instructions", Int(0, i64::MAX))])),
            ]),
        )],
    ),
]);
const TRACING: Rule =
    Either(&[Word(&["auto"]), Object(&[may("workflow_name", TEXT), may("group_id", TEXT), may("metadata", Any)])]);
const PROMPT: Rule = Object(&[must("id", TEXT), clearable("version", TEXT), clearable("variables", Any)]);

const ITEMS: &[(&str, Rule)] = &[
    ("message", MESSAGE),
    ("function_call", FUNCTION_CALL),
    ("function_call_output", FUNCTION_CALL_OUTPUT),
    ("mcp_call", Any),
    ("mcp_list_tools", Any),
    ("mcp_approval_request", Any),
    ("mcp_approval_response", Any),
];
const ITEMS_AND_REFERENCES: &[(&str, Rule)] = &[
    ("message", MESSAGE),
    ("function_call", FUNCTION_CALL),
    ("function_call_output", FUNCTION_CALL_OUTPUT),
    ("item_reference", Object(&[TYPE, must("id", TEXT)])),
];

const MESSAGE: Rule = Tagged(
    "role",
    &[
        ("system", Object(&[TYPE, ROLE, ITEM_ID, OBJECT, STATUS, must("content", List(&SYSTEM_PART))])),
        ("user", Object(&[TYPE, ROLE, ITEM_ID, OBJECT, STATUS, must("content", List(&USER_PART))])),
        ("assistant", Object(&[TYPE, ROLE, ITEM_ID, OBJECT, STATUS, must("content", List(&ASSISTANT_PART))])),
    ],
);
const FUNCTION_CALL: Rule =
    Object(&[TYPE, ITEM_ID, OBJECT, STATUS, must("name", TEXT), must("arguments", TEXT), clearable("call_id", ID)]);
const FUNCTION_CALL_OUTPUT: Rule = Object(&[TYPE, ITEM_ID, OBJECT, STATUS, must("call_id", ID), must("output", TEXT)]);
const ROLE: Field = must("role", TEXT);
const ITEM_ID: Field = clearable("id", ID);
const OBJECT: Field = clearable("object", Word(&["realtime.item"]));
const STATUS: Field = clearable("status", Word(&["completed", "incomplete", "in_progress"]));

/// Maximum number of characters of one text part.
const PART_TEXT: Rule = Text(256_000);
const INPUT_TEXT: (&str, Rule) = ("input_text", Object(&[TYPE, must("text", PART_TEXT)]));
const SYSTEM_PART: Rule = Tagged("type", &[INPUT_TEXT]);
const USER_PART: Rule = Tagged(
    "type",
    &[
        INPUT_TEXT,
        ("input_audio", Object(&[TYPE, must("audio", TEXT), clearable("transcript", TEXT)])),
        ("input_image", Object(&[TYPE, must("image_url", TEXT), clearable("detail", Word(&["auto", "low", "high"]))])),
    ],
);
/// A client cannot add assistant audio to a conversation; the real server requires its text
/// instead.
const ASSISTANT_PART: Rule = Tagged(
    "type",
    &[
        ("output_text", Object(&[TYPE, must("text", PART_TEXT)])),
        ("output_audio", Object(&[TYPE, must("text", PART_TEXT), may("audio", TEXT), may("transcript", TEXT)])),
    ],
);
