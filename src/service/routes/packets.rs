//! Streams that are no WebSockets: packets on a TCP connection, whose first packet shows the permit.
//! An actor has the connection, and one end of the line. The stream itself is a [`LineEnd`].

use std::cell::Cell;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Recipient, StreamHandler};
use actix_rt::net::TcpStream;
use actix_web::web::{Bytes, BytesMut, Data};
use futures_util::stream::unfold;
use log::{debug, warn};
use rustix::net::sockopt;
use switchboard_actors::alarm::{Alarm, TimeUp};
use switchboard_actors::carrier::webhook_api::Arrival;
use switchboard_actors::carrier::{Carrier, Incoming, Packets};
use switchboard_actors::events::emit;
use switchboard_actors::line::messages::{Line, LineAttached, ToLine};
use switchboard_actors::line::stream::{CloseCode, StreamEvent};
use switchboard_actors::supervisor::events::Event;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::app::AppState;
use super::line_end::{LineEnd, MAILBOX, Refused, Transport};

/// Serves a connection until it ends.
pub(crate) async fn serve(carrier: Carrier, packets: Packets, connection: TcpStream, app: Data<AppState>) {
    let Ok(address) = connection.peer_addr().map(|address| address.ip().to_canonical()) else { return };
    let Some(ticket) = enter(address, &app) else { return };
    if let Err(problem) = prepare(&connection) {
        return debug!(problem:%; "the connection failed");
    }
    let patience = app.now().stream.stall_timeout;
    let (read, write) = connection.into_split();
    let (out, queue) = mpsc::channel(LONGEST_QUEUE);
    // The permit is in the first packet, which the wire reads as a parameter of the start.
    let arrival = Arrival::Announced { token: None, parameters: Vec::new() };
    let end = LineEnd::new(carrier, arrival, app, ticket);
    let broken = Rc::new(Cell::new(false));
    PacketStream::create(|ctx| {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.add_stream(unfold(Some(Reader { read, buffer: BytesMut::new(), packets }), Reader::next));
        PacketStream { end, out: Some(out), broken: Rc::clone(&broken) }
    });
    write_all(write, queue, patience, &broken).await;
}

/// Sets the options of a connection.
fn prepare(connection: &TcpStream) -> io::Result<()> {
    // Nagle's algorithm would join packets, and the carrier gives up one that comes in pieces.
    connection.set_nodelay(true)?;
    // A PBX that has died sends no end, and one with silence suppression sends nothing for as long as
    // the caller is silent. What tells them apart is that our own packets are acknowledged.
    let patience = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(connection, patience)?;
    Ok(())
}

fn enter(address: IpAddr, app: &AppState) -> Option<super::limiter::Ticket> {
    let ticket = app.limiter.enter(address);
    if let Err(crowded) = &ticket {
        emit(Event::CallRefused { reason: "too_many_sockets", carrier_call: None });
        debug!("{crowded}");
    }
    ticket.ok()
}

/// Writes packets, each at once and whole, until the actor lets the queue go.
async fn write_all(
    mut write: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Bytes>,
    patience: Duration,
    broken: &Cell<bool>,
) {
    while let Some(packet) = queue.recv().await {
        match timeout(patience, write.write_all(&packet)).await {
            Ok(Ok(())) => {}
            // The system reports a failure once, to whoever asks first; the reader then sees an end.
            Ok(Err(problem)) => return failed(&problem, broken),
            Err(_) => {
                broken.set(true);
                return warn!("the carrier reads nothing from its connection; it is closed");
            }
        }
    }
    // The other side reads what is written, then the end.
    let _ = timeout(GOODBYE, write.shutdown()).await;
}

/// Notes a failure of the connection. A reset is none: so ends a hang-up whose caller had audio of
/// ours on the way.
fn failed(problem: &io::Error, broken: &Cell<bool>) {
    use io::ErrorKind as Kind;
    if matches!(problem.kind(), Kind::TimedOut | Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown) {
        broken.set(true);
        warn!(problem:%; "nothing comes from a stream's carrier any more: has it died, or the network between?");
    } else {
        debug!(problem:%; "the connection failed");
    }
}

/// The incoming packets.
struct Reader {
    read: OwnedReadHalf,
    buffer: BytesMut,
    packets: Packets,
}

impl Reader {
    /// The next packet, or that the connection has failed; `None` once it has ended.
    async fn next(this: Option<Self>) -> Option<(Received, Option<Self>)> {
        let mut this = this?;
        loop {
            // A head says the length with two bytes, so the buffer is bounded.
            if let Some(length) = this.packets.first(&this.buffer) {
                let packet = this.buffer.split_to(length).freeze();
                return Some((Received::Packet(packet), Some(this)));
            }
            match pin!(this.read.read_buf(&mut this.buffer)).await {
                Ok(0) => return None,
                Ok(_) => {}
                Err(problem) => return Some((Received::Failure(problem), None)),
            }
        }
    }
}

/// What a connection brings.
enum Received {
    /// A whole packet.
    Packet(Bytes),
    /// The carrier has reset the connection, or acknowledges nothing any more.
    Failure(io::Error),
}

/// The connection of one carrier stream.
struct PacketStream {
    /// The stream.
    end: LineEnd,
    /// The packets to be written; `None` after our close.
    out: Option<mpsc::Sender<Bytes>>,
    /// Whether the carrier has died, as the reader or the writer has noticed. The end of the connection
    /// then says nothing about the caller.
    broken: Rc<Cell<bool>>,
}

impl PacketStream {
    /// Lets the stream act on its connection.
    fn with(&mut self, ctx: &mut Context<Self>, act: impl FnOnce(&mut LineEnd, &mut Tcp<'_>)) {
        act(&mut self.end, &mut Tcp { ctx, out: &mut self.out });
    }
}

/// The connection as a transport.
struct Tcp<'a> {
    ctx: &'a mut Context<PacketStream>,
    out: &'a mut Option<mpsc::Sender<Bytes>>,
}

impl Transport for Tcp<'_> {
    fn send(&mut self, message: Incoming<'_>) {
        let (Incoming::Binary(packet), Some(out)) = (message, &*self.out) else { return };
        // A full queue is a carrier that reads nothing: what is perishable is dropped, and the writer
        // gives the connection up.
        let _ = out.try_send(Bytes::copy_from_slice(packet));
    }

    /// There are no pings.
    fn ping(&mut self) {}

    fn close(&mut self, _: CloseCode, _: &str) {
        // The writer writes what is queued, and then the end.
        *self.out = None;
    }

    fn stop(&mut self) {
        *self.out = None;
        self.ctx.stop();
    }

    fn line(&self) -> Line {
        let me = self.ctx.address();
        Line { to_line: me.clone().recipient(), attach: me.recipient() }
    }

    fn refusals(&self) -> Recipient<Refused> {
        self.ctx.address().recipient()
    }
}

impl Actor for PacketStream {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.end.started(Alarm::new(ctx.address().downgrade().recipient()));
    }

    fn stopped(&mut self, ctx: &mut Self::Context) {
        self.with(ctx, |end, tcp| end.gone(tcp));
    }
}

impl StreamHandler<Received> for PacketStream {
    fn handle(&mut self, received: Received, ctx: &mut Self::Context) {
        match received {
            Received::Packet(packet) => self.with(ctx, |end, tcp| end.hear(Incoming::Binary(&packet), tcp)),
            Received::Failure(problem) => {
                failed(&problem, &self.broken);
            }
        }
    }

    /// The carrier closes the connection when the caller hangs up, and says nothing before.
    fn finished(&mut self, ctx: &mut Self::Context) {
        let in_order = !self.broken.get();
        self.with(ctx, |end, tcp| end.step(StreamEvent::PeerClosed { in_order }, tcp));
    }
}

impl Handler<TimeUp> for PacketStream {
    type Result = ();

    fn handle(&mut self, time_up: TimeUp, ctx: &mut Self::Context) {
        self.with(ctx, |end, tcp| end.time_up(time_up, tcp));
    }
}

impl Handler<LineAttached> for PacketStream {
    type Result = ();

    fn handle(&mut self, call: LineAttached, ctx: &mut Self::Context) {
        self.with(ctx, |end, tcp| end.attached(call, tcp));
    }
}

impl Handler<ToLine> for PacketStream {
    type Result = ();

    fn handle(&mut self, ToLine(command): ToLine, ctx: &mut Self::Context) {
        self.with(ctx, |end, tcp| end.step(StreamEvent::Command(command), tcp));
    }
}

impl Handler<Refused> for PacketStream {
    type Result = ();

    fn handle(&mut self, refused: Refused, ctx: &mut Self::Context) {
        self.with(ctx, |end, tcp| end.refused(refused, tcp));
    }
}

/// Packets that may wait for a carrier: two seconds. More would be heard too late to be useful.
const LONGEST_QUEUE: usize = 100;
/// How long the end of a connection may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long what we send may stay unacknowledged. Something is sent at least twice a second. Shorter
/// gives calls up that a moment of the network would have survived; longer keeps the place and the
/// model of a call whose PBX is dead.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn a_connection_is_given_up_when_nothing_is_acknowledged() {
        let listener = actix_rt::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (_peer, accepted) = futures_util::join!(TcpStream::connect(address), listener.accept());
        let (connection, _) = accepted.expect("a connection");
        prepare(&connection).expect("options");
        assert_eq!(sockopt::tcp_user_timeout(&connection).expect("an option"), 10_000);
        assert!(connection.nodelay().expect("an option"));
    }

    #[test]
    fn only_a_carrier_that_is_gone_leaves_its_caller_unheard_of() {
        use io::ErrorKind as Kind;
        for (kind, expected) in [
            (Kind::TimedOut, true),
            (Kind::HostUnreachable, true),
            (Kind::ConnectionReset, false),
            (Kind::BrokenPipe, false),
        ] {
            let broken = Cell::new(false);
            failed(&kind.into(), &broken);
            assert_eq!(broken.get(), expected, "{kind:?}");
        }
    }
}
