//! The row of this protocol: how a client's upgrade becomes a session.

use std::rc::Rc;
use std::time::Duration;

use super::session::{Opening, Session};
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::protocol::{Protocol, Refusal, ServerSession, Visit};

/// The Realtime API.
pub(in crate::tools::rehearsal) static REALTIME: Protocol =
    Protocol { word: "realtime", paths: &["/v1/realtime"], subprotocols: &["realtime"], open };

#[expect(clippy::unnecessary_wraps, reason = "this protocol refuses sessions after the upgrade")]
fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    let options = visit.options;
    let opening = Opening {
        model: visit.query.get("model").cloned(),
        beta: visit.headers.get("OpenAI-Beta").is_some_and(|value| value.as_bytes().starts_with(b"realtime")),
        pace: Pace {
            delta: options.delta,
            speed: Some(options.speed).filter(|speed| *speed > 0.0).map(|speed| speed.max(0.01)),
            first_audio: Duration::ZERO,
            answer: None,
            late_deltas: 1,
        },
        transcript_after: options.transcript_after,
        lifetime: options.lifetime,
        misbehaviour: Rc::clone(&visit.misbehaviour),
        seed: visit.seed,
        epoch_s: visit.epoch_s,
    };
    Ok(Box::new(Session::open(&opening, visit.now)))
}
