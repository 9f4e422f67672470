//! Many concurrent calls: each caller hears their own words, and a failure of one call does not
//! affect the others.

mod common;

use std::f64::consts::TAU;
use std::path::Path;
use std::time::Duration;

use common::{Running, start, transcript, voice};
use futures_util::future::{join, join_all};
use switchboard::tools::phone::{CallReport, Handset, PhoneOptions, Target, place_call};
use switchboard_actors::call::actor::sabotage::Sabotage;
use switchboard_actors::child::Child;
use switchboard_actors::supervisor::messages::Find;
use tokio::sync::Mutex;

/// How many call at once. An unoptimised build of phones, service and model fills a core with twice
/// as many; the load judges try more with the binary that ships.
const CALLERS: usize = 8;

/// Both tests fill the cores of a small machine: one at a time.
static CORES: Mutex<()> = Mutex::const_new(());

#[actix_rt::test]
async fn callers_each_hear_their_own_words() {
    let _alone = CORES.lock().await;
    let running = start(&[]).await;
    let reports = join_all((0..CALLERS).map(|caller| call(&running, caller))).await;
    for (caller, report) in reports.iter().enumerate() {
        hears_only_itself(caller, report);
    }
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    for report in &reports {
        assert_eq!(ending(records.path(), &report.summary.call_sid), "caller_hung_up");
    }
}

#[actix_rt::test]
async fn a_panic_costs_its_own_call_alone() {
    let _alone = CORES.lock().await;
    let running = start(&[]).await;
    let calls = join_all((0..CALLERS).map(|caller| call(&running, caller)));
    let sabotage = async {
        let mut ids = Vec::new();
        for how in [Sabotage::Call, Sabotage::Child(Child::Audio), Sabotage::Child(Child::Model)] {
            let id = a_talking_call(&running, &ids).await;
            let found = running.service.supervisor().send(Find(id.clone())).await.expect("a supervisor");
            found.expect("a call that is on").do_send(how);
            ids.push(id);
        }
        ids
    };
    let (reports, victims) = join(calls, sabotage).await;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    for (caller, report) in reports.iter().enumerate() {
        let sid = &report.summary.call_sid;
        if victims.contains(sid) {
            assert_eq!(ending(records.path(), sid), "crashed");
            assert!(report.summary.failures.is_empty(), "the line is closed in order: {:?}", report.summary.failures);
        } else {
            assert_eq!(ending(records.path(), sid), "caller_hung_up");
            hears_only_itself(caller, report);
        }
    }
    assert_eq!(victims.len(), 3);
}

/// The id of a call in mid-conversation that is none of `taken`.
async fn a_talking_call(running: &Running, taken: &[String]) -> String {
    for _ in 0..500 {
        // The youngest is the furthest from its end.
        for call in running.calls().await.iter().rev() {
            let id = call["carrier_call_id"].as_str().expect("an id");
            if call["turns"].as_u64() > Some(0) && !taken.iter().any(|other| other == id) {
                return id.to_owned();
            }
        }
        actix_rt::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no call is in mid-conversation");
}

/// Calls `running` with a unique voice and hangs up after the answer.
async fn call(running: &Running, caller: usize) -> CallReport {
    let url = running.public("/twilio/voice").parse().expect("a URL");
    let mut options = PhoneOptions::new(Target::Webhook(url));
    options.speech = voice(pitch(caller), 1_500).into();
    options.longest = Duration::from_secs(60);
    let (handset, _remote) = Handset::new();
    place_call(options, handset).await
}

fn pitch(caller: usize) -> f64 {
    500.0 + 90.0 * caller as f64
}

/// Checks that the caller's own pitch is heard loudly for at least a second, and no other caller's
/// pitch in that time.
fn hears_only_itself(caller: usize, report: &CallReport) {
    assert!(report.summary.failures.is_empty(), "caller {caller}: {:?}", report.summary.failures);
    assert!(report.summary.warnings.is_empty(), "caller {caller}: {:?}", report.summary.warnings);
    let mut own = 0;
    for window in report.heard.chunks_exact(800) {
        let all: f64 = window.iter().map(|s| f64::from(*s).powi(2)).sum();
        let share = |other: usize| 2.0 * power(window, pitch(other)) / (window.len() as f64 * all.max(1.0));
        let tonal = (0..CALLERS).find(|other| all > 800.0 * 500.0 * 500.0 && share(*other) > 0.8);
        if let Some(heard) = tonal {
            assert_eq!(heard, caller, "caller {caller} hears caller {heard}");
            own += 1;
        }
    }
    assert!(own >= 10, "caller {caller} heard {own} tenths of a second of its own words");
}

/// The squared magnitude of one frequency (Goertzel algorithm).
fn power(window: &[i16], hz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in window.iter().enumerate() {
        let phase = TAU * hz * n as f64 / 8000.0;
        re += f64::from(*sample) * phase.cos();
        im += f64::from(*sample) * phase.sin();
    }
    re * re + im * im
}

/// The reason of the ending in the single transcript of this call.
fn ending(records: &Path, call_sid: &str) -> String {
    let prefix = format!("call_{call_sid}_");
    let files: Vec<_> = std::fs::read_dir(records)
        .expect("the records")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(&prefix)))
        .collect();
    assert_eq!(files.len(), 2, "one transcript and one queue entry of {call_sid}: {files:?}");
    transcript(records, call_sid)["ending"]["reason"].as_str().expect("a reason").to_owned()
}
