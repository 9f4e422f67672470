//! The call machine's words: what happens to a call, what it does, what it waits for, what it tells operators. Pure.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::events::Event;
use super::messages::{Detected, HangUp, Next};
use super::transfer::DialOutcome;
use crate::audio::diagnosis::Diagnosis;
use crate::audio::events as audio;
use crate::audio::report::AudioReport;
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
use crate::realtime::events as model;
use crate::realtime::messages::{ModelOrder, ResponsePurpose};
use crate::realtime::report::{LossClass, ModelReport, ResponseOutcome};
use crate::tools::plan::ToolPlan;
use crate::transcript::events as record;
use crate::transcript::messages::{Fact, Tally};

/// What happens to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum CallEvent {
    /// Its actors are started and reached; the first event.
    Begun,
    /// The line has something to report.
    Line(LineReport),
    /// The AudioPipeline has something to report.
    Audio(AudioReport),
    /// The RealtimeLlm has something to report.
    Model(ModelReport),
    /// Somebody outside wants the call to end.
    HangUp(HangUp),
    /// What may be spent by the call's caller or day is almost spent.
    WrapUp,
    /// Somebody outside wants silence to be recorded and no keys, or everything again.
    RecordingPaused(bool),
    /// One of the call's actors is gone without having been told to go.
    ChildLost(Child),
    /// An operator's tool has answered.
    ToolAnswered {
        /// The call that it answers.
        call: ToolCallId,
        /// What the model is told.
        output: String,
    },
    /// Somebody outside wants the caller to be sent to a destination; it was permitted.
    TransferOrdered {
        /// Where to, by name.
        destination: String,
    },
    /// The Supervisor has counted the transfer that was asked for.
    TransferPermitGiven {
        /// Whether it may be made.
        granted: bool,
    },
    /// The carrier has answered a request of ours.
    CarrierAnswered(CarrierAnswer),
    /// Somebody, or something, has answered the destination that the carrier dials.
    DialAnswered,
    /// The carrier has done with the destination that it dialled.
    DialEnded(DialOutcome),
    /// The carrier has found out who answered the call.
    Detected(Detected),
    /// Something went wrong beside the call's actors; operators have been told.
    Incident(Incident),
    /// The carrier has asked how the call goes on.
    NextAsked,
    /// The carrier has answered our request to call a person: its name of that call, or why there is none.
    PersonCalled(Result<CarrierCallId, String>),
    /// The person has pressed the key and takes the call.
    PersonTook,
    /// The person's line is down.
    PersonEnded(DialOutcome),
    /// The carrier has been given another stream for the caller, who is on the first.
    StreamOffered,
    /// Another stream has come for the caller, before the end of the first was told.
    LineReplaced,
    /// The caller is back on another stream, which has taken the place of the first.
    LineReturned,
    /// The deadline that was asked for has passed.
    TimeUp,
}

/// What a call does. The shell carries out each in one line.
#[derive(Debug, Clone, PartialEq)]
pub enum CallAction {
    /// Give the AudioPipeline the model's end: held and further caller audio flows.
    AttachModel,
    /// Tell the AudioPipeline that the model's end is gone.
    DetachModel,
    /// Drop the agent's queued audio, here and at the carrier, and mute these responses.
    ClearPlayout {
        /// The response that is being generated, if one is.
        response: Option<ResponseId>,
    },
    /// Stop sending, and take back what the caller has not heard.
    PausePlayout,
    /// Go on where the caller stopped hearing.
    ResumePlayout,
    /// Play a recording of ours behind what is queued.
    PlayPcm {
        /// The id under which its playout is reported.
        item: ItemId,
        /// The sound.
        pcm: Arc<[i16]>,
    },
    /// Record silence from now on, or both sides again.
    PauseRecording(bool),
    /// Ask an operator's tool; its answer comes back as [`CallEvent::ToolAnswered`].
    AskTool {
        /// The call that is to be answered.
        call: ToolCallId,
        /// The tool.
        plan: Arc<ToolPlan>,
        /// The arguments, which fit its schema.
        arguments: Map<String, Value>,
    },
    /// Tell the Supervisor and the operators what was spent.
    TellSpent(Usd),
    /// Ask the AudioPipeline to report when everything was heard.
    TellWhenDrained,
    /// Tell the AudioPipeline whether the caller is speaking.
    CallerTurn {
        /// Whether the turn has begun.
        open: bool,
    },
    /// Give the RealtimeLlm an order.
    Order(ModelOrder),
    /// Give the Transcript a fact.
    Record(Fact),
    /// Ask the Supervisor to count a transfer; its answer comes back as [`CallEvent::TransferPermitGiven`].
    AskTransferPermit {
        /// Where to, by name.
        destination: String,
        /// Attempts that are allowed within an hour.
        most_an_hour: u32,
    },
    /// Ask the carrier to hand the caller on; its answer comes back as [`CallEvent::CarrierAnswered`].
    AskHandover,
    /// Ask the carrier to call a person; its answer comes back as [`CallEvent::PersonCalled`].
    CallPerson {
        /// Whom.
        target: Target,
        /// The number they see, where it is not the one that was dialled.
        caller_id: Option<Private<String>>,
        /// How long it may ring.
        ring: Duration,
    },
    /// Tell the carrier to hang up on a person whom nobody waits for any more.
    DropPerson(CarrierCallId),
    /// Answer whoever asks how the call goes on.
    Reply(Next),
    /// Close the stream so that the carrier asks what follows it. The call goes on.
    ReleaseLine,
    /// Start another Transcript in place of one that was lost, so that there is a record at all.
    RenewTranscript,
    /// Tell operators.
    Tell(Note),
    /// Close the line. First of the six steps of an ending, each of them once.
    CloseLine,
    /// Close the model's session.
    CloseModel,
    /// Let the AudioPipeline go.
    FinishAudio,
    /// Have the record written.
    FinishRecord {
        /// Why the call ended.
        ending: Ending,
        /// Its counters.
        tally: Tally,
    },
    /// Free the call's place.
    TellSupervisor {
        /// Why the call ended.
        ending: Ending,
    },
    /// Nothing more will be done. The last step.
    Stop,
}

/// What operators are told of a call; becomes an [`Event`] once the call's id is added.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// The call entered a state.
    StateChanged(&'static str),
    /// The first frame was sent to the caller, so long after the stream's start.
    FirstAudioSent(Duration),
    /// The answer to a turn began, so long after the turn's end.
    AnswerTimed(Duration),
    /// The answer to a turn was heard; all its parts.
    TurnMeasured(TurnLatency),
    /// The answer to a turn was heard so long after the caller's last word, which is longer than it should be.
    AnswerLate {
        /// How long.
        waited: Duration,
        /// The limit.
        limit: Duration,
    },
    /// The caller interrupted the agent; playout was cleared so much later.
    BargedIn(Duration),
    /// The caller's speech over the agent turned out to be no interruption.
    InterruptionDismissed,
    /// A transfer was asked for, or something came of one: the audit line.
    TransferTold {
        /// Where to, by name.
        destination: String,
        /// Who asked.
        by: &'static str,
        /// What came of it.
        outcome: &'static str,
    },
    /// The carrier does not do as it was asked.
    CarrierRefused {
        /// Why.
        reason: String,
    },
    /// The language of the call was switched to this code.
    LanguageSwitched(String),
    /// So many of the caller's frames found the AudioPipeline's mailbox full.
    FramesDropped(u64),
    /// The model session came up, after so long.
    ModelConnected(Duration),
    /// The model session is gone; another one is being opened.
    ModelFaltered {
        /// Whether the same server could do.
        class: LossClass,
        /// The server's words, or ours.
        reason: String,
    },
    /// Another model session has taken its place, after so long without one.
    ModelResumed(Duration),
    /// The model session is gone or never came up.
    ModelLost {
        /// Whether another try could help.
        class: LossClass,
        /// The server's words, or ours.
        reason: String,
    },
    /// The model's server complained, or failed a response.
    ModelComplained {
        /// Its code.
        code: String,
        /// Its words.
        message: String,
    },
    /// Turns of the caller have no words: their transcription failed, or does not come.
    WordsMissing {
        /// `failed` or `late`.
        why: &'static str,
        /// How many turns.
        turns: u64,
        /// It was told in this call before.
        again: bool,
    },
    /// The model will not say what it was asked to say.
    RequestGivenUp {
        /// What it was for; `None` is an answer to the caller.
        purpose: Option<ResponsePurpose>,
        /// Why.
        reason: String,
    },
    /// Something is wrong with what the carrier sends.
    LineFaulty {
        /// What.
        finding: Finding,
        /// With its numbers.
        diagnosis: Box<Diagnosis>,
    },
    /// The line broke, and the caller is waited for.
    LineBroke,
    /// The caller is back on another stream, after so long without one.
    LineBack(Duration),
    /// An actor of the call is gone.
    ChildLost(Child),
    /// The second Transcript was lost as well: there will be no record.
    RecordLost,
    /// Something went wrong that no other note says.
    Incident(Incident),
    /// Something went wrong of which whoever met it has told operators.
    IncidentTold(Incident),
}

impl Note {
    /// What is to be told of how a response ended: of one that was not said to its end though nobody cut it.
    pub(super) fn of_outcome(outcome: ResponseOutcome) -> Option<Self> {
        let (code, message) = match outcome {
            ResponseOutcome::Completed | ResponseOutcome::Cancelled => return None,
            ResponseOutcome::Incomplete(reason) => (reason, "a response was cut short"),
            ResponseOutcome::Failed(code) => (code, "a response failed"),
        };
        Some(Self::ModelComplained { code, message: message.to_owned() })
    }

    /// What of it stands in the record as something that went wrong.
    pub fn incident(&self) -> Option<Incident> {
        use IncidentKind as K;
        let incident = match self {
            Self::Incident(incident) | Self::IncidentTold(incident) => incident.clone(),
            Self::ModelFaltered { class, reason } => {
                Incident::new(K::ModelFailover, format!("{}: {reason}", class.word()))
            }
            Self::ModelLost { class, reason } => Incident::new(K::ModelLost, format!("{}: {reason}", class.word())),
            Self::RequestGivenUp { purpose, reason } => {
                let purpose = purpose.map_or("answer", ResponsePurpose::word);
                Incident::new(K::AnswerGivenUp, format!("{purpose}: {reason}"))
            }
            // The record knows by itself of one that failed.
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
            | Self::TurnMeasured(_)
            | Self::BargedIn(_)
            | Self::InterruptionDismissed
            | Self::TransferTold { .. }
            | Self::LanguageSwitched(_)
            | Self::ModelConnected(_)
            | Self::ModelResumed(_)
            | Self::ModelComplained { .. }
            | Self::LineBack(_)
            | Self::RecordLost => return None,
        };
        Some(incident)
    }

    /// The event for operators.
    pub fn event<'a>(&'a self, call: &'a CallTag) -> Event<'a> {
        match self {
            Self::Incident(incident) => Event::IncidentMet { call, incident, told: false },
            Self::IncidentTold(incident) => Event::IncidentMet { call, incident, told: true },
            Self::StateChanged(state) => Event::StateChanged { call, state },
            Self::FirstAudioSent(after) => Event::FirstAudioSent { call, after: *after },
            Self::AnswerTimed(took) => Event::TurnTimed { part: "answer", took: *took },
            Self::TurnMeasured(latency) => Event::TurnMeasured { latency: *latency },
            Self::AnswerLate { waited, limit } => Event::AnswerLate { call, waited: *waited, limit: *limit },
            Self::BargedIn(took) => Event::BargedIn { call, took: *took },
            Self::InterruptionDismissed => Event::InterruptionDismissed { call },
            Self::TransferTold { destination, by, outcome } => Event::TransferTold { call, destination, by, outcome },
            Self::CarrierRefused { reason } => Event::CarrierRefused { call, reason },
            Self::LanguageSwitched(to) => Event::LanguageSwitched { call, to },
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
            Self::LineBroke => Event::LineBroke { call },
            Self::LineBack(gap) => Event::LineBack { call, gap: *gap },
            Self::ChildLost(child) => Event::ChildLost { call, child: child.word() },
            Self::RecordLost => {
                Event::Record(record::Event::RecordFailed { call, problem: "the transcript actor was lost twice" })
            }
        }
    }
}
