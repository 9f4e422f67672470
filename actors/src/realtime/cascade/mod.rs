//! The cascade: speech to text (ears), a chat model (mind) and text to speech (voice), joined to one
//! conversation.
//!
//! - [`ears`] are the engines that transcribe the caller.
//! - [`mind`] is the chat model: requests, streamed answers, tools, the conversation as it is told.
//! - [`text`] turns a streamed answer of the chat model into sentences for the voice.
//! - [`voice`] are the engines that speak.
//!
//! [`listener`] are the ears of a call, [`thinker`] is its mind and [`mouth`] its voice: each drives
//! the engines of its part. [`dialogue`] joins the three to a conversation, and [`plan`] is its
//! configuration: the engines of each language. [`turns`] decides when the caller's turn is over, and [`playback`] knows what was
//! heard of an answer. Each part may fail by itself: [`failure`] classifies that, and [`engines`]
//! lets the next engine take over. [`session`] makes a provider's session of all that, and `seat` is
//! its row for the configuration.
//!
//! All of it is pure. The sockets and requests are opened by
//! [`named_link`](super::named_link).
#![doc = include_str!("traps.md")]

pub mod address;
pub mod dialogue;
pub mod ears;
pub mod engines;
pub mod failure;
pub mod listener;
pub mod look;
pub mod mind;
pub mod mouth;
pub mod parts;
pub mod plan;
pub mod playback;
mod prices;
pub(super) mod seat;
pub mod session;
pub mod text;
pub mod thinker;
pub mod turns;
pub mod voice;
pub mod wire;
