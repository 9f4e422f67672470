//! This node among others: who is there, what they have spent together, which calls have a permit.
//!
//! The nodes share a Redis. Each announces itself in it every second, under its name; an entry that
//! is not renewed expires. Audio, records and orders never travel through it: an order goes to the
//! node that has the call, over that node's admin listener.
//!
//! - `view` (pure): the nodes that are there, and a node's share of a limit while Redis is away;
//! - `dues` (pure): spending that the other nodes do not know yet;
//! - `messages`: what the actor hears;
//! - `link`: the commands of Redis; `scripts` has those that are atomic;
//! - `actor`: the heartbeat, and the exchange of spending and permits;
//! - `peers`: requests to other nodes; `events` gathers those of their calls.
//!
//! | key | |
//! |---|---|
//! | `switchboard:cluster:nodes` | the names |
//! | `switchboard:cluster:node:NAME` | a node's last heartbeat, until it expires |
//! | `switchboard:cluster:spend:DAY` | the spending of a UTC day: `*` of all calls, `c:HASH` of a caller |
//! | `switchboard:cluster:killed` | the kill switch |
//! | `switchboard:cluster:permit:HASH` | a call that was announced and may start, by its token's hash |
//! | `switchboard:cluster:outbound:on`, `:pace` | calls that nodes have placed: live ones, those of a minute |
//! | `switchboard:cluster:lines:HASH` | the live calls of a caller |
//! | `switchboard:cluster:transfers:NAME` | transfers of an hour to a destination |
//!
//! Times are those of Redis: the clocks of the nodes may differ.

mod actor;
mod dues;
pub(crate) mod events;
mod fleet;
mod kill;
mod link;
pub(crate) mod messages;
pub(crate) mod peers;
mod scripts;
mod view;

pub(crate) use self::actor::{Cluster, ClusterSetup};
pub(crate) use self::fleet::Fleet;
pub(crate) use self::fleet::{JoinError, Plan, join};
pub(crate) use self::view::Beat;
