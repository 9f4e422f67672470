//! The call: its actors, its pure machines, its wires. No HTTP server among this crate's dependencies.
//!
//! ```text
//!           reports: speech began/ended, playing, heard, failed        orders: clear, cancel, ask, hang up, transfer
//!                        ▲                                                          │
//!                        └──────────────────────  CallActor  ───────────────────────┘
//!                                                  (decides)
//! caller ══▶ MediaStream ══▶ AudioPipeline ══▶ RealtimeLlm ══▶ model
//! caller ◀══ MediaStream ◀══ AudioPipeline ◀══ RealtimeLlm ◀══ model
//!            (socket+wire)    (codec, resample,    (session,   │
//!                              pace, ledger)        socket)    └─ words ─▶ Transcript ─▶ disk
//! ```
//!
//! # The rule
//!
//! A Supervisor starts one CallActor per carrier stream; the CallActor owns an AudioPipeline, a RealtimeLlm and a Transcript. They share
//! no state. Audio goes from neighbour to neighbour and never through the CallActor; what the CallActor hears are reports, what it
//! gives are orders. All of one call lives on the thread of its stream, where a message costs a tenth of a microsecond.
//!
//! Everything that decides or transforms is plain Rust: no actix, no tokio, no clock, no chance. It has `handle(event, now)`, which
//! says what to do, and `deadline()`, which says when to be asked again. Around it stands an actor of few lines that waits, sends
//! and spawns, and has no opinions.
//!
//! # Where to start
//!
//! With [`call::machine`], whose page has the table of states; then [`audio::playout`], which knows what the caller has heard, and
//! [`realtime::openai::sequencer`], which lets the model say one thing at a time. Every room has the same doors: `mod.rs` says what it is,
//! `messages.rs` what it hears, the noun-named files what it thinks, `actor.rs` what it does.
//!
//! | room | |
//! |---|---|
//! | [`mod@line`] | what the neighbours on the line send each other, and whose call it is |
//! | [`carrier`] | one folder a carrier: its JSON ⇄ line events and commands, its API, its capabilities as data |
//! | [`supervisor`] | who is on: admission, the roll, the drain |
//! | [`call`] | one call: states, turns, ends |
//! | [`profile`] | what a call is to be: agent, language, model, limits, destinations, prices |
//! | [`audio`] | resampling, pacing, the ledger of what was heard |
//! | [`realtime`] | the model session: protocol, session, sequencer, socket |
//! | [`recording`] | both sides of a call in stereo, on disk while it goes on |
//! | [`transcript`] | what was said, in order, and the files it ends in |
//! | [`delivery`] | telling others of calls: webhooks, at least once |
//! | [`tools`] | operators' own tools: what they are, and one HTTP call for one tool call |
//! | [`http`], [`socket`] | the HTTP client of a thread; WebSockets and the buffers that a thread's share |
//! | [`frame`], [`g711`] | pieces of audio in buffers of the thread; the codec of telephones |
//! | [`events`] | what operators are told: the one place that logs and counts |
//! | [`background`], [`disk`] | threads for the disk, which give way to calls; private folders and files |
//! | [`erasure`] | marks of calls that were erased, for whoever still has something of one in hand |
//! | [`clock`], [`alarm`], [`ids`], [`ending`], [`incident`] | time, deadlines, names, why a call ended, and what went wrong in it |
//! | [`child`], [`finding`], [`latency`], [`complaints`], [`words`], [`money`] | what several rooms say of a call in the same words |
//! | [`numbers`] | who is on the other end: one normal form of a number, however it was written |
//!
//! Reports live with who reports, orders with who takes them, and what travels between neighbours in [`mod@line`]. So a room names
//! those below it and never one above: supervisor → call → transcript → profile → realtime → audio → line → carrier → ground.
//! `tests/layering.rs` has the order.
//!
//! # What is absent, on purpose
//!
//! - Nothing in [`carrier`] knows of actors, and nothing outside it knows which carrier a call is on.
//! - No pure file names actix or tokio, asks for the time or draws a number; `tests/layering.rs` and `clippy.toml` see to it.
//! - No lock between the actors of a call: what two of them need to know is a message. Threads that write to disk have theirs.
//! - No unbounded queue on an audio path: what finds no room is dropped and counted. Decisions are few and never dropped.
//! - No second word for an end: [`ending::Ending`] is what logs, metrics, records and the Supervisor use.

pub mod alarm;
pub mod audio;
pub mod background;
pub mod call;
pub mod carrier;
pub mod child;
pub mod clock;
pub mod complaints;
pub mod delivery;
pub mod disk;
pub mod ending;
pub mod erasure;
pub mod events;
pub mod finding;
pub mod frame;
pub mod g711;
pub mod http;
pub mod ids;
pub mod incident;
pub mod latency;
pub mod line;
pub mod money;
pub mod numbers;
pub mod profile;
pub mod realtime;
pub mod recording;
pub mod socket;
pub mod supervisor;
pub mod tools;
pub mod transcript;
pub mod words;
