use super::*;

#[test]
fn a_bench_that_fails_leaves_no_service_behind() {
    let mut command = Command::new("sleep");
    let served = Served(command.arg("60").stdout(Stdio::null()).spawn().expect("it starts"));
    let process = PathBuf::from(format!("/proc/{}", served.0.id()));
    assert!(!cfg!(target_os = "linux") || process.exists());
    drop(served);
    assert!(!process.exists());
}
