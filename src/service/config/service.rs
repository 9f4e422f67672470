//! The service's own sections: the listener for operators, records, limits. Pure.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use humantime::format_duration;

use super::kinds::{
    Expected, HOUR, MILLISECOND, MINUTE, SECOND, address, any_text, duration, list, or_word, size, text, whole,
};
use super::layers::{Node, Variable};
use super::operators;
use super::reader::{Reader, Section};
use super::secrets::Secrets;
use super::server::Server;
use super::trust;
use crate::service::operators::Token;

/// `[admin]`: the listener for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// The address of the listener for operators; port 0 takes any free port.
    pub bind: SocketAddr,
    /// Who may use it: `SWITCHBOARD_ADMIN_TOKEN` first, then `[[admin.tokens]]`. Empty only on
    /// loopback.
    pub tokens: Vec<Token>,
    /// How long a sign-in to the console lasts.
    pub session: Duration,
    /// The file of the audit log; `None` means the one beside the journals.
    pub audit: Option<PathBuf>,
}

/// `[records]`: where records are stored and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// The folder of transcripts and queue files; created if missing.
    pub dir: PathBuf,
    /// How long spoken words may wait before they are written to the call's journal.
    pub journal_commit: Duration,
    /// The root of a second set of folders, in the layout that the previous service's queue
    /// processor reads.
    pub legacy_dir: Option<PathBuf>,
    /// What is kept, and how long.
    pub retention: Retention,
}

/// `[records.retention]`: what is kept of each kind of file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Transcripts.
    pub transcripts: Keep,
    /// Queue files that were delivered or have failed.
    pub queue: Keep,
    /// Recordings.
    pub recordings: Keep,
    /// Journals that could not be read to the end.
    pub journals: Keep,
}

/// How much of a kind of file is kept; `None` keeps everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// How long files are kept.
    pub age: Option<Duration>,
    /// How many bytes are kept; the oldest files go first.
    pub size: Option<usize>,
}

/// `[limits]`: what clients, callers and models may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest call.
    pub max_call_duration: Duration,
    /// Silence before each no-input prompt; an empty list disables the prompts.
    pub idle_prompts: Vec<Duration>,
    /// Silence after the last prompt before the call ends.
    pub idle_after: Duration,
    /// A call ends after this long without words of the caller, even if the line is noisy.
    pub longest_without_words: Duration,
    /// Longest time from a socket's upgrade to its stream's `start`.
    pub start_timeout: Duration,
    /// The line counts as dead after this long without any message of the carrier.
    pub line_silence: Duration,
    /// Longest wait for the end of the goodbye's playout.
    pub goodbye: Duration,
    /// Longest wait for the model's first session.
    pub model_setup: Duration,
    /// Longest wait for a due answer before the model's session counts as lost.
    pub model_answer: Duration,
    /// An answer that takes longer is reported as late.
    pub late_answer: Duration,
    /// The destination of a caller whose model is lost for good; `None` hangs up.
    pub on_model_loss: Option<String>,
    /// Largest message from a carrier, in bytes.
    pub max_message: usize,
    /// Most calls of one caller at once; `None` is any number.
    pub calls_per_caller: Option<usize>,
    /// Most sockets of one address that have not presented their token yet.
    pub sockets_per_address: usize,
    /// Most sockets of all addresses that have not presented their token yet.
    pub sockets_waiting: usize,
}

impl Admin {
    pub(super) fn read(
        section: &Section<'_>,
        server: Option<&Server>,
        secrets: &Secrets,
        variables: &BTreeMap<String, Variable>,
    ) -> Option<Self> {
        let (bind, session) =
            (section.read("bind", address), section.read("session", duration(MINUTE..=30 * 24 * HOUR)));
        let audit = section.read("audit", or_word("auto", text));
        let tokens = operators::read(section, secrets, variables);
        let admin = Self { bind: bind?, tokens: tokens?, session: session?, audit: audit?.map(PathBuf::from) };
        trust::check_admin(admin.bind, !admin.tokens.is_empty(), server, section);
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
        let calls_per_caller = section.read("calls_per_caller", or_word("off", whole(1..=10_000)));
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
            calls_per_caller: calls_per_caller?.map(|most| most as usize),
            sockets_per_address: sockets_per_address? as usize,
            sockets_waiting: sockets_waiting? as usize,
        })
    }
}

/// Reads `hang_up`, or `transfer` with a name of `[transfers]`. The name is checked once all
/// transfers are known.
fn fallback(node: &Node) -> Result<Option<String>, Expected> {
    let written = text(node)?;
    match written.split_once(' ') {
        None if written == "hang_up" => Ok(None),
        Some(("transfer", name)) if !name.trim().is_empty() => Ok(Some(name.trim().to_owned())),
        _ => Err(Expected::new("\"hang_up\" or \"transfer <name>\"")),
    }
}

/// Largest limit for a kind of file: 64 TiB, more than one disk stores.
const MOST_KEPT: usize = 1 << 46;

/// Notes that a stop would cut calls.
pub(super) fn note_short_drain(server: Option<&Server>, limits: Option<&Limits>, reader: &Reader) {
    let (Some(Server { drain_timeout: Some(drain), .. }), Some(limits)) = (server, limits) else { return };
    let longest = limits.max_call_duration;
    if *drain < longest {
        let (drain, longest) = (format_duration(*drain), format_duration(longest));
        reader.note(format!(
            "server.drain_timeout: found {drain}, shorter than the longest call (limits.max_call_duration, {longest}): \
             a stop or a deploy cuts calls that last longer; \"auto\" waits for them"
        ));
    }
}
