//! Records on disk, for operators: `switchboard records`, and the retention limits.
//!
//! `folders` knows where the files are and `owners` to which call each belongs. `list` and `show`
//! display them, `erase` removes them, and `sweep` enforces `[records.retention]` on its own
//! thread. Only the Transcript actor writes records.

mod command;
mod erase;
mod folders;
mod list;
mod owners;
mod show;
mod sweep;
mod timeline;

pub use command::{RecordsArgs, run};
pub use sweep::Sweep;
