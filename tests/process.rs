//! The service as a process: its requests to the system at start.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::io::{BufRead as _, BufReader, Lines};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, Command, Stdio};

#[test]
fn the_service_starts_once_more_with_the_same_arguments_for_huge_pages() {
    let service = Serving::start(Command::new(BINARY).arg0("answering").arg("serve"), &[]);
    // glibc splits the tunables at their colons in place.
    let environment = service.proc_file("environ").replace(['\0', ':'], "\n");
    assert!(environment.contains("glibc.malloc.hugetlb=1\n"), "{environment}");
    assert!(environment.contains("glibc.malloc.arena_max=1\n"), "{environment}");
    assert_eq!(service.proc_file("cmdline"), "answering\0serve\0");
    assert_eq!(service.proc_file("comm"), "switchboard\n");
}

#[test]
fn an_operators_tunables_are_left_alone() {
    let service = Serving::start(Command::new(BINARY).arg("serve"), &[("GLIBC_TUNABLES", "")]);
    assert!(!service.proc_file("environ").contains("hugetlb"), "{}", service.proc_file("environ"));
}

#[test]
fn a_program_whose_tunables_are_taken_away_starts_once_more_only_once() {
    let service = Serving::start(Command::new(BINARY).arg("serve"), &[("SWITCHBOARD_HUGE_PAGES_ASKED", "1")]);
    assert!(!service.proc_file("environ").contains("hugetlb"), "{}", service.proc_file("environ"));
}

#[test]
fn the_service_takes_as_many_open_files_as_it_may_have() {
    let service = Serving::start(&mut limited("ulimit -Sn 256; ulimit -Hn 1000"), &[]);
    assert_eq!(service.open_files(), ["1000", "1000"]);
    assert!(!service.said.contains("max_calls"), "{}", service.said);
}

#[test]
fn too_low_a_limit_of_open_files_is_reported() {
    let service = Serving::start(&mut limited("ulimit -n 256"), &[("SWITCHBOARD__SERVER__MAX_CALLS", "50")]);
    assert_eq!(service.open_files(), ["256", "256"]);
    assert!(service.said.contains("server.max_calls is 50") && service.said.contains("256"), "{}", service.said);
}

#[test]
fn signals_that_ask_for_nothing_are_named_and_change_nothing() {
    let mut service = Serving::start(Command::new(BINARY).arg("serve"), &[]);
    for signal in ["USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "PWR", "XCPU", "XFSZ", "STKFLT"] {
        service.signal(signal);
        let line = service.says("signal ignored");
        assert!(line.contains(&format!("SIG{signal}")), "{line}");
    }
    service.signal("RTMIN+3");
    service.says("signal ignored");
    // The service survives these signals. A requested stop then ends it properly.
    service.signal("QUIT");
    assert!(service.child.wait().expect("it ends").success());
}

#[test]
fn sighup_applies_the_file_or_refuses_it_whole() {
    let mut service = Serving::start(Command::new(BINARY).arg("serve"), &[]);
    let file = service.home.path().join("config.toml");
    std::fs::write(&file, "[server]\nmax_calls = 7\n[agents.default]\ngreeting = \"Ahoy!\"\n").expect("a file");
    service.signal("HUP");
    let line = service.says("the configuration was read again");
    assert!(line.contains("by=SIGHUP") && line.contains("changed=agents.default.greeting"), "{line}");
    let line = service.says("take a restart");
    assert!(line.contains("keys=server.max_calls"), "{line}");
    std::fs::write(&file, "[agents.default]\ngreting = \"Ahoy!\"\n[log]\nlevel = \"loud\"\n").expect("a file");
    service.signal("HUP");
    let line = service.says("read again and refused; nothing has changed");
    assert!(line.contains("log.level") || line.contains("greting"), "{line}");
    service.signal("TERM");
    service.says("stopped");
    assert!(service.said.contains("agents.default.greting") && service.said.contains("log.level"), "{}", service.said);
}

#[test]
fn the_service_manager_is_told_and_its_socket_is_used() {
    let home = tempfile::tempdir().expect("a folder");
    let told = home.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&told).expect("a socket");
    manager.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("a time-out");
    let hears = |words: &str| {
        let mut message = [0; 4096];
        loop {
            let length = manager.recv(&mut message).unwrap_or_else(|problem| panic!("no {words}: {problem}"));
            let text = String::from_utf8_lossy(&message[..length]).into_owned();
            if text.contains(words) {
                return text;
            }
        }
    };
    // The shell binds descriptor 3, as systemd does: the service finds its own address there.
    let mut command = Command::new("/usr/bin/env");
    command.args(["python3", "-c", ACTIVATE, BINARY]);
    let mut service = Serving::start(
        &mut command,
        &[
            ("NOTIFY_SOCKET", told.to_str().expect("a plain path")),
            ("WATCHDOG_USEC", "2000000"),
            ("PATH", "/usr/bin:/bin"),
        ],
    );
    assert!(!service.said.contains("nothing answers there"), "{}", service.said);
    hears("READY=1");
    hears("WATCHDOG=1");
    hears("STATUS=0 of 200 places taken");
    service.signal("HUP");
    assert!(hears("RELOADING=1").contains("MONOTONIC_USEC="));
    hears("READY=1");
    service.signal("TERM");
    hears("STOPPING=1");
    service.says("stopped");
    assert!(service.child.wait().expect("it ends").success());
}

/// Binds a free port, hands it over as the only socket, and becomes the program.
const ACTIVATE: &str = r#"
import os, socket, sys
bound = socket.socket(); bound.bind(("127.0.0.1", 0)); bound.listen()
os.dup2(bound.fileno(), 3); os.set_inheritable(3, True)
address = "127.0.0.1:%d" % bound.getsockname()[1]
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), SWITCHBOARD__SERVER__BIND=address, SWITCHBOARD__SERVER__PUBLIC_URL="http://" + address)
os.execv(sys.argv[1], [sys.argv[1], "serve"])
"#;

const BINARY: &str = env!("CARGO_BIN_EXE_switchboard");

#[test]
fn log_lines_have_one_form_and_the_first_names_the_service() {
    for log in ["", "warn", "off"] {
        let mut serving = Serving::start(
            Command::new(BINARY).arg("serve"),
            &[("RUST_LOG", log), ("SWITCHBOARD__LOG__FORMAT", "json")],
        );
        serving.signal("TERM");
        serving.says("stopped");
        let lines: Vec<serde_json::Value> =
            serving.said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
        let first = lines
            .iter()
            .find(|line| line["message"].as_str().is_some_and(|it| it.starts_with("listening for carriers")));
        let message = first.expect("it listens")["message"].as_str().expect("text");
        assert!(message.contains("model rehearsal (built in)"), "{message}");
    }
    let mut serving = Serving::start(Command::new(BINARY).arg("serve"), &[]);
    assert!(serving.said.lines().all(|line| line.starts_with('[')), "each line has its time: {}", serving.said);
    serving.signal("TERM");
    serving.says("stopped");
}

/// The service, started by a shell that has set limits.
fn limited(limits: &str) -> Command {
    let mut command = Command::new("/bin/bash");
    command.args(["-c", &format!("{limits}; exec \"$0\" serve"), BINARY]);
    command
}

/// A listening service, under the process id of its start, with its output so far.
struct Serving {
    child: Child,
    said: String,
    lines: Lines<BufReader<ChildStderr>>,
    home: tempfile::TempDir,
}

impl Serving {
    fn start(command: &mut Command, variables: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let mut child = command
            .current_dir(home.path())
            .env_clear()
            .envs([
                ("SWITCHBOARD__SERVER__BIND", "127.0.0.1:0"),
                ("SWITCHBOARD__SERVER__PUBLIC_URL", "http://127.0.0.1:1"),
                ("SWITCHBOARD__ADMIN__BIND", "127.0.0.1:0"),
                ("SWITCHBOARD__TWILIO__VERIFY", "off"),
                ("SWITCHBOARD__REALTIME__PROVIDER", "rehearsal"),
            ])
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut serving = Self { child, said: String::new(), lines, home };
        serving.says("listening for operators");
        serving
    }

    /// Returns the next line that contains these words.
    fn says(&mut self, words: &str) -> String {
        for line in self.lines.by_ref() {
            let line = line.expect("text");
            self.said += &line;
            self.said.push('\n');
            if line.contains(words) {
                return line;
            }
        }
        panic!("it never says {words:?}: {}", self.said);
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{name}");
    }

    /// Reads a file of the process under `/proc`. The variables are those with which the program
    /// was started.
    fn proc_file(&self, file: &str) -> String {
        let bytes = std::fs::read(format!("/proc/{}/{file}", self.child.id())).expect("it runs");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The soft and the hard limit.
    fn open_files(&self) -> Vec<String> {
        let limits = self.proc_file("limits");
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a limit");
        line.split_whitespace().take(2).map(str::to_owned).collect()
    }
}

impl Drop for Serving {
    /// Leaves no process behind if a test fails.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
