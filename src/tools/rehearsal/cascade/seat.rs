//! The row of these protocols: which engine is at which path.

use super::{KEYS, ears, requests, voice};
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::protocol::{Protocol, Refusal, ServerSession, Visit};

/// All engines. Their URL is the base of each engine's API.
pub(in crate::tools::rehearsal) static ENGINES: Protocol =
    Protocol { word: "cascade", paths: &PATHS, subprotocols: &[], is_base: true, routes: requests::routes, open };

const PATHS: [&str; 9] = [
    "/v1/listen",
    "/v2/listen",
    "/speech-to-text-realtime/ws",
    "/v1/speech-to-text/realtime",
    "/v1/speak",
    "/v1/text-to-speech/{voice}/multi-stream-input",
    "/v1/text-to-dialogue/multi-stream-input",
    "/tts/websocket",
    "/text-to-speech/ws",
];

fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    if Misbehaviour::on(visit.misbehaviour.require_key) && !KEYS.iter().any(|name| visit.headers.contains_key(*name)) {
        let body = r#"{"err_code":"INVALID_AUTH","err_msg":"Invalid credentials.","error":{"code":"invalid_api_key"}}"#;
        return Err(Refusal {
            status: 401,
            reason: Some(("dg-error", "Invalid credentials.".to_owned())),
            body: body.into(),
        });
    }
    match visit.path {
        "/v1/listen" => ears::listen::open(visit),
        "/v2/listen" => ears::flux::open(visit),
        "/speech-to-text-realtime/ws" => ears::sarvam::open(visit),
        "/v1/speech-to-text/realtime" => ears::scribe::open(visit),
        "/v1/speak" => voice::aura::open(visit),
        "/tts/websocket" => voice::cartesia::open(visit),
        "/text-to-speech/ws" => voice::sarvam::open(visit),
        _ => voice::contexts::open(visit),
    }
}
