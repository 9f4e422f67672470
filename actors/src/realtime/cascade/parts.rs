//! The engines of one language, as a conversation knows them. Pure.

use super::listener::EarsEngine;
use super::mouth::VoiceEngine;
use super::thinker::MindEngine;
use super::turns::TurnPolicy;

/// The engines of one language, each list in order of preference, and how turns end.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// The language that is spoken, as a code or a tag.
    pub language: String,
    /// The engines that hear.
    pub ears: Vec<EarsEngine>,
    /// The chat models.
    pub mind: Vec<MindEngine>,
    /// The engines that speak.
    pub voice: Vec<VoiceEngine>,
    /// How the caller's turns end.
    pub turns: TurnPolicy,
}
