//! The cascade: speech to text (ears), a chat model (mind) and text to speech (voice), joined to one
//! conversation.
//!
//! - [`ears`] are the engines that transcribe the caller.
//! - [`mind`] is the chat model: requests, streamed answers, tools, the conversation as it is told.
//! - [`text`] turns a streamed answer of the chat model into sentences for the voice.
//! - [`voice`] are the engines that speak.
//!
//! Each part may fail by itself: [`failure`] says what to do then.
//!
//! All of it is pure.

pub mod address;
pub mod ears;
pub mod failure;
pub mod mind;
pub mod text;
pub mod voice;
