//! The tools beside the service: what tries it, measures it, and works on what it leaves behind.
//!
//! | part | |
//! |---|---|
//! | [`rehearsal`] | the embedded model: a Realtime-API server on loopback that any GA client can use |
//! | [`phone`] | the simulated phone: plays the carrier against any running service; the `call` and `demo` commands |
//! | [`mod@bench`] | what this host can carry: the service as a process, every phone and the model as load |
//! | [`records`] | records on disk: `switchboard records`, and the limits of what is kept |
//! | [`deliveries`] | webhooks that wait or have failed: `switchboard deliveries` |
//! | [`check`], `health` | is the configuration good; is the service up |
//! | [`wav`], `terminal` | sound files; what a terminal can show |
//!
//! The phone and the service share no code for wire, signature or mu-law: a fault in one would cancel itself out in the other.

pub mod bench;
pub mod check;
pub mod deliveries;
pub(crate) mod health;
pub mod phone;
pub mod records;
pub mod rehearsal;
pub(crate) mod terminal;
pub mod wav;
