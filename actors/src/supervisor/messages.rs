//! What the Supervisor hears. Asked at the start of a call, told at its end, on no audio path.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, Message, MessageResponse};
use actix_rt::ArbiterHandle;

use super::ledger::SpendLimits;
use crate::call::actor::CallActor;
use crate::carrier::desk::{AnsweredBy, Direction};
use crate::carrier::{Carrier, StreamStart};
use crate::ids::{CallId, CarrierCallId, Private};
use crate::line::messages::Line;
use crate::money::Usd;
use crate::profile::CallProfile;

/// A call was announced by a webhook: reserve its place and mint its stream token. Repeated for one carrier call it takes one
/// place and gets the same permit. A live call that is in progress gets a permit for another stream, on which it goes on.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Permit, Refusal>")]
pub struct Expect {
    /// The call.
    pub call: ExpectedCall,
    /// Whose word it is.
    pub word: Word,
}

/// Whose word it is that a call comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// A webhook's, of a call that rings.
    Rings,
    /// A webhook's, of a call that is in progress: somebody has answered it elsewhere, or it is sent to us again.
    InProgress,
    /// Its own stream's, which no webhook has announced.
    Stream,
}

/// We are about to begin a call: reserve its place under a name of our own, until the carrier has named it.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Permit, Refusal>")]
pub struct ExpectOutbound {
    /// The call.
    pub call: ExpectedCall,
    /// Such calls that may be on at once.
    pub most: usize,
    /// How long it may ring.
    pub ring: Duration,
}

/// The carrier's name for a call that we have begun. Answered with its permit, also when told again; with nothing when the call is over.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Option<Permit>")]
pub struct Identify {
    /// Our name.
    pub announced: CarrierCallId,
    /// The carrier's.
    pub carrier_call: CarrierCallId,
    /// Whether somebody, or something, has answered: its stream has to come soon.
    pub picked_up: bool,
    /// Who has answered, where the carrier says so.
    pub answered_by: Option<AnsweredBy>,
    /// What the model is told of who has answered.
    pub told: Option<&'static str>,
}

/// A call could not be begun: its place is free.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct NotBegun(pub CarrierCallId);

/// A call that was announced.
#[derive(Debug, Clone)]
pub struct ExpectedCall {
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's id of the call.
    pub carrier_call: CarrierCallId,
    /// The carrier's account, which the stream has to name again.
    pub account: Option<String>,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number.
    pub from: Private<String>,
    /// The dialled number.
    pub to: Private<String>,
    /// How the call is to be held.
    pub profile: Arc<CallProfile>,
}

/// A place and the token that claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// The call's id, from now on.
    pub call: CallId,
    /// Single use, unguessable; travels as a `<Parameter>` and comes back in the stream's `start`.
    pub token: Private<String>,
}

/// A stream has started and shows its token: spawn its CallActor on the stream's own thread.
#[derive(Message)]
#[rtype(result = "Result<CallId, Refusal>")]
pub struct Admit {
    /// The carrier.
    pub carrier: Carrier,
    /// The token it shows.
    pub token: Private<String>,
    /// What it said of itself.
    pub start: StreamStart,
    /// The stream's ear.
    pub line: Line,
    /// The thread that carries the stream and will carry the call.
    pub arbiter: ArbiterHandle,
}

impl fmt::Debug for Admit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admit").field("carrier", &self.carrier).field("start", &self.start).finish_non_exhaustive()
    }
}

/// A stream has started that no webhook announced and whose socket has proved whose it is: a place is taken for it and its CallActor
/// is spawned, at once. Refused while the same carrier call is on with another stream.
#[derive(Message)]
#[rtype(result = "Result<CallId, Refusal>")]
pub struct Unannounced {
    /// The call.
    pub call: ExpectedCall,
    /// What the stream said of itself.
    pub start: StreamStart,
    /// The stream's ear.
    pub line: Line,
    /// The thread that carries the stream and will carry the call.
    pub arbiter: ArbiterHandle,
}

impl fmt::Debug for Unannounced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WalkIn").field("call", &self.call).field("start", &self.start).finish_non_exhaustive()
    }
}

/// Why a call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// All places are taken.
    #[error("all {max_calls} places are taken (`server.max_calls`)")]
    Full {
        /// The configured places.
        max_calls: usize,
    },
    /// The service is stopping.
    #[error("the service is stopping and takes no more calls")]
    Draining,
    /// As many calls as may be have been begun by us.
    #[error("all {most} places for outbound calls are taken (`outbound.max_concurrent`)")]
    TooManyOutbound {
        /// The configured number.
        most: usize,
    },
    /// No such token, or it was used, or it has expired.
    #[error("the stream token is unknown, used or expired")]
    BadToken,
    /// The caller's or the day's limit of what may be spent is reached.
    #[error("what may be spent today is spent (`spend`)")]
    Spent,
    /// The kill switch is thrown.
    #[error("no calls are taken: the kill switch is on (`spend.kill`, `POST /spend/kill`)")]
    Killed,
    /// The carrier's call is on already, with another stream.
    #[error("the call is on already, with another stream")]
    AlreadyOn,
    /// The carrier's call is over, and begins no second time.
    #[error("the call is over")]
    CallOver,
    /// The token belongs to another call or account.
    #[error("the stream token belongs to another call")]
    WrongCall,
}

impl Refusal {
    /// The label in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full { .. } => "full",
            Self::Draining => "draining",
            Self::TooManyOutbound { .. } => "too_many_outbound",
            Self::BadToken => "bad_token",
            Self::AlreadyOn => "already_on",
            Self::WrongCall => "wrong_call",
            Self::CallOver => "call_over",
            Self::Spent => "spend_limit",
            Self::Killed => "killed",
        }
    }
}

/// The carrier asks how a call goes on whose stream has ended. The place of one whose stream never came is free.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Aftermath")]
pub struct AfterStream(pub CarrierCallId);

/// What is known of a call whose stream has ended.
#[derive(Debug, Clone, MessageResponse)]
pub enum Aftermath {
    /// It is on; it knows itself.
    On(Addr<CallActor>),
    /// It was announced, and its stream never came.
    NeverCame {
        /// The code of the language it was to be held in.
        language: String,
    },
    /// It is over, and its caller has heard the last word.
    Over,
    /// Its stream was lost, or nothing is known of it: its caller has heard no last word.
    Lost,
}

/// A live call's caller comes back on another stream: mint the token that it has to show. Asked again before that has come, the
/// answer is the same.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Option<Permit>")]
pub struct ExpectReturn(pub CarrierCallId);

/// A carrier's status callback says that a call is over; it may be one whose stream never came.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct CarrierEnded(pub CarrierCallId);

/// The carrier was told to end its call, in answer to a question of its own: nothing more has to be done about it.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct CarrierLetGo(pub CarrierCallId);

/// Throws the kill switch: on, no call is taken and those that are on are closed politely. Answered with the sheet.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "SpendSheet")]
pub struct Kill {
    /// Whether it is to be on.
    pub on: bool,
}

/// What was spent, for `/spend`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "SpendSheet")]
pub struct ShowSpend;

/// What was spent today (UTC), and what may be.
#[derive(Debug, Clone, Copy, PartialEq, MessageResponse)]
pub struct SpendSheet {
    /// By all calls.
    pub today: Usd,
    /// Callers who have cost something.
    pub callers: usize,
    /// Whether the kill switch is on.
    pub killed: bool,
    /// The limits.
    pub limits: SpendLimits,
}

/// Which calls are on, for `/calls`; each is then asked itself.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "CallList")]
pub struct ListCalls;

/// Who is on.
#[derive(Debug, Clone, MessageResponse)]
pub struct CallList {
    /// Calls with a live stream.
    pub calls: Vec<Addr<CallActor>>,
    /// Places taken by calls that were announced and whose stream has not come yet.
    pub expected: usize,
    /// How many calls may be on at once.
    pub max_calls: usize,
    /// Whether the service is stopping.
    pub draining: bool,
}

/// Find a live call by our id or the carrier's.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Option<Addr<CallActor>>")]
pub struct Find(pub String);

/// Take no more calls, let those that are on end by themselves for `patience`, then end them politely. Answered when the
/// last one has ended. Sent again with less patience, it shortens the wait.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Drain {
    /// How long calls may go on.
    pub patience: Duration,
}
