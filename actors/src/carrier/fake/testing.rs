//! A reader of what a carrier's end of a stream writes.

use serde_json::Value;

use crate::carrier::{Incoming, Outgoing};

/// The JSON messages that `write` writes for `line`.
pub(in crate::carrier) fn sent<L>(line: &mut L, write: impl FnOnce(&mut L, &mut Outgoing)) -> Vec<Value> {
    let mut out = Outgoing::default();
    write(line, &mut out);
    let read = |message| match message {
        Incoming::Text(text) => serde_json::from_str(text).expect("JSON"),
        Incoming::Binary(_) => panic!("binary"),
    };
    out.messages().map(read).collect()
}
