//! What went wrong in a call, for whoever asks later why it was silent or short. Pure.
//!
//! Whoever notices tells the call (`LineReport::Incident`, `ModelReport::Incident`, [`crate::recording::report::IncidentMet`]) or records it there; the call tells its
//! Transcript, whose journal keeps it. The record and `GET /calls/{id}` show the same list.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// What kind of thing.
    pub kind: IncidentKind,
    /// What there is to say of it, in a few words. No speech, no numbers of people; clipped at [`LONGEST_DETAIL`].
    pub detail: String,
}

impl Incident {
    /// An incident of `kind`; `detail` in a few words.
    pub fn new(kind: IncidentKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// What can go wrong. The words are what operators search for: one is added, none is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// An answer was due and the model gave none in time.
    ModelMute,
    /// An answer ended with nothing in it to hear.
    AnswerEmpty,
    /// An answer was withheld by the server's filter.
    AnswerFiltered,
    /// An answer came as text without sound.
    AnswerTextOnly,
    /// An answer ended in the middle, by a limit.
    AnswerCut,
    /// An answer had its full length and no level.
    AnswerSilent,
    /// An answer failed at the server.
    AnswerFailed,
    /// An answer was asked for so often as makes sense, and did not come.
    AnswerGivenUp,
    /// An answer took longer than a caller waits.
    AnswerLate,
    /// The model called tools again and again without a word to the caller.
    ToolLoop,
    /// A model session was lost and another one opened.
    ModelFailover,
    /// No model session was to be had any more.
    ModelLost,
    /// A server of the failover list was passed over because of what other calls met there.
    ModelBreaker,
    /// Audio was dropped, on one of its ways.
    AudioDropped,
    /// The carrier's audio is not as it should be.
    LineFaulty,
    /// The carrier's stream broke and did not end.
    LineBroken,
    /// The carrier did not do as it was asked.
    CarrierRefused,
    /// The caller spoke and transcription gave no words.
    WordsMissing,
    /// Something could not be written.
    Disk,
    /// One of the call's actors was lost.
    ActorLost,
}

impl IncidentKind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
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
        Self::ModelBreaker,
        Self::AudioDropped,
        Self::LineFaulty,
        Self::LineBroken,
        Self::CarrierRefused,
        Self::WordsMissing,
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
            Self::ModelBreaker => "model_breaker",
            Self::AudioDropped => "audio_dropped",
            Self::LineFaulty => "line_faulty",
            Self::LineBroken => "line_broken",
            Self::CarrierRefused => "carrier_refused",
            Self::WordsMissing => "words_missing",
            Self::Disk => "disk",
            Self::ActorLost => "actor_lost",
        }
    }
}

/// The incidents of one call, in the order in which they were met. The same one met again is counted where it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incidents {
    seen: Vec<Seen>,
    /// Those that found no room.
    omitted: u64,
}

/// An incident as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// When it was met first, since the start of the call.
    #[serde(rename = "at_ms", serialize_with = "as_millis")]
    pub at: Duration,
    /// What kind of thing.
    pub kind: IncidentKind,
    /// What there is to say of it.
    pub detail: String,
    /// How often it was met.
    pub times: u32,
}

impl Incidents {
    /// Takes an incident that was met at `at`, since the start of the call.
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

    /// Those that are kept.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// How many found no room.
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    /// The same in the order of their times.
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

/// Of a long detail its beginning.
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

/// Incidents of one call that are kept, the first ones: they tell what began it. A bad call has ten.
pub const MOST: usize = 100;
/// Bytes of a detail: a sentence, and what a server said.
pub const LONGEST_DETAIL: usize = 300;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_incident_is_counted_and_another_one_is_kept_beside_it() {
        let mut incidents = Incidents::default();
        for at in [3, 1, 2] {
            incidents.met(ms(at), Incident::new(IncidentKind::AnswerEmpty, "nothing to hear"));
        }
        incidents.met(ms(4), Incident::new(IncidentKind::AnswerEmpty, "again nothing"));
        assert_eq!(
            serde_json::to_value(incidents.in_order()).expect("JSON"),
            json!([
                { "at_ms": 1, "kind": "answer_empty", "detail": "nothing to hear", "times": 3 },
                { "at_ms": 4, "kind": "answer_empty", "detail": "again nothing", "times": 1 },
            ])
        );
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_length() {
        let mut incidents = Incidents::default();
        for number in 0..MOST + 5 {
            let detail = format!("{number:03}{}", "ä".repeat(LONGEST_DETAIL));
            incidents.met(ms(number as u64), Incident::new(IncidentKind::Disk, detail));
        }
        assert_eq!((incidents.seen().len(), incidents.omitted()), (MOST, 5));
        assert!(incidents.seen().iter().all(|seen| seen.detail.len() <= LONGEST_DETAIL + '…'.len_utf8()));
    }

    #[test]
    fn the_word_of_a_kind_is_what_is_written() {
        for kind in IncidentKind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.word());
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
}
