//! The service as a process: it starts itself once more for a heap on huge pages, unless the operator has decided about glibc's heap.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

#[test]
fn the_service_starts_once_more_with_the_same_arguments_for_huge_pages() {
    let service = Serving::with(&[]);
    assert!(service.has("glibc.malloc.hugetlb=1"), "{}", service.told("environ"));
    assert!(service.has("glibc.malloc.arena_max=1"), "{}", service.told("environ"));
    assert_eq!(service.told("cmdline"), "answering\0serve\0");
    assert_eq!(service.told("comm"), "switchboard\n");
}

#[test]
fn an_operators_tunables_are_left_alone() {
    let service = Serving::with(&[("GLIBC_TUNABLES", "")]);
    assert!(!service.told("environ").contains("hugetlb"), "{}", service.told("environ"));
}

#[test]
fn a_program_whose_tunables_are_taken_away_starts_once_more_only_once() {
    let service = Serving::with(&[("SWITCHBOARD_HUGE_PAGES_ASKED", "1")]);
    assert!(!service.told("environ").contains("hugetlb"), "{}", service.told("environ"));
}

/// A service that listens, under the process number that it was started with.
struct Serving {
    child: Child,
    _home: tempfile::TempDir,
}

impl Serving {
    fn with(variables: &[(&str, &str)]) -> Self {
        use std::os::unix::process::CommandExt as _;

        let home = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .arg0("answering")
            .arg("serve")
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
            .expect("the binary starts");
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let serving = Self { child, _home: home };
        let mut said = lines.map(|line| line.expect("text"));
        assert!(said.any(|line| line.contains("listening for operators")), "it has to listen");
        serving
    }

    /// What the kernel says of it. The variables are those that the program was started with.
    fn told(&self, file: &str) -> String {
        let bytes = std::fs::read(format!("/proc/{}/{file}", self.child.id())).expect("it runs");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn has(&self, tunable: &str) -> bool {
        // glibc cuts the tunables at their colons where they lie.
        self.told("environ").split(['\0', ':', '\n']).any(|part| part.ends_with(tunable))
    }
}

impl Drop for Serving {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
