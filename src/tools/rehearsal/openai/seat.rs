//! The row of this protocol: how a client's upgrade becomes a session.

use std::rc::Rc;

use super::dialect::translated;
use super::session::{Opening, Session};
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::protocol::{Protocol, Refusal, ServerSession, Visit, no_routes};

/// The Realtime API.
pub(in crate::tools::rehearsal) static REALTIME: Protocol = Protocol {
    word: "realtime",
    paths: &["/v1/realtime"],
    subprotocols: &["realtime"],
    is_base: false,
    routes: no_routes,
    open,
};

fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    let options = visit.options;
    // Some dialects name the model in the session.
    let dialect = visit.query.get("dialect");
    let opening = Opening {
        model: visit.query.get("model").cloned().or_else(|| dialect.map(|_| "routed".to_owned())),
        beta: visit.headers.get("OpenAI-Beta").is_some_and(|value| value.as_bytes().starts_with(b"realtime")),
        pace: Pace::of(options),
        transcript_after: options.transcript_after,
        lifetime: options.lifetime,
        misbehaviour: Rc::clone(&visit.misbehaviour),
        seed: visit.seed,
        epoch_s: visit.epoch_s,
    };
    let session = Box::new(Session::open(&opening, visit.now));
    match dialect {
        Some(word) => translated(word, session).map_err(|body| Refusal::new(400, body)),
        None => Ok(session),
    }
}
