//! `/v1/chat/completions`: the scripted model in writing. Pure.
//!
//! It answers as the models of the other protocols do, only that the caller's turn is repeated in
//! its words. `request` is what the API accepts, `script` is what is answered, and `stream` how.

mod request;
mod script;
mod stream;

use std::time::Duration;

use serde_json::Value;

use super::reply::Reply;
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::Ids;

/// Answers a request. The seed is for ids, and the wall clock in seconds since 1970 for the time
/// that an answer tells.
pub(super) fn answer(body: &[u8], misbehaviour: &Misbehaviour, seed: u64, epoch_s: u64) -> Reply {
    let request: Value = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => return Reply::refused(400, &Fault::request("invalid_json", error.to_string())),
    };
    if let Err(fault) = request::check(&request) {
        return Reply::refused(400, &fault);
    }
    let says = if Misbehaviour::on(misbehaviour.empty_responses) { Vec::new() } else { script::answer(&request) };
    let first = misbehaviour.first_audio_ms.map_or(FIRST_TOKEN, Duration::from_millis);
    let mut ids = Ids::new(seed);
    let pieces = stream::pieces(&request, &says, misbehaviour, &mut ids, epoch_s);
    let timed = |(number, piece)| (if number == 0 { first } else { NEXT_TOKEN }, piece);
    Reply::streamed("text/event-stream", pieces.into_iter().enumerate().map(timed).collect())
}

/// The time to the first token.
const FIRST_TOKEN: Duration = Duration::from_millis(60);
/// The time between two tokens.
const NEXT_TOKEN: Duration = Duration::from_millis(8);
