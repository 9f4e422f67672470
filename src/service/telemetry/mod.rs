//! What operators see: the log on stderr and the metrics recorder behind `/metrics`.

mod process;
mod recorder;
mod table;

pub use recorder::{Metrics, begin_named, install};

use crate::service::config::Log;
use crate::service::logging;

/// Starts the log in its default form, for commands that read no configuration; see [`logging`].
pub fn start_log() {
    logging::start(&Log::default());
}
