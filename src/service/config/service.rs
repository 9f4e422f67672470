//! The service's own sections: the operators' listener, records, limits. Pure.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::kinds::{
    Expected, HOUR, MILLISECOND, MINUTE, SECOND, address, any_text, duration, list, or_word, size, text, whole,
};
use super::layers::Node;
use super::reader::Section;
use super::secrets::Secrets;
use super::server::Server;
use super::trust;

/// `[admin]`: the listener for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where operators are listened to; port 0 takes any free one.
    pub bind: SocketAddr,
}

/// `[records]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// The folder of transcripts and queue files; made when missing.
    pub dir: PathBuf,
    /// How long what was said may wait before it is written to the call's journal.
    pub journal_commit: Duration,
    /// The top of a second set of folders, as the queue processor of the service before this one reads it.
    pub legacy_dir: Option<PathBuf>,
    /// What is kept, and for how long.
    pub retention: Retention,
}

/// `[records.retention]`: what is kept, kind by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Transcripts.
    pub transcripts: Keep,
    /// Queue files that are delivered or failed.
    pub queue: Keep,
    /// Recordings.
    pub recordings: Keep,
    /// Journals that could not be read to their end.
    pub journals: Keep,
}

/// How much of a kind of file is kept; `None` is all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// For how long.
    pub age: Option<Duration>,
    /// How many bytes, the newest.
    pub size: Option<usize>,
}

/// `[limits]`: what strangers, callers and models may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The whole call.
    pub max_call_duration: Duration,
    /// The silence before each prompt to a silent caller; empty switches prompts off.
    pub idle_prompts: Vec<Duration>,
    /// The silence after the last prompt before the call is ended.
    pub idle_after: Duration,
    /// No words of the caller for this long, whatever the line's noise sounds like: the call is ended.
    pub longest_without_words: Duration,
    /// From a socket's upgrade to its stream's `start`.
    pub start_timeout: Duration,
    /// Nothing at all from the carrier for this long: the line is dead.
    pub line_silence: Duration,
    /// Longest wait for a goodbye to be heard.
    pub goodbye: Duration,
    /// Longest wait for the model's first session.
    pub model_setup: Duration,
    /// Longest wait for an answer that is due before the model's session counts as lost.
    pub model_answer: Duration,
    /// An answer that takes longer is told as late.
    pub late_answer: Duration,
    /// Where a caller is sent whose model is lost for good; `None` hangs up.
    pub on_model_loss: Option<String>,
    /// Largest message of a carrier, in bytes.
    pub max_message: usize,
    /// Sockets of one address that have not shown their token yet.
    pub sockets_per_address: usize,
    /// Sockets of all addresses that have not shown their token yet.
    pub sockets_waiting: usize,
}

impl Admin {
    pub(super) fn read(section: &Section<'_>, server: Option<&Server>, secrets: &Secrets) -> Option<Self> {
        let admin = Self { bind: section.read("bind", address)? };
        trust::check_admin(admin.bind, server, secrets, section);
        Some(admin)
    }
}

impl Records {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let dir = section.read("dir", text);
        let journal_commit = section.read("journal_commit", duration(Duration::ZERO..=10 * SECOND));
        let legacy_dir = section.read("legacy_dir", any_text);
        let retention = Retention::read(&section.table("retention"));
        Some(Self {
            dir: PathBuf::from(dir?),
            journal_commit: journal_commit?,
            legacy_dir: legacy_dir
                .map(|dir| Some(PathBuf::from(dir.trim())).filter(|dir| !dir.as_os_str().is_empty()))?,
            retention: retention?,
        })
    }
}

impl Retention {
    fn read(section: &Section<'_>) -> Option<Self> {
        let keep = |age: &'static str, bytes: &'static str| {
            let age = section.read(age, or_word("off", duration(MINUTE..=100 * 365 * 24 * HOUR)));
            let bytes = section.read(bytes, or_word("off", size(1024 * 1024..=MOST_KEPT)));
            Some(Keep { age: age?, size: bytes? })
        };
        let transcripts = keep("transcripts_age", "transcripts_size");
        let queue = keep("queue_age", "queue_size");
        let recordings = keep("recordings_age", "recordings_size");
        let journals = keep("journals_age", "journals_size");
        Some(Self { transcripts: transcripts?, queue: queue?, recordings: recordings?, journals: journals? })
    }
}

impl Limits {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let max_call_duration = section.read("max_call_duration", duration(10 * SECOND..=24 * HOUR));
        let idle_prompts = section.read("idle_prompts", list(5, duration(2 * SECOND..=10 * MINUTE)));
        let idle_after = section.read("idle_after", duration(2 * SECOND..=10 * MINUTE));
        let longest_without_words = section.read("longest_without_words", duration(10 * SECOND..=HOUR));
        let start_timeout = section.read("start_timeout", duration(500 * MILLISECOND..=MINUTE));
        let line_silence = section.read("line_silence", duration(SECOND..=HOUR));
        let goodbye = section.read("goodbye", duration(500 * MILLISECOND..=MINUTE));
        let model_setup = section.read("model_setup", duration(SECOND..=2 * MINUTE));
        let model_answer = section.read("model_answer", duration(4 * SECOND..=2 * MINUTE));
        let late_answer = section.read("late_answer", duration(500 * MILLISECOND..=2 * MINUTE));
        let on_model_loss = section.read("on_model_loss", fallback);
        let max_message = section.read("max_message", size(4 * 1024..=16 * 1024 * 1024));
        let sockets_per_address = section.read("sockets_per_address", whole(1..=100_000));
        let sockets_waiting = section.read("sockets_waiting", whole(1..=100_000));
        Some(Self {
            max_call_duration: max_call_duration?,
            idle_prompts: idle_prompts?,
            idle_after: idle_after?,
            longest_without_words: longest_without_words?,
            start_timeout: start_timeout?,
            line_silence: line_silence?,
            goodbye: goodbye?,
            model_setup: model_setup?,
            model_answer: model_answer?,
            late_answer: late_answer?,
            on_model_loss: on_model_loss?,
            max_message: max_message?,
            sockets_per_address: sockets_per_address? as usize,
            sockets_waiting: sockets_waiting? as usize,
        })
    }
}

/// `hang_up`, or `transfer` and a name of `[transfers]`; whether that is there is checked where all are known.
fn fallback(node: &Node) -> Result<Option<String>, Expected> {
    let written = text(node)?;
    match written.split_once(' ') {
        None if written == "hang_up" => Ok(None),
        Some(("transfer", name)) if !name.trim().is_empty() => Ok(Some(name.trim().to_owned())),
        _ => Err(Expected::new("\"hang_up\" or \"transfer <name>\"")),
    }
}

/// The largest limit of a kind of file: 64 TiB, more than one disk has.
const MOST_KEPT: usize = 1 << 46;
