//! A small schema language for what the API accepts, with its validator.
//!
//! The real server refuses a whole event because of one unknown key. This one does the same, with
//! the same codes and paths.

use serde_json::{Map, Value};

use super::fault::Fault;

/// The rule for a value.
#[derive(Debug)]
pub(super) enum Rule {
    /// Any JSON, such as a tool's parameters.
    Any,
    /// `true` or `false`.
    Bool,
    /// Text of at most this many characters.
    Text(usize),
    /// An integer within bounds.
    Int(i64, i64),
    /// A number within bounds.
    Number(f64, f64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// An object with only these fields.
    Object(&'static [Field]),
    /// An object whose form depends on the word in one of its fields.
    Tagged(&'static str, &'static [(&'static str, Rule)]),
    /// A list of values.
    List(&'static Rule),
    /// A map from text to text: at most 16 pairs, keys of 64, values of 512 characters.
    Metadata,
    /// The first of these rules that accepts the value's JSON type.
    Either(&'static [Rule]),
}

/// A field of an object.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    rule: Rule,
    required: bool,
    nullable: bool,
}

/// An optional field.
pub(super) const fn may(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: false, nullable: false }
}

/// An optional field that may also be null.
pub(super) const fn clearable(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: false, nullable: true }
}

/// A required field.
pub(super) const fn must(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: true, nullable: false }
}

/// A required field that may be null.
pub(super) const fn nullable(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: true, nullable: true }
}

/// Checks the `value` at `path`.
pub(super) fn check(value: &Value, rule: &Rule, path: &str) -> Result<(), Fault> {
    match rule {
        Rule::Any => Ok(()),
        Rule::Bool => value.as_bool().map(drop).ok_or_else(|| wrong_kind(value, rule, path)),
        Rule::Text(most) => match value.as_str() {
            Some(text) => check_length(text, *most, path),
            None => Err(wrong_kind(value, rule, path)),
        },
        Rule::Int(least, most) => match value.as_i64() {
            Some(number) => check_int(number, *least, *most, path),
            None => Err(wrong_kind(value, rule, path)),
        },
        Rule::Number(least, most) => match value.as_f64() {
            Some(number) => check_number(number, *least, *most, path),
            None => Err(wrong_kind(value, rule, path)),
        },
        Rule::Word(words) => match value.as_str() {
            Some(text) if words.contains(&text) => Ok(()),
            Some(text) => Err(Fault::unsupported(path, text, words.iter().copied())),
            None => Err(wrong_kind(value, rule, path)),
        },
        Rule::Object(fields) => match value.as_object() {
            Some(object) => check_fields(object, fields, path),
            None => Err(wrong_kind(value, rule, path)),
        },
        Rule::Tagged(tag, forms) => match value.as_object() {
            Some(object) => check_tagged(value, object, tag, forms, path),
            None => Err(wrong_kind(value, rule, path)),
        },
        Rule::List(rule_of_each) => match value.as_array() {
            Some(list) => {
                list.iter().enumerate().try_for_each(|(n, each)| check(each, rule_of_each, &format!("{path}[{n}]")))
            }
            None => Err(wrong_kind(value, rule, path)),
        },
        Rule::Metadata => match value.as_object() {
            Some(object) => check_metadata(object, path),
            None => Err(wrong_kind(value, rule, path)),
        },
        Rule::Either(rules) => match rules.iter().find(|rule| takes(rule, value)) {
            Some(rule) => check(value, rule, path),
            None => Err(wrong_kind(value, rule, path)),
        },
    }
}

fn check_fields(object: &Map<String, Value>, fields: &[Field], path: &str) -> Result<(), Fault> {
    for (name, value) in object {
        let here = join(path, name);
        let field = fields.iter().find(|field| field.name == name).ok_or_else(|| Fault::unknown(&here))?;
        if !(value.is_null() && field.nullable) {
            check(value, &field.rule, &here)?;
        }
    }
    match fields.iter().find(|field| field.required && !object.contains_key(field.name)) {
        Some(absent) => Err(Fault::missing(&join(path, absent.name))),
        None => Ok(()),
    }
}

fn check_tagged(
    value: &Value,
    object: &Map<String, Value>,
    tag: &str,
    forms: &[(&str, Rule)],
    path: &str,
) -> Result<(), Fault> {
    let here = join(path, tag);
    let word = match object.get(tag) {
        None => return Err(Fault::missing(&here)),
        Some(word) => word.as_str().ok_or_else(|| wrong_kind(word, &Rule::Text(0), &here))?,
    };
    match forms.iter().find(|(name, _)| *name == word) {
        Some((_, rule)) => check(value, rule, path),
        None => Err(Fault::unsupported(&here, word, forms.iter().map(|(name, _)| *name))),
    }
}

fn check_length(text: &str, most: usize, path: &str) -> Result<(), Fault> {
    // The number of bytes is an upper bound of the number of characters, so few texts have to be
    // counted.
    if text.len() <= most {
        return Ok(());
    }
    let length = text.chars().count();
    if length <= most {
        return Ok(());
    }
    let message = format!(
        "Invalid '{path}': string too long. Expected a string with maximum length {most}, \
         but got a string with length {length} instead."
    );
    Err(Fault::request("string_above_max_length", message).at(path))
}

fn check_int(number: i64, least: i64, most: i64, path: &str) -> Result<(), Fault> {
    let (code, side, bound) = if number < least {
        ("integer_below_min_value", "below minimum value. Expected a value >=", least)
    } else if number > most {
        ("integer_above_max_value", "above maximum value. Expected a value <=", most)
    } else {
        return Ok(());
    };
    let message = format!("Invalid '{path}': integer {side} {bound}, but got {number} instead.");
    Err(Fault::request(code, message).at(path))
}

fn check_number(number: f64, least: f64, most: f64, path: &str) -> Result<(), Fault> {
    let (code, side, bound) = if number < least {
        ("decimal_below_min_value", "below minimum value. Expected a value >=", least)
    } else if number > most {
        ("decimal_above_max_value", "above maximum value. Expected a value <=", most)
    } else {
        return Ok(());
    };
    let message = format!("Invalid '{path}': decimal {side} {bound}, but got {number} instead.");
    Err(Fault::request(code, message).at(path))
}

fn check_metadata(object: &Map<String, Value>, path: &str) -> Result<(), Fault> {
    if object.len() > 16 {
        let message = format!(
            "Invalid '{path}': too many properties. Expected an object with at most 16 properties, \
             but got an object with {} properties instead.",
            object.len()
        );
        return Err(Fault::request("object_above_max_properties", message).at(path));
    }
    object.iter().try_for_each(|(key, value)| {
        check_length(key, 64, &join(path, key))?;
        check(value, &Rule::Text(512), &join(path, key))
    })
}

fn takes(rule: &Rule, value: &Value) -> bool {
    match rule {
        Rule::Any => true,
        Rule::Bool => value.is_boolean(),
        Rule::Text(_) | Rule::Word(_) => value.is_string(),
        Rule::Int(..) | Rule::Number(..) => value.is_number(),
        Rule::Object(_) | Rule::Tagged(..) | Rule::Metadata => value.is_object(),
        Rule::List(_) => value.is_array(),
        Rule::Either(rules) => rules.iter().any(|rule| takes(rule, value)),
    }
}

fn wrong_kind(value: &Value, rule: &Rule, path: &str) -> Fault {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let message = format!("Invalid type for '{path}': expected {}, but got {got} instead.", kind_of(rule));
    Fault::request("invalid_type", message).at(path)
}

fn kind_of(rule: &Rule) -> String {
    match rule {
        Rule::Any => "anything".to_owned(),
        Rule::Bool => "a boolean".to_owned(),
        Rule::Text(_) | Rule::Word(_) => "a string".to_owned(),
        Rule::Int(..) => "an integer".to_owned(),
        Rule::Number(..) => "a number".to_owned(),
        Rule::Object(_) | Rule::Tagged(..) | Rule::Metadata => "an object".to_owned(),
        Rule::List(_) => "an array".to_owned(),
        Rule::Either(rules) => {
            format!("one of {}", rules.iter().map(kind_of).collect::<Vec<_>>().join(" or "))
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
