//! What operators' commands read of the configuration: where records, recordings and deliveries are kept, and how numbers are read.
//!
//! Nothing else of it is looked at: whoever asks what was said in a call needs neither the model's key nor the carrier's.

use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;

use switchboard_actors::numbers::Numbering;

use super::numbering;
use super::problem::{ConfigError, Origin, Problem};
use super::reader::Reader;
use super::recording::Recording;
use super::service::Records;
use super::sources::Sources;
use super::webhooks::DeliveryQueue;

/// Where things are kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Where records go, as an absolute path.
    pub records: Records,
    /// Whether and where calls are recorded.
    pub recording: Recording,
    /// Where deliveries wait.
    pub delivery: DeliveryQueue,
    /// How numbers without a country code are read.
    pub numbering: Numbering,
    /// Who says so, for a person: `records.dir of built-in defaults`.
    pub said_by: String,
    /// Whether a file was named or found that could have said something else.
    configured: bool,
}

impl Kept {
    /// Reads `[records]`, `[recording]`, `[delivery]` and `[numbers]` of the sources; `dir` outranks what they say of the folder.
    ///
    /// # Errors
    /// What is wrong with these sections, or with the file as a whole.
    pub fn of(sources: &Sources, dir: Option<&Path>) -> Result<Self, ConfigError> {
        let (tree, mut problems) = sources.laid().map_err(|mut problems| {
            problems.retain(is_ours);
            ConfigError { problems }
        })?;
        let reader = Reader::default();
        let top = reader.top(&tree);
        let records = Records::read(&top.table("records"));
        let recording = Recording::read(&top.table("recording"), records.as_ref());
        let delivery = DeliveryQueue::read(&top.table("delivery"), &sources.variables);
        let numbering = numbering::read(&top.table("numbers"));
        drop(top);
        problems.extend(reader.finish().0);
        // Others' sections are others' business, and so is a `.env` that nobody may read here.
        problems.retain(is_ours);
        let origin = tree.entry("records").and_then(|it| it.entry("dir")).map(|dir| dir.origin.clone());
        let (Some(mut records), Some(recording), Some(delivery), Some(numbering), true) =
            (records, recording, delivery, numbering, problems.is_empty())
        else {
            problems.dedup();
            return Err(ConfigError { problems });
        };
        let said_by = match (dir, origin) {
            (Some(_), _) => "--dir".to_owned(),
            (None, Some(Origin::File { path, line })) => {
                format!("records.dir of {}, line {line}", whole(&path).display())
            }
            (None, Some(origin)) => format!("records.dir of {origin}"),
            (None, None) => "records.dir".to_owned(),
        };
        // Without a folder of their own, recordings are beside the records, wherever those are.
        let beside = *recording.folder == *records.dir;
        records.dir = whole(dir.unwrap_or(&records.dir));
        records.legacy_dir = records.legacy_dir.map(|dir| whole(&dir));
        let folder: Arc<Path> = if beside { records.dir.clone() } else { whole(&recording.folder) }.into();
        let recording = Recording { dir: recording.dir.map(|_| Arc::clone(&folder)), folder, ..recording };
        Ok(Self { records, recording, delivery, numbering, said_by, configured: sources.file.is_some() })
    }

    /// Reads what is in the working directory and the environment, or `file`.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn load(file: Option<&Path>, dir: Option<&Path>) -> Result<Self, ConfigError> {
        Self::of(&Sources::found(file), dir)
    }

    /// Whether the folder of records is there; else what to tell the operator.
    ///
    /// # Errors
    /// Which folder is not there, who says that it should be, and the next step.
    pub fn look(&self) -> Result<(), String> {
        if self.records.dir.is_dir() {
            return Ok(());
        }
        let what = if self.records.dir.exists() { "is no folder" } else { "is not there" };
        let next = match (self.said_by.as_str(), self.configured) {
            ("--dir", _) => "look at its spelling",
            (_, false) => "give --config with the service's configuration, or --dir",
            (_, true) => {
                "a folder without a leading / is looked for in the working directory: give --dir, or work where the service does"
            }
        };
        let dir = self.records.dir.display();
        Err(if what == "is no folder" {
            format!("{dir} {what} ({}); {next}", self.said_by)
        } else {
            format!("there is no folder {dir} ({}); {next}", self.said_by)
        })
    }
}

/// Whether a problem is one of the sections that are read here, or of the file as a whole.
fn is_ours(problem: &Problem) -> bool {
    const SECTIONS: [&str; 4] = ["records", "recording", "delivery", "numbers"];
    let section = problem.key.split('.').next().unwrap_or_default();
    let of_file = problem.key != ".env"
        && matches!(&problem.origin, Origin::File { path, .. } if path.display().to_string() == problem.key);
    // A file that was asked for and cannot be read has no line to be found at.
    let unread =
        problem.origin == Origin::Nowhere && problem.key != ".env" && problem.message.starts_with("cannot be read");
    SECTIONS.contains(&section) || of_file || unread
}

fn whole(path: &Path) -> PathBuf {
    // An empty path is refused as a setting; without a working directory the path stays as it is.
    absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests;
