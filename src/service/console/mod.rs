//! The console: one page for operators, served from the binary alone.
//!
//! `page/` has hand-written HTML, CSS and ES modules; nothing builds them and the page asks nothing
//! of any other host. The page reads the admin listener's other paths; it learns from the index
//! (`GET /` as JSON) which of them exist.

use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::web::{self, Path};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// A file of the page.
#[derive(Debug)]
struct File {
    /// Its name below `/console/`.
    name: &'static str,
    /// Its content type.
    kind: &'static str,
    body: &'static [u8],
    /// A quoted hash of the body.
    etag: String,
}

macro_rules! files {
    ($($name:literal: $kind:expr),* $(,)?) => {
        vec![$(File {
            name: $name,
            kind: $kind,
            body: include_bytes!(concat!("page/", $name)),
            etag: etag(include_bytes!(concat!("page/", $name))),
        }),*]
    };
}

static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    files! {
        "index.html": HTML,
        "console.css": CSS,
        "panels.css": CSS,
        "icon.svg": SVG,
        "acts.js": JS,
        "api.js": JS,
        "app.js": JS,
        "calls.js": JS,
        "detail.js": JS,
        "dialog.js": JS,
        "dom.js": JS,
        "feed.js": JS,
        "format.js": JS,
        "history.js": JS,
        "live.js": JS,
        "player.js": JS,
        "service.js": JS,
        "sound.js": JS,
        "strip.js": JS,
        "test-call.js": JS,
        "waterfall.js": JS,
        "words.js": JS,
        "worklet.js": JS,
    }
});

/// Mounts the files of the page below `/console`. They need no token: they hold nothing of this
/// service, and the page itself asks for the token.
pub(super) fn mount(app: &mut web::ServiceConfig) {
    app.service(web::resource("/console").route(web::get().to(to_the_page)))
        .service(web::resource("/console/{name:.*}").route(web::get().to(file)));
}

/// Redirects to the page.
pub(super) async fn to_the_page() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/console/")).finish()
}

/// `GET /console/{name}`: a file, or 304 if the browser has it.
async fn file(request: HttpRequest, name: Path<String>) -> HttpResponse {
    let wanted = if name.is_empty() { "index.html" } else { name.as_str() };
    let Some(file) = FILES.iter().find(|file| file.name == wanted) else {
        return HttpResponse::NotFound().content_type("text/plain").body("the console has no such file\n");
    };
    let known = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|tags| tags.to_str().ok());
    let is_known = known.flat_map(|tags| tags.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == file.etag);
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, file.etag.clone()));
    for protection in PROTECTION {
        response.insert_header(*protection);
    }
    if is_known { response.finish() } else { response.content_type(file.kind).body(file.body) }
}

fn etag(body: &[u8]) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&Sha256::digest(body)[..12]))
}

/// What every file is sent with: no code or style but the files themselves, no other host, no frame
/// around the page. `no-cache` lets a browser keep a file and ask whether it has changed.
const PROTECTION: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("cache-control", "no-cache"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "microphone=(self), camera=(), geolocation=()"),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

#[cfg(test)]
mod tests;
