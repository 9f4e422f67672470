//! Why a service did not start.

use std::io;
use std::net::SocketAddr;

use switchboard_actors::supervisor::actor::SpendStoreUnreadable;

use crate::service::cluster::JoinError;
use crate::service::config::ConfigError;

/// Why the service did not start. No part of it is left running then.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The folder of records cannot be used.
    #[error("use `records.dir` = {dir}: {source}")]
    Records {
        /// The folder.
        dir: String,
        /// The system's error.
        source: io::Error,
    },
    /// An address cannot be bound.
    #[error("listen at `{key}` = {address}: {source}")]
    Listen {
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The folder of recordings cannot be used.
    #[error("use `recording.dir` = {dir}: {source}")]
    Recording {
        /// The folder.
        dir: String,
        /// The system's error.
        source: io::Error,
    },
    /// Today's spending cannot be read, and a limit depends on it.
    #[error("go by `spend.file` = {file}: {source}")]
    SpendStore {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: SpendStoreUnreadable,
    },
    /// The model's server would refuse the sessions that are configured.
    #[error(transparent)]
    Sessions(ConfigError),
    /// The node cannot join its cluster.
    #[error(transparent)]
    Cluster(#[from] JoinError),
    /// The rehearsal model did not start.
    #[error("start the rehearsal model: {0}")]
    Rehearsal(io::Error),
}
