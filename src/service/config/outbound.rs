//! `[outbound]`: which numbers the service may call, and how often. Pure.

use std::time::Duration;

use super::carriers;
use super::directory::{costly_area, is_e164, premium};
use super::kinds::{SECOND, any_text, duration, flag, list, text, whole, word};
use super::reader::Section;
use super::secrets::Secrets;

/// `[outbound]`: the limits of outbound calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// Whether `POST /calls` is accepted.
    pub enabled: bool,
    /// Prefixes of the numbers that may be called; an empty list allows none.
    pub allow: Vec<String>,
    /// The name of the carrier that places the calls; `None` is the first that can.
    pub carrier: Option<&'static str>,
    /// The number shown to callees, unless an order names one.
    pub from: Option<String>,
    /// Most calls started per minute.
    pub max_per_minute: u32,
    /// Most calls at the same time, including ringing ones.
    pub max_concurrent: u32,
    /// Longest ringing time.
    pub ring: Duration,
    /// What an answering machine hears.
    pub voicemail: Voicemail,
}

/// What an answering machine hears, if machine detection is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voicemail {
    /// Nothing: the call ends before the agent speaks.
    HangUp,
    /// The agent speaks, and knows that it speaks to a machine.
    Speak,
}

impl Outbound {
    pub(super) fn read(section: &Section<'_>, secrets: &Secrets) -> Option<Self> {
        let enabled = section.read("enabled", flag);
        let allow = section.read("allow", list(MOST_PREFIXES, text));
        let carrier = section.read("carrier", carriers::caller);
        let from = section.read("from", any_text);
        let max_per_minute = section.read("max_per_minute", whole(1..=6000));
        let max_concurrent = section.read("max_concurrent", whole(1..=100_000));
        let ring = section.read("ring", duration(5 * SECOND..=600 * SECOND));
        let voicemail = section.read("voicemail", word(VOICEMAIL));
        let outbound = Self {
            enabled: enabled?,
            allow: allow?,
            carrier: carrier?,
            from: from.filter(|from| !from.is_empty()),
            max_per_minute: max_per_minute?,
            max_concurrent: max_concurrent?,
            ring: ring?,
            voicemail: voicemail?,
        };
        outbound.check(section, secrets);
        Some(outbound)
    }

    fn check(&self, section: &Section<'_>, secrets: &Secrets) {
        if let Some(bad) = self.allow.iter().find(|prefix| !is_prefix(prefix)) {
            section
                .problem("allow", format!("found \"{bad}\", expected beginnings of numbers as \"+91\" or \"+1415\""));
        }
        if self.from.as_ref().is_some_and(|from| !is_e164(from)) {
            section.problem("from", "found no telephone number, expected one as \"+14155550100\" (E.164)");
        }
        if !self.enabled {
            return;
        }
        if let Some(lacking) = carriers::lacks_calling(&secrets.carriers, self.carrier) {
            let found = "found true without access to the carrier's API";
            section.problem("enabled", format!("{found}; set {}", lacking.variables));
        }
        if self.allow.is_empty() {
            section.problem("allow", "found no prefix, so nobody could be called; expected at least one, as \"+91\"");
        }
    }

    /// Checks whether this number may be called.
    ///
    /// # Errors
    /// The reason why it may not.
    pub fn permit(&self, to: &str) -> Result<(), NotCalled> {
        if !is_e164(to) {
            return Err(NotCalled::NoNumber);
        }
        if let Some(prefix) = premium(to) {
            return Err(NotCalled::Premium { prefix });
        }
        let mut allowed = self.allow.iter().filter(|prefix| to.starts_with(prefix.as_str())).peekable();
        if allowed.peek().is_none() {
            return Err(NotCalled::NotAllowed);
        }
        match costly_area(to) {
            // "+1" is not meant to include the Caribbean: such an area has to be listed by itself.
            Some(area) if !allowed.any(|prefix| prefix.starts_with(area)) => {
                Err(NotCalled::CostlyArea { area: area.to_owned() })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Why a number is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCalled {
    /// The text is no telephone number.
    #[error("`to` is not a telephone number, expected one as \"+14155550100\" (E.164)")]
    NoNumber,
    /// The number is a premium-rate number.
    #[error("`to` is a premium-rate number ({prefix}…), which are never called")]
    Premium {
        /// The prefix that makes it one.
        prefix: &'static str,
    },
    /// The number is in an area that costs many times as much as its prefix suggests, and the list
    /// does not name that area.
    #[error("`to` is in {area}, where calls are expensive; list \"{area}\" itself in `outbound.allow` to call there")]
    CostlyArea {
        /// The prefix of the area.
        area: String,
    },
    /// No prefix of the list matches.
    #[error("`to` begins with no prefix of `outbound.allow`")]
    NotAllowed,
}

fn is_prefix(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (1..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.chars().all(|c| c.is_ascii_digit())
    })
}

const VOICEMAIL: &[(&str, Voicemail)] = &[("hang_up", Voicemail::HangUp), ("speak", Voicemail::Speak)];
/// Limit of the list; there are fewer countries than this.
const MOST_PREFIXES: usize = 1000;

#[cfg(test)]
mod tests;
