//! Webhooks about calls: signed, delivered at least once, kept across restarts, and isolated from
//! the calls.
//!
//! ```text
//!  call ──news──▶ ┌──────────┐  case ⇄ disk   ┌──────────┐ attempt ┌──────┐
//!                 │  notice  │ ─────────────▶ │ schedule │ ──────▶ │ POST │ ──▶ receiver
//!  queue file ──▶ └──────────┘                └──────────┘ ◀────── └──────┘
//!                                                           answer
//! ```
//!
//! A *notice* is one event of one call. Its id is derived from the call, so it is the same in every
//! try, after every restart and whichever way the event was found. A *case* is a notice and its
//! state for each endpoint. It is written to disk before the first try and after each try. A live
//! call reports its start and end, and its record reports everything once more, so a crash between
//! the two loses nothing.
//!
//! `schedule` (pure) decides when each delivery is tried, with a `breaker` (pure) for each
//! endpoint. `signature` and `payload` (pure) build the request. `store` owns the folders, `queue`
//! reads the queue that several nodes share, and `http` makes one try. `actor` joins them on a
//! thread of its own, so a receiver that is down or a slow disk never delays a frame.

pub mod actor;
mod breaker;
pub mod case;
pub mod events;
pub mod http;
pub mod messages;
pub mod notice;
pub mod payload;
pub mod plan;
pub mod queue;
pub mod schedule;
pub mod signature;
pub mod store;

#[cfg(test)]
mod testing;
