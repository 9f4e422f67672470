//! A lost model session costs the caller at most a pause: sessions are dropped in every state,
//! replaced in time, or given up properly.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::stage::Stage;
use common::{Running, transcript, voice};
use serde_json::Value;
use switchboard::tools::phone::{CallReport, PhoneOptions};
use switchboard::tools::rehearsal::{ClientLog, Rehearsal, RehearsalOptions};

#[actix_rt::test]
async fn a_server_that_is_busy_at_first_costs_no_call() {
    let stage = Stage::with("busy:0,first:1", &[]).await;
    let report = call(&stage, |_| {}).await;
    assert_eq!(asked(&stage, 2), 1, "the greeting alone; the answer is the server's own");
    let record = stage.record(&report).await;
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
    assert_eq!(spoken(&record, "assistant").len(), 2, "greeted and answered: {record:#}");
}

#[actix_rt::test]
async fn a_greeting_that_was_cut_is_gone_on_with() {
    let stage = Stage::with("drop_in_response:1,first:1", &[]).await;
    let report = call(&stage, |_| {}).await;
    assert_eq!(asked(&stage, 2), 1, "what was left of the greeting");
    let ask = stage.log.of(2).into_iter().find(|event| event["type"] == "response.create").expect("asked");
    let instructions = ask["response"]["instructions"].as_str().expect("instructions");
    assert!(instructions.contains("do not repeat what was heard"), "{instructions}");
    let record = stage.record(&report).await;
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
}

#[actix_rt::test]
async fn a_session_lost_in_silence_is_not_noticed() {
    let stage = Stage::with("drop_after_ms:5500,first:1", &[]).await;
    let report = call(&stage, |options| options.speak_at = Some(Duration::from_secs(7))).await;
    let seeded = seeded(&stage, 2);
    assert!(matches!(&seeded[..], [heard] if heard.starts_with("assistant: ")), "{seeded:?}");
    assert_eq!(asked(&stage, 2), 0, "nothing was owed");
    let record = stage.record(&report).await;
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
    assert_eq!(spoken(&record, "assistant").len(), 2, "{record:#}");
}

#[actix_rt::test]
async fn a_caller_whose_answer_was_lost_gets_it_once() {
    let stage = Stage::with("drop_at_turn_end:1,first:1", &[]).await;
    let report = call(&stage, |_| {}).await;
    let seeded = seeded(&stage, 2);
    assert!(matches!(&seeded[..], [_, said] if said == "user: [audio]"), "{seeded:?}");
    assert_eq!(asked(&stage, 2), 1);
    let record = stage.record(&report).await;
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
    assert_eq!(spoken(&record, "assistant").len(), 2, "{record:#}");
}

#[actix_rt::test]
async fn a_caller_who_was_speaking_is_heard_out_and_answered() {
    let stage = Stage::with("drop_at_speech:1,first:1", &[]).await;
    let report = call(&stage, |_| {}).await;
    assert_eq!(asked(&stage, 2), 0, "he goes on, and the server answers by itself");
    let seeded = seeded(&stage, 2);
    assert!(matches!(&seeded[..], [_, said] if said == "user: [audio]"), "{seeded:?}");
    let record = stage.record(&report).await;
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
    assert_eq!(spoken(&record, "assistant").len(), 2, "{record:#}");
}

#[actix_rt::test]
async fn an_answer_that_was_cut_is_gone_on_with_and_what_was_heard_is_known() {
    let stage = Stage::with("drop_in_response:2,first:1", &[]).await;
    let report = call(&stage, |_| {}).await;
    let seeded = seeded(&stage, 2);
    assert!(
        matches!(&seeded[..], [_, said, heard] if said.starts_with("user: ") && heard.starts_with("assistant: ")),
        "{seeded:?}"
    );
    assert_eq!(asked(&stage, 2), 1);
    let record = stage.record(&report).await;
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
}

#[actix_rt::test]
async fn a_tools_result_reaches_the_session_that_did_not_call_it() {
    let stage = Stage::with("drop_after_call_ms:0,first:1", &[("agents.default.tools", "[\"save_answer\"]")]).await;
    let report = call(&stage, |options| {
        options.speech = Arc::new([]);
        options.dtmf = vec![(Duration::from_secs(5), '3')];
        options.hangup_after = Some(Duration::from_secs(12));
    })
    .await;
    let events = stage.log.of(2);
    let shown: Vec<String> =
        events.iter().filter(|event| event["type"] == "conversation.item.create").map(|e| shown(&e["item"])).collect();
    assert!(shown.iter().any(|item| item == "call save_answer"), "{shown:?}");
    assert!(shown.last().is_some_and(|item| item.starts_with("output ")), "{shown:?}");
    assert_eq!(asked(&stage, 2), 1, "one answer to the result");
    let record = stage.record(&report).await;
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
}

#[actix_rt::test]
async fn a_session_that_expires_is_replaced_in_time() {
    let stage = Stage::with("expire_after_ms:9000,first:1", &[]).await;
    let report = call(&stage, |options| {
        options.speak_at = Some(Duration::from_secs(8));
        options.hangup_after = Some(Duration::from_secs(16));
    })
    .await;
    assert_eq!(stage.log.connections(), 2);
    assert!(seeded(&stage, 2).iter().any(|item| item.starts_with("assistant: ")));
    assert_eq!(asked(&stage, 2), 0);
    let metrics = common::get(&stage.running.admin("/metrics"), &[]).await.text;
    assert!(common::counted(&metrics, "switchboard_model_takeovers_total{kind=\"rotation\"}") >= 1.0, "{metrics}");
    let record = stage.record(&report).await;
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
    assert_eq!(spoken(&record, "assistant").len(), 2, "{record:#}");
}

#[actix_rt::test]
async fn a_call_whose_model_stays_away_is_ended_with_an_apology() {
    let mut stage = Stage::with("", &[("realtime.failover_patience", "2s")]).await;
    let model = stage.model.take();
    let leaving = async move {
        actix_rt::time::sleep(Duration::from_secs(6)).await;
        model.expect("a model").stop().await;
    };
    let (report, ()) =
        futures_util::future::join(call(&stage, |o| o.speak_at = Some(Duration::from_secs(30))), leaving).await;
    let record = stage.record(&report).await;
    assert_eq!(record["ending"]["reason"], "model_lost");
    let said = spoken(&record, "assistant");
    assert!(said.last().is_some_and(|text| text.contains("technical problem")), "{said:?}");
}

#[actix_rt::test]
async fn a_refused_key_is_not_tried_again_and_the_next_server_takes_the_call() {
    let second = Rehearsal::start(RehearsalOptions::default()).await.expect("a model");
    let fallbacks = format!("[{{ url = \"{}\" }}]", second.url());
    let stage = Stage::with("reject:3000", &[("realtime.fallbacks", &fallbacks)]).await;
    for _ in 0..2 {
        let report = call(&stage, |_| {}).await;
        assert_eq!(report.summary.failures, Vec::<String>::new());
    }
    assert_eq!(stage.log.connections(), 0, "the first server never got as far as a configuration");
    let report = call(&stage, |_| {}).await;
    let record = stage.record(&report).await;
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
    assert_eq!(spoken(&record, "assistant").len(), 2, "{record:#}");
}

#[actix_rt::test]
async fn a_fallbacks_answers_cost_what_its_own_model_charges() {
    let second = Rehearsal::start(RehearsalOptions::default()).await.expect("a model");
    let fallbacks = format!("[{{ url = \"{}\", model = \"gpt-realtime-2.1-mini\" }}]", second.url());
    for (rehearse, cheap) in [("reject:3000", true), ("first:0", false)] {
        let stage = Stage::with(rehearse, &[("realtime.fallbacks", &fallbacks)]).await;
        let report = call(&stage, |_| {}).await;
        let record = stage.record(&report).await;
        let (cost, spoken) = (record["cost_usd"].as_f64(), record["usage"]["output_audio"].as_f64());
        let (cost, spoken) = (cost.expect("a cost"), spoken.expect("tokens"));
        assert!(spoken > 0.0, "{record:#}");
        // The larger model's speech alone costs 64 dollars per million tokens; the smaller's costs
        // 20.
        assert_eq!(cost < spoken * 64e-6, cheap, "{cost} for {spoken} tokens");
    }
}

#[actix_rt::test]
async fn a_call_takes_a_session_that_waits_and_another_takes_its_place() {
    let stage = Stage::with("first:0", &[("realtime.warm_sessions", "1"), ("server.workers", "1")]).await;
    let waiting = async |what: &str, count: &str| {
        let line = format!("switchboard_model_warm_total{{what=\"{what}\"}} {count}");
        let counted = async {
            while !common::get(&stage.running.admin("/metrics"), &[]).await.text.contains(&line) {
                actix_rt::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(common::PATIENCE, counted).await.unwrap_or_else(|_| panic!("no {line}"));
    };
    waiting("opened", "1").await;
    let report = call(&stage, |_| {}).await;
    waiting("taken", "1").await;
    waiting("opened", "2").await;
    let metrics = common::get(&stage.running.admin("/metrics"), &[]).await.text;
    assert!(metrics.contains("switchboard_model_warm_sessions 1"), "{metrics}");
    let record = stage.record(&report).await;
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
    assert_eq!(spoken(&record, "assistant").len(), 2, "{record:#}");
}

#[actix_rt::test]
async fn odd_events_are_survived_without_another_session() {
    for rehearse in ["fragment_bytes:64,garbage_every:9,unknown_every:5", "big_event_bytes:5000000"] {
        let stage = Stage::with(rehearse, &[]).await;
        let report = call(&stage, |_| {}).await;
        assert_eq!(stage.log.connections(), 1, "{rehearse}");
        let record = stage.record(&report).await;
        assert_eq!(spoken(&record, "assistant").len(), 2, "{rehearse}: {record:#}");
    }
}

#[actix_rt::test]
async fn the_canary_tells_whether_the_next_call_would_get_a_session() {
    for (rehearse, status, reason) in [
        ("first:0", 200, None),
        // A close with 1013 because of an exhausted quota is a refusal; a close with 1013 because
        // the server is busy is not.
        ("reject:1013", 503, Some("model_refused")),
        ("busy:0", 503, Some("model_unreachable")),
        ("no_created", 503, Some("model_unreachable")),
        ("refuse:401", 503, Some("model_refused")),
    ] {
        let model = Rehearsal::start(RehearsalOptions::default()).await.expect("a model");
        let url = format!("{}?rehearse={rehearse}", model.url());
        let settings = [
            ("twilio.verify", "off"),
            ("realtime.provider", "openai"),
            ("realtime.url", url.as_str()),
            ("realtime.canary_every", "10s"),
            ("realtime.created_timeout", "500ms"),
        ];
        let running = common::start_with(&[("OPENAI_API_KEY", "sk-rehearsal")], &settings).await;
        let counted = async {
            while !common::get(&running.admin("/metrics"), &[]).await.text.contains("\nswitchboard_model_reachable ") {
                actix_rt::time::sleep(Duration::from_millis(20)).await;
            }
            actix_rt::time::sleep(Duration::from_millis(1_000)).await;
        };
        tokio::time::timeout(common::PATIENCE, counted).await.expect("the canary is counted");
        let ready = common::get(&running.public("/ready"), &[]).await;
        assert_eq!((ready.status, ready.json()["reason"].as_str()), (status, reason), "{rehearse}");
        running.stop().await;
    }
}

#[actix_rt::test]
async fn a_key_that_is_refused_is_seen_by_who_asks() {
    let model = Rehearsal::start(RehearsalOptions::default()).await.expect("a model");
    let url = format!("{}?rehearse=refuse:401", model.url());
    let settings = [("twilio.verify", "off"), ("realtime.provider", "openai"), ("realtime.url", url.as_str())];
    let running = common::start_with(&[("OPENAI_API_KEY", "sk-refused")], &settings).await;
    let stage = Stage { model: Some(model), log: ClientLog::default(), running };
    let metrics = common::get(&stage.running.admin("/metrics"), &[]).await.text;
    assert!(metrics.contains("\nswitchboard_model_breaker_open "), "{metrics}");
    assert_eq!(common::get(&stage.running.public("/ready"), &[]).await.status, 200);
    call(&stage, |_| {}).await;
    let ready = common::get(&stage.running.public("/ready"), &[]).await;
    assert_eq!((ready.status, ready.json()["reason"].as_str()), (503, Some("model_refused")));
    let metrics = common::get(&stage.running.admin("/metrics"), &[]).await.text;
    // Other tests of this process may have caused refusals too.
    assert!(common::counted(&metrics, "switchboard_model_breaker_open") >= 1.0, "{metrics}");
    // The next call does not connect to the model, and its record has the reason.
    let report = call(&stage, |_| {}).await;
    let Running { service, records } = stage.running;
    service.stop(Duration::ZERO).await;
    let record = transcript(records.path(), &report.summary.call_sid);
    assert_eq!(record["ending"]["reason"], "model_refused");
    assert_eq!(incidents(&record)[..2], ["model_breaker", "model_lost"], "the reason before what came of it");
}

#[actix_rt::test]
async fn an_empty_answer_is_requested_again_without_a_gap() {
    let stage = Stage::with("good_responses:1,empty_responses:1", &[]).await;
    let report = call(&stage, |_| {}).await;
    assert_eq!((stage.log.connections(), asked(&stage, 1)), (1, 2), "the greeting, and the answer once more");
    let record = stage.record(&report).await;
    assert_eq!(spoken(&record, "assistant").len(), 2, "greeted and answered: {record:#}");
    assert_eq!(incidents(&record), ["answer_empty"]);
}

#[actix_rt::test]
async fn a_session_whose_answers_are_withheld_is_replaced_and_the_caller_hears_a_word_meanwhile() {
    let stage = Stage::with("good_responses:1,filtered_responses:12,first:1", &[]).await;
    let report = call(&stage, |_| {}).await;
    assert_eq!(stage.log.connections(), 2);
    assert_eq!(asked(&stage, 2), 1, "what was owed");
    let record = stage.record(&report).await;
    let said = spoken(&record, "assistant");
    assert!(said.len() == 3 && said[1].contains("One moment"), "{said:?}");
    let met = incidents(&record);
    assert_eq!(met[..4], ["answer_filtered", "answer_filtered", "model_mute", "model_failover"]);
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
}

#[actix_rt::test]
async fn sound_without_level_is_not_heard_and_its_session_is_replaced() {
    let stage = Stage::with("good_responses:1,silent_responses:12,first:1", &[]).await;
    let report = call(&stage, |_| {}).await;
    assert_eq!(stage.log.connections(), 2);
    let metrics = common::get(&stage.running.admin("/metrics"), &[]).await.text;
    assert!(metrics.contains("switchboard_incidents_total{kind=\"answer_silent\"}"), "{metrics}");
    let record = stage.record(&report).await;
    let met = incidents(&record);
    let place = |kind: &str| met.iter().position(|it| it == kind).unwrap_or_else(|| panic!("{kind}: {met:?}"));
    assert!(place("answer_silent") < place("model_failover"), "{met:?}");
    let unheard: Vec<&Value> = record["conversation"]
        .as_array()
        .expect("a conversation")
        .iter()
        .filter(|entry| entry["speaker"] == "assistant" && entry["heard"] == "")
        .collect();
    assert!(unheard.len() <= 1, "{record:#}");
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
}

#[actix_rt::test]
async fn a_key_that_a_mute_server_does_not_answer_is_answered_by_another() {
    let stage = Stage::with("stall_after_responses:1,first:1", &[("limits.model_answer", "4s")]).await;
    let report = call(&stage, |options| {
        options.speech = Arc::new([]);
        options.dtmf = vec![(Duration::from_secs(5), '7')];
        options.hangup_after = Some(Duration::from_secs(20));
    })
    .await;
    assert_eq!(stage.log.connections(), 2, "another session");
    assert_eq!(asked(&stage, 2), 1);
    let record = stage.record(&report).await;
    let said = spoken(&record, "assistant");
    assert!(said.iter().any(|text| text.contains("One moment")), "{said:?}");
    assert!(incidents(&record).contains(&"model_mute".to_owned()), "{record:#}");
}

/// Places a call that speaks for two seconds, unless `change` changes that.
async fn call(stage: &Stage, change: impl FnOnce(&mut PhoneOptions)) -> CallReport {
    let speaking = |options: &mut PhoneOptions| {
        options.speech = voice(440.0, 2_000).into();
        options.longest = Duration::from_secs(40);
        change(options);
    };
    stage.call(speaking).await
}

/// The items that a session received before the first request for a response, as `role: text`, in
/// order.
fn seeded(stage: &Stage, connection: u64) -> Vec<String> {
    let events = stage.log.of(connection);
    let before = events.iter().take_while(|event| event["type"] != "response.create");
    before.filter(|event| event["type"] == "conversation.item.create").map(|event| shown(&event["item"])).collect()
}

fn asked(stage: &Stage, connection: u64) -> usize {
    stage.log.of(connection).iter().filter(|event| event["type"] == "response.create").count()
}

/// The kinds of a record's incidents, in order.
fn incidents(record: &Value) -> Vec<String> {
    let met = record["incidents"].as_array().expect("a list");
    let times: Vec<u64> = met.iter().map(|incident| incident["at_ms"].as_u64().expect("a time")).collect();
    assert!(times.is_sorted(), "{met:#?}");
    met.iter().map(|incident| incident["kind"].as_str().expect("a kind").to_owned()).collect()
}

/// Formats an item as `role: text`, `call name` or `output text`.
fn shown(item: &Value) -> String {
    let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
    match item["type"].as_str() {
        Some("function_call") => format!("call {}", text("name")),
        Some("function_call_output") => format!("output {}", text("output")),
        _ => {
            let part = &item["content"][0];
            let words = if part["type"] == "input_audio" { "[audio]" } else { part["text"].as_str().unwrap_or("?") };
            format!("{}: {words}", text("role"))
        }
    }
}

/// The words of one side according to the record.
fn spoken(record: &Value, speaker: &str) -> Vec<String> {
    let said = record["conversation"].as_array().expect("a conversation");
    let said = said.iter().filter(|entry| entry["speaker"] == speaker && entry["text"] != "");
    said.map(|entry| entry["text"].as_str().unwrap_or_default().to_owned()).collect()
}
