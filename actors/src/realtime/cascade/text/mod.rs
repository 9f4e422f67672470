//! From the streamed answer of a chat model to sentences for a voice. Pure.
//!
//! ```text
//! deltas ──▶ thoughts ──▶ content ──▶ sentences ──▶ spoken ──▶ Piece
//!            (no <think>)             (where to cut)  (no markdown)
//! ```
//!
//! The content is what belongs to the history of the conversation. A [`Piece`] is what a voice is
//! given. Each character of a piece knows the character of the content that it speaks, so the
//! content can be cut to what the caller heard.

mod abbreviations;
mod answer;
mod sentences;
mod spoken;
mod thoughts;

pub use self::answer::{Answer, Limits};
pub use self::spoken::Piece;
