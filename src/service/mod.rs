//! The service that answers calls: HTTP and wiring, no call logic.
//!
//! [`Service::build`] starts everything that a [`config::Config`] asks for, in this process. So the
//! tests, the `demo` and `serve` run the same code.
//!
//! | part | |
//! |---|---|
//! | [`config`] | settings in layers → final types, once |
//! | [`routes`] | one file per family of paths: webhooks, media stream, `/calls`, health, metrics |
//! | `start` | what is started in which order |
//! | `console`, `board` | the operators' page; the events of all calls |
//! | [`live`], [`reload`] | the settings in force, and how others come into force |
//! | `manager` | what the service manager is told, and the sockets that it has bound |
//! | `listener`, [`shutdown`] | the listening addresses, and the stop |
//! | `crowd`, `connections` | the limit of connections that wait for a request |
//! | `carriers` | the configured carriers, opened |
//! | `cluster` | this node among others, and what they share |
//! | [`operators`] | who may use the admin listener, and what they did |
//! | [`callers`], [`canary`] | the salted hash of a caller's number; a periodic test session |
//! | [`telemetry`], [`logging`] | the metrics, the log |
//! | [`lag`], [`overload`] | how late a thread is, and what follows from it |
//! | `huge_pages`, `open_files`, `folders` | system resources: heap on huge pages, files, folders |
//!
//! The routes know no states of a call. Nothing is built from `Host` or `X-Forwarded-*`: signed
//! URLs come from `server.public_url` alone. Only the media stream's file names `actix-web-actors`.

pub(crate) mod board;
pub mod callers;
pub mod canary;
pub(crate) mod carriers;
pub(crate) mod cluster;
pub mod config;
mod connections;
mod console;
mod crowd;
pub(crate) mod folders;
pub(crate) mod huge_pages;
pub mod lag;
mod listener;
pub mod live;
pub mod logging;
mod manager;
pub(crate) mod open_files;
pub mod operators;
pub mod overload;
pub mod reload;
pub mod routes;
pub mod shutdown;
mod start;
pub mod telemetry;

pub use self::start::*;
