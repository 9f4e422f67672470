//! The service: what answers calls. Doors and wiring, no call logic.
//!
//! [`Service::build`] starts everything that a [`config::Config`] asks for, in this process, so that the tests, the `demo` and
//! `serve` run the same thing.
//!
//! | part | |
//! |---|---|
//! | [`config`] | settings in layers → final types, once |
//! | [`routes`] | one file a family: the carriers' webhooks, the media stream (the one file that names `actix-web-actors`), `/calls`, health, metrics |
//! | `start` | what is started in which order |
//! | `listener`, [`shutdown`] | where it listens, and how it stops |
//! | `crowd`, `places` | connections that wait for a request, and how many of them there may be |
//! | `carriers` | the carriers that are answered, opened |
//! | [`callers`], [`canary`] | the salted hash of a caller's number; a try of the model from time to time |
//! | [`telemetry`], [`logging`], [`lag`] | the counters, the log, how late a thread is |
//! | `huge_pages`, `open_files`, `folders` | what the process asks of the system: a heap on huge pages, files, folders |
//!
//! What is absent: the routes know no states of a call, and nothing is built from `Host` or `X-Forwarded-*`: signed URLs come from
//! `server.public_url` alone.

pub mod callers;
pub mod canary;
mod carriers;
pub mod config;
mod crowd;
pub(crate) mod folders;
pub(crate) mod huge_pages;
pub mod lag;
mod listener;
pub mod logging;
pub(crate) mod open_files;
mod places;
pub mod routes;
pub mod shutdown;
mod start;
pub mod telemetry;

pub use self::start::*;
