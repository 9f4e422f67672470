//! The messages that the Supervisor accepts: at the start of a call and at its end, never on an
//! audio path.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, Message, MessageResponse};
use actix_rt::ArbiterHandle;

use super::ledger::SpendLimits;
use crate::call::actor::CallActor;
use crate::carrier::webhook_api::{AnsweredBy, Direction};
use crate::carrier::{Carrier, StreamStart};
use crate::ids::{CallId, CarrierCallId, Private};
use crate::line::messages::Line;
use crate::money::Usd;
use crate::profile::CallProfile;

/// A webhook announced a call: reserve its place and create its stream token. A repeated
/// announcement of one carrier call takes one place and gets the same permit. A live call that is
/// in progress gets a permit for another stream, on which it continues.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Permit, Refusal>")]
pub struct Expect {
    /// The call.
    pub call: ExpectedCall,
    /// The source of the announcement.
    pub word: Word,
}

/// The source of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// A webhook, about a ringing call.
    Rings,
    /// A webhook, about a call in progress: it was answered elsewhere, or the carrier returns it to
    /// us.
    InProgress,
    /// The stream itself, without a webhook.
    Stream,
}

/// We are about to place a call: reserve its place under a name of our own, until the carrier has
/// given its id.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Permit, Refusal>")]
pub struct ExpectOutbound {
    /// The call.
    pub call: ExpectedCall,
    /// The limit of concurrent calls of this kind.
    pub most: usize,
    /// How long it may ring.
    pub ring: Duration,
}

/// The carrier's id of a call that we placed. Answered with its permit, also when repeated; `None`
/// when the call is over.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Option<Permit>")]
pub struct Identify {
    /// Our name of the call.
    pub announced: CarrierCallId,
    /// The carrier's id of the call.
    pub carrier_call: CarrierCallId,
    /// Whether the call was answered: its stream must come soon.
    pub picked_up: bool,
    /// Who or what has answered, if the carrier reports it.
    pub answered_by: Option<AnsweredBy>,
    /// What the model is given about who has answered.
    pub note: Option<&'static str>,
}

/// A call could not be placed: its place is free.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct NotBegun(pub CarrierCallId);

/// An announced call.
#[derive(Debug, Clone)]
pub struct ExpectedCall {
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's id of the call.
    pub carrier_call: CarrierCallId,
    /// The carrier's account, which the stream has to repeat.
    pub account: Option<String>,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number.
    pub from: Private<String>,
    /// The dialled number.
    pub to: Private<String>,
    /// The call's configuration.
    pub profile: Arc<CallProfile>,
}

/// A reserved place, with the token that claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// The call's id from now on.
    pub call: CallId,
    /// Single-use and unguessable. It is sent as a `<Parameter>` and returns in the stream's
    /// `start`.
    pub token: Private<String>,
}

/// A stream has started and shows its token: spawn its CallActor on the stream's thread.
#[derive(Message)]
#[rtype(result = "Result<CallId, Refusal>")]
pub struct Admit {
    /// The carrier.
    pub carrier: Carrier,
    /// The token that it shows.
    pub token: Private<String>,
    /// The data of its `start`.
    pub start: StreamStart,
    /// The stream's mailboxes.
    pub line: Line,
    /// The thread that carries the stream and will carry the call.
    pub arbiter: ArbiterHandle,
}

impl fmt::Debug for Admit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admit").field("carrier", &self.carrier).field("start", &self.start).finish_non_exhaustive()
    }
}

/// A stream has started without a webhook, and its socket was authenticated. Take a place for it
/// and spawn its CallActor at once. Refused while the same carrier call has another live stream.
#[derive(Message)]
#[rtype(result = "Result<CallId, Refusal>")]
pub struct Unannounced {
    /// The call.
    pub call: ExpectedCall,
    /// The data of its `start`.
    pub start: StreamStart,
    /// The stream's mailboxes.
    pub line: Line,
    /// The thread that carries the stream and will carry the call.
    pub arbiter: ArbiterHandle,
    /// Whether an answer document of ours has connected the call. It is admitted during a drain
    /// too, since no such document is given out then.
    pub connected: bool,
}

impl fmt::Debug for Unannounced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WalkIn").field("call", &self.call).field("start", &self.start).finish_non_exhaustive()
    }
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// All places are taken.
    #[error("all {max_calls} places are taken (`server.max_calls`)")]
    Full {
        /// The configured places.
        max_calls: usize,
    },
    /// The threads of calls cannot keep up.
    #[error("the service cannot keep up and takes no more calls for now (`server.overload`)")]
    Overloaded,
    /// The service is stopping.
    #[error("the service is stopping and takes no more calls")]
    Draining,
    /// The limit of concurrent outbound calls is reached.
    #[error("all {most} places for outbound calls are taken (`outbound.max_concurrent`)")]
    TooManyOutbound {
        /// The configured number.
        most: usize,
    },
    /// The token is unknown, already used, or expired.
    #[error("the stream token is unknown, used or expired")]
    BadToken,
    /// The spending limit of the caller or the day is reached.
    #[error("what may be spent today is spent (`spend`)")]
    Spent,
    /// The caller has as many calls as one may have at once.
    #[error("this caller has {most} calls already (`limits.calls_per_caller`)")]
    CallerBusy {
        /// The configured number.
        most: usize,
    },
    /// The kill switch is on.
    #[error("no calls are taken: the kill switch is on (`spend.kill`, `POST /spend/kill`)")]
    Killed,
    /// The carrier call already has a live stream.
    #[error("the call is on already, with another stream")]
    AlreadyOn,
    /// The carrier call is over and cannot start again.
    #[error("the call is over")]
    CallOver,
    /// A test call names an agent that there is not, or a language that it does not speak.
    #[error("there is no agent of this name that speaks this language")]
    UnknownAgent,
    /// The look-up refused the call.
    #[error("the look-up of the agent refuses the call")]
    Declined,
    /// The token belongs to another call or account.
    #[error("the stream token belongs to another call")]
    WrongCall,
}

impl Refusal {
    /// The label in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full { .. } => "full",
            Self::Overloaded => "overloaded",
            Self::Draining => "draining",
            Self::TooManyOutbound { .. } => "too_many_outbound",
            Self::BadToken => "bad_token",
            Self::AlreadyOn => "already_on",
            Self::WrongCall => "wrong_call",
            Self::UnknownAgent => "unknown_agent",
            Self::Declined => "declined",
            Self::CallOver => "call_over",
            Self::Spent => "spend_limit",
            Self::Killed => "killed",
            Self::CallerBusy { .. } => "caller_busy",
        }
    }
}

/// The carrier asks how a call continues after its stream. If the stream never came, the call's
/// place becomes free.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Aftermath")]
pub struct AfterStream(pub CarrierCallId);

/// What is known about a call whose stream has ended.
#[derive(Debug, Clone, MessageResponse)]
pub enum Aftermath {
    /// It is live; its actor knows the answer.
    On(Addr<CallActor>),
    /// It was announced, and its stream never came.
    NeverCame {
        /// The code of its language.
        language: String,
    },
    /// It is over, and the caller has heard the goodbye.
    Over,
    /// Its stream was lost, or nothing is known about it: the caller has heard no goodbye.
    Lost,
}

/// A live call's caller returns on another stream: create the token that it has to show. The answer
/// stays the same until that stream has come.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Option<Permit>")]
pub struct ExpectReturn(pub CarrierCallId);

/// A carrier's status callback reports the end of a call, possibly of one whose stream never came.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct CarrierEnded(pub CarrierCallId);

/// The carrier needs no request to hang up: our answer to its question ends its call, or it has
/// said that the call is over.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct EndedByAnswer(pub CarrierCallId);

/// Sets the kill switch. When it is on, no call is taken and live calls are closed politely.
/// Answered with the spending.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "SpendReport")]
pub struct Kill {
    /// The new state of the switch.
    pub on: bool,
}

/// Counts to the day what was spent outside of any call.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct CountCost(pub Usd);

/// What all nodes have spent by now, costs of this one included.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct FleetSpent {
    /// The UTC day, in days of the common era.
    pub day: i32,
    /// The spending of all calls.
    pub total: Usd,
    /// The spending of callers, by their hashes.
    pub callers: Vec<(String, Usd)>,
}

/// The other nodes' spending is unknown from now on: this node may spend its share of what is left.
/// Or it is known again.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct FleetApart {
    /// How many nodes share what is left; `None`: their spending is known.
    pub nodes: Option<usize>,
}

/// Whether a token is one that a stream may show here.
#[derive(Debug, Clone, Message)]
#[rtype(result = "bool")]
pub struct KnowsToken(pub Private<String>);

/// Lists the calls that have their places still, for the limits that nodes share.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Held")]
pub struct ListHeld;

/// The calls that have their places.
#[derive(Debug, Clone, MessageResponse)]
pub struct Held {
    /// Those that we placed.
    pub begun: Vec<CallId>,
    /// All of them, announced ones included.
    pub calls: Vec<CarrierCallId>,
}

/// Returns the spending, for `/spend`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "SpendReport")]
pub struct ShowSpend;

/// Today's spending (UTC) and its limits.
#[derive(Debug, Clone, Copy, PartialEq, MessageResponse)]
pub struct SpendReport {
    /// The spending of all calls.
    pub today: Usd,
    /// The number of callers with a cost today.
    pub callers: usize,
    /// Whether the kill switch is on.
    pub killed: bool,
    /// The limits.
    pub limits: SpendLimits,
}

/// Lists the live calls, for `/calls`. The asker then queries each call.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "CallList")]
pub struct ListCalls;

/// The live calls.
#[derive(Debug, Clone, MessageResponse)]
pub struct CallList {
    /// Calls with a live stream.
    pub calls: Vec<Addr<CallActor>>,
    /// Places reserved for announced calls whose stream has not come yet.
    pub expected: usize,
    /// How many calls may be on at once.
    pub max_calls: usize,
    /// Whether the service is stopping.
    pub draining: bool,
    /// How long the stop still waits for calls to end by themselves; `None` without one.
    pub patience_left: Option<Duration>,
}

/// The threads of calls cannot keep up: no call is announced until they can. Those that are announced
/// or live go on.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Overload {
    /// Whether that is so.
    pub on: bool,
}

/// Puts other limits of spending in force, for calls that are on too. What was spent today counts
/// against them. The kill switch changes only if the configuration changed it.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct LimitSpend(pub SpendLimits);

/// Finds a live call by our id or the carrier's.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Option<Addr<CallActor>>")]
pub struct Find(pub String);

/// Take no more calls, let live calls end by themselves for `patience`, then end them politely.
/// Answered when the last call has ended. A repeated order with a shorter patience shortens the
/// wait.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Drain {
    /// How long calls may continue.
    pub patience: Duration,
}
