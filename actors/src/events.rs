//! What operators are told: one type for everything that is logged and counted, one function that does both.
//!
//! Levels: what the caller would notice is info, what somebody should look at is warn, broken is error, a fork in the road is
//! debug. Metric names are those of the contract. Nothing here carries a number or speech.

use std::time::Duration;

use log::{debug, error, info, warn};
use metrics::{Counter, counter, gauge, histogram};

use crate::call::messages::TurnLatency;
use crate::ending::Ending;
use crate::ids::CallId;

/// Something worth telling.
#[derive(Debug)]
pub enum Event<'a> {
    /// A stream was admitted and its CallActor started.
    CallStarted {
        /// The call.
        call: CallId,
        /// Its carrier's name.
        carrier: &'static str,
    },
    /// A call ended and its record was ordered.
    CallEnded {
        /// The call.
        call: CallId,
        /// Its carrier's name.
        carrier: &'static str,
        /// Why and by whom.
        ending: Ending,
        /// From the stream's `start`.
        duration: Duration,
    },
    /// A webhook, a socket or a stream was turned away.
    CallRefused {
        /// One word: `full`, `draining`, `bad_token`, `bad_signature`, …
        reason: &'static str,
    },
    /// An announced call's stream did not come in time; its place is free again.
    StreamMissed {
        /// The call.
        call: CallId,
    },
    /// The first frame was sent to the caller.
    FirstAudioSent {
        /// The call.
        call: CallId,
        /// From the stream's `start`.
        after: Duration,
    },
    /// A part of a turn's latency is known.
    TurnTimed {
        /// `answer`: end of the caller's turn → first frame of the answer sent.
        part: &'static str,
        /// How long it took.
        took: Duration,
    },
    /// The answer to a turn was heard: every part of the wait is known.
    TurnMeasured {
        /// The parts.
        latency: TurnLatency,
    },
    /// The caller's speech over the agent was no interruption: too short, or a word of agreement.
    InterruptionDismissed {
        /// The call.
        call: CallId,
    },
    /// A transfer was asked for, or something came of one.
    TransferTold {
        /// The call.
        call: CallId,
        /// The destination's name; never a number.
        destination: &'a str,
        /// Who asked: `model`, `caller`, `operator`, `fallback`.
        by: &'static str,
        /// What came of it: `dialled`, `answered`, `busy`, `no_answer`, `failed`, `called_off`, or why it was refused.
        outcome: &'static str,
    },
    /// The carrier does not do as it was asked over its API.
    CarrierRefused {
        /// The call.
        call: CallId,
        /// Why.
        reason: &'a str,
    },
    /// The carrier did not confirm in time that a call of ours is over, and was told to end it.
    HangUpForced {
        /// Its carrier's name.
        carrier: &'static str,
        /// The carrier's id of the call.
        call: &'a str,
        /// `done`, `gone` when it was over already, `failed` when it is tried again, `given_up`.
        result: &'static str,
        /// Why it failed; empty when it did not.
        reason: &'a str,
    },
    /// A call that we began was not answered, or not by somebody the agent speaks to.
    OutboundEnded {
        /// The call.
        call: CallId,
        /// The carrier's word: `busy`, `no-answer`, `failed`, `canceled`; `machine` for one that was hung up on; `refused`.
        status: &'static str,
    },
    /// The language of a call was switched.
    LanguageSwitched {
        /// The call.
        call: CallId,
        /// The language's code.
        to: &'a str,
    },
    /// The caller interrupted the agent.
    BargedIn {
        /// The call.
        call: CallId,
        /// From the model's report to our `clear`.
        took: Duration,
    },
    /// Audio frames were dropped.
    AudioDropped {
        /// The call.
        call: CallId,
        /// `in` from the caller, `out` to the caller.
        direction: &'static str,
        /// `mailbox_full`, `not_attached`, `overflow`, `muted`, …
        reason: &'static str,
        /// How many.
        frames: u64,
    },
    /// The line's and the model's audio formats cannot be joined; the call cannot go on.
    AudioUnjoinable {
        /// The call.
        call: CallId,
        /// Why.
        problem: &'a str,
    },
    /// The model session is configured.
    ModelConnected {
        /// The call.
        call: CallId,
        /// From dialling to `session.updated`.
        setup: Duration,
    },
    /// The model could not be had, or was lost.
    ModelLost {
        /// The call.
        call: CallId,
        /// `retryable`, `expired`, `fatal`.
        class: &'static str,
        /// The server's words.
        reason: &'a str,
    },
    /// The model's server complained about an event of ours or failed a response; the session goes on.
    ModelComplained {
        /// The call.
        call: CallId,
        /// The server's code.
        code: &'a str,
        /// The server's words.
        message: &'a str,
    },
    /// The model will not say what it was asked to say, retries included.
    WishGivenUp {
        /// The call.
        call: CallId,
        /// What it was for: `answer` to the caller, `greeting`, `goodbye`, …
        purpose: &'static str,
        /// The server's code, or ours.
        reason: &'a str,
    },
    /// A message of the carrier could not be read and was ignored.
    LineGarbled {
        /// Its carrier's name.
        carrier: &'static str,
        /// Why.
        problem: &'a str,
    },
    /// One of a call's actors is gone without having been told to go.
    OrganLost {
        /// The call.
        call: CallId,
        /// Its name.
        organ: &'static str,
    },
    /// A call's record is on disk.
    RecordWritten {
        /// The call.
        call: CallId,
        /// The transcript file.
        path: &'a str,
    },
    /// A call's record could not be written yet; it is tried again.
    RecordDelayed {
        /// The call.
        call: CallId,
        /// Why.
        problem: &'a str,
    },
    /// A call's record was given up.
    RecordFailed {
        /// The call.
        call: CallId,
        /// Why, and what to do about it.
        problem: &'a str,
    },
    /// The call's state changed.
    StateChanged {
        /// The call.
        call: CallId,
        /// The new state's name.
        state: &'static str,
    },
}

/// Logs and counts `event`. The one place that does either.
#[expect(clippy::needless_pass_by_value, reason = "an event is told once")]
pub fn emit(event: Event<'_>) {
    match event {
        Event::CallStarted { call, carrier } => {
            gauge!("switchboard_calls_active").increment(1.0);
            info!(call:%, carrier; "call started");
        }
        Event::CallEnded { call, carrier, ending, duration } => {
            gauge!("switchboard_calls_active").decrement(1.0);
            counter!("switchboard_calls_total", "carrier" => carrier, "ending" => ending.reason()).increment(1);
            info!(call:%, carrier, ending = ending.reason(), by = ending.by().word(), duration_ms = duration.as_millis(); "call ended");
        }
        Event::CallRefused { reason } => {
            counter!("switchboard_calls_refused_total", "reason" => reason).increment(1);
            warn!(reason; "call refused");
        }
        Event::StreamMissed { call } => warn!(call:%; "the stream of an announced call did not come"),
        Event::FirstAudioSent { call, after } => {
            histogram!("switchboard_call_setup_seconds").record(after.as_secs_f64());
            info!(call:%, after_ms = after.as_millis(); "first audio sent");
        }
        Event::TurnTimed { part, took } => {
            histogram!("switchboard_turn_latency_seconds", "part" => part).record(took.as_secs_f64());
        }
        Event::TurnMeasured { latency } => {
            let parts = [
                ("end_of_speech", latency.end_of_speech_ms),
                ("first_delta", latency.first_delta_ms),
                ("first_sent", latency.first_sent_ms),
                ("first_heard", latency.first_heard_ms),
                ("total", latency.total_ms),
            ];
            for (part, ms) in parts.into_iter().filter_map(|(part, ms)| Some((part, ms?))) {
                histogram!("switchboard_turn_latency_seconds", "part" => part)
                    .record(Duration::from_millis(ms).as_secs_f64());
            }
        }
        Event::InterruptionDismissed { call } => {
            counter!("switchboard_interruptions_dismissed_total").increment(1);
            debug!(call:%; "interruption dismissed");
        }
        Event::TransferTold { call, destination, by, outcome } => {
            counter!("switchboard_transfers_total", "destination" => destination.to_owned(), "outcome" => outcome)
                .increment(1);
            info!(call:%, destination, by, outcome; "transfer");
        }
        Event::CarrierRefused { call, reason } => warn!(call:%, reason; "the carrier does not do as it was asked"),
        Event::HangUpForced { carrier, call, result, reason } => {
            counter!("switchboard_hangups_forced_total", "result" => result).increment(1);
            warn!(carrier, carrier_call = call, result, reason; "the carrier did not confirm the end of a call and was told");
        }
        Event::OutboundEnded { call, status } => {
            counter!("switchboard_outbound_unanswered_total", "status" => status).increment(1);
            info!(call:%, status; "outbound call not answered");
        }
        Event::LanguageSwitched { call, to } => info!(call:%, to; "language switched"),
        Event::BargedIn { call, took } => {
            histogram!("switchboard_barge_in_seconds").record(took.as_secs_f64());
            info!(call:%, took_us = took.as_micros(); "caller barged in");
        }
        Event::AudioDropped { call, direction, reason, frames } => {
            counter!("switchboard_audio_frames_dropped_total", "direction" => direction, "reason" => reason)
                .increment(frames);
            debug!(call:%, direction, reason, frames; "audio dropped");
        }
        Event::AudioUnjoinable { call, problem } => error!(call:%, problem; "audio formats not joined"),
        Event::ModelConnected { call, setup } => {
            counter!("switchboard_model_connects_total", "result" => "ok").increment(1);
            info!(call:%, setup_ms = setup.as_millis(); "model connected");
        }
        Event::ModelLost { call, class, reason } => {
            counter!("switchboard_model_connects_total", "result" => class).increment(1);
            warn!(call:%, class, reason; "model lost");
        }
        Event::ModelComplained { call, code, message } => {
            counter!("switchboard_model_errors_total", "code" => code.to_owned()).increment(1);
            warn!(call:%, code, message; "model complained");
        }
        Event::WishGivenUp { call, purpose, reason } => warn!(call:%, purpose, reason; "the model will not speak"),
        Event::LineGarbled { carrier, problem } => warn!(carrier, problem; "carrier message ignored"),
        Event::OrganLost { call, organ } => error!(call:%, organ; "actor lost"),
        Event::RecordWritten { call, path } => {
            counter!("switchboard_records_total", "result" => "written").increment(1);
            info!(call:%, path; "record written");
        }
        Event::RecordDelayed { call, problem } => warn!(call:%, problem; "record delayed"),
        Event::RecordFailed { call, problem } => {
            counter!("switchboard_records_total", "result" => "failed").increment(1);
            error!(call:%, problem; "record not written");
        }
        Event::StateChanged { call, state } => debug!(call:%, state; "state changed"),
    }
}

/// Counters of the frame path, looked up once per call and not once per frame.
#[derive(Clone)]
pub struct FrameCounters {
    /// Frames from the caller.
    pub from_caller: Counter,
    /// Frames to the caller.
    pub to_caller: Counter,
}

impl Default for FrameCounters {
    fn default() -> Self {
        Self {
            from_caller: counter!("switchboard_audio_frames_total", "direction" => "in"),
            to_caller: counter!("switchboard_audio_frames_total", "direction" => "out"),
        }
    }
}
