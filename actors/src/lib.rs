//! The call: its actors, its pure machines, its wires.
//!
//! ```text
//!           reports: speech began/ended, playing, heard, failed        orders: clear, cancel, ask, hang up, transfer
//!                        ▲                                                          │
//!                        └──────────────────────  CallActor  ───────────────────────┘
//!                                                  (decides)
//! caller ══▶ MediaStream ══▶ AudioPipeline ══▶ RealtimeLlm ══▶ model
//! caller ◀══ MediaStream ◀══ AudioPipeline ◀══ RealtimeLlm ◀══ model
//! ```

pub mod audio;
pub mod call;
pub mod clock;
pub mod ending;
pub mod events;
pub mod ids;
pub mod realtime;
pub mod supervisor;
pub mod tools;
pub mod transcript;
pub mod wire;
