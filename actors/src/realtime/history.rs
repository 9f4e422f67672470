//! The conversation as the next session needs to know it: what was said, and how much of the
//! agent's speech was heard. Pure.
//!
//! The history follows what the running session says and receives, and outlives that session. Items
//! stand where the server placed them. The agent's words count as far as their audio arrived,
//! because that is what the caller hears. An interruption cuts them to what was heard. Everything
//! is bounded, and the oldest entries are forgotten first.

use std::collections::VecDeque;
use std::time::Duration;

use super::messages::{ModelOrder, TextRole};
use super::seed::{Seed, SeedItem};
use crate::carrier::AudioFormat;
use crate::ids::{ItemId, ResponseId, ToolCallId};
use crate::line::messages::FromModel;
use crate::realtime::report::{ModelReport, Speaker, ToolCall, Words};
use crate::realtime::word_times::WordTimes;
use crate::words::{first_words, holds_words};

/// The known conversation of one call.
#[derive(Debug)]
pub struct History {
    format: AudioFormat,
    entries: VecDeque<Entry>,
    /// The number of the last item that was created for a new session.
    seeds: u64,
    /// The agent's speaking rate in characters per second, as far as it is known.
    pace: f64,
    /// The number of entries that were forgotten.
    forgotten: u64,
}

#[derive(Debug)]
struct Entry {
    item: Option<ItemId>,
    /// Its id in the running session, if we put it there after an earlier session was lost.
    seeded: Option<String>,
    said: Said,
}

#[derive(Debug)]
enum Said {
    /// The caller's words; `None` until they are transcribed.
    Caller(Option<String>),
    Agent(Agent),
    /// A text that we added.
    Text(TextRole, String),
    Call(ToolCall),
    Output(ToolCallId, String),
}

#[derive(Debug, Default)]
struct Agent {
    response: Option<ResponseId>,
    text: String,
    times: WordTimes,
    /// Whether all words are known.
    whole: bool,
    audio_bytes: usize,
    /// Whether all audio arrived.
    complete: bool,
    /// How much of it was heard, if it was interrupted.
    heard: Option<Duration>,
}

/// The replacement for an item that we put into the running session and that contains more than was
/// heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// The item to delete.
    pub out: String,
    /// The new item and the item that it follows. Without a predecessor it is the first.
    pub by: Option<(Option<String>, SeedItem)>,
}

impl History {
    /// An empty history. `format` is the format of the model's audio.
    pub fn new(format: AudioFormat) -> Self {
        Self { format, entries: VecDeque::new(), seeds: 0, pace: USUAL_PACE, forgotten: 0 }
    }

    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.forgotten == 0
    }

    /// A mark behind everything that was said so far.
    pub fn mark(&self) -> u64 {
        self.forgotten + self.entries.len() as u64
    }

    /// Records words of either side.
    pub fn words(&mut self, words: &Words) {
        match words {
            Words::Placed { item, speaker, previous } => self.place(item, *speaker, previous.as_ref()),
            Words::CallerSaid { item, text } => {
                let text = text.clone().map(clipped);
                if let Some(Entry { said: Said::Caller(words), .. }) = self.entry(item, || Said::Caller(None)) {
                    *words = text.or(words.take());
                }
            }
            // The caller heard nothing of it: the call requests its deletion.
            Words::Inaudible { .. } => {}
            Words::AgentSays { response, item, delta, span } => {
                if let Some(agent) = self.agent(response, item)
                    && !agent.whole
                    && agent.text.len() < LONGEST_TEXT
                {
                    agent.text.push_str(delta);
                    agent.times.add(delta, *span);
                }
            }
            Words::AgentTimed { item, words } => {
                if let Some(Entry { said: Said::Agent(agent), .. }) = self.known(item) {
                    words.iter().for_each(|words| agent.times.time(*words));
                }
            }
            Words::AgentSaid { response, item, text } => {
                if let Some(agent) = self.agent(response, item) {
                    (agent.text, agent.whole) = (clipped(text.clone()), true);
                }
            }
        }
    }

    /// Records audio of the agent.
    pub fn audio(&mut self, audio: &FromModel) {
        if let Some(agent) = self.agent(&audio.response, &audio.item) {
            agent.audio_bytes += audio.audio.len();
        }
    }

    /// Records that all of an item's audio arrived.
    pub fn audio_complete(&mut self, item: &ItemId) {
        let bytes_per_ms = self.format.bytes_per_ms().max(1);
        let Some(Entry { said: Said::Agent(agent), .. }) = self.known(item) else { return };
        agent.complete = true;
        let seconds = (agent.audio_bytes / bytes_per_ms) as f64 / 1000.0;
        if agent.whole && seconds >= 1.0 {
            self.pace = (agent.text.chars().count() as f64 / seconds).clamp(SLOWEST_PACE, USUAL_PACE * 2.0);
        }
    }

    /// Records what the session reported to the call.
    pub fn report(&mut self, report: &ModelReport) {
        match report {
            ModelReport::SpeechStarted { item } => {
                self.entry(item, || Said::Caller(None));
            }
            ModelReport::ToolCalled(call) => self.push(None, Said::Call(call.clone())),
            ModelReport::Ready { .. }
            | ModelReport::Resumed { .. }
            | ModelReport::Serves { .. }
            | ModelReport::Can(_)
            | ModelReport::Faltered(_)
            | ModelReport::Renewable
            | ModelReport::SpeechStopped { .. }
            | ModelReport::ResponseStarted { .. }
            | ModelReport::ResponseFinished { .. }
            | ModelReport::PartsTook { .. }
            | ModelReport::BegunEarly { .. }
            | ModelReport::FirstAudio { .. }
            | ModelReport::CallerWords { .. }
            | ModelReport::WordsFailed { .. }
            | ModelReport::TranscriptionUsed(_)
            | ModelReport::Used(_)
            | ModelReport::Worked { .. }
            | ModelReport::RequestGivenUp { .. }
            | ModelReport::AnswerMissed { .. }
            | ModelReport::NothingOwed
            | ModelReport::Muted { .. }
            | ModelReport::Incident(_)
            | ModelReport::Complained { .. }
            | ModelReport::Lost(_) => {}
        }
    }

    /// Records an order of the call. Returns a rewrite if the order concerns an item that we put
    /// into the running session.
    pub fn order(&mut self, order: &ModelOrder) -> Option<Rewrite> {
        match order {
            ModelOrder::AddText { role, text } => self.push(None, Said::Text(*role, clipped(text.clone()))),
            ModelOrder::AnswerTool { call, output, .. } => {
                let known = |entry: &Entry| matches!(&entry.said, Said::Call(known) if known.id == *call);
                if self.entries.iter().any(known) {
                    self.push(None, Said::Output(call.clone(), clipped(output.clone())));
                }
            }
            ModelOrder::TruncateItem { item, heard } => {
                if let Some(Entry { said: Said::Agent(agent), .. }) = self.known(item) {
                    agent.heard = Some(*heard);
                }
                return self.rewrite(item);
            }
            ModelOrder::DeleteItem { item } => {
                if let Some(Entry { said: Said::Agent(agent), .. }) = self.known(item) {
                    agent.heard = Some(Duration::ZERO);
                }
                return self.rewrite(item);
            }
            ModelOrder::Speak(_)
            | ModelOrder::CancelResponse
            | ModelOrder::Overtake
            | ModelOrder::DiscardInput
            | ModelOrder::Configure { .. }
            | ModelOrder::HandOver { .. }
            | ModelOrder::Rotate
            | ModelOrder::Replace
            | ModelOrder::Close => {}
        }
        None
    }

    /// The response that this item belongs to.
    pub fn response_of(&self, item: &ItemId) -> Option<&ResponseId> {
        self.entries.iter().rev().find(|entry| entry.item.as_ref() == Some(item)).and_then(|entry| match &entry.said {
            Said::Agent(agent) => agent.response.as_ref(),
            Said::Caller(_) | Said::Text(..) | Said::Call(_) | Said::Output(..) => None,
        })
    }

    /// What was heard of an item that was cut. It is empty if nothing was heard, and `None` if
    /// everything was heard or nothing is known.
    pub fn cut_of(&self, item: &ItemId) -> Option<String> {
        self.entries.iter().rev().find(|entry| entry.item.as_ref() == Some(item)).and_then(|entry| match &entry.said {
            Said::Agent(agent) => {
                agent.heard?;
                let heard = self.heard(agent).unwrap_or_default();
                // Words may follow their audio: those that come later were not heard.
                (!agent.whole || heard != agent.text.trim()).then_some(heard)
            }
            Said::Caller(_) | Said::Text(..) | Said::Call(_) | Said::Output(..) => None,
        })
    }

    /// What the caller heard, or will hear, of a response that was lost before it was complete.
    pub fn heard_of(&self, response: &ResponseId) -> String {
        let parts = self.entries.iter().filter_map(|entry| match &entry.said {
            Said::Agent(agent) if agent.response.as_ref() == Some(response) => self.heard(agent),
            Said::Agent(_) | Said::Caller(_) | Said::Text(..) | Said::Call(_) | Said::Output(..) => None,
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    /// Tool calls that wait for their results.
    pub fn open_calls(&self) -> Vec<ToolCallId> {
        let calls = self.entries.iter().filter_map(|entry| match &entry.said {
            Said::Call(call) if !self.is_answered(&call.id) => Some(call.id.clone()),
            Said::Call(_) | Said::Caller(_) | Said::Agent(_) | Said::Text(..) | Said::Output(..) => None,
        });
        calls.collect()
    }

    /// Returns the items to seed a new session with, in order, and remembers them as ours.
    /// `unwritten` is the audio of caller turns without a transcript; it replaces their words. The
    /// new session's server knows everything up to the mark `known` already.
    pub fn seed(&mut self, unwritten: &[(ItemId, Vec<u8>)], known: u64) -> Vec<SeedItem> {
        let known = usize::try_from(known.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        let from = self.first_kept().max(known);
        let left_out = known == 0 && (self.forgotten > 0 || from > 0);
        let mut items = Vec::new();
        if left_out {
            let text = "The beginning of this conversation is left out here.".to_owned();
            items.push(SeedItem { id: self.next_id(), seed: Seed::Text(TextRole::System, text) });
        }
        for place in 0..self.entries.len() {
            let seed = if place < from { None } else { self.seed_of(&self.entries[place], unwritten) };
            let id = seed.is_some().then(|| self.next_id());
            self.entries[place].seeded.clone_from(&id);
            items.extend(id.zip(seed).map(|(id, seed)| SeedItem { id, seed }));
        }
        items
    }

    fn seed_of(&self, entry: &Entry, unwritten: &[(ItemId, Vec<u8>)]) -> Option<Seed> {
        match &entry.said {
            Said::Caller(Some(words)) if !holds_words(words) => None,
            Said::Caller(Some(words)) => Some(Seed::Text(TextRole::User, words.clone())),
            Said::Caller(None) => {
                let (_, audio) = unwritten.iter().find(|(item, _)| entry.item.as_ref() == Some(item))?;
                Some(Seed::CallerAudio(audio.clone()))
            }
            Said::Agent(agent) => self.heard(agent).map(|text| Seed::Text(TextRole::Assistant, text)),
            Said::Text(role, text) => Some(Seed::Text(*role, text.clone())),
            Said::Call(call) => {
                Some(Seed::Call { call: call.id.clone(), name: call.name.clone(), arguments: call.arguments.clone() })
            }
            Said::Output(call, output) => Some(Seed::Output { call: call.clone(), output: output.clone() }),
        }
    }

    /// The part of the agent's words that was heard or will be heard; `None` if there is none.
    fn heard(&self, agent: &Agent) -> Option<String> {
        let milliseconds = agent.audio_bytes / self.format.bytes_per_ms().max(1);
        let arrived = Duration::from_millis(milliseconds as u64);
        // What has come whole and was not cut is heard to its last word, wherever that one ends.
        let is_cut = agent.heard.is_some() || !agent.complete;
        if is_cut && let Some(text) = agent.times.cut(&agent.text, agent.heard.unwrap_or(arrived)) {
            return (!text.is_empty()).then(|| text.to_owned());
        }
        let letters = agent.text.chars().count();
        let share = match agent.heard {
            Some(heard) if milliseconds > 0 => {
                let heard = heard.as_millis() as f64 / milliseconds as f64;
                // An interrupted item may have more transcript than audio.
                letters.min(self.spoken(agent, milliseconds)) as f64 * heard.min(1.0)
            }
            Some(_) => 0.0,
            None => letters.min(self.spoken(agent, milliseconds)) as f64,
        };
        let text = whole_words(&agent.text, share as usize);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The number of characters that have audio; the transcript runs ahead of the audio.
    fn spoken(&self, agent: &Agent, milliseconds: usize) -> usize {
        if agent.complete || agent.audio_bytes == 0 && agent.whole {
            return usize::MAX;
        }
        (milliseconds as f64 / 1000.0 * self.pace) as usize
    }

    /// The first entry that still fits into a new session. A tool result whose call does not fit is
    /// skipped.
    fn first_kept(&self) -> usize {
        let (mut letters, mut from) = (0, self.entries.len());
        for (place, entry) in self.entries.iter().enumerate().rev() {
            letters += entry.weight();
            if letters > MOST_SEEDED_BYTES || self.entries.len() - place > MOST_SEEDED {
                break;
            }
            from = place;
        }
        while let Some(Entry { said: Said::Output(..), .. }) = self.entries.get(from).filter(|_| from > 0) {
            from += 1;
        }
        from
    }

    fn rewrite(&mut self, item: &ItemId) -> Option<Rewrite> {
        let place = self.entries.iter().rposition(|entry| entry.item.as_ref() == Some(item))?;
        let out = self.entries[place].seeded.take()?;
        let seed = self.seed_of(&self.entries[place], &[]);
        let before = self.entries.iter().take(place).rev().find_map(|entry| entry.seeded.clone());
        let by = seed.map(|seed| (before, SeedItem { id: self.next_id(), seed }));
        self.entries[place].seeded = by.as_ref().map(|(_, seed)| seed.id.clone());
        Some(Rewrite { out, by })
    }

    fn is_answered(&self, call: &ToolCallId) -> bool {
        self.entries.iter().any(|entry| matches!(&entry.said, Said::Output(answered, _) if answered == call))
    }

    fn place(&mut self, item: &ItemId, speaker: Speaker, previous: Option<&ItemId>) {
        let fresh = || match speaker {
            Speaker::Caller => Some(Said::Caller(None)),
            Speaker::Agent => Some(Said::Agent(Agent::default())),
            Speaker::System => None,
        };
        let known = self.entries.iter().rposition(|entry| entry.item.as_ref() == Some(item));
        let entry = match known.and_then(|place| self.entries.remove(place)) {
            Some(entry) => entry,
            None => match fresh() {
                Some(said) => Entry { item: Some(item.clone()), seeded: None, said },
                None => return,
            },
        };
        let behind = previous.and_then(|previous| {
            self.entries.iter().rposition(|entry| {
                entry.item.as_ref() == Some(previous) || entry.seeded.as_deref() == Some(previous.as_str())
            })
        });
        match behind.or_else(|| known?.checked_sub(1)) {
            // Calls, results and texts of ours have no item id here. They stay in front of what
            // came later.
            Some(behind) => {
                let unnamed = |entry: &&Entry| entry.item.is_none();
                let skipped = self.entries.iter().skip(behind + 1).take_while(unnamed).count();
                self.entries.insert((behind + 1 + skipped).min(self.entries.len()), entry);
            }
            None if known == Some(0) => self.entries.push_front(entry),
            None => self.entries.push_back(entry),
        }
        self.forget_oldest();
    }

    fn agent(&mut self, response: &ResponseId, item: &ItemId) -> Option<&mut Agent> {
        match self.entry(item, || Said::Agent(Agent::default())) {
            Some(Entry { said: Said::Agent(agent), .. }) => {
                if agent.response.is_none() {
                    agent.response = Some(response.clone());
                }
                Some(agent)
            }
            Some(_) | None => None,
        }
    }

    /// The entry of `item`, created if it is missing.
    fn entry(&mut self, item: &ItemId, fresh: impl FnOnce() -> Said) -> Option<&mut Entry> {
        if self.entries.iter().rev().all(|entry| entry.item.as_ref() != Some(item)) {
            self.push(Some(item.clone()), fresh());
        }
        self.known(item)
    }

    fn known(&mut self, item: &ItemId) -> Option<&mut Entry> {
        self.entries.iter_mut().rev().find(|entry| entry.item.as_ref() == Some(item))
    }

    fn push(&mut self, item: Option<ItemId>, said: Said) {
        self.entries.push_back(Entry { item, seeded: None, said });
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        while self.entries.len() > MOST_ENTRIES {
            self.entries.pop_front();
            self.forgotten += 1;
        }
    }

    fn next_id(&mut self) -> String {
        self.seeds += 1;
        format!("sb_seed_{}", self.seeds)
    }
}

impl Entry {
    fn weight(&self) -> usize {
        match &self.said {
            Said::Caller(words) => words.as_ref().map_or(0, String::len),
            Said::Agent(agent) => agent.text.len(),
            Said::Text(_, text) | Said::Output(_, text) => text.len(),
            Said::Call(call) => call.arguments.len() + call.name.len(),
        }
    }
}

/// The first `letters` characters of `text`, without a last word that is incomplete.
fn whole_words(text: &str, letters: usize) -> &str {
    first_words(text, text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at))
}

fn clipped(mut text: String) -> String {
    if text.len() > LONGEST_TEXT {
        let end = (0..=LONGEST_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// Characters per second if nothing better is known. This is a little more than people speak: one
/// word too many is better than a word said twice.
const USUAL_PACE: f64 = 18.0;
/// The lowest rate in characters per second. A slower rate is not speech.
const SLOWEST_PACE: f64 = 4.0;
/// The number of entries that are kept. A call of an hour makes a few hundred.
const MOST_ENTRIES: usize = 256;
/// The number of items that a new session gets: fifteen minutes of conversation. More: a model is
/// tempted to answer in text, and every answer costs more. Fewer: the model forgets what the caller
/// said.
const MOST_SEEDED: usize = 80;
/// Bytes of text that a new session gets: about 6,000 tokens.
const MOST_SEEDED_BYTES: usize = 24_000;
/// The longest text that is kept, in bytes.
const LONGEST_TEXT: usize = 8_000;

#[cfg(test)]
mod tests;
