//! The kinds of values of settings. Each turns a written value into a final type or reports what it
//! expected. Pure.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use switchboard_actors::realtime::seat::Provider;
use url::{Host, ParseError, Url};

use super::layers::{Node, Value};

/// What a setting accepts, for the message about a value that it refuses.
#[derive(Debug)]
pub(super) struct Expected {
    what: String,
    help: Option<String>,
    /// An example of a value of this kind, for messages about lists.
    example: Option<String>,
    /// The found value may contain a password.
    hidden: bool,
}

type Read<T> = Result<T, Expected>;

impl Expected {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: None, example: None, hidden: false }
    }

    /// Marks a kind whose values may be shown only in their harmless part.
    pub(super) fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The message: what was found, what was expected, and the next step.
    pub(super) fn message(&self, found: &Value) -> String {
        let help = self.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        let found = match found {
            Value::Text(text) | Value::Raw(text) if self.hidden => shown_url(text),
            Value::Text(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Flag(_)
            | Value::List(_)
            | Value::Table(_)
            | Value::Raw(_)
            | Value::Other(_) => shown(found),
        };
        format!("found {found}, expected {}{help}", self.what)
    }
}

/// A value for a message: shortened, and hidden if it looks like a key or a token.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Raw(text) if looks_secret(text) => "something like a secret (not shown)".to_owned(),
        Value::Text(text) | Value::Raw(text) if text.is_empty() => "an empty text".to_owned(),
        Value::Text(text) | Value::Raw(text) if hides(text) => shown_url(text),
        Value::Text(text) | Value::Raw(text) => {
            let short: String = text.chars().take(SHOWN).collect();
            let dots = if short.len() < text.len() { "…" } else { "" };
            format!("{short:?}{dots}")
        }
        Value::Integer(number) => format!("the number {number}"),
        Value::Float(number) => format!("the number {number}"),
        Value::Flag(flag) => format!("{flag}"),
        Value::List(entries) => format!("a list of {}", entries.len()),
        Value::Table(_) => "a table".to_owned(),
        Value::Other(text) => format!("`{text}`"),
    }
}

/// Whether a text may contain a password or a token, as URLs do.
fn hides(text: &str) -> bool {
    text.contains("://") || text.split_once('@').is_some_and(|(before, _)| before.contains(':'))
}

/// A URL for a message: only scheme and host. The part before the host may contain a password, and
/// the part after it a token.
fn shown_url(text: &str) -> String {
    let text = text.trim();
    if !text.contains("://") {
        let plain = !text.contains(['@', '?', '=', '&', ':', '#']) && !looks_secret(text);
        return if plain {
            format!("{:?}", text.chars().take(SHOWN).collect::<String>())
        } else {
            "a text that is no URL (not shown)".to_owned()
        };
    }
    // The host of a malformed URL is unknown, so it is not shown.
    let url = Url::parse(text).ok().filter(|url| url.host_str().is_some() && !url.path().contains('@'));
    match url {
        Some(url) => {
            format!("a URL {}://{}… (the rest is not shown)", url.scheme(), url.host_str().unwrap_or_default())
        }
        None => {
            let scheme = text.split("://").next().unwrap_or_default();
            let plain = scheme.len() <= LONGEST_SCHEME && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+');
            format!("a URL {}://… (the rest is not shown)", if plain { scheme } else { "…" })
        }
    }
}

/// Quotes a text for a message, as [`shown`] does.
pub(super) fn quoted(text: &str) -> String {
    shown(&Value::Text(text.to_owned()))
}

/// Whether a text looks like a key or a token: it has the form of a known key, or is a long run of
/// letters and digits.
pub(super) fn looks_secret(text: &str) -> bool {
    let text = text.trim();
    let long = text.len() >= 24 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let mixed = text.chars().any(|c| c.is_ascii_digit()) && text.chars().any(|c| c.is_ascii_alphabetic());
    (Provider::key_beginning(text).is_some() && text.len() >= 16) || (long && mixed && !text.contains("realtime"))
}

/// Any text, including the empty one.
pub(super) fn any_text(node: &Node) -> Read<String> {
    match &node.value {
        Value::Text(text) | Value::Raw(text) => Ok(text.clone()),
        Value::Integer(_) | Value::Float(_) | Value::Flag(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => {
            Err(Expected::new("a text in quotes"))
        }
    }
}

/// A text that is not empty, without surrounding blanks.
pub(super) fn text(node: &Node) -> Read<String> {
    let found = any_text(node)?;
    let trimmed = found.trim();
    if trimmed.is_empty() { Err(Expected::new("a text that says something")) } else { Ok(trimmed.to_owned()) }
}

/// `true` or `false`.
pub(super) fn flag(node: &Node) -> Read<bool> {
    let expected = || Expected::new("true or false");
    match &node.value {
        Value::Flag(flag) => Ok(*flag),
        Value::Raw(text) => text.trim().parse().map_err(|_| expected()),
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => {
            Err(expected())
        }
    }
}

/// A whole number within `range`.
pub(super) fn whole(range: RangeInclusive<u32>) -> impl Fn(&Node) -> Read<u32> {
    move |node| {
        let expected = || Expected::new(format!("a whole number from {} to {}", range.start(), range.end()));
        let number = match &node.value {
            Value::Integer(number) => u32::try_from(*number).map_err(|_| expected())?,
            Value::Raw(text) => text.trim().parse().map_err(|_| expected())?,
            Value::Text(_) | Value::Float(_) | Value::Flag(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => {
                return Err(expected());
            }
        };
        if range.contains(&number) { Ok(number) } else { Err(expected()) }
    }
}

/// A number within `range`.
pub(super) fn number(range: RangeInclusive<f32>) -> impl Fn(&Node) -> Read<f32> {
    move |node| {
        let expected = || Expected::new(format!("a number from {:?} to {:?}", range.start(), range.end()));
        #[expect(clippy::cast_possible_truncation, reason = "no setting needs more digits than f32 has")]
        #[expect(clippy::cast_precision_loss, reason = "the range that follows is small")]
        let number = match &node.value {
            Value::Integer(number) => *number as f32,
            Value::Float(number) => *number as f32,
            Value::Raw(text) => text.trim().parse().map_err(|_| expected())?,
            Value::Text(_) | Value::Flag(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => {
                return Err(expected());
            }
        };
        if range.contains(&number) { Ok(number) } else { Err(expected()) }
    }
}

/// A duration with its unit, within `range`.
pub(super) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&Node) -> Read<Duration> {
    move |node| {
        let expected = || {
            let example = Some(EXAMPLE).filter(|it| range.contains(it));
            let example = example.or(Some(*range.start()).filter(|least| !least.is_zero())).unwrap_or(*range.end());
            let expected =
                Expected::new(format!("a duration from {} to {}", spoken(*range.start()), spoken(*range.end())))
                    .help(format!("write it in quotes with its unit: \"{}\"", spoken(example)));
            Expected { example: Some(spoken(example)), ..expected }
        };
        let found = any_text(node).map_err(|_| expected())?;
        let duration = humantime::parse_duration(found.trim()).map_err(|_| expected())?;
        if range.contains(&duration) { Ok(duration) } else { Err(expected()) }
    }
}

/// A duration as people write it: one number in the largest unit that divides it evenly.
fn spoken(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "days"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    match units.into_iter().find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit)) {
        Some((unit, name)) if millis == unit && name == "days" => "1day".to_owned(),
        Some((unit, name)) => format!("{}{name}", millis / unit),
        None if millis == 0 => "0s".to_owned(),
        None => format!("{millis}ms"),
    }
}

/// A size in bytes with its unit, within `range`.
pub(super) fn size(range: RangeInclusive<usize>) -> impl Fn(&Node) -> Read<usize> {
    move |node| {
        let (least, most) = (range.start() / 1024, range.end() / 1024);
        let expected = || {
            Expected::new(format!("a size from {least}KiB to {most}KiB"))
                .help("write it in quotes with its unit: \"64KiB\"")
        };
        let found = any_text(node).map_err(|_| expected())?;
        let units = [("KiB", 1024), ("MiB", 1024 * 1024), ("GiB", 1024 * 1024 * 1024), ("B", 1)];
        let unit = units.iter().find_map(|(unit, factor)| Some((found.trim().strip_suffix(unit)?, factor)));
        let (digits, factor) = unit.ok_or_else(expected)?;
        let count: usize = digits.trim().parse().map_err(|_| expected())?;
        let bytes = count.checked_mul(*factor).ok_or_else(expected)?;
        if range.contains(&bytes) { Ok(bytes) } else { Err(expected()) }
    }
}

/// An address and a port to listen on.
pub(super) fn address(node: &Node) -> Read<SocketAddr> {
    let expected = || {
        Expected::new("an IP address with a port, as \"127.0.0.1:8080\"")
            .help("names are not looked up, port 0 takes any")
    };
    let found = any_text(node).map_err(|_| expected())?;
    found.trim().parse().map_err(|_| expected())
}

/// The address of one machine.
pub(super) fn machine(node: &Node) -> Read<IpAddr> {
    let expected = || Expected::new("an IP address, as \"10.0.0.5\"").help("names are not looked up");
    let found = any_text(node).map_err(|_| expected())?;
    found.trim().parse().map_err(|_| expected())
}

/// A URL with one of these schemes and a host, without credentials or fragment.
pub(super) fn url(schemes: &'static [&'static str]) -> impl Fn(&Node) -> Read<Url> {
    move |node| {
        let expected = || Expected::new(format!("a URL that begins with {}://", schemes.join(":// or "))).hidden();
        let found = any_text(node).map_err(|_| expected())?;
        let found = found.trim();
        let url = Url::parse(found).map_err(|error| {
            let scheme = found.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
            if scheme.is_some_and(|scheme| schemes.contains(&scheme.as_str())) { unreadable(error) } else { expected() }
        })?;
        if !schemes.contains(&url.scheme()) {
            return Err(expected());
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(unreadable(ParseError::EmptyHost));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Expected::new("a URL without a user and a password")
                .help("secrets come only from the environment")
                .hidden());
        }
        if url.fragment().is_some() {
            return Err(Expected::new("a URL without a `#` part").hidden());
        }
        Ok(url)
    }
}

/// What a URL lacks whose scheme is right.
fn unreadable(error: ParseError) -> Expected {
    let what = match error {
        ParseError::EmptyHost => "a URL with a host behind its `://`",
        ParseError::InvalidPort => "a URL whose port is a number up to 65535",
        ParseError::IdnaError
        | ParseError::InvalidIpv4Address
        | ParseError::InvalidIpv6Address
        | ParseError::InvalidDomainCharacter => "a URL whose host is a name or an IP address",
        ParseError::RelativeUrlWithoutBase
        | ParseError::RelativeUrlWithCannotBeABaseBase
        | ParseError::SetHostOnCannotBeABaseUrl
        | ParseError::Overflow
        | _ => "a URL",
    };
    Expected::new(what).hidden()
}

/// One of a few words, each with its value.
pub(super) fn word<T: Copy>(words: &'static [(&'static str, T)]) -> impl Fn(&Node) -> Read<T> {
    move |node| {
        let listed: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let expected = || Expected::new(listed.join(" or "));
        let found = any_text(node).map_err(|_| expected())?;
        let known = words.iter().find(|(word, _)| *word == found.trim());
        known.map(|(_, meaning)| *meaning).ok_or_else(expected)
    }
}

/// One of a few words, which are their own value.
pub(super) fn one_of(words: &'static [&'static str]) -> impl Fn(&Node) -> Read<&'static str> {
    move |node| {
        let listed: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        let expected = || Expected::new(listed.join(" or "));
        let found = any_text(node).map_err(|_| expected())?;
        words.iter().find(|word| **word == found.trim()).copied().ok_or_else(expected)
    }
}

/// A number in a range, or a word for its absence (`None`).
pub(super) fn or_word<T>(word: &'static str, kind: impl Fn(&Node) -> Read<T>) -> impl Fn(&Node) -> Read<Option<T>> {
    move |node| {
        if any_text(node).is_ok_and(|text| text.trim() == word) {
            return Ok(None);
        }
        let or_word = |expected: Expected| Expected { what: format!("{} or \"{word}\"", expected.what), ..expected };
        kind(node).map(Some).map_err(or_word)
    }
}

/// A list of at most `most` entries of one kind.
pub(super) fn list<T>(most: usize, kind: impl Fn(&Node) -> Read<T>) -> impl Fn(&Node) -> Read<Vec<T>> {
    move |node| {
        let Value::List(entries) = &node.value else {
            // The kind refuses this value, which no kind accepts, and thereby reveals its example.
            let node = Node { value: Value::Other(String::new()), origin: node.origin.clone() };
            let example = kind(&node).err().and_then(|expected| expected.example).unwrap_or_else(|| "…".to_owned());
            return Err(Expected::new("a list").help(format!("write it in brackets: [\"{example}\", \"{example}\"]")));
        };
        if entries.len() > most {
            return Err(Expected::new(format!("a list of at most {most}")));
        }
        let read = |(at, entry): (usize, &Node)| {
            kind(entry).map_err(|expected| {
                let what = format!("{} as its entry {}, where {} is found", expected.what, at + 1, shown(&entry.value));
                Expected { what, ..expected }
            })
        };
        entries.iter().enumerate().map(read).collect()
    }
}

/// A free-form table as JSON, for a schema that is passed on.
pub(super) fn json(node: &Node) -> Read<serde_json::Value> {
    Ok(match &node.value {
        Value::Text(text) | Value::Raw(text) | Value::Other(text) => text.clone().into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Flag(flag) => (*flag).into(),
        Value::List(entries) => entries.iter().map(json).collect::<Read<Vec<_>>>()?.into(),
        Value::Table(entries) => {
            let entries = entries.iter().map(|(key, entry)| Ok((key.clone(), json(entry)?)));
            entries.collect::<Read<serde_json::Map<_, _>>>()?.into()
        }
    })
}

/// A language code of ISO 639-1.
pub(super) fn iso_language(node: &Node) -> Result<String, Expected> {
    let found = text(node)?;
    let fits = found.len() == 2 && found.chars().all(|c| c.is_ascii_lowercase());
    if fits { Ok(found) } else { Err(Expected::new("an ISO-639-1 code of two small letters, as \"en\"")) }
}

/// A table whose values are texts.
pub(super) fn texts(node: &Node) -> Read<BTreeMap<String, String>> {
    let Value::Table(entries) = &node.value else {
        return Err(Expected::new("a table of texts, as { name = \"…\" }"));
    };
    entries.iter().map(|(key, entry)| Ok((key.clone(), text(entry)?))).collect()
}

/// The duration in examples, if the range includes it.
const EXAMPLE: Duration = Duration::from_secs(30);
/// Limit for a scheme in a message; all real schemes are shorter.
const LONGEST_SCHEME: usize = 16;
/// Longest part of a value that a message repeats.
const SHOWN: usize = 48;

/// Whether a URL leads only to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// The unit of the limits of durations.
pub(super) const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
