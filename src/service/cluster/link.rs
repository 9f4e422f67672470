//! The commands of Redis.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisResult, cmd, pipe};
use sha2::{Digest as _, Sha256};

use super::dues::{Batch, field_of};
use super::messages::Announced;
use super::scripts;
use super::view::Beat;

/// A connection to Redis, opened when it is needed. Clones share it.
#[derive(Clone)]
pub(super) struct Link {
    client: Client,
    connection: Rc<RefCell<Option<MultiplexedConnection>>>,
}

/// What a heartbeat brings back.
#[derive(Debug)]
pub(super) struct Heard {
    /// Whether this process has its name.
    pub(super) own: bool,
    /// The nodes that are there.
    pub(super) beats: Vec<Beat>,
    /// The kill switch, if it was ever set.
    pub(super) killed: Option<bool>,
    /// The spending of the day, in billionths of a dollar.
    pub(super) total: u64,
}

/// The answer to a call that is about to be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    Granted,
    TooMany,
    TooFast,
}

/// A place that a call takes among those of all nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// One of the calls that nodes place.
    Placed,
    /// One of a caller's.
    Line {
        /// The caller's hash.
        caller: String,
    },
}

impl Place {
    fn key(&self) -> String {
        match self {
            Self::Placed => PLACED.to_owned(),
            Self::Line { caller } => format!("{LINES}{caller}"),
        }
    }
}

impl Link {
    /// A link that is not connected yet.
    ///
    /// # Errors
    /// When the address is not one of Redis.
    pub(super) fn new(url: &str) -> RedisResult<Self> {
        Ok(Self { client: Client::open(url)?, connection: Rc::default() })
    }

    /// Takes the name of `beat`. Returns the heartbeat of the process that has it, if there is one.
    pub(super) async fn claim(&self, beat: &Beat) -> RedisResult<Option<Beat>> {
        let arguments = [beat.id.clone(), text(beat), millis(EXPIRES)];
        let holder: Option<String> = self.run(scripts::CLAIM, &[node_key(&beat.node)], &arguments).await?;
        Ok(holder.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Renews this node's entry, sets the kill switch if it is given, and reads what all share.
    pub(super) async fn beat(&self, beat: &Beat, day: i32, kill: Option<bool>) -> RedisResult<Heard> {
        let keys = [node_key(&beat.node), NAMES.to_owned(), KILLED.to_owned(), spend_key(day)];
        let kill = kill.map_or("", |on| if on { "1" } else { "0" }).to_owned();
        let arguments = [beat.id.clone(), text(beat), millis(EXPIRES), beat.node.clone(), NODE.to_owned(), kill];
        let (own, beats, killed, total): (bool, Vec<String>, String, u64) =
            self.run(scripts::BEAT, &keys, &arguments).await?;
        Ok(Heard {
            own,
            beats: beats.iter().filter_map(|text| serde_json::from_str(text).ok()).collect(),
            killed: match killed.as_str() {
                "1" => Some(true),
                "0" => Some(false),
                _ => None,
            },
            total,
        })
    }

    /// Removes this node's entry.
    pub(super) async fn leave(&self, node: &str, process: &str) -> RedisResult<()> {
        self.run(scripts::LEAVE, &[node_key(node)], &[process.to_owned()]).await
    }

    /// Adds the costs of a batch. Returns the totals, in its order.
    pub(super) async fn pay(&self, process: &str, batch: &Batch) -> RedisResult<Vec<u64>> {
        let mut arguments = vec![process.to_owned(), batch.number.to_string()];
        for due in &batch.dues {
            arguments.extend([due.field.clone(), due.floor.to_string(), due.add.to_string()]);
        }
        self.run(scripts::PAY, &[spend_key(batch.day)], &arguments).await
    }

    /// Reads the totals of the day and of a caller.
    pub(super) async fn spending(&self, day: i32, caller: Option<&str>) -> RedisResult<(u64, Option<u64>)> {
        let mut command = cmd("HMGET");
        command.arg(spend_key(day)).arg("*").arg(caller.map_or_else(String::new, field_of));
        let (total, of_caller): (Option<u64>, Option<u64>) = self.ask(&command).await?;
        Ok((total.unwrap_or_default(), of_caller))
    }

    /// Takes a place and a turn for a call.
    pub(super) async fn place(&self, call: &str, most: u32, per_minute: u32) -> RedisResult<Placed> {
        let arguments = [call.to_owned(), most.to_string(), per_minute.to_string(), millis(EXPIRES)];
        let keys = [PLACED.to_owned(), PACE.to_owned()];
        let answer: u8 = self.run(scripts::PLACE, &keys, &arguments).await?;
        Ok(match answer {
            1 => Placed::TooMany,
            2 => Placed::TooFast,
            _ => Placed::Granted,
        })
    }

    /// Takes one of the places of a caller.
    pub(super) async fn line(&self, caller: &str, call: &str, most: usize) -> RedisResult<bool> {
        let arguments = [call.to_owned(), most.to_string(), millis(EXPIRES)];
        self.run(scripts::HOLD, &[Place::Line { caller: caller.to_owned() }.key()], &arguments).await
    }

    /// Renews places, by their calls.
    pub(super) async fn renew(&self, places: &[(String, Place)]) -> RedisResult<()> {
        for (call, place) in places {
            let () = self.run(scripts::RENEW, &[place.key()], &[millis(EXPIRES), call.clone()]).await?;
        }
        Ok(())
    }

    /// Frees places, by their calls.
    pub(super) async fn free(&self, places: &[(String, Place)]) -> RedisResult<()> {
        for (call, place) in places {
            let () = self.ask(cmd("ZREM").arg(place.key()).arg(call)).await?;
        }
        Ok(())
    }

    /// Counts a transfer to a destination, unless `most` were made within an hour.
    pub(super) async fn transfer(&self, destination: &str, id: &str, most: u32) -> RedisResult<bool> {
        let arguments = [id.to_owned(), most.to_string(), millis(HOUR)];
        self.run(scripts::COUNT, &[format!("{TRANSFERS}{destination}")], &arguments).await
    }

    /// Keeps an announced call.
    pub(super) async fn keep(&self, token: &str, call: &Announced, lifetime: Duration) -> RedisResult<()> {
        let text = serde_json::to_string(call).expect("a call is plain data");
        let mut command = cmd("SET");
        command.arg(permit_key(token)).arg(text).arg("PX").arg(millis(lifetime));
        self.ask(&command).await
    }

    /// Reads an announced call.
    pub(super) async fn announced(&self, token: &str) -> RedisResult<Option<Announced>> {
        let mut command = cmd("GET");
        let found: Option<String> = self.ask(command.arg(permit_key(token))).await?;
        Ok(found.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Uses up the permit of an announced call. Returns whether it was still there.
    pub(super) async fn use_up(&self, token: &str) -> RedisResult<bool> {
        let mut command = cmd("DEL");
        self.ask(command.arg(permit_key(token))).await
    }

    async fn run<T: FromRedisValue>(&self, script: &str, keys: &[String], arguments: &[String]) -> RedisResult<T> {
        let mut command = cmd("EVAL");
        self.ask(command.arg(script).arg(keys.len()).arg(keys).arg(arguments)).await
    }

    async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> RedisResult<T> {
        let mut connection = self.connected().await?;
        let mut one = pipe();
        one.add_command(command.clone());
        let asked: RedisResult<(T,)> = one.query_async(&mut connection).await;
        // The next command begins with a fresh connection.
        asked.map(|(answer,)| answer).inspect_err(|_| drop(self.connection.take()))
    }

    async fn connected(&self) -> RedisResult<MultiplexedConnection> {
        if let Some(connection) = self.connection.borrow().clone() {
            return Ok(connection);
        }
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        *self.connection.borrow_mut() = Some(connection.clone());
        Ok(connection)
    }
}

fn text(beat: &Beat) -> String {
    serde_json::to_string(beat).expect("a heartbeat is plain data")
}

fn node_key(node: &str) -> String {
    format!("{NODE}{node}")
}

fn spend_key(day: i32) -> String {
    format!("{SPEND}{day}")
}

/// The key of a permit. Whoever can read Redis cannot read a token.
fn permit_key(token: &str) -> String {
    let digest = Sha256::digest(token);
    digest.iter().fold(PERMIT.to_owned(), |key, byte| key + &format!("{byte:02x}"))
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

const NODE: &str = "switchboard:cluster:node:";
const NAMES: &str = "switchboard:cluster:nodes";
const SPEND: &str = "switchboard:cluster:spend:";
const KILLED: &str = "switchboard:cluster:killed";
const PERMIT: &str = "switchboard:cluster:permit:";
const PLACED: &str = "switchboard:cluster:outbound:on";
const LINES: &str = "switchboard:cluster:lines:";
const PACE: &str = "switchboard:cluster:outbound:pace";
const TRANSFERS: &str = "switchboard:cluster:transfers:";
/// How long an entry lasts that is not renewed. Shorter: a node whose thread or network stalls for a
/// moment counts as dead. Longer: callers of a dead node wait for another one.
pub(super) const EXPIRES: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_secs(3600);
/// The time limit for one answer of Redis. A caller may wait for it; a Redis within the same network
/// takes a millisecond.
const PATIENCE: Duration = Duration::from_millis(500);
