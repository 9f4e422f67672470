//! Parses the text in place of a number: digits, an address, or a word for no number. Pure.

/// The meaning of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// No number.
    Nothing,
    /// A number.
    Digits(Spelling),
    /// Something else, in a form that can be compared.
    Address(String),
}

/// The digits of a number, in ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spelling {
    /// The digits, without the `+`.
    pub(super) digits: String,
    /// Whether a `+` precedes them.
    pub(super) plus: bool,
}

/// Reads a whole text.
pub(super) fn read(written: &str) -> Said {
    let text = inside_brackets(written);
    let trimmed = text.trim();
    if is_no_number(trimmed) {
        return Said::Nothing;
    }
    if let Some((scheme, rest)) = scheme(trimmed) {
        return match scheme {
            Scheme::Sip => sip(rest),
            Scheme::Tel => telephone(rest),
            Scheme::Client if is_no_number(rest) => Said::Nothing,
            Scheme::Client => Said::Address(format!("client:{rest}")),
        };
    }
    if let Some(digits) = digits(text) {
        return Said::Digits(digits);
    }
    // `user@host` without its scheme, as some trunks send it.
    if trimmed.contains('@') && !trimmed.contains(char::is_whitespace) {
        return sip(trimmed);
    }
    Said::Address(trimmed.to_owned())
}

/// Reads the beginning of a number; `None` if it is not one.
pub(super) fn read_beginning(written: &str) -> Option<Said> {
    digits(written).map(Said::Digits)
}

enum Scheme {
    Sip,
    Tel,
    Client,
}

fn scheme(text: &str) -> Option<(Scheme, &str)> {
    let (name, rest) = text.split_once(':')?;
    let known = [
        ("sip", Scheme::Sip),
        ("sips", Scheme::Sip),
        ("tel", Scheme::Tel),
        ("callto", Scheme::Tel),
        ("whatsapp", Scheme::Tel),
        ("client", Scheme::Client),
    ];
    let found = known.into_iter().find(|(known, _)| name.trim().eq_ignore_ascii_case(known));
    found.map(|(_, scheme)| (scheme, rest.trim_start_matches('/')))
}

/// The address in `"Name" <sip:…>`.
fn inside_brackets(text: &str) -> &str {
    let inside = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or(text, |(inside, _)| inside)
}

/// Reads `+91-22…;phone-context=…`.
fn telephone(rest: &str) -> Said {
    let number = decoded(rest.split([';', '?']).next().unwrap_or_default());
    if is_no_number(number.trim()) {
        return Said::Nothing;
    }
    digits(&number).map_or_else(|| Said::Address(format!("tel:{}", number.trim())), Said::Digits)
}

/// Reads `user:password@host:port;parameters?headers`, RFC 3261 §19.1. Parameters, headers,
/// password and port do not distinguish parties.
fn sip(rest: &str) -> Said {
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (user, host),
        // A host alone is a machine, not a person.
        None => ("", rest),
    };
    let (place, parameters) = host.split_once([';', '?']).unwrap_or((host, ""));
    let place = without_port(place).trim_end_matches('.').to_ascii_lowercase();
    let user = decoded(user);
    let (name, of_user) = user.split_once(';').unwrap_or((&user, ""));
    let name = name.split_once(':').map_or(name, |(name, _)| name).trim();
    // RFC 3323: a caller who withholds their number has a host that cannot exist.
    if place.ends_with(".invalid") || is_no_number(name) {
        return Said::Nothing;
    }
    let phone = [parameters, of_user].iter().any(|it| it.to_ascii_lowercase().contains("user=phone"));
    match digits(name) {
        // Shorter numbers are extensions of a private exchange.
        Some(spelled) if spelled.plus || phone || spelled.digits.len() >= super::SHORTEST => Said::Digits(spelled),
        Some(_) | None => Said::Address(format!("sip:{name}@{place}")),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

/// Decodes `%2B` and other escapes; an invalid escape stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let value = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let escaped = match behind {
            [high, low, ..] if byte == b'%' => value(high).zip(value(low)),
            _ => None,
        };
        bytes.push(escaped.map_or(byte, |(high, low)| high * 16 + low));
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The digits of a number in any script, with any separators; `None` if it is not a number.
fn digits(text: &str) -> Option<Spelling> {
    // A form has decoded the `+` to a blank.
    let lost_plus = text.strip_prefix(' ').is_some_and(|rest| rest.starts_with(|c: char| matches!(c, '1'..='9')));
    // `+44 (0)20…`: the zero is only dialled within the country.
    let text = if text.contains(['+', '\u{FF0B}']) { text.replace("(0)", "") } else { text.to_owned() };
    let (mut digits, mut plus) = (String::with_capacity(text.len()), lost_plus);
    for c in text.chars() {
        if let Some(digit) = digit(c) {
            digits.push(digit);
        } else if matches!(c, '+' | '\u{FF0B}') && digits.is_empty() {
            plus = true;
        } else if !stands_between(c) {
            return None;
        }
    }
    if digits.is_empty() {
        return None;
    }
    Some(Spelling { digits, plus })
}

/// A decimal digit in any script of `ZEROS`.
fn digit(c: char) -> Option<char> {
    let value = ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(*zero).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

/// Separators that people and programs put between digits, and invisible marks.
fn stands_between(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '(' | ')' | '[' | ']' | '.' | '/' | '~' | '\u{B7}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
        || matches!(c, '\u{FF08}' | '\u{FF09}' | '\u{FF0D}' | '\u{FF0E}' | '\u{30FC}' | '\u{AD}')
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Whether a text means that there is no number.
fn is_no_number(text: &str) -> bool {
    if text.chars().any(|c| digit(c).is_some()) {
        return false;
    }
    let letters: String = text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    let address = text.contains(['@', ':']);
    !address && (letters.is_empty() || NO_NUMBER.contains(&letters.as_str()))
}

/// Words for no number, letters only.
const NO_NUMBER: [&str; 26] = [
    "anonymous",
    "anonymouscaller",
    "asserted",
    "blocked",
    "callernameunavailable",
    "hidden",
    "idunavailable",
    "idwithheld",
    "na",
    "nocallerid",
    "none",
    "nonumber",
    "notavailable",
    "null",
    "numberwithheld",
    "outofarea",
    "private",
    "privatecaller",
    "privatenumber",
    "restricted",
    "unavailable",
    "undefined",
    "unknown",
    "unknowncaller",
    "unknownnumber",
    "withheld",
];
/// The digit zero of each script.
const ZEROS: [u32; 21] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x17E0, 0x1810, 0xFF10,
];
