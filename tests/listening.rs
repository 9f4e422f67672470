//! People who listen to a call, and people who take it over from the agent.

mod common;

use std::f64::consts::TAU;
use std::time::Duration;

use awc::error::WsClientError;
use awc::ws::Message;
use common::stage::{Stage, heard};
use common::{FakeStream, Running, get, start, start_with, voice};
use futures_util::future::join;
use serde_json::{Value, json};
use switchboard_actors::carrier::Encoding;
use switchboard_actors::g711;
use tokio::time::{interval, sleep};

const CALL: &str = "CA00000000000000000000000000000001";

/// Opens the socket of an act on a call.
async fn socket(running: &Running, call: &str, act: &str) -> Result<FakeStream, WsClientError> {
    let url = running.admin(&format!("/calls/{call}/{act}")).replacen("http", "ws", 1);
    FakeStream::try_open(&url, None).await
}

/// The status with which an upgrade was refused.
fn refused(result: Result<FakeStream, WsClientError>) -> u16 {
    match result {
        Err(WsClientError::InvalidResponseStatus(status)) => status.as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was opened"),
    }
}

/// Waits for a call in one of these states; returns its id.
async fn until(running: &Running, states: &[&str]) -> String {
    loop {
        sleep(Duration::from_millis(20)).await;
        if let Some(call) = running.calls().await.first()
            && states.contains(&call["state"].as_str().expect("a state"))
        {
            return call["id"].as_str().expect("an id").to_owned();
        }
    }
}

/// What a listener hears until the call is over: the samples of the caller, the agent, and a person.
async fn hear(mut socket: FakeStream) -> [Vec<i16>; 3] {
    let mut sides = [Vec::new(), Vec::new(), Vec::new()];
    while let Some(message) = socket.next_binary().await {
        assert!(message.len() > 1 && message.len() <= 161, "20 ms at once, not {}", message.len());
        g711::decode(Encoding::MuLaw, &message[1..], &mut sides[usize::from(message[0])]);
    }
    sides
}

/// The samples without silence, which no listener is sent.
fn sounding(samples: &[i16]) -> Vec<i16> {
    samples.iter().copied().filter(|sample| *sample != 0).collect()
}

/// The share of the energy at a pitch, 0 to 1, of each tenth of a second that has any sound.
fn pitched(samples: &[i16], pitch: f64) -> Vec<f64> {
    let loud = |piece: &&[i16]| piece.iter().any(|sample| sample.unsigned_abs() > 500);
    let share = |piece: &[i16]| {
        let (mut sine, mut cosine, mut energy) = (0.0, 0.0, f64::MIN_POSITIVE);
        for (n, sample) in piece.iter().enumerate() {
            let (angle, sample) = (TAU * pitch * n as f64 / 8000.0, f64::from(*sample));
            sine += sample * angle.sin();
            cosine += sample * angle.cos();
            energy += sample * sample;
        }
        2.0 * (sine * sine + cosine * cosine) / (energy * piece.len() as f64)
    };
    samples.chunks_exact(800).filter(loud).map(share).collect()
}

#[actix_rt::test]
async fn both_sides_are_heard_as_they_are() {
    let stage = Stage::with("", &[]).await;
    let calling = stage.call(|options| {
        options.speech = voice(440.0, 2_000).into();
        options.record = true;
        options.hangup_after = Some(Duration::from_secs(12));
    });
    let listening = async {
        let id = until(&stage.running, &["connecting", "greeting"]).await;
        hear(socket(&stage.running, &id, "listen").await.expect("a socket")).await
    };
    let (report, [caller, agent, person]) = join(calling, listening).await;
    let voiced: Vec<f64> = pitched(&caller, 440.0).into_iter().filter(|share| *share > 0.8).collect();
    assert!((18..=21).contains(&voiced.len()), "the caller's two seconds: {voiced:?}");
    // The agent's side is what the caller heard of it, sample by sample.
    let (agent, heard) = (sounding(&agent), sounding(&report.heard));
    let middle = &agent[agent.len() / 2..agent.len() / 2 + 8_000];
    assert!(heard.windows(8_000).any(|window| window == middle), "{} and {} samples", agent.len(), heard.len());
    assert!(agent.len() <= heard.len() + 8_000 && agent.len() * 10 >= heard.len() * 8);
    assert!(person.is_empty());
    stage.record(&report).await;
}

#[actix_rt::test]
async fn a_person_takes_a_call_over_and_gives_it_back() {
    let stage = Stage::with("", &[]).await;
    let calling = stage.call(|options| {
        options.speech = Vec::new().into();
        options.record = true;
        options.hangup_after = Some(Duration::from_secs(14));
    });
    let acting = async {
        let id = until(&stage.running, &["greeting"]).await;
        sleep(Duration::from_millis(600)).await;
        let mut person = socket(&stage.running, &id, "take-over").await.expect("a socket");
        assert_eq!(refused(socket(&stage.running, &id, "take-over").await), 409);
        let shown = get(&stage.running.admin(&format!("/calls/{id}")), &[]).await.json();
        assert_eq!(shown["state"], "taken_over");
        let listening = socket(&stage.running, &id, "listen").await.expect("a socket");
        let speaking = async {
            let mut ticks = interval(Duration::from_millis(20));
            for piece in voice(1_000.0, 3_000).chunks(160) {
                ticks.tick().await;
                let mut mulaw = Vec::new();
                g711::encode(Encoding::MuLaw, piece, &mut mulaw);
                person.send(Message::Binary(mulaw.into())).await;
            }
            // The end of their turn is heard before the call is given back.
            for _ in 0..75 {
                ticks.tick().await;
                person.send(Message::Binary(vec![0xFF; 160].into())).await;
            }
            person.send(Message::Text(r#"{"give_back":true}"#.into())).await;
            while let Some(message) = person.next_binary().await {
                assert_eq!(message[0], 0, "only the caller is heard: nobody hears themselves");
            }
        };
        let (_, [_, agent, person]) = join(speaking, hear(listening)).await;
        (agent, person)
    };
    let (report, (agent, person)) = join(calling, acting).await;
    let tone = |samples: &[i16]| pitched(samples, 1_000.0).into_iter().filter(|share| *share > 0.8).count();
    assert!((24..=31).contains(&tone(&report.heard)), "the caller hears three seconds: {}", tone(&report.heard));
    assert!(tone(&person) >= 24 && tone(&agent) == 0, "a listener tells them apart: {}", tone(&person));
    assert!(!sounding(&agent).is_empty(), "the agent goes on");
    let record = stage.record(&report).await;
    let acts: Vec<&str> =
        record["operators"].as_array().expect("acts").iter().filter_map(|it| it["act"].as_str()).collect();
    assert_eq!((acts, &record["operators"][0]["by"]), (vec!["take_over", "give_back"], &json!("local")));
    let said = record["conversation"].as_array().expect("a conversation");
    let first = said.iter().find(|entry| entry["speaker"] == "assistant").expect("the greeting");
    assert_eq!(first["interrupted"], true, "{record:#}");
    assert!(first["heard"].as_str().map(str::len) < first["text"].as_str().map(str::len), "{first}");
    assert_eq!(heard(&record, "person").len(), 1, "{said:#?}");
    assert_eq!(heard(&record, "user"), Vec::<String>::new());
    assert_eq!(heard(&record, "assistant").len(), 2, "the greeting, and then it goes on: {said:#?}");
}

#[actix_rt::test]
async fn a_person_who_is_gone_gives_the_call_back() {
    for protocol in ["realtime", "live", "gemini", "cascade"] {
        let stage = Stage::speaking(protocol, "", &[("limits.idle_prompts", "[]")]).await;
        let calling = stage.call(|options| {
            options.speech = Vec::new().into();
            options.hangup_after = Some(Duration::from_secs(10));
        });
        let acting = async {
            let id = until(&stage.running, &["listening"]).await;
            let person = socket(&stage.running, &id, "take-over").await.expect("a socket");
            until(&stage.running, &["taken_over"]).await;
            sleep(Duration::from_millis(1_500)).await;
            drop(person);
            until(&stage.running, &["listening", "thinking", "speaking"]).await;
        };
        let (report, ()) = join(calling, acting).await;
        let record = stage.record(&report).await;
        let said = heard(&record, "assistant");
        assert_eq!(said.len(), 2, "{protocol}: the greeting, and then it goes on: {record:#}");
    }
}

#[actix_rt::test]
async fn the_sockets_are_for_operators_of_this_site_and_for_live_calls() {
    const TOKENS: &str = r#"[{ name = "wall", role = "viewer", token_env = "T_WALL" }, { name = "asha", role = "operator", token_env = "T_ASHA" }]"#;
    let values = [("T_WALL", "wall-0123456789abcdef"), ("T_ASHA", "asha-0123456789abcdef")];
    let running = start_with(&values, &[("admin.tokens", TOKENS)]).await;
    for act in ["listen", "take-over"] {
        let url = running.admin(&format!("/calls/{CALL}/{act}")).replacen("http", "ws", 1);
        for (token, origin, status) in [
            ("", None, 401),
            ("wall-0123456789abcdef", None, 403),
            ("asha-0123456789abcdef", Some("https://attacker.example"), 403),
            ("asha-0123456789abcdef", None, 404),
        ] {
            let mut request = awc::Client::new().ws(&url).bearer_auth(token);
            if let Some(origin) = origin {
                request = request.origin(origin);
            }
            let Err(WsClientError::InvalidResponseStatus(answer)) = request.connect().await else {
                panic!("{act} for {token:?}");
            };
            assert_eq!(answer.as_u16(), status, "{act} for {token:?}");
        }
    }
    running.stop().await;
    let running = start(&[]).await;
    let _stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    for act in ["listen", "take-over"] {
        get(&running.admin(&format!("/calls/{CALL}/{act}")), &[]).await.problem(400);
    }
    let audit: Value = get(&running.admin("/audit"), &[]).await.json();
    assert_eq!((&audit["entries"][0]["act"], &audit["entries"][1]["act"]), (&json!("take_over"), &json!("listen")));
    running.stop().await;
}
