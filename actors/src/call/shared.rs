//! The state that the regions of a call share: the profile, the time, the counters, and the actions
//! of an event. Pure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lines::Lines;
use super::machine::Means;
use super::messages::CallDetail;
use super::meter::Meter;
use super::privacy::Privacy;
use super::steps::{CallAction, Note};
use crate::audio::diagnosis::Diagnosis;
use crate::audio::second_opinion::Comparison;
use crate::ids::ItemId;
use crate::incident::{Incident, IncidentKind};
use crate::latency::TurnLatency;
use crate::line::identity::CallIdentity;
use crate::money::Usd;
use crate::profile::{CallProfile, Greeting, InterruptionPlan, InterruptionPolicy, LanguageProfile};
use crate::realtime::capabilities::Capabilities;
pub(super) use crate::realtime::messages::exactly;
use crate::realtime::messages::{ModelOrder, TextRole};
use crate::realtime::plan::SessionPlan;
use crate::realtime::report::{TranscriptionUsage, Usage};
use crate::transcript::messages::{Fact, Tally};

/// The stage of the conversation. Exit, line and model determine it; the floor depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The model's first session is being opened.
    Connecting,
    /// Caller and agent are talking.
    Talking,
    /// A person of ours talks with the caller in place of the agent.
    TakenOver,
    /// The last words are generated and played.
    Closing,
    /// The line broke, and the call waits for the caller.
    Broken,
    /// The caller is being transferred.
    Transferring,
    /// The call is over.
    Ended,
}

/// Whether a recorded call is being recorded now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recording {
    /// The recording runs.
    Running,
    /// The recording is paused: neither sound nor keys nor words are recorded.
    Paused,
}

/// The state that every region reads and writes.
#[derive(Debug)]
pub(super) struct Shared {
    /// The profile of the call.
    pub(super) profile: Arc<CallProfile>,
    /// The capabilities of the session that serves the call now, or will be the first.
    pub(super) can: Capabilities,
    /// What its line supports.
    pub(super) means: Means,
    /// When its stream started.
    pub(super) started: Instant,
    /// The time of the current event.
    pub(super) now: Instant,
    /// The code of the current language.
    pub(super) language: String,
    pub(super) recording: Recording,
    /// What belongs to a pause of the recording.
    pub(super) privacy: Privacy,
    pub(super) meter: Meter,
    /// The model that answers, or that is dialled first.
    pub(super) model: Serving,
    /// Whether a session has ever been ready.
    model_came: bool,
    pub(super) tally: Tally,
    pub(super) detail: CallDetail,
    /// Who calls whom; `None` in tests that need nobody.
    pub(super) identity: Option<Arc<CallIdentity>>,
    /// How often the call was given to another agent.
    hand_overs: u32,
    /// What is played when no model can speak.
    pub(super) lines: Lines,
    /// The actions of the current event; empty between events.
    pub(super) out: Vec<CallAction>,
}

/// A model that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Serving {
    /// The word of its provider.
    pub(super) provider: &'static str,
    /// Its name.
    pub(super) model: String,
}

impl Shared {
    pub(super) fn new(profile: Arc<CallProfile>, now: Instant) -> Self {
        let transcription = profile.model.common.transcription.as_ref().map(|it| it.model.as_str());
        Self {
            meter: Meter::new(&profile.spend, profile.model.model(), transcription),
            can: profile.model.capabilities(),
            model: Serving {
                provider: profile.model.provider.address().provider,
                model: profile.model.model().to_owned(),
            },
            model_came: false,
            means: Means::default(),
            started: now,
            now,
            language: profile.language.clone(),
            recording: Recording::Running,
            privacy: Privacy::default(),
            tally: Tally::default(),
            detail: CallDetail { answered_by: profile.answered_by, ..CallDetail::default() },
            identity: None,
            hand_overs: 0,
            lines: Lines::default(),
            out: Vec::new(),
            profile,
        }
    }

    /// Adds an action.
    pub(super) fn act(&mut self, action: CallAction) {
        self.out.push(action);
    }

    /// Attaches the model to the line, with as little ahead of the ear as it needs.
    pub(super) fn attach_model(&mut self) {
        self.act(CallAction::AttachModel);
        if self.can.realtime_output {
            self.act(CallAction::LimitLead(true));
        }
        self.compare_speech(true);
    }

    /// The model's session has these capabilities from here on.
    pub(super) fn model_can(&mut self, can: Capabilities) {
        let before = std::mem::replace(&mut self.can, can);
        if before.realtime_output != self.can.realtime_output {
            self.act(CallAction::LimitLead(self.can.realtime_output));
        }
        if before.speech_events != self.can.speech_events {
            self.compare_speech(true);
        }
        let pauses = matches!(self.profile.interruption.policy, InterruptionPolicy::PauseAndConfirm { .. });
        if pauses && self.can.always_interrupts() && !before.always_interrupts() {
            let detail = "interruption.policy = \"pause\": the server of this model interrupts by itself";
            self.tell(Note::Incident(Incident::new(IncidentKind::PolicyNotKept, detail)));
        }
    }

    /// Compares our speech detector with the server's reports of speech, if that is configured and
    /// the server has any. Without a session, `serves` is false: nobody reports.
    pub(super) fn compare_speech(&mut self, serves: bool) {
        if let Some(detector) = self.profile.second_opinion {
            let within = self.can.speech_events.filter(|_| serves);
            self.act(CallAction::CompareSpeech(within.map(|within| Comparison { detector, within })));
        }
    }

    pub(super) fn order(&mut self, order: ModelOrder) {
        self.act(CallAction::Order(order));
    }

    /// Adds text to the model's context that the caller does not hear.
    pub(super) fn add_text(&mut self, role: TextRole, text: String) {
        self.order(ModelOrder::AddText { role, text });
    }

    pub(super) fn record(&mut self, fact: Fact) {
        self.act(CallAction::Record(fact));
    }

    pub(super) fn tell(&mut self, note: Note) {
        self.act(CallAction::Tell(note));
    }

    /// Returns the moment after `wait`, or the present if the clock cannot express it.
    pub(super) fn after(&self, wait: Duration) -> Instant {
        self.now.checked_add(wait).unwrap_or(self.now)
    }

    /// Returns the texts of the current language.
    pub(super) fn spoken(&self) -> Option<&LanguageProfile> {
        self.profile.languages.get(&self.language)
    }

    /// Whether the caller is transcribed in the current language.
    pub(super) fn transcribes(&self) -> bool {
        match self.spoken() {
            Some(language) if self.language != self.profile.language => language.transcription.is_some(),
            _ => self.can.caller_words,
        }
    }

    /// Which caller speech stops the agent now. The model decides alone only while one serves that
    /// does; any other keeps talking until somebody stops it.
    pub(super) fn interruption(&self) -> InterruptionPlan {
        let plan = self.profile.interruption;
        if self.can.decides_alone() { plan } else { plan.without_model() }
    }

    /// Switches to the language `code` of the profile: prompt and transcription change, the context
    /// stays, the voice cannot change.
    pub(super) fn switch_language(&mut self, code: &str) {
        let Some(language) = self.profile.languages.get(code).filter(|_| code != self.language) else { return };
        self.order(ModelOrder::Configure {
            instructions: Some(language.instructions.clone()),
            backend: Some(language.backend.clone()),
            transcription: Some(language.transcription.clone()),
            language: Some(code.to_owned()),
            tools: None,
        });
        let from = std::mem::replace(&mut self.language, code.to_owned());
        self.record(Fact::LanguageSwitched { from, to: code.to_owned() });
        self.tell(Note::LanguageSwitched(code.to_owned()));
        self.fetch_clips();
    }

    /// Gives the call to another agent: prompt, tools and questions change, the context stays. The
    /// language stays if it speaks it. Returns the plan of its session if this one cannot go on with
    /// it, as with another voice. The outer `None`: the call stays with the agent that has it.
    #[expect(clippy::option_option, reason = "whether it is given on, and whether that takes another session")]
    pub(super) fn hand_over(&mut self, agent: &str) -> Option<Option<Arc<SessionPlan>>> {
        if self.hand_overs >= MOST_HAND_OVERS {
            return None;
        }
        let next = Arc::new(self.profile.handed_over(agent, &self.language)?);
        let next = self.identity.as_ref().map_or_else(|| Arc::clone(&next), |it| next.of_call(it).filled(it));
        self.hand_overs += 1;
        let before = std::mem::replace(&mut self.profile, next);
        let language = std::mem::replace(&mut self.language, self.profile.language.clone());
        if language != self.language {
            self.record(Fact::LanguageSwitched { from: language.clone(), to: self.language.clone() });
            self.tell(Note::LanguageSwitched(self.language.clone()));
        }
        let (from, to) = (before.agent.clone(), self.profile.agent.clone());
        self.record(Fact::HandedOver { from: from.clone(), to: to.clone() });
        self.tell(Note::HandedOver { from, to });
        self.fetch_clips();
        let plan = Arc::clone(&self.profile.model);
        // A session that speaks another language by now has other engines than its plan says.
        if plan.provider != before.model.provider || before.language != language {
            return Some(Some(plan));
        }
        let common = &plan.common;
        self.order(ModelOrder::Configure {
            instructions: Some(common.instructions.clone()),
            backend: Some(common.backend.clone()),
            transcription: Some(common.transcription.clone()),
            language: None,
            tools: Some(common.tools.clone()),
        });
        Some(None)
    }

    /// Records that the caller pressed a key, and which one unless it is private.
    pub(super) fn record_key(&mut self, key: char, private: bool) {
        self.record(if private { Fact::KeyWithheld } else { Fact::KeyPressed(key) });
    }

    /// Plays the recorded greeting, if there is one.
    pub(super) fn play_greeting(&mut self) {
        if let Greeting::Clip { text, pcm } = &self.profile.greeting {
            let (text, pcm) = (text.clone(), Arc::clone(pcm));
            self.play(ItemId::new("line_greeting"), text, pcm);
        }
    }

    /// Plays a recording of `text` after the queue.
    pub(super) fn play(&mut self, item: ItemId, text: String, pcm: Arc<[i16]>) {
        self.record(Fact::LinePlayed { item: item.clone(), text });
        self.act(CallAction::PlayPcm { item, pcm });
    }

    /// The call's counters so far.
    pub(super) fn tally(&self) -> Tally {
        Tally { cost_usd: self.meter.spent(), ..self.tally }
    }

    /// A response has ended; adds its usage and cost.
    pub(super) fn used(&mut self, usage: Usage) {
        self.detail.usage += usage;
        self.record(Fact::Used(usage));
        let cost = self.meter.response(&usage);
        self.tell_spent(cost);
    }

    /// A model other than the one that answers has worked; adds its usage and cost.
    pub(super) fn worked(&mut self, model: &str, usage: Usage) {
        self.detail.usage += usage;
        self.record(Fact::Used(usage));
        let cost = self.meter.worked(&self.profile.spend, model, &usage);
        self.tell_spent(cost);
    }

    /// This model answers from here on, or will as soon as its session is ready.
    pub(super) fn serves(&mut self, provider: &'static str, model: String) {
        self.meter.charge(&self.profile.spend, &model);
        self.model = Serving { provider, model };
        if self.model_came {
            self.record_model();
        }
    }

    /// The first session is ready.
    pub(super) fn model_came(&mut self) {
        if !std::mem::replace(&mut self.model_came, true) {
            self.record_model();
        }
    }

    fn record_model(&mut self) {
        let Serving { provider, model } = self.model.clone();
        self.record(Fact::Serves { provider: provider.to_owned(), model });
    }

    /// A turn of the caller was transcribed; adds its usage and cost.
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

    /// The first frame of the call was sent; later calls of this function change nothing.
    pub(super) fn first_audio_sent(&mut self) {
        if self.tally.first_audio_ms.is_none() {
            let after = self.now.saturating_duration_since(self.started);
            self.tally.first_audio_ms = Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
            self.tell(Note::FirstAudioSent(after));
        }
    }

    /// A turn of the caller was answered, with this latency.
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

    /// Logs each finding once. The record keeps the last diagnosis.
    pub(super) fn diagnosed(&mut self, diagnosis: Diagnosis) {
        let known = self.detail.diagnosis.take();
        let known = known.as_ref().map_or(&[][..], |known| &known.findings);
        for &finding in diagnosis.findings.iter().filter(|finding| !known.contains(finding)) {
            self.tell(Note::LineFaulty { finding, diagnosis: Box::new(diagnosis.clone()) });
        }
        // It contains only numbers and words, which always serialise.
        self.record(Fact::Diagnosed(serde_json::to_value(&diagnosis).unwrap_or_default()));
        self.detail.diagnosis = Some(diagnosis);
    }
}

/// How often a call is given on. Agents that give a call to each other for ever cost money until it
/// ends.
const MOST_HAND_OVERS: u32 = 10;
/// Most timed turns in `GET /calls/{id}`; older ones are in the record.
const MOST_TIMED: usize = 200;
