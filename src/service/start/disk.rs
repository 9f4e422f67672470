//! The disk work before the service starts: records, recordings, the store of spending, deliveries.

use std::io;
use std::path::Path;

use actix::{Actor, Addr};
use actix_rt::Arbiter;
use log::warn;
use switchboard_actors::delivery::actor::Delivery;
use switchboard_actors::delivery::plan::DeliveryPlan;
use switchboard_actors::supervisor::actor::read_spend_store;
use switchboard_actors::transcript::recovery::Recovered;
use switchboard_actors::transcript::writer::{RecordWriter, RecordsPlan, WhenFiled};

use super::ServiceError;
use crate::service::config::{Config, Records, Spend};
use crate::tools::records::Archive;

/// Opens the records. Unfinished calls of a previous process become records before anything else
/// happens.
pub(super) fn start_records(
    records: &Records,
    archive: Option<&Archive>,
    node: &str,
) -> Result<RecordWriter, ServiceError> {
    let filed = archive.map(|archive| {
        let index = archive.index().clone();
        WhenFiled::new(move |path| index.filed(path))
    });
    let plan = RecordsPlan {
        dir: records.dir.clone(),
        journal_commit: records.journal_commit,
        legacy_dir: records.legacy_dir.clone(),
        filed,
        node: Some(node.to_owned()),
    };
    let (writer, recovered) = RecordWriter::start_with(&plan)
        .map_err(|source| ServiceError::Records { dir: records.dir.display().to_string(), source })?;
    if recovered != Recovered::default() {
        let Recovered { filed, torn, unreadable, left } = recovered;
        warn!(filed, torn, unreadable, left; "recovered calls of a process that did not end in order");
    }
    Ok(writer)
}

/// The name of this machine; `node` where the system does not tell it.
pub(super) fn host_name() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = told.trim();
    if name.is_empty() { "node".to_owned() } else { name.to_owned() }
}

/// Creates the folder of recordings, so that no recording is lost without it.
pub(super) fn make_recordings(dir: Option<&Path>) -> Result<(), ServiceError> {
    let Some(dir) = dir else { return Ok(()) };
    let explain = |source| ServiceError::Recording { dir: dir.display().to_string(), source };
    std::fs::create_dir_all(dir).map_err(explain)
}

/// Refuses to start if today's spending cannot be read, because a limit would have no effect.
pub(crate) fn check_spend_store(spend: &Spend) -> Result<(), ServiceError> {
    let Some(file) = spend.file.as_ref().filter(|_| spend.limits.need_spend_store()) else { return Ok(()) };
    read_spend_store(file)
        .map(drop)
        .map_err(|source| ServiceError::SpendStore { file: file.display().to_string(), source })
}

/// Returns the Delivery actor, not yet started; `None` without webhooks. Its queue files are then
/// left to other readers.
pub(super) fn delivery(config: &Config) -> io::Result<Option<Delivery>> {
    let webhooks = &config.webhooks;
    if webhooks.endpoints.is_empty() {
        return Ok(None);
    }
    let plan = DeliveryPlan {
        records: config.records.dir.clone(),
        endpoints: webhooks.endpoints.clone(),
        retry: webhooks.retry,
        keep: webhooks.keep,
        redis_url: config.delivery.redis_url.clone(),
    };
    Delivery::new(plan).map(Some)
}

/// Starts the Delivery actor on a thread of its own, so that neither its disk nor its receivers
/// delay a call.
pub(super) fn on_its_own_thread(delivery: Delivery) -> (Addr<Delivery>, Arbiter) {
    let thread = Arbiter::new();
    (Delivery::start_in_arbiter(&thread.handle(), move |_| delivery), thread)
}
