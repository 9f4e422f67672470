//! When a silent caller is prompted. Pure.

use std::time::Duration;

/// The times of a call's no-input prompts. Their words belong to the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoInputPlan {
    /// Silence before each prompt. Shorter: a caller who is looking for a document is pestered.
    /// Longer: a handset left off the hook costs more.
    pub before_prompts: Vec<Duration>,
    /// Silence before the goodbye, counted from the last prompt; with no prompts, from the agent's
    /// last word.
    pub before_goodbye: Duration,
    /// The goodbye follows when the caller says no words for this long, whatever the turn detection
    /// reports.
    pub longest_without_words: Duration,
}

impl Default for NoInputPlan {
    /// The default: two prompts after 10 s each, and three minutes without a word.
    fn default() -> Self {
        let silence = Duration::from_secs(10);
        Self {
            before_prompts: vec![silence, silence],
            before_goodbye: silence,
            longest_without_words: Duration::from_secs(180),
        }
    }
}
