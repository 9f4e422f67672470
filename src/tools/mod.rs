//! The tools beside the service: they test it, measure it, and manage the files it writes.
//!
//! | part | |
//! |---|---|
//! | [`rehearsal`] | the embedded model: a Realtime API server on loopback for any GA client |
//! | [`phone`] | the simulated phone, which plays the carrier: commands `call` and `demo` |
//! | [`mod@bench`] | capacity of this host: the service as a process, phones and model as load |
//! | [`records`] | records on disk: `switchboard records`, and the retention limits |
//! | [`deliveries`] | pending and failed webhooks: `switchboard deliveries` |
//! | [`check`], `health` | checks the configuration; checks that the service is up |
//! | [`doctor`] | looks at everything that a call needs: `switchboard doctor` |
//! | [`wav`], `terminal` | sound files; text that is safe for a terminal |
//!
//! The phone and the service share no code for wire format, signatures or mu-law: a fault in shared
//! code would cancel itself out.

pub mod bench;
pub mod check;
pub mod deliveries;
pub mod doctor;
pub(crate) mod health;
pub mod phone;
pub mod records;
pub mod rehearsal;
pub(crate) mod terminal;
pub mod wav;
