//! A listening address: HTTP/1.1, and the WebSockets that are taken out of it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::ArbiterService as _;
use actix_http::HttpService;
use actix_rt::net::TcpStream;
use actix_rt::task::JoinHandle;
use actix_server::{Server, ServerHandle};
use actix_service::{fn_service, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig};
use log::warn;
use switchboard_actors::carrier::webhook_api::OwnListener;
use switchboard_actors::carrier::{Carrier, Packets};
use switchboard_actors::realtime::pool::actor::SessionPool;
use tokio::net::TcpSocket;

use crate::service::connections::{bounded, introduce};
use crate::service::routes::app::AppState;
use crate::service::routes::packets;
use crate::service::routes::upgrade::upgrades;
use crate::service::routes::welcome::welcome;
use crate::service::{ServiceError, lag};

/// A listener that is bound and does not accept yet.
pub(crate) struct Bound {
    pub(crate) address: SocketAddr,
    run: Box<dyn FnOnce() -> Server>,
}

/// Where to listen.
pub(crate) struct Place {
    /// The setting that says so.
    pub(crate) key: &'static str,
    pub(crate) address: SocketAddr,
    /// The socket, if the service manager has bound it.
    pub(crate) given: Option<std::net::TcpListener>,
}

/// The limits of connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Connections that wait for a request, over all threads.
    pub(crate) strangers: usize,
    /// Connections with a request in progress, and streams. The limit holds per thread, because all
    /// may be on one.
    pub(crate) others: usize,
}

/// A listener that accepts connections.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

impl Bound {
    /// Binds a place. The listener reads the state `app` once it starts to accept.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub(crate) fn at(
        Place { key, address, given }: Place,
        workers: usize,
        room: Room,
        app: &Arc<OnceLock<Data<AppState>>>,
        paths: fn(&mut ServiceConfig),
    ) -> Result<Self, ServiceError> {
        let failed = |source| ServiceError::Listen { key, address, source };
        let socket = given.map_or_else(|| listen(address), Ok).map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        let app = Arc::clone(app);
        let listener = key.split('.').next().unwrap_or(key);
        let strangers = (room.strangers / workers.max(1)).max(FEWEST);
        let threads = Arc::new(AtomicUsize::new(0));
        let server = Server::build()
            .workers(workers)
            .disable_signals()
            // A second safeguard: beyond this limit connections wait in the system's queue.
            .max_concurrent_connections(strangers.saturating_add(room.others))
            // Every call has ended by then; only idle connections are left.
            .shutdown_timeout(1);
        let stopping = server.graceful_shutdown_signal();
        let serve = move || {
            // This runs once on each thread of the listener.
            let app = app.get().expect("`build` sets the state of the listeners before it serves them");
            let of_calls = key == "server.bind";
            let thread = format!("{listener}-{}", threads.fetch_add(1, Ordering::Relaxed));
            lag::watch(thread, of_calls.then(|| Data::clone(app)));
            if of_calls {
                keep_sessions(app);
            }
            let app = Data::clone(app);
            let app = move || {
                let app = App::new().app_data(Data::clone(&app)).configure(paths).wrap(from_fn(welcome));
                map_config(app, |()| AppConfig::default())
            };
            let stopping = stopping.clone();
            let http = HttpService::build()
                .on_connect_ext(introduce)
                // Idle connections close when the service stops, not at the end of their
                // keep-alive.
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                // Nagle's algorithm would delay every frame that follows an unacknowledged one: 24
                // ms at p95.
                .tcp_nodelay(true)
                // Longer than the keep-alive of common proxies, so that the proxy closes first and
                // never sends into a closed connection.
                .keep_alive(Duration::from_secs(75))
                .client_request_timeout(Duration::from_secs(5))
                .client_disconnect_timeout(Duration::from_secs(1))
                .local_addr(bound)
                .upgrade(upgrades(app.clone()))
                .finish(app())
                .tcp();
            bounded(strangers, http)
        };
        let server = server.listen(listener, socket, serve).map_err(failed)?;
        Ok(Self { address: bound, run: Box::new(move || server.run()) })
    }

    /// Binds the TCP listener of a carrier whose streams are no WebSockets. `most` connections may be
    /// open on each thread.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub(crate) fn packets(
        carrier: Carrier,
        packets: Packets,
        OwnListener { key, address }: OwnListener,
        workers: usize,
        most: usize,
        app: &Arc<OnceLock<Data<AppState>>>,
    ) -> Result<Self, ServiceError> {
        let failed = |source| ServiceError::Listen { key, address, source };
        let socket = listen(address).map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        let (app, threads) = (Arc::clone(app), Arc::new(AtomicUsize::new(0)));
        let server = Server::build()
            .workers(workers)
            .disable_signals()
            .max_concurrent_connections(most)
            // Every call has ended by then.
            .shutdown_timeout(1);
        let serve = move || {
            // This runs once on each thread of the listener.
            let app = app.get().expect("`build` sets the state of the listeners before it serves them").clone();
            let thread = format!("{}-{}", carrier.name(), threads.fetch_add(1, Ordering::Relaxed));
            lag::watch(thread, Some(app.clone()));
            keep_sessions(&app);
            fn_service(move |connection: TcpStream| {
                let app = app.clone();
                async move {
                    packets::serve(carrier, packets, connection, app).await;
                    Ok::<_, Infallible>(())
                }
            })
        };
        let server = server.listen(carrier.name(), socket, serve).map_err(failed)?;
        Ok(Self { address: bound, run: Box::new(move || server.run()) })
    }

    pub(crate) fn listen(self) -> Listener {
        let server = (self.run)();
        Listener { address: self.address, handle: server.handle(), task: actix_rt::spawn(server) }
    }
}

impl Listener {
    pub(crate) async fn stop(self) {
        self.handle.stop(true).await;
        if let Ok(Err(problem)) = self.task.await {
            warn!(problem:%; "the listener did not end in order");
        }
    }
}

/// Keeps the model's sessions that wait for calls on this thread, which is one that calls run on.
fn keep_sessions(app: &AppState) {
    if let Some(keep) = app.waiting.clone() {
        SessionPool::from_registry().do_send(keep);
    }
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart can bind the address while connections of the previous process linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Fewest connections that may wait on a thread, whatever the total limit.
const FEWEST: usize = 32;
/// The system's queue of new connections: a burst of callers waits here instead of retrying a
/// second later.
const BACKLOG: u32 = 1024;
