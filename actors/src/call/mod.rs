//! One call: events in, decisions out.
//!
//! `machine` decides (state × event → actions) and routes each event to the regions: `floor` (who
//! speaks), `hands` (the agent or a person for us), `model_link` (whether there is a model),
//! `line_link` (whether there is a line) and `exit` (how the call ends or is transferred). Each
//! region is a page with its whole table. `conversation` contains the four regions beneath the exit,
//! `shared` the state that all of them use, `timers` their deadlines, `lines` what is played when no
//! model can speak. `no_input` decides what silence leads to, `tools` what the model may ask for,
//! `transfer` where a caller may be sent, `meter` what the call costs. `actor` owns the call's three
//! child actors and performs the actions.

pub mod actor;
mod conversation;
pub mod events;
mod exit;
mod floor;
mod hands;
mod line_link;
mod lines;
pub mod machine;
pub mod messages;
mod meter;
mod model_link;
mod no_input;
mod privacy;
pub(crate) mod report;
mod shared;
pub mod steps;
#[cfg(test)]
pub(crate) mod testing;
mod timers;
mod tools;
pub mod transfer;
