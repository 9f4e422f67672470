//! Model sessions lost over real sockets in every state of a call, each of which goes on with
//! another provider: one record, one ending, at most a filler for the caller, and nothing left over.
//!
//! `LOSSES` sets how many calls are lost, all states and providers together.

mod common;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{Running, get, transcripts, voice};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use switchboard::tools::phone::{CallReport, Handset, PhoneOptions, Target, place_call};
use switchboard::tools::rehearsal::{Rehearsal, RehearsalOptions};
use tokio::net::{TcpListener, TcpStream};

/// When the session is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The socket is open, and the server has said nothing yet.
    Connecting,
    /// The greeting is heard.
    Greeting,
    /// Neither side speaks.
    Listening,
    /// The caller speaks.
    CallerSpeaks,
    /// The answer is due.
    Thinking,
    /// The answer is heard.
    Speaking,
    /// A key calls a tool.
    Tool,
    /// The goodbye is said.
    Closing,
}

impl Moment {
    const ALL: [Self; 8] = [
        Self::Connecting,
        Self::Greeting,
        Self::Listening,
        Self::CallerSpeaks,
        Self::Thinking,
        Self::Speaking,
        Self::Tool,
        Self::Closing,
    ];

    /// Whether a call in this state, this long after the phone dialled, is where the session is lost.
    fn is_now(self, state: &str, since: Duration) -> bool {
        let asked = since > CALLER_ACTS;
        match self {
            // The proxy loses these together.
            Self::Connecting => false,
            Self::Greeting => state == "greeting",
            Self::Listening => state == "listening" && !asked,
            Self::CallerSpeaks => since > CALLER_ACTS + SPEECH / 2,
            Self::Thinking => asked && (state == "thinking" || state == "speaking"),
            Self::Speaking => asked && state == "speaking",
            Self::Tool => since > CALLER_ACTS + Duration::from_millis(120),
            Self::Closing => state == "closing",
        }
    }
}

/// The providers of a call: the protocol of the first one, and the second one as a configuration
/// names it, with its protocol.
type Pair = (&'static str, &'static str, &'static str);
const PAIRS: [Pair; 4] = [
    ("live", "openai", "realtime"),
    ("realtime", "openai_live", "live"),
    ("gemini", "openai_live", "live"),
    ("live", "gemini", "gemini"),
];

#[actix_rt::test]
async fn a_session_lost_in_any_state_costs_at_most_a_filler() {
    let usual = if cfg!(debug_assertions) { 16 } else { 200 };
    let losses = std::env::var("LOSSES").ok().and_then(|count| count.parse().ok()).unwrap_or(usual);
    let began = Instant::now();
    // What the first service opens for good is no loss.
    batch(Moment::Listening, PAIRS[0], 1).await;
    let files = open_files();
    // Each state meets two pairs of providers, and each pair four states.
    let groups = Moment::ALL
        .into_iter()
        .enumerate()
        .flat_map(|(at, moment)| [at, at + 1 + at / PAIRS.len()].map(|pair| (moment, PAIRS[pair % PAIRS.len()])));
    let calls = losses / (2 * Moment::ALL.len());
    let batches = groups.map(|(moment, pair)| batch(moment, pair, calls));
    let outcomes: Vec<Vec<Loss>> = stream::iter(batches).buffer_unordered(BATCHES_AT_ONCE).collect().await;
    let outcomes: Vec<Loss> = outcomes.into_iter().flatten().collect();
    let lost = outcomes.len();
    let fillers: usize = outcomes.iter().map(|loss| loss.fillers).sum();
    let met = outcomes.iter().filter(|loss| loss.in_state).count();
    println!(
        "{lost} sessions lost in {:.0} s, {met} in the state that is meant, {fillers} fillers",
        began.elapsed().as_secs_f64()
    );
    assert!(met * 10 >= lost * 9, "{met} of {lost} were lost in the state that is meant");
    until("files are left open", || open_files() <= files + SPARE_FILES).await;
}

/// What became of a lost session.
struct Loss {
    /// Lines that filled the wait.
    fillers: usize,
    /// Whether the call was in the state that is meant when it lost the session.
    in_state: bool,
}

/// Calls that lose their session at this moment.
async fn batch(moment: Moment, pair: Pair, calls: usize) -> Vec<Loss> {
    let (protocol, provider, other) = pair;
    let model = Rehearsal::start(RehearsalOptions::default()).await.expect("a model");
    let url = |protocol: &str| model.url_for(protocol).expect("it is served");
    let proxy = Proxy::start(&url(protocol), moment != Moment::Connecting).await;
    let rehearse = format!("?rehearse=answer_ms:{ANSWER_MS},first_audio_ms:500");
    let first = format!("{}{rehearse}", proxy.url);
    let fallbacks = format!("[{{ provider = \"{provider}\", url = \"{}{rehearse}\" }}]", url(other));
    let settings = [
        ("twilio.verify", "off"),
        ("realtime.rehearsal_protocol", protocol),
        ("realtime.url", first.as_str()),
        ("realtime.fallbacks", fallbacks.as_str()),
        ("realtime.audio_format", "g711"),
        ("agents.default.tools", r#"["end_call", "save_answer"]"#),
        // These callers are tones, which our detector does not take for speech.
        ("speech_detector.enabled", "false"),
        ("interruption.policy", "auto"),
    ];
    let keys = [("GEMINI_API_KEY", "gm-key"), ("OPENAI_API_KEY", "sk-key")];
    let running = common::start_with(&keys, &settings).await;
    let states = States::watch(running.admin("/calls"));
    let mut placed = Vec::new();
    for number in 0..calls {
        let (options, sid) = options(&running, moment);
        placed.push((sid, Instant::now(), actix_rt::spawn(place_call(options, Handset::new().0))));
        // One after the other, so that the order of the sockets is that of the calls.
        until("the model is dialled", || proxy.accepted() > number).await;
    }
    let losing = placed
        .iter()
        .enumerate()
        .map(|(number, (sid, dialled, _))| lose(moment, &proxy, number, &states, sid.clone(), *dialled));
    let in_state = join_all(losing).await;
    let mut reports = Vec::new();
    for (sid, _, call) in placed {
        reports.push((sid, call.await.expect("no panic")));
    }
    states.task.abort();
    running.until_calls(0).await;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    model.stop().await;
    proxy.task.abort();
    let losses = reports.iter().zip(in_state);
    losses.map(|((sid, report), in_state)| judge(moment, pair, records.path(), sid, report, in_state)).collect()
}

/// The phone of a call, and the call's id.
fn options(running: &Running, moment: Moment) -> (PhoneOptions, String) {
    let sid = format!("CA{:032x}", uuid::Uuid::new_v4().as_u128());
    let mut options = PhoneOptions::new(Target::Webhook(running.public("/twilio/voice").parse().expect("a URL")));
    options.call_sid = Some(sid.clone());
    options.longest = Duration::from_secs(30);
    options.record = false;
    options.hangup_after = Some(HANGS_UP);
    match moment {
        Moment::Tool => options.dtmf = vec![(CALLER_ACTS, '3')],
        Moment::Closing => {
            options.dtmf = vec![(CALLER_ACTS, '9')];
            options.hangup_after = Some(Duration::from_secs(25));
        }
        Moment::Connecting
        | Moment::Greeting
        | Moment::Listening
        | Moment::CallerSpeaks
        | Moment::Thinking
        | Moment::Speaking => {
            options.speech = voice(440.0, SPEECH.as_millis() as u32).into();
            options.speak_at = Some(CALLER_ACTS);
        }
    }
    (options, sid)
}

/// Waits for the moment of a call and drops its socket. Returns whether the call was in that state.
async fn lose(moment: Moment, proxy: &Proxy, number: usize, states: &States, sid: String, dialled: Instant) -> bool {
    if moment == Moment::Connecting {
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.drop_socket(number);
        return states.of(&sid).as_deref() == Some("connecting");
    }
    until("the state that is meant", || states.of(&sid).is_some_and(|state| moment.is_now(&state, dialled.elapsed())))
        .await;
    let state = states.of(&sid).unwrap_or_default();
    proxy.drop_socket(number);
    moment != Moment::Thinking || state == "thinking"
}

fn judge(
    moment: Moment,
    pair: Pair,
    records: &std::path::Path,
    sid: &str,
    report: &CallReport,
    in_state: bool,
) -> Loss {
    let found = transcripts(records, sid);
    let at = format!("{moment:?} {pair:?}: {found:#?}");
    let [record] = &found[..] else { panic!("one record: {at}") };
    assert_eq!(report.summary.failures, Vec::<String>::new(), "{at}");
    let expected = if moment == Moment::Closing { "agent_hung_up" } else { "caller_hung_up" };
    assert_eq!(record["ending"]["reason"], expected, "{at}");
    let incidents = record["incidents"].as_array().expect("a list").iter();
    let losses = incidents.filter(|it| it["kind"] == "model_failover" || it["kind"] == "model_lost").count();
    assert_eq!(losses, 1, "{at}");
    assert_eq!(record["model_provider"], pair.1, "{at}");
    let said: Vec<&Value> = record["conversation"].as_array().expect("a list").iter().collect();
    let of = |words: &str| {
        said.iter().filter(|entry| entry["text"].as_str().is_some_and(|text| text.contains(words))).count()
    };
    let (fillers, apologies) = (of("One moment"), of("technical problem"));
    assert!(fillers <= 1 && apologies == 0, "{fillers} fillers, {apologies} apologies: {at}");
    let heard = said
        .iter()
        .filter(|it| it["speaker"] == "assistant" && it["heard"].as_str().is_some_and(|heard| !heard.is_empty()));
    assert!(heard.count() >= 2 + fillers, "greeted and answered, or let go: {at}");
    Loss { fillers, in_state }
}

/// The states of a service's calls, as `/calls` shows them.
struct States {
    seen: Rc<RefCell<HashMap<String, String>>>,
    task: actix_rt::task::JoinHandle<()>,
}

impl States {
    fn watch(url: String) -> Self {
        let seen = Rc::new(RefCell::new(HashMap::new()));
        let shown = Rc::clone(&seen);
        let task = actix_rt::spawn(async move {
            loop {
                let calls = get(&url, &[]).await.json();
                let text = |call: &Value, key: &str| call[key].as_str().unwrap_or_default().to_owned();
                let states = calls["calls"].as_array().into_iter().flatten();
                *shown.borrow_mut() = states.map(|call| (text(call, "carrier_call_id"), text(call, "state"))).collect();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { seen, task }
    }

    fn of(&self, sid: &str) -> Option<String> {
        self.seen.borrow().get(sid).cloned()
    }
}

/// A way to a model whose sockets can be dropped one by one.
struct Proxy {
    /// The model's address by this way.
    url: String,
    sockets: Rc<RefCell<Vec<actix_rt::task::JoinHandle<()>>>>,
    task: actix_rt::task::JoinHandle<()>,
}

impl Proxy {
    /// A way to `url`. Unless it `passes`, sockets are taken and nothing is passed on.
    async fn start(url: &str, passes: bool) -> Self {
        let (_, rest) = url.split_once("//").expect("an address");
        let (to, path) = rest.split_once('/').expect("a path");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("an address");
        let sockets = Rc::new(RefCell::new(Vec::new()));
        let (taken, to) = (Rc::clone(&sockets), to.to_owned());
        let task = actix_rt::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let to = to.clone();
                let socket = actix_rt::spawn(async move {
                    if !passes {
                        return std::future::pending().await;
                    }
                    let Ok(mut server) = TcpStream::connect(&to).await else { return };
                    let _ = (client.set_nodelay(true), server.set_nodelay(true));
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
                taken.borrow_mut().push(socket);
            }
        });
        Self { url: format!("ws://{own}/{path}"), sockets, task }
    }

    fn accepted(&self) -> usize {
        self.sockets.borrow().len()
    }

    fn drop_socket(&self, number: usize) {
        self.sockets.borrow()[number].abort();
    }
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(25), waiting).await.is_ok(), "not so: {what}");
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("the open files").count()
}

/// When the caller speaks or presses a key, from the start of the stream: behind every greeting.
const CALLER_ACTS: Duration = Duration::from_millis(5_000);
/// How long the caller speaks.
const SPEECH: Duration = Duration::from_millis(1_000);
/// When the caller hangs up.
const HANGS_UP: Duration = Duration::from_millis(14_500);
/// The length of the greeting and of answers.
const ANSWER_MS: u32 = 2_000;
/// How many groups of calls are on at the same time.
const BATCHES_AT_ONCE: usize = 5;
/// Files that a runtime may open meanwhile.
const SPARE_FILES: usize = 8;
