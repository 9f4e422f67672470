//! Whole calls over real sockets with the embedded model in each of its protocols: the record tells
//! what the caller really heard, wherever the caller interrupts, and many calls at once end right.
#![expect(clippy::print_stdout, reason = "the figures are shown with --nocapture")]

mod common;

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{Running, transcript, voice};
use futures_util::future::{join, join_all};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use switchboard::tools::phone::{CallReport, Handset, PhoneOptions, Target, place_call};
use switchboard::tools::rehearsal::{Rehearsal, RehearsalOptions};

/// A protocol of the model, and when its words come.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// Its word in the configuration.
    protocol: &'static str,
    /// Who decides an interruption.
    policy: &'static str,
    /// When the greeting begins, in ms from the start of the stream.
    greets_ms: u32,
    /// When an answer begins, in ms from the caller's last word.
    answers_ms: u32,
    /// The format of the model's audio, where the protocol has a choice.
    format: Option<&'static str>,
    /// How many calls are on at once: fewer where audio is resampled, which takes most of the time
    /// of a build without optimisation.
    at_once: u32,
}

const REALTIME: Row = Row {
    protocol: "realtime",
    policy: "immediate",
    greets_ms: 300,
    answers_ms: 700,
    format: Some("g711"),
    at_once: 8,
};
const LIVE: Row =
    Row { protocol: "live", policy: "model", greets_ms: 2_000, answers_ms: 1_100, format: Some("g711"), at_once: 8 };
const GEMINI: Row =
    Row { protocol: "gemini", policy: "immediate", greets_ms: 300, answers_ms: 1_000, format: None, at_once: 2 };

#[actix_rt::test]
async fn realtime_knows_what_was_heard_wherever_the_caller_interrupts() {
    interrupted_everywhere(REALTIME).await;
}

#[actix_rt::test]
async fn live_knows_what_was_heard_wherever_the_model_falls_silent() {
    interrupted_everywhere(LIVE).await;
}

#[actix_rt::test]
async fn live_knows_what_was_heard_wherever_we_let_the_caller_interrupt() {
    interrupted_everywhere(Row { policy: "immediate", ..LIVE }).await;
}

#[actix_rt::test]
async fn gemini_knows_what_was_heard_wherever_the_caller_interrupts() {
    interrupted_everywhere(GEMINI).await;
}

#[actix_rt::test]
async fn twenty_calls_at_once_end_right() {
    for row in [REALTIME, LIVE, GEMINI] {
        let mut settings = vec![("agents.default.tools", "[\"end_call\"]")];
        settings.extend(row.format.map(|format| ("realtime.audio_format", format)));
        let stage = Stage::start(row, "", &settings).await;
        // Without optimisation, resampling the audio of 20 calls takes more than a core.
        let calls = if cfg!(debug_assertions) && row.format.is_none() { 4 } else { 20 };
        let reports = join_all((0..calls).map(|number| {
            let mut options = stage.options();
            options.speech = voice(500.0, 1_200).into();
            options.speak_at = Some(Duration::from_millis(5_000));
            // Half of the callers ask to be let go, by a key, and half hang up.
            if number % 2 == 0 {
                options.dtmf = vec![(Duration::from_millis(12_000), '9')];
                options.hangup_after = Some(Duration::from_secs(30));
            } else {
                options.hangup_after = Some(Duration::from_millis(12_000));
            }
            place_call(options, Handset::new().0)
        }))
        .await;
        let records = stage.stop().await;
        for (number, report) in reports.iter().enumerate() {
            let record = record_of(&records, report);
            let expected = if number % 2 == 0 { "agent_hung_up" } else { "caller_hung_up" };
            assert_eq!(record["ending"]["reason"], expected, "{row:?}, call {number}: {record:#}");
            let heard = said(&record).filter(|entry| entry["heard"] == entry["text"]).count();
            // The greeting and the answer, and the goodbye of who is let go.
            assert!(heard >= 3 - number % 2, "{row:?}, call {number}: {record:#}");
        }
    }
}

#[actix_rt::test]
async fn twenty_calls_at_once_know_what_was_heard() {
    for row in [LIVE, GEMINI] {
        // Without optimisation, 20 calls take more than the cores of most machines.
        let at_once = if cfg!(debug_assertions) { row.at_once } else { 20 };
        let row = Row { policy: "immediate", at_once, ..row };
        let positions = (1..=20).map(|number| number * 80).collect();
        let (judged, late) = interrupted(row, false, positions).await;
        is_right(row, judged, late);
    }
}

#[actix_rt::test]
async fn a_caller_who_hangs_up_in_the_middle_leaves_what_was_heard() {
    for row in [REALTIME, LIVE, GEMINI] {
        let mut settings = vec![("interruption.policy", row.policy)];
        settings.extend(row.format.map(|format| ("realtime.audio_format", format)));
        let stage = Stage::start(row, &format!("answer_ms:{ANSWER_MS}"), &settings).await;
        let lateness = Lateness::watch(stage.running.public("/health"));
        let calls = [700, 1_500].map(|position| {
            let mut options = stage.options();
            options.speech = vec![0; 160].into();
            options.hangup_after = Some(Duration::from_millis((row.greets_ms + position).into()));
            watched(&stage.running, options, format!("hangs up at {position} ms"))
        });
        let outcomes = join_all(calls).await;
        let most = MOST_ERROR + lateness.end();
        let records = stage.stop().await;
        for outcome in &outcomes {
            let judged = judge(row, &records, outcome);
            assert!(judged.interrupted, "{row:?}: {}", judged.text);
            assert!(judged.error <= most, "{row:?}: wrong by {:?} of {most:?}: {}", judged.error, judged.text);
        }
    }
}

/// Interrupts at steps of 50 ms, with several delays of the carrier's marks: the greeting at the odd
/// ones, and the answer that follows it at the even ones.
async fn interrupted_everywhere(row: Row) {
    let (mut judged, mut late) = (Vec::new(), Duration::ZERO);
    for is_greeting in [true, false] {
        let steps = POSITIONS.filter(|step| (step % 2 == 1) == is_greeting);
        let positions = steps.step_by(8 / row.at_once as usize).map(|step| step * 50).collect();
        let (more, lateness) = interrupted(row, is_greeting, positions).await;
        judged.extend(more);
        late = late.max(lateness);
    }
    is_right(row, judged, late);
}

/// Places a call for each of these positions, in ms, at which the caller speaks over the greeting or
/// over the answer. Returns also how late the machine was.
async fn interrupted(row: Row, is_greeting: bool, positions: Vec<u32>) -> (Vec<Judged>, Duration) {
    // A model that decides alone says nothing after it fell silent.
    let spoken = if is_greeting { 1 } else { 2 };
    let silent = if row.policy == "model" { "99" } else { "0" };
    let rehearse = format!("answer_ms:{ANSWER_MS},good_responses:{spoken},empty_responses:{silent}");
    // These callers are tones, which our detector does not take for speech.
    let mut settings = vec![("interruption.policy", row.policy), ("speech_detector.enabled", "false")];
    settings.extend(row.format.map(|format| ("realtime.audio_format", format)));
    let stage = Stage::start(row, &rehearse, &settings).await;
    let lateness = Lateness::watch(stage.running.public("/health"));
    let calls = positions.into_iter().map(|position| {
        let delay = MARK_DELAYS[position as usize / 100 % MARK_DELAYS.len()];
        let mut options = stage.options();
        options.mark_delay = Duration::from_millis(delay);
        interrupt(row, is_greeting, position, &mut options);
        watched(&stage.running, options, format!("{position} ms, marks {delay} ms, greeting: {is_greeting}"))
    });
    let outcomes: Vec<Outcome> = stream::iter(calls).buffer_unordered(row.at_once as usize).collect().await;
    let late = lateness.end();
    let records = stage.stop().await;
    (outcomes.iter().map(|outcome| judge(row, &records, outcome)).collect(), late)
}

/// Asserts that what was heard is right within 40 ms, for 99 of 100 calls.
fn is_right(row: Row, mut judged: Vec<Judged>, late: Duration) {
    judged.sort_unstable_by_key(|it| it.error);
    let table: String = judged.iter().map(|it| format!("{:?}: {}\n", it.error, it.text)).collect();
    let interrupted = judged.iter().filter(|it| it.interrupted).count();
    // A model that decides alone says nothing that is not heard.
    let cut_by_us = row.policy != "model";
    assert!(
        !cut_by_us || interrupted * 4 >= judged.len() * 3,
        "{row:?}: {interrupted} calls were interrupted:\n{table}"
    );
    let p99 = judged[(judged.len() * 99).div_ceil(100) - 1].error;
    println!("{}, {} at once: p99 {p99:?} of {}, late by {late:?}", row.protocol, row.at_once, judged.len());
    // A busy machine makes the messages between phone and service late.
    let most = MOST_ERROR + late;
    assert!(p99 <= most, "{row:?}: what was heard is wrong by {p99:?} of at most {most:?}:\n{table}");
}

/// The caller speaks over the greeting, or over the answer, at this position.
fn interrupt(row: Row, is_greeting: bool, position: u32, options: &mut PhoneOptions) {
    let barge = voice(440.0, BARGE_MS);
    let (first_ms, speech) = if is_greeting {
        (row.greets_ms + position, barge)
    } else {
        let pause = vec![0; (row.answers_ms + position) as usize * 8];
        (row.greets_ms + ANSWER_MS + 1_500, [voice(440.0, 1_000), pause, barge].concat())
    };
    // Until nothing is heard any more, and before the answer to the interruption.
    let rest = if row.policy == "model" { 1_500 } else { 300 };
    let ends_ms = u64::from(first_ms) + speech.len() as u64 / 8 + rest;
    options.speech = speech.into();
    options.speak_at = Some(Duration::from_millis(first_ms.into()));
    options.hangup_after = Some(Duration::from_millis(ends_ms));
}

/// A call that was judged.
struct Judged {
    /// How much the service was wrong in what was heard.
    error: Duration,
    interrupted: bool,
    text: String,
}

fn judge(row: Row, records: &tempfile::TempDir, outcome: &Outcome) -> Judged {
    let Outcome { name, report, heard } = outcome;
    let record = record_of(records, report);
    assert_eq!(record["ending"]["reason"], "caller_hung_up", "{row:?}, {name}: {record:#}");
    assert!(said(&record).all(is_start), "{row:?}, {name}: {record:#}");
    let interrupted = said(&record).any(|entry| entry["interrupted"] == true);
    let truth = Duration::from_secs_f64(report.summary.heard_seconds);
    let told: Duration = heard.values().sum();
    let words: Vec<&str> = said(&record).map(|entry| entry["heard"].as_str().unwrap_or("?")).collect();
    Judged {
        error: truth.abs_diff(told),
        interrupted,
        text: format!("heard {truth:?}, told {told:?}: {name}: {words:?}"),
    }
}

/// The service with the embedded model.
struct Stage {
    running: Running,
    model: Rehearsal,
}

impl Stage {
    async fn start(row: Row, rehearse: &str, settings: &[(&str, &str)]) -> Self {
        let model = Rehearsal::start(RehearsalOptions::default()).await.expect("a model");
        let url = format!("{}?rehearse={rehearse}", model.url_for(row.protocol).expect("it is served"));
        let mut all = vec![("realtime.rehearsal_protocol", row.protocol), ("realtime.url", url.as_str())];
        all.extend_from_slice(settings);
        Self { running: common::start(&all).await, model }
    }

    fn options(&self) -> PhoneOptions {
        let url = self.running.public("/twilio/voice").parse().expect("a URL");
        let mut options = PhoneOptions::new(Target::Webhook(url));
        options.longest = Duration::from_secs(40);
        options
    }

    /// Stops both and returns the folder of the records.
    async fn stop(self) -> tempfile::TempDir {
        self.running.service.stop(Duration::ZERO).await;
        self.model.stop().await;
        self.running.records
    }
}

/// A call, and what its events tell.
struct Outcome {
    name: String,
    report: CallReport,
    /// What was heard, by item.
    heard: HashMap<String, Duration>,
}

/// Places a call and reads its events.
async fn watched(running: &Running, mut options: PhoneOptions, name: String) -> Outcome {
    let sid = format!("CA{:032x}", uuid::Uuid::new_v4().as_u128());
    options.call_sid = Some(sid.clone());
    let (report, heard) =
        join(place_call(options, Handset::new().0), heard_of(running.admin(&format!("/calls/{sid}/events")))).await;
    assert_eq!(report.summary.failures, Vec::<String>::new(), "{name}");
    Outcome { name, report, heard }
}

/// Reads the events at `url` from its first one until the call ends. Returns what was heard of each
/// item.
async fn heard_of(url: String) -> HashMap<String, Duration> {
    let client = awc::Client::builder().timeout(Duration::from_secs(60)).finish();
    let opening = async {
        loop {
            let asked = client.get(&url).insert_header(("Last-Event-ID", "0")).send().await;
            match asked {
                Ok(answer) if answer.status().is_success() => return answer,
                // The call has not begun.
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let mut answer = tokio::time::timeout(common::PATIENCE, opening).await.expect("the call begins");
    let mut received = Vec::new();
    while let Some(Ok(piece)) = answer.next().await {
        received.extend_from_slice(&piece);
    }
    let received = String::from_utf8(received).expect("text");
    let mut heard = HashMap::new();
    for event in received.split("\n\n").filter(|event| event.contains("\nevent: heard\n")) {
        let (_, data) = event.split_once("\ndata: ").expect("data");
        let data: Value = serde_json::from_str(data).expect("JSON");
        let item = data["item"].as_str().expect("an item").to_owned();
        let ms = Duration::from_millis(data["heard_ms"].as_u64().expect("a time"));
        let known: &mut Duration = heard.entry(item).or_default();
        *known = ms.max(*known);
    }
    heard
}

/// How late the threads of the phones and of the service are: the longest time that a request took
/// from the one to the other and back.
struct Lateness {
    worst: Rc<Cell<Duration>>,
    task: actix_rt::task::JoinHandle<()>,
}

impl Lateness {
    fn watch(url: String) -> Self {
        let worst = Rc::new(Cell::new(Duration::ZERO));
        let seen = Rc::clone(&worst);
        let task = actix_rt::spawn(async move {
            loop {
                let asked = Instant::now();
                common::get(&url, &[]).await;
                seen.set(seen.get().max(asked.elapsed()));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Self { worst, task }
    }

    fn end(self) -> Duration {
        self.task.abort();
        self.worst.get()
    }
}

fn record_of(records: &tempfile::TempDir, report: &CallReport) -> Value {
    assert_eq!(report.summary.failures, Vec::<String>::new(), "{:?}", report.summary);
    transcript(records.path(), &report.summary.call_sid)
}

/// What the agent said, according to the record.
fn said(record: &Value) -> impl Iterator<Item = &Value> {
    let conversation = record["conversation"].as_array().expect("a conversation");
    conversation.iter().filter(|entry| entry["speaker"] == "assistant")
}

/// Whether what was heard is the start of what was said, and all of it unless it was interrupted.
fn is_start(entry: &Value) -> bool {
    let text = entry["text"].as_str().expect("a text");
    // Of words whose sound had not come, nothing is known.
    entry["heard"]
        .as_str()
        .is_none_or(|heard| text.starts_with(heard) && (entry["interrupted"] == true || heard == text))
}

/// The steps of 50 ms at which the caller interrupts.
const POSITIONS: std::ops::RangeInclusive<u32> = 1..=32;
/// The delays of the carrier's marks, in ms.
const MARK_DELAYS: [u64; 4] = [0, 60, 150, 400];
/// The length of the greeting and of answers.
const ANSWER_MS: u32 = 3_500;
/// How long the caller speaks to interrupt.
const BARGE_MS: u32 = 900;
/// Maximum error of what was heard, for 99 of 100 interruptions.
const MOST_ERROR: Duration = Duration::from_millis(40);
