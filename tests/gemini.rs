//! Whole calls with the embedded model speaking Gemini Live.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::api::SALES;
use common::stage::{Stage, heard};
use common::{counted, get, voice};
use futures_util::future::join_all;
use serde_json::Value;
use switchboard::tools::phone::{CallReport, EndedBy, PhoneOptions};
use switchboard_actors::carrier::Encoding;
use switchboard_actors::g711;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What has become of a call.
struct Call {
    report: CallReport,
    record: Value,
    /// The messages of the client, by connection.
    sent: Vec<Vec<Value>>,
}

impl Call {
    /// The contents of all messages of this kind.
    fn of(&self, kind: &str) -> Vec<&Value> {
        self.sent.iter().flatten().filter_map(|message| message.get(kind)).collect()
    }

    /// The texts for the model.
    fn texts(&self) -> Vec<&str> {
        let turns = self.of("clientContent").into_iter().filter_map(|content| content["turns"].as_array()).flatten();
        turns.filter_map(|turn| turn["parts"][0]["text"].as_str()).collect()
    }

    fn agent(&self) -> Vec<String> {
        heard(&self.record, "assistant")
    }
}

/// A sentence of a caller, as it is bundled: mu-law in a WAV file.
fn sentence() -> Arc<[i16]> {
    let wav = include_bytes!("../src/tools/phone/speech/en.wav");
    let data = wav.windows(4).position(|name| name == b"data").expect("a WAV file") + 8;
    let mut samples = Vec::new();
    g711::decode(Encoding::MuLaw, &wav[data..], &mut samples);
    samples.into()
}

/// Places a call to a service whose model has the faults in `rehearse`.
async fn call(rehearse: &str, settings: &[(&str, &str)], change: impl FnOnce(&mut PhoneOptions)) -> Call {
    let stage = Stage::speaking("gemini", rehearse, settings).await;
    let report = stage
        .call(|options| {
            options.speech = voice(440.0, 2_000).into();
            options.longest = Duration::from_secs(45);
            change(options);
        })
        .await;
    let log = stage.log.clone();
    let record = stage.record(&report).await;
    let sent = (1..=log.connections()).map(|connection| log.of(connection)).collect();
    Call { report, record, sent }
}

/// The same with a silent caller who presses this key.
async fn pressed(key: char, settings: &[(&str, &str)]) -> Call {
    call("", settings, |options| {
        options.speech = [].into();
        options.dtmf = vec![(Duration::from_secs(4), key)];
        options.hangup_after = Some(Duration::from_secs(14));
    })
    .await
}

fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[actix_rt::test]
async fn a_caller_is_greeted_and_answered() {
    let call = call("", &[], |_| {}).await;
    let agent = call.agent();
    assert!(agent[0].starts_with("Hello") && agent[0].ends_with("today?"), "{agent:?}");
    assert!(agent[1].starts_with("[the caller's own words, 2."), "{agent:?}");
    let caller = heard(&call.record, "user");
    assert_eq!(caller.len(), 1, "one turn: {caller:?}");
    assert!(caller[0].starts_with("[caller speech, "), "{caller:?}");
    assert_eq!(call.of("setup").len(), 1);
    assert!(call.sent[0][0]["setup"]["contextWindowCompression"].is_object(), "a call may last");
}

#[actix_rt::test]
async fn our_own_detector_tells_the_server_of_speech_alone() {
    let call = call("", &[("realtime.turn_detection.detector", "ours")], |options| options.speech = sentence()).await;
    let detection = &call.sent[0][0]["setup"]["realtimeInputConfig"]["automaticActivityDetection"];
    assert_eq!(detection["disabled"], true, "{detection}");
    let inputs = call.of("realtimeInput");
    let count = |kind: &str| inputs.iter().filter(|input| input.get(kind).is_some()).count();
    assert!(count("activityStart") >= 1, "{inputs:?}");
    assert_eq!(count("activityStart"), count("activityEnd"), "every turn has ended");
    let caller = heard(&call.record, "user");
    assert_eq!(caller.len(), count("activityStart"), "{caller:?}");
    assert!(call.agent()[1].starts_with("[the caller's own words, "), "{:?}", call.agent());
}

#[actix_rt::test]
async fn words_that_come_with_their_answer_interrupt_nothing() {
    let call = call("transcripts_after_ms:1500", &[], |_| {}).await;
    assert_eq!(call.report.summary.clears, 0, "{:?}", call.report.summary);
    assert_eq!(heard(&call.record, "user").len(), 1, "{:#}", call.record);
    assert!(!call.texts().contains(&"[Answer the caller now.]"), "{:?}", call.texts());
}

#[actix_rt::test]
async fn a_caller_who_interrupts_stops_the_agent_and_the_model_learns_what_was_heard() {
    let call = call("answer_ms:12000", &[], |options| {
        options.speak_at = seconds(4);
        options.hangup_after = seconds(14);
    })
    .await;
    assert!(call.report.summary.clears >= 1, "{:?}", call.report.summary);
    let first = &call.record["conversation"][0];
    let (text, heard) = (first["text"].as_str().expect("a text"), first["heard"].as_str().expect("words"));
    assert_eq!(first["interrupted"], true, "{first}");
    assert!(text.starts_with(heard) && heard.len() < text.len(), "{first}");
    let note = format!("they have heard only: “{heard}”");
    assert!(call.texts().iter().any(|text| text.contains(&note)), "{note}: {:?}", call.texts());
}

#[actix_rt::test]
async fn keys_call_the_tools() {
    let (ended, saved, switched, transferred) = tokio::join!(
        pressed('9', &[]),
        pressed('3', &[("agents.default.tools", "[\"save_answer\"]")]),
        pressed('2', &[]),
        pressed('1', &SALES),
    );
    assert_eq!(ended.record["ending"]["reason"], "agent_hung_up", "{:#}", ended.record);
    assert!(ended.agent().last().is_some_and(|words| words.contains("oodbye")), "heard out: {:?}", ended.agent());

    assert_eq!(saved.record["answers"]["answer"], "rehearsed", "{:#}", saved.record);
    let [response] = saved.of("toolResponse")[..] else { panic!("{:?}", saved.sent) };
    assert_eq!(response["functionResponses"][0]["name"], "save_answer");

    assert_eq!(switched.record["language_switches"][0]["to"], "hi", "{:#}", switched.record);
    assert!(switched.of("contextUpdate")[0]["systemInstruction"]["parts"][0]["text"].is_string());

    assert_eq!(transferred.record["ending"]["reason"], "transferred", "{:#}", transferred.record);
    assert_eq!(transferred.report.summary.transfers[0].to, ["+14155550100"]);
}

/// A tool's server that takes this long to answer.
async fn slow_tool(takes: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    actix_rt::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            actix_rt::spawn(async move {
                let _ = socket.read(&mut [0; 4096]).await;
                tokio::time::sleep(takes).await;
                let body = r#"{"status":"shipped"}"#;
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = socket.write_all((head + body).as_bytes()).await;
            });
        }
    });
    url
}

#[actix_rt::test]
async fn a_slow_tool_is_waited_for_unless_the_caller_goes_on_and_the_model_takes_it_back() {
    let url = slow_tool(Duration::from_secs(6)).await;
    let settings = |model| {
        [
            ("realtime.model", model),
            ("tools.order_status.url", url.as_str()),
            ("tools.order_status.description", "Finds an order."),
            ("tools.order_status.allowed_private", r#"["127.0.0.1"]"#),
            ("tools.order_status.timeout", "10s"),
            ("agents.default.tools", r#"["order_status"]"#),
        ]
    };
    let (goes_on, waits) = (settings("gemini-3.8-live"), settings("gemini-3.1-flash-live-preview"));
    let (answered, taken_back) = tokio::join!(
        call("", &goes_on, |options| {
            options.speech = [].into();
            options.dtmf = vec![(Duration::from_secs(4), '5')];
            options.hangup_after = seconds(18);
        }),
        // This model waits for its tools.
        call("", &waits, |options| {
            options.dtmf = vec![(Duration::from_secs(4), '5')];
            options.speak_at = seconds(7);
            options.hangup_after = seconds(20);
        }),
    );
    let results: Vec<_> =
        answered.of("toolResponse").iter().map(|it| &it["functionResponses"][0]["response"]).collect();
    assert!(!results.is_empty() && results.iter().all(|it| it["output"]["status"] == "shipped"), "{results:?}");
    assert!(answered.agent().len() >= 2, "{:?}", answered.agent());

    assert_eq!(taken_back.of("toolResponse"), Vec::<&Value>::new(), "what is taken back is not answered");
    assert!(taken_back.agent().last().is_some_and(|words| words.contains("own words")), "{:?}", taken_back.agent());
}

#[actix_rt::test]
async fn an_answer_that_a_filter_ends_is_counted_by_its_reason_and_asked_for_again() {
    let stage = Stage::speaking("gemini", "good_responses:1,filtered_responses:1", &[]).await;
    let report = stage
        .call(|options| {
            options.speech = voice(440.0, 2_000).into();
            options.hangup_after = seconds(16);
        })
        .await;
    let metrics = get(&stage.running.admin("/metrics"), &[]).await.text;
    // No other call of this program is filtered.
    assert!(counted(&metrics, "switchboard_model_errors_total{code=\"response_rejected\"}") >= 1.0);
    let record = stage.record(&report).await;
    assert!(heard(&record, "assistant").len() >= 2, "{record:#}");
}

#[actix_rt::test]
async fn a_silent_caller_is_asked_and_then_left() {
    let call = call("", &[("limits.idle_prompts", "[\"2s\", \"2s\"]")], |options| {
        options.speech = [].into();
        options.hangup_after = seconds(40);
    })
    .await;
    assert_eq!(call.report.summary.ended_by, EndedBy::Service, "{:?}", call.report.summary.trail);
    assert!(call.agent().len() >= 3, "greeted, asked, left: {:?}", call.agent());
}

#[actix_rt::test]
async fn a_call_outlives_its_connection_by_the_handle() {
    let call = call("first:1,expire_after_ms:12000,go_away_ms:7000", &[], |options| {
        options.speak_at = seconds(14);
        options.hangup_after = seconds(24);
    })
    .await;
    let setups = call.of("setup");
    assert_eq!(setups.len(), 2, "{setups:?}");
    assert!(setups[0]["sessionResumption"].get("handle").is_none());
    assert!(setups[1]["sessionResumption"]["handle"].is_string());
    assert!(call.agent().last().is_some_and(|words| words.contains("own words")), "{:?}", call.agent());
}

#[actix_rt::test]
async fn a_lost_socket_costs_no_answer_wherever_it_is_lost() {
    let faults = ["drop_in_response:1", "drop_at_speech:1", "drop_at_turn_end:1", "drop_in_response:2"];
    let calls = faults.map(|fault| async move {
        let fault_once = format!("first:1,{fault}");
        let call = call(&fault_once, &[], |options| {
            options.speak_at = seconds(6);
            options.hangup_after = seconds(20);
        });
        (fault, call.await)
    });
    for (fault, call) in join_all(calls).await {
        assert!(call.of("setup").len() >= 2, "{fault}: {:?}", call.report.summary.trail);
        assert!(call.agent().len() >= 2, "{fault}: {:?}", call.agent());
    }
}

#[actix_rt::test]
async fn garbage_and_messages_of_5_mb_are_passed_over() {
    let faults = "garbage_every:3,unknown_every:4,big_event_bytes:5000000,fragment_bytes:40000";
    let call = call(faults, &[], |_| {}).await;
    assert!(call.agent().len() >= 2, "{:#}", call.record);
    assert_eq!(call.of("setup").len(), 1, "the session is kept");
}

#[actix_rt::test]
async fn a_call_is_closed_before_it_costs_more_than_it_may() {
    let call = call("", &[("spend.call_soft", "0.003"), ("spend.call_hard", "0.008")], |options| {
        options.speech = [voice(440.0, 1_500), vec![0; 28_000]].concat().repeat(6).into();
        options.hangup_after = seconds(40);
    })
    .await;
    assert_eq!(call.record["ending"]["reason"], "spend_limit", "{:#}", call.record);
    let cost = call.record["cost_usd"].as_f64().expect("a number");
    assert!(cost > 0.0 && cost < 0.016, "{cost}");
}
