//! Whole calls with the embedded model speaking GPT-Live, which listens while it speaks.

mod common;

use std::time::Duration;

use common::stage::{Stage, heard};
use common::voice;
use futures_util::future::join_all;
use serde_json::Value;
use switchboard::tools::phone::{CallReport, DialOutcome, PhoneOptions};
use switchboard::tools::rehearsal::{ClientLog, Rehearsal, RehearsalOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Places a call to a service whose model has the faults in `rehearse`. Returns the report, the
/// record, and the events of the first session.
async fn call(
    rehearse: &str,
    settings: &[(&str, &str)],
    change: impl FnOnce(&mut PhoneOptions),
) -> (CallReport, Value, Vec<Value>) {
    let (report, record, log) = call_with_fallback(rehearse, "", settings, change).await;
    (report, record, log.of(1))
}

/// The same. Where `fallback` names a provider, a lost call goes on with it. Returns the events of
/// all sessions.
async fn call_with_fallback(
    rehearse: &str,
    fallback: &str,
    settings: &[(&str, &str)],
    change: impl FnOnce(&mut PhoneOptions),
) -> (CallReport, Value, ClientLog) {
    let log = ClientLog::default();
    let options = RehearsalOptions { log: Some(log.clone()), ..RehearsalOptions::default() };
    let model = Rehearsal::start(options).await.expect("a model");
    let url = format!("{}?rehearse={rehearse}", model.url_for("live").expect("it is served"));
    // Less work than resampling, and the format of the line.
    let mut all = vec![
        ("twilio.verify", "off"),
        ("realtime.rehearsal_protocol", "live"),
        ("realtime.url", url.as_str()),
        ("realtime.audio_format", "g711"),
        // These callers are tones, which our detector does not take for speech.
        ("speech_detector.enabled", "false"),
    ];
    let fallbacks = match fallback {
        "" => "[]".to_owned(),
        "gemini" => {
            format!("[{{ provider = \"gemini\", url = \"{}\" }}]", model.url_for("gemini").expect("it is served"))
        }
        provider => format!("[{{ provider = \"{provider}\", url = \"{}\" }}]", model.url()),
    };
    all.push(("realtime.fallbacks", &fallbacks));
    all.extend_from_slice(settings);
    let running = common::start_with(&[("GEMINI_API_KEY", "gm-key"), ("OPENAI_API_KEY", "sk-key")], &all).await;
    let stage = Stage { model: Some(model), log: log.clone(), running };
    let report = stage
        .call(|options| {
            options.speech = voice(440.0, 2_000).into();
            options.longest = Duration::from_secs(40);
            change(options);
        })
        .await;
    let record = stage.record(&report).await;
    (report, record, log)
}

#[actix_rt::test]
async fn a_call_is_greeted_answered_and_closed() {
    let (_, record, sent) = call("", &[], |_| {}).await;
    let agent = heard(&record, "assistant");
    assert!(agent[0].starts_with("Hello") && agent[1].starts_with("[the caller's own words, 2."), "{agent:?}");
    assert!(heard(&record, "user")[0].starts_with("[caller speech, 2."), "{record:#}");
    let kinds: Vec<&str> = sent.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds.first(), Some(&"session.start"));
    assert_eq!(kinds.last(), Some(&"session.close"), "{kinds:?}");
}

#[actix_rt::test]
async fn the_model_decides_alone_when_it_stops_if_that_is_the_policy() {
    let (report, record, _) = call("answer_ms:15000", &[("interruption.policy", "model")], |options| {
        options.speak_at = Some(Duration::from_secs(4));
        options.hangup_after = Some(Duration::from_secs(13));
    })
    .await;
    assert_eq!(report.summary.clears, 0, "nobody cuts the model: {:?}", report.summary);
    assert!(heard(&record, "assistant").len() >= 2, "{record:#}");
}

#[actix_rt::test]
async fn a_key_calls_a_tool_behind_the_voice() {
    let (_, record, sent) = call("", &[("agents.default.tools", "[\"save_answer\"]")], |options| {
        options.speech = [].into();
        options.dtmf = vec![(Duration::from_secs(5), '3')];
        options.hangup_after = Some(Duration::from_secs(12));
    })
    .await;
    assert_eq!(record["answers"]["answer"], "rehearsed", "{record:#}");
    let outputs = sent.iter().filter(|event| event["type"] == "response.item.create").count();
    let continued = sent.iter().filter(|event| event["type"] == "response.create").count();
    assert_eq!((outputs, continued), (1, 1));
}

/// Presses these keys, says nothing, and hangs up at `ends` seconds.
fn keys(pressed: &[(u64, char)], ends: u64) -> impl FnOnce(&mut PhoneOptions) {
    let pressed = pressed.iter().map(|(at, key)| (Duration::from_secs(*at), *key)).collect();
    move |options| {
        options.speech = [].into();
        options.dtmf = pressed;
        options.hangup_after = Some(Duration::from_secs(ends));
        options.longest = Duration::from_secs(60);
    }
}

#[actix_rt::test]
async fn the_call_is_ended_after_a_goodbye() {
    let (_, record, sent) = call("", &[("agents.default.tools", "[\"end_call\"]")], keys(&[(5, '9')], 40)).await;
    assert_eq!(record["ending"]["reason"], "agent_hung_up", "{record:#}");
    let last = record["conversation"].as_array().and_then(|said| said.last()).expect("words");
    assert!(last["speaker"] == "assistant" && last["heard"] == last["text"], "{record:#}");
    assert!(last["timestamp"].as_str() > record["tools"][0]["timestamp"].as_str(), "after the tool: {record:#}");
    assert_eq!(sent.last().expect("events")["type"], "session.close");
}

#[actix_rt::test]
async fn the_language_is_switched_for_the_voice_and_for_the_record() {
    let (_, record, _) = call("", &[("agents.default.tools", "[\"switch_language\"]")], keys(&[(5, '2')], 16)).await;
    assert_eq!(record["language_switches"][0]["to"], "hi", "{record:#}");
    let agent = heard(&record, "assistant");
    assert!(agent[0].is_ascii() && agent.last().is_some_and(|words| !words.is_ascii()), "{agent:?}");
}

#[actix_rt::test]
async fn a_language_that_needs_another_session_is_switched_with_one_answer() {
    let long = "Be friendly and brief. ".repeat(80);
    let settings = [("agents.default.tools", "[\"switch_language\"]"), ("agents.default.instructions", long.as_str())];
    let (_, record, log) = call_with_fallback("", "", &settings, keys(&[(5, '2')], 20)).await;
    assert_eq!(record["language_switches"][0]["to"], "hi", "{record:#}");
    assert!(!log.of(2).is_empty(), "the prompt is too long for a change of the running session");
    let agent = heard(&record, "assistant");
    assert_eq!(agent.len(), 2, "a greeting, and one answer in the other language: {agent:?}");
    assert!(!agent[1].is_ascii(), "{agent:?}");
}

#[actix_rt::test]
async fn a_silent_caller_is_asked_twice_and_let_go() {
    let settings = [("limits.idle_prompts", "[\"3s\", \"3s\"]"), ("limits.idle_after", "3s")];
    let (_, record, _) = call("", &settings, keys(&[], 55)).await;
    assert_eq!(record["ending"]["reason"], "caller_silent", "{record:#}");
    let agent = heard(&record, "assistant");
    assert!(agent.iter().any(|words| words.contains("Are you still there?")), "{agent:?}");
    assert!(agent.iter().any(|words| words.contains("I can't hear you.")), "{agent:?}");
    assert_eq!(agent.len(), 4, "a greeting, two prompts and a goodbye: {agent:?}");
}

#[actix_rt::test]
async fn a_caller_whom_nobody_takes_comes_back_to_the_voice() {
    let settings = [common::api::SALES[0], common::api::SALES[1], ("agents.default.tools", "[\"transfer_call\"]")];
    let (report, record, _) = call("", &settings, |options| {
        keys(&[(5, '1')], 0)(options);
        options.hangup_after = None;
        options.answer_pause = Duration::from_secs(6);
        options.dial_outcome = DialOutcome::Busy;
    })
    .await;
    assert_eq!(report.summary.stream_sids.len(), 2, "{:?}", report.summary);
    let outcomes: Vec<&Value> =
        record["transfers"].as_array().expect("a list").iter().map(|step| &step["outcome"]).collect();
    assert_eq!(outcomes, ["dialled", "busy"], "{record:#}");
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
    let agent = heard(&record, "assistant");
    assert!(agent.len() >= 3, "a greeting, an announcement, and a word to who came back: {agent:?}");
}

#[actix_rt::test]
async fn a_slow_tool_is_answered_at_once_and_reported_later() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    actix_rt::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            actix_rt::spawn(async move {
                let mut asked = [0; 4096];
                let _ = socket.read(&mut asked).await;
                tokio::time::sleep(Duration::from_secs(2)).await;
                let _ =
                    socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"status\":\"shipped\"}").await;
            });
        }
    });
    let settings = [
        ("tools.order_status.url", url.as_str()),
        ("tools.order_status.description", "Finds an order."),
        ("tools.order_status.allowed_private", r#"["127.0.0.1"]"#),
        ("agents.default.tools", r#"["order_status"]"#),
    ];
    let (_, record, sent) = call("", &settings, keys(&[(5, '5')], 16)).await;
    let outputs: Vec<&str> = sent.iter().filter_map(|event| event["item"]["output"].as_str()).collect();
    assert_eq!(outputs.len(), 2, "the key calls it twice: {sent:#?}");
    assert!(outputs.iter().all(|output| output.contains("started")), "{outputs:?}");
    assert_eq!(sent.iter().filter(|event| event["type"] == "response.create").count(), 1);
    let reports = sent.iter().filter_map(|event| event["content"].as_str());
    assert!(reports.filter(|text| text.contains("shipped")).count() >= 1, "{sent:#?}");
    assert_eq!(record["tools"].as_array().map(Vec::len), Some(2), "{record:#}");
}

#[actix_rt::test]
async fn a_session_that_expires_is_replaced_in_time_by_one_that_knows_what_was_heard() {
    let rotation = [("realtime.rotate_before", "6s"), ("realtime.rotate_latest", "1s")];
    let (_, record, log) = call_with_fallback("expire_after_ms:12000,first:1", "", &rotation, |options| {
        options.speak_at = Some(Duration::from_secs(13));
        options.hangup_after = Some(Duration::from_secs(20));
    })
    .await;
    assert_eq!(log.connections(), 2);
    assert_eq!(log.of(1).last().expect("events")["type"], "session.close", "it is closed before it expires");
    let history = log.of(2)[0]["session"]["input"].clone();
    let greeting = heard(&record, "assistant")[0].clone();
    assert!(history.to_string().contains(&greeting), "{greeting}: {history:#}");
    assert_eq!(heard(&record, "assistant").len(), 2, "greeted once and answered: {record:#}");
}

#[actix_rt::test]
async fn a_call_goes_on_with_another_provider_wherever_the_session_is_lost() {
    // In the greeting, while the caller is awaited, while they speak, while they wait, in the answer,
    // and with an open tool.
    let moments = [
        "drop_in_response:1",
        "drop_after_ms:5500",
        "drop_at_speech:1",
        "drop_at_turn_end:1",
        "drop_in_response:2",
        "drop_after_call_ms:0",
    ];
    for provider in ["openai", "gemini"] {
        let calls = moments.map(|moment| async move {
            let tools = [("agents.default.tools", "[\"save_answer\"]")];
            call_with_fallback(moment, provider, &tools, |options| {
                options.speak_at = Some(Duration::from_secs(7));
                if moment.starts_with("drop_after_call") {
                    keys(&[(6, '3')], 0)(options);
                }
                options.hangup_after = Some(Duration::from_secs(18));
            })
            .await
        });
        for (moment, (_, record, log)) in moments.iter().zip(join_all(calls).await) {
            let at = format!("{provider}, {moment}");
            assert_eq!(record["ending"]["reason"], "caller_hung_up", "{at}: {record:#}");
            assert_eq!(log.connections(), 2, "{at}");
            let agent = heard(&record, "assistant");
            assert!(agent.len() >= 2, "{at}: greeted and answered: {record:#}");
            if moment.starts_with("drop_after_call") {
                assert_eq!(record["answers"]["answer"], "rehearsed", "{at}: {record:#}");
                assert_eq!(record["tools"].as_array().map(Vec::len), Some(1), "{at}: {record:#}");
            }
        }
    }
}

#[actix_rt::test]
async fn garbage_unknown_events_and_huge_ones_cost_nothing() {
    let faults = ["garbage_every:3", "unknown_every:3", "fragment_bytes:64", "big_event_bytes:5000000", "null_codes:1"];
    let calls = faults.map(|fault| call(fault, &[], |_| {}));
    for (fault, (_, record, sent)) in faults.iter().zip(join_all(calls).await) {
        assert_eq!(record["ending"]["reason"], "caller_hung_up", "{fault}: {record:#}");
        assert_eq!(heard(&record, "assistant").len(), 2, "{fault}: {record:#}");
        assert_eq!(sent.last().expect("events")["type"], "session.close", "{fault}");
    }
}
