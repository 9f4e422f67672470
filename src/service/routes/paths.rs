//! The admin listener's paths: one table of the methods, the role that each takes, and what the
//! audit log calls it. The routes, the index, the access rules and the console are held to it.

use crate::service::operators::Role;

/// A method of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The path, with its parts in braces.
    pub(super) path: &'static str,
    /// The method. A `GET` also answers `HEAD`.
    pub(super) method: &'static str,
    /// Who may use it.
    pub(super) access: Access,
    /// What the audit log calls it; `None` for what only reads.
    pub(super) act: Option<&'static str>,
}

/// Who may use a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody: it is where a token is shown.
    Open,
    /// Whose token has this role, or a higher one.
    Role(Role),
}

/// The table. The console shows only what is listed here.
pub(super) const ADMIN: &[Entry] = &[
    read("/", Role::Viewer),
    read("/calls", Role::Viewer),
    order("/calls", Role::Operator, "call"),
    read("/calls/{id}", Role::Viewer),
    read("/calls/{id}/events", Role::Viewer),
    read("/events", Role::Viewer),
    order("/calls/{id}/hangup", Role::Operator, "hangup"),
    order("/calls/{id}/recording", Role::Operator, "recording"),
    order("/calls/{id}/diagnosis", Role::Operator, "diagnosis"),
    order("/calls/{id}/transfer", Role::Operator, "transfer"),
    socket("/calls/{id}/listen", Role::Operator, "listen"),
    socket("/calls/{id}/take-over", Role::Operator, "take_over"),
    order("/calls/{id}/say", Role::Operator, "say"),
    order("/calls/{id}/whisper", Role::Operator, "whisper"),
    read("/configuration", Role::Viewer),
    question("/configuration/route", Role::Viewer),
    order("/reload", Role::Admin, "reload"),
    read("/spend", Role::Viewer),
    order("/spend/kill", Role::Admin, "kill_switch"),
    read("/records", Role::Viewer),
    read("/records.csv", Role::Viewer),
    read("/records/{id}", Role::Viewer),
    read("/records/{id}/audio", Role::Viewer),
    read("/deliveries", Role::Viewer),
    order("/deliveries/{id}/retry", Role::Operator, "retry"),
    read("/nodes", Role::Viewer),
    order("/nodes/{node}/drain", Role::Admin, "drain"),
    socket("/test-call", Role::Operator, "test_call"),
    read("/health", Role::Viewer),
    read("/ready", Role::Viewer),
    read("/metrics", Role::Viewer),
    open("/sign-in"),
    open("/sign-out"),
    read("/me", Role::Viewer),
    read("/audit", Role::Admin),
];

/// The methods of a path, in the order of the table.
pub(super) fn methods(path: &str) -> Vec<&'static str> {
    ADMIN.iter().filter(|entry| entry.path == path).map(|entry| entry.method).collect()
}

/// A path that is read.
const fn read(path: &'static str, role: Role) -> Entry {
    Entry { path, method: "GET", access: Access::Role(role), act: None }
}

/// An order.
const fn order(path: &'static str, role: Role, act: &'static str) -> Entry {
    Entry { path, method: "POST", access: Access::Role(role), act: Some(act) }
}

/// A path that is read with a body.
const fn question(path: &'static str, role: Role) -> Entry {
    Entry { path, method: "POST", access: Access::Role(role), act: None }
}

/// An upgrade: a `GET` by its method, and an act nevertheless.
const fn socket(path: &'static str, role: Role, act: &'static str) -> Entry {
    Entry { path, method: "GET", access: Access::Role(role), act: Some(act) }
}

/// An order that shows a token. The handler itself writes it to the audit log, with whom it knows.
const fn open(path: &'static str) -> Entry {
    Entry { path, method: "POST", access: Access::Open, act: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_of_a_path_stands_once() {
        for (n, entry) in ADMIN.iter().enumerate() {
            let same = |other: &Entry| (other.path, other.method) == (entry.path, entry.method);
            assert!(!ADMIN[n + 1..].iter().any(same), "{} {}", entry.method, entry.path);
        }
        assert_eq!(methods("/calls"), ["GET", "POST"]);
    }

    #[test]
    fn orders_take_more_than_a_viewer_and_are_written_down() {
        for entry in ADMIN.iter().filter(|entry| entry.act.is_some()) {
            assert!(matches!(entry.access, Access::Role(role) if role > Role::Viewer), "{}", entry.path);
        }
    }
}
