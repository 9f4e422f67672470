//! The part of the configuration that operators' commands read: where records, recordings and
//! deliveries are stored, and how numbers are read.
//!
//! The rest is ignored: reading what was said in a call takes neither the model's key nor the
//! carrier's.

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

/// Where records, recordings and deliveries are stored.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The folder of records, as an absolute path.
    pub records: Records,
    /// Whether and where calls are recorded.
    pub recording: Recording,
    /// Where deliveries wait.
    pub delivery: DeliveryQueue,
    /// How numbers without a country code are read.
    pub numbering: Numbering,
    /// The source of the folder setting, for messages: `records.dir of built-in defaults`.
    pub said_by: String,
    /// Whether there is a configuration file, named or found, that could have set the folder.
    configured: bool,
}

impl Kept {
    /// Reads `[records]`, `[recording]`, `[delivery]` and `[numbers]` of the sources. `dir` takes
    /// precedence over their folder of records.
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
        // Problems of other sections do not matter here. Neither does a `.env` without read
        // permission.
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
        // Recordings without a folder of their own are stored with the records, wherever those are.
        let beside = *recording.folder == *records.dir;
        records.dir = whole(dir.unwrap_or(&records.dir));
        records.legacy_dir = records.legacy_dir.map(|dir| whole(&dir));
        let folder: Arc<Path> = if beside { records.dir.clone() } else { whole(&recording.folder) }.into();
        let recording = Recording { dir: recording.dir.map(|_| Arc::clone(&folder)), folder, ..recording };
        Ok(Self { records, recording, delivery, numbering, said_by, configured: sources.file.is_some() })
    }

    /// Reads `file`, or the configuration in the working directory and the environment.
    ///
    /// # Errors
    /// See [`Self::of`].
    pub fn load(file: Option<&Path>, dir: Option<&Path>) -> Result<Self, ConfigError> {
        Self::of(&Sources::found(file), dir)
    }

    /// Checks that the folder of records exists.
    ///
    /// # Errors
    /// A message for the operator: the missing folder, the setting that names it, and the next
    /// step.
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

/// Whether a problem belongs to a section that is read here, or to the file as a whole.
fn is_ours(problem: &Problem) -> bool {
    const SECTIONS: [&str; 4] = ["records", "recording", "delivery", "numbers"];
    let section = problem.key.split('.').next().unwrap_or_default();
    let of_file = problem.key != ".env"
        && matches!(&problem.origin, Origin::File { path, .. } if path.display().to_string() == problem.key);
    // The origin of a file that cannot be read is `Nowhere`, because such a file has no line.
    let unread =
        problem.origin == Origin::Nowhere && problem.key != ".env" && problem.message.starts_with("cannot be read");
    SECTIONS.contains(&section) || of_file || unread
}

fn whole(path: &Path) -> PathBuf {
    // An empty path is refused as a setting. Without a working directory the path stays unchanged.
    absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests;
