//! The row of this protocol: how a client's upgrade becomes a session.

use std::rc::Rc;

use serde_json::json;

use super::handles::Handles;
use super::models::Service;
use super::session::{Opening, Session};
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::protocol::{Protocol, Refusal, ServerSession, Visit, no_routes};

/// The Live API, at the addresses of the Developer API and of Vertex AI.
pub(in crate::tools::rehearsal) static LIVE_API: Protocol =
    Protocol { word: "gemini", paths: &PATHS, subprotocols: &[], is_base: false, routes: no_routes, open };

/// The paths of sessions: of each version, with a key or with a token.
const PATHS: [&str; 8] = [
    "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent",
    "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent",
    "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained",
    "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContentConstrained",
    "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent",
    "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
    "/ws/google.cloud.aiplatform.v1alpha1.LlmBidiService/BidiGenerateContent",
];

fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    let constrained = visit.path.ends_with("Constrained");
    if constrained && !has_token(visit) {
        return Err(unauthenticated());
    }
    let options = visit.options;
    let opening = Opening {
        service: if visit.path.contains("aiplatform") { Service::Vertex } else { Service::Developer },
        version: version(visit.path),
        pace: Pace::of(options),
        words_after: options.transcript_after,
        lifetime: options.lifetime,
        misbehaviour: Rc::clone(&visit.misbehaviour),
        seed: visit.seed,
    };
    Ok(Box::new(Session::open(opening, &HANDLES, visit.now)))
}

/// Whether the client has a token that was made for a few sessions.
fn has_token(visit: &Visit<'_>) -> bool {
    let header = visit.headers.get("authorization").and_then(|value| value.to_str().ok());
    let by_header = header.and_then(|value| value.strip_prefix("Token ")).map(str::to_owned);
    by_header
        .or_else(|| visit.query.get("access_token").cloned())
        .is_some_and(|token| token.starts_with("auth_tokens/"))
}

fn unauthenticated() -> Refusal {
    let error = json!({"error": {
        "code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED",
    }});
    Refusal::new(401, error.to_string())
}

/// The version in a path.
fn version(path: &str) -> &'static str {
    ["v1beta1", "v1beta", "v1alpha1", "v1alpha"].into_iter().find(|version| path.contains(version)).unwrap_or("v1")
}

/// The handles of all sessions of this process.
static HANDLES: Handles = Handles::new();
