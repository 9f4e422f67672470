//! The look-up before the first word: an operator's server is asked who is calling. Its answer may
//! give values, choose agent and language, or refuse the call.
//!
//! The server is outside, and may be slow, wrong or hostile. [`http`] bounds the request in time and
//! size, and `answer` judges what came. A call never depends on it: without an answer it goes on as
//! it is configured, and says so in its record. [`known`] keeps answers, and asks once for a
//! request that the carrier repeats.

mod answer;
pub mod events;
pub mod http;
pub mod known;
pub mod plan;

pub use self::answer::{Answer, Decline, NoAnswer};
