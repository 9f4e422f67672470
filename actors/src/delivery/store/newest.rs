//! The newest deliveries of a folder, for a page that cannot show all of them.

use std::fs;
use std::io;

use super::{Store, folder_of};
use crate::delivery::case::Status;
use crate::delivery::notice::is_id;

impl Store {
    /// The ids of the newest cases in the folder of a status, newest first, and how many it has. In a
    /// folder with more than `MOST_COMPARED` files nobody can say in time which are the newest.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn newest(&self, status: Status, most: usize) -> io::Result<(Vec<String>, usize)> {
        let entries = match fs::read_dir(self.deliveries.join(folder_of(status))) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".json")).filter(|id| is_id(id));
            found.extend(id.map(|id| (id.to_owned(), entry)));
        }
        let all = found.len();
        if all > MOST_COMPARED {
            return Ok((Vec::new(), all));
        }
        // One that moves to another folder meanwhile has no time, and is last.
        found
            .sort_by_cached_key(|(_, entry)| std::cmp::Reverse(entry.metadata().and_then(|file| file.modified()).ok()));
        Ok((found.into_iter().take(most).map(|(id, _)| id).collect(), all))
    }
}

/// Files whose times are compared: a tenth of a second on a usual disk.
const MOST_COMPARED: usize = 20_000;
