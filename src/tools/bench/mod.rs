//! `switchboard bench`: what this host can carry.
//!
//! The service runs as a process of its own, exactly as an operator would run it; this process plays both of its ends, every phone and
//! the model, so that both ends of a latency are read from one clock. Calls are added in steps, all full duplex at real-time pace
//! (20 ms frames up, 100 ms deltas down, 24 kHz PCM16 to the model), until an objective is missed. Then the capacity sheet.
//!
//! With `--audio` it measures sound instead of speed: `audio` is the table, `tone` its ruler.
//!
//! `wire` is a WebSocket as small as the purpose allows (the generator must cost less than what it measures), `model` and `phone` the
//! two ends, `played` the carrier, `metronome` their pace, `probe` reads the kernel's books, `sheet` and `plot` tell.

mod audio;
mod load;
mod metronome;
mod model;
mod phone;
mod played;
mod plot;
mod probe;
mod sheet;
mod tone;
mod wire;

pub use load::{BenchArgs, BenchError, run_bench};
