//! Parsers for the values of options.

use std::ffi::OsStr;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::fake::Fault;
use switchboard_actors::ids::Private;
use url::Url;

use crate::tools::phone::options::carriers;
use crate::tools::phone::speech::Sentence;

/// The codes of the bundled sentences, and the word that selects none.
pub(super) fn said() -> Vec<&'static str> {
    Sentence::languages().into_iter().chain(["nothing"]).collect()
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    let expected = |_| "expected a time with its unit, such as 500ms, 3s or 2m".to_owned();
    humantime::parse_duration(text).map_err(expected)
}

/// Parses a carrier's name and lists the carriers that can be simulated.
#[derive(Debug, Clone)]
pub(crate) struct CarrierName;

impl TypedValueParser for CarrierName {
    type Value = Carrier;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<Carrier, clap::Error> {
        (played as fn(&str) -> Result<Carrier, String>).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(carriers().map(|carrier| PossibleValue::new(carrier.name()))))
    }
}

pub(super) fn webhook_url(text: &str) -> Result<Url, String> {
    address(text, &["http", "https"])
}

pub(super) fn socket_url(text: &str) -> Result<Url, String> {
    address(text, &["ws", "wss"])
}

fn address(text: &str, schemes: &[&str]) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}"))?;
    if schemes.contains(&url.scheme()) && url.has_host() {
        Ok(url)
    } else {
        Err(format!("expected an address that begins with {}://", schemes.join(":// or ")))
    }
}

/// Parses the name of any carrier.
pub(crate) fn carrier(text: &str) -> Result<Carrier, String> {
    named(text, Carrier::all())
}

fn played(text: &str) -> Result<Carrier, String> {
    named(text, carriers())
}

fn named(text: &str, known: impl Iterator<Item = Carrier>) -> Result<Carrier, String> {
    let known: Vec<Carrier> = known.collect();
    known.iter().copied().find(|carrier| carrier.name() == text).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|carrier| carrier.name()).collect();
        format!("expected {}", names.join(" or "))
    })
}

/// Parses the name of a fault and lists the faults that any carrier supports.
#[derive(Debug, Clone)]
pub(super) struct FaultName;

impl TypedValueParser for FaultName {
    type Value = Fault;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<Fault, clap::Error> {
        let names = PossibleValuesParser::new(self.possible_values().into_iter().flatten());
        let name = names.parse_ref(command, argument, value)?;
        let known = Fault::ALL.into_iter().find(|fault| fault.name() == name);
        known.ok_or_else(|| clap::Error::new(clap::error::ErrorKind::InvalidValue).with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let known = |fault: &Fault| carriers().filter_map(Carrier::fake).any(|fake| fake.faults().contains(fault));
        let value = |fault: Fault| PossibleValue::new(fault.name()).help(fault.words());
        Some(Box::new(Fault::ALL.into_iter().filter(known).map(value)))
    }
}

pub(super) fn key(text: &str) -> Result<(Duration, char), String> {
    let expected = || "expected TIME:KEY such as 3s:1, with a key out of 0-9 * # A-D".to_owned();
    let (time, key) = text.trim().split_once(':').ok_or_else(expected)?;
    let time = self::time(time).map_err(|error| format!("{error}; {}", expected()))?;
    let mut keys = key.chars();
    match (keys.next(), keys.next()) {
        (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok((time, key)),
        _ => Err(expected()),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that clap calls")]
pub(super) fn token(text: &str) -> Result<Private<String>, std::convert::Infallible> {
    Ok(Private::new(text.to_owned()))
}

pub(super) fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn ramp(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| *rate > 0.0 && *rate <= 1000.0)
        .ok_or_else(|| "expected 0 to 1000 calls a second".into())
}
