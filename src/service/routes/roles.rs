//! Which role each path of the admin listener takes, and which requests the audit log has.

use actix_web::HttpRequest;
use actix_web::http::Method;

use super::paths::{ADMIN, Access};
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
    // A path's `GET` answers `HEAD` too.
    let asked = if method == Method::HEAD { Method::GET } else { method.clone() };
    let reads = method.is_safe();
    if let Some(entry) = ADMIN.iter().find(|entry| entry.path == pattern && entry.method == asked.as_str()) {
        return match entry.access {
            Access::Open => Rule { open: true, role: Role::Viewer, act: entry.act },
            Access::Role(role) => Rule { open: false, role, act: entry.act },
        };
    }
    // The files of the console hold nothing of this service.
    let open = reads && (pattern == "/console" || pattern.starts_with("/console/"));
    let (role, act) = if reads { (Role::Viewer, None) } else { (Role::Admin, Some("unknown")) };
    Rule { open, role, act }
}

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
        assert_eq!(of(Method::GET, "/calls/{id}/listen"), (false, Role::Operator, Some("listen")));
        assert_eq!(of(Method::POST, "/configuration/route"), (false, Role::Viewer, None));
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
    fn an_order_without_a_rule_takes_an_admin() {
        assert_eq!(rule(&Method::DELETE, "/calls/{id}"), Rule { open: false, role: Role::Admin, act: Some("unknown") });
    }
}
