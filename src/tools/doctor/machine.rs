//! This machine: its limits, its disk, its clock.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use switchboard_actors::clock;

use super::Line;
use crate::service::config::Config;
use crate::service::open_files;

/// Looks at limits and disks.
pub(super) fn looked(config: &Config) -> Vec<Line> {
    let mut lines = vec![open_files(config)];
    let folders = [
        Some(("records.dir", config.records.dir.as_path())),
        config.recording.dir.as_ref().map(|dir| ("recording.dir", &**dir)),
    ];
    lines.extend(folders.into_iter().flatten().flat_map(|(key, dir)| disk(key, dir)));
    lines
}

fn open_files(config: &Config) -> Line {
    let calls = config.server.max_calls;
    match open_files::shortage_for(calls) {
        Some(shortage) => Line::wrong("open files", shortage),
        None => Line::good("open files", format!("enough for server.max_calls = {calls}")),
    }
}

/// The disk of a folder: its free space, and how long a line takes until it is safe there.
fn disk(key: &'static str, dir: &Path) -> Vec<Line> {
    let mut lines = Vec::new();
    // The service makes the folder; until then its parent is on the same disk in most cases.
    let Some(place) = dir.ancestors().map(nonempty).find(|place| place.is_dir()) else {
        return vec![Line::wrong(key, format!("found {}, of which no parent exists; make the folder", dir.display()))];
    };
    if let Ok(free) = free_bytes(&place) {
        let found = format!("{} has {} MiB free", place.display(), free / MIB);
        lines.push(if free < LEAST_FREE {
            Line::wrong(
                key,
                format!("{found}, expected at least {}: make room, or set a shorter retention", LEAST_FREE / MIB),
            )
        } else {
            Line::good(key, found)
        });
    }
    lines.extend(match synced(&place) {
        Ok(took) if took > SLOW => Some(Line::note(
            key,
            format!(
                "a line of a journal takes {} ms until it is on this disk; a crash loses what was said in that time",
                took.as_millis()
            ),
        )),
        Ok(took) => Some(Line::good(
            key,
            format!("a line of a journal is on the disk within {:.1} ms", took.as_secs_f64() * 1e3),
        )),
        // That the folder cannot be written to was said with the configuration.
        Err(_) => None,
    });
    lines
}

fn nonempty(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() }
}

#[cfg(target_os = "linux")]
fn free_bytes(place: &Path) -> std::io::Result<u64> {
    let found = rustix::fs::statvfs(place)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(target_os = "linux"))]
fn free_bytes(_: &Path) -> std::io::Result<u64> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// The median time of a few small writes, each synced. Nothing is left behind.
fn synced(place: &Path) -> std::io::Result<Duration> {
    use std::io::Write as _;

    let path = place.join(format!(".switchboard-doctor-{}", std::process::id()));
    let times = (|| {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
        let mut times = Vec::with_capacity(WRITES);
        for _ in 0..WRITES {
            let begun = Instant::now();
            file.write_all(&[b' '; 512])?;
            file.sync_data()?;
            times.push(begun.elapsed());
        }
        Ok(times)
    })();
    let _ = std::fs::remove_file(&path);
    times.map(|mut times| {
        times.sort_unstable();
        times[WRITES / 2]
    })
}

/// The time that a server gave with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clock {
    /// The server.
    pub(super) of: String,
    /// Its time.
    pub(super) theirs: DateTime<Utc>,
    /// Ours, when the answer came.
    pub(super) ours: DateTime<Utc>,
}

impl Clock {
    /// The time of an answer that came now. `None` if it is no time, or comes from this machine.
    pub(super) fn read(of: &str, date: &str) -> Option<Self> {
        let is_here =
            of == "localhost" || of.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let theirs = DateTime::parse_from_rfc2822(date).ok().filter(|_| !is_here)?;
        Some(Self { of: of.to_owned(), theirs: theirs.with_timezone(&Utc), ours: clock::wall() })
    }
}

/// Compares this machine's clock with those of servers, which give whole seconds. Signatures that
/// contain a time are good for minutes only.
pub(super) fn compared(clocks: &[Clock]) -> Line {
    let of = "clock";
    let Some(furthest) = clocks.iter().max_by_key(|clock| off(clock)) else {
        return Line::note(of, "no server on another machine answered whose time could be compared");
    };
    let seconds = off(furthest);
    if seconds > MOST_OFF_S {
        let next =
            "switch on time synchronisation (`timedatectl set-ntp true`): carriers' signatures are refused otherwise";
        Line::wrong(of, format!("{seconds} s off {}; {next}", furthest.of))
    } else {
        Line::good(of, format!("within {MOST_OFF_S} s of {}", furthest.of))
    }
}

fn off(clock: &Clock) -> u64 {
    (clock.ours - clock.theirs).num_seconds().unsigned_abs()
}

const MIB: u64 = 1024 * 1024;
/// Fewer bytes than this are filled within a day of recorded calls.
const LEAST_FREE: u64 = 512 * MIB;
/// A disk that takes longer is worth knowing of.
const SLOW: Duration = Duration::from_millis(50);
/// How many writes are measured.
const WRITES: usize = 5;
/// How far two clocks may be apart: the time of an answer is rounded, and its way takes a while.
const MOST_OFF_S: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn clock_of(of: &str, off_s: i64) -> Clock {
        let ours = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        Clock { of: of.to_owned(), theirs: ours + chrono::TimeDelta::seconds(off_s), ours }
    }

    #[test]
    fn the_clock_that_is_furthest_off_decides_in_both_directions() {
        for (others, wrong) in [(&[0, 2][..], false), (&[0, 5], false), (&[0, 6], true), (&[-400, 1], true)] {
            let clocks: Vec<_> = others.iter().map(|off| clock_of(&format!("s{off}"), *off)).collect();
            let line = compared(&clocks);
            assert_eq!(line.verdict == super::super::Verdict::Wrong, wrong, "{line:?}");
        }
        assert_eq!(compared(&[]).verdict, super::super::Verdict::Note);
    }

    #[test]
    fn a_disk_is_measured_and_nothing_is_left_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let lines = disk("records.dir", &dir.path().join("not/made/yet"));
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].found.contains("MiB free"), "{lines:?}");
        assert_eq!(std::fs::read_dir(dir.path()).expect("the folder").count(), 0);
    }
}
