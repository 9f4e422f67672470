//! The vocabulary of the call machine: its events, actions and notes for operators. Pure.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::events::Event;
use super::messages::{Detected, HangUp, Next};
use super::transfer::DialOutcome;
use crate::audio::diagnosis::Diagnosis;
use crate::audio::events as audio;
use crate::audio::report::AudioReport;
use crate::audio::second_opinion::{Comparison, Opinion};
use crate::carrier::control::{CarrierAnswer, Target};
use crate::child::Child;
use crate::complaints::Telling;
use crate::ending::Ending;
use crate::finding::Finding;
use crate::ids::{CallTag, CarrierCallId, ItemId, Private, ResponseId, ToolCallId};
use crate::incident::{Incident, IncidentKind};
use crate::latency::TurnLatency;
use crate::line::messages::LineReport;
use crate::money::Usd;
use crate::realtime::clips::messages::FetchedClip;
use crate::realtime::clips::plan::ClipOrder;
use crate::realtime::events as model;
use crate::realtime::messages::{ModelOrder, ResponsePurpose};
use crate::realtime::report::{LossClass, ModelReport, ResponseOutcome};
use crate::tools::plan::ToolPlan;
use crate::transcript::events as record;
use crate::transcript::messages::{Fact, Tally};

/// What happens to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum CallEvent {
    /// The child actors are started; the first event.
    Begun,
    /// A report of the line.
    Line(LineReport),
    /// A report of the AudioPipeline.
    Audio(AudioReport),
    /// A report of the RealtimeLlm.
    Model(ModelReport),
    /// An order to end the call.
    HangUp(HangUp),
    /// A spending limit of the caller or of the day is almost reached.
    WrapUp,
    /// An order to pause or resume recording.
    RecordingPaused(bool),
    /// An operator steers the call; it was permitted.
    Steered(Steer),
    /// A child actor stopped unexpectedly.
    ChildLost(Child),
    /// An operator's tool has answered.
    ToolAnswered {
        /// The tool call that it answers.
        call: ToolCallId,
        /// The result for the model.
        output: String,
    },
    /// An order to transfer the caller; it was permitted.
    TransferOrdered {
        /// The destination's name.
        destination: String,
    },
    /// The Supervisor has counted the requested transfer.
    TransferPermitGiven {
        /// Whether the transfer is allowed.
        granted: bool,
    },
    /// The carrier has answered our request.
    CarrierAnswered(CarrierAnswer),
    /// The dialled destination was answered, by a person or a machine.
    DialAnswered,
    /// The dialled leg has ended.
    DialEnded(DialOutcome),
    /// The carrier has detected who answered the call.
    Detected(Detected),
    /// The answer to [`CallAction::FetchClip`].
    ClipFetched {
        /// The words.
        words: Private<String>,
        /// The recording, or why there is none.
        made: Result<FetchedClip, String>,
    },
    /// An incident outside the child actors; it is logged already.
    Incident(Incident),
    /// The carrier has asked how the call continues.
    NextAsked,
    /// The carrier has answered our request to call a callee: its id of that call, or why there is
    /// none.
    CalleeCalled(Result<CarrierCallId, String>),
    /// The callee pressed the key and takes the call.
    CalleeAccepted,
    /// The callee's line has ended.
    CalleeEnded(DialOutcome),
    /// The carrier has the document of another stream for the caller, who is on the first.
    StreamOffered,
    /// Another stream has come for the caller, before the end of the first was reported.
    LineReplaced,
    /// The caller is back on another stream, which replaces the first.
    LineReturned,
    /// The requested deadline has passed.
    TimeUp,
}

/// What an operator does with a call. `by` names their token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steer {
    /// The agent says this to the caller.
    Say {
        /// The words.
        text: String,
        /// Who orders it.
        by: String,
    },
    /// The agent is told this, and the caller does not hear it.
    Whisper {
        /// The words.
        text: String,
        /// Who tells it.
        by: String,
    },
    /// A person talks with the caller in place of the agent.
    TakeOver {
        /// Who they are.
        by: String,
    },
    /// The agent has the call again.
    GiveBack {
        /// Who gives it back.
        by: String,
    },
}

/// What a call does. The shell carries out each in one line.
#[derive(Debug, Clone, PartialEq)]
pub enum CallAction {
    /// Connect the AudioPipeline to the model: buffered and further caller audio flows.
    AttachModel,
    /// Disconnect the AudioPipeline from the model.
    DetachModel,
    /// Drop the agent's queued audio, here and at the carrier, and mute these responses.
    ClearPlayout {
        /// The response that is being generated, if one is.
        response: Option<ResponseId>,
    },
    /// Stop sending, and recall the audio that the caller has not heard.
    PausePlayout,
    /// Continue where the caller stopped hearing.
    ResumePlayout,
    /// Play a recorded line after the queue.
    PlayPcm {
        /// The id in the reports of its playout.
        item: ItemId,
        /// The samples.
        pcm: Arc<[i16]>,
    },
    /// Ask for the recording of a line that is played when no model can speak; its answer comes
    /// back as [`CallEvent::ClipFetched`].
    FetchClip(ClipOrder),
    /// Record silence from now on, or both sides again.
    PauseRecording(bool),
    /// Play a person's sound in place of the agent's, or the agent's again.
    TakeOver(bool),
    /// Call an operator's tool; its answer comes back as [`CallEvent::ToolAnswered`].
    AskTool {
        /// The tool call to answer.
        call: ToolCallId,
        /// The tool.
        plan: Arc<ToolPlan>,
        /// The arguments, which fit its schema.
        arguments: Map<String, Value>,
    },
    /// Report spending to the Supervisor and the metrics.
    TellSpent(Usd),
    /// Ask the AudioPipeline to report when everything was heard.
    TellWhenDrained,
    /// Order the AudioPipeline to limit how far ahead of the ear it sends, or to limit it no
    /// longer: the model that serves speaks in real time, or faster.
    LimitLead(bool),
    /// Order the AudioPipeline to compare our speech detector with the server's reports, or no
    /// longer.
    CompareSpeech(Option<Comparison>),
    /// Notify the AudioPipeline whether the caller is speaking.
    CallerTurn {
        /// Whether the turn has begun.
        open: bool,
    },
    /// Send an order to the RealtimeLlm.
    Order(ModelOrder),
    /// Send a fact to the Transcript.
    Record(Fact),
    /// Ask the Supervisor to count a transfer; its answer comes back as
    /// [`CallEvent::TransferPermitGiven`].
    AskTransferPermit {
        /// The destination's name.
        destination: String,
        /// Attempts that are allowed within an hour.
        most_an_hour: u32,
    },
    /// Ask the carrier to transfer the caller, to this target if a command names it; its answer comes
    /// back as [`CallEvent::CarrierAnswered`].
    AskHandover(Option<Target>),
    /// Ask the carrier to call a callee; its answer comes back as [`CallEvent::CalleeCalled`].
    CallCallee {
        /// The callee's address.
        target: Target,
        /// The number that the callee sees, if it is not the dialled one.
        caller_id: Option<Private<String>>,
        /// How long it may ring.
        ring: Duration,
    },
    /// Ask the carrier to hang up on a callee who is no longer awaited.
    DropCallee(CarrierCallId),
    /// Answer the question how the call continues.
    Reply(Next),
    /// Close the stream so that the carrier asks what follows. The call continues.
    ReleaseLine,
    /// Start another Transcript in place of a lost one, so that there is a record at all.
    RenewTranscript,
    /// Log a note.
    Tell(Note),
    /// Close the line. The first of the six steps of an ending; each runs once.
    CloseLine,
    /// Close the model's session.
    CloseModel,
    /// Stop the AudioPipeline.
    FinishAudio,
    /// Write the record.
    FinishRecord {
        /// Why the call ended.
        ending: Ending,
        /// Its counters.
        tally: Tally,
    },
    /// Free the call's slot.
    TellSupervisor {
        /// Why the call ended.
        ending: Ending,
    },
    /// Stop the actor. The last step.
    Stop,
}

/// A note for operators; it becomes an [`Event`] once the call's id is added.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// The call entered a state.
    StateChanged(&'static str),
    /// The first frame was sent to the caller; the time since the stream's start.
    FirstAudioSent(Duration),
    /// The answer to a turn began; the time since the turn's end.
    AnswerTimed(Duration),
    /// An answer that was begun before the turn was certainly over became the answer, or was thrown
    /// away.
    AnswerBegunEarly {
        /// Whether it became the answer.
        kept: bool,
    },
    /// The answer to a turn was heard; all parts of its latency.
    TurnMeasured(TurnLatency),
    /// The answer to a turn was heard later than the limit.
    AnswerLate {
        /// From the caller's last word until the answer was heard.
        waited: Duration,
        /// The limit.
        limit: Duration,
    },
    /// The caller interrupted the agent; the time until playout was cleared.
    BargedIn(Duration),
    /// The caller's speech over the agent turned out to be no interruption.
    InterruptionDismissed,
    /// A transfer was requested, or had a result: the audit line.
    TransferReported {
        /// The destination's name.
        destination: String,
        /// Who requested it.
        by: &'static str,
        /// The result.
        outcome: &'static str,
    },
    /// The carrier refused a request.
    CarrierRefused {
        /// Why.
        reason: String,
    },
    /// The language of the call was switched to this code.
    LanguageSwitched(String),
    /// The call was given to another agent.
    HandedOver {
        /// The agent that had it.
        from: String,
        /// The agent that has it.
        to: String,
    },
    /// This many caller frames were dropped at the AudioPipeline's full mailbox.
    FramesDropped(u64),
    /// The model session is up; the time that took.
    ModelConnected(Duration),
    /// The model session is gone; another one is being opened.
    ModelFaltered {
        /// Whether the same server may work again.
        class: LossClass,
        /// The server's message, or ours.
        reason: String,
    },
    /// Another model session has taken over; the time without one.
    ModelResumed(Duration),
    /// The model session is gone or never came up.
    ModelLost {
        /// Whether another try could help.
        class: LossClass,
        /// The server's message, or ours.
        reason: String,
    },
    /// The model's server reported an error, or failed a response.
    ModelComplained {
        /// Its code.
        code: String,
        /// Its message.
        message: String,
    },
    /// Turns of the caller have no words: their transcription failed, or is overdue.
    WordsMissing {
        /// `failed` or `late`.
        why: &'static str,
        /// How many turns.
        turns: u64,
        /// Whether it was reported in this call before.
        again: bool,
    },
    /// The model did not say what was requested.
    RequestGivenUp {
        /// The purpose of the request; `None` is an answer to the caller.
        purpose: Option<ResponsePurpose>,
        /// Why.
        reason: String,
    },
    /// A finding about the audio that the carrier sends.
    LineFaulty {
        /// The finding.
        finding: Finding,
        /// The measurements.
        diagnosis: Box<Diagnosis>,
    },
    /// Our speech detector and the server were compared on one beginning of the caller's speech.
    SpeechCompared(Opinion),
    /// The line broke, and the call waits for the caller.
    LineBroke,
    /// The caller is back on another stream; the time without one.
    LineBack(Duration),
    /// A person talks with the caller in place of the agent (`true`), or no longer.
    TakenOver(bool),
    /// A child actor of the call stopped unexpectedly.
    ChildLost(Child),
    /// The second Transcript was lost too: there will be no record.
    RecordLost,
    /// An incident that no other note covers.
    Incident(Incident),
    /// An incident that is logged already.
    IncidentLogged(Incident),
}

impl Note {
    /// Returns the note about a response that ended early without an interruption; `None` for any
    /// other.
    pub(super) fn of_outcome(outcome: ResponseOutcome) -> Option<Self> {
        let (code, message) = match outcome {
            ResponseOutcome::Completed | ResponseOutcome::Cancelled => return None,
            ResponseOutcome::Incomplete(reason) => (reason, "a response was cut short"),
            ResponseOutcome::Failed(code) => (code, "a response failed"),
        };
        Some(Self::ModelComplained { code, message: message.to_owned() })
    }

    /// Returns the incident for the record, if the note is one.
    pub fn incident(&self) -> Option<Incident> {
        use IncidentKind as K;
        let incident = match self {
            Self::Incident(incident) | Self::IncidentLogged(incident) => incident.clone(),
            Self::ModelFaltered { class, reason } => {
                Incident::new(K::ModelFailover, format!("{}: {reason}", class.word()))
            }
            Self::ModelLost { class, reason } => Incident::new(K::ModelLost, format!("{}: {reason}", class.word())),
            Self::RequestGivenUp { purpose, reason } => {
                let purpose = purpose.map_or("answer", ResponsePurpose::word);
                Incident::new(K::AnswerGivenUp, format!("{purpose}: {reason}"))
            }
            // The record already has the transcription that failed.
            Self::WordsMissing { why: "failed", .. } => return None,
            Self::WordsMissing { .. } => Incident::new(K::WordsMissing, "the transcript of a turn does not come"),
            Self::AnswerLate { limit, .. } => Incident::new(K::AnswerLate, format!("heard after more than {limit:?}")),
            Self::LineFaulty { finding, .. } => Incident::new(K::LineFaulty, finding.word()),
            Self::FramesDropped(_) => Incident::new(K::AudioDropped, "in: mailbox_full"),
            Self::CarrierRefused { reason } => Incident::new(K::CarrierRefused, reason.clone()),
            Self::LineBroke => Incident::new(K::LineBroken, "the stream ended and the call went on"),
            Self::ChildLost(child) => Incident::new(K::ActorLost, child.word()),
            Self::StateChanged(_)
            | Self::FirstAudioSent(_)
            | Self::AnswerTimed(_)
            | Self::AnswerBegunEarly { .. }
            | Self::TurnMeasured(_)
            | Self::BargedIn(_)
            | Self::InterruptionDismissed
            | Self::TransferReported { .. }
            | Self::LanguageSwitched(_)
            | Self::HandedOver { .. }
            | Self::ModelConnected(_)
            | Self::ModelResumed(_)
            | Self::ModelComplained { .. }
            | Self::SpeechCompared(_)
            | Self::LineBack(_)
            | Self::TakenOver(_)
            | Self::RecordLost => return None,
        };
        Some(incident)
    }

    /// Returns the event for the log.
    pub fn event<'a>(&'a self, call: &'a CallTag) -> Event<'a> {
        match self {
            Self::Incident(incident) => Event::IncidentMet { call, incident, logged: false },
            Self::IncidentLogged(incident) => Event::IncidentMet { call, incident, logged: true },
            Self::StateChanged(state) => Event::StateChanged { call, state },
            Self::FirstAudioSent(after) => Event::FirstAudioSent { call, after: *after },
            Self::AnswerTimed(took) => Event::TurnTimed { part: "answer", took: *took },
            Self::AnswerBegunEarly { kept } => Event::AnswerBegunEarly { kept: *kept },
            Self::TurnMeasured(latency) => Event::TurnMeasured { latency: *latency },
            Self::AnswerLate { waited, limit } => Event::AnswerLate { call, waited: *waited, limit: *limit },
            Self::BargedIn(took) => Event::BargedIn { call, took: *took },
            Self::InterruptionDismissed => Event::InterruptionDismissed { call },
            Self::TransferReported { destination, by, outcome } => {
                Event::TransferReported { call, destination, by, outcome }
            }
            Self::CarrierRefused { reason } => Event::CarrierRefused { call, reason },
            Self::LanguageSwitched(to) => Event::LanguageSwitched { call, to },
            Self::HandedOver { from, to } => Event::HandedOver { call, from, to },
            Self::FramesDropped(frames) => Event::Audio(audio::Event::AudioDropped {
                call,
                direction: "in",
                reason: "mailbox_full",
                frames: *frames,
            }),
            Self::ModelConnected(setup) => Event::Model(model::Event::ModelConnected { call, setup: *setup }),
            Self::ModelFaltered { class, reason } => {
                Event::Model(model::Event::ModelFaltered { call, class: class.word(), reason })
            }
            Self::ModelResumed(gap) => Event::Model(model::Event::ModelResumed { call, gap: *gap }),
            Self::ModelLost { class, reason } => {
                Event::Model(model::Event::ModelLost { call, class: class.word(), reason })
            }
            Self::ModelComplained { code, message } => {
                Event::Model(model::Event::ModelComplained { call, code, message, telling: Telling::First })
            }
            Self::WordsMissing { why, turns, again } => {
                Event::Model(model::Event::WordsMissing { call, why, turns: *turns, again: *again })
            }
            Self::RequestGivenUp { purpose, reason } => Event::Model(model::Event::RequestGivenUp {
                call,
                purpose: purpose.map_or("answer", ResponsePurpose::word),
                reason,
            }),
            Self::LineFaulty { finding, diagnosis } => Event::Audio(audio::Event::LineFaulty {
                call,
                carrier: diagnosis.carrier,
                finding: *finding,
                level_dbfs: diagnosis.level_dbfs,
                offset_percent: diagnosis.offset_percent,
                clipped_percent: diagnosis.clipped_percent,
                lost_ms: diagnosis.packets.lost_ms,
                corrected: diagnosis.corrected,
            }),
            Self::SpeechCompared(opinion) => Event::Audio(audio::Event::SpeechCompared { call, opinion: *opinion }),
            Self::LineBroke => Event::LineBroke { call },
            Self::TakenOver(by_person) => Event::TakenOver { call, by_person: *by_person },
            Self::LineBack(gap) => Event::LineBack { call, gap: *gap },
            Self::ChildLost(child) => Event::ChildLost { call, child: child.word() },
            Self::RecordLost => {
                Event::Record(record::Event::RecordFailed { call, problem: "the transcript actor was lost twice" })
            }
        }
    }
}
