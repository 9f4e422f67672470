//! The model's side of the call: a chain of sessions, with any provider.
//!
//! Each provider has a folder with its protocol and the state machine of a session; its
//! capabilities are data (`capabilities`). Everything above the providers uses a [`conversation`]
//! and names no provider. `plan` is the configuration of a session: a part that
//! all providers share, and one provider's own part. `requests` is the queue of responses to
//! request, and `fields` reads the fields of a server's message one by one, both for every
//! provider.
//!
//! The configuration knows a provider by its row ([`seat`]): its keys, addresses, models, voices
//! and prices (`price`), and how its part of a plan is made of neutral [`settings`]. To add a
//! provider, add a folder, its `mod` line, its row of `SEATS` and its variants of the two enums of
//! [`conversation`], until the tests pass: `tests/models` plays every provider against a scripted
//! server of its protocol.
//!
//! A session may be lost, but a call may not: [`sessions`] has the table of what happens then.
//! `failover_plan` chooses the next candidate. `history` and `turn_audio` keep what was said and
//! heard, by `word_times` where a provider gives them. `handoff` turns that into the start of the next session (`seed`).
//!
//! All of this is pure. `dial` opens a socket. `link` is an open socket, with its `writer` and its
//! messages (`incoming`); a session of several engines opens the links that it needs itself (`named`,
//! `named_link`). `actor` joins them for a call, and `drive` for a session without a call;
//! `engine_look` looks at an engine without one.
//! `providers` holds what all calls of the process know about servers and keys (`breaker`). `pool`
//! holds the sessions that wait on a thread. `backlog` keeps audio that the AudioPipeline could not
//! accept at once.

pub mod actor;
pub mod backlog;
pub mod breaker;
pub mod capabilities;
pub mod cascade;
pub mod clips;
pub mod conversation;
pub mod dial;
pub mod drive;
pub mod engine_look;
pub mod events;
pub mod failover_plan;
#[cfg(test)]
pub(crate) mod fake;
pub mod fields;
pub mod gemini;
pub mod handoff;
pub mod history;
pub mod incoming;
pub mod link;
pub mod messages;
pub mod named;
pub mod named_link;
pub mod openai;
pub mod openai_live;
pub mod plan;
pub mod pool;
pub mod price;
pub mod providers;
pub mod report;
pub mod requests;
pub mod seat;
pub mod seed;
pub mod sessions;
pub mod settings;
pub mod turn_audio;
pub mod word_times;
pub mod writer;

pub use self::cascade::look::Look;
use self::seat::Seat;
// The engines that speak also record exact words, and the canary looks at all engines.
pub(in crate::realtime) use self::{
    cascade::failure::{Class, Failure, Head, Part, loss_of},
    cascade::look::{Way, judge},
    cascade::voice::{Speech, Spoken, VoicePlan, speech_request},
};

/// The dialects that `realtime.dialect` may choose for a server.
pub fn dialects() -> Vec<&'static str> {
    openai::Dialect::words().collect()
}

/// Every provider, one row each.
const SEATS: [&Seat; 13] = [
    &openai::seat::REHEARSAL,
    &openai_live::seat::REHEARSAL,
    &openai::seat::OPENAI,
    &openai::seat::AZURE,
    &openai::seat::VOICE_LIVE,
    &openai::seat::XAI,
    &openai::seat::INWORLD,
    &openai_live::seat::OPENAI_LIVE,
    &openai_live::seat::AZURE_LIVE,
    &gemini::seat::REHEARSAL,
    &gemini::seat::GEMINI,
    &cascade::seat::REHEARSAL,
    &cascade::seat::CASCADE,
];
