//! Switchboard answers phone calls with a realtime voice model.

pub mod bench;
pub mod check;
pub mod cli;
pub mod commands;
pub mod config;
pub mod phone;
pub mod rehearsal;
pub mod routes;
pub mod service;
pub mod shutdown;
pub mod telemetry;
