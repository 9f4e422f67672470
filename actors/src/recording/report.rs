//! Reports from threads that write to disk.

use actix::Message;

use crate::incident::Incident;

/// An incident outside the call's own actors, on a thread that writes to disk. It is for the call's
/// record and already logged.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct IncidentMet(pub Incident);
