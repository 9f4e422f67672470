//! The parameters of an address, as strictly as the engines read them. Pure.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::tools::rehearsal::sound::Format;

/// The parameters of an upgrade.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'a>(&'a HashMap<String, String>);

impl<'a> Query<'a> {
    /// Parameters of which all names have to be known, and some have to be there.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn new(query: &'a HashMap<String, String>, required: &[&str], known: &[&str]) -> Result<Self, String> {
        let is_known = |name: &str| name == "rehearse" || required.contains(&name) || known.contains(&name);
        if let Some(name) = query.keys().find(|name| !is_known(name)) {
            return Err(format!("unknown parameter: {name}"));
        }
        match required.iter().find(|name| query.get(**name).is_none_or(String::is_empty)) {
            Some(name) => Err(format!("missing parameter: {name}")),
            None => Ok(Self(query)),
        }
    }

    /// The value of a parameter; empty without one.
    pub(super) fn text(self, name: &str) -> &'a str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A number.
    ///
    /// # Errors
    /// It is none, or out of bounds.
    pub(super) fn number<T>(self, name: &str, default: T, within: &RangeInclusive<T>) -> Result<T, String>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(text) = self.0.get(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number: &T| within.contains(number));
        number.ok_or_else(|| format!("{name}: expected {} to {}, got '{text}'", within.start(), within.end()))
    }

    /// A switch.
    ///
    /// # Errors
    /// It is neither `true` nor `false`.
    pub(super) fn flag(self, name: &str) -> Result<bool, String> {
        match self.text(name) {
            "true" => Ok(true),
            "" | "false" => Ok(false),
            other => Err(format!("{name}: expected true or false, got '{other}'")),
        }
    }

    /// One of some words.
    ///
    /// # Errors
    /// It is none of them.
    pub(super) fn word(self, name: &str, words: &[&str]) -> Result<&'a str, String> {
        let word = self.text(name);
        if words.contains(&word) {
            return Ok(word);
        }
        Err(format!("{name}: expected one of {}, got '{word}'", words.join(", ")))
    }

    /// Raw audio, of an encoding and a rate in parameters of their own.
    ///
    /// # Errors
    /// This server cannot read or write it.
    pub(super) fn audio(self) -> Result<Format, String> {
        let (encoding, rate) = (self.text("encoding"), self.text("sample_rate"));
        format(encoding, rate.parse().unwrap_or_default())
            .ok_or_else(|| format!("encoding '{encoding}' with sample_rate '{rate}' is not supported"))
    }
}

/// The format of an encoding, by any engine's name for it, and a rate.
pub(super) fn format(encoding: &str, rate_hz: u64) -> Option<Format> {
    match (encoding, rate_hz) {
        ("mulaw" | "ulaw" | "pcm_mulaw", 8_000) => Some(Format::MuLaw),
        ("alaw" | "pcm_alaw", 8_000) => Some(Format::ALaw),
        ("linear16" | "pcm" | "pcm_s16le", 8_000) => Some(Format::Pcm8k),
        ("linear16" | "pcm" | "pcm_s16le", 16_000) => Some(Format::Pcm16k),
        ("linear16" | "pcm" | "pcm_s16le", 24_000) => Some(Format::Pcm24k),
        _ => None,
    }
}

/// The format in words such as `ulaw_8000`.
pub(super) fn format_of(word: &str) -> Option<Format> {
    let (encoding, rate) = word.rsplit_once('_')?;
    format(encoding, rate.parse().ok()?)
}
