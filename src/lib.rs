//! Switchboard answers phone calls with a realtime voice model.
//!
//! This crate is the service and its tools. The call itself is in the crate `switchboard_actors`,
//! whose front page draws the line between the two and states the rule.
//!
//! | part | |
//! |---|---|
//! | [`service`] | answers calls: configuration, routes, listener, shutdown, telemetry |
//! | [`tools`] | its tools: simulated phone, embedded model, bench, records, deliveries, `check` |
//! | [`cli`], [`commands`] | the commands, and what each of them runs |

pub mod cli;
pub mod commands;
pub mod service;
pub mod tools;
