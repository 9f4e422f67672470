//! `[recording]`: whether and where calls are recorded, and what callers hear about it first. Pure.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use switchboard_actors::profile::KeysWhilePaused;

use super::agents::Notice;
use super::kinds::{Expected, any_text, flag, texts, word};
use super::layers::{Node, Value};
use super::reader::Section;
use super::service::Records;

/// `[recording]`: where recordings go, and the notice about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The folder for recordings; without it none are made.
    pub dir: Option<Arc<Path>>,
    /// Where recordings are stored, or were stored while they were made.
    pub folder: Arc<Path>,
    /// Spoken before anything else in a call that is recorded.
    pub consent: Option<Notice>,
    /// What the model learns about keys that are pressed while the recording is paused.
    pub keys_while_paused: KeysWhilePaused,
}

impl Recording {
    pub(super) fn read(section: &Section<'_>, records: Option<&Records>) -> Option<Self> {
        let enabled = section.read("enabled", flag);
        let dir = section.read("dir", any_text);
        let consent = section.read("consent", consent);
        let keys_while_paused = section.read("keys_while_paused", word(TOLD));
        let (enabled, dir, consent, keys_while_paused) = (enabled?, dir?, consent?, keys_while_paused?);
        let dir = if dir.is_empty() { records?.dir.clone() } else { PathBuf::from(dir) };
        let folder: Arc<Path> = dir.into();
        let dir = enabled.then(|| Arc::clone(&folder));
        Some(Self { dir, folder, consent: consent.filter(|_| enabled), keys_while_paused })
    }
}

fn consent(node: &Node) -> Result<Option<Notice>, Expected> {
    if let Value::Table(_) = &node.value {
        return texts(node).map(|texts| Some(Notice::PerLanguage(texts)));
    }
    let words = any_text(node).map_err(|_| Expected::new("a text, or a table of texts by language"))?;
    Ok(Some(words.trim().to_owned()).filter(|words| !words.is_empty()).map(Notice::Same))
}

const TOLD: &[(&str, KeysWhilePaused)] = &[("withheld", KeysWhilePaused::Withheld), ("model", KeysWhilePaused::Model)];
