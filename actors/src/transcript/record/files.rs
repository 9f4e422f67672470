//! The contents of a record's two files, as they are serialized. Pure; part of [`super`].

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::analytics::{Analytics, QuestionEntry};
use super::values::{json_or_text, moment, rfc3339, shallow};
use super::{Closing, recording_name};
use crate::carrier::webhook_api::AnsweredBy;
use crate::ids::CallId;
use crate::incident::{IncidentKind, Seen};
use crate::latency::TurnLatency;
use crate::money::Usd;
use crate::profile::values::Values;
use crate::realtime::report::{TranscriptionUsage, Usage};
use crate::transcript::answers::Review;
use crate::transcript::happenings::{self, Answer, Happenings, Served, SteeredBy, Switch, Transfer};
use crate::transcript::log::{KeyPress, ToolUse, Utterance, Voice};

/// The transcript file.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TranscriptFile {
    pub(super) ucid: String,
    pub(super) call_id: String,
    pub(super) id: CallId,
    pub(super) carrier: String,
    pub(super) timestamp: i64,
    pub(super) duration_ms: u64,
    pub(super) call_start_time: i64,
    pub(super) call_end_time: i64,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) agent: String,
    pub(super) language: String,
    pub(super) model_provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) node: Option<String>,
    pub(super) model: String,
    pub(super) models: Vec<ModelEntry>,
    pub(super) stream_id: String,
    pub(super) direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answered_by: Option<AnsweredBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) route: Option<usize>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) carrier_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Values::is_empty")]
    pub(super) variables: Values,
    pub(super) ending: EndingEntry,
    pub(super) transcripts: Vec<String>,
    pub(super) rich_transcript: Vec<RichEntry>,
    pub(super) conversation: Vec<ConversationEntry>,
    pub(super) tools: Vec<ToolEntry>,
    pub(super) keys: Vec<KeyEntry>,
    pub(super) answers: BTreeMap<String, Value>,
    pub(super) answer_details: Vec<AnswerEntry>,
    pub(super) language_switches: Vec<SwitchEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hand_overs: Vec<SwitchEntry>,
    pub(super) transfers: Vec<TransferEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) operators: Vec<OperatorEntry>,
    pub(super) latency: Vec<TurnLatency>,
    pub(super) incidents: Vec<IncidentEntry>,
    pub(super) usage: Usage,
    pub(super) transcription_usage: TranscriptionUsage,
    pub(super) cost_usd: Usd,
    pub(super) variant: Option<String>,
    pub(super) configuration: Arc<str>,
    pub(super) analytics: Analytics,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recording: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) recordings: Vec<String>,
}

/// The queue file: a reference to the transcript.
#[derive(Debug, Clone, Serialize)]
pub(super) struct QueueFile {
    pub(super) id: CallId,
    pub(super) ucid: String,
    pub(super) call_id: String,
    pub(super) timestamp: i64,
    pub(super) created_at: String,
    pub(super) transcript_file: String,
    pub(super) transcript_name: String,
    pub(super) status: &'static str,
    pub(super) attempts: u32,
    pub(super) priority: &'static str,
}

/// Why the call ended, and who ended it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct EndingEntry {
    pub(super) reason: &'static str,
    pub(super) by: &'static str,
}

/// An utterance, as the predecessors wrote it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RichEntry {
    pub(super) timestamp: String,
    pub(super) role: &'static str,
    pub(super) content: String,
}

/// An utterance, and what was heard of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ConversationEntry {
    pub(super) timestamp: String,
    pub(super) speaker: &'static str,
    pub(super) text: String,
    pub(super) heard: Option<String>,
    pub(super) interrupted: bool,
    pub(super) event_type: &'static str,
}

/// A tool that was called and answered.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ToolEntry {
    pub(super) timestamp: String,
    pub(super) name: String,
    pub(super) arguments: Box<RawValue>,
    pub(super) output: Box<RawValue>,
}

/// A key that the caller pressed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct KeyEntry {
    pub(super) timestamp: String,
    pub(super) key: char,
}

/// A saved answer to a question.
#[derive(Debug, Clone, Serialize)]
pub(super) struct AnswerEntry {
    pub(super) timestamp: String,
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) status: String,
}

/// What an operator did with the call.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OperatorEntry {
    pub(super) timestamp: String,
    pub(super) at_ms: u64,
    pub(super) act: &'static str,
    pub(super) by: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) text: String,
}

/// A change of the language or of the agent.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SwitchEntry {
    pub(super) timestamp: String,
    pub(super) from: String,
    pub(super) to: String,
}

/// A model that answered.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ModelEntry {
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) from_ms: u64,
}

/// A step of a transfer.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TransferEntry {
    pub(super) timestamp: String,
    pub(super) destination: String,
    pub(super) reason: String,
    pub(super) outcome: String,
}

/// Something that went wrong, and how often.
#[derive(Debug, Clone, Serialize)]
pub(super) struct IncidentEntry {
    pub(super) timestamp: String,
    pub(super) at_ms: u64,
    pub(super) kind: IncidentKind,
    pub(super) detail: String,
    pub(super) times: u32,
}

impl TranscriptFile {
    pub(super) fn new(closing: Closing<'_>) -> Self {
        let Closing { call, settings, conversation, ending, tally, duration, filed_at } = closing;
        let started_at = call.started_at;
        let carrier_call = call.carrier_call.as_str();
        let said = &conversation.utterances;
        let review = Review::new(&settings.questions, &conversation.happenings.answers, said);
        let analytics = Analytics::new(&conversation, tally, review, started_at);
        let Happenings {
            models,
            switches,
            hand_overs,
            steering,
            transfers,
            answers,
            latency,
            transcription,
            incidents,
            answered_by,
            mut recordings,
            ..
        } = conversation.happenings;
        if recordings.is_empty() && settings.recording {
            // A journal of an older version, or one cut before that entry, does not name the
            // recording.
            recordings.push(recording_name(call.carrier_call, started_at));
        }
        let details: Vec<_> = answers.into_iter().map(|answer| AnswerEntry::new(answer, started_at)).collect();
        Self {
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
            agent: settings.agent.clone(),
            language: settings.language.clone(),
            node: settings.node.clone(),
            model_provider: models.last().map_or(&settings.provider, |last| &last.provider).clone(),
            model: models.last().map_or(&settings.model, |last| &last.model).clone(),
            models: models.into_iter().map(ModelEntry::from).collect(),
            stream_id: call.stream.as_str().to_owned(),
            direction: call.direction.word(),
            answered_by: answered_by.or(settings.answered_by),
            route: settings.route,
            carrier_parameters: call.parameters.clone(),
            variables: settings.variables.clone(),
            ending: EndingEntry { reason: ending.reason(), by: ending.by().word() },
            transcripts: said.iter().map(|u| u.text.clone()).collect(),
            rich_transcript: said.iter().map(|u| RichEntry::new(u, started_at)).collect(),
            conversation: said.iter().map(|u| ConversationEntry::new(u, started_at)).collect(),
            analytics,
            tools: conversation.tools.into_iter().map(|tool| ToolEntry::new(tool, started_at)).collect(),
            keys: conversation.keys.into_iter().map(|press| KeyEntry::new(press, started_at)).collect(),
            answers: details.iter().map(|answer| (answer.key.clone(), answer.value.clone())).collect(),
            answer_details: details,
            language_switches: switches.into_iter().map(|switch| SwitchEntry::new(switch, started_at)).collect(),
            hand_overs: hand_overs.into_iter().map(|given| SwitchEntry::new(given, started_at)).collect(),
            transfers: transfers.into_iter().map(|transfer| TransferEntry::new(transfer, started_at)).collect(),
            operators: steering.into_iter().map(|steered| OperatorEntry::new(steered, started_at)).collect(),
            latency: latency.into(),
            incidents: incidents.seen().iter().map(|seen| IncidentEntry::new(seen, started_at)).collect(),
            usage: conversation.usage,
            transcription_usage: transcription,
            cost_usd: tally.cost_usd,
            variant: settings.variant.clone(),
            configuration: Arc::clone(&settings.configuration),
            recording: recordings.first().cloned(),
            recordings,
        }
    }

    /// Bytes of everything except words, keys and tools.
    pub(super) fn aside(&self) -> usize {
        // An answer appears twice in the record.
        let answers = self.answer_details.iter().map(|answer| {
            2 * (size_of::<AnswerEntry>() + answer.key.len() + answer.status.len() + happenings::weight(&answer.value))
        });
        let switches = self
            .language_switches
            .iter()
            .chain(&self.hand_overs)
            .map(|switch| size_of::<SwitchEntry>() + switch.timestamp.len() + switch.from.len() + switch.to.len());
        let transfers = self.transfers.iter().map(|transfer| {
            let words = transfer.destination.len() + transfer.reason.len() + transfer.outcome.len();
            size_of::<TransferEntry>() + transfer.timestamp.len() + words
        });
        let operators = self.operators.iter().map(|it| size_of::<OperatorEntry>() + it.by.len() + it.text.len());
        let incidents = self
            .incidents
            .iter()
            .map(|incident| size_of::<IncidentEntry>() + incident.timestamp.len() + incident.detail.len());
        let questions = self.analytics.questions.iter().map(QuestionEntry::weight);
        answers.chain(switches).chain(transfers).chain(operators).chain(incidents).chain(questions).sum::<usize>()
            + size_of_val(self.latency.as_slice())
    }
}

impl QueueFile {
    /// The reference to `transcript`, which is filed at `filed_at`. [`super::Record::queue_json`]
    /// fills in its name.
    pub(super) fn new(transcript: &TranscriptFile, filed_at: DateTime<Utc>) -> Self {
        Self {
            id: transcript.id,
            ucid: transcript.ucid.clone(),
            call_id: transcript.call_id.clone(),
            timestamp: transcript.timestamp,
            created_at: rfc3339(filed_at),
            transcript_file: String::new(),
            transcript_name: String::new(),
            status: "pending",
            attempts: 0,
            priority: "normal",
        }
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
    pub(super) fn new(utterance: &Utterance, started_at: DateTime<Utc>) -> Self {
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
    fn new(tool: ToolUse, started_at: DateTime<Utc>) -> Self {
        Self {
            timestamp: rfc3339(moment(started_at, tool.at)),
            name: tool.name,
            arguments: json_or_text(&tool.arguments),
            output: json_or_text(&tool.output),
        }
    }

    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.arguments.get().len() + self.output.get().len()
    }
}

impl KeyEntry {
    fn new(press: KeyPress, started_at: DateTime<Utc>) -> Self {
        Self { timestamp: rfc3339(moment(started_at, press.at)), key: press.key }
    }
}

impl AnswerEntry {
    fn new(answer: Answer, started_at: DateTime<Utc>) -> Self {
        let Answer { at, key, value, status } = answer;
        Self { timestamp: rfc3339(moment(started_at, at)), key, value: shallow(value), status }
    }
}

impl SwitchEntry {
    fn new(switch: Switch, started_at: DateTime<Utc>) -> Self {
        let Switch { at, from, to } = switch;
        Self { timestamp: rfc3339(moment(started_at, at)), from, to }
    }
}

impl From<Served> for ModelEntry {
    fn from(Served { at, provider, model }: Served) -> Self {
        Self { provider, model, from_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX) }
    }
}

impl OperatorEntry {
    fn new(SteeredBy { at, act, by, text }: SteeredBy, started_at: DateTime<Utc>) -> Self {
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        Self { timestamp: rfc3339(moment(started_at, at)), at_ms, act: act.word(), by, text }
    }
}

impl TransferEntry {
    fn new(transfer: Transfer, started_at: DateTime<Utc>) -> Self {
        let Transfer { at, destination, reason, outcome } = transfer;
        Self { timestamp: rfc3339(moment(started_at, at)), destination, reason, outcome }
    }
}

impl IncidentEntry {
    pub(super) fn new(seen: &Seen, started_at: DateTime<Utc>) -> Self {
        let &Seen { at, kind, ref detail, times } = seen;
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        Self { timestamp: rfc3339(moment(started_at, at)), at_ms, kind, detail: detail.clone(), times }
    }
}

impl Voice {
    fn role(self) -> &'static str {
        match self {
            Self::Caller => "user",
            Self::Agent | Self::Line => "assistant",
            Self::Person => "person",
        }
    }

    /// The model's own names for the two sources of words, which old readers know, and our name for
    /// the third.
    fn event_type(self) -> &'static str {
        match self {
            Self::Caller => "transcription_completed",
            Self::Agent => "response_audio_transcript_done",
            Self::Line => "line_played",
            Self::Person => "person_transcribed",
        }
    }
}
