//! Transfers of callers through the whole service: by the document after the stream, over the
//! carrier's API, and back to the agent.

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::api::{Api, ApiBehaviour, CALLEE, SALES, options};
use common::{ACCOUNT, FakeStream, Running, post, post_body, start, transcript};
use serde_json::Value;
use switchboard::tools::phone::{CallReport, DialOutcome, Handset, place_call};

const CALL: &str = "CA00000000000000000000000000000001";
/// A destination whose callee is briefed before they meet the caller.
const WARM: [(&str, &str); 1] = [("transfers.sales.warm", "true")];

#[actix_rt::test]
async fn a_caller_is_put_through_and_the_call_is_over_when_they_have_finished() {
    let running = start(&SALES).await;
    let report = call(&running, DialOutcome::Answered).await;
    clean(&report);
    assert_eq!(report.summary.transfers[0].to, ["+14155550100"]);
    assert_eq!(report.summary.stream_sids.len(), 1);
    assert!(report.summary.ended_how.ends_with("Hangup"), "{:?}", report.summary.trail);
    let record = record(running, &report).await;
    assert_eq!(record["ending"]["reason"], "transferred");
    assert_eq!(outcomes(&record), ["dialled", "answered"]);
}

#[actix_rt::test]
async fn a_caller_whom_nobody_takes_comes_back_to_the_agent() {
    for (outcome, word) in
        [(DialOutcome::Busy, "busy"), (DialOutcome::NoAnswer, "no_answer"), (DialOutcome::Failed, "failed")]
    {
        let running = start(&SALES).await;
        let report = call(&running, outcome).await;
        came_back(&report);
        let record = record(running, &report).await;
        assert_eq!(record["ending"]["reason"], "caller_hung_up");
        assert_eq!(outcomes(&record), ["dialled", word]);
    }
}

#[actix_rt::test]
async fn a_recorded_caller_who_comes_back_has_two_recordings_and_the_record_names_both() {
    let running = start(&[SALES[0], SALES[1], ("recording.enabled", "true")]).await;
    let report = call(&running, DialOutcome::Busy).await;
    came_back(&report);
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    let record = transcript(records.path(), &report.summary.call_sid);
    let named = record["recordings"].as_array().expect("a list").clone();
    assert_eq!(named.len(), 2, "{named:?}");
    assert_eq!(record["recording"], named[0]);
    for name in &named {
        let path = records.path().join(name.as_str().expect("a name"));
        assert!(path.is_file(), "{} is there", path.display());
    }
}

#[actix_rt::test]
async fn a_callee_hears_the_whisper_and_accepts_by_a_key() {
    let whisper = ("transfers.sales.whisper", "A caller for you: {reason}. Press any key.");
    for (outcome, word) in [(DialOutcome::Answered, "answered"), (DialOutcome::Declined, "not_taken")] {
        let running = start(&[SALES[0], SALES[1], whisper]).await;
        let report = call(&running, outcome).await;
        let announcement = report.summary.transfers[0].whispered.as_deref();
        assert_eq!(announcement, Some("A caller for you: customer_request. Press any key."));
        if outcome == DialOutcome::Declined {
            came_back(&report);
        } else {
            clean(&report);
        }
        assert_eq!(outcomes(&record(running, &report).await), ["dialled", word]);
    }
}

#[actix_rt::test]
async fn a_key_of_the_keypad_puts_the_caller_through() {
    let keypad = ("agents.default.keypad", r#"{ "1" = "transfer sales" }"#);
    let running = start(&[SALES[0], SALES[1], keypad]).await;
    let report = call(&running, DialOutcome::Answered).await;
    clean(&report);
    assert_eq!(outcomes(&record(running, &report).await), ["dialled", "answered"]);
}

#[actix_rt::test]
async fn over_the_api_the_caller_is_put_through_and_comes_back() {
    for (outcome, word) in [(DialOutcome::Answered, "answered"), (DialOutcome::Busy, "busy")] {
        let api = Api::start(ApiBehaviour::Obey);
        let running = api.service(&[]).await;
        let report = api.call(&running, outcome).await;
        clean(&report);
        assert!(report.summary.trail.iter().any(|step| step.contains("redirected")), "{:?}", report.summary.trail);
        let record = record(running, &report).await;
        assert_eq!(outcomes(&record), ["dialled", word]);
        assert_eq!(api.stop().await.len(), 1, "nobody was hung up on");
    }
}

#[actix_rt::test]
async fn a_stream_that_ends_before_the_api_answers_drops_nobody() {
    let api = Api::start(ApiBehaviour::ObeyThenAnswerLate);
    let running = api.service(&[]).await;
    let report = api.call(&running, DialOutcome::NoAnswer).await;
    came_back(&report);
    assert_eq!(outcomes(&record(running, &report).await), ["dialled", "no_answer"]);
    api.stop().await;
}

#[actix_rt::test]
async fn an_api_that_fails_is_done_without() {
    for behaviour in [ApiBehaviour::Answer(429), ApiBehaviour::Answer(500), ApiBehaviour::Never] {
        let api = Api::start(behaviour);
        let running = api.service(&[]).await;
        let report = api.call(&running, DialOutcome::Busy).await;
        came_back(&report);
        assert_eq!(outcomes(&record(running, &report).await), ["dialled", "busy"], "{behaviour:?}");
        api.stop().await;
    }
}

#[actix_rt::test]
async fn a_caller_who_is_gone_for_the_api_is_gone() {
    let api = Api::start(ApiBehaviour::Answer(404));
    let running = api.service(&[]).await;
    let report = api.call(&running, DialOutcome::Busy).await;
    assert!(report.summary.transfers.is_empty());
    assert_eq!(record(running, &report).await["ending"]["reason"], "caller_hung_up");
    api.stop().await;
}

#[actix_rt::test]
async fn an_operators_transfer_is_judged_before_it_is_made() {
    let running = start(&SALES).await;
    let order = |id: &str, body: &'static str| {
        let url = running.admin(&format!("/calls/{id}/transfer"));
        async move { post_body(&url, "application/json", body, &[]).await }
    };
    let (handset, _remote) = Handset::new();
    let mut options = options(&running, DialOutcome::Answered);
    options.dtmf.clear();
    let ordered = async {
        running.until_calls(1).await;
        let id = running.calls().await[0]["id"].as_str().expect("an id").to_owned();
        order("CA404", r#"{"destination":"sales"}"#).await.problem(404);
        assert!(order(&id, r#"{"destination":"+19005550100"}"#).await.problem(422).contains("configured: sales"));
        order(&id, r#"{"number":"+19005550100"}"#).await.problem(400);
        // Before the first word no transfer is possible; afterwards it is.
        let mut answer = order(&id, r#"{"destination":"sales"}"#).await;
        while answer.status == 409 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            answer = order(&id, r#"{"destination":"sales"}"#).await;
        }
        assert_eq!(answer.status, 202, "{}", answer.text);
        order(&id, r#"{"destination":"sales"}"#).await.problem(409);
    };
    let (report, ()) = tokio::join!(place_call(options, handset), ordered);
    clean(&report);
    assert_eq!(outcomes(&record(running, &report).await), ["dialled", "answered"]);
}

#[actix_rt::test]
async fn a_call_whose_end_the_carrier_does_not_confirm_is_ended_over_the_api() {
    let api = Api::start(ApiBehaviour::Answer(200));
    let running = api.service(&[]).await;
    let token = running.announce(CALL).await;
    let mut stream = FakeStream::start(&running.stream(), CALL, Some(&token)).await;
    running.until_calls(1).await;
    let id = running.calls().await[0]["id"].as_str().expect("an id").to_owned();
    post_body(&running.admin(&format!("/calls/{id}/hangup")), "application/json", "", &[]).await;
    // The test's phone plays no audio and echoes no marks, so the service waits for the goodbye
    // until its limit.
    stream.closed().await;
    let requests = api.until(1).await;
    assert_eq!(requests, [format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json Status=completed")]);
    running.stop().await;
    assert_eq!(api.stop().await.len(), 1);
}

#[actix_rt::test]
async fn a_call_whose_carrier_asks_what_follows_is_left_to_it() {
    let api = Api::start(ApiBehaviour::Answer(200));
    let running = api.service(&[]).await;
    let mut options = options(&running, DialOutcome::Answered);
    options.dtmf = vec![(Duration::from_secs(2), '9')];
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    clean(&report);
    let record = record(running, &report).await;
    assert_eq!(record["ending"]["reason"], "agent_hung_up");
    // Stopping waits for outstanding hang-ups. There are none.
    assert_eq!(api.stop().await, [] as [String; 0]);
}

#[actix_rt::test]
async fn a_warm_transfer_briefs_the_callee_before_they_meet() {
    let api = Api::start(ApiBehaviour::Obey).with_callee(Some(DialOutcome::Answered));
    let running = api.service(&WARM).await;
    let report = api.call(&running, DialOutcome::Failed).await;
    clean(&report);
    assert_eq!(report.summary.transfers[0].outcome, "answered");
    assert!(report.summary.ended_how.ends_with("Hangup"), "{:?}", report.summary.trail);
    let record = record(running, &report).await;
    assert_eq!(record["ending"]["reason"], "transferred");
    assert_eq!(outcomes(&record), ["dialled", "answered"]);
    let callee = api.callee().await;
    assert_eq!((callee.to.as_str(), callee.from.as_str()), ("+14155550100", "+15550100002"));
    let announcement = "A caller for you. customer_request. The caller pressed 1. Press any key to take the call.";
    assert_eq!(callee.announcement.as_deref(), Some(announcement));
    assert_eq!(callee.room.as_ref(), report.summary.transfers[0].to.first(), "they are in the same conference");
    let announcement = api.stop().await;
    assert_eq!(announcement.len(), 2, "nobody was hung up on: {announcement:?}");
}

#[actix_rt::test]
async fn a_caller_whom_nobody_meets_comes_back_to_the_agent() {
    for (outcome, word) in [
        (Some(DialOutcome::Busy), "busy"),
        (Some(DialOutcome::NoAnswer), "no_answer"),
        (Some(DialOutcome::Failed), "failed"),
        (Some(DialOutcome::Declined), "not_taken"),
        (None, "failed"),
    ] {
        let api = Api::start(ApiBehaviour::Obey).with_callee(outcome);
        let running = api.service(&WARM).await;
        let report = api.call(&running, DialOutcome::Answered).await;
        came_back(&report);
        let waited = report.summary.trail.iter().filter(|step| step.starts_with("Conference")).count();
        assert_eq!(waited, 1, "{:?}", report.summary.trail);
        let record = record(running, &report).await;
        assert_eq!(record["ending"]["reason"], "caller_hung_up");
        assert_eq!(outcomes(&record), ["dialled", word]);
        assert_eq!(api.stop().await.len(), 3, "handed over, called, taken back");
    }
}

#[actix_rt::test]
async fn an_api_that_fails_when_the_caller_is_to_come_back_is_asked_again() {
    let api = Api::start(ApiBehaviour::RefuseToTakeBack(2)).with_callee(Some(DialOutcome::Busy));
    let running = api.service(&WARM).await;
    let report = api.call(&running, DialOutcome::Answered).await;
    came_back(&report);
    assert_eq!(outcomes(&record(running, &report).await), ["dialled", "busy"]);
    assert_eq!(api.stop().await.len(), 5);
}

#[actix_rt::test]
async fn an_api_that_does_not_hand_the_caller_over_is_done_without() {
    let api = Api::start(ApiBehaviour::RefuseToHandOver).with_callee(Some(DialOutcome::Answered));
    let running = api.service(&WARM).await;
    let report = api.call(&running, DialOutcome::Answered).await;
    clean(&report);
    assert_eq!(outcomes(&record(running, &report).await), ["dialled", "answered"]);
    api.stop().await;
}

#[actix_rt::test]
async fn a_caller_who_gives_up_waiting_leaves_nobody_ringing() {
    gives_up(Api::start(ApiBehaviour::Obey).with_callee(Some(DialOutcome::Answered))).await;
}

#[actix_rt::test]
async fn a_caller_who_hangs_up_before_the_callee_is_known_to_be_called_leaves_nobody_ringing() {
    let api = Api::start(ApiBehaviour::Obey).with_callee(Some(DialOutcome::Answered));
    api.state.dials_slowly.store(true, Ordering::Relaxed);
    gives_up(api).await;
}

/// A caller who hangs up while their callee rings, or is about to.
async fn gives_up(api: Api) {
    api.state.rings.store(true, Ordering::Relaxed);
    let running = api.service(&WARM).await;
    let (handset, remote) = Handset::new();
    *api.state.remote.lock().expect("whole") = Some(remote.clone());
    let hang_up = async {
        api.until(2).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        remote.hang_up();
    };
    let (report, ()) = tokio::join!(place_call(options(&running, DialOutcome::Answered), handset), hang_up);
    // A service that stops gives up its requests.
    let requests = api.until(3).await;
    let record = record(running, &report).await;
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
    assert_eq!(requests[2], format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALLEE}.json Status=completed"));
    api.stop().await;
}

#[actix_rt::test]
async fn a_person_is_briefed_in_the_language_of_the_call_or_their_own() {
    let hindi = ("agents.default.languages", r#"["hi", "en"]"#);
    for (language, said) in [(None, "hi-IN"), (Some("en"), "en-US"), (Some("en-IN"), "en-IN")] {
        let api = Api::start(ApiBehaviour::Obey).with_callee(Some(DialOutcome::Answered));
        api.state.rings.store(true, Ordering::Relaxed);
        let mut settings = vec![WARM[0], hindi];
        settings.extend(language.map(|language| ("transfers.sales.language", language)));
        let running = api.service(&settings).await;
        let (handset, remote) = Handset::new();
        *api.state.remote.lock().expect("whole") = Some(remote.clone());
        let briefed = async {
            let asked = api.until(2).await.remove(1);
            let (_, form) = asked.split_once(' ').expect("a path and a form");
            let mut fields = url::form_urlencoded::parse(form.as_bytes());
            let url = fields.find(|(name, _)| name == "Url").expect("where the person's document is").1.into_owned();
            let form = format!("AccountSid={ACCOUNT}&CallSid={CALLEE}&CallStatus=in-progress");
            let document = post(&url, &form, None).await.text;
            remote.hang_up();
            document
        };
        let call = place_call(options(&running, DialOutcome::Answered), handset);
        let (report, document) = tokio::join!(call, briefed);
        assert!(document.contains(&format!("<Say language=\"{said}\">A caller for you.")), "{language:?}: {document}");
        assert_eq!(record(running, &report).await["ending"]["reason"], "caller_hung_up");
        api.stop().await;
    }
}

async fn call(running: &Running, dial_outcome: DialOutcome) -> CallReport {
    let (handset, _remote) = Handset::new();
    place_call(options(running, dial_outcome), handset).await
}

fn clean(report: &CallReport) {
    assert!(report.summary.failures.is_empty(), "{:?}", report.summary.failures);
    assert!(report.summary.warnings.is_empty(), "{:?}", report.summary.warnings);
    assert_eq!(
        report.summary.transfers.len(),
        usize::from(report.summary.dtmf_sent != "9"),
        "{:?}",
        report.summary.trail
    );
}

/// Checks that the caller was never disconnected and that the agent spoke with them again.
fn came_back(report: &CallReport) {
    clean(report);
    assert_eq!(report.summary.stream_sids.len(), 2, "{:?}", report.summary.trail);
    let loud: Vec<bool> = report.heard.chunks(800).map(|it| it.iter().any(|s| s.abs() > 500)).collect();
    let gap = loud.windows(5).rposition(|it| it.iter().all(|loud| !loud)).unwrap_or(0);
    assert!(loud[..gap].iter().filter(|loud| **loud).count() > 5, "the agent spoke before and after");
    assert!(
        report.summary.trail.last().is_some_and(|step| step.contains("after the answer")),
        "{:?}",
        report.summary.trail
    );
}

/// Stops the service and reads the single record of the call.
async fn record(running: Running, report: &CallReport) -> Value {
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    transcript(records.path(), &report.summary.call_sid)
}

fn outcomes(record: &Value) -> Vec<&str> {
    let transfers = record["transfers"].as_array().unwrap_or_else(|| panic!("{record}"));
    assert!(transfers.iter().all(|it| it["destination"] == "sales"), "{transfers:?}");
    transfers.iter().filter_map(|it| it["outcome"].as_str()).collect()
}
