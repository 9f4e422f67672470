//! The model's side of the call: one session after another, whoever provides them.
//!
//! A provider has a seat: a folder with its protocol and the state machine of a session ([`openai`]), and what it can do as data
//! (`capabilities`). All that stands above sees a [`conversation`] and names no provider. `plan` is what a session is configured
//! with: what every provider's has, and one provider's own part. `requests` is the queue of what is to be said, for every provider.
//!
//! A session may be lost, a call may not: [`sessions`] has the table of what happens then. `failover_plan` chooses the next candidate,
//! `history` and `turn_audio` keep what was said and heard, `handoff` makes of that what the next session begins with (`seed`).
//!
//! All of this is pure. `dial` opens a socket, `link` is one, with its `writer` and the messages that come (`incoming`); `actor`
//! joins them for a call, `drive` for a session without one. `providers` is what all calls of the process know of servers and
//! keys (`breaker`), `pool` the sessions that wait on a thread. `backlog` keeps what the AudioPipeline could not take at once.

pub mod actor;
pub mod backlog;
pub mod breaker;
pub mod capabilities;
pub mod conversation;
pub mod dial;
pub mod drive;
pub mod events;
pub mod failover_plan;
#[cfg(test)]
pub(crate) mod fake;
pub mod handoff;
pub mod history;
pub mod incoming;
pub mod link;
pub mod messages;
pub mod openai;
pub mod plan;
pub mod pool;
pub mod providers;
pub mod report;
pub mod requests;
pub mod seed;
pub mod sessions;
pub mod turn_audio;
pub mod writer;
