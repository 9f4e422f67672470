//! What is filed when a call ends: the transcript file and the queue file of the contract. Pure.
//!
//! Both files are supersets of what the two predecessor services wrote and read. `ucid` and
//! `call_id` both carry the carrier's id of the call. `rich_transcript` and `transcripts` repeat
//! `conversation` entry by entry. Times are RFC 3339 in UTC, or numbers of milliseconds where the
//! name or the contract says so. Keys are in the order of the contract.

mod analytics;
mod files;
mod values;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::files::{ConversationEntry, IncidentEntry, KeyEntry, QueueFile, ToolEntry, TranscriptFile};
use self::values::rfc3339;
use super::log::Conversation;
use super::messages::Tally;
use crate::carrier::webhook_api::AnsweredBy;
use crate::ending::Ending;
use crate::ids::{CallId, CallTag, CarrierCallId, StreamId};
use crate::incident::{Incident, IncidentKind, Incidents};
use crate::line::identity::{CallIdentity, Direction};
use crate::profile::values::Values;
use crate::profile::{CallProfile, Question};

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
    pub settings: &'a CallSettings,
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
pub struct CallSettings {
    /// The name of the node that the call was on, if it has one.
    #[serde(default)]
    pub node: Option<String>,
    /// The agent's name in the configuration.
    pub agent: String,
    /// The language's code at the start of the call.
    pub language: String,
    /// The word of the model's provider.
    #[serde(default)]
    pub provider: String,
    /// The model that is tried first.
    pub model: String,
    /// Whether the call was recorded.
    #[serde(default)]
    pub recording: bool,
    /// The experiment whose variant the call used, or `control`.
    #[serde(default)]
    pub variant: Option<String>,
    /// The version of the configuration that the call began with.
    #[serde(default)]
    pub configuration: Arc<str>,
    /// The kind of answerer, if the carrier detected it before the call began.
    #[serde(default)]
    pub answered_by: Option<AnsweredBy>,
    /// The index, from 0, of the entry in `[[routes]]` that chose the agent.
    #[serde(default)]
    pub route: Option<usize>,
    /// The questions that the agent was configured to ask.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// The values that stood in the agent's texts, by their names.
    #[serde(default)]
    pub variables: Values,
}

impl CallSettings {
    /// The settings of a call that follows `profile`.
    pub fn of(profile: &CallProfile) -> Self {
        Self {
            node: None,
            agent: profile.agent.clone(),
            language: profile.language.clone(),
            provider: profile.model.provider.address().provider.to_owned(),
            model: profile.model.model().to_owned(),
            recording: profile.recording.is_some(),
            variant: profile.variant.clone(),
            configuration: Arc::clone(&profile.configuration),
            answered_by: profile.answered_by,
            route: profile.route,
            questions: profile.questions.clone(),
            variables: profile.values.clone(),
        }
    }
}

impl Record {
    /// Makes the record of a call that is over.
    pub fn new(closing: Closing<'_>) -> Self {
        let (id, carrier_call, filed_at) = (closing.call.id, closing.call.carrier_call.clone(), closing.filed_at);
        let transcript = TranscriptFile::new(closing);
        let queue = QueueFile::new(&transcript, filed_at);
        let stem = format!("call_{}", name_part(carrier_call.as_str()));
        Self { call: CallTag::new(id, &carrier_call), stem, transcript, queue }
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

#[cfg(test)]
mod tests;
