//! The index of each listener, and the list of the admin listener's paths.

use std::future::{Ready, ready};

use actix_web::HttpResponse;
use actix_web::guard::{Guard, GuardContext, fn_guard};
use actix_web::http::{Method, header};
use serde_json::{Value, json};

use super::paths::{ADMIN, methods};

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
    let mut known = Vec::with_capacity(ADMIN.len());
    for entry in ADMIN {
        if !known.contains(&entry.path) {
            known.push(entry.path);
        }
    }
    let routes: Vec<Value> = known.iter().map(|path| json!({ "path": path, "methods": methods(path) })).collect();
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
