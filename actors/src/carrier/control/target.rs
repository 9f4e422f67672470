//! A transfer's target at the carrier. Pure.

use crate::ids::Private;

/// A transfer's target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A telephone number, E.164.
    Number(Private<String>),
    /// A SIP address.
    Sip(Private<String>),
    /// A client of the carrier's own software, by its identity.
    Client(Private<String>),
    /// The carrier knows the target.
    Carrier,
}
