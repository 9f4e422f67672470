//! A minimal service: returns given documents and plays a script on its socket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use actix_ws::{Message, MessageStream, Session};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use switchboard::tools::phone::{CallReport, Handset, PhoneOptions, Remote, Target, place_call};
use tokio::time::{sleep, timeout};

/// Maximum length of a call in these tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) type Script = fn(Line) -> LocalBoxFuture<'static, ()>;

/// A service that returns given documents and plays a script on its socket.
pub(crate) struct Fake {
    pub(crate) port: u16,
    pub(crate) handle: ServerHandle,
    pub(crate) state: Arc<State>,
}

pub(crate) struct State {
    pub(crate) script: Script,
    pub(crate) documents: Mutex<BTreeMap<String, String>>,
    pub(crate) asked: Mutex<Vec<Ask>>,
    /// Number of scripts that began and did not finish. A script that failed an assertion stays
    /// counted.
    pub(crate) unfinished: Mutex<i32>,
}

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) path: String,
    pub(crate) target: String,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) signature: Option<String>,
}

impl Fake {
    pub(crate) fn start(script: Script) -> Self {
        let (documents, asked, unfinished) = (Mutex::default(), Mutex::default(), Mutex::default());
        let state = Arc::new(State { script, documents, asked, unfinished });
        let data = web::Data::from(state.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(serve)))
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .expect("a free port");
        let port = server.addrs()[0].port();
        let running = server.run();
        let handle = running.handle();
        actix_rt::spawn(running);
        Self { port, handle, state }
    }

    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn answer(&self, path: &str, verbs: &str) {
        self.answer_raw(path, &document(verbs));
    }

    pub(crate) fn answer_raw(&self, path: &str, body: &str) {
        self.state.documents.lock().expect("unpoisoned").insert(path.to_owned(), body.to_owned());
    }

    pub(crate) fn asked(&self) -> Vec<Ask> {
        self.state.asked.lock().expect("unpoisoned").clone()
    }

    pub(crate) fn to_stream(&self) -> PhoneOptions {
        PhoneOptions::new(Target::Stream(self.url("ws", "/ws").parse().expect("an address")))
    }

    pub(crate) fn to_webhook(&self) -> PhoneOptions {
        PhoneOptions::new(Target::Webhook(self.url("http", "/voice").parse().expect("an address")))
    }

    /// Writes the two record files after a call is announced.
    pub(crate) fn write_records(&self, directory: std::path::PathBuf) {
        let state = self.state.clone();
        actix_rt::spawn(async move {
            let call = loop {
                let asked = state.asked.lock().expect("unpoisoned").clone();
                if let Some(call) = asked.iter().find_map(|ask| ask.fields.get("CallSid").cloned()) {
                    break call;
                }
                sleep(Duration::from_millis(10)).await;
            };
            let mut transcript = json!({
                "ucid": call, "call_id": "x", "carrier": "twilio", "timestamp": 1, "duration_ms": 1, "call_start_time": 1,
                "call_end_time": 2, "from": "", "to": "", "agent": "default", "language": "en", "transcripts": [],
                "ending": {"reason": "caller_hung_up", "by": "caller"}, "rich_transcript": [], "tools": [], "answers": {},
            });
            transcript["conversation"] = json!([{"speaker": "agent", "text": "a"}, {"speaker": "caller", "text": "b"}]);
            transcript["usage"] = json!({});
            transcript["analytics"] = json!({});
            let queue = json!({
                "ucid": call, "call_id": "x", "timestamp": 1, "created_at": "", "status": "pending", "attempts": 0,
                "priority": "normal", "transcript_file": format!("call_{call}_1_transcript.json"),
            });
            for (name, value) in [("transcript", transcript), ("queue", queue)] {
                let path = directory.join(format!("call_{call}_1_{name}.json"));
                std::fs::write(path, value.to_string()).expect("writable");
            }
        });
    }

    pub(crate) async fn stop(self) {
        // A script may end a moment after its call.
        let _ = timeout(PATIENCE, async {
            while *self.state.unfinished.lock().expect("unpoisoned") > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        assert_eq!(*self.state.unfinished.lock().expect("unpoisoned"), 0, "a script did not come to its end");
        self.handle.stop(false).await;
    }
}

pub(crate) fn document(verbs: &str) -> String {
    format!(r#"<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>"#)
}

pub(crate) async fn serve(
    request: HttpRequest,
    body: web::Payload,
    state: web::Data<State>,
) -> actix_web::Result<HttpResponse> {
    let path = request.path().to_owned();
    let signature = request.headers().get("x-twilio-signature").and_then(|value| value.to_str().ok());
    let mut ask = Ask {
        path: path.clone(),
        target: request.uri().to_string(),
        fields: BTreeMap::new(),
        signature: signature.map(ToOwned::to_owned),
    };
    if path == "/ws" {
        state.asked.lock().expect("unpoisoned").push(ask);
        let (response, session, messages) = actix_ws::handle(&request, body)?;
        *state.unfinished.lock().expect("unpoisoned") += 1;
        let line = Line { session, messages, sid: String::new() };
        actix_rt::spawn(async move {
            (state.script)(line).await;
            *state.unfinished.lock().expect("unpoisoned") -= 1;
        });
        return Ok(response);
    }
    // The body of an upgrade has no end.
    let text = if request.method() == "POST" { body.to_bytes().await? } else { web::Bytes::new() };
    let text = if text.is_empty() { request.query_string().as_bytes() } else { &text };
    ask.fields = url::form_urlencoded::parse(text).into_owned().collect();
    state.asked.lock().expect("unpoisoned").push(ask);
    Ok(match state.documents.lock().expect("unpoisoned").get(&path) {
        Some(document) => HttpResponse::Ok().content_type("text/xml").body(document.clone()),
        None => HttpResponse::NotFound().finish(),
    })
}

/// The service's end of a stream.
pub(crate) struct Line {
    pub(crate) session: Session,
    pub(crate) messages: MessageStream,
    pub(crate) sid: String,
}

impl Line {
    /// Waits for `connected` and `start`, and returns the latter.
    pub(crate) async fn start(&mut self) -> Value {
        assert_eq!(self.next().await, json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}));
        let start = self.next().await;
        assert_eq!(start["event"], "start");
        self.sid = start["streamSid"].as_str().expect("text").to_owned();
        start
    }

    pub(crate) async fn next(&mut self) -> Value {
        self.next_or_close().await.expect("the phone hung up")
    }

    pub(crate) async fn next_or_close(&mut self) -> Option<Value> {
        while let Some(Ok(message)) = self.messages.next().await {
            match message {
                Message::Text(text) => return Some(serde_json::from_str(&text).expect("JSON")),
                Message::Close(_) => return None,
                Message::Binary(_) | Message::Continuation(_) | Message::Ping(_) | Message::Pong(_) | Message::Nop => {}
            }
        }
        None
    }

    pub(crate) async fn next_mark(&mut self) -> String {
        loop {
            let message = self.next().await;
            if message["event"] == "mark" {
                assert_eq!(message["streamSid"], self.sid);
                return message["mark"]["name"].as_str().expect("text").to_owned();
            }
        }
    }

    /// Sends this many milliseconds of a constant level.
    pub(crate) async fn play(&mut self, ms: usize, level: i16) {
        let payload = BASE64_STANDARD.encode(vec![linear_to_mulaw(level); ms * 8]);
        self.send(json!({"event": "media", "streamSid": self.sid, "media": {"payload": payload}})).await;
    }

    pub(crate) async fn mark(&mut self, name: &str) {
        self.send(json!({"event": "mark", "streamSid": self.sid, "mark": {"name": name}})).await;
    }

    pub(crate) async fn clear(&mut self) {
        self.send(json!({"event": "clear", "streamSid": self.sid})).await;
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.session.text(message.to_string()).await.expect("open");
    }

    pub(crate) async fn close(self) {
        let normal = actix_ws::CloseReason::from(actix_ws::CloseCode::Normal);
        self.session.close(Some(normal)).await.expect("open");
    }
}

/// Places a call to a new service with this script.
pub(crate) async fn call_stream(script: Script) -> CallReport {
    let fake = Fake::start(script);
    let report = call(fake.to_stream()).await;
    fake.stop().await;
    report
}

pub(crate) async fn call(options: PhoneOptions) -> CallReport {
    let (handset, _remote): (Handset, Remote) = Handset::new();
    timeout(PATIENCE, place_call(options, handset)).await.expect("the call ends in time")
}

/// Number of samples that are not silence.
pub(crate) fn loud(samples: &[i16]) -> usize {
    samples.iter().filter(|sample| **sample != 0).count()
}

/// Encodes mu-law by search, so that the code shares only the law itself with the phone's own
/// conversion.
pub(crate) fn linear_to_mulaw(level: i16) -> u8 {
    let distance = |byte: u8| (mulaw_to_linear(byte) - f64::from(level)).abs();
    (0..=u8::MAX).min_by(|one, other| distance(*one).total_cmp(&distance(*other))).expect("256 bytes")
}

pub(crate) fn mulaw_to_linear(byte: u8) -> f64 {
    let code = !byte;
    let (exponent, mantissa) = (i32::from(code >> 4 & 7), f64::from(code & 15));
    let magnitude = (mantissa * 8.0 + 132.0) * 2_f64.powi(exponent) - 132.0;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}
