//! Tests the RealtimeLlm through its mailbox, against a local server that the test plays.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use actix_codec::Framed;
use actix_http::ws::{self, CloseCode, CloseReason, Codec, Item, Message as WsMessage};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use switchboard_actors::carrier::AudioFormat;
use switchboard_actors::child::ChildLost;
use switchboard_actors::frame::Frame;
use switchboard_actors::ids::{CallId, CallTag, CarrierCallId, Private};
use switchboard_actors::incident::{Incident, IncidentKind};
use switchboard_actors::line::messages::{FromModel, ItemComplete, ModelBound};
use switchboard_actors::realtime::actor::{LlmSetup, RealtimeLlm};
use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest};
use switchboard_actors::realtime::openai::options::SessionOptions;
use switchboard_actors::realtime::openai::plan::{OpenAiPlan, TurnDetection};
use switchboard_actors::realtime::plan::{
    Common, Credential, Endpoint, ModelAddress, Resilience, SessionPlan, Transcription,
};
use switchboard_actors::realtime::providers::actor::Providers;
use switchboard_actors::realtime::report::{LossClass, ModelLoss, ModelReport, Words};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A message to a neighbour of the RealtimeLlm.
#[derive(Debug)]
enum Told {
    Report(ModelReport),
    Audio(Vec<u8>),
    Complete(String),
    Words,
    Lost,
}

/// One actor in place of all neighbours.
struct Probe(UnboundedSender<Told>);

impl Actor for Probe {
    type Context = Context<Self>;
}

macro_rules! hears {
    ($message:ty, $told:expr) => {
        impl Handler<$message> for Probe {
            type Result = ();

            fn handle(&mut self, message: $message, _: &mut Self::Context) {
                let told: fn($message) -> Told = $told;
                self.0.send(told(message)).ok();
            }
        }
    };
}

hears!(ModelReport, Told::Report);
hears!(FromModel, |audio| Told::Audio(audio.audio.to_vec()));
hears!(ItemComplete, |complete| Told::Complete(complete.item.to_string()));
hears!(Words, |_| Told::Words);
hears!(ChildLost, |_| Told::Lost);

/// A RealtimeLlm with its neighbours.
struct Rig {
    llm: Addr<RealtimeLlm>,
    call: Option<Addr<Probe>>,
    told: UnboundedReceiver<Told>,
}

impl Rig {
    fn start(plan: SessionPlan) -> Self {
        let (tell, told) = unbounded_channel();
        let neighbours = Probe(tell.clone()).start();
        let call = Probe(tell).start();
        let llm = RealtimeLlm::new(LlmSetup {
            call: CallTag::new(CallId::random(), &CarrierCallId::new("CA1")),
            plan: Arc::new(plan),
            safety_identifier: Some("hashed-caller".to_owned()),
            providers: Providers::new().start(),
            audio: neighbours.clone().recipient(),
            items: neighbours.clone().recipient(),
            words: neighbours.recipient(),
            to_call: call.clone().recipient().downgrade(),
            lost: call.clone().recipient().downgrade(),
        })
        .start();
        Self { llm, call: Some(call), told }
    }

    async fn next(&mut self) -> Told {
        soon(self.told.recv()).await.expect("something is told")
    }

    async fn report(&mut self) -> ModelReport {
        match self.next().await {
            Told::Report(report) => report,
            other @ (Told::Audio(_) | Told::Complete(_) | Told::Words | Told::Lost) => panic!("no report: {other:?}"),
        }
    }

    /// The next audio or end of audio. Skips the report of a response's first audio.
    async fn audio(&mut self) -> Told {
        match self.next().await {
            Told::Report(ModelReport::FirstAudio { .. }) => self.next().await,
            other @ (Told::Report(_) | Told::Audio(_) | Told::Complete(_) | Told::Words | Told::Lost) => other,
        }
    }

    async fn is_ready(&mut self) {
        assert!(matches!(self.report().await, ModelReport::Ready { .. }));
    }

    async fn callers_turn_is_open(&mut self, peer: &mut Peer) {
        peer.say(&json!({"type": "input_audio_buffer.speech_started", "item_id": "u"})).await;
        assert!(matches!(self.report().await, ModelReport::SpeechStarted { .. }));
    }

    async fn loss(&mut self) -> ModelLoss {
        loop {
            if let Told::Report(ModelReport::Lost(loss)) = self.next().await {
                return loss;
            }
        }
    }

    /// All messages until no sender is left.
    async fn last_words(mut self) -> Vec<Told> {
        drop((self.call.take(), self.llm));
        let mut last = Vec::new();
        while let Some(told) = soon(self.told.recv()).await {
            last.push(told);
        }
        last
    }
}

/// A guard against hanging, not a measurement.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(120), future).await.expect("within reason")
}

fn transcribing(port: u16) -> SessionPlan {
    let mut plan = plan(port);
    plan.common_mut().transcription = Some(Transcription { model: "whisper-1".to_owned(), ..Transcription::default() });
    plan
}

/// A plan for another server or with another key.
fn at(endpoint: Endpoint) -> SessionPlan {
    let own = OpenAiPlan {
        address: ModelAddress { endpoint, model: "gpt-realtime-2.1".to_owned() },
        voice: "marin".to_owned(),
        speed: None,
        format: AudioFormat::PCM_24K,
        turn_detection: TurnDetection::Server {
            threshold: 0.5,
            prefix_padding_ms: 300,
            silence_duration_ms: 500,
            idle_timeout_ms: None,
            create_response: true,
            interrupt_response: true,
        },
        noise_reduction: None,
        max_output_tokens: None,
        retention_ratio: None,
        options: SessionOptions::default(),
        created_timeout: Duration::from_secs(10),
        updated_timeout: Duration::from_secs(5),
    };
    let common = Common {
        instructions: "Be brief.".to_owned(),
        transcription: None,
        tools: Vec::new(),
        connect_timeout: Duration::from_secs(10),
        silence_timeout: Duration::from_secs(45),
        ping_timeout: Duration::ZERO,
    };
    SessionPlan {
        common: Arc::new(common),
        provider: ProviderPlan::OpenAi(Arc::new(own)),
        resilience: Resilience::default(),
    }
}

fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        url: format!("ws://127.0.0.1:{port}/v1/realtime"),
        credential: Credential::Bearer(Private::new("sk-test".to_owned())),
        key_variable: None,
    }
}

fn plan(port: u16) -> SessionPlan {
    at(endpoint(port))
}

/// The server's side of one connection.
struct Peer {
    socket: Framed<TcpStream, Codec>,
    request: String,
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

async fn read_request(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = soon(listener.accept()).await.expect("a connection");
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(soon(stream.read_u8()).await.expect("a request"));
    }
    (stream, String::from_utf8(request).expect("text"))
}

impl Peer {
    async fn accept(listener: &TcpListener) -> Self {
        let (mut stream, request) = read_request(listener).await;
        let key = header(&request, "sec-websocket-key").expect("a key").to_owned();
        let accept = String::from_utf8(ws::hash_key(key.as_bytes()).to_vec()).expect("text");
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.expect("written");
        Self { socket: Framed::new(stream, Codec::new().max_size(1 << 20)), request }
    }

    /// Accepts a connection and makes its session ready.
    async fn ready(listener: &TcpListener) -> Self {
        let mut peer = Self::accept(listener).await;
        peer.say(&json!({"type": "session.created", "session": {"id": "sess_1"}})).await;
        assert_eq!(peer.hear().await["type"], "session.update");
        peer.say(&json!({"type": "session.updated", "session": {"id": "sess_1"}})).await;
        peer
    }

    async fn say(&mut self, event: &Value) {
        self.send(WsMessage::Text(event.to_string().into())).await;
    }

    async fn send(&mut self, message: WsMessage) {
        soon(self.socket.send(message)).await.expect("sent");
    }

    async fn frame(&mut self) -> Option<ws::Frame> {
        soon(self.socket.next()).await.map(|frame| frame.expect("a frame"))
    }

    async fn hear(&mut self) -> Value {
        let frame = self.frame().await;
        let Some(ws::Frame::Text(text)) = frame else { panic!("no text: {frame:?}") };
        serde_json::from_slice(&text).expect("JSON")
    }

    /// Checks that no message arrived. A pong does not overtake what was sent before its ping was
    /// read.
    async fn heard_nothing(&mut self) -> bool {
        self.send(WsMessage::Ping("silence".into())).await;
        matches!(self.frame().await, Some(ws::Frame::Pong(_)))
    }
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn greet() -> ModelOrder {
    ModelOrder::Speak(ResponseRequest { purpose: ResponsePurpose::Greeting, instructions: None })
}

fn delta(bytes: &[u8]) -> Value {
    json!({"type": "response.output_audio.delta", "response_id": "resp_1", "item_id": "item_1",
        "delta": base64_simd::STANDARD.encode_to_string(bytes)})
}

#[actix::test]
async fn the_upgrade_carries_model_key_and_identifier_and_no_beta() {
    let (listener, port) = listen().await;
    let _rig = Rig::start(plan(port));
    let request = Peer::accept(&listener).await.request;
    assert!(request.starts_with("GET /v1/realtime?model=gpt-realtime-2.1 HTTP/1.1\r\n"), "{request}");
    assert_eq!(header(&request, "authorization"), Some("Bearer sk-test"));
    assert_eq!(header(&request, "openai-safety-identifier"), Some("hashed-caller"));
    assert_eq!(header(&request, "openai-beta"), None);
    assert_eq!(header(&request, "sec-websocket-extensions"), None);

    let credential = Credential::ApiKey(Private::new("azure-key".to_owned()));
    let _rig = Rig::start(at(Endpoint { credential, ..endpoint(port) }));
    let request = Peer::accept(&listener).await.request;
    assert_eq!(header(&request, "api-key"), Some("azure-key"));
    assert_eq!(header(&request, "authorization"), None);
}

#[actix::test]
async fn a_session_is_set_up_in_order_and_then_carries_audio_both_ways() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    rig.llm.do_send(greet());
    let mut peer = Peer::accept(&listener).await;
    rig.llm.do_send(ModelBound(Frame::copy_of(&[9; 960])));
    assert!(peer.heard_nothing().await, "nothing before session.created");
    peer.say(&json!({"type": "session.created", "session": {"id": "sess_1"}})).await;
    assert_eq!(peer.hear().await["type"], "session.update");
    rig.llm.do_send(ModelBound(Frame::copy_of(&[9; 960])));
    assert!(peer.heard_nothing().await, "nothing but the update before session.updated");

    // As large as long instructions and many tools make it: larger than awc's own limit of 64 KiB.
    let instructions = "x".repeat(200_000);
    peer.say(&json!({"type": "session.updated", "session": {"id": "sess_1", "instructions": instructions,
        "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}}}))
        .await;
    let lost = Incident::new(IncidentKind::AudioDropped, "in: model_not_ready");
    assert_eq!(rig.report().await, ModelReport::Incident(lost), "once, of the frames before");
    assert!(matches!(rig.report().await, ModelReport::Ready { session, .. } if session == "sess_1"));
    assert_eq!(peer.hear().await["type"], "response.create", "the order that was held");

    rig.llm.do_send(ModelBound(Frame::copy_of(&[1, 2, 3])));
    let append = peer.hear().await;
    assert_eq!((&append["type"], &append["audio"]), (&json!("input_audio_buffer.append"), &json!("AQID")));
    assert!(append["event_id"].is_string());
    peer.say(&delta(&[4, 5])).await;
    assert!(matches!(rig.audio().await, Told::Audio(audio) if audio == [4, 5]));
}

#[actix::test]
async fn a_wss_endpoint_is_dialled_with_tls_and_http_1_alone() {
    let (listener, port) = listen().await;
    let url = format!("wss://localhost:{port}/v1/realtime");
    let mut rig = Rig::start(at(Endpoint { url, ..endpoint(port) }));
    let (mut stream, _) = soon(listener.accept()).await.expect("a connection");
    let mut head = [0; 5];
    soon(stream.read_exact(&mut head)).await.expect("a TLS record");
    assert_eq!(head[0], 22, "a handshake");
    let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    soon(stream.read_exact(&mut hello)).await.expect("a hello");
    let offers = |protocol: &[u8]| hello.windows(protocol.len()).any(|window| window == protocol);
    assert!(offers(b"\x00\x09\x08http/1.1"), "as the only protocol");
    assert!(offers(b"localhost"), "by its name");
    drop(stream);
    assert_eq!(rig.loss().await.class, LossClass::Retryable);
}

#[actix::test]
async fn a_ping_is_answered_with_its_payload() {
    let (listener, port) = listen().await;
    let _rig = Rig::start(plan(port));
    let mut peer = Peer::accept(&listener).await;
    peer.send(WsMessage::Ping("1234".into())).await;
    assert_eq!(peer.frame().await, Some(ws::Frame::Pong("1234".into())));
}

#[actix::test]
async fn a_fragmented_message_is_one_message() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    let bytes = vec![7; 90_000];
    let text = delta(&bytes).to_string();
    let (first, rest) = text.split_at(10);
    let (second, third) = rest.split_at(60_000);
    peer.send(WsMessage::Continuation(Item::FirstText(first.to_owned().into()))).await;
    peer.send(WsMessage::Continuation(Item::Continue(second.to_owned().into()))).await;
    peer.send(WsMessage::Ping("between".into())).await;
    peer.send(WsMessage::Continuation(Item::Last(third.to_owned().into()))).await;
    assert!(matches!(rig.audio().await, Told::Audio(audio) if audio == bytes));
}

#[actix::test]
async fn closes_are_classified_by_their_words() {
    for (code, words, class) in [
        (3000, "invalid_request_error.invalid_api_key", LossClass::Fatal),
        (4000, "invalid_request_error.invalid_model", LossClass::Fatal),
        (4004, "invalid_request_error.model_not_found", LossClass::Fatal),
        (1013, "insufficient_quota.credit_balance_exhausted", LossClass::Fatal),
        (1013, "busy", LossClass::Retryable),
        (1001, "going away", LossClass::Retryable),
    ] {
        let (listener, port) = listen().await;
        let mut rig = Rig::start(plan(port));
        let mut peer = Peer::accept(&listener).await;
        let reason = CloseReason { code: CloseCode::from(code), description: Some(words.to_owned()) };
        peer.send(WsMessage::Close(Some(reason))).await;
        let loss = rig.loss().await;
        assert_eq!(loss.class, class, "{loss:?}");
        assert!(loss.reason.contains(words) && loss.reason.contains(&code.to_string()), "{loss:?}");
        assert!(matches!(peer.frame().await, Some(ws::Frame::Close(_))), "the good-bye is answered");
        assert!(peer.frame().await.is_none(), "and the socket closed");
    }
}

#[actix::test]
async fn an_error_before_the_close_says_why() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::accept(&listener).await;
    peer.say(&json!({"type": "error", "error": {"type": "insufficient_quota", "code": "credit_balance_exhausted",
        "message": "m"}}))
        .await;
    assert_eq!(rig.loss().await.class, LossClass::Fatal);
}

#[actix::test]
async fn a_refused_upgrade_is_classified_by_its_status() {
    for (status, class) in [
        (401, LossClass::Fatal),
        (403, LossClass::Fatal),
        (404, LossClass::Fatal),
        (429, LossClass::Retryable),
        (500, LossClass::Retryable),
    ] {
        let (listener, port) = listen().await;
        let mut rig = Rig::start(plan(port));
        let (mut stream, _) = read_request(&listener).await;
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno");
        stream.write_all(answer.as_bytes()).await.expect("written");
        let loss = rig.loss().await;
        assert_eq!(loss.class, class, "{loss:?}");
        assert!(loss.reason.contains(&status.to_string()));
    }
}

#[actix::test]
async fn a_server_that_is_not_there_can_be_tried_again() {
    let (listener, port) = listen().await;
    drop(listener);
    assert_eq!(Rig::start(plan(port)).loss().await.class, LossClass::Retryable);
}

#[actix::test]
async fn a_server_that_never_answers_the_upgrade_is_left_in_time() {
    let (_listener, port) = listen().await;
    tokio::time::pause();
    let loss = Rig::start(plan(port)).loss().await;
    assert_eq!(loss.class, LossClass::Retryable);
    assert!(loss.reason.contains("10s"), "{loss:?}");
}

#[actix::test]
async fn a_server_that_never_creates_the_session_is_left_in_time() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::accept(&listener).await;
    assert!(peer.heard_nothing().await);
    tokio::time::pause();
    let loss = rig.loss().await;
    assert!(loss.class == LossClass::Retryable && loss.reason.contains("session.created"), "{loss:?}");
}

#[actix::test]
async fn a_server_that_never_confirms_the_configuration_is_left_in_time() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::accept(&listener).await;
    peer.say(&json!({"type": "session.created", "session": {}})).await;
    assert_eq!(peer.hear().await["type"], "session.update");
    tokio::time::pause();
    let loss = rig.loss().await;
    assert!(loss.class == LossClass::Retryable && loss.reason.contains("session.updated"), "{loss:?}");
}

#[actix::test]
async fn a_connection_that_dies_without_a_word_is_a_loss_told_once() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    drop(peer);
    assert_eq!(rig.loss().await.class, LossClass::Retryable);
    let last = rig.last_words().await;
    assert!(last.is_empty(), "no OrganLost after the call was told: {last:?}");
}

#[actix::test]
async fn an_order_to_close_closes_the_socket_and_tells_nobody() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    rig.llm.do_send(ModelOrder::Close);
    let Some(ws::Frame::Close(Some(reason))) = peer.frame().await else { panic!("no good-bye") };
    assert_eq!(reason.code, CloseCode::Normal);
    assert!(peer.frame().await.is_none());
    let last = rig.last_words().await;
    assert!(last.is_empty(), "{last:?}");
}

#[actix::test]
async fn an_order_to_close_ends_the_dialling_too() {
    let (listener, port) = listen().await;
    let rig = Rig::start(plan(port));
    let (mut stream, _) = read_request(&listener).await;
    rig.llm.do_send(ModelOrder::Close);
    assert_eq!(soon(stream.read(&mut [0; 16])).await.expect("the end of the stream"), 0);
    assert!(rig.last_words().await.is_empty());
}

#[actix::test]
async fn a_session_without_a_call_is_closed() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    // The session's address is still in use, as it is by the AudioPipeline. The call is gone all
    // the same.
    drop(rig.call.take());
    tokio::time::pause();
    assert!(matches!(peer.frame().await, Some(ws::Frame::Close(_))));
    assert!(peer.frame().await.is_none());
}

#[actix::test]
async fn the_callers_last_words_are_waited_for_while_no_audio_goes_out() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(transcribing(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    rig.callers_turn_is_open(&mut peer).await;
    rig.llm.do_send(ModelOrder::Close);
    rig.llm.do_send(ModelBound(Frame::copy_of(&[1; 960])));
    assert_eq!(peer.hear().await["type"], "input_audio_buffer.commit");
    peer.say(&json!({"type": "input_audio_buffer.committed", "item_id": "u", "previous_item_id": null})).await;
    assert!(matches!(rig.next().await, Told::Words), "its place");
    peer.say(&json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": "u",
        "transcript": "Never mind."}))
        .await;
    assert!(matches!(rig.next().await, Told::Words), "and its words");
    assert!(matches!(peer.frame().await, Some(ws::Frame::Close(_))), "nothing but a good-bye");
    assert!(rig.last_words().await.is_empty());
}

#[actix::test]
async fn a_session_whose_last_words_never_come_is_closed_with_or_without_a_call() {
    for call_is_gone in [false, true] {
        let (listener, port) = listen().await;
        let mut rig = Rig::start(transcribing(port));
        let mut peer = Peer::ready(&listener).await;
        rig.is_ready().await;
        rig.callers_turn_is_open(&mut peer).await;
        if call_is_gone {
            drop(rig.call.take());
        } else {
            rig.llm.do_send(ModelOrder::Close);
        }
        tokio::time::pause();
        assert_eq!(peer.hear().await["type"], "input_audio_buffer.commit");
        assert!(matches!(peer.frame().await, Some(ws::Frame::Close(_))));
        tokio::time::resume();
        assert!(rig.last_words().await.is_empty());
    }
}

#[actix::test]
async fn a_burst_of_thirty_seconds_arrives_whole_and_in_order() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    // 300 deltas of 100 ms are written as fast as possible. The neighbour's mailbox accepts
    // sixteen.
    for number in 0..300_u32 {
        let mut piece = vec![0; 4_800];
        piece[..4].copy_from_slice(&number.to_le_bytes());
        peer.socket.feed(WsMessage::Text(delta(&piece).to_string().into())).await.expect("fed");
    }
    peer.say(&json!({"type": "response.output_audio.done", "response_id": "resp_1", "item_id": "item_1"})).await;
    let mut heard = Vec::new();
    let complete = loop {
        match rig.audio().await {
            Told::Audio(audio) => heard.extend(audio),
            Told::Complete(item) => break item,

            other @ (Told::Report(_) | Told::Words | Told::Lost) => panic!("no audio: {other:?}"),
        }
    };
    assert_eq!(complete, "item_1");
    assert_eq!(heard.len(), 300 * 4_800);
    let order: Vec<u32> =
        heard.chunks(4_800).map(|piece| u32::from_le_bytes(piece[..4].try_into().expect("four bytes"))).collect();
    assert_eq!(order, (0..300).collect::<Vec<_>>());
}

#[actix::test]
async fn garbage_of_every_kind_is_survived() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    peer.send(WsMessage::Binary(vec![0xff; 100].into())).await;
    peer.send(WsMessage::Text("{\"type\":\"response.done\"".into())).await;
    peer.say(&json!({"type": "something.new", "deep": [[[[{}]]]]})).await;
    for _ in 0..2 {
        assert!(matches!(rig.report().await, ModelReport::Complained { code, .. } if code == "unreadable_event"));
    }
    peer.say(&delta(&[1])).await;
    assert!(matches!(rig.audio().await, Told::Audio(_)));
}
