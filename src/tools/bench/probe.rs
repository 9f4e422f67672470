//! Reads processor time and memory of a process from the kernel (Linux, `/proc`), and what a service says of its load.

use std::fs;
use std::time::Duration;

use switchboard_actors::overload::Rung;

/// Processor time that a process has used: all threads, user and kernel.
pub(super) fn processor_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name may contain blanks, so fields are counted after its closing parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // USER_HZ is 100 on every Linux for x86-64 and ARM.
    Some(Duration::from_millis(ticks * 10))
}

/// Resident memory of a process, in KiB.
pub(super) fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

/// A description of the machine in one line, for the sheet.
pub(super) fn machine() -> String {
    let model = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            text.lines()
                .find_map(|line| line.strip_prefix("model name"))
                .map(|v| v.trim_start_matches([' ', '\t', ':']).to_owned())
        })
        .unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores")
}

/// Returns what the service does to keep up, as its metrics say: the highest rung of its threads.
pub(super) async fn rung(admin: u16) -> Rung {
    let asked = awc::Client::new().get(format!("http://127.0.0.1:{admin}/metrics")).send().await;
    let Ok(mut answer) = asked else { return Rung::Calm };
    let text = answer.body().limit(MOST_METRICS).await.unwrap_or_default();
    highest(&String::from_utf8_lossy(&text))
}

fn highest(metrics: &str) -> Rung {
    let lines = metrics.lines().filter(|line| line.starts_with("switchboard_overload_rung{"));
    let number = |line: &str| line.rsplit(' ').next()?.parse::<usize>().ok();
    lines.filter_map(number).filter_map(|number| Rung::ALL.get(number).copied()).max().unwrap_or_default()
}

/// The most bytes of a page of metrics.
const MOST_METRICS: usize = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_rung_of_all_threads_counts() {
        let text = "# TYPE switchboard_overload_rung gauge\nswitchboard_overload_rung{thread=\"server-0\"} 1\n\
                    switchboard_overload_rung{thread=\"server-1\"} 2\nswitchboard_overload_rungs_total{rung=\"refusing\"} 9\n";
        assert_eq!((highest(text), highest("")), (Rung::Messages60, Rung::Calm));
    }
}
