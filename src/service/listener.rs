//! An address that is listened at: HTTP/1.1, and the WebSockets that are taken out of it.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::ArbiterService as _;
use actix_http::HttpService;
use actix_rt::task::JoinHandle;
use actix_server::{Server, ServerHandle};
use actix_service::map_config;
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig};
use log::warn;
use switchboard_actors::realtime::pool::actor::SessionPool;
use tokio::net::TcpSocket;

use crate::service::places::{bounded, introduce};
use crate::service::routes::app::AppState;
use crate::service::routes::upgrade::upgrades;
use crate::service::routes::welcome::welcome;
use crate::service::{ServiceError, lag};

/// A listener that is bound and not yet served.
pub(crate) struct Bound {
    pub(crate) address: SocketAddr,
    run: Box<dyn FnOnce() -> Server>,
}

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Those that wait for a request, over all threads.
    pub(crate) strangers: usize,
    /// Those with one in hand, and streams; on each thread, for all may be on one.
    pub(crate) others: usize,
}

/// A listener that is served.
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

impl Bound {
    /// Binds `address`, which `key` has set; what the doors know is read from `app` when serving begins.
    ///
    /// # Errors
    /// When the address cannot be listened at.
    pub(crate) fn at(
        key: &'static str,
        address: SocketAddr,
        workers: usize,
        room: Room,
        app: &Arc<OnceLock<Data<AppState>>>,
        paths: fn(&mut ServiceConfig),
    ) -> Result<Self, ServiceError> {
        let failed = |source| ServiceError::Listen { key, address, source };
        let socket = listen(address).map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        let app = Arc::clone(app);
        let listener = key.split('.').next().unwrap_or(key);
        let strangers = (room.strangers / workers.max(1)).max(FEWEST);
        let threads = Arc::new(AtomicUsize::new(0));
        let server = Server::build()
            .workers(workers)
            .disable_signals()
            // A belt: beyond it connections wait in the system's queue.
            .max_concurrent_connections(strangers.saturating_add(room.others))
            // By then every call has ended; only idle connections are left.
            .shutdown_timeout(1);
        let stopping = server.graceful_shutdown_signal();
        let serve = move || {
            // Once on each of the listener's threads.
            lag::watch(format!("{listener}-{}", threads.fetch_add(1, Ordering::Relaxed)));
            let app = app.get().expect("`build` tells what the doors know before it serves them");
            // Calls live on the threads that carriers reach.
            if let Some(keep) = app.waiting.clone().filter(|_| key == "server.bind") {
                SessionPool::from_registry().do_send(keep);
            }
            let app = Data::clone(app);
            let app = move || {
                let app = App::new().app_data(Data::clone(&app)).configure(paths).wrap(from_fn(welcome));
                map_config(app, |()| AppConfig::default())
            };
            let stopping = stopping.clone();
            let http = HttpService::build()
                .on_connect_ext(introduce)
                // Idle connections go when the service does, not when their time is up.
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                // Nagle's algorithm holds back every frame that follows an unacknowledged one: 24 ms at p95.
                .tcp_nodelay(true)
                // Longer than a proxy keeps its idle connections, so that it is never the one surprised.
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

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart takes the address although connections of the process before linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Connections that may wait on a thread, however few there may be in all.
const FEWEST: usize = 32;
/// A burst of callers waits here for a moment instead of retrying a second later.
const BACKLOG: u32 = 1024;
