//! Opening hours: `"mon-fri 09:00-18:00 +05:30"`, or a list of such texts. Pure.

use switchboard_actors::profile::hours::Hours;

use super::kinds::{Expected, list, text};
use super::layers::{Node, Value};

/// Reads one text or a list of texts.
pub(super) fn hours(node: &Node) -> Result<Hours, Expected> {
    let expected = || {
        Expected::new("days, times and offset, as \"mon-fri 09:00-18:00 +05:30\"")
            .help("days are mon to sun, single, listed or as a range, or daily")
    };
    let line = |node: &Node| {
        let found = text(node).map_err(|_| expected())?;
        Hours::parse([found.as_str()]).map_err(|_| expected())?;
        Ok(found)
    };
    let lines = if let Value::List(_) = &node.value { list(14, line)(node)? } else { vec![line(node)?] };
    Hours::parse(lines.iter().map(String::as_str)).map_err(|_| expected())
}
