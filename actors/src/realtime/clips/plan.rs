//! The configuration of the recordings: whose words are recorded, and how. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use url::Url;

use crate::ids::Private;

/// The recordings of a session's exact words.
#[derive(Clone, PartialEq)]
pub struct ClipPlan {
    /// Whether they are also played for a model that says the words as they stand.
    pub always: bool,
    /// The operator's recordings by their words: 8 kHz mono.
    pub recorded: BTreeMap<String, Arc<[i16]>>,
    /// How all other words are recorded; `None` leaves them to the model.
    pub rendering: Option<Rendering>,
    /// Lines that no model is there to say and of which there is no recording either: the server
    /// records them whatever the model can do.
    pub unheard: BTreeSet<String>,
    /// How long a call waits for words that are not recorded yet. Shorter: words that no call has
    /// needed before are the model's. Longer: the caller hears silence.
    pub wait: Duration,
}

/// How words are recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendering {
    /// The server.
    pub source: Arc<ClipSource>,
    /// The voice of words that are not in `voices`.
    pub voice: String,
    /// The words that the configuration knows, each with the voice of its language. They are
    /// recorded before a call needs them.
    pub voices: BTreeMap<String, String>,
    /// Words of one call, in which its values stand, each with the voice of its language.
    pub filled: BTreeMap<String, String>,
}

/// A server with `/v1/audio/speech`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipSource {
    /// The API's base.
    pub url: Url,
    /// The model's name.
    pub model: String,
    /// `pcm`, or `wav` for servers that know no other.
    pub format: &'static str,
    /// The key, if the server takes one.
    pub key: Option<Private<String>>,
    /// How long one request may take.
    pub timeout: Duration,
    /// The folder in which recordings are kept; `None` keeps them in memory alone.
    pub folder: Option<PathBuf>,
}

/// Words to record.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipOrder {
    /// The server.
    pub source: Arc<ClipSource>,
    /// The voice.
    pub voice: String,
    /// The words.
    pub words: Private<String>,
    /// Whether the configuration knows the words. Others may belong to a caller and are not kept on
    /// disk.
    pub is_known: bool,
}

/// Where the recording of words comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Recording {
    /// It is at hand.
    Ready(Arc<[i16]>),
    /// It has to be made, or was made for another call.
    Rendered(ClipOrder),
}

impl ClipPlan {
    /// Where the recording of `words` comes from; `None` if there is none.
    pub fn recording(&self, words: &str) -> Option<Recording> {
        if let Some(samples) = self.recorded.get(words) {
            return Some(Recording::Ready(Arc::clone(samples)));
        }
        self.rendering.as_ref().map(|rendering| Recording::Rendered(rendering.order(words)))
    }

    /// What the server records before a call needs it: everything if `all`, otherwise only lines
    /// that nobody would hear.
    pub fn ahead(&self, all: bool) -> Vec<ClipOrder> {
        let Some(rendering) = &self.rendering else { return Vec::new() };
        // Words with a name in them are said only once a call has its value.
        let whole = rendering.voices.keys().filter(|words| !words.contains("{{"));
        whole.filter_map(|words| self.line(words, all)).collect()
    }

    /// How the server records a line that is played when no model can speak; `None` if another
    /// recording is played. With `all`, only a file of the operator goes before the server.
    pub fn line(&self, words: &str, all: bool) -> Option<ClipOrder> {
        let is_wanted = all || self.unheard.contains(words);
        match self.recording(words).filter(|_| is_wanted)? {
            Recording::Rendered(order) => Some(order),
            Recording::Ready(_) => None,
        }
    }
}

impl fmt::Debug for ClipPlan {
    /// Leaves out the samples.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { always, recorded, rendering, unheard: _, wait } = self;
        let recorded = recorded.len();
        write!(f, "ClipPlan(always {always}, {recorded} recorded, {rendering:?}, wait {wait:?})")
    }
}

impl Rendering {
    fn order(&self, words: &str) -> ClipOrder {
        let known = self.voices.get(words);
        ClipOrder {
            source: Arc::clone(&self.source),
            voice: known.or_else(|| self.filled.get(words)).unwrap_or(&self.voice).clone(),
            words: Private::new(words.to_owned()),
            is_known: known.is_some(),
        }
    }
}

impl ClipOrder {
    /// The name under which the recording is kept: a hash of everything that makes it sound as it
    /// does. Words, voice or model that change get another name.
    pub fn name(&self) -> String {
        let ClipSource { url, model, format, .. } = &*self.source;
        let mut hash = Sha256::new();
        for part in [url.as_str(), model, format, &self.voice, self.words.expose()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hex::encode(&hash.finalize()[..NAME_BYTES])
    }
}

/// Bytes of the hash in a name: enough that no two texts ever share one.
const NAME_BYTES: usize = 16;

#[cfg(test)]
pub(crate) mod sample {
    use super::*;

    pub(crate) fn source(url: &str) -> ClipSource {
        ClipSource {
            url: url.parse().expect("a URL"),
            model: "small".to_owned(),
            format: "pcm",
            key: None,
            timeout: Duration::from_secs(5),
            folder: None,
        }
    }

    pub(crate) fn plan(url: &str) -> ClipPlan {
        ClipPlan {
            always: false,
            recorded: BTreeMap::from([("Calls are recorded.".to_owned(), Arc::from(vec![900; 8_000]))]),
            rendering: Some(Rendering {
                source: Arc::new(source(url)),
                voice: "asha".to_owned(),
                voices: BTreeMap::from([("Namaste.".to_owned(), "kavya".to_owned())]),
                filled: BTreeMap::new(),
            }),
            unheard: BTreeSet::new(),
            wait: Duration::from_millis(700),
        }
    }

    pub(crate) fn order(url: &str, words: &str) -> ClipOrder {
        plan(url).rendering.expect("a server").order(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_operator_goes_before_the_server() {
        let plan = sample::plan("http://127.0.0.1:1/v1");
        assert!(
            matches!(plan.recording("Calls are recorded."), Some(Recording::Ready(samples)) if samples.len() == 8_000)
        );
        assert!(
            matches!(plan.recording("Bye."), Some(Recording::Rendered(order)) if !order.is_known && order.voice == "asha")
        );
        let without = ClipPlan { rendering: None, ..plan };
        assert_eq!(without.recording("Bye."), None, "the model says it");
        assert_eq!(without.ahead(true), []);
    }

    #[test]
    fn known_words_have_the_voice_of_their_language_and_are_recorded_ahead() {
        let mut plan = sample::plan("http://127.0.0.1:1/v1");
        let [order] = &plan.ahead(true)[..] else { panic!("one text") };
        assert_eq!((order.words.expose().as_str(), order.voice.as_str(), order.is_known), ("Namaste.", "kavya", true));
        plan.recorded.insert("Namaste.".to_owned(), Arc::from(vec![1]));
        assert_eq!(plan.ahead(true), [], "there is a file of it");
    }

    #[test]
    fn a_line_that_nobody_would_hear_is_recorded_for_every_model() {
        let mut plan = sample::plan("http://127.0.0.1:1/v1");
        assert_eq!((plan.ahead(false), plan.line("Namaste.", false)), (Vec::new(), None));
        assert!(plan.line("Namaste.", true).is_some() && plan.line("Calls are recorded.", true).is_none());
        plan.unheard.insert("Namaste.".to_owned());
        assert_eq!(plan.line("Namaste.", false).as_slice(), plan.ahead(false));
        assert_eq!(plan.ahead(false).len(), 1);
    }

    #[test]
    fn whatever_changes_the_sound_changes_the_name() {
        let order = sample::order("http://127.0.0.1:1/v1", "Bye.");
        let with = |change: fn(&mut ClipSource)| {
            let mut source = ClipSource::clone(&order.source);
            change(&mut source);
            ClipOrder { source: Arc::new(source), ..order.clone() }.name()
        };
        let others = [
            ClipOrder { words: Private::new("Bye!".to_owned()), ..order.clone() }.name(),
            ClipOrder { voice: "b".to_owned(), ..order.clone() }.name(),
            with(|source| source.model = "large".to_owned()),
            with(|source| source.format = "wav"),
            with(|source| source.url.set_path("/v2")),
        ];
        assert!(others.iter().all(|name| *name != order.name() && name.len() == 2 * NAME_BYTES), "{others:?}");
        assert_eq!(with(|source| source.key = Some(Private::new("k".to_owned()))), order.name());
    }
}
