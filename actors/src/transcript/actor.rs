//! The Transcript actor: the shell around [`super::log`] and [`super::record`].
//!
//! A Transcript lives as long as its call and files exactly one record, however the call ends:
//!
//! - After [`Fact::Ended`], it files the record once the last words have arrived, or after a short
//!   wait.
//! - If its CallActor crashed, or if it crashed itself, it files the record when it stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, MessageResult, WeakRecipient};

use super::journal::Closed;
use super::journal::writer::Journal;
use super::log::ConversationLog;
use super::messages::{Fact, Tally};
use super::pause::{Pause, Sifted};
use super::record::{self, CallSettings, Closing, Record};
use super::writer::RecordWriter;
use crate::child::{Child, ChildLost};
use crate::clock;
use crate::ending::Ending;
use crate::line::identity::CallIdentity;
use crate::profile::CallProfile;
use crate::realtime::report::Words;
use crate::recording::report::IncidentMet;
use crate::transcript::messages::{ReadWords, Watch};
use crate::transcript::watch::{WatchEvent, Watchers};

/// The setup of a Transcript.
#[derive(Debug)]
pub(crate) struct TranscriptSetup {
    /// The call's identity.
    pub identity: CallIdentity,
    /// The call's profile.
    pub profile: Arc<CallProfile>,
    /// The writer of the record and its journal.
    pub writer: RecordWriter,
    /// Receives an incident when the disk refuses the journal; `None` if there is no recipient.
    pub incidents: Option<WeakRecipient<IncidentMet>>,
    /// Receives a notice if this actor stops before the call has ended.
    pub lost: WeakRecipient<ChildLost>,
}

/// The transcript of one call.
#[derive(Debug)]
pub(crate) struct Transcript {
    setup: TranscriptSetup,
    settings: CallSettings,
    log: ConversationLog,
    /// Receives every filtered report before the log does, from the start of the call until its
    /// record is handed over.
    journal: Journal,
    /// Filters every report before the journal, the log or a watcher sees it.
    pause: Pause,
    phase: Phase,
    watchers: Watchers,
}

/// The phase of the call with regard to its record.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The call is live.
    Listening,
    /// The call is over; late words may still arrive.
    Ended { ending: Ending, tally: Tally, at: Instant },
    /// The record was handed to the writer.
    Filed,
}

impl Transcript {
    /// Makes an actor that is not started yet. Start it with `start()` on the call's own thread, at
    /// the beginning of the call.
    pub(crate) fn new(setup: TranscriptSetup) -> Self {
        let node = setup.writer.node().map(str::to_owned);
        let settings = CallSettings { node, ..CallSettings::of(&setup.profile) };
        let journal = setup.writer.open_journal(&setup.identity, &settings, setup.incidents.clone());
        Self {
            setup,
            settings,
            log: ConversationLog::new(clock::now()),
            journal,
            pause: Pause::default(),
            phase: Phase::Listening,
            watchers: Watchers::default(),
        }
    }

    fn take_down(&mut self, words: Words) {
        let now = clock::now();
        self.journal.hear(&words, now.saturating_duration_since(self.log.started()));
        let log = &self.log;
        self.watchers.tell(|| {
            let by_person = matches!(&words, Words::CallerSaid { item, .. } if log.is_persons(item));
            WatchEvent::of_words(&words, by_person)
        });
        self.log.hear(words, now);
    }

    fn note(&mut self, fact: Fact, ctx: &mut Context<Self>) {
        let now = clock::now();
        self.journal.note(&fact, now.saturating_duration_since(self.log.started()));
        self.watchers.tell(|| WatchEvent::of_fact(&fact));
        if let Fact::Ended { ending, tally } = fact {
            self.end(ending, tally, ctx);
        } else {
            self.log.note(fact, now);
        }
    }

    fn end(&mut self, ending: Ending, tally: Tally, ctx: &mut Context<Self>) {
        // A call ends once; later reports of its end are ignored.
        if matches!(self.phase, Phase::Listening) {
            self.phase = Phase::Ended { ending, tally, at: clock::now() };
            ctx.run_later(LATE_WORDS, |_, ctx| ctx.stop());
        }
    }

    fn is_complete(&self) -> bool {
        let words_may_come = self.setup.profile.model.capabilities().caller_words && self.log.awaits_words();
        matches!(self.phase, Phase::Ended { .. }) && !words_may_come
    }

    /// Stops the actor as soon as no words are missing; stopping files the record. A spawned future
    /// runs when the mailbox is empty, so messages sent before this moment are still processed.
    fn stop_when_complete(&self, ctx: &mut Context<Self>) {
        if self.is_complete() {
            ctx.spawn(actix::fut::ready(()).map(|(), transcript: &mut Self, ctx: &mut Context<Self>| {
                if transcript.is_complete() {
                    ctx.stop();
                }
            }));
        }
    }

    fn file(&mut self) {
        let (ending, tally, ended_at) = match std::mem::replace(&mut self.phase, Phase::Filed) {
            Phase::Listening => (Ending::Crashed, Tally::default(), clock::now()),
            Phase::Ended { ending, tally, at } => (ending, tally, at),
            Phase::Filed => return,
        };
        let duration = ended_at.saturating_duration_since(self.log.started());
        let filed_at = clock::wall();
        self.journal.close(Closed { ending, tally, duration, filed_ms: filed_at.timestamp_millis() });
        let record = Record::new(Closing {
            call: (&self.setup.identity).into(),
            settings: &self.settings,
            conversation: self.log.conversation(),
            ending,
            tally,
            duration,
            filed_at,
        });
        self.setup.writer.file(record, Some(self.journal.clone()));
    }
}

impl Actor for Transcript {
    type Context = Context<Self>;

    /// Runs after a stop, after a panic, and after the last address was dropped and the mailbox
    /// drained.
    fn stopped(&mut self, _: &mut Self::Context) {
        let unexpected = matches!(self.phase, Phase::Listening);
        self.file();
        if unexpected && let Some(lost) = self.setup.lost.upgrade() {
            lost.do_send(ChildLost(Child::Transcript));
        }
    }
}

impl Handler<Words> for Transcript {
    type Result = ();

    fn handle(&mut self, words: Words, ctx: &mut Self::Context) {
        match self.pause.sift(words) {
            Sifted::Words(words) => self.take_down(words),
            Sifted::Withheld { item, speaker } => self.note(Fact::WordsWithheld { item, speaker }, ctx),
            Sifted::Nothing => {}
        }
        self.stop_when_complete(ctx);
    }
}

impl Handler<Fact> for Transcript {
    type Result = ();

    fn handle(&mut self, fact: Fact, ctx: &mut Self::Context) {
        self.pause.note(&fact);
        self.note(fact, ctx);
        self.stop_when_complete(ctx);
    }
}

impl Handler<ReadWords> for Transcript {
    type Result = MessageResult<ReadWords>;

    fn handle(&mut self, _: ReadWords, _: &mut Self::Context) -> Self::Result {
        MessageResult(record::words(&self.log.conversation(), self.setup.identity.started_at))
    }
}

impl Handler<Watch> for Transcript {
    type Result = ();

    fn handle(&mut self, Watch(watcher): Watch, _: &mut Self::Context) {
        self.watchers.add(watcher);
    }
}

/// How long the end of a call waits for the transcription of the caller's last words, which
/// commonly takes one to one and a half seconds. A shorter wait loses last words. A longer wait
/// delays the stop of the service.
const LATE_WORDS: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
