//! What is filed when a call ends: the transcript file and the queue file of the contract. Pure.
//!
//! Both are supersets of what the two services before this one wrote and read: `ucid` and `call_id` are the carrier's id of
//! the call both times, `rich_transcript` and `transcripts` say what `conversation` says, entry by entry. Times are RFC 3339
//! in UTC, numbers of milliseconds where the name or the contract says so. Keys stand in the order of the contract.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::log::{Conversation, Utterance, Voice};
use super::messages::Tally;
use crate::call::brief::{Brief, CallIdentity};
use crate::call::messages::Usage;
use crate::ending::Ending;
use crate::ids::CallId;

/// One call's pair of files, not yet on disk. The moment of its filing names the files and stands in both.
#[derive(Debug, Clone)]
pub struct Record {
    call: CallId,
    stem: String,
    transcript: TranscriptFile,
    queue: QueueFile,
}

/// How a call went, for its record.
#[derive(Debug)]
pub struct Closing<'a> {
    /// Whose call it was.
    pub identity: &'a CallIdentity,
    /// How it was held.
    pub brief: &'a Brief,
    /// What was said.
    pub conversation: Conversation,
    /// Why it ended, and by whom.
    pub ending: Ending,
    /// Its counters.
    pub tally: Tally,
    /// How long it took.
    pub duration: Duration,
    /// The moment of filing.
    pub filed_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize)]
struct TranscriptFile {
    ucid: String,
    call_id: String,
    id: CallId,
    carrier: &'static str,
    timestamp: i64,
    duration_ms: u64,
    call_start_time: i64,
    call_end_time: i64,
    from: String,
    to: String,
    agent: String,
    language: String,
    model: String,
    stream_id: String,
    direction: &'static str,
    ending: EndingEntry,
    transcripts: Vec<String>,
    rich_transcript: Vec<RichEntry>,
    conversation: Vec<ConversationEntry>,
    tools: Vec<ToolEntry>,
    keys: Vec<KeyEntry>,
    answers: BTreeMap<String, Value>,
    usage: Usage,
    analytics: Analytics,
}

#[derive(Debug, Clone, Serialize)]
struct EndingEntry {
    reason: &'static str,
    by: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct RichEntry {
    timestamp: String,
    role: &'static str,
    content: String,
}

#[derive(Debug, Clone, Serialize)]
struct ConversationEntry {
    timestamp: String,
    speaker: &'static str,
    text: String,
    heard: Option<String>,
    interrupted: bool,
    event_type: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct ToolEntry {
    timestamp: String,
    name: String,
    arguments: Box<RawValue>,
    output: Box<RawValue>,
}

#[derive(Debug, Clone, Serialize)]
struct KeyEntry {
    timestamp: String,
    key: char,
}

#[derive(Debug, Clone, Serialize)]
struct Analytics {
    turns: u64,
    barge_ins: u64,
    dropped_frames: u64,
    first_audio_ms: Option<u64>,
    total_exchanges: usize,
    user_messages: usize,
    assistant_messages: usize,
    interrupted_messages: usize,
    wordless_items: u64,
    omitted: u64,
}

#[derive(Debug, Clone, Serialize)]
struct QueueFile {
    id: CallId,
    ucid: String,
    call_id: String,
    timestamp: i64,
    created_at: String,
    transcript_file: String,
    transcript_name: String,
    status: &'static str,
    attempts: u32,
    priority: &'static str,
}

impl Record {
    /// The record of a call that is over.
    pub fn new(closing: Closing<'_>) -> Self {
        let Closing { identity, brief, conversation, ending, tally, duration, filed_at } = closing;
        let started_at = identity.started_at;
        let carrier_call = identity.carrier_call.as_str();
        let said = &conversation.utterances;
        let transcript = TranscriptFile {
            ucid: carrier_call.to_owned(),
            call_id: carrier_call.to_owned(),
            id: identity.id,
            carrier: identity.carrier.name(),
            timestamp: filed_at.timestamp_millis(),
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            call_start_time: started_at.timestamp_millis(),
            call_end_time: moment(started_at, duration).timestamp_millis(),
            from: identity.from.expose().clone(),
            to: identity.to.expose().clone(),
            agent: brief.agent.clone(),
            language: brief.language.clone(),
            model: brief.model.model.clone(),
            stream_id: identity.stream.as_str().to_owned(),
            direction: identity.direction.word(),
            ending: EndingEntry { reason: ending.reason(), by: ending.by().word() },
            transcripts: said.iter().map(|u| u.text.clone()).collect(),
            rich_transcript: said.iter().map(|u| RichEntry::new(u, started_at)).collect(),
            conversation: said.iter().map(|u| ConversationEntry::new(u, started_at)).collect(),
            analytics: Analytics::new(&conversation, tally),
            tools: conversation
                .tools
                .into_iter()
                .map(|tool| ToolEntry {
                    timestamp: rfc3339(moment(started_at, tool.at)),
                    name: tool.name,
                    arguments: json_or_text(&tool.arguments),
                    output: json_or_text(&tool.output),
                })
                .collect(),
            keys: conversation
                .keys
                .into_iter()
                .map(|press| KeyEntry { timestamp: rfc3339(moment(started_at, press.at)), key: press.key })
                .collect(),
            answers: BTreeMap::new(),
            usage: conversation.usage,
        };
        let queue = QueueFile {
            id: identity.id,
            ucid: carrier_call.to_owned(),
            call_id: carrier_call.to_owned(),
            timestamp: transcript.timestamp,
            created_at: rfc3339(filed_at),
            transcript_file: String::new(),
            transcript_name: String::new(),
            status: "pending",
            attempts: 0,
            priority: "normal",
        };
        Self { call: identity.id, stem: format!("call_{}", sanitised(carrier_call)), transcript, queue }
    }

    /// Whose record it is.
    pub fn call(&self) -> CallId {
        self.call
    }

    /// The moment of its filing, Unix milliseconds.
    pub fn filed_ms(&self) -> i64 {
        self.transcript.timestamp
    }

    /// Files it a millisecond later: the names of this one are taken.
    pub fn file_later(&mut self) {
        let filed = self.transcript.timestamp.saturating_add(1);
        self.transcript.timestamp = filed;
        self.queue.timestamp = filed;
        self.queue.created_at = DateTime::from_timestamp_millis(filed).map(rfc3339).unwrap_or_default();
    }

    /// The transcript's file name.
    pub fn transcript_name(&self) -> String {
        format!("{}_{}_transcript.json", self.stem, self.filed_ms())
    }

    /// The queue file's name.
    pub fn queue_name(&self) -> String {
        format!("{}_{}_queue.json", self.stem, self.filed_ms())
    }

    /// The transcript's content.
    ///
    /// # Errors
    /// Never for what a record holds; the serializer's signature says that it could.
    pub fn transcript_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(&self.transcript)
    }

    /// The queue file's content: a reference to the transcript in `dir`. Old readers want its path (`transcript_file`) or its
    /// bare name (`transcript_name`).
    ///
    /// # Errors
    /// As [`Self::transcript_json`].
    pub fn queue_json(&self, dir: &Path) -> serde_json::Result<Vec<u8>> {
        let transcript_name = self.transcript_name();
        let transcript_file = dir.join(&transcript_name).to_string_lossy().into_owned();
        serde_json::to_vec_pretty(&QueueFile { transcript_file, transcript_name, ..self.queue.clone() })
    }

    /// Roughly the memory it takes, for the bound of whoever keeps it.
    pub fn weight(&self) -> usize {
        let said: usize = self.transcript.conversation.iter().map(|entry| entry.text.len() * 4 + 300).sum();
        let tools: usize = self.transcript.tools.iter().map(ToolEntry::weight).sum();
        size_of::<Self>() + said + tools + self.transcript.keys.len() * size_of::<KeyEntry>()
    }
}

impl RichEntry {
    fn new(utterance: &Utterance, started_at: DateTime<Utc>) -> Self {
        Self {
            timestamp: rfc3339(moment(started_at, utterance.at)),
            role: utterance.voice.role(),
            content: utterance.text.clone(),
        }
    }
}

impl ConversationEntry {
    fn new(utterance: &Utterance, started_at: DateTime<Utc>) -> Self {
        Self {
            timestamp: rfc3339(moment(started_at, utterance.at)),
            speaker: utterance.voice.role(),
            text: utterance.text.clone(),
            heard: utterance.heard.clone(),
            interrupted: utterance.interrupted,
            event_type: utterance.voice.event_type(),
        }
    }
}

impl ToolEntry {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.arguments.get().len() + self.output.get().len()
    }
}

impl Analytics {
    fn new(conversation: &Conversation, tally: Tally) -> Self {
        let said = &conversation.utterances;
        let user_messages = said.iter().filter(|u| u.voice == Voice::Caller).count();
        Self {
            turns: tally.turns,
            barge_ins: tally.barge_ins,
            dropped_frames: tally.dropped_frames,
            first_audio_ms: tally.first_audio_ms,
            total_exchanges: said.len(),
            user_messages,
            assistant_messages: said.len() - user_messages,
            interrupted_messages: said.iter().filter(|u| u.interrupted).count(),
            wordless_items: conversation.wordless,
            omitted: conversation.omitted,
        }
    }
}

impl Voice {
    fn role(self) -> &'static str {
        match self {
            Self::Caller => "user",
            Self::Agent | Self::Line => "assistant",
        }
    }

    /// The model's own names for the two sources of words, which old readers know, and ours for a third.
    fn event_type(self) -> &'static str {
        match self {
            Self::Caller => "transcription_completed",
            Self::Agent => "response_audio_transcript_done",
            Self::Line => "line_played",
        }
    }
}

fn moment(started_at: DateTime<Utc>, after: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(after).ok().and_then(|after| started_at.checked_add_signed(after)).unwrap_or(started_at)
}

fn rfc3339(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What is JSON by promise is kept as JSON, letter by letter, when the promise was kept; else as a string of what it was. Text
/// nested so deeply that a reader of the file would give up is a string too.
fn json_or_text(text: &str) -> Box<RawValue> {
    let kept = if nesting(text) > DEEPEST { None } else { RawValue::from_string(text.to_owned()).ok() };
    kept.or_else(|| to_raw_value(text).ok()).unwrap_or_default()
}

/// The deepest that `text` can be nested if it is JSON; brackets inside strings count as well.
fn nesting(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// A carrier's id as a part of a file name on any file system.
fn sanitised(id: &str) -> String {
    let safe: String = id
        .chars()
        .take(LONGEST_NAME_PART)
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
        .collect();
    let safe = safe.trim_start_matches('-');
    if safe.is_empty() { "unknown".to_owned() } else { safe.to_owned() }
}

/// Characters of an id that go into a file name. Carriers' ids have 34 to 36; file systems take 255 in all.
const LONGEST_NAME_PART: usize = 96;

/// Levels of a tool's JSON that are kept as JSON. Common parsers give up at 128.
const DEEPEST: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transcript::log::{KeyPress, ToolUse};
    use crate::transcript::testing::{brief, identity};

    #[test]
    fn the_transcript_file_is_as_the_contract_says() {
        let record = Record::new(closing(spoken()));
        let text = String::from_utf8(record.transcript_json().expect("JSON")).expect("UTF-8");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        let expected = json!({
            "ucid": "CA1", "call_id": "CA1", "id": value["id"], "carrier": "twilio",
            "timestamp": 1_760_700_067_500_i64, "duration_ms": 65_000,
            "call_start_time": 1_760_700_000_000_i64, "call_end_time": 1_760_700_065_000_i64,
            "from": "+15550100001", "to": "+15550100002",
            "agent": "reception", "language": "hi", "model": "rehearsal-1", "stream_id": "MZ1", "direction": "inbound",
            "ending": { "reason": "agent_hung_up", "by": "agent" },
            "transcripts": ["नमस्ते, how can I help?", "I need a \"service\".\n"],
            "rich_transcript": [
                { "timestamp": "2025-10-17T11:20:00.400Z", "role": "assistant", "content": "नमस्ते, how can I help?" },
                { "timestamp": "2025-10-17T11:20:04.000Z", "role": "user", "content": "I need a \"service\".\n" },
            ],
            "conversation": [
                { "timestamp": "2025-10-17T11:20:00.400Z", "speaker": "assistant", "text": "नमस्ते, how can I help?",
                  "heard": "नमस्ते, how", "interrupted": true, "event_type": "response_audio_transcript_done" },
                { "timestamp": "2025-10-17T11:20:04.000Z", "speaker": "user", "text": "I need a \"service\".\n",
                  "heard": "I need a \"service\".\n", "interrupted": false, "event_type": "transcription_completed" },
            ],
            "tools": [
                { "timestamp": "2025-10-17T11:20:08.000Z", "name": "end_call", "arguments": {"reason": "done"}, "output": "not { json" },
            ],
            "keys": [{ "timestamp": "2025-10-17T11:20:09.000Z", "key": "#" }],
            "answers": {},
            "usage": { "input_text": 1, "input_audio": 2, "cached_text": 3, "cached_audio": 4, "output_text": 5, "output_audio": 6 },
            "analytics": { "turns": 1, "barge_ins": 1, "dropped_frames": 3, "first_audio_ms": 400, "total_exchanges": 2,
                "user_messages": 1, "assistant_messages": 1, "interrupted_messages": 1, "wordless_items": 2, "omitted": 0 },
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn keys_stand_in_the_order_of_the_contract() {
        let record = Record::new(closing(spoken()));
        assert_eq!(
            top_level_keys(&record.transcript_json().expect("JSON")),
            [
                "ucid",
                "call_id",
                "id",
                "carrier",
                "timestamp",
                "duration_ms",
                "call_start_time",
                "call_end_time",
                "from",
                "to",
                "agent",
                "language",
                "model",
                "stream_id",
                "direction",
                "ending",
                "transcripts",
                "rich_transcript",
                "conversation",
                "tools",
                "keys",
                "answers",
                "usage",
                "analytics"
            ]
        );
        assert_eq!(
            top_level_keys(&record.queue_json(Path::new("d")).expect("JSON")),
            [
                "id",
                "ucid",
                "call_id",
                "timestamp",
                "created_at",
                "transcript_file",
                "transcript_name",
                "status",
                "attempts",
                "priority"
            ]
        );
    }

    #[test]
    fn the_queue_file_leads_to_the_transcript() {
        let record = Record::new(closing(spoken()));
        let queue: Value =
            serde_json::from_slice(&record.queue_json(Path::new("data/calls")).expect("JSON")).expect("JSON");
        assert_eq!(
            queue,
            json!({
                "id": queue["id"], "ucid": "CA1", "call_id": "CA1", "timestamp": 1_760_700_067_500_i64,
                "created_at": "2025-10-17T11:21:07.500Z",
                "transcript_file": "data/calls/call_CA1_1760700067500_transcript.json",
                "transcript_name": "call_CA1_1760700067500_transcript.json",
                "status": "pending", "attempts": 0, "priority": "normal",
            })
        );
        assert_eq!(record.queue_name(), "call_CA1_1760700067500_queue.json");
    }

    #[test]
    fn filed_later_it_says_so_everywhere() {
        let mut record = Record::new(closing(spoken()));
        record.file_later();
        let queue: Value = serde_json::from_slice(&record.queue_json(Path::new("d")).expect("JSON")).expect("JSON");
        let transcript: Value = serde_json::from_slice(&record.transcript_json().expect("JSON")).expect("JSON");
        assert_eq!(record.transcript_name(), "call_CA1_1760700067501_transcript.json");
        assert_eq!(queue["transcript_name"], record.transcript_name());
        assert_eq!(queue["created_at"], "2025-10-17T11:21:07.501Z");
        assert_eq!(
            (&queue["timestamp"], &transcript["timestamp"]),
            (&json!(record.filed_ms()), &json!(record.filed_ms()))
        );
    }

    #[test]
    fn a_call_without_words_has_a_record_too() {
        let nothing = Conversation { utterances: vec![], tools: vec![], keys: vec![], ..spoken() };
        let value: Value =
            serde_json::from_slice(&Record::new(closing(nothing)).transcript_json().expect("JSON")).expect("JSON");
        for list in ["transcripts", "rich_transcript", "conversation", "tools"] {
            assert_eq!(value[list], json!([]), "{list}");
        }
    }

    #[test]
    fn a_tools_json_stays_json_and_anything_else_becomes_a_string() {
        let kept = |text: &str| json_or_text(text).get().to_owned();
        assert_eq!(kept(r#"{"n":1.50}"#), r#"{"n":1.50}"#);
        assert_eq!(kept("{\"cut"), r#""{\"cut""#);
        assert_eq!(kept(""), r#""""#);
        assert!(kept(&format!("{}{}", "[".repeat(33), "]".repeat(33))).starts_with('"'));
    }

    #[test]
    fn an_id_is_made_safe_for_a_file_name() {
        assert_eq!(sanitised("CA0123_a-b"), "CA0123_a-b");
        assert_eq!(sanitised("../../etc/passwd"), "______etc_passwd");
        assert_eq!(sanitised("a\0b\nc d"), "a_b_c_d");
        assert_eq!(sanitised("--flag"), "flag");
        assert_eq!(sanitised(""), "unknown");
        assert_eq!(sanitised("---"), "unknown");
        assert_eq!(sanitised("कॉल"), "___");
        assert_eq!(sanitised(&"x".repeat(500)).len(), LONGEST_NAME_PART);
    }

    #[test]
    fn the_weight_is_near_what_is_written() {
        let mut conversation = spoken();
        conversation.utterances[0].text = "word ".repeat(2_000);
        let record = Record::new(closing(conversation));
        let written = record.transcript_json().expect("JSON").len();
        assert!(record.weight() > written / 2 && record.weight() < written * 3, "{} for {written}", record.weight());
    }

    fn closing(conversation: Conversation) -> Closing<'static> {
        Closing {
            identity: Box::leak(Box::new(identity())),
            brief: Box::leak(Box::new(brief())),
            conversation,
            ending: Ending::AgentHungUp,
            tally: Tally { turns: 1, barge_ins: 1, dropped_frames: 3, first_audio_ms: Some(400) },
            duration: Duration::from_secs(65),
            filed_at: DateTime::from_timestamp_millis(1_760_700_067_500).expect("a time"),
        }
    }

    fn spoken() -> Conversation {
        let said = |at, voice, text: &str, heard: &str, interrupted| Utterance {
            at: Duration::from_millis(at),
            voice,
            text: text.to_owned(),
            heard: Some(heard.to_owned()),
            interrupted,
        };
        Conversation {
            utterances: vec![
                said(400, Voice::Agent, "नमस्ते, how can I help?", "नमस्ते, how", true),
                said(4_000, Voice::Caller, "I need a \"service\".\n", "I need a \"service\".\n", false),
            ],
            tools: vec![ToolUse {
                at: Duration::from_secs(8),
                name: "end_call".to_owned(),
                arguments: r#"{"reason":"done"}"#.to_owned(),
                output: "not { json".to_owned(),
            }],
            keys: vec![KeyPress { at: Duration::from_secs(9), key: '#' }],
            usage: Usage {
                input_text: 1,
                input_audio: 2,
                cached_text: 3,
                cached_audio: 4,
                output_text: 5,
                output_audio: 6,
            },
            wordless: 2,
            omitted: 0,
        }
    }

    /// Keys of the outermost object in the order in which they are written.
    fn top_level_keys(json: &[u8]) -> Vec<String> {
        let text = std::str::from_utf8(json).expect("UTF-8");
        text.lines()
            .filter_map(|line| line.strip_prefix("  \""))
            .filter_map(|line| line.split_once("\": ").map(|(key, _)| key.to_owned()))
            .collect()
    }
}
