//! The routes: HTTP and WebSocket in front of the actors. No call logic.
//!
//! One file per family:
//!
//! - `carrier`: the carriers' requests, the same for all carriers;
//! - `stream` and `packets`: the socket actors over `line_end`, with `admission`; `upgrade` takes a
//!   connection out of HTTP;
//! - `sound` is the sockets of people who listen to a call or take it over, over `ring`;
//! - `calls`, `steering`, `outbound`, `records`, `deliveries`, `nodes`, `spend`, `configuration`,
//!   `operators`, `test_call`: the admin's paths, behind `guard` and the `roles`; `paths` is the table
//!   of them, and `index` shows it;
//! - `fleet`: requests that belong to another node of the cluster, or come from one;
//! - `health`, `metrics`;
//! - `order` reads bodies, and `welcome` comes before every request.
//!
//! Pure: `page`, `limiter`. `app` is the state that all of them share.

mod admission;
pub mod answered;
pub mod app;
mod calls;
mod carrier;
mod configuration;
pub mod deliveries;
mod fleet;
mod guard;
pub mod health;
pub mod hints;
mod index;
pub mod limiter;
mod line_end;
pub(crate) mod look_up;
mod metrics;
mod nodes;
mod operators;
mod order;
pub mod outbound;
pub(crate) mod packets;
mod page;
mod paths;
mod problem;
mod records;
mod ring;
mod roles;
mod sound;
mod spend;
mod steering;
mod stream;
mod test_call;
pub(crate) mod upgrade;
pub mod watching;
pub(crate) mod welcome;

use std::future::ready;

use actix_web::http::{StatusCode, header};
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, Resource, web};

use self::problem::Problem;
use super::console;

/// The public listener's paths.
pub fn public(app: &mut web::ServiceConfig) {
    carrier::mount(app);
    app.service(web::scope(OF_A_NODE).configure(carrier::mount));
    app.app_data(guard::Listener::Public)
        .service(only("/", "GET").route(web::get().to(index::of_the_public_listener)))
        .service(only("/health", "GET").route(web::get().to(health::health)))
        .service(only("/ready", "GET").route(web::get().to(health::ready)))
        .default_service(web::to(problem::no_such_path));
}

/// The admin listener's paths: the console's files, and behind the token the ones of
/// [`paths::ADMIN`].
pub fn admin(app: &mut web::ServiceConfig) {
    console::mount(app);
    app.app_data(guard::Listener::Admin)
        .service(web::scope(OF_A_NODE).wrap(from_fn(fleet::nodes_only)).configure(carrier::mount))
        .service(web::resource("/").guard(index::is_of_a_browser()).route(web::get().to(console::to_the_page)))
        .service(
            web::scope("")
                .wrap(from_fn(guard::admin))
                .service(listed("/").route(web::get().to(index::of_the_admin_listener)))
                .service(listed("/calls").route(web::get().to(calls::list)).route(web::post().to(outbound::begin)))
                .service(listed("/calls/{id}").route(web::get().to(calls::show)))
                .service(listed("/calls/{id}/events").route(web::get().to(calls::events)))
                .service(listed("/events").route(web::get().to(calls::all_events)))
                .service(listed("/calls/{id}/hangup").route(web::post().to(calls::hang_up)))
                .service(listed("/calls/{id}/recording").route(web::post().to(calls::recording)))
                .service(listed("/calls/{id}/diagnosis").route(web::post().to(calls::diagnose)))
                .service(listed("/calls/{id}/transfer").route(web::post().to(calls::transfer)))
                .service(listed("/calls/{id}/listen").route(web::get().to(sound::listen)))
                .service(listed("/calls/{id}/take-over").route(web::get().to(sound::take_over)))
                .service(listed("/calls/{id}/say").route(web::post().to(steering::say)))
                .service(listed("/calls/{id}/whisper").route(web::post().to(steering::whisper)))
                .service(listed("/configuration").route(web::get().to(configuration::show)))
                .service(listed("/configuration/route").route(web::post().to(configuration::route)))
                .service(listed("/reload").route(web::post().to(configuration::reload)))
                .service(listed("/spend").route(web::get().to(spend::show)))
                .service(listed("/spend/kill").route(web::post().to(spend::kill)))
                .service(listed("/records").route(web::get().to(records::list)))
                .service(listed("/records.csv").route(web::get().to(records::csv)))
                .service(listed("/records/{id}").route(web::get().to(records::show)))
                .service(listed("/records/{id}/audio").route(web::get().to(records::audio)))
                .service(listed("/deliveries").route(web::get().to(deliveries::list)))
                .service(listed("/deliveries/{id}/retry").route(web::post().to(deliveries::retry)))
                .service(listed("/nodes").route(web::get().to(nodes::list)))
                .service(listed("/nodes/{node}/drain").route(web::post().to(nodes::drain)))
                .service(listed("/test-call").route(web::get().to(test_call::open)))
                .service(listed("/health").route(web::get().to(health::health)))
                .service(listed("/ready").route(web::get().to(health::ready)))
                .service(listed("/metrics").route(web::get().to(metrics::metrics)))
                .service(listed("/sign-in").route(web::post().to(operators::sign_in)))
                .service(listed("/sign-out").route(web::post().to(operators::sign_out)))
                .service(listed("/me").route(web::get().to(operators::me)))
                .service(listed("/audit").route(web::get().to(operators::audit)))
                .default_service(web::to(problem::no_such_path)),
        );
}

/// What the paths of one node's calls begin with.
const OF_A_NODE: &str = "/n/{node}";

/// Returns a resource of [`paths::ADMIN`], with the methods that it has there.
fn listed(path: &'static str) -> Resource {
    let methods = paths::methods(path);
    assert!(!methods.is_empty(), "{path} is not in the table of the admin listener's paths");
    only(path, methods.join(", "))
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
