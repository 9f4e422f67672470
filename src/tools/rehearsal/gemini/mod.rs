//! The Gemini Live API (`BidiGenerateContent`) of the rehearsal model.
//!
//! Reading order: `seat` opens a session, and `session` is one conversation. The rest supports them:
//! `client` (incoming messages), `messages` (outgoing messages), `shapes` (what the API accepts),
//! `models` (what each family of models accepts of it), `settings` (the session's settings),
//! `conversation`, `handles` (to resume one), `answers` (what to say), `run` (streaming an answer)
//! and `closes` (refusals). All but `seat` is pure.

mod answers;
mod client;
mod closes;
mod conversation;
mod handles;
mod messages;
mod models;
mod run;
pub(super) mod seat;
mod session;
mod settings;
mod shapes;
