//! Records on disk, for operators: `switchboard records`, and the limits of what is kept.
//!
//! `shelf` knows where files lie and `owners` whose they are, `list` and `show` tell of them, `erase` forgets, `sweep` keeps to
//! the limits of `[records.retention]` on a thread of its own. Writing records is the Transcript's business alone.

mod command;
mod erase;
mod list;
mod owners;
mod shelf;
mod show;
mod sweep;
mod timeline;

pub use command::{RecordsArgs, run};
pub use sweep::Sweep;
