//! What the watchers of a call hear from the call itself: its start, its states, and what changes of
//! its line in the list of calls. Also who listens to its sound. Part of [`super`].

use serde_json::{Map, Value};

use super::CallActor;
use crate::audio::messages::AudioOrder;
use crate::audio::tap::Tap;
use crate::call::messages::SteerRefusal;
use crate::transcript::messages::{Tally, Watch};
use crate::transcript::watch::{WatchEvent, Watcher};

/// What the watchers know of the fields that change in `GET /calls`.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    state: &'static str,
    agent: String,
    language: String,
    model: String,
    tally: Tally,
    answer_ms: Option<u64>,
}

impl CallActor {
    /// The call is watched from its start on, if anybody watches all calls.
    pub(super) fn is_watched(&mut self) {
        let Some(all) = &self.setup.watch_all else { return };
        let watcher = all.of(&self.setup.identity);
        self.watched_by(watcher);
        let snapshot = self.snapshot();
        self.watchers.tell(|| {
            let mut data = serde_json::to_value(snapshot).ok()?;
            data.as_object_mut()?.remove("detail");
            Some(WatchEvent { event: "started", data })
        });
    }

    /// Adds a watcher, here and at the Transcript.
    pub(super) fn watched_by(&mut self, watcher: Watcher) {
        if let Some(transcript) = &self.transcript {
            transcript.watch.do_send(Watch(watcher.clone()));
        }
        self.watchers.add(watcher);
    }

    /// Hands the watchers to a Transcript that replaces the first.
    pub(super) fn transcript_is_watched(&self) {
        if let Some(transcript) = &self.transcript {
            self.watchers.iter().for_each(|watcher| transcript.watch.do_send(Watch(watcher.clone())));
        }
    }

    /// Lets somebody listen to the call.
    pub(super) fn overheard_by(&mut self, tap: Tap) -> Result<(), SteerRefusal> {
        if self.machine.ending().is_some() {
            return Err(SteerRefusal::WrongState { state: self.machine.state() });
        }
        if !self.taps.add(tap.clone()) {
            return Err(SteerRefusal::Crowded);
        }
        self.tell_audio(AudioOrder::Listen(tap));
        Ok(())
    }

    /// The caller is on another line: whoever listened or talked goes on there.
    pub(super) fn overheard_again(&self) {
        self.taps.iter().for_each(|tap| self.tell_audio(AudioOrder::Listen(tap.clone())));
        if self.machine.is_taken_over() {
            self.tell_audio(AudioOrder::TakeOver(true));
        }
    }

    /// Tells the watchers what has changed of the call's line in the list.
    pub(super) fn tell_changes(&mut self) {
        if !self.watchers.are_on() {
            // Whoever watches next is told of everything.
            self.shown = None;
            return;
        }
        let (state, tally, answer_ms) = (self.machine.state(), self.machine.tally(), self.machine.answer_ms());
        let (agent, language, model) = (self.machine.agent(), self.machine.language(), self.machine.served_by());
        let known = |shown: &Shown| {
            shown.state == state
                && shown.tally == tally
                && shown.answer_ms == answer_ms
                && shown.agent == agent
                && shown.language == language
                && shown.model == model
        };
        if self.shown.as_ref().is_some_and(known) {
            return;
        }
        let (agent, language, model) = (agent.to_owned(), language.to_owned(), model.to_owned());
        let now = Shown { state, agent, language, model, tally, answer_ms };
        let data = now.since(self.shown.as_ref());
        self.shown = Some(now);
        if !data.is_empty() {
            self.watchers.tell(|| Some(WatchEvent { event: "changed", data: Value::Object(data) }));
        }
    }
}

impl Shown {
    /// The fields that differ from `before`, with their names in the list.
    fn since(&self, before: Option<&Self>) -> Map<String, Value> {
        let (tally, old) = (&self.tally, before.map(|before| &before.tally));
        let cost = |tally: &Tally| serde_json::to_value(tally.cost_usd).unwrap_or_default();
        let fields = [
            ("state", Value::from(self.state), before.map(|it| Value::from(it.state))),
            ("agent", self.agent.clone().into(), before.map(|it| it.agent.clone().into())),
            ("language", self.language.clone().into(), before.map(|it| it.language.clone().into())),
            ("model", self.model.clone().into(), before.map(|it| it.model.clone().into())),
            ("turns", tally.turns.into(), old.map(|it| it.turns.into())),
            ("barge_ins", tally.barge_ins.into(), old.map(|it| it.barge_ins.into())),
            ("dropped_frames", tally.dropped_frames.into(), old.map(|it| it.dropped_frames.into())),
            ("cost_usd", cost(tally), old.map(cost)),
            ("answer_ms", self.answer_ms.into(), before.map(|it| it.answer_ms.into())),
        ];
        let changed = fields.into_iter().filter(|(_, now, before)| before.as_ref() != Some(now));
        changed.map(|(name, now, _)| (name.to_owned(), now)).collect()
    }
}
