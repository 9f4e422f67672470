//! Records on disk, for operators: `switchboard records`, and the retention limits.
//!
//! `folders` knows where the files are and `owners` to which call each belongs. `list` and `show`
//! display them, `compare` puts two groups side by side, `erase` removes them, and `sweep` enforces `[records.retention]` on its own
//! thread. `index` finds past calls by their filters and words, and `archive` reads them for the
//! service. Only the Transcript actor writes records.

mod archive;
mod command;
mod compare;
mod erase;
mod folders;
pub mod index;
mod list;
mod owners;
mod show;
mod sweep;
mod timeline;

pub use archive::Archive;
pub use command::{RecordsArgs, run};
pub use sweep::Sweep;
