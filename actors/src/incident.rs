//! What went wrong in a call, for an operator who later asks why it was silent or short. Pure.
//!
//! The part that notices an incident reports it to the call (`LineReport::Incident`,
//! `ModelReport::Incident`, [`crate::recording::report::IncidentMet`]), or the call records it
//! itself. The call passes it to its Transcript, whose journal keeps it. The record and
//! `GET /calls/{id}` show the same list.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its kind.
    pub kind: IncidentKind,
    /// Details in a few words. No speech and no phone numbers; clipped at [`LONGEST_DETAIL`].
    pub detail: String,
}

impl Incident {
    /// An incident of `kind`; `detail` in a few words.
    pub fn new(kind: IncidentKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// What can go wrong. Operators search for these words: add new ones, never change an existing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// An answer was due, and the model gave none in time.
    ModelMute,
    /// An answer ended without anything to hear.
    AnswerEmpty,
    /// The server's filter withheld an answer.
    AnswerFiltered,
    /// An answer came as text without audio.
    AnswerTextOnly,
    /// A limit ended an answer midway.
    AnswerCut,
    /// An answer had its full length but was silent.
    AnswerSilent,
    /// An answer failed at the server.
    AnswerFailed,
    /// An answer was requested the maximum number of times and did not come.
    AnswerGivenUp,
    /// An answer took too long.
    AnswerLate,
    /// The model kept calling tools without a word to the caller.
    ToolLoop,
    /// A model session was lost and another one was opened.
    ModelFailover,
    /// No model session was available any more.
    ModelLost,
    /// Words that have to be exact were left to a model that may deviate from them, because there
    /// was no recording of them.
    ClipMissing,
    /// A server of the failover list was skipped because other calls had failed there.
    ModelBreaker,
    /// The model that took over cannot keep a setting of the call.
    PolicyNotKept,
    /// Audio was dropped somewhere between the caller and the model.
    AudioDropped,
    /// The carrier's audio is faulty.
    LineFaulty,
    /// The carrier's stream broke off without its end.
    LineBroken,
    /// The carrier did not do what it was asked.
    CarrierRefused,
    /// The caller spoke, and transcription returned no words.
    WordsMissing,
    /// The look-up gave nothing, and the call went on without it.
    LookUp,
    /// A write to disk failed.
    Disk,
    /// One of the call's actors failed.
    ActorLost,
}

impl IncidentKind {
    /// Every kind.
    pub const ALL: [Self; 23] = [
        Self::ModelMute,
        Self::AnswerEmpty,
        Self::AnswerFiltered,
        Self::AnswerTextOnly,
        Self::AnswerCut,
        Self::AnswerSilent,
        Self::AnswerFailed,
        Self::AnswerGivenUp,
        Self::AnswerLate,
        Self::ToolLoop,
        Self::ModelFailover,
        Self::ModelLost,
        Self::ClipMissing,
        Self::ModelBreaker,
        Self::PolicyNotKept,
        Self::AudioDropped,
        Self::LineFaulty,
        Self::LineBroken,
        Self::CarrierRefused,
        Self::WordsMissing,
        Self::LookUp,
        Self::Disk,
        Self::ActorLost,
    ];

    /// The word in the record, in `/calls/{id}` and in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ModelMute => "model_mute",
            Self::AnswerEmpty => "answer_empty",
            Self::AnswerFiltered => "answer_filtered",
            Self::AnswerTextOnly => "answer_text_only",
            Self::AnswerCut => "answer_cut",
            Self::AnswerSilent => "answer_silent",
            Self::AnswerFailed => "answer_failed",
            Self::AnswerGivenUp => "answer_given_up",
            Self::AnswerLate => "answer_late",
            Self::ToolLoop => "tool_loop",
            Self::ModelFailover => "model_failover",
            Self::ModelLost => "model_lost",
            Self::ClipMissing => "clip_missing",
            Self::ModelBreaker => "model_breaker",
            Self::PolicyNotKept => "policy_not_kept",
            Self::AudioDropped => "audio_dropped",
            Self::LineFaulty => "line_faulty",
            Self::LineBroken => "line_broken",
            Self::CarrierRefused => "carrier_refused",
            Self::WordsMissing => "words_missing",
            Self::LookUp => "look_up",
            Self::Disk => "disk",
            Self::ActorLost => "actor_lost",
        }
    }
}

/// The incidents of one call, in the order in which they occurred. A repeated one increments the
/// count of the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incidents {
    seen: Vec<Seen>,
    /// How many were dropped because the list was full.
    omitted: u64,
}

/// An incident in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// When it first occurred, since the start of the call.
    #[serde(rename = "at_ms", serialize_with = "as_millis")]
    pub at: Duration,
    /// Its kind.
    pub kind: IncidentKind,
    /// Its details.
    pub detail: String,
    /// How often it occurred.
    pub times: u32,
}

impl Incidents {
    /// Adds an incident that occurred at `at`, since the start of the call.
    pub fn met(&mut self, at: Duration, Incident { kind, detail }: Incident) {
        let detail = clipped(detail);
        if let Some(known) = self.seen.iter_mut().find(|seen| seen.kind == kind && seen.detail == detail) {
            known.times = known.times.saturating_add(1);
            known.at = known.at.min(at);
        } else if self.seen.len() < MOST {
            self.seen.push(Seen { at, kind, detail, times: 1 });
        } else {
            self.omitted += 1;
        }
    }

    /// The incidents in the list.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// How many were dropped because the list was full.
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    /// The same incidents, sorted by time.
    pub fn in_order(&self) -> Self {
        let mut ordered = self.clone();
        ordered.seen.sort_by_key(|seen| seen.at);
        ordered
    }
}

impl Serialize for Incidents {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.seen.serialize(serializer)
    }
}

/// The beginning of a long detail.
fn clipped(mut detail: String) -> String {
    if detail.len() > LONGEST_DETAIL {
        let end = (0..=LONGEST_DETAIL).rev().find(|&end| detail.is_char_boundary(end)).unwrap_or_default();
        detail.truncate(end);
        detail.push('…');
    }
    detail
}

fn as_millis<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// The most incidents kept per call. The first ones are kept because they show the cause. A bad
/// call has ten.
pub const MOST: usize = 100;
/// The most bytes of a detail: one sentence and the server's message.
pub const LONGEST_DETAIL: usize = 300;

#[cfg(test)]
mod tests;
