//! What the regions of a call share: its profile, the time, the counters, and the actions that come of an event. Pure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::machine::Means;
use super::messages::CallDetail;
use super::meter::Meter;
use super::privacy::Privacy;
use super::steps::{CallAction, Note};
use crate::audio::diagnosis::Diagnosis;
use crate::ids::ItemId;
use crate::latency::TurnLatency;
use crate::money::Usd;
use crate::profile::{CallProfile, Greeting, LanguageProfile};
use crate::realtime::messages::{ModelOrder, TextRole};
use crate::realtime::report::{TranscriptionUsage, Usage};
use crate::transcript::messages::{Fact, Tally};

/// Where the conversation stands, as exit, line and model leave it to the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The model's first session is being opened.
    Connecting,
    /// Caller and agent speak with one another.
    Talking,
    /// The last words are said and heard.
    Closing,
    /// The line broke, and the caller is waited for.
    Broken,
    /// The caller is being handed on to a person.
    HandedOn,
    /// The call is over.
    Ended,
}

/// Whether what happens is recorded, in a call that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recording {
    /// It is.
    Running,
    /// Neither sound nor keys nor words are.
    Paused,
}

/// What every region reads and writes.
#[derive(Debug)]
pub(super) struct Shared {
    /// What the call is to be.
    pub(super) profile: Arc<CallProfile>,
    /// What its line can do.
    pub(super) means: Means,
    /// When its stream started.
    pub(super) started: Instant,
    /// When the event that is dealt with happened.
    pub(super) now: Instant,
    /// The code of the language that is spoken now.
    pub(super) language: String,
    pub(super) recording: Recording,
    /// What belongs to a pause of the recording.
    pub(super) privacy: Privacy,
    pub(super) meter: Meter,
    pub(super) tally: Tally,
    pub(super) detail: CallDetail,
    /// Recordings of ours that were played, for their ids.
    lines_played: u32,
    /// What is to be done; empty between events.
    pub(super) out: Vec<CallAction>,
}

impl Shared {
    pub(super) fn new(profile: Arc<CallProfile>, now: Instant) -> Self {
        let transcription = profile.model.common.transcription.as_ref().map(|it| it.model.as_str());
        Self {
            meter: Meter::new(&profile.spend, profile.model.model(), transcription),
            means: Means::default(),
            started: now,
            now,
            language: profile.language.clone(),
            recording: Recording::Running,
            privacy: Privacy::default(),
            tally: Tally::default(),
            detail: CallDetail { answered_by: profile.answered_by, ..CallDetail::default() },
            lines_played: 0,
            out: Vec::new(),
            profile,
        }
    }

    /// One more action.
    pub(super) fn act(&mut self, action: CallAction) {
        self.out.push(action);
    }

    pub(super) fn order(&mut self, order: ModelOrder) {
        self.act(CallAction::Order(order));
    }

    /// A word to the model that nobody hears.
    pub(super) fn add_text(&mut self, role: TextRole, text: String) {
        self.order(ModelOrder::AddText { role, text });
    }

    pub(super) fn record(&mut self, fact: Fact) {
        self.act(CallAction::Record(fact));
    }

    pub(super) fn tell(&mut self, note: Note) {
        self.act(CallAction::Tell(note));
    }

    /// So long from now. A time beyond what the clock can say is no time at all.
    pub(super) fn after(&self, wait: Duration) -> Instant {
        self.now.checked_add(wait).unwrap_or(self.now)
    }

    /// The words of the language that is spoken now.
    pub(super) fn spoken(&self) -> Option<&LanguageProfile> {
        self.profile.languages.get(&self.language)
    }

    /// Whether the caller's words are written down in the language that is spoken now.
    pub(super) fn transcribes(&self) -> bool {
        match self.spoken() {
            Some(language) if self.language != self.profile.language => language.transcription.is_some(),
            _ => self.profile.model.capabilities().caller_words,
        }
    }

    /// Goes on in `code`, one of the profile's: prompt and transcription change, the context stays, the voice cannot change.
    pub(super) fn switch_language(&mut self, code: &str) {
        let Some(language) = self.profile.languages.get(code).filter(|_| code != self.language) else { return };
        let (instructions, transcription) = (Some(language.instructions.clone()), Some(language.transcription.clone()));
        self.order(ModelOrder::Configure { instructions, transcription, tools: None });
        let from = std::mem::replace(&mut self.language, code.to_owned());
        self.record(Fact::LanguageSwitched { from, to: code.to_owned() });
        self.tell(Note::LanguageSwitched(code.to_owned()));
    }

    /// The caller pressed a key; which one is kept unless it is private.
    pub(super) fn record_key(&mut self, key: char, private: bool) {
        self.record(if private { Fact::KeyWithheld } else { Fact::KeyPressed(key) });
    }

    /// The recorded greeting, where there is one.
    pub(super) fn play_greeting(&mut self) {
        if let Greeting::Clip { text, pcm } = &self.profile.greeting {
            let (text, pcm) = (text.clone(), Arc::clone(pcm));
            self.play(ItemId::new("line_greeting"), text, pcm);
        }
    }

    /// The caller hears a voice although no model speaks; `false` where the language has no recording.
    pub(super) fn apologise(&mut self) -> bool {
        let apology = self.spoken().and_then(|it| Some((it.apology.clone(), it.apology_sound.clone()?)));
        self.play_line("apology", apology)
    }

    /// The recorded words for one who waits; `false` where the language has no recording.
    pub(super) fn play_filler(&mut self) -> bool {
        let filler = self.spoken().and_then(|it| Some((it.filler.clone(), it.filler_sound.clone()?)));
        self.play_line("filler", filler)
    }

    fn play_line(&mut self, kind: &str, line: Option<(String, Arc<[i16]>)>) -> bool {
        let Some((text, pcm)) = line else { return false };
        self.lines_played += 1;
        self.play(ItemId::new(&format!("line_{kind}_{}", self.lines_played)), text, pcm);
        true
    }

    fn play(&mut self, item: ItemId, text: String, pcm: Arc<[i16]>) {
        self.record(Fact::LinePlayed { item: item.clone(), text });
        self.act(CallAction::PlayPcm { item, pcm });
    }

    /// The call's counters so far.
    pub(super) fn tally(&self) -> Tally {
        Tally { cost_usd: self.meter.spent(), ..self.tally }
    }

    /// A response has ended, at this price.
    pub(super) fn used(&mut self, usage: Usage) {
        self.detail.usage += usage;
        self.record(Fact::Used(usage));
        let cost = self.meter.response(&usage);
        self.tell_spent(cost);
    }

    /// A turn of the caller was transcribed, at this price.
    pub(super) fn transcription_used(&mut self, usage: TranscriptionUsage) {
        self.detail.transcription_usage += usage;
        self.record(Fact::TranscriptionUsed(usage));
        let cost = self.meter.transcribed(&usage);
        self.tell_spent(cost);
    }

    fn tell_spent(&mut self, cost: Usd) {
        if cost > Usd::ZERO {
            self.act(CallAction::TellSpent(cost));
        }
    }

    /// The first frame of all was sent to the caller, unless it was before.
    pub(super) fn first_audio_sent(&mut self) {
        if self.tally.first_audio_ms.is_none() {
            let after = self.now.saturating_duration_since(self.started);
            self.tally.first_audio_ms = Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
            self.tell(Note::FirstAudioSent(after));
        }
    }

    /// A turn of the caller was answered, and how fast.
    pub(super) fn turn_timed(&mut self, latency: TurnLatency) {
        if self.detail.latency.len() == MOST_TIMED {
            self.detail.latency.remove(0);
        }
        self.detail.latency.push(latency);
        self.record(Fact::TurnTimed(latency));
        self.tell(Note::TurnMeasured(latency));
        let (waited, limit) = (latency.waited(), self.profile.limits.late_answer);
        if waited > limit {
            self.tell(Note::AnswerLate { waited, limit });
        }
    }

    /// Each finding is told once; the record keeps the last diagnosis.
    pub(super) fn diagnosed(&mut self, diagnosis: Diagnosis) {
        let known = self.detail.diagnosis.take();
        let known = known.as_ref().map_or(&[][..], |known| &known.findings);
        for &finding in diagnosis.findings.iter().filter(|finding| !known.contains(finding)) {
            self.tell(Note::LineFaulty { finding, diagnosis: Box::new(diagnosis.clone()) });
        }
        // Numbers and words alone: there is nothing in it that could not be written.
        self.record(Fact::Diagnosed(serde_json::to_value(&diagnosis).unwrap_or_default()));
        self.detail.diagnosis = Some(diagnosis);
    }
}

/// What the model is told to say word for word.
pub(super) fn exactly(words: &str) -> String {
    format!("Say exactly these words and nothing else: “{words}”")
}

/// Timed turns that `GET /calls/{id}` shows; older ones are in the record.
const MOST_TIMED: usize = 200;
