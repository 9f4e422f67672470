//! The connections of a listener's thread: carries out the decisions of [`Crowd`] on that thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::time::Duration;

use actix_http::Extensions;
use actix_http::error::DispatchError;
use actix_rt::net::TcpStream;
use actix_service::{Service as _, ServiceFactory, fn_factory, fn_service};
use futures_util::future::{Either, select};
use log::warn;
use switchboard_actors::clock;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::service::crowd::{Connection, Crowd};

/// A connection's entry; dropping it removes the connection.
pub(crate) struct ConnectionSlot {
    registry: Rc<Connections>,
    connection: Connection,
}

/// A request in progress; dropping it ends the request.
pub(crate) struct Served(Rc<ConnectionSlot>);

/// The connections of a thread.
struct Connections {
    crowd: RefCell<Crowd>,
    /// The notifications that tell each connection to close.
    dismissals: RefCell<HashMap<Connection, Rc<Notify>>>,
}

/// Serves connections with `http`, of which at most `most` may wait for a request.
pub(crate) fn bounded<F>(
    most: usize,
    http: F,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    F: ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>,
    F::Service: 'static,
{
    fn_factory(move || {
        let http = http.new_service(());
        async move {
            let http = Rc::new(http.await?);
            let registry =
                Rc::new(Connections { crowd: RefCell::new(Crowd::new(most)), dismissals: RefCell::default() });
            actix_rt::spawn(watch(Rc::downgrade(&registry)));
            Ok(fn_service(move |io: TcpStream| {
                let (slot, dismissed) = ConnectionSlot::enter(&registry);
                let connection = http.call(io);
                async move {
                    let mut connection = pin!(connection);
                    let carried = poll_fn(|task| {
                        ARRIVING.set(Some(Rc::clone(&slot)));
                        let polled = connection.as_mut().poll(task);
                        ARRIVING.take();
                        polled
                    });
                    match select(carried, pin!(dismissed.notified())).await {
                        Either::Left((ended, _)) => ended,
                        Either::Right(_) => Ok(()),
                    }
                }
            }))
        }
    })
}

/// Attaches the entry of the connection to its requests.
pub(crate) fn introduce(_: &TcpStream, known: &mut Extensions) {
    if let Some(slot) = ARRIVING.take() {
        known.insert(slot);
    }
}

/// Closes the connections that [`Crowd`] names, while the thread has any.
async fn watch(registry: Weak<Connections>) {
    loop {
        sleep(LOOK).await;
        let Some(registry) = registry.upgrade() else { return };
        let gone = registry.crowd.borrow().superfluous(clock::now());
        if !gone.is_empty() {
            warn!(connections = gone.len(); "connections without a whole request were closed");
        }
        for connection in gone {
            if let Some(dismissal) = registry.dismissals.borrow().get(&connection) {
                dismissal.notify_one();
            }
        }
    }
}

impl ConnectionSlot {
    fn enter(registry: &Rc<Connections>) -> (Rc<Self>, Rc<Notify>) {
        let connection = registry.crowd.borrow_mut().enter(clock::now());
        let dismissed = Rc::new(Notify::new());
        registry.dismissals.borrow_mut().insert(connection, Rc::clone(&dismissed));
        (Rc::new(Self { registry: Rc::clone(registry), connection }), dismissed)
    }

    /// A complete request arrived.
    pub(crate) fn serve(self: &Rc<Self>) -> Served {
        self.registry.crowd.borrow_mut().serve(self.connection);
        Served(Rc::clone(self))
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.registry.crowd.borrow_mut().leave(self.connection);
        self.registry.dismissals.borrow_mut().remove(&self.connection);
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let Self(slot) = self;
        slot.registry.crowd.borrow_mut().answered(slot.connection, clock::now());
    }
}

thread_local! {
    /// The entry of the connection that is being polled now.
    static ARRIVING: RefCell<Option<Rc<ConnectionSlot>>> = const { RefCell::new(None) };
}

/// The interval of the check. Longer would make new connections wait behind a crowd.
const LOOK: Duration = Duration::from_millis(250);
