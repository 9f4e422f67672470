//! Log events and metrics of a call, from all its parts.

use std::time::Duration;

use log::{debug, error, info, warn};
use metrics::{counter, gauge, histogram};

use crate::ending::Ending;
use crate::events::{Emit, Known, TARGET};
use crate::ids::CallTag;
use crate::incident::{Incident, IncidentKind};
use crate::latency::TurnLatency;
use crate::{audio, realtime, transcript};

/// Something that is logged and counted.
#[derive(Debug)]
pub enum Event<'a> {
    /// A stream was admitted and its CallActor started.
    CallStarted {
        /// The call.
        call: &'a CallTag,
        /// Its carrier's name.
        carrier: &'static str,
        /// The agent that answers it.
        agent: &'a str,
        /// The language.
        language: &'a str,
        /// The position of the chosen route in `[[routes]]`, from 0; `None` if none matched, or
        /// none was asked.
        route: Option<usize>,
    },
    /// A call ended and its record was ordered.
    CallEnded {
        /// The call.
        call: &'a CallTag,
        /// Its carrier's name.
        carrier: &'static str,
        /// Why and by whom.
        ending: Ending,
        /// Since the stream's `start`.
        duration: Duration,
    },
    /// The first frame was sent to the caller.
    FirstAudioSent {
        /// The call.
        call: &'a CallTag,
        /// Since the stream's `start`.
        after: Duration,
    },
    /// An answer was heard later than the limit.
    AnswerLate {
        /// The call.
        call: &'a CallTag,
        /// From the caller's last word until the answer was heard.
        waited: Duration,
        /// The limit.
        limit: Duration,
    },
    /// A part of a turn's latency is known.
    TurnTimed {
        /// `answer`: end of the caller's turn → first frame of the answer sent.
        part: &'static str,
        /// How long it took.
        took: Duration,
    },
    /// An answer that was begun before the turn was certainly over is one, or is none.
    AnswerBegunEarly {
        /// Whether it became the answer.
        kept: bool,
    },
    /// The answer to a turn was heard: every part of the wait is known.
    TurnMeasured {
        /// The parts.
        latency: TurnLatency,
    },
    /// The caller's speech over the agent was no interruption: too short, or a word of agreement.
    InterruptionDismissed {
        /// The call.
        call: &'a CallTag,
    },
    /// A transfer was requested, or had a result.
    TransferReported {
        /// The call.
        call: &'a CallTag,
        /// The destination's name; never a number.
        destination: &'a str,
        /// Who requested it: `model`, `caller`, `operator`, `fallback`.
        by: &'static str,
        /// The result: `dialled`, `answered`, `busy`, `no_answer`, `failed`, `called_off`, or why
        /// it was refused.
        outcome: &'static str,
    },
    /// The carrier refused a request at its API.
    CarrierRefused {
        /// The call.
        call: &'a CallTag,
        /// Why.
        reason: &'a str,
    },
    /// The language of a call was switched.
    LanguageSwitched {
        /// The call.
        call: &'a CallTag,
        /// The language's code.
        to: &'a str,
    },
    /// A call was given to another agent.
    HandedOver {
        /// The call.
        call: &'a CallTag,
        /// The agent that had it.
        from: &'a str,
        /// The agent that has it.
        to: &'a str,
    },
    /// The caller interrupted the agent.
    BargedIn {
        /// The call.
        call: &'a CallTag,
        /// From the model's report to our `clear`.
        took: Duration,
    },
    /// The stream broke during a call that continues; the call waits for the caller.
    LineBroke {
        /// The call.
        call: &'a CallTag,
    },
    /// The caller is back on another stream.
    LineBack {
        /// The call.
        call: &'a CallTag,
        /// The time without a stream.
        gap: Duration,
    },
    /// A person of ours has taken the call over from the agent, or given it back.
    TakenOver {
        /// The call.
        call: &'a CallTag,
        /// Whether the person has it now.
        by_person: bool,
    },
    /// A child actor of a call stopped unexpectedly.
    ChildLost {
        /// The call.
        call: &'a CallTag,
        /// Its name.
        child: &'static str,
    },
    /// A response or a transcription had a cost.
    Spent {
        /// The call.
        call: &'a CallTag,
        /// The agent.
        agent: &'a str,
        /// The model.
        model: &'a str,
        /// The experiment's variant, `control`, or `none`.
        variant: &'a str,
        /// US dollars.
        dollars: f64,
    },
    /// A call of an experiment has ended.
    VariantEnded {
        /// The experiment's variant, or `control`.
        variant: &'a str,
        /// The agent.
        agent: &'a str,
        /// Why the call ended.
        ending: Ending,
    },
    /// Something went wrong in a call.
    IncidentMet {
        /// The call.
        call: &'a CallTag,
        /// The incident.
        incident: &'a Incident,
        /// Whether another event has already logged it.
        logged: bool,
    },
    /// An incident of a call was counted; another event logs it.
    IncidentCounted {
        /// The kind of incident.
        kind: IncidentKind,
    },
    /// The call's state changed.
    StateChanged {
        /// The call.
        call: &'a CallTag,
        /// The new state's name.
        state: &'static str,
    },
    /// An event of its audio.
    Audio(audio::events::Event<'a>),
    /// An event of its model.
    Model(realtime::events::Event<'a>),
    /// An event of its record.
    Record(transcript::events::Event<'a>),
}

impl Emit for Event<'_> {
    fn emit(self) {
        match self {
            Self::CallStarted { call, carrier, agent, language, route } => {
                call_started(call, carrier, agent, language, route);
            }
            Self::CallEnded { call, carrier, ending, duration } => call_ended(call, carrier, ending, duration),
            Self::FirstAudioSent { call, after } => {
                histogram!("switchboard_call_setup_seconds").record(after.as_secs_f64());
                info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), after_ms = after.as_millis(); "first audio sent");
            }
            Self::AnswerLate { call, waited, limit } => {
                counter!("switchboard_answers_late_total").increment(1);
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), waited_ms = waited.as_millis(), limit_ms = limit.as_millis(); "the caller waited too long for an answer");
            }
            Self::TurnTimed { part, took } => {
                histogram!("switchboard_turn_latency_seconds", "part" => part).record(took.as_secs_f64());
            }
            Self::AnswerBegunEarly { kept } => {
                let result = if kept { "kept" } else { "thrown_away" };
                counter!("switchboard_answers_begun_early_total", "result" => result).increment(1);
            }
            Self::TurnMeasured { latency } => turn_measured(latency),
            Self::InterruptionDismissed { call } => {
                counter!("switchboard_interruptions_dismissed_total").increment(1);
                debug!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(); "interruption dismissed");
            }
            Self::TransferReported { call, destination, by, outcome } => transfer_event(call, destination, by, outcome),
            Self::CarrierRefused { call, reason } => {
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), reason; "the carrier did not carry out a request");
            }
            Self::LanguageSwitched { call, to } => {
                info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), to; "language switched");
            }
            Self::HandedOver { call, from, to } => {
                counter!("switchboard_hand_overs_total").increment(1);
                info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), from, to; "call given to another agent");
            }
            Self::BargedIn { call, took } => {
                histogram!("switchboard_barge_in_seconds").record(took.as_secs_f64());
                info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), took_us = took.as_micros(); "caller barged in");
            }
            Self::LineBroke { call } => {
                counter!("switchboard_line_breaks_total", "result" => "broke").increment(1);
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(); "the stream broke under a call in progress; the caller is waited for");
            }
            Self::LineBack { call, gap } => {
                counter!("switchboard_line_breaks_total", "result" => "back").increment(1);
                let gap_ms = gap.as_millis();
                info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), gap_ms; "the caller is back on another stream");
            }
            Self::TakenOver { call, by_person } => {
                let act = if by_person { "take_over" } else { "give_back" };
                counter!("switchboard_take_overs_total", "act" => act).increment(1);
                info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), act; "a person and the agent changed places");
            }
            Self::ChildLost { call, child } => {
                error!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), child; "actor lost");
            }
            Self::Spent { call, agent, model, variant, dollars } => spent(call, agent, model, variant, dollars),
            Self::VariantEnded { variant, agent, ending } => {
                let (variant, agent) = (variant.to_owned(), agent.to_owned());
                counter!("switchboard_variant_calls_total", "variant" => variant, "agent" => agent, "ending" => ending.reason())
                    .increment(1);
            }
            Self::IncidentMet { call, incident, logged } => incident_met(call, incident, logged),
            Self::IncidentCounted { kind } => incident_counted(kind),
            Self::StateChanged { call, state } => {
                debug!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), state; "state changed");
            }
            Self::Audio(event) => event.emit(),
            Self::Model(event) => event.emit(),
            Self::Record(event) => event.emit(),
        }
    }
}

fn call_started(call: &CallTag, carrier: &str, agent: &str, language: &str, route: Option<usize>) {
    gauge!("switchboard_calls_active").increment(1.0);
    let route = Known(route);
    info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), carrier, agent, language, route:%; "call started");
}

fn call_ended(call: &CallTag, carrier: &'static str, ending: Ending, duration: Duration) {
    gauge!("switchboard_calls_active").decrement(1.0);
    counter!("switchboard_calls_total", "carrier" => carrier, "ending" => ending.reason()).increment(1);
    info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), carrier, ending = ending.reason(), by = ending.by().word(), duration_ms = duration.as_millis(); "call ended");
}

fn turn_measured(latency: TurnLatency) {
    let parts = [
        ("end_of_speech", latency.end_of_speech_ms),
        ("first_delta", latency.first_delta_ms),
        ("first_sent", latency.first_sent_ms),
        ("first_heard", latency.first_heard_ms),
        ("total", latency.total_ms),
        ("filler", latency.filler_ms),
        ("ears", latency.ears_ms),
        ("mind", latency.mind_ms),
        ("voice", latency.voice_ms),
        ("ours", latency.ours_ms),
        ("playout", latency.playout_ms),
    ];
    for (part, ms) in parts.into_iter().filter_map(|(part, ms)| Some((part, ms?))) {
        histogram!("switchboard_turn_latency_seconds", "part" => part).record(Duration::from_millis(ms).as_secs_f64());
    }
}

fn transfer_event(call: &CallTag, destination: &str, by: &str, outcome: &'static str) {
    counter!("switchboard_transfers_total", "destination" => destination.to_owned(), "outcome" => outcome).increment(1);
    info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), destination, by, outcome; "transfer");
}

fn spent(call: &CallTag, agent: &str, model: &str, variant: &str, dollars: f64) {
    let (agent, model, variant) = (agent.to_owned(), model.to_owned(), variant.to_owned());
    // Counters are integers here; a gauge that only grows reads the same way.
    gauge!("switchboard_spend_usd_total", "agent" => agent, "model" => model, "variant" => variant).increment(dollars);
    debug!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), dollars; "spent");
}

fn incident_met(call: &CallTag, incident: &Incident, logged: bool) {
    let (kind, detail) = (incident.kind.word(), &*incident.detail);
    incident_counted(incident.kind);
    if logged {
        debug!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), kind, detail; "incident");
    } else {
        warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), kind, detail; "incident");
    }
}

fn incident_counted(kind: IncidentKind) {
    counter!("switchboard_incidents_total", "kind" => kind.word()).increment(1);
}
