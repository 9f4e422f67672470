//! Records on disk, for operators: `switchboard records`, and the limits of what is kept.
//!
//! `shelf` knows which file belongs to which call, `command` lists and shows, `erase` forgets, `sweep` keeps to the limits of
//! `[records.retention]` on a thread of its own. Writing records is the Transcript's business alone.

mod command;
mod erase;
mod shelf;
mod sweep;

pub use command::{RecordsArgs, run};
pub use sweep::Sweep;
