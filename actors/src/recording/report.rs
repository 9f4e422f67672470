//! What a thread reports that brings things to disk.

use actix::Message;

use crate::incident::Incident;

/// Something went wrong beside the call's own actors, on a thread that brings things to disk; for the call. Operators have been told.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct IncidentMet(pub Incident);
