//! `[numbers]`: how numbers without a country code are interpreted. Pure.

use switchboard_actors::numbers::Numbering;

use super::kinds::{Expected, any_text};
use super::layers::Node;
use super::reader::Section;

/// Reads `[numbers]`.
pub(super) fn read(section: &Section<'_>) -> Option<Numbering> {
    section.read("country", country)
}

fn country(node: &Node) -> Result<Numbering, Expected> {
    let expected = || Expected::new("a country of two letters (ISO 3166-1), as \"IN\", or \"\" for none");
    let found = any_text(node).map_err(|_| expected())?;
    match found.trim() {
        "" => Ok(Numbering::default()),
        iso => Numbering::of(iso).ok_or_else(expected),
    }
}
