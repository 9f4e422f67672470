//! The values of a call: what stands in the place of `{{name}}` in its texts. Pure.
//!
//! A value comes from outside: from the carrier's parameters, an order, or a look-up. It is text and
//! stays text. [`clean`] makes one line of it when it comes in; [`Place`] says what else it must not
//! be where it is put: an instruction's heading, fence, tag or quotation mark. A value is never
//! looked through for names, so that `{{` in it is nothing but two signs.

mod texts;
mod zone;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::texts::Unknown;
pub use self::zone::Zone;
use crate::line::identity::CallIdentity;

/// What an agent's texts may contain, and in which zone its times are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ValuePlan {
    /// The names of the agent with their defaults: one line each.
    pub defaults: BTreeMap<String, String>,
    /// The time zone of `{{date}}`, `{{time}}` and `{{weekday}}`.
    pub zone: Zone,
    /// Whether any text of the profile has a name in it. Without one, nothing is filled in.
    pub fills: bool,
}

/// Values by their names, each clean. Prints none of them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(BTreeMap<String, String>);

/// The values that came from outside, by their source. A later source goes before an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Of the carrier's request that announced the call.
    pub carrier: Values,
    /// Of the order that began it.
    pub order: Values,
    /// Of the look-up.
    pub looked_up: Values,
    /// Why the look-up gave nothing, in a few words for the record.
    pub unknown: Option<String>,
    /// The look-up refuses the call, and the agent says its goodbye at once.
    pub declined: bool,
}

/// Why a value is refused. None of the texts repeats the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The name has other signs, or is too long.
    #[error("a name has at most {LONGEST_NAME} letters, digits and `_`, and begins with a letter")]
    Name,
    /// The name is one of [`BUILT_IN`].
    #[error("a name of a built-in value cannot be given")]
    BuiltIn,
    /// The value is too long.
    #[error("a value has at most {LONGEST} signs")]
    Long,
    /// There are too many values.
    #[error("there may be at most {MOST} values")]
    Many,
    /// The value is a list or an object.
    #[error("a value is a text, a number, true or false")]
    Kind,
}

/// Where a value is put, which decides what it must not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In an instruction to a model: it must not become a part of its structure.
    Prompt,
    /// In words that somebody hears: the same, and no markup of a voice.
    Words,
    /// In a header of a request: printable ASCII.
    Header,
    /// In a text that is encoded as a whole, as the value of a JSON field.
    Field,
}

impl Values {
    /// Takes a value in, cleaned.
    ///
    /// # Errors
    /// Why it is refused. Nothing has changed then.
    pub fn take(&mut self, name: &str, value: &str) -> Result<(), Unfit> {
        if !is_name(name) {
            return Err(Unfit::Name);
        }
        if BUILT_IN.contains(&name) {
            return Err(Unfit::BuiltIn);
        }
        if value.chars().nth(LONGEST).is_some() {
            return Err(Unfit::Long);
        }
        if self.0.len() >= MOST && !self.0.contains_key(name) {
            return Err(Unfit::Many);
        }
        self.0.insert(name.to_owned(), clean(value));
        Ok(())
    }

    /// Takes the values of a JSON object in. `null` leaves a name at its default.
    ///
    /// # Errors
    /// The first name whose value is refused, as far as it is a name, and why.
    pub fn of_json(object: &serde_json::Map<String, serde_json::Value>) -> Result<Self, (String, Unfit)> {
        use serde_json::Value as V;
        let mut values = Self::default();
        for (name, value) in object {
            let taken = match value {
                V::Null => Ok(()),
                V::String(text) => values.take(name, text),
                V::Number(number) => values.take(name, &number.to_string()),
                V::Bool(flag) => values.take(name, &flag.to_string()),
                V::Array(_) | V::Object(_) => Err(Unfit::Kind),
            };
            taken.map_err(|unfit| {
                (name.chars().filter(|sign| !sign.is_control()).take(LONGEST_NAME).collect(), unfit)
            })?;
        }
        Ok(values)
    }

    /// Takes those parameters of the carrier in that have a name among `wanted`. What is too long is
    /// cut: the carrier's caller cannot be asked again.
    fn of_carrier(parameters: &BTreeMap<String, String>, wanted: impl Fn(&str) -> bool) -> Self {
        let mut values = Self::default();
        for (name, value) in parameters.iter().filter(|(name, _)| wanted(name)) {
            let cut: String = value.chars().take(LONGEST).collect();
            // What is no value of this agent is kept among the record's parameters.
            let _ = values.take(name, &cut);
        }
        values
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The values, for the record.
    pub fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn lay(&mut self, over: &Self) {
        self.0.extend(over.0.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Values({} private)", self.0.len())
    }
}

impl Given {
    /// The values of a call: the agent's defaults, under what came from outside. Of the carrier's
    /// parameters only the agent's own names count, unless an operator has given them.
    pub fn of_call(&self, plan: &ValuePlan, identity: &CallIdentity) -> Values {
        let mut values = Values(plan.defaults.clone());
        let operators = identity.carrier == crate::carrier::Carrier::of_operators();
        let wanted = |name: &str| (operators && !NEVER.contains(&name)) || plan.defaults.contains_key(name);
        for source in
            [&self.carrier, &Values::of_carrier(identity.parameters.expose(), wanted), &self.order, &self.looked_up]
        {
            values.lay(source);
        }
        values
    }

    /// The values that are known before a call begins.
    pub fn so_far(&self, plan: &ValuePlan) -> Values {
        let mut values = Values(plan.defaults.clone());
        values.lay(&self.carrier);
        values.lay(&self.order);
        values
    }

    /// Takes in the parameters of the request that announced the call.
    pub fn announced(&mut self, plan: &ValuePlan, parameters: &BTreeMap<String, String>) {
        self.carrier.lay(&Values::of_carrier(parameters, |name| plan.defaults.contains_key(name)));
    }
}

/// What is known of a call without anybody's word: the built-in values, and the given ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) identity: &'k CallIdentity,
    pub(super) values: &'k Values,
    pub(super) zone: &'k Zone,
    /// The agent's name.
    pub(super) agent: &'k str,
    /// The language of the text: its code, and its English name.
    pub(super) language: (&'k str, &'k str),
}

impl Known<'_> {
    fn value(&self, name: &str) -> Option<String> {
        let at = || self.zone.at(self.identity.started_at);
        Some(match name {
            "caller" => party(self.identity.from.expose()),
            "called" => party(self.identity.to.expose()),
            "agent" => self.agent.to_owned(),
            "language" => self.language.0.to_owned(),
            "language_name" => self.language.1.to_owned(),
            "date" => at().format("%Y-%m-%d").to_string(),
            "time" => at().format("%H:%M").to_string(),
            "weekday" => at().format("%A").to_string(),
            "call_id" => self.identity.id.to_string(),
            _ => self.values.get(name)?.to_owned(),
        })
    }

    /// The text with every name's value in its place.
    pub(super) fn fill(&self, text: &str, place: Place) -> String {
        let mut filled = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) | Piece::Broken(text) => filled.push_str(text),
                Piece::Name(name) => {
                    let begins = filled.rsplit('\n').next().is_none_or(|line| line.trim().is_empty());
                    let value = self.value(name).unwrap_or_default();
                    filled.push_str(&place.write(&value, begins));
                }
            }
        }
        filled
    }
}

impl Place {
    /// A clean value as it stands here. `begins` says that it begins a line.
    fn write(self, value: &str, begins: bool) -> String {
        match self {
            Self::Field => value.to_owned(),
            Self::Header => value.chars().map(|sign| if (' '..='~').contains(&sign) { sign } else { '?' }).collect(),
            Self::Words => value.chars().map(harmless).collect(),
            Self::Prompt => {
                let plain: String = value.chars().map(harmless).collect();
                // Markdown's own sign for "this is no heading, list or rule".
                if begins && is_block(&plain) { format!("\\{plain}") } else { plain }
            }
        }
    }
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// What stands there as it is.
    Text(&'t str),
    /// A name, whose value stands there.
    Name(&'t str),
    /// What looks like a name and is none. It stays as it is.
    Broken(&'t str),
}

/// The parts of a text, in order.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(at) = rest.find("{{") else { return Some(Piece::Text(std::mem::take(&mut rest))) };
        if at > 0 {
            let (before, from) = rest.split_at(at);
            rest = from;
            return Some(Piece::Text(before));
        }
        let end = rest.find("}}").filter(|end| !rest[..*end].contains('\n')).map_or(2, |end| end + 2);
        let (whole, after) = rest.split_at(end);
        rest = after;
        let name = whole.strip_prefix("{{").and_then(|inner| inner.strip_suffix("}}")).map(str::trim);
        Some(name.filter(|name| is_name(name)).map_or(Piece::Broken(whole), Piece::Name))
    })
}

/// Makes one line of a text: without signs that nobody sees or that change a text's direction, and
/// with single blanks. The joiners of Indian scripts stay.
pub fn clean(text: &str) -> String {
    let mut line = String::new();
    for sign in text.chars().take(LONGEST).filter(|sign| !is_invisible(*sign)) {
        if !sign.is_whitespace() && !sign.is_control() {
            line.push(sign);
        } else if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// A number or an address as the carrier names it: without blanks it is no sentence.
fn party(text: &str) -> String {
    text.chars().filter(|sign| sign.is_ascii_graphic()).take(LONGEST_PARTY).collect()
}

/// Whether a text is a name of a value.
pub fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
        && text.starts_with(|sign: char| sign.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A sign that cannot open or close anything in an instruction, or mark up speech.
const fn harmless(sign: char) -> char {
    match sign {
        '<' => '‹',
        '>' => '›',
        '`' | '"' | '“' | '”' | '„' => '\'',
        '{' | '[' => '(',
        '}' | ']' => ')',
        '\\' => '/',
        other => other,
    }
}

/// Whether a line that begins so is a heading, a list or a rule in Markdown.
fn is_block(line: &str) -> bool {
    let digits = line.len() - line.trim_start_matches(|sign: char| sign.is_ascii_digit()).len();
    let after = &line[digits..];
    line.starts_with(['#', '-', '*', '+', '=', '~', '|', ':', '_']) || (digits > 0 && after.starts_with(['.', ')']))
}

/// Whether a sign is invisible or turns the direction of a text around it. The zero-width joiner and
/// non-joiner are letters of Indian scripts and no such signs.
const fn is_invisible(sign: char) -> bool {
    matches!(sign,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The values that every call has. Nobody can give them.
pub const BUILT_IN: [&str; 9] =
    ["caller", "called", "agent", "language", "language_name", "date", "time", "weekday", "call_id"];
/// Parameters that are no values, whoever gives them.
const NEVER: [&str; 2] = ["token", "call"];
/// The most signs of a value. Shorter: an address does not fit. Longer: what callers' data say crowds
/// out what the agent is told.
pub const LONGEST: usize = 500;
/// The most signs of a caller's number or address.
const LONGEST_PARTY: usize = 80;
/// The most values of one source.
pub const MOST: usize = 64;
/// The most bytes of a name.
pub const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests;
