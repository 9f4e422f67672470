//! Spending of calls, through the whole service: metering, limits, refusals and the kill switch.

mod common;

use std::time::Duration;

use common::{Running, get, start_with, transcript};
use serde_json::{Value, json};
use switchboard::service::Service;
use switchboard::service::config::Config;
use switchboard::tools::phone::{CallReport, EndedBy, Handset, PhoneOptions, Target, place_call};

#[actix_rt::test]
async fn a_call_is_metered_and_closed_before_it_costs_more_than_it_may() {
    let running = start(&[("spend.call_soft", "0.008"), ("spend.call_hard", "0.02")]).await;
    let report = call(&running, "+15550100001").await;
    assert_eq!(report.summary.ended_by, EndedBy::Service, "{:?}", report.summary.trail);
    let metrics = get(&running.admin("/metrics"), &[]).await.text;
    let spent = "switchboard_spend_usd_total{agent=\"default\",model=\"rehearsal\",variant=\"none\"}";
    assert!(common::counted(&metrics, spent) > 0.0, "{metrics}");
    let record = record(running, &report).await;
    assert_eq!(record["ending"]["reason"], "spend_limit");
    let cost = record["cost_usd"].as_f64().expect("a number");
    assert!(cost > 0.0 && cost < 0.03, "{cost}");
    assert!(record["usage"]["output_audio"].as_u64() > Some(0));
}

#[actix_rt::test]
async fn a_rehearsal_has_its_own_name_and_costs_nothing_unless_limits_are_rehearsed() {
    let running = start(&[]).await;
    let report = call(&running, "+15550100001").await;
    let record = record(running, &report).await;
    assert_eq!((&record["model"], record["cost_usd"].as_f64()), (&json!("rehearsal"), Some(0.0)));
}

#[actix_rt::test]
async fn a_caller_whose_day_is_spent_is_refused_and_another_is_not_restarts_included() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("spend.json").display().to_string();
    let settings = [("spend.caller_hard", "0.004"), ("spend.file", file.as_str())];
    let running = start(&settings).await;
    let report = call(&running, "+15550100001").await;
    assert_eq!(record(running, &report).await["ending"]["reason"], "spend_limit");
    let running = start(&settings).await;
    assert!(refused(&running, "+15550100001").await, "after a restart");
    assert!(!refused(&running, "+15550100009").await);
    let spend = get(&running.admin("/spend"), &[]).await.json();
    assert_eq!((&spend["callers"], &spend["killed"]), (&json!(1), &json!(false)));
    assert!(spend["today_usd"].as_f64() >= Some(0.004), "{spend}");
    let kept = std::fs::read_to_string(&file).expect("the spend file");
    assert!(!kept.contains("5550100001"), "no number is kept");
    running.stop().await;
}

#[actix_rt::test]
async fn a_number_has_one_budget_in_either_direction_and_any_spelling() {
    let running = start(&[("spend.caller_hard", "0.004")]).await;
    let report = call(&running, "+15550177001").await;
    assert_eq!(report.summary.ended_by, EndedBy::Service, "{:?}", report.summary.trail);
    for same in ["+15550177001", "15550177001", "0015550177001", "sip:+15550177001@192.0.2.7;user=phone"] {
        assert!(refused(&running, same).await, "{same}");
    }
    let ours = "+15550100002";
    let dialled =
        async |to: &str| turned_away(&running, &[("Direction", "outbound-api"), ("From", ours), ("To", to)]).await;
    assert!(dialled("+15550177001").await, "the person is the one who was called");
    assert!(!dialled("+15550177002").await);
    assert!(!refused(&running, ours).await, "our own number has spent nothing");
    running.stop().await;
}

#[actix_rt::test]
async fn withheld_numbers_have_no_budget_of_their_own() {
    let from = "sip:anonymous@192.0.2.7";
    let running = start(&[("spend.caller_hard", "0.004")]).await;
    let report = call(&running, from).await;
    assert!(!refused(&running, from).await, "the second caller is somebody else");
    assert!(report.summary.ended_by != EndedBy::Service, "{:?}", report.summary.trail);
    running.stop().await;
}

#[actix_rt::test]
async fn an_unreadable_spend_file_stops_the_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("spend.json");
    let records = folder.path().join("calls").display().to_string();
    let build = |limit: &'static str| {
        let settings = [
            ("server.bind", "127.0.0.1:0"),
            ("admin.bind", "127.0.0.1:0"),
            ("twilio.verify", "off"),
            ("records.dir", records.as_str()),
            ("spend.day_hard", limit),
            ("spend.file", file.to_str().expect("text")),
        ];
        Service::build(Config::builtin_with(&settings).expect("valid"))
    };
    for broken in ["", "garbage", "[]", r#"{"day":"today"}"#] {
        std::fs::write(&file, broken).expect("written");
        let Err(error) = build("10").await else { panic!("{broken:?} is taken for an empty day") };
        let message = error.to_string();
        assert!(message.contains("spend.file") && message.contains("remove it"), "{message}");
    }
    // Without a limit, the service does not need the file.
    build("off").await.expect("it starts").stop(Duration::ZERO).await;
    std::fs::remove_file(&file).expect("removed");
    build("10").await.expect("it starts").stop(Duration::ZERO).await;
}

#[actix_rt::test]
async fn the_kill_switch_closes_live_calls_and_refuses_new_ones_until_it_is_thrown_back() {
    let running = start(&[]).await;
    let caller = async {
        let report = call(&running, "+15550100001").await;
        assert_eq!(report.summary.ended_by, EndedBy::Service, "{:?}", report.summary.trail);
        report
    };
    let operator = async {
        running.until_calls(1).await;
        actix_rt::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(kill(&running, r#"{"on":true}"#).await.0, 200);
    };
    let (report, ()) = futures_util::future::join(caller, operator).await;
    assert!(refused(&running, "+15550100009").await);
    assert_eq!(kill(&running, r#"{"off":true}"#).await.0, 400);
    assert_eq!(kill(&running, r#"{"on":false}"#).await.1["killed"], false);
    assert!(!refused(&running, "+15550100009").await);
    assert_eq!(record(running, &report).await["ending"]["reason"], "spend_limit");
}

async fn start(overrides: &[(&str, &str)]) -> Running {
    let mut all = vec![("twilio.verify", "off")];
    all.extend_from_slice(overrides);
    start_with(&[("SWITCHBOARD_CALLER_SALT", "salt")], &all).await
}

/// A caller who does not hang up within the test's time.
async fn call(running: &Running, from: &str) -> CallReport {
    let url = running.public("/twilio/voice").parse().expect("a URL");
    let mut options = PhoneOptions::new(Target::Webhook(url));
    options.from = from.to_owned();
    // The tone is loud enough to count as speech, with pauses for the answers.
    let tone = |n: u32| (8_000.0 * (f64::from(n) * 0.4).sin()) as i16;
    options.speech = (0..160_000).map(|n| if n % 40_000 < 12_000 { tone(n) } else { 0 }).collect();
    options.hangup_after = Some(Duration::from_secs(30));
    options.longest = Duration::from_secs(40);
    let (handset, _remote) = Handset::new();
    place_call(options, handset).await
}

/// Whether the webhook refuses a call.
async fn refused(running: &Running, from: &str) -> bool {
    turned_away(running, &[("From", from)]).await
}

/// Whether the webhook refuses a call with these fields.
async fn turned_away(running: &Running, said: &[(&str, &str)]) -> bool {
    // Each request is a separate call.
    let sid = format!("CA{}", uuid::Uuid::new_v4().simple());
    let form = [&[("CallSid", sid.as_str()), ("AccountSid", common::ACCOUNT)], said].concat();
    let client = awc::Client::default();
    let mut answer = client.post(running.public("/twilio/voice")).send_form(&form).await.expect("an answer");
    let text = String::from_utf8(answer.body().await.expect("a body").to_vec()).expect("text");
    assert!(text.contains("<Stream") || text.contains("<Hangup"), "{text}");
    !text.contains("<Stream")
}

async fn kill(running: &Running, order: &'static str) -> (u16, Value) {
    let mut answer =
        awc::Client::default().post(running.admin("/spend/kill")).send_body(order).await.expect("an answer");
    let body = answer.body().await.expect("a body");
    (answer.status().as_u16(), serde_json::from_slice(&body).expect("JSON"))
}

/// Stops the service and reads the call's record.
async fn record(running: Running, report: &CallReport) -> Value {
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    transcript(records.path(), &report.summary.call_sid)
}
