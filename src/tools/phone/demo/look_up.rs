//! The demo's look-up: a small server on this machine that knows who is calling, and checks that the
//! question is signed.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use switchboard_actors::delivery::signature::Secrets;
use switchboard_actors::ids::CallId;

/// The server.
pub struct LookUp {
    url: String,
    secret: String,
    asked: Arc<Mutex<Vec<bool>>>,
    handle: ServerHandle,
}

struct Known {
    secrets: Secrets,
    /// Whether each question so far was signed as it has to be.
    asked: Arc<Mutex<Vec<bool>>>,
}

impl LookUp {
    /// Starts it on a free port, with a secret of its own.
    ///
    /// # Errors
    /// When the system has no port for it.
    pub fn start() -> io::Result<Self> {
        let asked = Arc::<Mutex<Vec<bool>>>::default();
        let secret = format!("whsec_{}", BASE64_STANDARD.encode(CallId::random().to_string()));
        let secrets = Secrets::parse(&secret).map_err(io::Error::other)?;
        let known = Data::new(Known { secrets, asked: Arc::clone(&asked) });
        let server =
            HttpServer::new(move || App::new().app_data(known.clone()).default_service(web::post().to(answer)))
                .workers(1)
                .disable_signals()
                .bind(("127.0.0.1", 0))?;
        let url = server.addrs().first().map(|address| format!("http://{address}/callers")).unwrap_or_default();
        let server = server.run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Ok(Self { url, secret, asked, handle })
    }

    /// The settings that make the service ask it, and its agent greet by name: `greeting` is what it
    /// would say without.
    pub fn settings(&self, greeting: &str) -> Vec<(&'static str, String)> {
        vec![
            ("agents.default.variables", r#"{ caller_name = "" }"#.to_owned()),
            ("agents.default.greeting", format!("{{{{caller_name}}}}! {greeting}")),
            ("agents.default.lookup.url", self.url.clone()),
            ("agents.default.lookup.allow_private", r#"["127.0.0.1"]"#.to_owned()),
        ]
    }

    /// The environment's variable that holds the secret, and the secret.
    pub fn secret(&self) -> (&'static str, &str) {
        ("SWITCHBOARD_WEBHOOK_SECRET", &self.secret)
    }

    /// Stops it.
    ///
    /// # Errors
    /// What was wrong with the questions that it was asked.
    pub async fn stop(self) -> Result<(), &'static str> {
        self.handle.stop(false).await;
        match self.asked.lock().unwrap_or_else(PoisonError::into_inner)[..] {
            [] => Err("the look-up was not asked who is calling"),
            ref asked if asked.contains(&false) => Err("the look-up was asked without a valid signature"),
            _ => Ok(()),
        }
    }
}

async fn answer(request: HttpRequest, body: Bytes, known: Data<Known>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let at = header("webhook-timestamp").parse().unwrap_or_default();
    let is_signed = known.secrets.sign(header("webhook-id"), at, &body) == header("webhook-signature");
    known.asked.lock().unwrap_or_else(PoisonError::into_inner).push(is_signed);
    HttpResponse::Ok().json(json!({ "variables": { "caller_name": CALLER } }))
}

/// Who is calling.
const CALLER: &str = "Asha";
