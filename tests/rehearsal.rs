//! The rehearsal model over real sockets, from a client's point of view.
#![expect(clippy::unwrap_used, reason = "a test fails where it has to")]

use std::time::Duration;

use actix_codec::Framed;
use actix_http::ws::Item;
use awc::BoxedSocket;
use awc::error::WsClientError;
use awc::ws::{CloseCode, Codec, Frame, Message};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use switchboard::tools::rehearsal::{Rehearsal, RehearsalOptions};

/// Time limit that only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

struct Client {
    socket: Framed<BoxedSocket, Codec>,
    fragments: Vec<u8>,
    pings: usize,
}

/// A message from the server.
#[derive(Debug)]
enum Inbound {
    Event(Value),
    /// Text that is not JSON.
    Garbage,
    /// A close frame with its code.
    Closed(Option<u16>),
    /// The connection ended without a close frame.
    Lost,
}

impl Client {
    async fn connect(rehearsal: &Rehearsal, rehearse: &str) -> Self {
        Self::dial(rehearsal, rehearse).await.expect("the upgrade is answered")
    }

    async fn dial(rehearsal: &Rehearsal, rehearse: &str) -> Result<Self, WsClientError> {
        let url = format!("{}?model=rehearsal&rehearse={rehearse}", rehearsal.url());
        let request = awc::Client::new().ws(url).max_frame_size(16 * 1024 * 1024);
        let (_, socket) = request.connect().await?;
        Ok(Self { socket, fragments: vec![], pings: 0 })
    }

    /// Connects and configures the session.
    async fn ready(rehearsal: &Rehearsal, rehearse: &str, session: Value) -> Self {
        let mut client = Self::connect(rehearsal, rehearse).await;
        client.until("session.created").await;
        let mut session = session;
        session["type"] = json!("realtime");
        client.send(json!({"type": "session.update", "session": session})).await;
        client.until("session.updated").await;
        client
    }

    async fn send(&mut self, event: Value) {
        self.socket.send(Message::Text(event.to_string().into())).await.expect("the socket takes a message");
    }

    async fn append(&mut self, audio: &[u8], frame: usize) {
        for frame in audio.chunks(frame) {
            self.send(json!({"type": "input_audio_buffer.append", "audio": STANDARD.encode(frame)})).await;
        }
    }

    async fn hear(&mut self) -> Inbound {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("something comes");
            let text = match frame {
                None | Some(Err(_)) => return Inbound::Lost,
                Some(Ok(Frame::Close(reason))) => return Inbound::Closed(reason.map(|reason| reason.code.into())),
                Some(Ok(Frame::Ping(bytes))) => {
                    self.pings += 1;
                    self.socket.send(Message::Pong(bytes)).await.expect("the socket takes a pong");
                    continue;
                }
                Some(Ok(Frame::Text(bytes))) => bytes.to_vec(),
                Some(Ok(Frame::Continuation(Item::Last(bytes)))) => {
                    self.fragments.extend_from_slice(&bytes);
                    std::mem::take(&mut self.fragments)
                }
                Some(Ok(Frame::Continuation(
                    Item::FirstText(bytes) | Item::Continue(bytes) | Item::FirstBinary(bytes),
                ))) => {
                    self.fragments.extend_from_slice(&bytes);
                    continue;
                }
                Some(Ok(Frame::Binary(_) | Frame::Pong(_))) => continue,
            };
            return serde_json::from_slice(&text).map_or(Inbound::Garbage, Inbound::Event);
        }
    }

    /// Returns all events up to the first of this kind.
    async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            match self.hear().await {
                Inbound::Event(event) => {
                    let last = event["type"] == kind;
                    events.push(event);
                    if last {
                        return events;
                    }
                }
                Inbound::Garbage => {}
                end @ (Inbound::Closed(_) | Inbound::Lost) => panic!("{end:?} before {kind}"),
            }
        }
    }

    /// Returns how the connection ends.
    async fn end(&mut self) -> Inbound {
        loop {
            match self.hear().await {
                Inbound::Event(_) | Inbound::Garbage => {}
                end @ (Inbound::Closed(_) | Inbound::Lost) => return end,
            }
        }
    }
}

async fn start() -> Rehearsal {
    Rehearsal::start(RehearsalOptions::default()).await.expect("a free port on loopback")
}

const PCM: &str = "audio/pcm";
const MU_LAW: &str = "audio/pcmu";

fn formats(input: &str, output: &str) -> Value {
    let format = |kind: &str| match kind {
        PCM => json!({"type": kind, "rate": 24_000}),
        _ => json!({"type": kind}),
    };
    json!({"audio": {"input": {"format": format(input)}, "output": {"format": format(output)}}})
}

fn audio_of(events: &[Value]) -> Vec<u8> {
    let deltas = events.iter().filter(|event| event["type"] == "response.output_audio.delta");
    deltas.flat_map(|event| STANDARD.decode(event["delta"].as_str().unwrap()).unwrap()).collect()
}

fn samples(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]]))).collect()
}

/// The correlation of `heard` with the matching part of `said`, which is located by a piece from
/// the middle of `heard`.
fn correlation(said: &[f32], heard: &[f32]) -> f32 {
    let alike = |a: &[f32], b: &[f32]| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1.0)
    };
    let middle = heard.len() / 2;
    let piece = &heard[middle..middle + 1_000];
    let places = said.windows(piece.len()).enumerate().map(|(place, part)| (alike(part, piece), place));
    let (_, place) = places.max_by(|a, b| a.0.total_cmp(&b.0)).expect("there is something said");
    let start = place.checked_sub(middle).expect("what is heard lies within what was said");
    alike(&said[start..start + heard.len()], heard)
}

/// A speech-like signal at 24 kHz: a gliding buzz in syllables, `ms` long, with half a second of
/// silence at both ends.
fn spoken(ms: usize) -> Vec<u8> {
    let mut phase = 0.0f32;
    let voice = (0..ms * 24).map(|n| {
        let t = n as f32 / 24_000.0;
        phase += (130.0 + 60.0 * (t * 1.7).sin()) / 24_000.0;
        let buzz: f32 = (1..12).map(|k| (phase * k as f32 * std::f32::consts::TAU).sin() / k as f32).sum();
        let syllable = (t * 4.0 * std::f32::consts::PI).sin().abs().powf(0.7);
        (buzz * syllable * 5_000.0) as i16
    });
    let silence = std::iter::repeat_n(0, 12_000);
    silence.clone().chain(voice).chain(silence).flat_map(i16::to_le_bytes).collect()
}

#[actix_web::test]
async fn a_client_is_greeted_and_hears_its_own_turn() {
    let rehearsal = start().await;
    let mut client = Client::ready(&rehearsal, "", formats(PCM, PCM)).await;
    client.send(json!({"type": "response.create"})).await;
    let greeting = audio_of(&client.until("response.done").await);
    assert!((2.0..3.5).contains(&(greeting.len() as f32 / 48_000.0)), "{} bytes", greeting.len());

    let said = spoken(1_500);
    client.append(&said, 960).await;
    let heard = audio_of(&client.until("response.done").await);
    let likeness = correlation(&samples(&said), &samples(&heard));
    assert!(likeness > 0.999, "{likeness}");
    rehearsal.stop().await;
}

#[actix_web::test]
async fn a_turn_keeps_its_sound_from_mu_law_in_to_pcm_out() {
    let rehearsal = start().await;
    let said = spoken(1_200);
    // Writes PCM and receives mu-law, then writes that mu-law and receives PCM.
    let mut narrow = Client::ready(&rehearsal, "", formats(PCM, MU_LAW)).await;
    narrow.append(&said, 960).await;
    let code = audio_of(&narrow.until("response.done").await);
    let mut wide = Client::ready(&rehearsal, "", formats(MU_LAW, PCM)).await;
    wide.append(&[vec![0xFF; 4_000], code, vec![0xFF; 4_000]].concat(), 160).await;
    let heard = audio_of(&wide.until("response.done").await);
    let heard = samples(&heard);
    // Cuts the silence at both ends, so that the rest lies entirely within the original speech.
    let inner = &heard[heard.len() / 5..heard.len() * 4 / 5];
    let likeness = correlation(&samples(&said), inner);
    assert!(likeness > 0.98, "{likeness}");
    rehearsal.stop().await;
}

#[actix_web::test]
async fn real_speech_is_split_at_its_pauses() {
    let folder = std::env::var("SWITCHBOARD_TEST_SPEECH")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/audio").to_owned());
    let path = format!("{folder}/jfk-8k.wav");
    let Ok(mut wav) = hound::WavReader::open(&path) else {
        println!("SKIPPED: no real speech at {path}; SWITCHBOARD_TEST_SPEECH names its folder");
        return;
    };
    let pcm8k: Vec<i16> = wav.samples().map(Result::unwrap).collect();
    let mut code = Vec::new();
    switchboard_actors::g711::encode(switchboard_actors::carrier::Encoding::MuLaw, &pcm8k, &mut code);
    code.extend([0xFF; 8_000]);
    let rehearsal = start().await;
    let mut session = formats(MU_LAW, MU_LAW);
    session["audio"]["input"]["turn_detection"] =
        json!({"type": "server_vad", "silence_duration_ms": 500, "interrupt_response": false});
    let mut client = Client::ready(&rehearsal, "", session).await;
    let seconds = code.len() as f32 / 8_000.0;
    client.append(&code, 160).await;
    client
        .send(json!({"type": "session.update", "event_id": "end", "session": {"type": "realtime", "instructions": ""}}))
        .await;
    let events = client.until("session.updated").await;
    let turns = events.iter().filter(|event| event["type"] == "input_audio_buffer.committed").count();
    assert!((3..=5).contains(&turns), "{turns} turns in {seconds} s");
    rehearsal.stop().await;
}

#[actix_web::test]
async fn speech_interrupts_an_answer() {
    let rehearsal = start().await;
    let mut client = Client::ready(&rehearsal, "answer_ms:60000,speed_percent:500", formats(PCM, MU_LAW)).await;
    client.send(json!({"type": "response.create"})).await;
    client.until("response.output_audio.delta").await;
    client.append(&spoken(500), 960).await;
    let events = client.until("response.done").await;
    let response = &events.last().unwrap()["response"];
    assert_eq!(response["status_details"], json!({"type": "cancelled", "reason": "turn_detected"}));
    rehearsal.stop().await;
}

#[actix_web::test]
async fn a_refused_upgrade_has_the_status_that_was_asked_for() {
    let rehearsal = start().await;
    for status in [401, 404, 429, 503] {
        let refused = Client::dial(&rehearsal, &format!("refuse:{status}")).await.err();
        assert!(
            matches!(refused, Some(WsClientError::InvalidResponseStatus(got)) if got.as_u16() == status),
            "{refused:?}"
        );
    }
    assert!(Client::dial(&rehearsal, "no_such_switch:1").await.is_err());
    rehearsal.stop().await;
}

#[actix_web::test]
async fn connections_end_as_configured() {
    let rehearsal = start().await;
    for code in [3000, 4000, 4004, 1013] {
        let mut client = Client::connect(&rehearsal, &format!("reject:{code}")).await;
        assert!(matches!(client.end().await, Inbound::Closed(Some(got)) if got == code));
    }
    let mut client = Client::connect(&rehearsal, "expire_after_ms:50").await;
    assert_eq!(client.until("error").await.last().unwrap()["error"]["code"], "session_expired");
    assert!(matches!(client.end().await, Inbound::Closed(Some(1001))));
    let mut client = Client::connect(&rehearsal, "close_after_ms:50").await;
    assert!(matches!(client.end().await, Inbound::Closed(Some(1011))));
    let mut client = Client::connect(&rehearsal, "drop_after_ms:50").await;
    assert!(matches!(client.end().await, Inbound::Lost));
    let mut client = Client::ready(&rehearsal, "drop_in_response:1", json!({})).await;
    client.send(json!({"type": "response.create"})).await;
    assert!(matches!(client.end().await, Inbound::Lost));
    rehearsal.stop().await;
}

#[actix_web::test]
async fn frames_may_come_in_fragments_and_between_noise() {
    let rehearsal = start().await;
    let noisy =
        "fragment_bytes:1000,garbage_every:3,unknown_every:4,ping_every_ms:20,require_pong:1,big_updated_bytes:200000";
    let mut client = Client::ready(&rehearsal, noisy, json!({})).await;
    client.send(json!({"type": "response.create"})).await;
    let greeting = audio_of(&client.until("response.done").await);
    assert!((2.0..3.5).contains(&(greeting.len() as f32 / 48_000.0)), "{} bytes", greeting.len());
    assert!(client.pings > 0);
    rehearsal.stop().await;
}

#[actix_web::test]
async fn bad_frames_are_answered_and_the_session_goes_on() {
    let rehearsal = start().await;
    let mut client = Client::ready(&rehearsal, "", json!({})).await;
    client.socket.send(Message::Binary(vec![0; 100].into())).await.unwrap();
    assert_eq!(client.until("error").await[0]["error"]["code"], "invalid_event");
    client.socket.send(Message::Text("{".into())).await.unwrap();
    assert_eq!(client.until("error").await[0]["error"]["code"], "invalid_json");
    client.send(json!({"type": "response.create"})).await;
    client.until("response.done").await;
    client.socket.send(Message::Close(Some(CloseCode::Normal.into()))).await.unwrap();
    assert!(matches!(client.end().await, Inbound::Closed(_) | Inbound::Lost));
    rehearsal.stop().await;
}

#[actix_web::test]
async fn many_clients_are_greeted_at_once_each_by_its_own_session() {
    let rehearsal = start().await;
    let greeted = |n: usize| {
        let rehearsal = &rehearsal;
        async move {
            let language = ["en", "hi", "mr", "te", "ta", "ml"][n % 6];
            let mut session = formats(PCM, MU_LAW);
            session["audio"]["input"]["transcription"] = json!({"model": "m", "language": language});
            let mut client = Client::ready(rehearsal, "", session).await;
            client.send(json!({"type": "response.create", "response": {"metadata": {"n": n.to_string()}}})).await;
            let events = client.until("response.done").await;
            let response = &events.last().unwrap()["response"];
            assert_eq!(response["metadata"]["n"], n.to_string());
            (n % 6, response["output"][0]["content"][0]["transcript"].to_string(), audio_of(&events))
        }
    };
    let all = join_all((0..60).map(greeted)).await;
    for (language, words, audio) in &all {
        let first = all.iter().find(|(other, ..)| other == language).unwrap();
        assert!(first.1 == *words && first.2 == *audio, "a greeting was mixed up");
    }
    rehearsal.stop().await;
}

#[actix_web::test]
async fn a_client_that_does_not_read_holds_up_nobody_and_loses_nothing() {
    let rehearsal = start().await;
    let mut lazy = Client::ready(&rehearsal, "flood_ms:60000", json!({})).await;
    lazy.send(json!({"type": "response.create"})).await;
    let mut other = Client::ready(&rehearsal, "", json!({})).await;
    other.send(json!({"type": "response.create"})).await;
    other.until("response.done").await;
    assert_eq!(audio_of(&lazy.until("response.done").await).len(), 60_000 * 48);
    rehearsal.stop().await;
}

#[actix_web::test]
async fn a_stopped_model_takes_its_connections_along() {
    let rehearsal = start().await;
    let mut client = Client::ready(&rehearsal, "", json!({})).await;
    let url = rehearsal.url();
    rehearsal.stop().await;
    client.end().await;
    assert!(awc::Client::new().ws(format!("{url}?model=m")).connect().await.is_err());
}
