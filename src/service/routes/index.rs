//! The index of each listener, and the list of the admin listener's paths.

use std::future::{Ready, ready};

use actix_web::HttpResponse;
use actix_web::guard::{Guard, GuardContext, fn_guard};
use actix_web::http::{Method, header};
use serde_json::{Value, json};

/// The admin listener's paths with their methods. The console shows only what is listed here.
pub(super) const ADMIN: &[(&str, &[&str])] = &[
    ("/", &["GET"]),
    ("/calls", &["GET", "POST"]),
    ("/calls/{id}", &["GET"]),
    ("/calls/{id}/events", &["GET"]),
    ("/events", &["GET"]),
    ("/calls/{id}/hangup", &["POST"]),
    ("/calls/{id}/recording", &["POST"]),
    ("/calls/{id}/diagnosis", &["POST"]),
    ("/calls/{id}/transfer", &["POST"]),
    ("/calls/{id}/listen", &["GET"]),
    ("/calls/{id}/take-over", &["GET"]),
    ("/calls/{id}/say", &["POST"]),
    ("/calls/{id}/whisper", &["POST"]),
    ("/configuration", &["GET"]),
    ("/configuration/route", &["POST"]),
    ("/reload", &["POST"]),
    ("/spend", &["GET"]),
    ("/spend/kill", &["POST"]),
    ("/records", &["GET"]),
    ("/records.csv", &["GET"]),
    ("/records/{id}", &["GET"]),
    ("/records/{id}/audio", &["GET"]),
    ("/deliveries", &["GET"]),
    ("/deliveries/{id}/retry", &["POST"]),
    ("/nodes", &["GET"]),
    ("/nodes/{node}/drain", &["POST"]),
    ("/test-call", &["GET"]),
    ("/health", &["GET"]),
    ("/ready", &["GET"]),
    ("/metrics", &["GET"]),
    ("/sign-in", &["POST"]),
    ("/sign-out", &["POST"]),
    ("/me", &["GET"]),
    ("/audit", &["GET"]),
];

/// `GET /` of the public listener: a page of links, for a person who opens the address in a
/// browser.
pub(super) fn of_the_public_listener() -> Ready<HttpResponse> {
    ready(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(
        "<!doctype html><html lang=\"en\"><title>Switchboard</title><p>Switchboard answers phone calls.</p>\
         <ul><li><a href=\"health\">/health</a></li><li><a href=\"ready\">/ready</a></li></ul></html>\n",
    ))
}

/// `GET /` of the admin listener for programs: the version, and the paths with their methods.
pub(super) fn of_the_admin_listener() -> Ready<HttpResponse> {
    let routes: Vec<Value> = ADMIN.iter().map(|(path, methods)| json!({ "path": path, "methods": methods })).collect();
    ready(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "service": "switchboard",
        "version": env!("CARGO_PKG_VERSION"),
        "console": "/console/",
        "routes": routes,
    })))
}

/// Matches a `GET` that does not ask for JSON: its sender is sent to the console.
pub(super) fn is_of_a_browser() -> impl Guard {
    fn_guard(|context: &GuardContext<'_>| {
        let head = context.head();
        let accepts_json = head.headers().get_all(header::ACCEPT).any(|kinds| {
            kinds.to_str().is_ok_and(|kinds| kinds.contains("application/json") && !kinds.contains("text/html"))
        });
        head.method == Method::GET && !accepts_json
    })
}
