//! What the Supervisor reports to whoever shares its limits with other nodes.

use actix::{Message, Recipient};

pub use crate::call::report::TransferPermit;
use crate::money::Usd;

/// A cost was counted to a day.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct CostCounted {
    /// The UTC day, in days of the common era.
    pub day: i32,
    /// The caller's hash, if it is one's.
    pub caller: Option<String>,
    /// The cost.
    pub cost: Usd,
}

/// Who shares the limits with other nodes.
#[derive(Debug, Clone)]
pub struct Sharers {
    /// Hears of every cost.
    pub costs: Recipient<CostCounted>,
    /// Says whether a transfer is within the limit of all nodes.
    pub transfers: Recipient<TransferPermit>,
}
