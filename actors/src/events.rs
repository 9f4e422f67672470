//! What operators are told: one type for everything that is logged and counted, one function that does both.
//!
//! Levels: what the caller would notice is info, what somebody should look at is warn, broken is error, a fork in the road is
//! debug. Metric names are those of the contract. Nothing here carries a number or speech.
//!
//! A line about a call has `call`, our id of it, and `carrier_call`, the carrier's: whoever was told one of the two finds every line.

use std::fmt;
use std::time::Duration;

use log::{debug, error, info, warn};
use metrics::{Counter, counter, gauge, histogram};

use crate::complaints::{self, Telling};
use crate::ending::Ending;
use crate::finding::{Finding, Tenths};
use crate::ids::{CallTag, logged};
use crate::incident::{Incident, IncidentKind};
use crate::latency::TurnLatency;

/// Something worth telling.
#[derive(Debug)]
pub enum Event<'a> {
    /// A stream was admitted and its CallActor started.
    CallStarted {
        /// The call.
        call: &'a CallTag,
        /// Its carrier's name.
        carrier: &'static str,
        /// Who answers it.
        agent: &'a str,
        /// In which language.
        language: &'a str,
        /// The place of the route that chose it among `[[routes]]`, from 0; `None` where none matched, or none was asked.
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
        /// From the stream's `start`.
        duration: Duration,
    },
    /// A webhook, a socket or a stream was turned away.
    CallRefused {
        /// One word: `full`, `draining`, `bad_token`, `bad_signature`, …
        reason: &'static str,
        /// The carrier's id of the call, as far as anything has named it: outside input.
        carrier_call: Option<&'a str>,
    },
    /// An announced call's stream did not come in time; its place is free again.
    StreamMissed {
        /// The call.
        call: &'a CallTag,
    },
    /// The first frame was sent to the caller.
    FirstAudioSent {
        /// The call.
        call: &'a CallTag,
        /// From the stream's `start`.
        after: Duration,
    },
    /// An answer was heard later than it should be.
    AnswerLate {
        /// The call.
        call: &'a CallTag,
        /// From the caller's last word until it was heard.
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
    /// A transfer was asked for, or something came of one.
    TransferTold {
        /// The call.
        call: &'a CallTag,
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
        call: &'a CallTag,
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
        call: &'a CallTag,
        /// The carrier's word: `busy`, `no-answer`, `failed`, `canceled`; `machine` for one that was hung up on; `refused`.
        status: &'static str,
    },
    /// The language of a call was switched.
    LanguageSwitched {
        /// The call.
        call: &'a CallTag,
        /// The language's code.
        to: &'a str,
    },
    /// The caller interrupted the agent.
    BargedIn {
        /// The call.
        call: &'a CallTag,
        /// From the model's report to our `clear`.
        took: Duration,
    },
    /// Audio frames were dropped.
    AudioDropped {
        /// The call.
        call: &'a CallTag,
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
        call: &'a CallTag,
        /// Why.
        problem: &'a str,
    },
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
    /// Another model session has taken the place of one that was lost, or, without a gap, of one that was about to expire.
    ModelResumed {
        /// The call.
        call: &'a CallTag,
        /// How long there was none.
        gap: Duration,
    },
    /// Something happened to a session that waits for a call.
    WarmSession {
        /// `opened`, `taken`, `missed` (none was there), `dead`, `old`, `refused`, `drained`.
        what: &'static str,
        /// How many of them there are more, or fewer.
        change: i8,
    },
    /// The model could not be had, or was lost.
    ModelLost {
        /// The call.
        call: &'a CallTag,
        /// `retryable`, `expired`, `fatal`.
        class: &'static str,
        /// The server's words.
        reason: &'a str,
    },
    /// The model's server complained about an event of ours or failed a response; the session goes on.
    ModelComplained {
        /// The call.
        call: &'a CallTag,
        /// The server's code.
        code: &'a str,
        /// The server's words, without what it quotes.
        message: &'a str,
        /// What the log says of it.
        telling: Telling,
    },
    /// Complaints of the model's server that were counted and not told in a call that is over.
    ModelComplaints {
        /// The call.
        call: &'a CallTag,
        /// The server's code.
        code: &'a str,
        /// How many.
        times: u64,
    },
    /// The model will not say what it was asked to say, retries included.
    RequestGivenUp {
        /// The call.
        call: &'a CallTag,
        /// What it was for: `answer` to the caller, `greeting`, `goodbye`, …
        purpose: &'static str,
        /// The server's code, or ours.
        reason: &'a str,
    },
    /// Turns of the caller have no words, so that the record lacks them.
    WordsMissing {
        /// The call.
        call: &'a CallTag,
        /// `failed`, or `late`: not there five seconds after the turn.
        why: &'static str,
        /// How many turns.
        turns: u64,
        /// It was told in this call before.
        again: bool,
    },
    /// A message of the carrier could not be read and was ignored.
    MalformedMessage {
        /// Its carrier's name.
        carrier: &'static str,
        /// The carrier's id of the call, once `start` has named it.
        carrier_call: Option<&'a str>,
        /// Why.
        problem: &'a str,
    },
    /// Something of the carrier's audio was odd and was put right or dropped.
    LineMismatched {
        /// Its carrier's name.
        carrier: &'static str,
        /// The carrier's id of the call, once `start` has named it.
        carrier_call: Option<&'a str>,
        /// What: `first_packet_off_rate`, `packet_resampled`, `packet_of_unknown_rate`, `sample_clamped`.
        what: &'static str,
        /// How often since this was last told of the stream.
        times: u64,
        /// Whether the stream has shown it before.
        again: bool,
    },
    /// Something is wrong with what the carrier sends.
    LineFaulty {
        /// The call.
        call: &'a CallTag,
        /// The carrier's name.
        carrier: &'static str,
        /// What.
        finding: Finding,
        /// The level of the sample that was judged, dB of full scale (RMS).
        level_dbfs: Option<Tenths>,
        /// Its mean, per cent of full scale.
        offset_percent: Option<Tenths>,
        /// Samples that stand at the rails, per cent.
        clipped_percent: Option<Tenths>,
        /// How much audio was lost on the way, ms.
        lost_ms: u64,
        /// Whether the bytes are rewritten as they come.
        corrected: bool,
    },
    /// The stream broke under a call that goes on; the caller is waited for.
    LineBroke {
        /// The call.
        call: &'a CallTag,
    },
    /// The caller is back on another stream.
    LineBack {
        /// The call.
        call: &'a CallTag,
        /// How long there was none.
        gap: Duration,
    },
    /// One of a call's actors is gone without having been told to go.
    ChildLost {
        /// The call.
        call: &'a CallTag,
        /// Its name.
        child: &'static str,
    },
    /// A call's recording is whole.
    RecordingWritten {
        /// The call.
        call: &'a CallTag,
        /// The file.
        path: &'a str,
        /// How long it plays.
        length_ms: u64,
    },
    /// A call's recording ended before its call.
    RecordingFailed {
        /// The call.
        call: &'a CallTag,
        /// The file.
        path: &'a str,
        /// Why, and what to do about it.
        problem: &'a str,
    },
    /// A call's record is on disk.
    RecordWritten {
        /// The call.
        call: &'a CallTag,
        /// The transcript file.
        path: &'a str,
    },
    /// A call's record could not be written yet; it is tried again.
    RecordDelayed {
        /// The call.
        call: &'a CallTag,
        /// Why.
        problem: &'a str,
    },
    /// A call's record was given up.
    RecordFailed {
        /// The call.
        call: &'a CallTag,
        /// Why, and what to do about it.
        problem: &'a str,
    },
    /// A response or a transcription was charged for.
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
    /// What was spent today is known anew.
    DaySpent {
        /// US dollars.
        dollars: f64,
    },
    /// A limit of what may be spent was reached.
    SpendLimitReached {
        /// `caller_soft`, `caller_hard`, `day_soft`, `day_hard`.
        limit: &'static str,
        /// The calls that are told.
        calls: usize,
    },
    /// The kill switch was thrown.
    SpendKilled {
        /// No call is taken from now on, or calls are again.
        on: bool,
    },
    /// The books of what was spent cannot be read or written.
    SpendStoreFailed {
        /// Why.
        problem: &'a str,
    },
    /// A call that an experiment concerns has ended.
    VariantEnded {
        /// The experiment's variant, or `control`.
        variant: &'a str,
        /// The agent.
        agent: &'a str,
        /// Why the call ended.
        ending: Ending,
    },
    /// A call's record is not on disk and left to its journal, of which the next start makes it.
    RecordDeferred {
        /// The call.
        call: &'a CallTag,
        /// Why.
        problem: &'a str,
    },
    /// A journal that a dead process left was made a record.
    RecordRecovered {
        /// The call.
        call: &'a CallTag,
        /// The transcript file.
        path: &'a str,
    },
    /// The end of a recovered journal could not be read; it is kept aside.
    JournalTorn {
        /// The call.
        call: &'a CallTag,
        /// Where it is kept.
        path: &'a str,
        /// What could not be read.
        bytes: usize,
        /// Why.
        why: &'static str,
    },
    /// A journal that was left could not be read at all; it is kept aside.
    JournalUnreadable {
        /// Where it is kept.
        path: &'a str,
        /// Why.
        why: &'static str,
    },
    /// A journal that was left could not be made a record yet.
    JournalUnrecovered {
        /// The journal.
        path: &'a str,
        /// Why.
        problem: &'a str,
    },
    /// The folder of journals could not be read.
    JournalsUnread {
        /// Why.
        problem: &'a str,
    },
    /// The disk refused a step for a call's journal. The call goes on.
    JournalFailed {
        /// The call.
        call: &'a CallTag,
        /// Which: `journal_write`, `journal_sync`, `journal_remove`.
        step: &'static str,
        /// Why, the first time in a row.
        problem: Option<&'a str>,
    },
    /// An entry did not go into a call's journal: too much waits for the disk, or it is too long.
    JournalGap {
        /// The call.
        call: &'a CallTag,
    },
    /// A receiver has an event.
    WebhookDelivered {
        /// The endpoint's name.
        endpoint: &'a str,
        /// The event's id.
        event: &'a str,
        /// Tries it took.
        attempts: u32,
    },
    /// A receiver does not have an event yet; it is told again.
    WebhookDelayed {
        /// The endpoint's name.
        endpoint: &'a str,
        /// The event's id.
        event: &'a str,
        /// Tries so far.
        attempts: u32,
        /// The pause before the next.
        wait: Duration,
        /// Why.
        problem: &'a str,
    },
    /// An event is a dead letter: `switchboard deliveries retry` sends it again.
    WebhookGivenUp {
        /// The endpoint's name.
        endpoint: &'a str,
        /// The event's id.
        event: &'a str,
        /// Tries it took.
        attempts: u32,
        /// Why.
        problem: &'a str,
    },
    /// An endpoint answered 410: it is told nothing more.
    EndpointShut {
        /// Its name.
        endpoint: &'a str,
    },
    /// An endpoint failed several times in a row and is left in peace for a while.
    EndpointRested {
        /// Its name.
        endpoint: &'a str,
        /// How long.
        pause: Duration,
    },
    /// An endpoint that was left in peace works again.
    EndpointRecovered {
        /// Its name.
        endpoint: &'a str,
    },
    /// Deliveries cannot be written to disk; they go on in memory and are written when that is possible.
    DeliveryUnsaved {
        /// Why.
        problem: &'a str,
    },
    /// The queue that several nodes share does not answer; what is new waits on disk.
    QueueAway {
        /// Why.
        problem: &'a str,
    },
    /// It answers again.
    QueueBack,
    /// The disk has no room for records at the start; calls are taken all the same.
    RecordsUnwritable {
        /// What it says, and where.
        problem: &'a str,
    },
    /// What another process on the same folder left has become records.
    OthersRecovered {
        /// Records that were filed.
        filed: usize,
        /// Of these, from journals whose end was torn.
        torn: usize,
        /// Journals that could not be read and are kept aside.
        unreadable: usize,
    },
    /// The shared queue has lost deliveries of this node, which are given to it again.
    QueueLost {
        /// How many.
        events: usize,
    },
    /// An event can be neither kept nor delivered.
    NoticeDropped {
        /// The event's id.
        event: &'a str,
        /// Why.
        problem: &'a str,
    },
    /// News of a call found no room; the call's record tells it once more.
    NewsDropped {
        /// The call.
        call: &'a CallTag,
    },
    /// A queue file, or the transcript beside it, cannot be read; it is left as it is.
    QueueUnreadable {
        /// Its name.
        name: &'a str,
        /// Why.
        problem: &'a str,
    },
    /// The Delivery actor is gone without having been told to go.
    DeliveryStopped {
        /// Deliveries that wait on disk for the next start.
        pending: usize,
    },
    /// Something went wrong in a call.
    IncidentMet {
        /// The call.
        call: &'a CallTag,
        /// What.
        incident: &'a Incident,
        /// Whether operators have been told of it otherwise.
        told: bool,
    },
    /// Something went wrong in a call, of which another event tells.
    IncidentCounted {
        /// What kind of thing.
        kind: IncidentKind,
    },
    /// The call's state changed.
    StateChanged {
        /// The call.
        call: &'a CallTag,
        /// The new state's name.
        state: &'static str,
    },
}

/// Logs and counts `event`. The one place that does either.
#[expect(clippy::needless_pass_by_value, reason = "an event is told once")]
pub fn emit(event: Event<'_>) {
    match event {
        Event::CallStarted { call, carrier, agent, language, route } => {
            gauge!("switchboard_calls_active").increment(1.0);
            let route = Known(route);
            info!(call:% = call.id(), carrier_call = call.carrier_call(), carrier, agent, language, route:%; "call started");
        }
        Event::CallEnded { call, carrier, ending, duration } => {
            gauge!("switchboard_calls_active").decrement(1.0);
            counter!("switchboard_calls_total", "carrier" => carrier, "ending" => ending.reason()).increment(1);
            info!(call:% = call.id(), carrier_call = call.carrier_call(), carrier, ending = ending.reason(), by = ending.by().word(), duration_ms = duration.as_millis(); "call ended");
        }
        Event::CallRefused { reason, carrier_call } => {
            counter!("switchboard_calls_refused_total", "reason" => reason).increment(1);
            warn!(carrier_call:% = Known(carrier_call.map(logged)), reason; "call refused");
        }
        Event::StreamMissed { call } => {
            warn!(call:% = call.id(), carrier_call = call.carrier_call(); "the stream of an announced call did not come");
        }
        Event::FirstAudioSent { call, after } => {
            histogram!("switchboard_call_setup_seconds").record(after.as_secs_f64());
            info!(call:% = call.id(), carrier_call = call.carrier_call(), after_ms = after.as_millis(); "first audio sent");
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
                ("filler", latency.filler_ms),
            ];
            for (part, ms) in parts.into_iter().filter_map(|(part, ms)| Some((part, ms?))) {
                histogram!("switchboard_turn_latency_seconds", "part" => part)
                    .record(Duration::from_millis(ms).as_secs_f64());
            }
        }
        Event::AnswerLate { call, waited, limit } => {
            counter!("switchboard_answers_late_total").increment(1);
            warn!(call:% = call.id(), carrier_call = call.carrier_call(), waited_ms = waited.as_millis(), limit_ms = limit.as_millis(); "the caller waited too long for an answer");
        }
        Event::InterruptionDismissed { call } => {
            counter!("switchboard_interruptions_dismissed_total").increment(1);
            debug!(call:% = call.id(), carrier_call = call.carrier_call(); "interruption dismissed");
        }
        Event::TransferTold { call, destination, by, outcome } => {
            counter!("switchboard_transfers_total", "destination" => destination.to_owned(), "outcome" => outcome)
                .increment(1);
            info!(call:% = call.id(), carrier_call = call.carrier_call(), destination, by, outcome; "transfer");
        }
        Event::CarrierRefused { call, reason } => {
            warn!(call:% = call.id(), carrier_call = call.carrier_call(), reason; "the carrier does not do as it was asked");
        }
        Event::HangUpForced { carrier, call, result, reason } => {
            counter!("switchboard_hangups_forced_total", "result" => result).increment(1);
            warn!(carrier, carrier_call:% = logged(call), result, reason; "the carrier did not confirm the end of a call and was told");
        }
        Event::OutboundEnded { call, status } => {
            counter!("switchboard_outbound_unanswered_total", "status" => status).increment(1);
            info!(call:% = call.id(), carrier_call = call.carrier_call(), status; "outbound call not answered");
        }
        Event::LanguageSwitched { call, to } => {
            info!(call:% = call.id(), carrier_call = call.carrier_call(), to; "language switched");
        }
        Event::BargedIn { call, took } => {
            histogram!("switchboard_barge_in_seconds").record(took.as_secs_f64());
            info!(call:% = call.id(), carrier_call = call.carrier_call(), took_us = took.as_micros(); "caller barged in");
        }
        Event::AudioDropped { call, direction, reason, frames } => {
            counter!("switchboard_audio_frames_dropped_total", "direction" => direction, "reason" => reason)
                .increment(frames);
            debug!(call:% = call.id(), carrier_call = call.carrier_call(), direction, reason, frames; "audio dropped");
        }
        Event::AudioUnjoinable { call, problem } => {
            error!(call:% = call.id(), carrier_call = call.carrier_call(), problem; "audio formats not joined");
        }
        Event::ModelConnected { call, setup } => {
            counter!("switchboard_model_connects_total", "result" => "ok").increment(1);
            info!(call:% = call.id(), carrier_call = call.carrier_call(), setup_ms = setup.as_millis(); "model connected");
        }
        Event::ModelFaltered { call, class, reason } => {
            counter!("switchboard_model_connects_total", "result" => class).increment(1);
            warn!(call:% = call.id(), carrier_call = call.carrier_call(), class, reason; "model session lost, opening another");
        }
        Event::ModelResumed { call, gap } => {
            let kind = if gap.is_zero() { "rotation" } else { "failover" };
            counter!("switchboard_model_connects_total", "result" => "ok").increment(1);
            counter!("switchboard_model_takeovers_total", "kind" => kind).increment(1);
            if !gap.is_zero() {
                histogram!("switchboard_model_gap_seconds").record(gap.as_secs_f64());
            }
            info!(call:% = call.id(), carrier_call = call.carrier_call(), kind, gap_ms = gap.as_millis(); "model session taken over");
        }
        Event::WarmSession { what, change } => {
            counter!("switchboard_model_warm_total", "what" => what).increment(1);
            gauge!("switchboard_model_warm_sessions").increment(f64::from(change));
            debug!(what; "warm session");
        }
        Event::ModelLost { call, class, reason } => {
            counter!("switchboard_model_connects_total", "result" => class).increment(1);
            warn!(call:% = call.id(), carrier_call = call.carrier_call(), class, reason; "model lost");
        }
        Event::ModelComplained { call, code, message, telling } => {
            counter!("switchboard_model_errors_total", "code" => complaints::label(code)).increment(1);
            let (id, carrier_call) = (call.id(), call.carrier_call());
            match telling {
                Telling::First => warn!(call:% = id, carrier_call, code, message; "model complained"),
                Telling::Counted => debug!(call:% = id, carrier_call, code, message; "model complained again"),
                Telling::Again(times) => {
                    warn!(call:% = id, carrier_call, code, message, times; "model complained again");
                }
            }
        }
        Event::ModelComplaints { call, code, times } => {
            let (id, carrier_call) = (call.id(), call.carrier_call());
            warn!(call:% = id, carrier_call, code, times; "model complained again");
        }
        Event::RequestGivenUp { call, purpose, reason } => {
            warn!(call:% = call.id(), carrier_call = call.carrier_call(), purpose, reason; "the model will not speak");
        }
        Event::WordsMissing { call, why, turns, again } => {
            counter!("switchboard_transcriptions_missing_total", "why" => why).increment(turns);
            if again {
                debug!(call:% = call.id(), carrier_call = call.carrier_call(), why, turns; "words of the caller are missing again");
            } else {
                warn!(call:% = call.id(), carrier_call = call.carrier_call(), why; "words of the caller are missing: transcription fails or does not come");
            }
        }
        Event::MalformedMessage { carrier, carrier_call, problem } => {
            warn!(carrier_call:% = Known(carrier_call.map(logged)), carrier, problem; "carrier message ignored");
        }
        Event::LineMismatched { carrier, carrier_call, what, times, again } => {
            counter!("switchboard_line_oddities_total", "carrier" => carrier, "what" => what).increment(times);
            let carrier_call = Known(carrier_call.map(logged));
            if again {
                debug!(carrier_call:%, carrier, what, times; "odd audio of the carrier again");
            } else {
                warn!(carrier_call:%, carrier, what, times; "odd audio of the carrier");
            }
        }
        Event::LineFaulty {
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
            warn!(call:% = call.id(), carrier_call = call.carrier_call(), carrier, finding = kind, level_dbfs:?, offset_percent:?, clipped_percent:?, lost_ms, corrected, advice; "the line's audio is faulty");
        }
        Event::ChildLost { call, child } => {
            error!(call:% = call.id(), carrier_call = call.carrier_call(), child; "actor lost");
        }
        Event::LineBroke { call } => {
            counter!("switchboard_line_breaks_total", "result" => "broke").increment(1);
            warn!(call:% = call.id(), carrier_call = call.carrier_call(); "the stream broke under a call in progress; the caller is waited for");
        }
        Event::LineBack { call, gap } => {
            counter!("switchboard_line_breaks_total", "result" => "back").increment(1);
            let gap_ms = gap.as_millis();
            info!(call:% = call.id(), carrier_call = call.carrier_call(), gap_ms; "the caller is back on another stream");
        }
        Event::RecordingWritten { call, path, length_ms } => {
            counter!("switchboard_recordings_total", "result" => "written").increment(1);
            info!(call:% = call.id(), carrier_call = call.carrier_call(), path, length_ms; "recording written");
        }
        Event::RecordingFailed { call, path, problem } => {
            counter!("switchboard_recordings_total", "result" => "failed").increment(1);
            error!(call:% = call.id(), carrier_call = call.carrier_call(), path, problem; "recording failed");
        }
        Event::RecordWritten { call, path } => {
            counter!("switchboard_records_total", "result" => "written").increment(1);
            info!(call:% = call.id(), carrier_call = call.carrier_call(), path; "record written");
        }
        Event::RecordDelayed { call, problem } => {
            counter!("switchboard_records_failed_total", "step" => "file").increment(1);
            warn!(call:% = call.id(), carrier_call = call.carrier_call(), problem; "record delayed");
        }
        Event::RecordDeferred { call, problem } => {
            counter!("switchboard_records_total", "result" => "deferred").increment(1);
            error!(call:% = call.id(), carrier_call = call.carrier_call(), problem; "record left to its journal");
        }
        Event::RecordRecovered { call, path } => {
            counter!("switchboard_records_total", "result" => "recovered").increment(1);
            warn!(call:% = call.id(), carrier_call = call.carrier_call(), path; "record recovered");
        }
        Event::JournalTorn { call, path, bytes, why } => {
            warn!(call:% = call.id(), carrier_call = call.carrier_call(), path, bytes, why; "journal cut");
        }
        Event::JournalUnreadable { path, why } => {
            counter!("switchboard_records_failed_total", "step" => "recover").increment(1);
            error!(path, why; "journal not readable");
        }
        Event::JournalUnrecovered { path, problem } => {
            counter!("switchboard_records_failed_total", "step" => "recover").increment(1);
            error!(path, problem; "journal not recovered");
        }
        Event::JournalsUnread { problem } => {
            counter!("switchboard_records_failed_total", "step" => "recover").increment(1);
            error!(problem; "folder of journals not read");
        }
        Event::JournalFailed { call, step, problem } => {
            counter!("switchboard_records_failed_total", "step" => step).increment(1);
            if let Some(problem) = problem {
                error!(call:% = call.id(), carrier_call = call.carrier_call(), step, problem; "journal not written");
            }
        }
        Event::JournalGap { call } => {
            counter!("switchboard_journal_gaps_total").increment(1);
            debug!(call:% = call.id(), carrier_call = call.carrier_call(); "an entry is missing in the journal");
        }
        Event::RecordFailed { call, problem } => {
            counter!("switchboard_records_total", "result" => "failed").increment(1);
            error!(call:% = call.id(), carrier_call = call.carrier_call(), problem; "record not written");
        }
        Event::Spent { call, agent, model, variant, dollars } => {
            let (agent, model, variant) = (agent.to_owned(), model.to_owned(), variant.to_owned());
            // Counters are whole numbers here; a gauge that only grows is read the same way.
            gauge!("switchboard_spend_usd_total", "agent" => agent, "model" => model, "variant" => variant)
                .increment(dollars);
            debug!(call:% = call.id(), carrier_call = call.carrier_call(), dollars; "spent");
        }
        Event::DaySpent { dollars } => gauge!("switchboard_spend_day_usd").set(dollars),
        Event::SpendLimitReached { limit, calls } => {
            counter!("switchboard_spend_limits_total", "limit" => limit).increment(1);
            warn!(limit, calls; "spend limit reached");
        }
        Event::SpendKilled { on } => {
            gauge!("switchboard_spend_killed").set(if on { 1.0 } else { 0.0 });
            warn!(on; "spend kill switch thrown");
        }
        Event::SpendStoreFailed { problem } => error!(problem; "the books of what was spent are not kept"),
        Event::VariantEnded { variant, agent, ending } => {
            let (variant, agent) = (variant.to_owned(), agent.to_owned());
            counter!("switchboard_variant_calls_total", "variant" => variant, "agent" => agent, "ending" => ending.reason())
                .increment(1);
        }
        Event::WebhookDelivered { endpoint, event, attempts } => {
            webhook_counted("delivered");
            info!(endpoint, event, attempts; "webhook delivered");
        }
        Event::WebhookDelayed { endpoint, event, attempts, wait, problem } => {
            webhook_counted("retried");
            warn!(endpoint, event, attempts, wait_ms = wait.as_millis(), problem; "webhook delayed");
        }
        Event::WebhookGivenUp { endpoint, event, attempts, problem } => {
            webhook_counted("given_up");
            error!(endpoint, event, attempts, problem; "webhook given up; `switchboard deliveries retry` sends it again");
        }
        Event::EndpointShut { endpoint } => {
            error!(endpoint; "the endpoint answered 410 and is told nothing more; give it another url, or retry one of its deliveries");
        }
        Event::EndpointRested { endpoint, pause } => {
            warn!(endpoint, pause_ms = pause.as_millis(); "the endpoint fails and is left in peace");
        }
        Event::EndpointRecovered { endpoint } => info!(endpoint; "the endpoint works again"),
        Event::DeliveryUnsaved { problem } => {
            error!(problem; "deliveries not written; look at the disk of records.dir");
        }
        Event::QueueAway { problem } => error!(problem; "the shared queue does not answer; deliveries wait"),
        Event::QueueBack => info!("the shared queue answers again"),
        Event::RecordsUnwritable { problem } => {
            error!(problem; "no room for records: they wait in memory; make room");
        }
        Event::OthersRecovered { filed, torn, unreadable } => {
            warn!(filed, torn, unreadable; "recovered calls of another process that did not end in order");
        }
        Event::QueueLost { events } => {
            warn!(events; "the shared queue lost deliveries; they are given to it again");
        }
        Event::NoticeDropped { event, problem } => {
            webhook_counted("dropped");
            error!(event, problem; "webhook dropped");
        }
        Event::NewsDropped { call } => {
            warn!(call:% = call.id(), carrier_call = call.carrier_call(); "no room for news of a call; its record tells it again");
        }
        Event::QueueUnreadable { name, problem } => error!(name, problem; "queue file not delivered"),
        Event::DeliveryStopped { pending } => error!(pending; "deliveries have stopped; restart the service"),
        Event::IncidentMet { call, incident, told } => {
            let (kind, detail) = (incident.kind.word(), &*incident.detail);
            incident_counted(incident.kind);
            if told {
                debug!(call:% = call.id(), carrier_call = call.carrier_call(), kind, detail; "incident");
            } else {
                warn!(call:% = call.id(), carrier_call = call.carrier_call(), kind, detail; "incident");
            }
        }
        Event::IncidentCounted { kind } => incident_counted(kind),
        Event::StateChanged { call, state } => {
            debug!(call:% = call.id(), carrier_call = call.carrier_call(), state; "state changed");
        }
    }
}

fn incident_counted(kind: IncidentKind) {
    counter!("switchboard_incidents_total", "kind" => kind.word()).increment(1);
}

fn webhook_counted(result: &'static str) {
    counter!("switchboard_webhook_deliveries_total", "result" => result).increment(1);
}

/// A field that may have nothing in it: `-` then, so that each line has the same fields.
struct Known<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
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
