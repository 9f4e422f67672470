//! What is filed when a call ends: the transcript file and the queue file of the contract. Pure.
//!
//! Both files are supersets of what the two predecessor services wrote and read. `ucid` and
//! `call_id` both carry the carrier's id of the call. `rich_transcript` and `transcripts` repeat
//! `conversation` entry by entry. Times are RFC 3339 in UTC, or numbers of milliseconds where the
//! name or the contract says so. Keys are in the order of the contract.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::answers::{self, Attempt, Finding, Review};
use super::happenings::{self, Answer, Happenings, LanguageSwitch, Transfer};
use super::log::{Conversation, Utterance, Voice};
use super::messages::Tally;
use crate::carrier::desk::AnsweredBy;
use crate::ending::Ending;
use crate::ids::{CallId, CallTag, CarrierCallId, StreamId};
use crate::incident::{Incident, IncidentKind, Incidents, Seen};
use crate::latency::TurnLatency;
use crate::line::identity::{CallIdentity, Direction};
use crate::money::Usd;
use crate::profile::{CallProfile, Question};
use crate::realtime::report::{TranscriptionUsage, Usage};

/// One call's pair of files, not yet on disk. The moment of filing is part of both names and both
/// contents.
#[derive(Debug, Clone)]
pub struct Record {
    call: CallTag,
    stem: String,
    transcript: TranscriptFile,
    queue: QueueFile,
}

/// The input for a call's record.
#[derive(Debug)]
pub struct Closing<'a> {
    /// The call's identity.
    pub call: RecordedCall<'a>,
    /// The settings under which the call ran.
    pub held: &'a Held,
    /// What was said.
    pub conversation: Conversation,
    /// The reason for the end, and who ended the call.
    pub ending: Ending,
    /// The call's counters.
    pub tally: Tally,
    /// The duration of the call.
    pub duration: Duration,
    /// The moment of filing.
    pub filed_at: DateTime<Utc>,
}

/// The identity of a record's call.
#[derive(Debug, Clone, Copy)]
pub struct RecordedCall<'a> {
    /// Our id.
    pub id: CallId,
    /// The carrier's name. It is text because a call read back from disk may belong to a carrier
    /// that is no longer supported.
    pub carrier: &'a str,
    /// The carrier's id of the call.
    pub carrier_call: &'a CarrierCallId,
    /// The carrier's id of the stream.
    pub stream: &'a StreamId,
    /// Inbound or outbound.
    pub direction: Direction,
    /// The caller's number.
    pub from: &'a str,
    /// The dialled number.
    pub to: &'a str,
    /// When the stream started.
    pub started_at: DateTime<Utc>,
    /// The carrier's custom parameters of the call.
    pub parameters: &'a BTreeMap<String, String>,
}

impl<'a> From<&'a CallIdentity> for RecordedCall<'a> {
    fn from(identity: &'a CallIdentity) -> Self {
        Self {
            id: identity.id,
            carrier: identity.carrier.name(),
            carrier_call: &identity.carrier_call,
            stream: &identity.stream,
            direction: identity.direction,
            from: identity.from.expose(),
            to: identity.to.expose(),
            started_at: identity.started_at,
            parameters: identity.parameters.expose(),
        }
    }
}

/// The settings of a call that its record shows: the part of a [`CallProfile`] that outlives the
/// process, in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The agent's name in the configuration.
    pub agent: String,
    /// The language's code at the start of the call.
    pub language: String,
    /// The model.
    pub model: String,
    /// Whether the call was recorded.
    #[serde(default)]
    pub recording: bool,
    /// The experiment whose variant the call used, or `control`.
    #[serde(default)]
    pub variant: Option<String>,
    /// The kind of answerer, if the carrier detected it before the call began.
    #[serde(default)]
    pub answered_by: Option<AnsweredBy>,
    /// The index, from 0, of the entry in `[[routes]]` that chose the agent.
    #[serde(default)]
    pub route: Option<usize>,
    /// The questions that the agent was configured to ask.
    #[serde(default)]
    pub questions: Vec<Question>,
}

impl Held {
    /// The settings of a call that follows `profile`.
    pub fn of(profile: &CallProfile) -> Self {
        Self {
            agent: profile.agent.clone(),
            language: profile.language.clone(),
            model: profile.model.model().to_owned(),
            recording: profile.recording.is_some(),
            variant: profile.variant.clone(),
            answered_by: profile.answered_by,
            route: profile.route,
            questions: profile.questions.clone(),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
struct TranscriptFile {
    ucid: String,
    call_id: String,
    id: CallId,
    carrier: String,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_by: Option<AnsweredBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<usize>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    carrier_parameters: BTreeMap<String, String>,
    ending: EndingEntry,
    transcripts: Vec<String>,
    rich_transcript: Vec<RichEntry>,
    conversation: Vec<ConversationEntry>,
    tools: Vec<ToolEntry>,
    keys: Vec<KeyEntry>,
    answers: BTreeMap<String, Value>,
    answer_details: Vec<AnswerEntry>,
    language_switches: Vec<SwitchEntry>,
    transfers: Vec<TransferEntry>,
    latency: Vec<TurnLatency>,
    incidents: Vec<IncidentEntry>,
    usage: Usage,
    transcription_usage: TranscriptionUsage,
    cost_usd: Usd,
    variant: Option<String>,
    analytics: Analytics,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recordings: Vec<String>,
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
struct AnswerEntry {
    timestamp: String,
    key: String,
    value: Value,
    status: String,
}

#[derive(Debug, Clone, Serialize)]
struct SwitchEntry {
    timestamp: String,
    from: String,
    to: String,
}

#[derive(Debug, Clone, Serialize)]
struct TransferEntry {
    timestamp: String,
    destination: String,
    reason: String,
    outcome: String,
}

#[derive(Debug, Clone, Serialize)]
struct IncidentEntry {
    timestamp: String,
    at_ms: u64,
    kind: IncidentKind,
    detail: String,
    times: u32,
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
    turns_without_words: u64,
    keys_withheld: u64,
    words_withheld: u64,
    tools_withheld: u64,
    omitted: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<Value>,
    completion: &'static str,
    drop_off: Option<DropOffEntry>,
    questions: Vec<QuestionEntry>,
    question_answer_pairs: usize,
    parameters_attempted: Vec<String>,
    parameters_captured: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct DropOffEntry {
    key: String,
    timestamp: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct QuestionEntry {
    key: String,
    label: String,
    value: Option<Value>,
    status: &'static str,
    attempts: usize,
    attempts_details: Vec<AttemptEntry>,
}

#[derive(Debug, Clone, Serialize)]
struct AttemptEntry {
    sequence: usize,
    start_time: String,
    end_time: String,
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
    /// Makes the record of a call that is over.
    pub fn new(closing: Closing<'_>) -> Self {
        let Closing { call, held, conversation, ending, tally, duration, filed_at } = closing;
        let started_at = call.started_at;
        let carrier_call = call.carrier_call.as_str();
        let said = &conversation.utterances;
        let review = Review::new(&held.questions, &conversation.happenings.answers, said);
        let analytics = Analytics::new(&conversation, tally, review, started_at);
        let Happenings {
            switches,
            transfers,
            answers,
            latency,
            transcription,
            incidents,
            answered_by,
            mut recordings,
            ..
        } = conversation.happenings;
        if recordings.is_empty() && held.recording {
            // A journal of an older version, or one cut before that entry, does not name the
            // recording.
            recordings.push(recording_name(call.carrier_call, started_at));
        }
        let details: Vec<_> = answers.into_iter().map(|answer| AnswerEntry::new(answer, started_at)).collect();
        let transcript = TranscriptFile {
            ucid: carrier_call.to_owned(),
            call_id: carrier_call.to_owned(),
            id: call.id,
            carrier: call.carrier.to_owned(),
            timestamp: filed_at.timestamp_millis(),
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            call_start_time: started_at.timestamp_millis(),
            call_end_time: moment(started_at, duration).timestamp_millis(),
            from: call.from.to_owned(),
            to: call.to.to_owned(),
            agent: held.agent.clone(),
            language: held.language.clone(),
            model: held.model.clone(),
            stream_id: call.stream.as_str().to_owned(),
            direction: call.direction.word(),
            answered_by: answered_by.or(held.answered_by),
            route: held.route,
            carrier_parameters: call.parameters.clone(),
            ending: EndingEntry { reason: ending.reason(), by: ending.by().word() },
            transcripts: said.iter().map(|u| u.text.clone()).collect(),
            rich_transcript: said.iter().map(|u| RichEntry::new(u, started_at)).collect(),
            conversation: said.iter().map(|u| ConversationEntry::new(u, started_at)).collect(),
            analytics,
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
            answers: details.iter().map(|answer| (answer.key.clone(), answer.value.clone())).collect(),
            answer_details: details,
            language_switches: switches.into_iter().map(|switch| SwitchEntry::new(switch, started_at)).collect(),
            transfers: transfers.into_iter().map(|transfer| TransferEntry::new(transfer, started_at)).collect(),
            latency: latency.into(),
            incidents: incidents.seen().iter().map(|seen| IncidentEntry::new(seen, started_at)).collect(),
            usage: conversation.usage,
            transcription_usage: transcription,
            cost_usd: tally.cost_usd,
            variant: held.variant.clone(),
            recording: recordings.first().cloned(),
            recordings,
        };
        let queue = QueueFile {
            id: call.id,
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
        let tag = CallTag::new(call.id, call.carrier_call);
        Self { call: tag, stem: format!("call_{}", name_part(carrier_call)), transcript, queue }
    }

    /// Notes that the disk refused the record. Repeated refusals with the same error share one
    /// incident in the record and raise its count.
    pub(super) fn met_a_disk(&mut self, problem: &io::Error) {
        let after = Duration::from_millis(self.transcript.duration_ms);
        let started_at = DateTime::from_timestamp_millis(self.transcript.call_start_time).unwrap_or_default();
        let mut incidents = Incidents::default();
        incidents.met(after, Incident::new(IncidentKind::Disk, format!("the record could not be written: {problem}")));
        for seen in incidents.seen() {
            let entry = IncidentEntry::new(seen, started_at);
            match self.transcript.incidents.iter_mut().find(|it| it.kind == entry.kind && it.detail == entry.detail) {
                Some(known) => known.times = known.times.saturating_add(1),
                None => self.transcript.incidents.push(entry),
            }
        }
    }

    /// The record's call.
    pub fn call(&self) -> &CallTag {
        &self.call
    }

    /// The moment of filing, in Unix milliseconds.
    pub fn filed_ms(&self) -> i64 {
        self.transcript.timestamp
    }

    /// Moves the moment of filing by a millisecond, because the current names are taken.
    pub fn file_later(&mut self) {
        self.file_at(self.filed_ms().saturating_add(1));
    }

    /// The start of both names, which all records of the carrier's call share.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// Sets the moment of filing, for a record that an earlier try has already put on disk.
    pub fn file_at(&mut self, filed_ms: i64) {
        self.transcript.timestamp = filed_ms;
        self.queue.timestamp = filed_ms;
        self.queue.created_at = DateTime::from_timestamp_millis(filed_ms).map(rfc3339).unwrap_or_default();
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
    /// The content of a record always serializes; the serializer's signature requires a `Result`.
    pub fn transcript_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(&self.transcript)
    }

    /// The queue file's content: a reference to the transcript in `dir`. Old readers need its path
    /// (`transcript_file`) or its bare name (`transcript_name`).
    ///
    /// # Errors
    /// As [`Self::transcript_json`].
    pub fn queue_json(&self, dir: &Path) -> serde_json::Result<Vec<u8>> {
        let transcript_name = self.transcript_name();
        let transcript_file = dir.join(&transcript_name).to_string_lossy().into_owned();
        serde_json::to_vec_pretty(&QueueFile { transcript_file, transcript_name, ..self.queue.clone() })
    }

    /// Roughly the memory that the record takes, in bytes, for the bounds of queues that keep it.
    pub fn weight(&self) -> usize {
        let said: usize = self.transcript.conversation.iter().map(|entry| entry.text.len() * 4 + 300).sum();
        let tools: usize = self.transcript.tools.iter().map(ToolEntry::weight).sum();
        size_of::<Self>() + said + tools + self.transcript.keys.len() * size_of::<KeyEntry>() + self.transcript.aside()
    }
}

impl TranscriptFile {
    /// Bytes of everything except words, keys and tools.
    fn aside(&self) -> usize {
        // An answer appears twice in the record.
        let answers = self.answer_details.iter().map(|answer| {
            2 * (size_of::<AnswerEntry>() + answer.key.len() + answer.status.len() + happenings::weight(&answer.value))
        });
        let switches = self
            .language_switches
            .iter()
            .map(|switch| size_of::<SwitchEntry>() + switch.timestamp.len() + switch.from.len() + switch.to.len());
        let transfers = self.transfers.iter().map(|transfer| {
            let words = transfer.destination.len() + transfer.reason.len() + transfer.outcome.len();
            size_of::<TransferEntry>() + transfer.timestamp.len() + words
        });
        let incidents = self
            .incidents
            .iter()
            .map(|incident| size_of::<IncidentEntry>() + incident.timestamp.len() + incident.detail.len());
        let questions = self.analytics.questions.iter().map(QuestionEntry::weight);
        answers.chain(switches).chain(transfers).chain(incidents).chain(questions).sum::<usize>()
            + size_of_val(self.latency.as_slice())
    }
}

impl AnswerEntry {
    fn new(answer: Answer, started_at: DateTime<Utc>) -> Self {
        let Answer { at, key, value, status } = answer;
        Self { timestamp: rfc3339(moment(started_at, at)), key, value: shallow(value), status }
    }
}

impl SwitchEntry {
    fn new(switch: LanguageSwitch, started_at: DateTime<Utc>) -> Self {
        let LanguageSwitch { at, from, to } = switch;
        Self { timestamp: rfc3339(moment(started_at, at)), from, to }
    }
}

impl TransferEntry {
    fn new(transfer: Transfer, started_at: DateTime<Utc>) -> Self {
        let Transfer { at, destination, reason, outcome } = transfer;
        Self { timestamp: rfc3339(moment(started_at, at)), destination, reason, outcome }
    }
}

impl IncidentEntry {
    fn new(seen: &Seen, started_at: DateTime<Utc>) -> Self {
        let &Seen { at, kind, ref detail, times } = seen;
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        Self { timestamp: rfc3339(moment(started_at, at)), at_ms, kind, detail: detail.clone(), times }
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
    fn new(conversation: &Conversation, tally: Tally, review: Review, started_at: DateTime<Utc>) -> Self {
        let said = &conversation.utterances;
        let user_messages = said.iter().filter(|u| u.voice == Voice::Caller).count();
        let at = |after: Duration| rfc3339(moment(started_at, after));
        let (parameters_attempted, parameters_captured) = review.keys();
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
            turns_without_words: tally.turns_without_words,
            keys_withheld: conversation.happenings.keys_withheld,
            words_withheld: conversation.happenings.words_withheld,
            tools_withheld: conversation.happenings.tools_withheld,
            omitted: conversation.omitted,
            audio: conversation.happenings.diagnosis.clone(),
            completion: review.completion.word(),
            drop_off: review.drop_off.map(|drop| DropOffEntry { key: drop.key, timestamp: drop.at.map(at) }),
            questions: review.questions.into_iter().map(|finding| QuestionEntry::new(finding, started_at)).collect(),
            question_answer_pairs: answers::exchanges(said),
            parameters_attempted,
            parameters_captured,
        }
    }
}

impl QuestionEntry {
    fn new(finding: Finding, started_at: DateTime<Utc>) -> Self {
        let at = |after: Duration| rfc3339(moment(started_at, after));
        let attempt = |(before, attempt): (usize, &Attempt)| AttemptEntry {
            sequence: before + 1,
            start_time: at(attempt.asked_at),
            end_time: at(attempt.saved_at),
        };
        Self {
            attempts: finding.attempts.len(),
            attempts_details: finding.attempts.iter().enumerate().map(attempt).collect(),
            key: finding.key,
            label: finding.label,
            value: finding.value.map(shallow),
            status: finding.status,
        }
    }

    fn weight(&self) -> usize {
        // A key appears up to three times: here, among the attempted keys and among the captured
        // keys.
        let attempts = self.attempts_details.len() * (size_of::<AttemptEntry>() + 2 * RFC3339_LENGTH);
        let value = self.value.as_ref().map_or(0, happenings::weight);
        size_of::<Self>() + 3 * (size_of::<String>() + self.key.len()) + self.label.len() + value + attempts
    }
}

impl Voice {
    fn role(self) -> &'static str {
        match self {
            Self::Caller => "user",
            Self::Agent | Self::Line => "assistant",
        }
    }

    /// The model's own names for the two sources of words, which old readers know, and our name for
    /// the third.
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

/// Keeps a tool's text letter by letter as JSON if it is valid JSON, and as a string otherwise.
/// Text nested too deeply for a reader of the file also becomes a string.
fn json_or_text(text: &str) -> Box<RawValue> {
    let kept = if nesting(text) > DEEPEST { None } else { RawValue::from_string(text.to_owned()).ok() };
    kept.or_else(|| to_raw_value(text).ok()).unwrap_or_default()
}

/// Does the same as [`json_or_text`], for a value that is already JSON.
fn shallow(value: Value) -> Value {
    if value.is_array() || value.is_object() {
        let text = value.to_string();
        if nesting(&text) > DEEPEST {
            return Value::String(text);
        }
    }
    value
}

/// An upper bound of the nesting of `text` if it is JSON; brackets inside strings count too.
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

/// The words so far, in the form of the record's `conversation`.
pub(super) fn words(conversation: &Conversation, started_at: DateTime<Utc>) -> Value {
    let said = conversation.utterances.iter().map(|u| ConversationEntry::new(u, started_at)).collect::<Vec<_>>();
    // Texts, words and a flag always serialize.
    serde_json::to_value(said).unwrap_or_default()
}

/// The file name of a call's recording, from the moment it began.
pub fn recording_name(carrier_call: &CarrierCallId, began: DateTime<Utc>) -> String {
    let (call, began) = (name_part(carrier_call.as_str()), began.timestamp_millis());
    format!("call_{call}_{began}_recording.wav")
}

/// Makes a carrier's id safe as a part of a file name on any file system.
pub fn name_part(id: &str) -> String {
    let safe: String = id
        .chars()
        .take(LONGEST_NAME_PART)
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
        .collect();
    // A hyphen at the start cannot be mistaken for an option: a prefix always precedes it. Removing
    // it would give two calls the same name.
    if safe.is_empty() { "unknown".to_owned() } else { safe }
}

/// The most characters of an id in a file name. Carriers' ids have 34 to 36; file systems allow 255
/// in total.
const LONGEST_NAME_PART: usize = 96;

/// The characters of a moment as `rfc3339` writes it.
const RFC3339_LENGTH: usize = 24;

/// The deepest JSON of a tool that is kept as JSON. Common parsers give up at 128 levels.
const DEEPEST: usize = 32;

#[cfg(test)]
mod tests;
