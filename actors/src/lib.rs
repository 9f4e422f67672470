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
//! [`realtime::requests`], which lets the model say one thing at a time. Every room has the same doors: `mod.rs` says what it is,
//! `messages.rs` what it hears, the noun-named files what it thinks, `actor.rs` what it does.
//!
//! | room | |
//! |---|---|
//! | [`mod@line`] | what the neighbours on the line send each other, whose call it is, a stream from upgrade to end, and who hangs up |
//! | [`carrier`] | one folder a carrier: its JSON ⇄ line events and commands, what it asks over HTTP and is answered, its API, its capabilities and settings as data, and its own side to be played |
//! | [`supervisor`] | who is on: admission, permits, the drain |
//! | [`call`] | one call: four regions (floor, model link, line link, exit), each with its table |
//! | [`profile`] | what a call is to be: agent, language, model, limits, destinations, prices |
//! | [`audio`] | resampling, pacing, the ledger of what was heard |
//! | [`realtime`] | the model: which session speaks and what follows when it is lost (`sessions`), what providers are worth (`providers`), and a folder each provider (`openai`) |
//! | [`recording`] | both sides of a call in stereo, on disk while it goes on |
//! | [`transcript`] | what was said, in order, and the files it ends in |
//! | [`delivery`] | telling others of calls: webhooks, at least once |
//! | [`tools`] | operators' own tools: what they are, and one HTTP call for one tool call |
//! | [`http`], [`socket`] | the HTTP client of a thread; WebSockets and the buffers that a thread's share |
//! | [`frame`], [`g711`] | pieces of audio in buffers of the thread; the codec of telephones |
//! | [`events`] | how operators are told; what they are told has its room, in the `events.rs` of each |
//! | [`background`], [`disk`] | threads for the disk, which give way to calls; private folders and files |
//! | [`erasure`] | marks of calls that were erased, for whoever still has something of one in hand |
//! | [`clock`], [`alarm`], [`ids`], [`ending`], [`incident`] | time, deadlines, names, why a call ended, and what went wrong in it |
//! | [`child`], [`finding`], [`latency`], [`complaints`], [`words`], [`money`] | what several rooms say of a call in the same words |
//! | [`rate`] | how often something may happen: one sliding window for every limit of a minute or an hour |
//! | [`numbers`] | who is on the other end: one normal form of a number, however it was written |
//!
//! Reports live with who reports, orders with who takes them, and what travels between neighbours in [`mod@line`]. So a room names
//! those below it and never one above: supervisor → call → transcript → profile → realtime → audio → line → carrier → ground.
//! `tests/layering.rs` has the order.
//!
//! # Glossary
//!
//! | word | |
//! |---|---|
//! | call, stream | one phone call; a WebSocket of the carrier that carries its sound. A call outlives its stream: broken, or handed on and returned |
//! | frame | a piece of audio, usually 20 ms (*ptime*) |
//! | mark, clear | a name that the carrier sends back when playout has reached it; the order to drop what it has buffered |
//! | playout, heard | playing to the caller; what the carrier has really played, by marks or by its clock |
//! | lead | how far ahead of playing audio is sent |
//! | item, response | a turn in the model's conversation; one answer of the model, with one or more items |
//! | turn, endpointing | what one side says without the other between; deciding that it is over |
//! | barge-in | the caller speaks into the agent's answer, and the answer stops |
//! | floor | who speaks: caller, agent, due (an answer is owed), silent |
//! | response request | what the model was asked to say, and for what purpose |
//! | no input | the caller is silent: prompts, then a goodbye |
//! | DTMF, key | what the caller presses |
//! | session, standby, handoff | one conversation with the model's server; the one that would follow; what it is told of the one before |
//! | failover, breaker, canary | another provider or model takes over; who is not asked for a while; a try from time to time |
//! | warm session | an opened one that waits for a call |
//! | cold, warm transfer | the caller is handed on; they wait while the person is told of them |
//! | whisper, briefing | words to the person who answers, before they are joined |
//! | profile | what a call is to be: agent, language, model, limits |
//! | permit | leave to take a call's stream, or to transfer; counted |
//! | child actor | an actor that a call owns; its death is a message |
//! | ending | why a call ended, and by whom: one word everywhere |
//! | record, journal | what is kept of a call; the file it is written to while it goes on |
//! | withheld | not kept, because the recording was paused or a number was hidden |
//! | delivery, dead letter | a webhook for a call, at least once; one that nobody took |
//! | drain | no new calls, and those that are on may end by themselves |
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
pub mod rate;
pub mod realtime;
pub mod recording;
pub mod socket;
pub mod supervisor;
pub mod tools;
pub mod transcript;
pub mod words;
