//! Past calls as a table (RFC 4180), for spreadsheets.

use std::borrow::Cow;
use std::io;

use actix_web::web::Bytes;
use futures_util::stream::{self, LocalBoxStream, StreamExt as _};
use serde_json::Value;

use crate::tools::records::Archive;
use crate::tools::records::index::{Listed, Page, Wanted};

/// The table's columns, each with its place in a row of the list.
const COLUMNS: &[(&str, &str)] = &[
    ("started_at", "/started_at"),
    ("ended_at", "/ended_at"),
    ("duration_ms", "/duration_ms"),
    ("id", "/id"),
    ("carrier_call_id", "/carrier_call_id"),
    ("carrier", "/carrier"),
    ("direction", "/direction"),
    ("from", "/from"),
    ("to", "/to"),
    ("agent", "/agent"),
    ("language", "/language"),
    ("model", "/model"),
    ("turns", "/turns"),
    ("barge_ins", "/barge_ins"),
    ("ending", "/ending/reason"),
    ("ended_by", "/ending/by"),
    ("disposition", "/disposition"),
    ("summary", "/summary"),
    ("cost_usd", "/cost_usd"),
    ("recorded", "/recorded"),
];

/// The first line.
pub(super) fn head() -> Vec<u8> {
    let mut table = Vec::new();
    line(&mut table, COLUMNS.iter().map(|(name, _)| Cow::Borrowed(*name)));
    table
}

/// The table of every call that is `wanted`, page by page from the `first` one. A trouble on the way
/// breaks the response off, so that nobody takes a part for the whole.
pub(super) fn stream(archive: Archive, wanted: Wanted, first: Page) -> LocalBoxStream<'static, io::Result<Bytes>> {
    let begin = stream::once(async { Ok(Bytes::from(head())) });
    let pages = stream::unfold(Some(first), move |page| {
        let (archive, wanted) = (archive.clone(), wanted.clone());
        async move {
            let page = page?;
            let lines = lines(&page.rows);
            let Some(cursor) = page.cursor else { return Some((Ok(lines), None)) };
            match archive.page(Wanted { after: Some(cursor), most: AT_ONCE, ..wanted }).await {
                Ok(next) => Some((Ok(lines), Some(next))),
                Err(trouble) => Some((Err(io::Error::other(trouble)), None)),
            }
        }
    });
    begin.chain(pages).boxed_local()
}

fn lines(rows: &[String]) -> Bytes {
    let mut table = Vec::new();
    for row in rows {
        let row = Value::Object(serde_json::from_str::<Listed>(row).unwrap_or_default());
        let cell = |(_, place): &(&str, &str)| match row.pointer(place) {
            None | Some(Value::Null) => Cow::Borrowed(""),
            Some(Value::String(text)) => Cow::Owned(harmless(text).into_owned()),
            Some(other) => Cow::Owned(other.to_string()),
        };
        line(&mut table, COLUMNS.iter().map(cell));
    }
    table.into()
}

/// Appends one line.
fn line<'c>(table: &mut Vec<u8>, cells: impl Iterator<Item = Cow<'c, str>>) {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(table);
    // Writing to memory cannot fail, and every line has the same number of cells.
    let _ = writer.write_record(cells.map(|cell| cell.into_owned()));
    let _ = writer.flush();
}

/// Text that no spreadsheet takes for a formula: what callers say and how they write their number is
/// theirs. A cell that begins like a formula gets an apostrophe before it, which spreadsheets hide.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
fn harmless(text: &str) -> Cow<'_, str> {
    let begins_formula =
        |sign: char| matches!(sign, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '\t' | '\r' | '\n');
    let first = text.trim_start_matches(' ').chars().next();
    if first.is_some_and(begins_formula) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// Calls that are read at once. More holds up the questions of others.
pub(super) const AT_ONCE: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "＝1"] {
            assert!(harmless(formula).starts_with('\''), "{formula:?}");
        }
        assert_eq!(harmless("sales"), "sales");
    }

    #[test]
    fn a_row_is_a_line_with_its_signs_quoted() {
        let row = r#"{"id":"a","from":"+919800000001","summary":"He said \"no\",\nand left","duration_ms":1200,"ending":{"reason":"=cmd"},"recorded":true}"#;
        let table = String::from_utf8(lines(&[row.to_owned()]).to_vec()).expect("text");
        assert_eq!(table, ",,1200,a,,,,'+919800000001,,,,,,,'=cmd,,,\"He said \"\"no\"\",\nand left\",,true\r\n");
        assert_eq!(head().iter().filter(|byte| **byte == b',').count() + 1, COLUMNS.len());
    }
}
