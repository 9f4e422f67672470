//! What the rehearsal model asks of a protocol: a row for the server, and a conversation for the
//! socket.
//!
//! A row is data. The folder of the provider whose protocol it is has it, and the server lists it.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use actix_web::http::header::HeaderMap;
use actix_web::web;

use super::memory::Memory;
use super::misbehaviour::Misbehaviour;
use super::outgoing::Out;
use super::server::RehearsalOptions;

/// The row of a protocol.
#[derive(Debug)]
pub(super) struct Protocol {
    /// Its word in `realtime.rehearsal_protocol`.
    pub(super) word: &'static str,
    /// The paths of its sessions. The first one is in the URLs that we give.
    pub(super) paths: &'static [&'static str],
    /// The subprotocols that clients may offer. Browsers fail if the server selects none of theirs.
    pub(super) subprotocols: &'static [&'static str],
    /// Whether its URL is the base of an API, to which clients add the paths.
    pub(super) is_base: bool,
    /// Registers what it answers besides sessions.
    pub(super) routes: fn(&mut web::ServiceConfig),
    /// Opens a session, or answers the upgrade with a refusal.
    pub(super) open: fn(&Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal>,
}

/// The upgrade of a client, and what is rehearsed with it.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    /// The path of the URL.
    pub(super) path: &'a str,
    /// The parameters of the URL.
    pub(super) query: &'a HashMap<String, String>,
    /// The headers of the upgrade.
    pub(super) headers: &'a HeaderMap,
    /// The options of the server.
    pub(super) options: &'a RehearsalOptions,
    /// What the server's callers said.
    pub(super) memory: &'a Memory,
    /// The misbehaviour to rehearse.
    pub(super) misbehaviour: Rc<Misbehaviour>,
    /// The seed for ids.
    pub(super) seed: u64,
    /// The wall clock in seconds since 1970, for the times that a protocol tells.
    pub(super) epoch_s: u64,
    /// The time of the upgrade.
    pub(super) now: Instant,
}

/// The refusal of an upgrade.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// A header with the reason, where a protocol has one.
    pub(super) reason: Option<(&'static str, String)>,
    /// The body: JSON, or a text.
    pub(super) body: String,
}

impl Refusal {
    /// A refusal with a body alone.
    pub(super) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, reason: None, body: body.into() }
    }
}

/// For protocols that have sessions alone.
pub(super) fn no_routes(_: &mut web::ServiceConfig) {}

/// One conversation with a client: incoming messages, outgoing ones, and deadlines. Pure: the socket
/// supplies the time.
pub(super) trait ServerSession {
    /// Handles a text message of the client.
    fn hear_text(&mut self, text: &str, now: Instant);
    /// Handles a binary message of the client.
    fn hear_binary(&mut self, bytes: &[u8], now: Instant);
    /// Handles the client's answer to a ping.
    fn hear_pong(&mut self);
    /// Returns the socket's next action.
    fn next_out(&mut self) -> Option<Out>;
    /// Number of actions that wait for the socket.
    fn waiting(&self) -> usize;
    /// When [`ServerSession::tick`] is due.
    fn deadline(&self) -> Instant;
    /// Performs everything that is due.
    fn tick(&mut self, now: Instant);
}
