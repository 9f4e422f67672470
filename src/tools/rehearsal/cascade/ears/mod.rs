//! Speech to text: what the caller says, in each engine's protocol. Pure.
//!
//! All of them find turns by energy and describe their words, see [`caller`]. They differ in what
//! they call final: a segment, an utterance, or a turn.

pub(super) mod caller;
pub(super) mod flux;
pub(super) mod listen;
pub(super) mod sarvam;
pub(super) mod scribe;
pub(super) mod upload;
