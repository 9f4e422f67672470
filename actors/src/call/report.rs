//! The reports and requests of a CallActor to its Supervisor.

use actix::Message;

use crate::ending::Ending;
use crate::ids::CallId;
use crate::money::Usd;

/// Asks for the permit of a transfer to this destination. The Supervisor counts transfers over all
/// calls.
#[derive(Debug, Clone, Message)]
#[rtype(result = "bool")]
pub struct TransferPermit {
    /// The destination's name, one of the table.
    pub destination: String,
    /// Attempts that are allowed within an hour.
    pub most_an_hour: u32,
}

/// A call has ended; reported once by its CallActor.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct CallEnded {
    /// The call.
    pub call: CallId,
    /// Why and by whom.
    pub ending: Ending,
    /// Whether only the end of the stream says that the caller is gone.
    pub by_stream: bool,
}

/// A call has spent more; reported by its CallActor.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Spent {
    /// The call.
    pub call: CallId,
    /// The cost of one response or transcription.
    pub cost: Usd,
}
