//! The way from outside: `server.public_url` as carriers see it, through DNS, TLS and the proxy.

use std::time::Duration;

use serde_json::Value;
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::webhook_api::{Role, Verb};
use switchboard_actors::http::{Answer, Request, Unanswered};
use url::Url;

use super::Line;
use crate::service::config::Config;

/// Asks the service through its public URL.
pub(super) async fn looked(config: &Config) -> Vec<Line> {
    let of = "public URL";
    let url = &config.server.public_url;
    let is_local = config.server.is_local();
    let mut lines = Vec::new();
    if is_local {
        lines
            .push(Line::note(of, format!("{url} is a loopback address: no carrier reaches it; set server.public_url")));
    } else if url.scheme() != "https" {
        lines.push(Line::wrong(of, format!("{url} is not https: carriers refuse it or send their secrets in the open; put nginx with a certificate in front (deploy/nginx)")));
    }
    let (answer, ours) = match get(config, "health").await {
        Ok(Page { status: 200, body, .. }) if body["status"] == "ok" => {
            (format!("{url}health answers, version {}", text(&body["version"])), true)
        }
        Ok(Page { status, .. }) => (
            format!(
                "{url}health answers {status}, and not as this service does: does the proxy lead to server.bind = {}?",
                config.server.bind
            ),
            false,
        ),
        Err(reason) => (
            format!(
                "{url}health: {reason}; is `switchboard serve` running, does the name lead here, is the port open?"
            ),
            false,
        ),
    };
    if !ours {
        // A service that is not running yet is no fault of its configuration on one's own machine.
        lines.push(if is_local { Line::note(of, answer) } else { Line::wrong(of, answer) });
        return lines;
    }
    lines.push(Line::good(of, answer));
    lines.push(ready(config).await);
    lines.push(admin(config).await);
    for carrier in Carrier::all().filter(|carrier| config.carriers.is_answered(*carrier)) {
        lines.extend(webhook(config, carrier).await);
        lines.extend(stream(config, carrier).await);
    }
    lines
}

async fn ready(config: &Config) -> Line {
    match get(config, "ready").await {
        Ok(Page { status: 200, .. }) => Line::good("public URL", "takes calls (/ready)"),
        Ok(Page { body, .. }) => {
            Line::wrong("public URL", format!("takes no calls (/ready): {}", text(&body["reason"])))
        }
        Err(reason) => Line::wrong("public URL", format!("/ready: {reason}")),
    }
}

/// The operators' paths have no business outside.
async fn admin(config: &Config) -> Line {
    let mut open = Vec::new();
    for path in ADMIN {
        if let Ok(Page { status, .. }) = get(config, path).await
            && status != 404
        {
            open.push(format!("/{path} ({status})"));
        }
    }
    if open.is_empty() {
        Line::good("admin paths", "closed to the outside")
    } else {
        Line::wrong(
            "admin paths",
            format!(
                "{} can be reached through the public URL: proxy server.bind alone, never admin.bind",
                open.join(", ")
            ),
        )
    }
}

/// Without its signature or token a carrier's webhook has to be refused, by us and not by the proxy.
async fn webhook(config: &Config, carrier: Carrier) -> Option<Line> {
    let route = carrier.routes().iter().find(|route| route.role == Role::Arrives)?;
    // Where nothing is verified, the question would take a slot.
    if config.server.is_local() {
        return None;
    }
    let path = route.path.trim_start_matches('/');
    let asked = match route.verbs {
        [Verb::Get, ..] => Request::get(address(config, path)),
        _ => Request::post(address(config, path), ""),
    };
    let of = carrier.title();
    Some(match page(Ok(asked)).await {
        Ok(Page { status: 401 | 403, is_ours: true, .. }) => {
            Line::good(of, format!("/{path} reaches the service, which refuses strangers"))
        }
        Ok(Page { status, is_ours: true, .. }) => {
            Line::wrong(of, format!("/{path} answered a stranger with {status}, expected 403: is its verification on?"))
        }
        Ok(Page { status, .. }) => Line::wrong(
            of,
            format!(
                "/{path} answered {status}, and not as this service does: does the proxy pass it on (deploy/nginx/locations.conf)?"
            ),
        ),
        Err(reason) => Line::wrong(of, format!("/{path}: {reason}")),
    })
}

/// A stream without its permit: the upgrade has to get through the proxy.
async fn stream(config: &Config, carrier: Carrier) -> Option<Line> {
    let path = carrier.path(Role::Stream)?.trim_start_matches('/');
    let plain = Request::get(address(config, path));
    let asked = UPGRADE.iter().try_fold(plain, |request, (name, value)| request.header(name, value));
    let of = carrier.title();
    Some(match page(asked).await {
        Ok(Page { status: 101, .. } | Page { status: 401 | 403, is_ours: true, .. }) => {
            Line::good(of, format!("/{path} takes WebSockets"))
        }
        Ok(Page { status, .. }) => Line::wrong(
            of,
            format!(
                "/{path} answered an upgrade with {status}, expected 101 or 403: the proxy has to pass `Upgrade` and `Connection` on (deploy/nginx/locations.conf)"
            ),
        ),
        Err(reason) => Line::wrong(of, format!("/{path}: {reason}")),
    })
}

/// What came of a question.
struct Page {
    status: u16,
    /// Whether the answer has the form of ours.
    is_ours: bool,
    /// JSON, or null.
    body: Value,
}

async fn get(config: &Config, path: &str) -> Result<Page, String> {
    page(Ok(Request::get(address(config, path)))).await
}

fn address(config: &Config, path: &str) -> Url {
    let mut url = config.server.public_url.clone();
    url.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
    url
}

async fn page(asked: Result<Request, Unanswered>) -> Result<Page, String> {
    let answer = send(asked.map_err(|problem| problem.to_string())?).await?;
    let status = answer.status;
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    if status == 101 {
        return Ok(Page { status, is_ours: false, body: Value::Null });
    }
    let read = actix_rt::time::timeout(PATIENCE, answer.beginning(MOST)).await;
    let body = read.ok().and_then(Result::ok).and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
    Ok(Page { status, is_ours: kind.starts_with("application/problem+json"), body })
}

/// Sends one question.
pub(super) async fn send(request: Request) -> Result<Answer, String> {
    // The operator chose every address, and it may be in their own network.
    let answer = match actix_rt::time::timeout(PATIENCE, request.send(|_| true)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(problem)) => return Err(problem.to_string()),
        Err(_) => return Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    Ok(answer)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("unknown")
}

/// A few of the operators' paths.
const ADMIN: [&str; 5] = ["calls", "metrics", "console/", "records", "audit"];
/// The headers of an upgrade. The key is the one of RFC 6455, section 1.3.
const UPGRADE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];
/// The time limit of a question.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of an answer is read.
const MOST: usize = 64 * 1024;
