//! The client messages of the API, field by field.

use crate::tools::rehearsal::schema::Rule::{Any, Bool, Either, Int, List, Number, Object, Text, Word};
use crate::tools::rehearsal::schema::{Field, Rule, may, must};

/// The name and the shape of this client message, or `None` if there is no such message.
pub(super) fn message(name: &str) -> Option<(&'static str, &'static Rule)> {
    MESSAGES.iter().find(|(known, _)| *known == name).map(|(known, rule)| (*known, rule))
}

static MESSAGES: [(&str, Rule); 5] = [
    ("setup", Object(SETUP)),
    ("clientContent", Object(&[may("turns", List(&CONTENT)), may("turnComplete", Bool)])),
    ("realtimeInput", Object(REALTIME_INPUT)),
    ("toolResponse", Object(&[must("functionResponses", List(&FUNCTION_RESPONSE))])),
    ("contextUpdate", Object(&[may("systemInstruction", CONTENT), may("tools", Object(&[may("tools", List(&TOOL))]))])),
];

const TEXT: Rule = Text(usize::MAX);
const EMPTY: Rule = Object(&[]);
const WORDS: Rule = List(&TEXT);
const UINT: Rule = Int(0, u32::MAX as i64);
/// A 64-bit number: proto JSON writes a text and takes both.
const LONG: Rule = Either(&[Text(20), Int(0, i64::MAX)]);

const SETUP: &[Field] = &[
    must("model", TEXT),
    may("generationConfig", Object(GENERATION)),
    may("systemInstruction", CONTENT),
    may("tools", List(&TOOL)),
    may("realtimeInputConfig", Object(REALTIME_CONFIG)),
    may("inputAudioTranscription", Object(TRANSCRIPTION)),
    may("outputAudioTranscription", Object(TRANSCRIPTION)),
    may("sessionResumption", Object(&[may("handle", TEXT), may("transparent", Bool)])),
    may(
        "contextWindowCompression",
        Object(&[may("triggerTokens", LONG), may("slidingWindow", Object(&[may("targetTokens", LONG)]))]),
    ),
    may("historyConfig", Object(&[may("initialHistoryInClientContent", Bool)])),
    may("labels", Any),
    may("proactivity", Object(&[may("proactiveAudio", Bool)])),
    may("explicitVadSignal", Bool),
    may("safetySettings", List(&Any)),
    may("avatarConfig", Any),
];

const GENERATION: &[Field] = &[
    may("responseModalities", List(&Word(&["AUDIO", "TEXT", "IMAGE"]))),
    may("maxOutputTokens", UINT),
    may("temperature", Number(0.0, 2.0)),
    may("topP", Number(0.0, 1.0)),
    may("topK", Number(0.0, 1000.0)),
    may("seed", Int(i32::MIN as i64, i32::MAX as i64)),
    may("candidateCount", UINT),
    may("presencePenalty", Number(-2.0, 2.0)),
    may("frequencyPenalty", Number(-2.0, 2.0)),
    may("mediaResolution", TEXT),
    may("speechConfig", Object(SPEECH)),
    may(
        "thinkingConfig",
        Object(&[
            may("thinkingBudget", Int(-1, u32::MAX as i64)),
            may("thinkingLevel", Word(&["MINIMAL", "LOW", "MEDIUM", "HIGH"])),
            may("includeThoughts", Bool),
        ]),
    ),
    may("enableAffectiveDialog", Bool),
];

const SPEECH: &[Field] = &[
    may("voiceConfig", Object(&[may("prebuiltVoiceConfig", Object(&[may("voiceName", TEXT)]))])),
    may("languageCode", TEXT),
];

const REALTIME_CONFIG: &[Field] = &[
    may(
        "automaticActivityDetection",
        Object(&[
            may("disabled", Bool),
            may("startOfSpeechSensitivity", Word(&["START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW"])),
            may("endOfSpeechSensitivity", Word(&["END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW"])),
            may("prefixPaddingMs", UINT),
            may("silenceDurationMs", UINT),
        ]),
    ),
    may("activityHandling", Word(&["START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"])),
    may(
        "turnCoverage",
        Word(&["TURN_INCLUDES_ONLY_ACTIVITY", "TURN_INCLUDES_ALL_INPUT", "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"]),
    ),
];

const TRANSCRIPTION: &[Field] = &[
    may("languageCodes", WORDS),
    may("customVocabulary", WORDS),
    may("languageHints", Any),
    may("languageAuto", Any),
    may("adaptationPhrases", Any),
    may("mode", TEXT),
];

/// Texts of the conversation. The API knows two speakers; a prompt has none.
const CONTENT: Rule = Object(&[may("role", Word(&["user", "model"])), may("parts", List(&Object(PART)))]);
const PART: &[Field] = &[may("text", TEXT), may("inlineData", Object(BLOB)), may("thought", Bool)];
const BLOB: &[Field] = &[must("data", TEXT), must("mimeType", TEXT)];

const TOOL: Rule = Object(&[
    may("functionDeclarations", List(&Object(FUNCTION))),
    may("googleSearch", Any),
    may("codeExecution", Any),
    may("urlContext", Any),
]);
const FUNCTION: &[Field] = &[
    must("name", Text(128)),
    may("description", TEXT),
    may("parameters", Any),
    may("parametersJsonSchema", Any),
    may("response", Any),
    may("responseJsonSchema", Any),
    may("behavior", Word(&["BLOCKING", "NON_BLOCKING"])),
];

const REALTIME_INPUT: &[Field] = &[
    may("audio", Object(BLOB)),
    may("video", Object(BLOB)),
    may("mediaChunks", List(&Object(BLOB))),
    may("text", TEXT),
    may("activityStart", EMPTY),
    may("activityEnd", EMPTY),
    may("audioStreamEnd", Bool),
];

const FUNCTION_RESPONSE: Rule = Object(&[
    may("id", TEXT),
    must("name", TEXT),
    must("response", Any),
    may("scheduling", Word(&["WHEN_IDLE", "INTERRUPT", "SILENT"])),
    may("willContinue", Bool),
]);
