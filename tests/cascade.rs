//! Whole calls through the engines of a cascade, which the embedded model plays.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::stage::{Stage, heard};
use common::{Running, start, transcript};
use futures_util::future::join_all;
use serde_json::Value;
use switchboard::tools::phone::{Handset, PhoneOptions, Target, place_call};
use switchboard::tools::rehearsal::{ClientLog, Rehearsal, RehearsalOptions};
use switchboard_actors::carrier::Encoding;
use switchboard_actors::g711;

/// The engines of a call: the words of their providers, and what each of them rehearses.
struct Cast {
    ears: (&'static str, &'static str),
    mind: &'static str,
    voice: (&'static str, &'static str),
}

const USUAL: Cast = Cast { ears: ("deepgram", ""), mind: "", voice: ("cartesia", "") };

/// A sentence of a caller, as it is bundled: mu-law in a WAV file. Our detector takes no tone for
/// speech.
fn sentence() -> Arc<[i16]> {
    let wav = include_bytes!("../src/tools/phone/speech/en.wav");
    let data = wav.windows(4).position(|name| name == b"data").expect("a WAV file") + 8;
    let mut samples = Vec::new();
    g711::decode(Encoding::MuLaw, &wav[data..], &mut samples);
    samples.into()
}

/// Places a call to a service with these engines, and gives its record.
async fn call(model: &Rehearsal, cast: Cast, change: impl FnOnce(&mut PhoneOptions)) -> Value {
    let base = model.url_for("cascade").expect("it is served");
    let engine =
        |word: &str, rehearse: &str| format!("{{ provider = \"{word}\", url = \"{base}?rehearse={rehearse}\" }}");
    let ears = engine(cast.ears.0, cast.ears.1);
    let mind = format!("{{ url = \"{base}?rehearse={}\" }}", cast.mind);
    // The next one takes over from a voice that fails.
    let voice = format!("[{}, {}]", engine(cast.voice.0, cast.voice.1), engine("openai", ""));
    let settings = [
        ("realtime.provider", "cascade"),
        ("cascade.stt", ears.as_str()),
        ("cascade.llm", mind.as_str()),
        ("cascade.tts", voice.as_str()),
    ];
    let running = start(&settings).await;
    let mut options = PhoneOptions::new(Target::Webhook(running.public("/twilio/voice").parse().expect("a URL")));
    options.speech = sentence();
    options.hangup_after = Some(Duration::from_secs(18));
    change(&mut options);
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    transcript(records.path(), &report.summary.call_sid)
}

async fn model() -> Rehearsal {
    Rehearsal::start(RehearsalOptions::default()).await.expect("a model")
}

/// Whether a caller was greeted, heard once, and answered with the same words.
fn check(record: &Value, what: &str) {
    let (agent, caller) = (heard(record, "assistant"), heard(record, "user"));
    assert!(agent[0].starts_with("Hello, "), "{what}: {agent:?}");
    assert!(caller.len() == 1 && caller[0].starts_with("[caller speech, "), "{what}: {caller:?}");
    // On a busy machine the agent also says "one moment".
    assert!(agent.iter().any(|said| said.contains("some words")), "{what}: {agent:?}");
}

#[actix_rt::test]
async fn every_engine_serves_a_call() {
    let model = model().await;
    let casts = [
        ("deepgram", "deepgram"),
        ("deepgram_flux", "elevenlabs"),
        ("openai", "openai"),
        ("sarvam", "sarvam"),
        ("elevenlabs", "cartesia"),
    ];
    let calls =
        casts.map(|(ears, voice)| call(&model, Cast { ears: (ears, ""), mind: "", voice: (voice, "") }, |_| {}));
    for ((ears, voice), record) in casts.into_iter().zip(join_all(calls).await) {
        check(&record, &format!("{ears} and {voice}"));
        let parts = ["ears_ms", "mind_ms", "voice_ms", "ours_ms", "playout_ms"];
        let timed = record["latency"].as_array().expect("the turns").iter();
        let whole = |turn: &Value| parts.iter().all(|part| turn[*part].is_u64());
        assert!(timed.clone().any(whole), "{ears} and {voice}: each part of a turn is timed: {}", record["latency"]);
        for turn in timed.filter(|turn| whole(turn) && turn["total_ms"].is_u64()) {
            let sum: u64 = parts.iter().filter_map(|part| turn[*part].as_u64()).sum();
            // Each is rounded down.
            assert!(turn["total_ms"].as_u64().unwrap_or_default().abs_diff(sum) <= 5, "{ears} and {voice}: {turn}");
        }
    }
}

#[actix_rt::test]
async fn a_call_that_changes_its_language_goes_on_with_other_engines() {
    let log = ClientLog::default();
    let options = RehearsalOptions { log: Some(log.clone()), ..RehearsalOptions::default() };
    let (english, hindi) = (model().await, Rehearsal::start(options).await.expect("a model"));
    let engine = |model: &Rehearsal, word: &str| {
        format!("{{ provider = \"{word}\", url = \"{}\" }}", model.url_for("cascade").expect("it is served"))
    };
    let (ears, voice) = (engine(&english, "deepgram"), engine(&english, "cartesia"));
    let mind = format!("{{ url = \"{}\" }}", english.url_for("cascade").expect("it is served"));
    let (hindi_ears, hindi_voice) = (engine(&hindi, "sarvam"), engine(&hindi, "sarvam"));
    let settings = [
        ("realtime.provider", "cascade"),
        ("cascade.stt", ears.as_str()),
        ("cascade.llm", mind.as_str()),
        ("cascade.tts", voice.as_str()),
        ("languages.hi.cascade.stt", hindi_ears.as_str()),
        ("languages.hi.cascade.tts", hindi_voice.as_str()),
    ];
    let running = start(&settings).await;
    let mut options = PhoneOptions::new(Target::Webhook(running.public("/twilio/voice").parse().expect("a URL")));
    options.speech = sentence();
    // The key changes the language; the caller speaks after that.
    options.dtmf = vec![(Duration::from_secs(4), '2')];
    options.speak_at = Some(Duration::from_secs(12));
    options.hangup_after = Some(Duration::from_secs(26));
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    let record = transcript(records.path(), &report.summary.call_sid);
    assert_eq!(record["language_switches"][0]["to"], "hi", "{record}");
    let (agent, caller) = (heard(&record, "assistant"), heard(&record, "user"));
    // The ears of the other language hear Hindi.
    let turn = caller.iter().position(|said| said.starts_with("[कॉलर की "));
    assert!(turn.is_some() && agent.len() >= 3, "the caller is heard and answered: {caller:?} {agent:?}");
    let sent: Vec<Value> = (1..=log.connections()).flat_map(|connection| log.of(connection)).collect();
    let speaks = |message: &Value| message["data"]["language_code"] == "hi-IN";
    assert!(sent.iter().any(speaks), "the voice of the other language speaks it: {sent:?}");
}

#[actix_rt::test]
async fn an_eager_answer_is_the_answer() {
    let model = model().await;
    let base = model.url_for("cascade").expect("it is served");
    let (ears, url) = (format!("{{ provider = \"deepgram\", url = \"{base}\" }}"), format!("{{ url = \"{base}\" }}"));
    let settings = [
        ("realtime.provider", "cascade"),
        ("cascade.stt", ears.as_str()),
        ("cascade.llm", url.as_str()),
        ("cascade.tts", url.as_str()),
        ("cascade.turns.eager", "true"),
    ];
    let running = start(&settings).await;
    let mut options = PhoneOptions::new(Target::Webhook(running.public("/twilio/voice").parse().expect("a URL")));
    options.speech = sentence();
    options.hangup_after = Some(Duration::from_secs(18));
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    check(&transcript(records.path(), &report.summary.call_sid), "eager");
}

#[actix_rt::test]
async fn a_call_outlives_what_fails_of_its_engines() {
    let model = model().await;
    let casts = [
        ("late words", Cast { ears: ("deepgram", "transcripts_after_ms:900"), ..USUAL }),
        ("a noisy line", Cast { ears: ("deepgram", "no_speech_final:1"), ..USUAL }),
        ("lost ears", Cast { ears: ("sarvam", "first:1,drop_after_ms:1500"), ..USUAL }),
        ("a busy mind", Cast { mind: "first:1,refuse:429,retry_after_ms:100", ..USUAL }),
        ("a mind that breaks off", Cast { mind: "first:1,cut_body_bytes:10", ..USUAL }),
        ("a mind that thinks aloud", Cast { mind: "thoughts:1,bare_ends:1,fragment_bytes:5", ..USUAL }),
        ("a voice that refuses", Cast { voice: ("sarvam", "refuse:503"), ..USUAL }),
        ("a voice that closes", Cast { voice: ("elevenlabs", "idle_after_ms:2000"), ..USUAL }),
    ];
    let (names, casts): (Vec<&str>, Vec<Cast>) = casts.into_iter().unzip();
    let calls = casts.into_iter().map(|cast| call(&model, cast, |_| {}));
    for (name, record) in names.into_iter().zip(join_all(calls).await) {
        check(&record, name);
    }
}

#[actix_rt::test]
async fn an_interruption_cuts_what_was_said_in_every_voice() {
    let model = model().await;
    let voices = ["deepgram", "elevenlabs", "cartesia", "sarvam", "openai"];
    let calls = voices.map(|word| {
        let cast = Cast { voice: (word, "answer_ms:9000,late_deltas:4"), ..USUAL };
        call(&model, cast, |options| options.speak_at = Some(Duration::from_secs(4)))
    });
    for (word, record) in voices.into_iter().zip(join_all(calls).await) {
        let said = record["conversation"].as_array().expect("a conversation");
        let first = said.iter().find(|entry| entry["speaker"] == "assistant").expect("a greeting");
        let length = |key: &str| first[key].as_str().map_or(0, str::len);
        assert!(first["interrupted"] == true && length("heard") < length("text"), "{word}: {first}");
    }
}

#[actix_rt::test]
async fn a_key_says_goodbye_and_ends_the_call() {
    let stage = Stage::speaking("cascade", "", &[]).await;
    let report = stage
        .call(|options| {
            options.speech = [].into();
            options.dtmf = vec![(Duration::from_secs(4), '9')];
            options.hangup_after = Some(Duration::from_secs(20));
        })
        .await;
    let record = stage.record(&report).await;
    assert!(record["ending"]["by"] != "caller", "{}", record["ending"]);
    let agent = heard(&record, "assistant");
    assert!(agent.last().is_some_and(|last| last.to_lowercase().contains("bye")), "{agent:?}");
}

/// A service with these engines, which stays for more than one call.
async fn service(model: &Rehearsal, voices: &[(&str, &str)], settings: &[(&str, &str)]) -> Running {
    let base = model.url_for("cascade").expect("it is served");
    let engine =
        |word: &str, rehearse: &str| format!("{{ provider = \"{word}\", url = \"{base}?rehearse={rehearse}\" }}");
    let voices: Vec<String> = voices.iter().map(|(word, rehearse)| engine(word, rehearse)).collect();
    let (ears, mind, voice) =
        (engine("sarvam", ""), format!("{{ url = \"{base}\" }}"), format!("[{}]", voices.join(", ")));
    let own = [
        ("realtime.provider", "cascade"),
        ("cascade.stt", ears.as_str()),
        ("cascade.llm", mind.as_str()),
        ("cascade.tts", voice.as_str()),
    ];
    start(&[&own[..], settings].concat()).await
}

/// Places a call and gives its record.
async fn call_to(running: &Running, change: impl FnOnce(&mut PhoneOptions)) -> Value {
    let mut options = PhoneOptions::new(Target::Webhook(running.public("/twilio/voice").parse().expect("a URL")));
    options.speech = sentence();
    options.hangup_after = Some(Duration::from_secs(18));
    change(&mut options);
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    let written = async {
        while common::transcripts(running.records.path(), &report.summary.call_sid).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(common::PATIENCE, written).await.expect("the record is written");
    transcript(running.records.path(), &report.summary.call_sid)
}

#[actix_rt::test]
async fn an_engine_that_failed_is_left_out_of_the_next_call_and_each_is_charged_by_its_own_price() {
    let model = model().await;
    // The metrics are those of all tests here: no other one has this voice refuse.
    let running = service(&model, &[("deepgram", "refuse:503"), ("cartesia", "")], &[]).await;
    let learned = async |engine: &str, result: &str| {
        let metrics = common::get(&running.admin("/metrics"), &[]).await.text;
        let series = format!("switchboard_model_lessons_total{{provider=\"{engine}\",result=\"{result}\"}}");
        common::counted(&metrics, &series)
    };
    for number in 1..=2 {
        let record = call_to(&running, |_| {}).await;
        check(&record, &format!("call {number}"));
        assert!(learned("cartesia_tts", "worked").await >= f64::from(number), "call {number}");
        assert!((learned("deepgram_tts", "failed").await - 1.0).abs() < 0.1, "only the first call tries it");
        let usage = &record["usage"];
        let (heard, said) = (usage["stt_seconds"].as_f64(), usage["tts_characters"].as_f64());
        let tokens = |key: &str| usage[key].as_f64().unwrap_or_default();
        let cost = heard.expect("seconds") / 60.0 * 0.0057
            + said.expect("characters") * 50e-6
            + (tokens("input_text") - tokens("cached_text")) * 0.75e-6
            + tokens("cached_text") * 0.075e-6
            + tokens("output_text") * 4.5e-6;
        let counted = record["cost_usd"].as_f64().expect("a cost");
        // What the first call gave to the engine that refused it costs that one's price.
        assert!((counted - cost).abs() < 0.1 * cost, "{counted} {cost} {usage}");
    }
    running.stop().await;
}

#[actix_rt::test]
async fn a_limit_of_the_call_is_reached_by_what_its_engines_cost() {
    let model = model().await;
    let limit = [("spend.call_hard", "0.004")];
    let running = service(&model, &[("cartesia", "")], &limit).await;
    let record = call_to(&running, |options| options.hangup_after = Some(Duration::from_secs(40))).await;
    assert_eq!(record["ending"]["reason"], "spend_limit", "{}", record["ending"]);
    running.stop().await;
}

#[actix_rt::test]
async fn a_part_without_an_engine_makes_the_service_unready() {
    let model = model().await;
    let every = [("realtime.canary_every", "10s")];
    let seen = async |running: &Running, expected: (u16, &str)| {
        let looked = async {
            loop {
                let answer = common::get(&running.public("/ready"), &[]).await;
                let reason = answer.json()["reason"].as_str().unwrap_or_default().to_owned();
                if (answer.status, reason.as_str()) == expected {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), looked).await.expect("the canary looks");
    };
    for (voices, expected) in [
        (&[("sarvam", "refuse:503"), ("openai", "")][..], (200, "")),
        (&[("sarvam", "refuse:503")], (503, "model_unreachable")),
        (&[("sarvam", "refuse:401")], (503, "model_refused")),
    ] {
        let running = service(&model, voices, &every).await;
        seen(&running, expected).await;
        running.stop().await;
    }
}
