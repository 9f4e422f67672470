//! Events of the model for logs and metrics: its sessions, its complaints, and missing transcripts.

use std::time::Duration;

use log::{debug, info, warn};
use metrics::{counter, gauge, histogram};

use super::seat::Provider;
use crate::complaints::Telling;
use crate::events::{Emit, TARGET};
use crate::ids::CallTag;

/// An event of the model for operators.
#[derive(Debug)]
pub enum Event<'a> {
    /// The model session is configured.
    ModelConnected {
        /// The call.
        call: &'a CallTag,
        /// From dialling to `session.updated`.
        setup: Duration,
    },
    /// A model session was lost or did not come up, and another one is being opened.
    ModelFaltered {
        /// The call.
        call: &'a CallTag,
        /// `retryable`, `expired`, `fatal`.
        class: &'static str,
        /// The server's words.
        reason: &'a str,
    },
    /// Another model session has replaced one that was lost, or, without a gap, one that was about
    /// to expire.
    ModelResumed {
        /// The call.
        call: &'a CallTag,
        /// How long there was no session.
        gap: Duration,
    },
    /// The process learned whether a server or an engine works.
    LessonLearned {
        /// The word of the provider, or the engine's name.
        provider: &'static str,
        /// `worked`, `reached`, `failed`, `refused`.
        result: &'static str,
    },
    /// Something happened to a session in the pool.
    WarmSession {
        /// `opened`, `taken`, `missed` (the pool was empty), `dead`, `old`, `refused`, `drained`.
        what: &'static str,
        /// The change in the number of waiting sessions.
        change: i8,
    },
    /// A recording of exact words was made, or could not be.
    ClipMade {
        /// `rendered`, `read` (from the disk), `failed`.
        result: &'static str,
    },
    /// Exact words were due that the model does not say as they stand.
    ClipDue {
        /// The call.
        call: &'a CallTag,
        /// `played`; or the model was asked to say them: `late` (the recording was not made in
        /// time), `failed` (it could not be made).
        result: &'static str,
        /// Why it was not played; empty if it was.
        reason: &'a str,
    },
    /// No model session could be opened, or the model was lost.
    ModelLost {
        /// The call.
        call: &'a CallTag,
        /// `retryable`, `expired`, `fatal`.
        class: &'static str,
        /// The server's words.
        reason: &'a str,
    },
    /// The model's server complained about an event of ours or failed a response; the session goes
    /// on.
    ModelComplained {
        /// The call.
        call: &'a CallTag,
        /// The server's code.
        code: &'a str,
        /// The server's words, without the text that they quote.
        message: &'a str,
        /// How the log reports it.
        telling: Telling,
    },
    /// Complaints of the model's server that were counted but not logged during a call that is
    /// over.
    ModelComplaints {
        /// The call.
        call: &'a CallTag,
        /// The server's code.
        code: &'a str,
        /// How many.
        times: u64,
    },
    /// The model does not say what was requested, retries included.
    RequestGivenUp {
        /// The call.
        call: &'a CallTag,
        /// The purpose: `answer` to the caller, `greeting`, `goodbye`, …
        purpose: &'static str,
        /// The server's code, or ours.
        reason: &'a str,
    },
    /// Turns of the caller have no transcript, so the record lacks them.
    WordsMissing {
        /// The call.
        call: &'a CallTag,
        /// `failed`, or `late`: not available five seconds after the turn.
        why: &'static str,
        /// The number of turns.
        turns: u64,
        /// Whether it was logged in this call before.
        again: bool,
    },
}

impl Emit for Event<'_> {
    fn emit(self) {
        match self {
            Self::ModelConnected { call, setup } => {
                counter!("switchboard_model_connects_total", "result" => "ok").increment(1);
                info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), setup_ms = setup.as_millis(); "model connected");
            }
            Self::ModelFaltered { call, class, reason } => {
                counter!("switchboard_model_connects_total", "result" => class).increment(1);
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), class, reason; "model session lost, opening another");
            }
            Self::ModelResumed { call, gap } => {
                let kind = if gap.is_zero() { "rotation" } else { "failover" };
                counter!("switchboard_model_connects_total", "result" => "ok").increment(1);
                counter!("switchboard_model_takeovers_total", "kind" => kind).increment(1);
                if !gap.is_zero() {
                    histogram!("switchboard_model_gap_seconds").record(gap.as_secs_f64());
                }
                info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), kind, gap_ms = gap.as_millis(); "model session taken over");
            }
            Self::LessonLearned { provider, result } => {
                counter!("switchboard_model_lessons_total", "provider" => provider, "result" => result).increment(1);
                debug!(target: TARGET, provider, result; "lesson about a model");
            }
            Self::WarmSession { what, change } => {
                counter!("switchboard_model_warm_total", "what" => what).increment(1);
                gauge!("switchboard_model_warm_sessions").increment(f64::from(change));
                debug!(target: TARGET, what; "warm session");
            }
            Self::ClipMade { result } => {
                counter!("switchboard_clips_made_total", "result" => result).increment(1);
                debug!(target: TARGET, result; "recording of exact words");
            }
            Self::ClipDue { call, result, reason } => {
                counter!("switchboard_clips_total", "result" => result).increment(1);
                let (id, carrier_call) = (call.id(), call.carrier_call());
                if result == "played" {
                    debug!(target: TARGET, call:% = id, carrier_call; "recording of exact words played");
                } else {
                    warn!(target: TARGET, call:% = id, carrier_call, result, reason; "exact words are left to the model, as there is no recording of them");
                }
            }
            Self::ModelLost { call, class, reason } => {
                counter!("switchboard_model_connects_total", "result" => class).increment(1);
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), class, reason; "model lost");
            }
            Self::ModelComplained { call, code, message, telling } => {
                counter!("switchboard_model_errors_total", "code" => Provider::counter_of(code)).increment(1);
                let (id, carrier_call) = (call.id(), call.carrier_call());
                match telling {
                    Telling::First => {
                        warn!(target: TARGET, call:% = id, carrier_call, code, message; "model complained");
                    }
                    Telling::Counted => {
                        debug!(target: TARGET, call:% = id, carrier_call, code, message; "model complained again");
                    }
                    Telling::Again(times) => {
                        warn!(target: TARGET, call:% = id, carrier_call, code, message, times; "model complained again");
                    }
                }
            }
            Self::ModelComplaints { call, code, times } => {
                let (id, carrier_call) = (call.id(), call.carrier_call());
                warn!(target: TARGET, call:% = id, carrier_call, code, times; "model complained again");
            }
            Self::RequestGivenUp { call, purpose, reason } => {
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), purpose, reason; "the model gives no answer");
            }
            Self::WordsMissing { call, why, turns, again } => {
                counter!("switchboard_transcriptions_missing_total", "why" => why).increment(turns);
                if again {
                    debug!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), why, turns; "words of the caller are missing again");
                } else {
                    warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), why; "words of the caller are missing: transcription fails or does not come");
                }
            }
        }
    }
}
