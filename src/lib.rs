//! Switchboard answers phone calls with a realtime voice model.
//!
//! This crate is the service: doors and wiring, no call logic. The call itself is the crate `switchboard_actors`, whose first page draws
//! the line and says the rule.
//!
//! [`service::Service::build`] starts everything that a [`config::Config`] asks for, in this process, so that the tests, the `demo` and
//! `serve` run the same thing:
//!
//! | part | |
//! |---|---|
//! | [`config`] | settings in layers → final types, once; what each call is to be held like |
//! | [`routes`] | one file a family: Twilio's webhooks, the media stream (the one file that names `actix-web-actors`), `/calls`, health, metrics |
//! | [`service`], `listener`, [`shutdown`] | what is started in which order, where it listens, and how it stops |
//! | `crowd`, `places` | connections that wait for a request, and how many of them there may be |
//! | [`rehearsal`] | the embedded model: a Realtime-API server on loopback that any GA client can use |
//! | [`phone`] | the simulated phone: plays the carrier against any running service; the `call` and `demo` commands |
//! | [`mod@bench`] | what this host can carry: the service as a process, every phone and the model as load |
//! | [`records`] | records on disk: `switchboard records`, and the limits of what is kept |
//! | [`cli`], [`commands`], [`check`], [`telemetry`], [`lag`] | the commands, the log, the counters, how late a thread is |
//! | `huge_pages`, `open_files` | what the process asks of the system: a heap on huge pages, as many files as it may have |
//!
//! What is absent: the routes know no states of a call, the phone and the service share no code for wire, signature or mu-law (a
//! fault in one would cancel itself out in the other), and nothing is built from `Host` or `X-Forwarded-*`: signed URLs come from
//! `server.public_url` alone.

pub mod bench;
pub mod callers;
pub mod canary;
pub mod check;
pub mod cli;
pub mod commands;
pub mod config;
mod crowd;
pub mod deliveries;
mod folders;
mod health;
mod huge_pages;
pub mod lag;
mod listener;
pub mod logging;
mod open_files;
pub mod phone;
mod places;
pub mod records;
pub mod rehearsal;
pub mod routes;
pub mod service;
pub mod shutdown;
pub mod telemetry;
mod terminal;
pub mod wav;
