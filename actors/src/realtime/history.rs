//! The conversation as the next session has to know it: what was said, and of the agent's words what was heard. Pure.
//!
//! It watches what the running session says and is told, and keeps it beyond that session's end. Items stand where the server
//! placed them. What the agent said counts as far as its audio came, for that is what the caller hears; an interruption cuts it to
//! what was heard. Everything is bounded: what is oldest is forgotten first.

use std::collections::VecDeque;
use std::time::Duration;

use super::messages::{ModelOrder, TextRole};
use super::seed::{Seed, SeedItem};
use crate::carrier::AudioFormat;
use crate::ids::{ItemId, ResponseId, ToolCallId};
use crate::line::messages::FromModel;
use crate::realtime::report::{ModelReport, Speaker, ToolCall, Words};
use crate::words::holds_words;

/// What is known of one call's conversation.
#[derive(Debug)]
pub struct History {
    format: AudioFormat,
    entries: VecDeque<Entry>,
    /// The number of the last item that was made for a new session.
    seeds: u64,
    /// Letters that the agent speaks in a second, as far as it is known.
    pace: f64,
    /// Something was forgotten.
    incomplete: bool,
}

#[derive(Debug)]
struct Entry {
    item: Option<ItemId>,
    /// Its id in the running session, where it was put into that by us after an earlier one was lost.
    seeded: Option<String>,
    said: Said,
}

#[derive(Debug)]
enum Said {
    /// The caller's words; `None` until they were transcribed.
    Caller(Option<String>),
    Agent(Agent),
    /// A text of ours.
    Text(TextRole, String),
    Call(ToolCall),
    Output(ToolCallId, String),
}

#[derive(Debug, Default)]
struct Agent {
    response: Option<ResponseId>,
    text: String,
    /// All words are known.
    whole: bool,
    audio_bytes: usize,
    /// All audio came.
    complete: bool,
    /// What was heard of it, where it was interrupted.
    heard: Option<Duration>,
}

/// An item of ours in the running session that says more than was heard: what it is replaced with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// The item to be taken out.
    pub out: String,
    /// What takes its place, behind this item (the first of all where there is none).
    pub by: Option<(Option<String>, SeedItem)>,
}

impl History {
    /// Nothing was said yet. `format` is that of the model's audio.
    pub fn new(format: AudioFormat) -> Self {
        Self { format, entries: VecDeque::new(), seeds: 0, pace: USUAL_PACE, incomplete: false }
    }

    /// Words of either side.
    pub fn words(&mut self, words: &Words) {
        match words {
            Words::Placed { item, speaker, previous } => self.place(item, *speaker, previous.as_ref()),
            Words::CallerSaid { item, text } => {
                let text = text.clone().map(clipped);
                if let Some(Entry { said: Said::Caller(words), .. }) = self.entry(item, || Said::Caller(None)) {
                    *words = text.or(words.take());
                }
            }
            // Nobody has heard it: the call has it deleted.
            Words::Inaudible { .. } => {}
            Words::AgentSays { response, item, delta } => {
                if let Some(agent) = self.agent(response, item)
                    && !agent.whole
                    && agent.text.len() < LONGEST_TEXT
                {
                    agent.text.push_str(delta);
                }
            }
            Words::AgentSaid { response, item, text } => {
                if let Some(agent) = self.agent(response, item) {
                    (agent.text, agent.whole) = (clipped(text.clone()), true);
                }
            }
        }
    }

    /// Audio of the agent.
    pub fn audio(&mut self, audio: &FromModel) {
        if let Some(agent) = self.agent(&audio.response, &audio.item) {
            agent.audio_bytes += audio.audio.len();
        }
    }

    /// All of an item's audio has come.
    pub fn audio_complete(&mut self, item: &ItemId) {
        let bytes_per_ms = self.format.bytes_per_ms().max(1);
        let Some(Entry { said: Said::Agent(agent), .. }) = self.known(item) else { return };
        agent.complete = true;
        let seconds = (agent.audio_bytes / bytes_per_ms) as f64 / 1000.0;
        if agent.whole && seconds >= 1.0 {
            self.pace = (agent.text.chars().count() as f64 / seconds).clamp(SLOWEST_PACE, USUAL_PACE * 2.0);
        }
    }

    /// What the session told the call.
    pub fn report(&mut self, report: &ModelReport) {
        match report {
            ModelReport::SpeechStarted { item } => {
                self.entry(item, || Said::Caller(None));
            }
            ModelReport::ToolCalled(call) => self.push(None, Said::Call(call.clone())),
            ModelReport::Ready { .. }
            | ModelReport::Resumed { .. }
            | ModelReport::Serves { .. }
            | ModelReport::Faltered(_)
            | ModelReport::Renewable
            | ModelReport::SpeechStopped { .. }
            | ModelReport::ResponseStarted { .. }
            | ModelReport::ResponseFinished { .. }
            | ModelReport::FirstAudio { .. }
            | ModelReport::CallerWords { .. }
            | ModelReport::WordsFailed { .. }
            | ModelReport::TranscriptionUsed(_)
            | ModelReport::RequestGivenUp { .. }
            | ModelReport::AnswerMissed { .. }
            | ModelReport::NothingOwed
            | ModelReport::Muted { .. }
            | ModelReport::Incident(_)
            | ModelReport::Complained { .. }
            | ModelReport::Lost(_) => {}
        }
    }

    /// What the call ordered. Where it concerns an item that we put into the running session, that has to be rewritten.
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

    /// What was heard of an item that was cut: empty where nothing was, `None` where all was or nothing is known.
    pub fn cut_of(&self, item: &ItemId) -> Option<String> {
        self.entries.iter().rev().find(|entry| entry.item.as_ref() == Some(item)).and_then(|entry| match &entry.said {
            Said::Agent(agent) => {
                agent.heard?;
                let heard = self.heard(agent).unwrap_or_default();
                (heard != agent.text.trim()).then_some(heard)
            }
            Said::Caller(_) | Said::Text(..) | Said::Call(_) | Said::Output(..) => None,
        })
    }

    /// What the caller heard, or will, of a response that was lost in its middle.
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

    /// The items for a new session, in order; from here on they are what the running session has of us. `unwritten` is the audio of
    /// turns of the caller whose words are not known; it stands in for them.
    pub fn seed(&mut self, unwritten: &[(ItemId, Vec<u8>)]) -> Vec<SeedItem> {
        let from = self.first_kept();
        let left_out = self.incomplete || from > 0;
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

    /// What of the agent's words was heard or will be; `None` where nothing was.
    fn heard(&self, agent: &Agent) -> Option<String> {
        let milliseconds = agent.audio_bytes / self.format.bytes_per_ms().max(1);
        let letters = agent.text.chars().count();
        let share = match agent.heard {
            Some(heard) if milliseconds > 0 => {
                let heard = heard.as_millis() as f64 / milliseconds as f64;
                // Of what was not said to its end more words may be known than were spoken.
                letters.min(self.spoken(agent, milliseconds)) as f64 * heard.min(1.0)
            }
            Some(_) => 0.0,
            None => letters.min(self.spoken(agent, milliseconds)) as f64,
        };
        let text = whole_words(&agent.text, share as usize);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// How many letters there is audio for; words run ahead of their audio.
    fn spoken(&self, agent: &Agent, milliseconds: usize) -> usize {
        if agent.complete || agent.audio_bytes == 0 && agent.whole {
            return usize::MAX;
        }
        (milliseconds as f64 / 1000.0 * self.pace) as usize
    }

    /// The first entry that still fits into a new session, and not the answer to a call that does not.
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
            // Calls, results and texts of ours have no name here; they stay in front of what came later.
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

    /// The entry of `item`, made where there is none.
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
            self.incomplete = true;
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

/// The first `letters` of `text`, without a word that is not whole.
fn whole_words(text: &str, letters: usize) -> &str {
    match text.char_indices().nth(letters) {
        None => text.trim(),
        Some((end, next)) => {
            let part = &text[..end];
            let end = if next.is_whitespace() { end } else { part.rfind(char::is_whitespace).unwrap_or(0) };
            text[..end].trim()
        }
    }
}

fn clipped(mut text: String) -> String {
    if text.len() > LONGEST_TEXT {
        let end = (0..=LONGEST_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// Letters in a second where nothing better is known. A little more than people speak: rather a word too much than one said twice.
const USUAL_PACE: f64 = 18.0;
/// A slower pace is no speech.
const SLOWEST_PACE: f64 = 4.0;
/// Entries kept. An hour's call makes some hundred.
const MOST_ENTRIES: usize = 256;
/// Items that a new session gets: fifteen minutes of conversation. More tempts a model into answering in text and is paid for with
/// every answer; less forgets what the caller said.
const MOST_SEEDED: usize = 80;
/// Bytes of text that a new session gets: some 6,000 tokens.
const MOST_SEEDED_BYTES: usize = 24_000;
/// Bytes of one text.
const LONGEST_TEXT: usize = 8_000;

#[cfg(test)]
mod tests;
