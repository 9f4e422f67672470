//! A stream that does not read any more.
//!
//! While a peer takes nothing and the write buffer is full, the server does not poll the stream's actor at all: its timers
//! stand still, its mailbox is not emptied, and its socket would stay open for as long as the peer likes. So somebody outside
//! of it watches its pulse, and cuts the connection when there is none.

use std::any::Any;
use std::cell::Cell;
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::dev::Extensions;
use log::warn;
use switchboard_actors::clock;
use switchboard_actors::events::{Event, emit};

/// The connection under a request, to be cut if it must be; put there when it is accepted.
pub struct Connection(TcpStream);

/// Keeps a handle of each new connection beside it.
pub fn remember(connection: &dyn Any, data: &mut Extensions) {
    if let Some(handle) = handle_of(connection) {
        data.insert(Rc::new(Connection(handle)));
    }
}

#[cfg(unix)]
fn handle_of(connection: &dyn Any) -> Option<TcpStream> {
    use std::os::fd::AsFd;
    let stream = connection.downcast_ref::<actix_rt::net::TcpStream>()?;
    // Out of descriptors: then this connection is one that cannot be cut, and others have worse trouble.
    stream.as_fd().try_clone_to_owned().ok().map(TcpStream::from)
}

#[cfg(not(unix))]
fn handle_of(_: &dyn Any) -> Option<TcpStream> {
    None
}

/// A stream's pulse; lives and dies with its actor.
pub(super) struct Pulse(Rc<Cell<Instant>>);

impl Pulse {
    /// A pulse that is watched: when it has not beaten for `patience`, the connection is cut.
    pub(super) fn watched(connection: Option<&Rc<Connection>>, patience: Duration) -> Self {
        let beat = Rc::new(Cell::new(clock::now()));
        if let Some(connection) = connection {
            actix_rt::spawn(watch(Rc::downgrade(&beat), Rc::downgrade(connection), patience));
        }
        Self(beat)
    }

    /// The stream is alive.
    pub(super) fn beat(&self) {
        self.0.set(clock::now());
    }
}

/// Holds neither the stream nor its connection: both go when they go.
async fn watch(beat: std::rc::Weak<Cell<Instant>>, connection: std::rc::Weak<Connection>, patience: Duration) {
    loop {
        let Some(last) = beat.upgrade().map(|beat| beat.get()) else { return };
        let left = patience.saturating_sub(clock::now().saturating_duration_since(last));
        if left.is_zero() {
            break;
        }
        tokio::time::sleep(left).await;
    }
    if let Some(connection) = connection.upgrade() {
        emit(Event::CallRefused { reason: "stalled" });
        warn!("a stream took nothing for {patience:?} and was cut");
        // Fails only when the connection is gone already.
        let _ = connection.0.shutdown(Shutdown::Both);
    }
}
