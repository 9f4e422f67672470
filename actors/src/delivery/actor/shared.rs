//! One queue for several nodes: Redis Streams with a consumer group. What a node says to Redis, and nothing of what it decides.
//!
//! ```text
//!  this node's outbox ──XADD──▶ stream ──XREADGROUP──▶ any node's schedule ──result──▶ this node's folders
//!  (deliveries/pending)           ▲            │
//!                                 └─XAUTOCLAIM─┘ what a dead node had in hand
//! ```
//!
//! | key | |
//! |---|---|
//! | `switchboard:deliveries` | the stream: a case and, where it has one, its record |
//! | `switchboard:progress` | how far a case is, by its event's id, while it is in the stream |
//! | `switchboard:result:ID` | how it ended, until its node has read it or it is too old |
//!
//! While Redis is away, what is new waits in the outbox, which is on disk, and what is in hand goes on and is written down later.
//! An entry that is in hand is touched every few seconds; one that was not for `STALE_AFTER` is another node's to claim.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamAutoClaimReply, StreamId, StreamRangeReply, StreamReadReply};
use redis::{AsyncConnectionConfig, Client, RedisResult, Value, cmd, pipe};

use crate::delivery::case::{Case, Status};

/// What is to be said to Redis in one go.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// New cases and their records.
    pub(super) push: Vec<(Case, Option<String>)>,
    /// Cases in hand that have come further, by their entry.
    pub(super) progress: Vec<(Arc<str>, Case)>,
    /// Entries in hand that are to be touched.
    pub(super) touch: Vec<Arc<str>>,
    /// Cases given to the stream whose end is asked for, by their event's id.
    pub(super) ask: Vec<String>,
    /// How many more this node takes.
    pub(super) room: usize,
    /// Whether to look for what a dead node had in hand.
    pub(super) claim: bool,
}

/// What came of it; as far as it came, when Redis went away in between.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Cases that are in the stream now.
    pub(super) pushed: Vec<Case>,
    /// Cases whose progress is written down.
    pub(super) saved: Vec<Case>,
    /// Cases that are this node's now, with their entries.
    pub(super) taken: Vec<(Arc<str>, Case)>,
    /// Cases of this node that have ended somewhere.
    pub(super) ended: Vec<Case>,
    /// Entries that no node can read.
    pub(super) unreadable: Vec<String>,
    /// Why it did not come further.
    pub(super) problem: Option<String>,
}

/// This node's end of the queue.
#[derive(Debug, Clone)]
pub(super) struct Link {
    client: Client,
    /// This process's name in the group.
    consumer: String,
    keep: Duration,
    connection: Option<MultiplexedConnection>,
}

impl Link {
    /// Not yet connected.
    ///
    /// # Errors
    /// When the address is none of Redis.
    pub(super) fn new(url: &str, consumer: String, keep: Duration) -> RedisResult<Self> {
        Ok(Self { client: Client::open(url)?, consumer, keep, connection: None })
    }

    /// Does the work; whatever goes wrong, what was done is known.
    pub(super) async fn work(&mut self, work: Work) -> Outcome {
        let mut outcome = Outcome::default();
        if let Err(problem) = self.try_work(work, &mut outcome).await {
            // The next work begins with a fresh connection.
            self.connection = None;
            outcome.problem = Some(problem.to_string());
        }
        outcome
    }

    /// The record that travels with an entry.
    pub(super) async fn record(&mut self, entry: &str) -> RedisResult<Option<String>> {
        let mut connection = self.connected().await?;
        let found: StreamRangeReply =
            cmd("XRANGE").arg(STREAM).arg(entry).arg(entry).query_async(&mut connection).await?;
        Ok(found.ids.first().and_then(|entry| entry.get(RECORD)))
    }

    async fn try_work(&mut self, work: Work, outcome: &mut Outcome) -> RedisResult<()> {
        let mut connection = self.connected().await?;
        for (entry, case) in work.progress {
            self.save(&mut connection, &entry, &case).await?;
            outcome.saved.push(case);
        }
        for (case, record) in work.push {
            push(&mut connection, &case, record).await?;
            outcome.pushed.push(case);
        }
        if !work.touch.is_empty() {
            let mut touch = cmd("XCLAIM");
            touch.arg(STREAM).arg(GROUP).arg(&self.consumer).arg(0);
            work.touch.iter().for_each(|entry| {
                touch.arg(entry.as_ref());
            });
            let _: Value = touch.arg("JUSTID").query_async(&mut connection).await?;
        }
        for ids in work.ask.chunks(MOST_ASKED) {
            let keys: Vec<String> = ids.iter().map(|id| result_of(id)).collect();
            let found: Vec<Option<String>> = cmd("MGET").arg(keys).query_async(&mut connection).await?;
            outcome.ended.extend(found.into_iter().flatten().filter_map(|text| Case::read(text.as_bytes()).ok()));
        }
        if work.claim && work.room > 0 {
            let claimed: StreamAutoClaimReply = cmd("XAUTOCLAIM")
                .arg(STREAM)
                .arg(GROUP)
                .arg(&self.consumer)
                .arg(millis(STALE_AFTER))
                .arg("0-0")
                .arg("COUNT")
                .arg(work.room)
                .query_async(&mut connection)
                .await?;
            self.take(&mut connection, claimed.claimed, outcome).await?;
        }
        let room = work.room.saturating_sub(outcome.taken.len());
        if room > 0 {
            let fresh: Option<StreamReadReply> = cmd("XREADGROUP")
                .arg("GROUP")
                .arg(GROUP)
                .arg(&self.consumer)
                .arg("COUNT")
                .arg(room)
                .arg("STREAMS")
                .arg(STREAM)
                .arg(">")
                .query_async(&mut connection)
                .await?;
            let entries = fresh.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids);
            self.take(&mut connection, entries.collect(), outcome).await?;
        }
        Ok(())
    }

    async fn take(
        &self,
        connection: &mut MultiplexedConnection,
        entries: Vec<StreamId>,
        outcome: &mut Outcome,
    ) -> RedisResult<()> {
        for entry in entries {
            let pushed: String = entry.get(CASE).unwrap_or_default();
            let Ok(case) = Case::read(pushed.as_bytes()) else {
                // Nobody will ever be able to read it.
                let _: Value = pipe()
                    .atomic()
                    .xack(STREAM, GROUP, &[&entry.id])
                    .xdel(STREAM, &[&entry.id])
                    .query_async(connection)
                    .await?;
                outcome.unreadable.push(entry.id);
                continue;
            };
            let further: Option<String> =
                cmd("HGET").arg(PROGRESS).arg(&case.notice.id).query_async(connection).await?;
            let further = further.and_then(|text| Case::read(text.as_bytes()).ok());
            outcome.taken.push((Arc::from(entry.id), further.unwrap_or(case)));
        }
        Ok(())
    }

    /// Writes down how far a case is; one that is over leaves the stream and leaves its result.
    async fn save(&self, connection: &mut MultiplexedConnection, entry: &str, case: &Case) -> RedisResult<()> {
        let id = &case.notice.id;
        let text = text_of(case);
        if case.status() == Status::Pending {
            return cmd("HSET").arg(PROGRESS).arg(id).arg(text).query_async(connection).await;
        }
        pipe()
            .atomic()
            .set_ex(result_of(id), text, self.keep.as_secs().max(1))
            .hdel(PROGRESS, id)
            .xack(STREAM, GROUP, &[entry])
            .xdel(STREAM, &[entry])
            .query_async(connection)
            .await
    }

    async fn connected(&mut self) -> RedisResult<MultiplexedConnection> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let made: RedisResult<()> = cmd("XGROUP")
            .arg("CREATE")
            .arg(STREAM)
            .arg(GROUP)
            .arg("0")
            .arg("MKSTREAM")
            .query_async(&mut connection)
            .await;
        match made {
            // Another node has made it.
            Err(error) if error.code() == Some("BUSYGROUP") => {}
            made => made?,
        }
        self.connection = Some(connection.clone());
        Ok(connection)
    }
}

async fn push(connection: &mut MultiplexedConnection, case: &Case, record: Option<String>) -> RedisResult<()> {
    let mut add = cmd("XADD");
    add.arg(STREAM).arg("*").arg(CASE).arg(text_of(case));
    if let Some(record) = record {
        add.arg(RECORD).arg(record);
    }
    // A result of an earlier life, before it was revived, says nothing of this one.
    pipe().atomic().del(result_of(&case.notice.id)).ignore().add_command(add).ignore().query_async(connection).await
}

fn text_of(case: &Case) -> String {
    serde_json::to_string(case).expect("a case is plain data")
}

fn result_of(id: &str) -> String {
    format!("switchboard:result:{id}")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

const STREAM: &str = "switchboard:deliveries";
const GROUP: &str = "switchboard";
const PROGRESS: &str = "switchboard:progress";
const CASE: &str = "case";
const RECORD: &str = "record";
/// Results asked for in one command: Redis does nothing else meanwhile.
const MOST_ASKED: usize = 512;
/// How long Redis may take for one answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Untouched for this long, an entry's node is taken for dead. Shorter: a node that stalls has its work done twice, under the same
/// ids. Longer: what a dead node had in hand waits.
pub(super) const STALE_AFTER: Duration = Duration::from_secs(15);
