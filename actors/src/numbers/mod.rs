//! The other party of a call: one normal form of a number or an address, whatever its spelling.
//! Pure.
//!
//! Carriers write one number as `+912250000000`, `912250000000`, `00912250000000`, `02250000000`,
//! `tel:+91-22-5000-0000` or `sip:+912250000000@host;user=phone`. Routes, budgets, caps,
//! experiments and erasure compare the normal form that [`Numbering::read`] makes. Records and
//! displays keep the original spelling.
//!
//! # Without a country
//!
//! A number without `+` is read as one that begins with its country code, unless it begins with
//! `0`. Such a number is [`Party::Local`] and equals only itself. With [`Numbering::of`] a country,
//! both are read as numbers of that country.

mod countries;
mod spelling;

use countries::Country;
use spelling::{Said, Spelling};

/// How numbers without a country code are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbering {
    country: Option<&'static Country>,
}

/// The other party, in a form that can be compared. Private: wrap it before storing it
/// anywhere that prints.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Party {
    /// Unknown: the number is withheld, or the carrier sent a word for that.
    Withheld,
    /// A full number: `+`, country code, national number.
    Number(String),
    /// Digits without a known country, or a short number.
    Local(String),
    /// Anything else: `sip:user@host`, `client:name`, or another text.
    Address(String),
}

/// Whether two spellings mean the same party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Both mean the same party.
    Same,
    /// One of them lacks its country or area code: they may be the same, and a person has to
    /// decide.
    Perhaps,
    /// The two mean different parties.
    Other,
}

impl Numbering {
    /// Reads numbers without a country code as numbers of `iso` (two letters, ISO 3166-1); `None`
    /// if there is no such country.
    pub fn of(iso: &str) -> Option<Self> {
        countries::by_iso(iso).map(|country| Self { country: Some(country) })
    }

    /// The country's two letters, if one is set.
    pub fn country(self) -> Option<&'static str> {
        self.country.map(|country| country.iso)
    }

    /// Reads the spelling of a carrier, a configuration or an operator.
    pub fn read(self, written: &str) -> Party {
        match spelling::read(written) {
            Said::Nothing => Party::Withheld,
            Said::Address(address) => Party::Address(address),
            Said::Digits(spelled) => self.number(&spelled),
        }
    }

    /// Whether two spellings mean the same party. Two withheld ones never do.
    pub fn compare(self, one: &str, other: &str) -> Likeness {
        let (left, right) = (self.read(one), self.read(other));
        match (&left, &right) {
            (Party::Withheld, _) | (_, Party::Withheld) => Likeness::Other,
            (Party::Address(_), _) | (_, Party::Address(_)) if left != right => Likeness::Other,
            _ if left == right => Likeness::Same,
            _ => match (spelling::read(one), spelling::read(other)) {
                (Said::Digits(one), Said::Digits(other)) => self.perhaps((&one, &left), (&other, &right)),
                _ => Likeness::Other,
            },
        }
    }

    /// The leading digits of the numbers that match a pattern such as `+91225*` or, with a country,
    /// `022*`.
    pub fn beginning(self, written: &str) -> Option<String> {
        let Said::Digits(spelled) = spelling::read_beginning(written)? else { return None };
        if let Some(digits) = self.in_full(&spelled) {
            return Some(digits.to_owned());
        }
        let digits = &spelled.digits;
        let Some(country) = self.country else { return Some(digits.clone()) };
        let national = match digits.strip_prefix(country.trunk).filter(|_| country.trunk.starts_with('0')) {
            Some(national) => national,
            None if digits.starts_with(country.code) => return Some(digits.clone()),
            None => digits,
        };
        Some(format!("{}{national}", country.code))
    }

    fn number(self, spelled: &Spelling) -> Party {
        let full = |digits: &str| Party::Number(format!("+{}", without_trunk(digits)));
        if let Some(digits) = self.in_full(spelled) {
            return if is_keypad_word(digits) { Party::Withheld } else { full(digits) };
        }
        let digits = &spelled.digits;
        if let Some(party) = self.country.and_then(|country| national(country, digits)) {
            return party;
        }
        if is_keypad_word(digits) {
            return Party::Withheld;
        }
        // Shorter numbers are extensions, services, or numbers without their area code.
        let shortest = self.country.map_or(SHORTEST, |country| SHORTEST.max(country.longest + 1));
        // No country code begins with 0.
        if digits.starts_with('0') || !(shortest..=LONGEST).contains(&digits.len()) {
            return Party::Local(digits.clone());
        }
        full(digits)
    }

    /// The digits after a `+` or after an international prefix; `None` if there is neither.
    fn in_full(self, spelled: &Spelling) -> Option<&str> {
        let digits = spelled.digits.as_str();
        if spelled.plus {
            return Some(digits);
        }
        let of_country = self.country.map(Country::abroad).unwrap_or_default();
        let mut prefixes = of_country.iter().copied().chain(["00"]);
        // No country code begins with 0.
        prefixes
            .find_map(|prefix| digits.strip_prefix(prefix).filter(|rest| !rest.starts_with('0') && !rest.is_empty()))
    }

    /// For different digits: whether the shorter ones can be the end of the longer ones.
    fn perhaps(self, one: (&Spelling, &Party), other: (&Spelling, &Party)) -> Likeness {
        // A full number, or one read with a country, is unambiguous.
        let sure = |(spelled, party): (&Spelling, &Party)| {
            self.in_full(spelled).is_some() || (self.country.is_some() && matches!(party, Party::Number(_)))
        };
        if sure(one) && sure(other) {
            return Likeness::Other;
        }
        let digits = |(_, party): (&Spelling, &Party)| match party {
            Party::Number(number) => number.trim_start_matches('+').to_owned(),
            Party::Local(digits) => digits.trim_start_matches('0').to_owned(),
            Party::Withheld | Party::Address(_) => String::new(),
        };
        let (left, right) = (digits(one), digits(other));
        let ((short, by), (long, _)) =
            if left.len() <= right.len() { ((left, one), (right, other)) } else { ((right, other), (left, one)) };
        let open = !sure(by) && short.len() >= SHORTEST_END && long.ends_with(&short);
        if open { Likeness::Perhaps } else { Likeness::Other }
    }
}

impl Party {
    /// The text that identifies the party wherever parties are compared; `None` if withheld.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Withheld => None,
            Self::Number(text) | Self::Local(text) | Self::Address(text) => Some(text),
        }
    }

    /// The full number (E.164), if it is one.
    pub fn e164(&self) -> Option<&str> {
        match self {
            Self::Number(number) => Some(number),
            Self::Withheld | Self::Local(_) | Self::Address(_) => None,
        }
    }

    /// Whether the party cannot be identified.
    pub const fn is_withheld(&self) -> bool {
        matches!(self, Self::Withheld)
    }
}

impl std::fmt::Debug for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Withheld => "Withheld",
            Self::Number(_) => "Number([private])",
            Self::Local(_) => "Local([private])",
            Self::Address(_) => "Address([private])",
        })
    }
}

/// Reads digits without a country code as a number of a country; `None` if its plan has no such
/// number.
fn national(country: &Country, digits: &str) -> Option<Party> {
    let lengths = country.shortest..=country.longest;
    let fits = |rest: &&str| lengths.contains(&rest.len());
    // In the form of a full number, which is read as itself.
    let own = |rest: &str| Party::Number(format!("+{}", without_trunk(&format!("{}{rest}", country.code))));
    if country.services().iter().any(|start| digits.starts_with(start)) && digits.len() >= SHORTEST {
        return Some(own(digits));
    }
    let by_trunk = || digits.strip_prefix(country.trunk).filter(|_| !country.trunk.is_empty()).filter(fits);
    let by_code = || digits.strip_prefix(country.code).map(|rest| strip_trunk(country, rest)).filter(fits);
    let by_length = || Some(digits).filter(fits);
    // If all national numbers have one length, the length decides. Otherwise a number without its
    // trunk prefix is unusual, so a number that begins with the country's code is read as having
    // it, unless the country has no trunk prefix.
    let fixed = country.shortest == country.longest;
    let found = if fixed || country.trunk.is_empty() {
        by_length().or_else(by_trunk).or_else(by_code)
    } else {
        by_trunk().or_else(by_code).or_else(by_length)
    };
    found.map(own)
}

/// A full number without the trunk prefix that some carriers leave in it, as in `+44 (0)20…`.
fn without_trunk(digits: &str) -> String {
    match countries::by_number(digits) {
        Some(country) => format!("{}{}", country.code, strip_trunk(country, &digits[country.code.len()..])),
        None => digits.to_owned(),
    }
}

fn strip_trunk<'n>(country: &Country, rest: &'n str) -> &'n str {
    // Only `0`: no national number of such a country begins with it, while `1` and `8` may begin
    // one.
    let lengths = country.shortest..=country.longest;
    let zero = |rest: &'n str| rest.strip_prefix('0').filter(|rest| lengths.contains(&rest.len()));
    let mut rest = rest;
    while let Some(stripped) = zero(rest).filter(|_| country.trunk.starts_with('0')) {
        rest = stripped;
    }
    rest
}

/// Whether digits are a carrier's substitute for a withheld number: words spelled on a keypad. A
/// carrier's page on its webhooks lists them among the values of `From` for blocked callers.
fn is_keypad_word(digits: &str) -> bool {
    KEYPAD_WORDS.contains(&digits)
}

/// `ANONYMOUS`, `UNAVAILABLE`, `RESTRICTED`, `BLOCKED`, `UNKNOWN` (in two spellings), `PRIVATE`,
/// and the beginning of `INGRESS`.
const KEYPAD_WORDS: [&str; 8] =
    ["266696687", "86282452253", "7378742833", "2562533", "8656696", "8566696", "7748283", "464"];
/// Fewest digits of a number with its country code.
const SHORTEST: usize = 7;
/// Most digits of a number with its country code (E.164).
const LONGEST: usize = 15;
/// With fewer digits, too many numbers have the same end to ask about.
const SHORTEST_END: usize = 6;

#[cfg(test)]
mod tests;
