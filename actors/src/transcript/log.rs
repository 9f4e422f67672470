//! Puts the words of a call in order. Pure.
//!
//! Reports arrive in any order. The agent's words run ahead of its audio. The caller's
//! transcription arrives seconds after the answer to it has begun. The playout reports last, when
//! it knows what the caller heard. The log keeps one entry per item and orders the entries only on
//! request:
//!
//! - A placed item follows the item that its placing names. Several items after the same one are
//!   ordered by the time of their speech.
//! - An item without a known predecessor is merged in by its time, the earliest moment at which
//!   anything was reported of it. Such items are our own lines and items whose placing never
//!   arrived or names an unknown item.
//!
//! The result depends on the reports and the times of their events, not on the order of arrival.
//! Everything is bounded: see [`MOST_BYTES`] and its neighbours. At a bound the log drops the
//! newest entry and counts it in [`Conversation::omitted`].

mod entry;
mod order;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use self::entry::{Entry, Playout, Said};
use super::happenings::Happenings;
use super::messages::{Fact, WITHHELD};
use crate::ids::ItemId;
use crate::incident::{Incident, IncidentKind, Incidents};
use crate::realtime::report::{Speaker, Usage, Words};
use crate::realtime::word_times::{Span, TimedLetters};

/// All reports about what was said in one call.
#[derive(Debug)]
pub struct ConversationLog {
    started: Instant,
    items: BTreeMap<ItemId, Entry>,
    tools: Vec<ToolUse>,
    keys: Vec<KeyPress>,
    happenings: Happenings,
    usage: Usage,
    bytes: usize,
    omitted: u64,
}

/// The conversation in order, with the call's other facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The utterances, in order.
    pub utterances: Vec<Utterance>,
    /// Tools used, in order.
    pub tools: Vec<ToolUse>,
    /// Keys pressed, in order.
    pub keys: Vec<KeyPress>,
    /// The other happenings, in order.
    pub happenings: Happenings,
    /// Tokens used.
    pub usage: Usage,
    /// Items of the caller or the agent that never got words.
    pub wordless: u64,
    /// Items, pieces, tools, keys and happenings dropped because the log was full.
    pub omitted: u64,
}

/// One speaker's words in one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utterance {
    /// The start of the utterance, since the start of the call.
    pub at: Duration,
    /// The speaker.
    pub voice: Voice,
    /// The words; for the agent, all words that were generated.
    pub text: String,
    /// The part that was heard: all of a caller's words; `None` for an agent's words whose playout
    /// was never reported.
    pub heard: Option<String>,
    /// Whether the agent was stopped before the caller heard its last word.
    pub interrupted: bool,
}

/// The speaker of an utterance, and the source of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The person on the phone, transcribed.
    Caller,
    /// The model, in its own words.
    Agent,
    /// The agent's voice with one of our pre-rendered lines.
    Line,
    /// A person who had taken the call over, transcribed.
    Person,
}

/// A tool that was called and answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolUse {
    /// The time of the tool's answer, since the start of the call.
    pub at: Duration,
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them.
    pub arguments: String,
    /// The output that was sent to the model.
    pub output: String,
}

/// A key that the caller pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPress {
    /// The time, since the start of the call.
    pub at: Duration,
    /// The key.
    pub key: char,
}

impl ConversationLog {
    /// Makes an empty log of a call that began at `started`.
    pub fn new(started: Instant) -> Self {
        Self {
            started,
            items: BTreeMap::new(),
            tools: Vec::new(),
            keys: Vec::new(),
            happenings: Happenings::default(),
            usage: Usage::default(),
            bytes: 0,
            omitted: 0,
        }
    }

    /// The start of the call.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Adds words.
    pub fn hear(&mut self, words: Words, now: Instant) {
        match words {
            Words::Placed { item, speaker, previous } => self.place(&item, speaker, previous, now),
            Words::Inaudible { item } => {
                if self.mention(&item, Some(Speaker::Agent), now)
                    && let Some(entry) = self.items.get_mut(&item)
                {
                    entry.inaudible = true;
                }
            }
            Words::CallerSaid { item, text } => self.transcribed(&item, text, now),
            Words::AgentSays { item, delta, span, response: _ } => self.add_piece(&item, &delta, span, now),
            Words::AgentTimed { item, words } => self.add_times(&item, &words),
            Words::AgentSaid { item, text, response: _ } => {
                if self.mention(&item, Some(Speaker::Agent), now) {
                    self.say(&item, text);
                }
            }
        }
    }

    /// Adds a fact. The log ignores the end of the call, because late reports may follow it.
    pub fn note(&mut self, fact: Fact, now: Instant) {
        match fact {
            Fact::CallerSpoke { item } => {
                self.mention(&item, Some(Speaker::Caller), now);
            }
            Fact::PersonSpoke { item } => {
                if self.mention(&item, Some(Speaker::Caller), now)
                    && let Some(entry) = self.items.get_mut(&item)
                {
                    entry.person = true;
                }
            }
            Fact::Steered { act, by, text } => self.happenings.steered(self.since_start(now), act, by, text),
            Fact::Heard { item, heard, of, interrupted } => self.played(&item, heard, of, interrupted, now),
            Fact::LinePlayed { item, text } => {
                if self.mention(&item, Some(Speaker::Agent), now) {
                    self.say(&item, text);
                    if let Some(entry) = self.items.get_mut(&item) {
                        entry.line = true;
                    }
                }
            }
            Fact::ToolUsed { name, arguments, output } => self.add_tool(name, arguments, output, now),
            Fact::KeyPressed(key) if self.keys.len() < MOST_KEYS => {
                self.keys.push(KeyPress { at: self.since_start(now), key });
            }
            Fact::KeyPressed(_) => self.omitted += 1,
            Fact::WordsWithheld { item, speaker } => self.withhold(&item, speaker, now),
            Fact::ToolWithheld { name } => {
                self.happenings.tools_withheld += 1;
                self.add_tool(name, WITHHELD.to_owned(), WITHHELD.to_owned(), now);
            }
            // `Pause` has withheld the words and tools already.
            Fact::RecordingPaused(_) | Fact::ResponseWithheld { .. } => {}
            Fact::KeyWithheld => self.happenings.keys_withheld += 1,
            Fact::Serves { provider, model } => self.happenings.served(self.since_start(now), provider, model),
            Fact::Used(usage) => self.usage += usage,
            Fact::Recorded { file } => self.happenings.recorded(file),
            Fact::LanguageSwitched { from, to } => self.happenings.switched(self.since_start(now), from, to),
            Fact::HandedOver { from, to } => self.happenings.handed_over(self.since_start(now), from, to),
            Fact::TransferAsked { destination, reason, outcome } => {
                self.happenings.transferred(self.since_start(now), destination, reason, outcome);
            }
            Fact::Answered { key, value, status } => {
                self.happenings.answered(self.since_start(now), key, value, status);
            }
            Fact::Incident(incident) => self.happenings.incidents.met(self.since_start(now), incident),
            Fact::AnsweredBy(by) => self.happenings.answered_by = Some(by),
            Fact::Diagnosed(diagnosis) => self.happenings.diagnosis = Some(diagnosis),
            Fact::TurnTimed(latency) => self.happenings.timed(latency),
            Fact::TranscriptionUsed(usage) => self.happenings.transcription += usage,
            Fact::Ended { .. } => {}
        }
    }

    /// Whether an item was spoken by a person who had taken the call over.
    pub fn is_persons(&self, item: &ItemId) -> bool {
        self.items.get(item).is_some_and(|entry| entry.person)
    }

    /// Whether an item of the caller still waits for its transcription.
    pub fn awaits_words(&self) -> bool {
        self.items.values().any(|e| e.speaker == Some(Speaker::Caller) && matches!(e.said, Said::Nothing))
    }

    /// The conversation so far.
    pub fn conversation(&self) -> Conversation {
        let mut utterances = Vec::new();
        let mut wordless = 0;
        for entry in self.ordered() {
            match entry.utterance() {
                Some(utterance) => utterances.push(utterance),
                None if matches!(entry.speaker, Some(Speaker::Caller | Speaker::Agent)) => wordless += 1,
                // A system item, or an item of which only the playout was reported.
                None => {}
            }
        }
        let mut tools = self.tools.clone();
        tools.sort_by_key(|tool| tool.at);
        let mut keys = self.keys.clone();
        keys.sort_by_key(|key| key.at);
        let mut happenings = self.happenings.clone();
        self.miss_words(&mut happenings.incidents);
        let happenings = happenings.in_order();
        let omitted = self.omitted + happenings.omitted + happenings.incidents.omitted();
        Conversation { utterances, tools, keys, happenings, usage: self.usage, wordless, omitted }
    }

    /// Adds an incident for each turn of the caller that the server committed and that has no
    /// transcription. In a call without any transcription, no turn counts as missed.
    fn miss_words(&self, incidents: &mut Incidents) {
        let turns = || self.items.values().filter(|entry| entry.speaker == Some(Speaker::Caller));
        let transcribed = turns().any(|entry| !matches!(entry.said, Said::Nothing));
        for turn in turns().filter(|turn| turn.placed && transcribed) {
            let detail = match turn.said {
                Said::Failed => "transcription of a turn failed",
                Said::Nothing => "no transcription of a turn came",
                Said::Pieces(_) | Said::Whole(_) => continue,
            };
            incidents.met(turn.at, Incident::new(IncidentKind::WordsMissing, detail));
        }
    }

    fn place(&mut self, item: &ItemId, speaker: Speaker, previous: Option<ItemId>, now: Instant) {
        if !self.mention(item, None, now) {
            return;
        }
        let weight = previous.as_ref().map_or(0, |id| id.as_str().len());
        let Some(entry) = self.items.get_mut(item) else { return };
        // An item is reported twice (when committed and when added); the report with a predecessor
        // wins.
        if entry.previous.is_none() && weight > 0 {
            if self.bytes + weight <= MOST_BYTES {
                self.bytes += weight;
                entry.previous = previous;
            } else {
                self.omitted += 1;
            }
        }
        if !entry.placed {
            entry.placed = true;
            entry.speaker = Some(speaker);
        }
    }

    fn transcribed(&mut self, item: &ItemId, text: Option<String>, now: Instant) {
        if !self.mention(item, Some(Speaker::Caller), now) {
            return;
        }
        match text {
            Some(text) => self.say(item, text),
            None => {
                if let Some(entry) = self.items.get_mut(item)
                    && matches!(entry.said, Said::Nothing)
                {
                    entry.said = Said::Failed;
                }
            }
        }
    }

    fn add_piece(&mut self, item: &ItemId, delta: &str, span: Option<Span>, now: Instant) {
        if !self.mention(item, Some(Speaker::Agent), now) {
            return;
        }
        let Some(entry) = self.items.get_mut(item) else { return };
        let bytes = delta.len() + span.map_or(0, |_| TIME_BYTES);
        if self.bytes + bytes > MOST_BYTES {
            self.omitted += 1;
            return;
        }
        match &mut entry.said {
            Said::Nothing | Said::Failed => entry.said = Said::Pieces(delta.to_owned()),
            Said::Pieces(pieces) => pieces.push_str(delta),
            // The whole text has arrived before this piece.
            Said::Whole(_) => return,
        }
        entry.times.add(delta, span);
        self.bytes += bytes;
    }

    fn add_times(&mut self, item: &ItemId, words: &[TimedLetters]) {
        let Some(entry) = self.items.get_mut(item) else { return };
        let bytes = words.len() * TIME_BYTES;
        if self.bytes + bytes <= MOST_BYTES {
            self.bytes += bytes;
            words.iter().for_each(|words| entry.times.time(*words));
        }
    }

    fn say(&mut self, item: &ItemId, text: String) {
        let Some(entry) = self.items.get_mut(item) else { return };
        let bytes = self.bytes - entry.said.len() + text.len();
        if bytes > MOST_BYTES {
            // The pieces that are already in the log stay.
            self.omitted += 1;
            return;
        }
        self.bytes = bytes;
        entry.said = Said::Whole(text);
    }

    /// Marks words as withheld; the words that the log already has of the item stay.
    fn withhold(&mut self, item: &ItemId, speaker: Speaker, now: Instant) {
        self.happenings.words_withheld += 1;
        if !self.mention(item, Some(speaker), now) {
            return;
        }
        let known = self.items.get(item).map(|entry| &entry.said);
        let text = match known {
            Some(Said::Pieces(known) | Said::Whole(known)) if !known.trim().is_empty() => {
                format!("{} {WITHHELD}", known.trim())
            }
            _ => WITHHELD.to_owned(),
        };
        self.say(item, text);
    }

    fn played(&mut self, item: &ItemId, heard: Duration, of: Duration, interrupted: bool, now: Instant) {
        if !self.mention(item, None, now) {
            return;
        }
        if let Some(entry) = self.items.get_mut(item) {
            let cut_at = interrupted.then(|| entry.said.letters());
            // Reports of one item only grow; an older report that arrives late changes nothing.
            entry.playout = Some(match entry.playout {
                Some(known) => {
                    Playout { heard: known.heard.max(heard), of: known.of.max(of), cut_at: known.cut_at.or(cut_at) }
                }
                None => Playout { heard, of, cut_at },
            });
        }
    }

    fn add_tool(&mut self, name: String, arguments: String, output: String, now: Instant) {
        let bytes = self.bytes + name.len() + arguments.len() + output.len();
        if self.tools.len() == MOST_TOOLS || bytes > MOST_BYTES {
            self.omitted += 1;
            return;
        }
        self.bytes = bytes;
        self.tools.push(ToolUse { at: self.since_start(now), name, arguments, output });
    }

    /// Ensures that there is an entry for `item`. Returns `false` if the log is full.
    fn mention(&mut self, item: &ItemId, speaker: Option<Speaker>, now: Instant) -> bool {
        let at = self.since_start(now);
        if let Some(entry) = self.items.get_mut(item) {
            entry.at = entry.at.min(at);
            entry.speaker = entry.speaker.or(speaker);
            return true;
        }
        let weight = item.as_str().len();
        if self.items.len() == MOST_ITEMS || self.bytes + weight > MOST_BYTES {
            self.omitted += 1;
            return false;
        }
        self.bytes += weight;
        self.items.insert(item.clone(), Entry::new(at, speaker));
        true
    }

    fn since_start(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }
}

/// The most bytes of text and ids in one call's log. A caller and an agent who talk for four hours
/// without a pause produce a quarter of a megabyte in Latin script and three quarters in
/// Devanagari. With a larger bound, a faulty model server could fill the machine's memory.
pub const MOST_BYTES: usize = 2 * 1024 * 1024;
/// The bytes that the time of a piece takes.
const TIME_BYTES: usize = size_of::<Span>() + 2 * size_of::<usize>();
/// The most items: a turn every two seconds for four hours. An entry without its words takes some
/// 150 bytes.
pub const MOST_ITEMS: usize = 8 * 1024;
/// The most tools used in one call.
pub const MOST_TOOLS: usize = 1024;
/// The most keys pressed in one call.
pub const MOST_KEYS: usize = 4 * 1024;

#[cfg(test)]
mod tests;
