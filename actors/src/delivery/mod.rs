//! Telling others of calls: webhooks, signed, at least once, never forgotten, and never in a call's way.
//!
//! ```text
//!  call ──news──▶ ┌──────────┐  case ⇄ disk   ┌──────────┐ attempt ┌──────┐
//!                 │  notice  │ ─────────────▶ │ schedule │ ──────▶ │ POST │ ──▶ receiver
//!  queue file ──▶ └──────────┘                └──────────┘ ◀────── └──────┘
//!                                                           answer
//! ```
//!
//! A *notice* is one event of one call; its id follows from the call, so that it is the same in every try, after every restart and
//! by whichever path it was found. A *case* is a notice and how far it has come with each endpoint: it is on disk before the
//! first try and after each. Live calls tell of their start and end; the records they leave tell of everything once more, so that
//! a crash between the two costs nothing.
//!
//! `schedule` (pure) decides when what is tried, with a `breaker` (pure) for each endpoint; `signature` and `payload` (pure) make
//! what is sent; `store` owns the folders; `queue` shows what several nodes share; `http` is one try; `actor` joins, on a thread of its own, so that a receiver that is down
//! or a disk that is slow never delays a frame.

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
