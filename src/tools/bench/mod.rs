//! `switchboard bench`: measures how many calls this host can carry.
//!
//! The service runs as a separate process, exactly as an operator would run it. This process plays
//! both of its ends, every phone and the model, so both ends of a latency are measured with one
//! clock. Calls are added in steps, all full duplex at real-time pace (20 ms frames up, 100 ms
//! deltas down, 24 kHz PCM16 to the model), until an objective is missed. Then the capacity sheet
//! is printed.
//!
//! With `--audio` the bench measures sound quality instead of speed: `audio` is the table, `tone`
//! the measuring method.
//!
//! With `--turns` it measures the service's own part of a turn with engines that hear, think and
//! speak: `turns` is the measurement, `engines` their end.
//!
//! With `--model` it compares what a call costs with each protocol of the embedded model: `models`.
//!
//! `wire` is a minimal WebSocket (the generator must cost less than the service it measures),
//! `model` and `phone` are the two ends, `played` is the carrier, `metronome` is their pace,
//! `probe` reads the kernel's statistics, and `sheet` and `plot` present the result.

mod audio;
mod engines;
mod load;
mod metronome;
mod model;
mod models;
mod phone;
mod played;
mod plot;
mod probe;
mod sheet;
mod tone;
mod turns;
mod wire;

pub use load::{BenchArgs, BenchError, run_bench};
