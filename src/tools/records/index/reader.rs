//! The thread that answers questions about the index. It reads what is indexed so far, and never
//! waits for the indexing of a folder.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::keeper::Job;
use super::store::{Page, Store, Trouble, Wanted};

/// Why the index gives no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexTrouble {
    /// Too many questions wait.
    #[error("too many searches wait for the index of records; try again in a moment")]
    Busy,
    /// The index cannot be read or written.
    #[error("the index of records cannot be used: {0}")]
    Failed(String),
}

/// A question, with the place for its answer.
pub(super) enum Question {
    /// A page of the list.
    Page(Box<Wanted>, oneshot::Sender<Result<Page, IndexTrouble>>),
    /// The transcript of a call.
    Find(String, oneshot::Sender<Result<Option<String>, IndexTrouble>>),
}

/// The state of the thread.
pub(super) struct Reader {
    folder: PathBuf,
    /// The thread that keeps the index up, which mends it.
    keeper: mpsc::Sender<Job>,
    store: Option<Store>,
}

impl Reader {
    pub(super) fn new(folder: &Path, keeper: mpsc::Sender<Job>) -> Self {
        Self { folder: folder.to_owned(), keeper, store: None }
    }

    pub(super) fn work(mut self, questions: &mpsc::Receiver<Question>) {
        while let Ok(question) = questions.recv() {
            // Whoever asked may have gone.
            match question {
                Question::Page(wanted, answer) => drop(answer.send(self.answer(|store| store.page(&wanted)))),
                Question::Find(id, answer) => drop(answer.send(self.answer(|store| store.find(&id)))),
            }
        }
    }

    /// Answers a question. A damage that it meets is mended, and the question asked once more.
    fn answer<T: Default>(&mut self, question: impl Fn(&Store) -> Result<T, Trouble>) -> Result<T, IndexTrouble> {
        let answer = self.ask(&question).or_else(|trouble| {
            let Trouble::Damaged(problem) = trouble else { return Err(trouble) };
            self.store = None;
            let (done, mended) = mpsc::channel();
            let gone = |_| Trouble::Failed("its thread is gone; restart the service".to_owned());
            self.keeper.send(Job::Damaged(problem, done)).map_err(gone)?;
            // It may be in the middle of a long step; the next question finds it mended.
            let _ = mended.recv_timeout(PATIENCE);
            self.ask(&question)
        });
        answer.map_err(|trouble| match trouble {
            Trouble::Damaged(problem) | Trouble::Failed(problem) => IndexTrouble::Failed(problem),
        })
    }

    fn ask<T: Default>(&mut self, question: impl Fn(&Store) -> Result<T, Trouble>) -> Result<T, Trouble> {
        if self.store.as_ref().is_none_or(|store| !store.is_newest()) {
            self.store = Store::view(&self.folder)?;
        }
        // Before anything is indexed there is nothing to find.
        self.store.as_ref().map_or(Ok(T::default()), question)
    }
}

/// How long a question waits for a damaged index to be made anew.
const PATIENCE: Duration = Duration::from_secs(5);
