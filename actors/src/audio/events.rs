//! Events about a call's audio for operators, and the counters of the frame path.

use log::{debug, error, warn};
use metrics::{Counter, counter};

use super::second_opinion::Opinion;
use crate::events::{Emit, TARGET};
use crate::finding::{Finding, Tenths};
use crate::ids::CallTag;

/// An event for operators.
#[derive(Debug)]
pub enum Event<'a> {
    /// Audio frames were dropped.
    AudioDropped {
        /// The call.
        call: &'a CallTag,
        /// `in` from the caller, `out` to the caller.
        direction: &'static str,
        /// The reason: `mailbox_full`, `not_attached`, `overflow`, `muted`, …
        reason: &'static str,
        /// Number of frames.
        frames: u64,
    },
    /// The line's and the model's audio formats cannot be joined. The call cannot go on.
    AudioUnjoinable {
        /// The call.
        call: &'a CallTag,
        /// The reason.
        problem: &'a str,
    },
    /// Our detector and the server were compared on one beginning of the caller's speech.
    SpeechCompared {
        /// The call.
        call: &'a CallTag,
        /// The result.
        opinion: Opinion,
    },
    /// The carrier's audio has a fault.
    LineFaulty {
        /// The call.
        call: &'a CallTag,
        /// The carrier's name.
        carrier: &'static str,
        /// The fault.
        finding: Finding,
        /// The level of the sample that was judged, dB of full scale (RMS).
        level_dbfs: Option<Tenths>,
        /// The sample's mean, per cent of full scale.
        offset_percent: Option<Tenths>,
        /// Clipped samples, per cent.
        clipped_percent: Option<Tenths>,
        /// Audio lost on the way, ms.
        lost_ms: u64,
        /// Whether the bytes are rewritten as they come.
        corrected: bool,
    },
}

impl Emit for Event<'_> {
    fn emit(self) {
        match self {
            Self::AudioDropped { call, direction, reason, frames } => {
                counter!("switchboard_audio_frames_dropped_total", "direction" => direction, "reason" => reason)
                    .increment(frames);
                debug!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), direction, reason, frames; "audio dropped");
            }
            Self::AudioUnjoinable { call, problem } => {
                error!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), problem; "audio formats not joined");
            }
            Self::SpeechCompared { call, opinion } => {
                let result = opinion.word();
                counter!("switchboard_speech_opinions_total", "result" => result).increment(1);
                debug!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), result; "speech compared");
            }
            Self::LineFaulty {
                call,
                carrier,
                finding,
                level_dbfs,
                offset_percent,
                clipped_percent,
                lost_ms,
                corrected,
            } => {
                let (kind, advice) = (finding.word(), finding.advice());
                counter!("switchboard_audio_findings_total", "carrier" => carrier, "finding" => kind).increment(1);
                let level_dbfs = level_dbfs.map(Tenths::value);
                let offset_percent = offset_percent.map(Tenths::value);
                let clipped_percent = clipped_percent.map(Tenths::value);
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), carrier, finding = kind, level_dbfs:?, offset_percent:?, clipped_percent:?, lost_ms, corrected, advice; "the line's audio is faulty");
            }
        }
    }
}

/// Counters of the frame path. They are looked up once per call and not once per frame.
#[derive(Clone)]
pub struct FrameCounters {
    /// Frames from the caller.
    pub from_caller: Counter,
    /// Frames to the caller.
    pub to_caller: Counter,
    /// Messages to the model that join several frames.
    pub gathered: Counter,
}

impl Default for FrameCounters {
    fn default() -> Self {
        Self {
            from_caller: counter!("switchboard_audio_frames_total", "direction" => "in"),
            to_caller: counter!("switchboard_audio_frames_total", "direction" => "out"),
            gathered: counter!("switchboard_audio_messages_gathered_total"),
        }
    }
}
