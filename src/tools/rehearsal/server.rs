//! Starts and stops the server, and counts its connections.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use switchboard_actors::realtime::seat::Provider;

use super::accept::accept;
use super::cascade;
use super::gemini;
use super::log::ClientLog;
use super::memory::Memory;
use super::misbehaviour::Misbehaviour;
use super::openai;
use super::openai_live;
use super::protocol::Protocol;
use super::tls::TlsPort;

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
        let memory = web::Data::new(Memory::default());
        let server = HttpServer::new(move || {
            let mut app = App::new().app_data(options.clone()).app_data(visitors.clone()).app_data(memory.clone());
            for protocol in PROTOCOLS {
                let opened = move |request, body, options, shared, query| {
                    accept(protocol, request, body, options, shared, query)
                };
                app = protocol.paths.iter().fold(app, |app, path| app.route(path, web::get().to(opened)));
                app = app.configure(protocol.routes);
            }
            app
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

    /// The URL for clients of the first protocol, who add `?model=` and any model name.
    pub fn url(&self) -> String {
        self.url_at(PROTOCOLS[0])
    }

    /// The URL for clients of a protocol, by its word in `realtime.rehearsal_protocol`; `None` if
    /// there is no such protocol.
    pub fn url_for(&self, protocol: &str) -> Option<String> {
        PROTOCOLS.into_iter().find(|row| row.word == protocol).map(|row| self.url_at(row))
    }

    fn url_at(&self, protocol: &Protocol) -> String {
        let path = if protocol.is_base { "" } else { protocol.paths[0] };
        format!("ws://{}{path}", self.address)
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

/// The words of the protocols. The first is the default.
pub fn protocols() -> impl Iterator<Item = &'static str> {
    Provider::protocols()
}

/// Runs the model as a program until a signal ends it. It speaks every protocol; the URL for that of
/// `protocol` is the first line on stdout. With a file for its certificate it speaks TLS.
///
/// # Errors
/// Fails if the address cannot be bound, the file cannot be written, stdout is closed, or there is
/// no such protocol.
pub async fn run_standalone(bind: SocketAddr, protocol: &str, certificate: Option<&Path>) -> io::Result<()> {
    let options = RehearsalOptions::default();
    let bind_plain = if certificate.is_some() { options.bind } else { bind };
    let rehearsal = Rehearsal::start(RehearsalOptions { bind: bind_plain, ..options }).await?;
    let mut url = rehearsal.url_for(protocol).ok_or(io::ErrorKind::Unsupported)?;
    let mut tls = None;
    if let Some(file) = certificate {
        let port = TlsPort::open(bind, rehearsal.address).await?;
        let written = std::fs::write(file, port.certificate());
        written.map_err(|error| io::Error::new(error.kind(), format!("--certificate {}: {error}", file.display())))?;
        url = url.replacen(&format!("ws://{}", rehearsal.address), &format!("wss://{}", port.address()), 1);
        tls = Some(port);
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "{url}")?;
    stdout.flush()?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    drop(tls);
    rehearsal.stop().await;
    Ok(())
}

/// Number of connections so far: in total, and per rehearsed misbehaviour.
#[derive(Debug, Default)]
pub(super) struct Visitors(Mutex<(u64, HashMap<String, u64>)>);

impl Visitors {
    /// Counts a new connection. Returns its number in total, and among those that rehearse the
    /// same.
    pub(super) fn count(&self, rehearse: &str) -> (u64, u64) {
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

/// Every protocol, one row each.
const PROTOCOLS: [&Protocol; 4] =
    [&openai::seat::REALTIME, &openai_live::seat::LIVE, &gemini::seat::LIVE_API, &cascade::seat::ENGINES];
/// Maximum number of rehearsals that are counted separately.
const MOST_REHEARSALS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_of_the_configuration_is_served_and_no_other() {
        let served: Vec<&str> = PROTOCOLS.iter().map(|row| row.word).collect();
        assert_eq!(served, protocols().collect::<Vec<_>>());
    }
}
