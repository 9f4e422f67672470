//! A RealtimeLlm with a server of the Live API, which the test plays: binary messages, a
//! configuration first, no ids.

use std::sync::Arc;
use std::time::Duration;

use actix_http::ws::{self, Message as WsMessage};
use serde_json::{Value, json};
use switchboard_actors::carrier::AudioFormat;
use switchboard_actors::frame::Frame;
use switchboard_actors::ids::Private;
use switchboard_actors::line::messages::ModelBound;
use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::gemini::plan::{Activity, Compression, GeminiPlan, Sensitivity};
use switchboard_actors::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest, TextRole};
use switchboard_actors::realtime::plan::{Credential, Endpoint, ModelAddress, Resilience, SessionPlan};
use switchboard_actors::realtime::report::{ModelReport, ResponseOutcome};

use crate::peer::{Peer, header, listen};
use crate::rig::{Output, Rig, plan};

fn live(port: u16) -> SessionPlan {
    let own = GeminiPlan {
        address: ModelAddress {
            provider: "gemini",
            endpoint: Endpoint {
                url: format!("ws://127.0.0.1:{port}/ws/BidiGenerateContent"),
                credential: Credential::ApiKey(Private::new("AIza-test".to_owned())),
                key_variable: None,
            },
            model: "gemini-3.8-live".to_owned(),
        },
        voice: "Kore".to_owned(),
        input: AudioFormat::PCM_24K,
        activity: Activity::Automatic {
            start: Sensitivity::Low,
            end: Sensitivity::High,
            prefix_padding_ms: 200,
            silence_duration_ms: 600,
            interrupts: true,
        },
        max_output_tokens: None,
        transcription_hints: false,
        compression: Compression::default(),
        setup_timeout: Duration::from_secs(5),
    };
    SessionPlan { provider: ProviderPlan::Gemini(Arc::new(own)), ..plan(port) }
}

/// Says it as the real server does: JSON in a binary message.
async fn say(peer: &mut Peer, message: Value) {
    peer.send(WsMessage::Binary(message.to_string().into())).await;
}

/// Accepts a connection and its configuration, which it returns.
async fn set_up(peer: &mut Peer) -> Value {
    let setup = peer.hear().await["setup"].clone();
    assert!(setup.is_object());
    assert!(peer.heard_nothing().await, "nothing but the setup before setupComplete");
    say(peer, json!({"setupComplete": {}})).await;
    setup
}

/// Waits for a message. The neighbours are two actors, whose messages come in any order.
async fn until(rig: &mut Rig, is_it: impl Fn(&Output) -> bool) -> Output {
    loop {
        let outputs = rig.next().await;
        if is_it(&outputs) {
            return outputs;
        }
    }
}

fn audio(bytes: &[u8]) -> Value {
    let data = base64_simd::STANDARD.encode_to_string(bytes);
    json!({"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}]}}})
}

#[actix::test]
async fn a_conversation_runs_over_a_real_socket() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(live(port));
    let greeting = ResponseRequest { purpose: ResponsePurpose::Greeting, instructions: None };
    rig.llm.do_send(ModelOrder::Speak(greeting));
    let mut peer = Peer::accept(&listener).await;
    assert!(peer.request.starts_with("GET /ws/BidiGenerateContent HTTP/1.1\r\n"), "{}", peer.request);
    assert_eq!(header(&peer.request, "x-goog-api-key"), Some("AIza-test"));
    assert_eq!(set_up(&mut peer).await["model"], "models/gemini-3.8-live");
    rig.is_ready().await;
    let request = peer.hear().await;
    assert_eq!(request["clientContent"]["turnComplete"], true, "{request}");
    say(&mut peer, audio(&[1; 4_800])).await;
    let heard = until(&mut rig, |outputs| matches!(outputs, Output::Audio(_))).await;
    assert!(matches!(heard, Output::Audio(bytes) if bytes == [1; 4_800]));
    say(&mut peer, json!({"serverContent": {"generationComplete": true}})).await;
    until(&mut rig, |outputs| matches!(outputs, Output::Complete(_))).await;
    say(&mut peer, json!({"serverContent": {"turnComplete": true}, "usageMetadata": {"promptTokenCount": 9}})).await;
    let finished =
        until(&mut rig, |outputs| matches!(outputs, Output::Report(ModelReport::ResponseFinished { .. }))).await;
    let Output::Report(ModelReport::ResponseFinished { outcome, usage, .. }) = finished else { unreachable!() };
    assert_eq!((outcome, usage.expect("counted").input_text), (ResponseOutcome::Completed, 9));
    rig.llm.do_send(ModelBound(Frame::copy_of(&[9; 960])));
    let input = peer.hear().await["realtimeInput"]["audio"].clone();
    assert_eq!(input["mimeType"], "audio/pcm;rate=24000");
    assert_eq!(input["data"].as_str().map(str::len), Some(1_280));
    rig.llm.do_send(ModelOrder::Close);
    assert!(matches!(peer.frame().await, Some(ws::Frame::Close(_))));
}

#[actix::test]
async fn a_session_that_is_warned_of_its_end_is_resumed_on_another_socket() {
    let (listener, port) = listen().await;
    let mut plan = live(port);
    plan.resilience = Resilience {
        patience: Duration::from_secs(60),
        rotate_before: Duration::from_secs(60),
        rotate_latest: Duration::from_secs(10),
        ..Resilience::default()
    };
    let mut rig = Rig::start(plan);
    let mut first = Peer::accept(&listener).await;
    assert_eq!(set_up(&mut first).await["sessionResumption"], json!({}));
    rig.is_ready().await;
    let fact = |text: &str| ModelOrder::AddText { role: TextRole::System, text: text.to_owned() };
    rig.llm.do_send(fact("Known."));
    assert_eq!(first.hear().await["clientContent"]["turns"][0]["parts"][0]["text"], "[Known.]");
    say(&mut first, json!({"sessionResumptionUpdate": {"newHandle": "handle-1", "resumable": true}})).await;
    assert!(first.heard_nothing().await);
    rig.llm.do_send(fact("New."));
    first.hear().await;
    say(&mut first, json!({"goAway": {"timeLeft": "50s"}})).await;
    let mut second = Peer::accept(&listener).await;
    assert_eq!(set_up(&mut second).await["sessionResumption"], json!({"handle": "handle-1"}));
    assert!(matches!(rig.report().await, ModelReport::Renewable));
    rig.llm.do_send(ModelOrder::Rotate);
    let outputs = second.hear().await["clientContent"].clone();
    assert_eq!((&outputs["turns"][0]["parts"][0]["text"], &outputs["turnComplete"]), (&json!("[New.]"), &json!(false)));
    assert_eq!(outputs["turns"].as_array().map(Vec::len), Some(1), "the server knows the rest: {outputs}");
    assert!(matches!(rig.report().await, ModelReport::Resumed { .. }));
    assert!(matches!(first.frame().await, Some(ws::Frame::Close(_))));
}
