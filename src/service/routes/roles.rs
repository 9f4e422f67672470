//! Which role each path of the admin listener takes, and which requests the audit log has.

use actix_web::HttpRequest;
use actix_web::http::Method;

use crate::service::operators::Role;

/// The rule of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    /// Whether the request needs no token at all.
    pub(super) open: bool,
    /// The role that it takes.
    pub(super) role: Role,
    /// What the audit log calls it; `None` for what only reads.
    pub(super) act: Option<&'static str>,
}

/// Returns the rule of a request by its path. A path without a rule of its own takes a viewer to
/// read, and an admin for anything else.
pub(super) fn of(request: &HttpRequest) -> Rule {
    rule(request.method(), request.match_pattern().as_deref().unwrap_or_else(|| request.path()))
}

fn rule(method: &Method, pattern: &str) -> Rule {
    let reads = method.is_safe();
    let open = match pattern {
        "/sign-in" | "/sign-out" => true,
        _ => reads && (pattern == "/console" || pattern.starts_with("/console/")),
    };
    let own = RULES.iter().find(|(verb, path, ..)| *path == pattern && verb.matches(reads));
    let (role, act) = match own {
        Some((_, _, role, act)) => (*role, *act),
        None if reads => (Role::Viewer, None),
        None => (Role::Admin, Some("unknown")),
    };
    Rule { open, role, act }
}

/// Whether a rule is for requests that read or for orders.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Read,
    Order,
}

impl Verb {
    fn matches(self, reads: bool) -> bool {
        matches!(self, Self::Read) == reads
    }
}

/// Paths whose rule differs from the usual one. Upgrades are `GET` and acts nevertheless.
const RULES: &[(Verb, &str, Role, Option<&str>)] = &[
    (Verb::Order, "/calls", Role::Operator, Some("call")),
    (Verb::Order, "/calls/{id}/hangup", Role::Operator, Some("hangup")),
    (Verb::Order, "/calls/{id}/transfer", Role::Operator, Some("transfer")),
    (Verb::Order, "/calls/{id}/say", Role::Operator, Some("say")),
    (Verb::Order, "/calls/{id}/whisper", Role::Operator, Some("whisper")),
    (Verb::Order, "/calls/{id}/recording", Role::Operator, Some("recording")),
    (Verb::Order, "/calls/{id}/diagnosis", Role::Operator, Some("diagnosis")),
    (Verb::Read, "/calls/{id}/listen", Role::Operator, Some("listen")),
    (Verb::Read, "/calls/{id}/take-over", Role::Operator, Some("take_over")),
    // It asks, with a body.
    (Verb::Order, "/configuration/route", Role::Viewer, None),
    (Verb::Order, "/deliveries/{id}/retry", Role::Operator, Some("retry")),
    (Verb::Order, "/nodes/{node}/drain", Role::Admin, Some("drain")),
    (Verb::Order, "/reload", Role::Admin, Some("reload")),
    (Verb::Order, "/spend/kill", Role::Admin, Some("kill_switch")),
    (Verb::Read, "/test-call", Role::Operator, Some("test_call")),
    (Verb::Read, "/audit", Role::Admin, None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_takes_a_viewer_and_orders_take_more() {
        let of = |method: Method, pattern: &str| {
            let rule = rule(&method, pattern);
            (rule.open, rule.role, rule.act)
        };
        assert_eq!(of(Method::GET, "/calls/{id}"), (false, Role::Viewer, None));
        assert_eq!(of(Method::HEAD, "/calls"), (false, Role::Viewer, None));
        assert_eq!(of(Method::POST, "/calls/{id}/hangup"), (false, Role::Operator, Some("hangup")));
        assert_eq!(of(Method::POST, "/spend/kill"), (false, Role::Admin, Some("kill_switch")));
        assert_eq!(of(Method::GET, "/audit"), (false, Role::Admin, None));
    }

    #[test]
    fn only_the_page_and_the_sign_in_are_open() {
        let open = |method: Method, pattern: &str| rule(&method, pattern).open;
        for (method, pattern) in [(Method::GET, "/console/{file}*"), (Method::POST, "/sign-in")] {
            assert!(open(method, pattern), "{pattern}");
        }
        for (method, pattern) in [
            (Method::GET, "/"),
            (Method::GET, "/calls"),
            (Method::GET, "/me"),
            (Method::POST, "/console/x"),
            (Method::GET, "/consoles"),
        ] {
            assert!(!open(method, pattern), "{pattern}");
        }
    }

    #[test]
    fn every_order_of_the_listener_has_a_rule() {
        for (path, methods) in super::super::index::ADMIN {
            let found = rule(&Method::POST, path);
            assert!(!methods.contains(&"POST") || found.open || found.act != Some("unknown"), "{path}");
        }
    }

    #[test]
    fn an_order_without_a_rule_takes_an_admin() {
        assert_eq!(rule(&Method::DELETE, "/calls/{id}"), Rule { open: false, role: Role::Admin, act: Some("unknown") });
    }
}
