//! The routes: HTTP and WebSocket in front of the actors. No call logic.
//!
//! One file per family:
//!
//! - `carrier`: the carriers' requests, the same for all carriers;
//! - `stream`: the socket actor, with `admission`; `upgrade` takes its connection out of HTTP;
//! - `calls`, `outbound`, `spend`: the admin's paths, behind `guard`;
//! - `health`, `metrics`;
//! - `order` reads bodies, and `welcome` comes before every request.
//!
//! Pure: `page`, `limiter`. `app` is the state that all of them share.

mod admission;
pub mod answered;
pub mod app;
mod calls;
mod carrier;
mod guard;
pub mod health;
pub mod hints;
pub mod limiter;
mod metrics;
mod order;
pub mod outbound;
mod page;
mod problem;
mod spend;
mod stream;
pub(crate) mod upgrade;
pub mod watching;
pub(crate) mod welcome;

use std::future::ready;

use actix_web::http::{StatusCode, header};
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, Resource, web};

use self::problem::Problem;

/// The public listener's paths.
pub fn public(app: &mut web::ServiceConfig) {
    carrier::mount(app);
    app.app_data(guard::Listener::Public)
        .service(
            only("/", "GET")
                .route(web::get().to(|| ready(index("Switchboard answers phone calls.", &["health", "ready"])))),
        )
        .service(only("/health", "GET").route(web::get().to(health::health)))
        .service(only("/ready", "GET").route(web::get().to(health::ready)))
        .default_service(web::to(problem::no_such_path));
}

/// The admin listener's paths.
pub fn admin(app: &mut web::ServiceConfig) {
    app.app_data(guard::Listener::Admin).service(
        web::scope("")
            .wrap(from_fn(guard::admin))
            .service(
                only("/", "GET").route(
                    web::get().to(|| ready(index("Switchboard, for operators.", &["calls", "metrics", "spend"]))),
                ),
            )
            .service(
                only("/calls", "GET, POST").route(web::get().to(calls::list)).route(web::post().to(outbound::begin)),
            )
            .service(only("/calls/{id}", "GET").route(web::get().to(calls::show)))
            .service(only("/calls/{id}/events", "GET").route(web::get().to(calls::events)))
            .service(only("/calls/{id}/hangup", "POST").route(web::post().to(calls::hang_up)))
            .service(only("/calls/{id}/recording", "POST").route(web::post().to(calls::recording)))
            .service(only("/calls/{id}/diagnosis", "POST").route(web::post().to(calls::diagnose)))
            .service(only("/calls/{id}/transfer", "POST").route(web::post().to(calls::transfer)))
            .service(only("/spend", "GET").route(web::get().to(spend::show)))
            .service(only("/spend/kill", "POST").route(web::post().to(spend::kill)))
            .service(only("/metrics", "GET").route(web::get().to(metrics::metrics)))
            .default_service(web::to(problem::no_such_path)),
    );
}

/// Returns a page of links, for a person who opens the address in a browser.
fn index(title: &'static str, paths: &'static [&'static str]) -> HttpResponse {
    let links: String = paths.iter().map(|path| format!("<li><a href=\"{path}\">/{path}</a></li>")).collect();
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(format!(
        "<!doctype html><html lang=\"en\"><title>Switchboard</title><p>{title}</p><ul>{links}</ul></html>\n"
    ))
}

/// Returns a resource that refuses any other method with a problem that names the allowed ones.
fn only(path: &'static str, methods: impl Into<String>) -> Resource {
    let methods = methods.into();
    web::resource(path).default_service(web::to(move |request: HttpRequest| {
        let detail = format!("{} takes {methods}, not {}", request.path(), request.method());
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).with_header(header::ALLOW, methods.clone());
        ready(Err::<HttpResponse, _>(problem))
    }))
}
