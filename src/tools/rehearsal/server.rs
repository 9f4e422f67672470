//! Starts and stops the server, and opens a session for each connection.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use switchboard_actors::clock;
use uuid::Uuid;

use super::log::ClientLog;
use super::misbehaviour::Misbehaviour;
use super::pace::Pace;
use super::session::{Opening, Session};
use super::socket::{self, Manner};

/// Options of the rehearsal model. The defaults suit the demo.
#[derive(Debug, Clone)]
pub struct RehearsalOptions {
    /// The address to listen on. Port 0 selects any free port.
    pub bind: SocketAddr,
    /// Speed as a multiple of real time; 0 sends everything at once. The real model has about 20.
    pub speed: f64,
    /// Length of the audio in one delta.
    pub delta: Duration,
    /// Delay of a transcript after its turn.
    pub transcript_after: Duration,
    /// Maximum length of a session.
    pub lifetime: Duration,
    /// Misbehaviour of every connection; its URL may add more.
    pub misbehaviour: Misbehaviour,
    /// Records client events, if set.
    pub log: Option<ClientLog>,
}

impl Default for RehearsalOptions {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            speed: 20.0,
            delta: Duration::from_millis(100),
            transcript_after: Duration::from_millis(250),
            lifetime: Duration::from_secs(3600),
            misbehaviour: Misbehaviour::default(),
            log: None,
        }
    }
}

/// A running rehearsal model. It ends when stopped or dropped.
#[derive(Debug)]
pub struct Rehearsal {
    address: SocketAddr,
    handle: ServerHandle,
}

impl Rehearsal {
    /// Starts the server on a thread of its own. Must be called within an actix system.
    ///
    /// # Errors
    /// Fails if the address cannot be bound.
    #[expect(clippy::unused_async, reason = "a start may come to wait; its callers already do")]
    pub async fn start(options: RehearsalOptions) -> io::Result<Self> {
        let bind = options.bind;
        let options = web::Data::new(options);
        let visitors = web::Data::new(Visitors::default());
        let server = HttpServer::new(move || {
            App::new().app_data(options.clone()).app_data(visitors.clone()).route("/v1/realtime", web::get().to(accept))
        })
        .workers(1)
        .tcp_nodelay(true)
        // Closes an ended connection at once. By default the client would notice the end a second
        // later.
        .client_disconnect_timeout(Duration::ZERO)
        .disable_signals()
        .bind(bind)?;
        let address = server.addrs().first().copied().unwrap_or(bind);
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(async move {
            if let Err(error) = server.await {
                log::error!(error:%; "rehearsal model failed");
            }
        });
        Ok(Self { address, handle })
    }

    /// The URL for clients, who add `?model=` and any model name.
    pub fn url(&self) -> String {
        format!("ws://{}/v1/realtime", self.address)
    }

    /// Stops the server and drops its connections.
    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        // The stop order is sent when the future is created; awaiting it is not necessary.
        drop(self.handle.stop(false));
    }
}

/// Runs the model as a program until a signal ends it. The URL is the first line on stdout.
///
/// # Errors
/// Fails if the address cannot be bound or stdout is closed.
pub async fn run_standalone(bind: SocketAddr) -> io::Result<()> {
    let rehearsal = Rehearsal::start(RehearsalOptions { bind, ..RehearsalOptions::default() }).await?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", rehearsal.url())?;
    stdout.flush()?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    rehearsal.stop().await;
    Ok(())
}

async fn accept(
    request: HttpRequest,
    body: web::Payload,
    options: web::Data<RehearsalOptions>,
    visitors: web::Data<Visitors>,
    query: web::Query<HashMap<String, String>>,
) -> actix_web::Result<HttpResponse> {
    let rehearse = query.get("rehearse").map(String::as_str).unwrap_or_default();
    let misbehaviour = match options.misbehaviour.with(rehearse) {
        Ok(misbehaviour) => misbehaviour,
        Err(error) => return Ok(HttpResponse::BadRequest().body(error)),
    };
    let (connection, alike) = visitors.count(rehearse);
    let over = misbehaviour.first.is_some_and(|first| alike > first);
    let misbehaviour = if over { Misbehaviour::default() } else { misbehaviour };
    if let Some(ms) = misbehaviour.upgrade_after_ms {
        actix_web::rt::time::sleep(Duration::from_millis(ms)).await;
    }
    if let Some(status) = misbehaviour.refuse {
        let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        return Ok(
            HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)).body("refused, as rehearsed")
        );
    }
    // Browsers offer subprotocols, and fail if the server selects none of them.
    let body = socket::watched(&request, body, LARGEST_MESSAGE).await?;
    let (response, sink, stream) = actix_ws::handle_with_protocols(&request, body, &["realtime"])?;
    let stream =
        stream.max_frame_size(LARGEST_MESSAGE).aggregate_continuations().max_continuation_size(LARGEST_MESSAGE);
    let opening = Opening {
        model: query.get("model").cloned(),
        beta: request.headers().get("OpenAI-Beta").is_some_and(|value| value.as_bytes().starts_with(b"realtime")),
        pace: Pace {
            delta: options.delta,
            speed: Some(options.speed).filter(|speed| *speed > 0.0).map(|speed| speed.max(0.01)),
            first_audio: Duration::ZERO,
            answer: None,
            late_deltas: 1,
        },
        transcript_after: options.transcript_after,
        lifetime: options.lifetime,
        misbehaviour: Rc::new(misbehaviour),
        seed: Uuid::new_v4().as_u64_pair().0,
        epoch_s: u64::try_from(clock::wall().timestamp()).unwrap_or_default(),
    };
    let fragment_bytes = misbehaviour.fragment_bytes.map(|bytes| usize::try_from(bytes.max(1)).unwrap_or(usize::MAX));
    let session = Session::open(&opening, clock::now());
    let deaf_at = misbehaviour.deaf_after_ms.map(|ms| clock::now() + Duration::from_millis(ms));
    let manner = Manner { fragment_bytes, deaf_at, log: options.log.clone().map(|log| (log, connection)) };
    actix_web::rt::spawn(socket::carry(session, manner, sink, stream));
    Ok(response)
}

/// Number of connections so far: in total, and per rehearsed misbehaviour.
#[derive(Debug, Default)]
struct Visitors(Mutex<(u64, HashMap<String, u64>)>);

impl Visitors {
    /// Counts a new connection. Returns its number in total, and among those that rehearse the
    /// same.
    fn count(&self, rehearse: &str) -> (u64, u64) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_rehearsal) = &mut *counted;
        *all += 1;
        if by_rehearsal.len() >= MOST_REHEARSALS && !by_rehearsal.contains_key(rehearse) {
            by_rehearsal.clear();
        }
        let alike = by_rehearsal.entry(rehearse.to_owned()).or_default();
        *alike += 1;
        (*all, *alike)
    }
}

/// Maximum number of rehearsals that are counted separately.
const MOST_REHEARSALS: usize = 1024;
/// Maximum size of a message: 15 MiB of audio as base64, with the JSON around it.
const LARGEST_MESSAGE: usize = 21 * 1024 * 1024;
