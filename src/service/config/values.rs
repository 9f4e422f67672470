//! An agent's values: the names in `{{…}}` that its texts may contain. Pure.

use std::collections::BTreeMap;

use switchboard_actors::profile::values::{BUILT_IN, LONGEST, MOST, ValuePlan, Zone, clean, is_name};

use super::kinds::{Expected, any_text, quoted, text};
use super::layers::Node;
use super::reader::Section;

/// Reads the names with their defaults, and the time zone.
pub(super) fn read(section: &Section<'_>) -> Option<ValuePlan> {
    let zone = section.read_if_set("zone", zone);
    let (table, entries) = section.values("variables", value);
    if entries.len() > MOST {
        section.problem("variables", format!("found {} names, expected {MOST} at most", entries.len()));
    }
    let mut defaults = BTreeMap::new();
    for (name, value) in entries {
        if BUILT_IN.contains(&name.as_str()) {
            let found = format!("found the built-in name {}, expected another one", quoted(&name));
            table.problem(&name, format!("{found}; {} have their values in every call", BUILT_IN.join(", ")));
        } else if !is_name(&name) {
            let expected = "expected a letter, then letters, digits and underscores, at most 64 in all";
            table.problem(&name, format!("found {}, {expected}", quoted(&name)));
        }
        defaults.insert(name, value?);
    }
    Some(ValuePlan { defaults, zone: zone?.unwrap_or_default(), fills: false })
}

/// A default: a text, which may be empty.
fn value(node: &Node) -> Result<String, Expected> {
    let found = any_text(node)?;
    if found.chars().nth(LONGEST).is_some() {
        return Err(Expected::new(format!("a text of at most {LONGEST} signs")));
    }
    Ok(clean(&found))
}

fn zone(node: &Node) -> Result<Zone, Expected> {
    let found = text(node).map_err(|_| no_zone())?;
    found.parse().map_err(|_| no_zone())
}

fn no_zone() -> Expected {
    Expected::new("a time zone, as \"Asia/Kolkata\" or \"+05:30\"")
}
