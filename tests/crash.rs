//! A killed process and a full disk: everything said before is on disk exactly once after the next
//! start.
//!
//! `SWITCHBOARD_KILLS=1000 cargo test --test crash` sets the number of kills; `SWITCHBOARD_SEED`
//! repeats a run.
#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;
use switchboard::tools::phone::{Handset, PhoneOptions, Summary, Target, place_call};

#[actix_rt::test]
async fn every_answered_call_has_one_record_however_the_process_dies() {
    let kills = number("SWITCHBOARD_KILLS", 8);
    let seed = number("SWITCHBOARD_SEED", 0x5EED);
    println!("{kills} kills, SWITCHBOARD_SEED={seed}");
    let mut chance = Chance(seed.max(1));
    let home = Home::new();
    let mut calls = Vec::new();
    for round in 0..kills {
        let service = Process::start(&home, None);
        let dies_after = Duration::from_millis(chance.below(4_000));
        if chance.below(5) == 0 {
            // Often kills the process during its recovery.
            tokio::time::sleep(dies_after / 100).await;
            service.kill();
            continue;
        }
        service.listens().await;
        let disk = Disk::watch(home.dir.path());
        let callers = join_all((0..4).map(|caller| {
            // One caller hangs up at about the time of the kill, so that it also hits the writing
            // of a record.
            let hangup = (caller == 0).then(|| {
                (dies_after + Duration::from_millis(chance.below(400))).saturating_sub(Duration::from_millis(300))
            });
            call(&home, hangup)
        }));
        let death = async {
            tokio::time::sleep(dies_after).await;
            service.kill();
        };
        let (summaries, ()) = futures_util::future::join(callers, death).await;
        // Keys are sent every 100 ms. A delay caused by the machine does not count against the
        // service.
        let lost_at_most = KEYS_LOST + disk.longest_stall().as_millis() as usize / 100;
        calls.extend(summaries.into_iter().map(|summary| (round, lost_at_most, summary)));
    }
    let service = Process::start(&home, None);
    service.listens().await;
    service.kill();

    let records = home.records();
    let mut answered = 0;
    for (round, lost_at_most, summary) in &calls {
        let found = records.get(&summary.call_sid).map(Vec::as_slice).unwrap_or_default();
        assert!(found.len() <= 1, "round {round}: {} has {} records", summary.call_sid, found.len());
        let Some(record) = found.first() else {
            let sent = summary.dtmf_sent.len();
            let heard = summary.time_to_first_sound_ms;
            assert!(
                heard.is_none() && sent <= *lost_at_most,
                "round {round}: {} heard something, {sent} keys",
                summary.call_sid
            );
            continue;
        };
        answered += 1;
        let kept: String =
            record["keys"].as_array().expect("a list").iter().map(|it| it["key"].as_str().expect("a key")).collect();
        assert!(summary.dtmf_sent.starts_with(&kept), "round {round}: {kept} of {}", summary.dtmf_sent);
        let lost = summary.dtmf_sent.len() - kept.len();
        assert!(lost <= *lost_at_most, "round {round}: {lost} of {} keys lost", summary.dtmf_sent.len());
    }
    assert_eq!(records.values().map(Vec::len).sum::<usize>(), answered, "no record is of a call that nobody made");
    assert!(answered > 0, "no call was answered at all");
    assert!(home.journals().is_empty(), "nothing is left over: {:?}", home.journals());
    println!("{answered} of {} calls were answered and have their record", calls.len());
}

#[actix_rt::test]
async fn a_disk_that_takes_nothing_more_costs_no_call_and_no_file() {
    let home = Home::new();
    // The limit of 3 KiB per file stops the journal in the middle of a line, and no transcript
    // fits.
    let service = Process::start(&home, Some(3));
    service.listens().await;
    let summary = call(&home, Some(Duration::from_secs(4))).await;
    assert!(summary.failures.is_empty(), "the call goes on: {:?}", summary.failures);
    let ready = common::get(&format!("http://127.0.0.1:{}/ready", home.public), &[]).await;
    assert_eq!(ready.status, 200, "{}", ready.text);
    let refused = async {
        loop {
            let metrics = common::get(&format!("http://127.0.0.1:{}/metrics", home.admin), &[]).await.text;
            let counted = |step: &str| {
                common::counted(&metrics, &format!("switchboard_records_failed_total{{step=\"{step}\"}}")) >= 1.0
            };
            if counted("journal_write") && counted("file") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(common::PATIENCE, refused).await.expect("operators are told of every refused step");
    assert!(home.records().is_empty(), "nothing under a final name that is not whole");
    service.kill();
    let journal = home.only_journal();
    // The limit may also fall on the end of a line; such a journal is whole.
    let torn = !journal.ends_with(b"\n");

    let service = Process::start(&home, None);
    service.listens().await;
    service.kill();
    let records = home.records();
    let record = &records[&summary.call_sid][0];
    let kept: String =
        record["keys"].as_array().expect("a list").iter().map(|it| it["key"].as_str().expect("a key")).collect();
    assert!(!kept.is_empty() && summary.dtmf_sent.starts_with(&kept), "{kept} of {}", summary.dtmf_sent);
    let aside = home.dir.path().join("records/journal/aside");
    let aside = if aside.exists() { names(&aside) } else { Vec::new() };
    assert_eq!(aside.len(), usize::from(torn), "a torn journal is kept, and only a torn one: {aside:?}");
    assert!(home.journals().is_empty(), "nothing waits any more");
}

/// Maximum number of lost keys: one per 100 ms, and the last 500 ms may be lost.
const KEYS_LOST: usize = 5;

/// Places a call that presses a key every 100 ms, in a known order.
async fn call(home: &Home, hangup_after: Option<Duration>) -> Summary {
    let url = format!("http://127.0.0.1:{}/twilio/voice", home.public).parse().expect("a URL");
    let mut options = PhoneOptions::new(Target::Webhook(url));
    options.dtmf = (1..=60_u32)
        .map(|n| (Duration::from_millis(u64::from(n) * 100), char::from_digit(n % 10, 10).expect("a digit")))
        .collect();
    options.hangup_after = Some(hangup_after.unwrap_or(Duration::from_secs(8)));
    options.longest = Duration::from_secs(20);
    let (handset, _remote) = Handset::new();
    place_call(options, handset).await.summary
}

/// A folder and two ports that outlive the process.
struct Home {
    dir: tempfile::TempDir,
    public: u16,
    admin: u16,
}

impl Home {
    fn new() -> Self {
        let port = || TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
        Self { dir: tempfile::tempdir().expect("a folder"), public: port(), admin: port() }
    }

    /// The transcripts by the carrier's id. Checks that each has a queue file that refers to it,
    /// and that every file with a final name is complete.
    fn records(&self) -> BTreeMap<String, Vec<Value>> {
        let mut records = BTreeMap::<String, Vec<Value>>::new();
        let names = names(&self.dir.path().join("records"));
        for name in names.iter().filter(|name| name.starts_with("call_")) {
            let whole = |path: &Path| -> Value {
                let text = std::fs::read(path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
                serde_json::from_slice(&text).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
            };
            let it = whole(&self.dir.path().join("records").join(name));
            if name.ends_with("_transcript.json") {
                let id = it["ucid"].as_str().expect("an id").to_owned();
                records.entry(id).or_default().push(it);
            } else {
                let transcript = whole(&self.dir.path().join(it["transcript_file"].as_str().expect("a path")));
                assert_eq!(transcript["id"], it["id"]);
            }
        }
        let queues = names.iter().filter(|name| name.ends_with("_queue.json")).count();
        assert_eq!(
            queues,
            records.values().map(Vec::len).sum::<usize>(),
            "each transcript has its queue file: {names:?}"
        );
        records
    }

    /// The journals that still wait, except those kept aside.
    fn journals(&self) -> Vec<PathBuf> {
        let root = self.dir.path().join("records/journal");
        names(&root)
            .into_iter()
            .filter(|folder| folder != "aside")
            .map(|folder| root.join(folder))
            .flat_map(|folder| names(&folder).into_iter().map(move |name| folder.join(name)))
            .filter(|path| path.extension().is_some_and(|it| it == "journal"))
            .collect()
    }

    /// The bytes of the one journal that waits.
    fn only_journal(&self) -> Vec<u8> {
        let waiting = self.journals();
        assert_eq!(waiting.len(), 1, "one call, one journal: {waiting:?}");
        std::fs::read(&waiting[0]).expect("a journal")
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// A thread that writes and syncs a few bytes every 50 ms next to the service. It measures the
/// delays caused by the machine and its disk.
struct Disk {
    thread: std::thread::JoinHandle<Duration>,
    done: Arc<AtomicBool>,
}

impl Disk {
    fn watch(folder: &Path) -> Self {
        let mut file = std::fs::File::create(folder.join("stall")).expect("a file");
        let done = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&done);
        let thread = std::thread::spawn(move || {
            let (beat, mut longest, mut last) = (Duration::from_millis(50), Duration::ZERO, Instant::now());
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(beat);
                file.write_all(b"here").and_then(|()| file.sync_data()).expect("the disk takes it");
                longest = longest.max(last.elapsed().saturating_sub(beat));
                last = Instant::now();
            }
            longest
        });
        Self { thread, done }
    }

    fn longest_stall(self) -> Duration {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().expect("it ends")
    }
}

/// The built binary as a running service.
struct Process {
    child: Child,
    port: u16,
}

impl Drop for Process {
    /// Leaves no process behind if a test fails.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts the service, with a limit on the size of its files in KiB if one is given.
    fn start(home: &Home, largest_file: Option<u32>) -> Self {
        let binary = env!("CARGO_BIN_EXE_switchboard");
        let mut command = match largest_file {
            // The signal of this limit is ignored, so that a write returns an error.
            Some(blocks) => {
                let mut command = Command::new("bash");
                command.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" serve"), binary]);
                command
            }
            None => {
                let mut command = Command::new(binary);
                command.arg("serve");
                command
            }
        };
        let child = command
            .current_dir(home.dir.path())
            .env("SWITCHBOARD__SERVER__BIND", format!("127.0.0.1:{}", home.public))
            .env("SWITCHBOARD__SERVER__PUBLIC_URL", format!("http://127.0.0.1:{}", home.public))
            .env("SWITCHBOARD__SERVER__WORKERS", "1")
            .env("SWITCHBOARD__ADMIN__BIND", format!("127.0.0.1:{}", home.admin))
            .env("SWITCHBOARD__TWILIO__VERIFY", "off")
            .env("SWITCHBOARD__REALTIME__PROVIDER", "rehearsal")
            .env("SWITCHBOARD__RECORDS__DIR", "records")
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        Self { child, port: home.public }
    }

    async fn listens(&self) {
        let until = Instant::now() + common::PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "the service does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills the process without a chance to clean up.
    fn kill(mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A random generator that repeats its sequence for the same seed (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
