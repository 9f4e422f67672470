//! When a silent caller is asked whether they are there. Pure.

use std::time::Duration;

/// The rungs of one call's ladder: their times. What is said on them belongs to the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoInputPlan {
    /// Silence before each prompt. Shorter nags a caller who is looking for a paper, longer leaves a dropped handset on the bill.
    pub before_prompts: Vec<Duration>,
    /// Silence before the goodbye, counted from the last prompt; with no prompts, from the agent's last word.
    pub before_goodbye: Duration,
    /// No words of the caller for this long, whatever the turn detection heard: goodbye.
    pub longest_without_words: Duration,
}

impl Default for NoInputPlan {
    /// As shipped: two prompts, 10 s each, and three minutes without a word.
    fn default() -> Self {
        let silence = Duration::from_secs(10);
        Self {
            before_prompts: vec![silence, silence],
            before_goodbye: silence,
            longest_without_words: Duration::from_secs(180),
        }
    }
}
