//! The call: its actors, its pure state machines, its wire formats. This crate depends on no HTTP
//! server.
//!
//! ```text
//!      reports: speech began or ended,                     orders: clear, cancel, request,
//!      playing, heard, failed                              hang up, transfer
//!                        ▲                                       │
//!                        └─────────────  CallActor  ─────────────┘
//!                                        (decides)
//! caller ══▶ MediaStream ══▶ AudioPipeline ══▶ RealtimeLlm ══▶ model
//! caller ◀══ MediaStream ◀══ AudioPipeline ◀══ RealtimeLlm ◀══ model
//!            (socket+wire)    (codec, resample,    (session,   │
//!                              pace, ledger)        socket)    └─ words ─▶ Transcript ─▶ disk
//! ```
//!
//! # The rule
//!
//! A Supervisor starts one CallActor per carrier stream. The CallActor owns an AudioPipeline, a
//! RealtimeLlm and a Transcript. They share no state. Audio goes from neighbour to neighbour and
//! never through the CallActor, which receives reports and sends orders. All actors of one call
//! live on the thread of its stream, where a message costs a tenth of a microsecond.
//!
//! Everything that decides or transforms is plain Rust without actix, tokio, a clock or
//! randomness. It has `handle(event, now)`, which returns what to do, and `deadline()`, which
//! returns when to call it again. A small actor around it waits, sends and spawns, and decides
//! nothing.
//!
//! # Where to start
//!
//! Start with [`call::machine`], whose page has the state table. Continue with
//! the `playout` of [`audio`], which knows what the caller has heard, and with
//! [`realtime::requests`], which lets the model say one thing at a time. Every room has the same
//! layout: `mod.rs` describes it, `messages.rs` has the messages it accepts, the files named by
//! nouns have its logic, and `actor.rs` has its effects.
//!
//! | room | |
//! |---|---|
//! | [`mod@line`] | messages between neighbours on the line, the call's identity, a stream from upgrade to end, and who hangs up |
//! | [`carrier`] | one folder per carrier: its JSON as line events and commands, its webhooks, its API, its capabilities and settings as data, and a simulated carrier for tests |
//! | [`supervisor`] | which calls are live: admission, permits, the drain |
//! | [`call`] | one call: four regions (floor, model link, line link, exit), each with its table |
//! | [`profile`] | how a call is configured: agent, language, model, limits, destinations, prices |
//! | [`audio`] | resampling, pacing, the ledger of what was heard |
//! | [`realtime`] | the model: which session speaks and what follows when it is lost (`sessions`), the health of providers (`providers`), and a folder per provider, with its row for the configuration |
//! | [`recording`] | each side of a call on a channel, written to disk during the call |
//! | [`transcript`] | what was said, in order, and the files it is written to |
//! | [`delivery`] | webhooks about calls, delivered at least once |
//! | [`look_up`] | who is calling, asked before the first word: one bounded request, its answer judged |
//! | [`tools`] | operators' own tools: their definitions, and one HTTP call per tool call |
//! | [`http`], [`socket`] | a thread's HTTP client; WebSockets and the buffers that a thread's sockets share |
//! | [`frame`], [`g711`] | pieces of audio in pooled buffers; the telephone codec |
//! | [`events`] | logs and metrics for operators; each room defines its own events in its `events.rs` |
//! | [`background`], [`disk`] | low-priority threads for the disk; private folders and files |
//! | [`erasure`] | marks of erased calls, for parts of the service that still have data of one |
//! | [`clock`], [`alarm`], [`ids`], [`ending`], [`incident`] | time, deadlines, ids, why a call ended, and what went wrong in it |
//! | [`child`], [`finding`], [`latency`], [`complaints`], [`words`], [`money`] | types about a call that several rooms share |
//! | [`rate`] | rate limits: one sliding window for every limit per minute or hour |
//! | [`overload`] | what a thread does when it falls behind: larger messages, then no more calls |
//! | [`numbers`] | who is on the other end: one normal form of a number, whatever its spelling |
//!
//! Reports belong to the room that reports, orders to the room that takes them, and messages
//! between neighbours to [`mod@line`]. A room therefore names only rooms below it: supervisor →
//! call → transcript → profile → realtime → audio → line → carrier → ground.
//! `tests/layering.rs` checks the order.
//!
//! # Glossary
//!
//! | word | |
//! |---|---|
//! | call, stream | one phone call; a WebSocket of the carrier that carries its audio. A call outlives its stream, when that breaks or when the caller is transferred and returns |
//! | frame | a piece of audio, usually 20 ms (*ptime*) |
//! | mark, clear | a name that the carrier echoes when playout has reached it; the order to drop buffered audio |
//! | playout, heard | playing to the caller; what the carrier has really played, by marks or by its clock |
//! | lead | how far ahead of real time audio is sent |
//! | item, response | a turn in the model's conversation; one answer of the model, with one or more items |
//! | turn, endpointing | what one side says before the other speaks; deciding that a turn is over |
//! | barge-in | the caller speaks into the agent's answer, and the answer stops |
//! | floor | who speaks: caller, agent, due (an answer is owed), silent |
//! | response request | what the model is asked to say, and for what purpose |
//! | no input | the caller is silent: prompts, then a goodbye |
//! | DTMF, key | what the caller presses |
//! | session, standby, handoff | one conversation with the model's server; a session that is ready to take over; what it is given of the previous one |
//! | failover, breaker, canary | another provider or model takes over; a provider is skipped for a while; a test attempt from time to time |
//! | warm session | an open session that waits for a call |
//! | cold, warm transfer | the caller is passed on directly; the caller waits while the callee is briefed |
//! | whisper, briefing | words to the callee, before they are joined with the caller |
//! | profile | how a call is configured: agent, language, model, limits |
//! | permit | permission to start a call's stream, or to transfer; counted |
//! | child actor | an actor that a call owns; its death is a message |
//! | ending | why a call ended, and by whom: one word everywhere |
//! | record, journal | what is kept of a call; the file it is written to during the call |
//! | withheld | not kept, because the recording was paused or a number was hidden |
//! | delivery, dead letter | a webhook for a call, at least once; one that was given up |
//! | drain | no new calls are taken, and live calls may end by themselves |
//!
//! # What is absent, on purpose
//!
//! - Nothing in [`carrier`] knows about actors, and nothing outside it knows which carrier a call
//!   uses.
//! - No pure file uses actix, tokio, the clock or random numbers; `tests/layering.rs` and
//!   `clippy.toml` check that.
//! - No lock exists between the actors of a call: they exchange messages. Threads that write to
//!   disk have locks.
//! - No audio path has an unbounded queue: what finds no room is dropped and counted. Decisions
//!   are few and never dropped.
//! - An end has one word: logs, metrics, records and the Supervisor use [`ending::Ending`].

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
pub mod look_up;
pub mod money;
pub mod numbers;
pub mod overload;
pub mod profile;
pub mod rate;
pub mod realtime;
pub mod recording;
pub mod socket;
pub mod supervisor;
pub mod tools;
pub mod transcript;
pub mod words;
