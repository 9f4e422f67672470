//! Keys and the caller's presence in whole calls: what stops the agent, what does not, what is
//! recorded, and who is disconnected.

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::stage::Stage;
use common::{FakeStream, Running, post_body, transcript, voice};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const NOTICE: &str = "This call is recorded for quality.";
const SAID: &str = "We are open from nine to five.";

#[actix_rt::test]
async fn a_notice_is_heard_to_its_last_word_and_then_the_key_does_its_work() {
    let keypad = format!(r#"{{ "1" = "say {SAID}" }}"#);
    let stage =
        Stage::with("answer_ms:6000", &[("agents.default.notice", NOTICE), ("agents.default.keypad", &keypad)]).await;
    let report = stage
        .call(|options| {
            options.dtmf = vec![(Duration::from_millis(1_500), '1')];
            options.hangup_after = Some(Duration::from_secs(10));
        })
        .await;
    let record = stage.record(&report).await;
    let said = conversation(&record);
    assert_eq!((&said[0]["text"], &said[0]["interrupted"]), (&json!(NOTICE), &json!(false)), "{said:#?}");
    assert_eq!(said[0]["heard"], NOTICE);
    let next = said.iter().skip(1).find(|entry| entry["heard"] != "").expect("something follows");
    assert_eq!(next["text"], SAID, "{said:#?}");
}

#[actix_rt::test]
async fn a_key_stops_a_long_answer_and_is_answered_next() {
    let stage = Stage::with("flood_ms:15000", &[]).await;
    let report = stage
        .call(|options| {
            options.dtmf = vec![(Duration::from_secs(3), '7')];
            options.hangup_after = Some(Duration::from_secs(8));
        })
        .await;
    assert!(report.summary.clears >= 1, "{:?}", report.summary);
    let events = stage.log.of(1);
    let place = |kind: &str| events.iter().position(|event| event["type"] == kind);
    let cut = place("conversation.item.truncate").expect("the item is cut");
    let heard = events[cut]["audio_end_ms"].as_u64().expect("milliseconds");
    assert!((500..5_000).contains(&heard), "at what was heard: {heard} ms");
    let sent = place("conversation.item.create").expect("the key is told");
    assert!(events[sent]["item"]["content"][0]["text"].as_str().is_some_and(|text| text.contains("pressed 7")));
    assert!(cut < sent);
    let record = stage.record(&report).await;
    assert_eq!(conversation(&record)[0]["interrupted"], true);
}

#[actix_rt::test]
async fn what_is_keyed_in_while_the_recording_is_paused_is_found_nowhere() {
    for recorded in ["true", "false"] {
        let stage = Stage::with("first:0", &[("recording.enabled", recorded)]).await;
        let running = &stage.running;
        let mut stream = FakeStream::start(&running.stream(), "CA1", None).await;
        running.until_calls(1).await;
        let watched = watch(running).await;
        let press = |key: char| {
            let dtmf = json!({ "track": "inbound_track", "digit": key.to_string() });
            json!({ "event": "dtmf", "streamSid": "MZ1", "sequenceNumber": "80", "dtmf": dtmf })
        };
        stream.hear("media").await;
        let url = running.admin("/calls/CA1/recording");
        stream.say(&press('3')).await;
        // The recording still has everything that arrived before the order.
        stream.say(&json!({ "event": "mark", "streamSid": "MZ1", "mark": { "name": "none" } })).await;
        until(|| async { kept(running.records.path()).contains(r#""key_pressed":"3""#) }).await;
        post_body(&url, "application/json", r#"{"paused":true}"#, &[]).await;
        for key in "4111111111111111#".chars() {
            stream.say(&press(key)).await;
        }
        until(|| async { stage.log.of(1).iter().any(|event| event.to_string().contains("kept from you")) }).await;
        post_body(&url, "application/json", r#"{"paused":false}"#, &[]).await;
        until(|| async { kept(running.records.path()).contains("key_withheld") }).await;
        assert!(!kept(running.records.path()).contains(r#""key_pressed":"4""#), "nor in the journal");
        stream.say(&press('2')).await;
        stream.say(&json!({ "event": "stop", "streamSid": "MZ1", "stop": {} })).await;
        running.until_calls(0).await;
        let updates = watched.await.expect("the watcher");
        let log = stage.log.clone();
        let Running { service, records } = stage.running;
        service.stop(Duration::ZERO).await;
        let record = transcript(records.path(), "CA1");
        let keys: Vec<_> = record["keys"].as_array().expect("keys").iter().map(|press| press["key"].clone()).collect();
        assert_eq!(keys, ["3", "2"], "{record:#}");
        assert_eq!(record["analytics"]["keys_withheld"], 17);
        for (place, text) in
            [("record", kept(records.path())), ("watcher", updates.clone()), ("model", format!("{:?}", log.of(1)))]
        {
            assert!(!text.contains("4111"), "{place}: {text}");
        }
        assert!(!updates.contains(r#""key":"4""#) && updates.contains(r#""withheld":true"#), "{updates}");
    }
}

#[actix_rt::test]
async fn what_is_said_and_given_to_tools_while_the_recording_is_paused_is_found_nowhere() {
    let tools = ("agents.default.tools", "[\"save_answer\"]");
    let stage = Stage::with("first:0", &[("recording.keys_while_paused", "model"), tools]).await;
    let calling = stage.call(|options| {
        options.speak_at = Some(Duration::from_secs(2));
        options.speech = talk(1);
        // The model saves the answer "rehearsed" when it receives a 3.
        options.dtmf = vec![(Duration::from_secs(5), '3'), (Duration::from_secs(10), '3')];
        options.hangup_after = Some(Duration::from_secs(14));
    });
    let running = &stage.running;
    let pausing = async {
        running.until_calls(1).await;
        let call = running.calls().await[0]["carrier_call_id"].as_str().expect("an id").to_owned();
        let url = running.admin(&format!("/calls/{call}/recording"));
        post_body(&url, "application/json", r#"{"paused":true}"#, &[]).await;
        until(|| async { kept(running.records.path()).contains("tool_withheld") }).await;
        let kept = kept(running.records.path());
        tokio::time::sleep(Duration::from_secs(2)).await;
        post_body(&url, "application/json", r#"{"paused":false}"#, &[]).await;
        kept
    };
    let (report, journal) = tokio::join!(calling, pausing);
    assert!(journal.contains(r#""words_withheld":{"item":"#) && journal.contains(r#""speaker":"caller""#), "{journal}");
    assert!(!journal.contains("rehearsed") && !journal.contains("caller_said"), "{journal}");
    let record = stage.record(&report).await;
    let tools: Vec<_> = record["tools"].as_array().expect("tools").iter().map(|it| it["arguments"].clone()).collect();
    assert_eq!(tools.len(), 2, "{record:#}");
    assert_eq!(tools[0], "[withheld while the recording was paused]");
    assert_eq!(tools[1]["value"], "rehearsed", "what is saved when it goes on is kept");
    assert_eq!(record["analytics"]["tools_withheld"], 1);
    assert!(record["analytics"]["words_withheld"].as_u64().is_some_and(|items| items >= 2), "{record:#}");
    let withheld = conversation(&record).iter().filter(|it| it["text"] == "[withheld while the recording was paused]");
    assert!(withheld.count() >= 2, "{record:#}");
}

#[actix_rt::test]
async fn a_caller_whose_words_are_never_written_down_is_not_let_go() {
    for rehearse in ["fail_transcripts", "no_transcripts"] {
        let stage = Stage::with(rehearse, &[("limits.longest_without_words", "10s")]).await;
        let report = stage
            .call(|options| {
                options.speak_at = Some(Duration::from_secs(1));
                options.speech = talk(5);
                options.hangup_after = Some(Duration::from_secs(18));
            })
            .await;
        let metrics = common::get(&stage.running.admin("/metrics"), &[]).await.text;
        let record = stage.record(&report).await;
        assert_eq!(record["ending"]["reason"], "caller_hung_up", "{rehearse}: {record:#}");
        assert!(record["analytics"]["turns_without_words"].as_u64().is_some_and(|turns| turns >= 2), "{record:#}");
        assert!(metrics.contains("switchboard_transcriptions_missing_total"), "{metrics}");
        assert!(record["incidents"].to_string().contains("words_missing"), "{record:#}");
    }
}

/// Turns of 1.5 s, separated by as much silence as an answer takes.
fn talk(turns: usize) -> Arc<[i16]> {
    [voice(440.0, 1_500), vec![0; 16_000]].concat().repeat(turns).into()
}

/// All events of the first call, as text, until the call ends.
async fn watch(running: &Running) -> actix_rt::task::JoinHandle<String> {
    let address = running.service.admin_url().to_string();
    let address = address.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut socket = TcpStream::connect(&address).await.expect("the admin listener");
    let ask = format!("GET /calls/CA1/events HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(ask.as_bytes()).await.expect("it listens");
    let mut first = vec![0; 512];
    let read = socket.read(&mut first).await.expect("an answer");
    first.truncate(read);
    actix_rt::spawn(async move {
        let mut rest = first;
        let _ = tokio::time::timeout(common::PATIENCE * 2, socket.read_to_end(&mut rest)).await;
        String::from_utf8_lossy(&rest).into_owned()
    })
}

async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(common::PATIENCE, waiting).await.expect("it comes to be so");
}

/// The content of all files in the folder of records, including journals.
fn kept(dir: &Path) -> String {
    let mut all = String::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return all };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            all += &kept(&path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            all += &String::from_utf8_lossy(&bytes);
        }
    }
    all
}

fn conversation(record: &Value) -> &Vec<Value> {
    record["conversation"].as_array().expect("a conversation")
}
