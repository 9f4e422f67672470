//! Streams that are no WebSockets: packets on a TCP connection, whose first packet shows the permit.
//! An actor has the connection, and one end of the line. The stream itself is a [`LineEnd`].

use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Recipient, StreamHandler};
use actix_rt::net::TcpStream;
use actix_web::web::{Bytes, BytesMut, Data};
use futures_util::stream::unfold;
use log::{debug, warn};
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
    // Nagle's algorithm would join packets, and the carrier gives up one that comes in pieces.
    if connection.set_nodelay(true).is_err() {
        return;
    }
    let patience = app.stream.stall_timeout;
    let (read, write) = connection.into_split();
    let (out, queue) = mpsc::channel(LONGEST_QUEUE);
    // The permit is in the first packet, which the wire reads as a parameter of the start.
    let arrival = Arrival::Announced { token: None, parameters: Vec::new() };
    let end = LineEnd::new(carrier, arrival, app, ticket);
    PacketStream::create(|ctx| {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.add_stream(unfold(Some(Reader { read, buffer: BytesMut::new(), packets }), Reader::next));
        PacketStream { end, out: Some(out) }
    });
    write_all(write, queue, patience).await;
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
async fn write_all(mut write: OwnedWriteHalf, mut queue: mpsc::Receiver<Bytes>, patience: Duration) {
    while let Some(packet) = queue.recv().await {
        match timeout(patience, write.write_all(&packet)).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => return debug!(problem:%; "the connection failed"),
            Err(_) => return warn!("the carrier reads nothing from its connection; it is closed"),
        }
    }
    // The other side reads what is written, then the end.
    let _ = timeout(GOODBYE, write.shutdown()).await;
}

/// The incoming packets.
struct Reader {
    read: OwnedReadHalf,
    buffer: BytesMut,
    packets: Packets,
}

impl Reader {
    /// The next packet; `None` once the connection has ended.
    async fn next(this: Option<Self>) -> Option<(Bytes, Option<Self>)> {
        let mut this = this?;
        loop {
            // A head says the length with two bytes, so the buffer is bounded.
            if let Some(length) = this.packets.first(&this.buffer) {
                let packet = this.buffer.split_to(length).freeze();
                return Some((packet, Some(this)));
            }
            match pin!(this.read.read_buf(&mut this.buffer)).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}

/// The connection of one carrier stream.
struct PacketStream {
    /// The stream.
    end: LineEnd,
    /// The packets to be written; `None` after our close.
    out: Option<mpsc::Sender<Bytes>>,
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

impl StreamHandler<Bytes> for PacketStream {
    fn handle(&mut self, packet: Bytes, ctx: &mut Self::Context) {
        self.with(ctx, |end, tcp| end.hear(Incoming::Binary(&packet), tcp));
    }

    /// The carrier closes the connection when the caller hangs up, and says nothing before.
    fn finished(&mut self, ctx: &mut Self::Context) {
        self.with(ctx, |end, tcp| end.step(StreamEvent::PeerClosed { in_order: true }, tcp));
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
