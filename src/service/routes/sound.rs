//! The sockets of people who listen to a call or take it over.
//!
//! Messages out are binary: the first byte says who is heard (0 the caller, 1 the agent, 2 a person
//! who has taken the call over), then mu-law at 8 kHz. Messages in are the microphone of a person
//! who has the call: mu-law at 8 kHz.

use std::collections::VecDeque;
use std::time::Duration;

use actix::Addr;
use actix_codec::Encoder as _;
use actix_http::ws::{self, CloseCode, CloseReason, Frame, Message};
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, BytesMut, Data, Path};
use actix_web::{Error, HttpRequest, HttpResponse};
use futures_util::{StreamExt as _, stream};
use metrics::counter;
use serde::Deserialize;
use switchboard_actors::audio::tap::{Privacy, Side};
use switchboard_actors::call::actor::CallActor;
use switchboard_actors::call::messages::{ListenIn, Microphone, SteerCall, TakeOver};
use switchboard_actors::call::steps::Steer;
use switchboard_actors::socket::Half;

use super::app::AppState;
use super::calls::{PATIENCE, find, gone};
use super::problem::Problem;
use super::ring::Ring;
use super::steering::who;
use super::upgrade::{self, Carried, Written};

/// `GET /calls/{id}/listen` (upgrade): both sides of the call as they are heard.
pub(super) async fn listen(
    request: HttpRequest,
    id: Path<String>,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let call = find(&app, &id).await?;
    let response = upgrade::handshake(&request)?;
    let (ring, tap) = Ring::new(Privacy::Kept, |_| true);
    let joined = call.send(ListenIn(tap)).timeout(PATIENCE).await.map_err(|_| gone(&id))?;
    joined.map_err(|refusal| Problem::new(StatusCode::CONFLICT, refusal.to_string()))?;
    Ok(serve(response, ring, None))
}

/// `GET /calls/{id}/take-over` (upgrade): a person talks with the caller, until the socket closes or
/// they send `{"give_back":true}`.
pub(super) async fn take_over(
    request: HttpRequest,
    id: Path<String>,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let call = find(&app, &id).await?;
    let response = upgrade::handshake(&request)?;
    // Nobody hears themselves; the agent's side is silent meanwhile.
    let (ring, tap) = Ring::new(Privacy::Shared, |side| side != Side::Person);
    let by = who(&request);
    let taken = call.send(TakeOver { tap, by: by.clone() }).timeout(PATIENCE).await.map_err(|_| gone(&id))?;
    let microphone = taken.map_err(|refusal| Problem::new(StatusCode::CONFLICT, refusal.to_string()))?;
    Ok(serve(response, ring, Some(Taken { call, by, microphone })))
}

/// The person's end of a call that they have taken over. Dropping it gives the call back.
struct Taken {
    call: Addr<CallActor>,
    by: String,
    microphone: Microphone,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.call.do_send(SteerCall(Steer::GiveBack { by: std::mem::take(&mut self.by) }));
    }
}

/// An order of a person who has the call.
#[derive(Deserialize)]
struct Order {
    #[serde(default)]
    give_back: bool,
}

/// Serves the connection of `response`.
fn serve(mut response: HttpResponse, ring: Ring, taken: Option<Taken>) -> HttpResponse {
    let start = Box::new(move |frames: Half| -> Written {
        let socket = Socket { frames, ring, taken, codec: ws::Codec::new(), closed: false };
        Box::pin(stream::unfold(socket, |mut socket| async move {
            let written = socket.next().await?;
            Some((written, socket))
        }))
    });
    let carried = Carried { start, max_message: LARGEST_MESSAGE, patience: STALLED_FOR, carrier_call: None };
    response.extensions_mut().insert(carried);
    response
}

/// One socket.
struct Socket {
    frames: Half,
    ring: Ring,
    /// Present while a person has the call by it.
    taken: Option<Taken>,
    codec: ws::Codec,
    closed: bool,
}

/// What happens on a socket.
enum Step {
    Read(Option<Result<Frame, ws::ProtocolError>>),
    Heard(Option<VecDeque<Bytes>>),
}

impl Socket {
    /// The next frames to write; `None` ends the connection.
    async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        while !self.closed {
            let step = tokio::select! {
                frame = self.frames.next() => Step::Read(frame),
                heard = self.ring.next() => Step::Heard(heard),
            };
            let messages = match step {
                Step::Read(Some(Ok(frame))) => self.read(frame),
                Step::Read(Some(Err(_)) | None) => self.close(None),
                Step::Heard(Some(heard)) => heard.into_iter().map(Message::Binary).collect(),
                Step::Heard(None) => self.close(Some("the call is over")),
            };
            if !messages.is_empty() {
                return Some(self.encode(messages));
            }
        }
        None
    }

    /// Handles a frame of the peer; returns the answers.
    fn read(&mut self, frame: Frame) -> Vec<Message> {
        match frame {
            Frame::Binary(mulaw) => {
                if let Some(taken) = &self.taken
                    && !taken.microphone.speak(mulaw)
                {
                    counter!("switchboard_audio_frames_dropped_total", "direction" => "person", "reason" => "mailbox_full")
                        .increment(1);
                }
                Vec::new()
            }
            Frame::Text(text) => match serde_json::from_slice::<Order>(&text) {
                Ok(order) if order.give_back && self.taken.is_some() => self.close(Some("given back")),
                Ok(_) | Err(_) => Vec::new(),
            },
            Frame::Ping(bytes) => vec![Message::Pong(bytes)],
            Frame::Pong(_) => Vec::new(),
            Frame::Close(_) => self.close(None),
            // Nobody sends such small messages in pieces.
            Frame::Continuation(_) => {
                self.closed = true;
                self.taken = None;
                let description = Some("send whole messages".to_owned());
                vec![Message::Close(Some(CloseReason { code: CloseCode::Unsupported, description }))]
            }
        }
    }

    /// Closes the socket; a person who had the call gives it back at once.
    fn close(&mut self, why: Option<&str>) -> Vec<Message> {
        self.closed = true;
        self.taken = None;
        let reason = CloseReason { code: CloseCode::Normal, description: why.map(str::to_owned) };
        vec![Message::Close(Some(reason))]
    }

    fn encode(&mut self, messages: Vec<Message>) -> Result<Bytes, Error> {
        let mut bytes = BytesMut::new();
        for message in messages {
            self.codec.encode(message, &mut bytes)?;
        }
        Ok(bytes.freeze())
    }
}

/// The largest message of a microphone: half a second. Usual ones are 20 ms.
const LARGEST_MESSAGE: usize = 4 * 1024;
/// How long a listener may read nothing before the connection is cut.
const STALLED_FOR: Duration = Duration::from_secs(20);
