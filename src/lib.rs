//! Switchboard answers phone calls with a realtime voice model.
//!
//! This crate is the service and its tools. The call itself is the crate `switchboard_actors`, whose first page draws the line and
//! says the rule.
//!
//! | part | |
//! |---|---|
//! | [`service`] | what answers calls: configuration, routes, listener, shutdown, telemetry |
//! | [`tools`] | what stands beside it: the simulated phone, the embedded model, the bench, records, deliveries, `check` |
//! | [`cli`], [`commands`] | the commands, and what each of them runs |

pub mod cli;
pub mod commands;
pub mod service;
pub mod tools;
