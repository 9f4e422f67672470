//! `switchboard records index`: makes the index of past calls anew.

use std::io;
use std::time::Instant;

use super::FOLDER;
use super::entry::Entry;
use super::keeper::{is_transcript, stamp};
use super::store::{Store, Trouble};
use crate::tools::records::command::{print, tell};
use crate::tools::records::folders::{RecordFolders, files, name, transcript};
use crate::tools::terminal::json_text;

/// Makes the index. A running service goes on with the old one until this one is complete. Returns
/// whether every record could be read.
pub(in crate::tools::records) fn run(dirs: &RecordFolders, as_json: bool) -> io::Result<bool> {
    let began = Instant::now();
    let (mut indexed, mut problems) = (0_usize, Vec::new());
    make(dirs, &mut indexed, &mut problems).map_err(|trouble| match trouble {
        Trouble::Damaged(problem) | Trouble::Failed(problem) => {
            io::Error::other(format!("make the index in {}: {problem}", dirs.dir().join(FOLDER).display()))
        }
    })?;
    let took_s = began.elapsed().as_secs_f64();
    if as_json {
        print(&json_text(&serde_json::json!({ "indexed": indexed, "took_s": took_s, "problems": problems })))?;
    } else {
        print(&format!("{indexed} records in {} are indexed ({took_s:.1} s)\n", dirs.dir().display()))?;
    }
    tell(&problems);
    Ok(problems.is_empty())
}

fn make(dirs: &RecordFolders, indexed: &mut usize, problems: &mut Vec<String>) -> Result<(), Trouble> {
    let mut store = Store::aside(&dirs.dir().join(FOLDER))?;
    let paths: Vec<_> = files(dirs.dir())?.into_iter().filter(|path| is_transcript(name(path))).collect();
    for some in paths.chunks(AT_ONCE) {
        let mut entries = Vec::with_capacity(some.len());
        for path in some {
            // One that was erased meanwhile has no state.
            let Some(stamp) = stamp(path) else { continue };
            match transcript(path) {
                Ok(record) => entries.push((name(path).to_owned(), stamp, Entry::of(&record, name(path)))),
                Err(_) if !path.exists() => {}
                Err(problem) => problems.push(problem),
            }
        }
        store.put(&entries)?;
        *indexed += entries.len();
    }
    // What was erased while the others were read is in nobody's index.
    let gone: Vec<String> = store.files()?.into_keys().filter(|name| !dirs.dir().join(name).exists()).collect();
    *indexed -= gone.len();
    store.remove(&gone)?;
    store.publish()
}

/// Records in one transaction.
const AT_ONCE: usize = 512;

/// Examples, shown below the command's options.
pub(in crate::tools::records) const HELP: &str = "Examples:\n  switchboard records index\n  \
    switchboard records --config /etc/switchboard/config.toml index --json\n\n\
    The service keeps the index up and mends it by itself; this makes it from the files at once. The files are the truth.";
