//! Webhooks about calls: signed, delivered at least once, kept across restarts, and never in a call's way.
//!
//! ```text
//!  call ──news──▶ ┌──────────┐  case ⇄ disk   ┌──────────┐ attempt ┌──────┐
//!                 │  notice  │ ─────────────▶ │ schedule │ ──────▶ │ POST │ ──▶ receiver
//!  queue file ──▶ └──────────┘                └──────────┘ ◀────── └──────┘
//!                                                           answer
//! ```
//!
//! A *notice* is one event of one call; its id follows from the call, so that it is the same in every try, after every restart and
//! by whichever path it was found. A *case* is a notice and its state for each endpoint: it is written to disk before the first
//! try and after each. Live calls report their start and end; their records report everything once more, so that a crash between
//! the two loses nothing.
//!
//! `schedule` (pure) decides when what is tried, with a `breaker` (pure) for each endpoint. `signature` and `payload` (pure) make
//! the request. `store` owns the folders, `queue` reads the queue that several nodes share, `http` is one try. `actor` joins them
//! on a thread of its own, so that a receiver that is down or a slow disk never delays a frame.

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
