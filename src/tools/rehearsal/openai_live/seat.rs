//! The row of this protocol: how a client's upgrade becomes a session.

use std::rc::Rc;

use super::session::{Opening, Session};
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::protocol::{Protocol, Refusal, ServerSession, Visit, no_routes};

/// GPT-Live. The second path is that of Azure.
pub(in crate::tools::rehearsal) static LIVE: Protocol = Protocol {
    word: "live",
    paths: &["/v1/live/sessions", "/openai/v1/live/sessions"],
    subprotocols: &[],
    is_base: false,
    routes: no_routes,
    open,
};

fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    // The real server knows no query at all. Ours is an order to misbehave.
    if visit.query.keys().any(|key| key != "rehearse") {
        return Err(Refusal::new(404, "this address has no query"));
    }
    let has_key = ["Authorization", "api-key"].iter().any(|name| visit.headers.contains_key(*name));
    if Misbehaviour::on(visit.misbehaviour.require_key) && !has_key {
        let error =
            r#"{"error":{"type":"invalid_request_error","code":"invalid_api_key","message":"No key.","param":null}}"#;
        return Err(Refusal::new(401, error));
    }
    let opening = Opening {
        lifetime: visit.options.lifetime,
        misbehaviour: Rc::clone(&visit.misbehaviour),
        seed: visit.seed,
        epoch_s: visit.epoch_s,
    };
    Ok(Box::new(Session::open(&opening, visit.now)))
}
