//! The configuration of a cascade: a list of engines for each part. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::dialogue::Dialogue;
use super::ears::upload_url;
use super::failure::Part;
use super::listener::{EarsEngine, Listener};
use super::mind::{Ask, History, body};
use super::mouth::{Mouth, VoiceEngine};
use super::parts::Parts;
use super::thinker::{MindEngine, Thinker};
use super::turns::TurnPolicy;
use super::voice::speech_request;
use crate::carrier::{AudioFormat, Encoding};
use crate::ids::Private;
use crate::realtime::breaker::Standing;
use crate::realtime::capabilities::{Capabilities, Reconfigure, SessionEnd, Whose};
use crate::realtime::plan::rules::expect;
use crate::realtime::plan::{Common, ModelAddress, PlanProblem};

/// The engines of a call, each list in order of preference, and how turns end.
#[derive(Debug, Clone, PartialEq)]
pub struct CascadePlan {
    /// The first chat model, by which records and breakers know the session.
    pub address: ModelAddress,
    /// The language that is spoken, as a code or a tag.
    pub language: String,
    /// The engines that hear.
    pub ears: Vec<EarsEngine>,
    /// The chat models.
    pub mind: Vec<MindEngine>,
    /// The engines that speak.
    pub voice: Vec<VoiceEngine>,
    /// The keys of the engines.
    pub keys: EngineKeys,
    /// Where the engines are, as breakers, prices and metrics know them.
    pub addresses: EngineAddresses,
    /// How the caller's turns end.
    pub turns: TurnPolicy,
    /// The plans of the languages to which the call may change, by their codes in the configuration.
    /// They have no such plans themselves.
    pub others: BTreeMap<String, Arc<Self>>,
    /// The longest wait for the ears and the voice to open. Shorter: a part whose first engine hangs
    /// has no time for the next one.
    pub opening_timeout: Duration,
}

/// The keys of a plan's engines, in the order of their lists. `None` is an engine that needs none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineKeys {
    /// Those of the ears.
    pub ears: Vec<Option<Private<String>>>,
    /// Those of the mind.
    pub mind: Vec<Option<Private<String>>>,
    /// Those of the voice.
    pub voice: Vec<Option<Private<String>>>,
}

/// The addresses of a plan's engines, in the order of their lists. Their providers are the engines'
/// names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineAddresses {
    /// Those of the ears.
    pub ears: Vec<ModelAddress>,
    /// Those of the mind.
    pub mind: Vec<ModelAddress>,
    /// Those of the voice.
    pub voice: Vec<ModelAddress>,
}

impl EngineAddresses {
    /// The list of each part.
    pub fn parts(&self) -> [&[ModelAddress]; 3] {
        [&self.ears, &self.mind, &self.voice]
    }

    /// The list of one part.
    pub fn of(&self, part: Part) -> &[ModelAddress] {
        match part {
            Part::Ears => &self.ears,
            Part::Mind => &self.mind,
            Part::Voice => &self.voice,
        }
    }
}

impl CascadePlan {
    /// The same plan with the engines of each part in the order of their standing, which comes part by
    /// part; missing ones count as good. `None` if that is the order they have.
    #[must_use]
    pub fn preferring(&self, standings: &[Standing]) -> Option<Self> {
        let mut known = standings.iter().copied();
        let mut order = |count: usize| {
            let part: Vec<_> = (0..count).map(|_| known.next().unwrap_or(Standing::Good)).collect();
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by_key(|at| part[*at]);
            order
        };
        let [ears, mind, voice] = self.addresses.parts().map(|part| order(part.len()));
        if [&ears, &mind, &voice].into_iter().all(|order| order.is_sorted()) {
            return None;
        }
        let mut plan = self.clone();
        reorder(&ears, &mut plan.ears, &mut plan.keys.ears, &mut plan.addresses.ears);
        reorder(&mind, &mut plan.mind, &mut plan.keys.mind, &mut plan.addresses.mind);
        reorder(&voice, &mut plan.voice, &mut plan.keys.voice, &mut plan.addresses.voice);
        // The first chat model names the session, unless another name was given to all of it.
        let is_first =
            |address: &ModelAddress| address.endpoint == plan.address.endpoint && address.model == plan.address.model;
        if let (Some(first), true) = (plan.addresses.mind.first(), self.addresses.mind.first().is_some_and(is_first)) {
            plan.address = ModelAddress { provider: self.address.provider, ..first.clone() };
        }
        Some(plan)
    }

    /// The same plan with another first chat model on the same server.
    #[must_use]
    pub fn with_model(&self, model: &str) -> Self {
        let mut plan = self.clone();
        model.clone_into(&mut plan.address.model);
        if let Some(first) = plan.mind.first_mut() {
            model.clone_into(&mut first.plan.model);
        }
        if let Some(first) = plan.addresses.mind.first_mut() {
            model.clone_into(&mut first.model);
        }
        let server = self.mind.first().map(|first| &first.url);
        for other in plan.others.values_mut() {
            if other.mind.first().map(|first| &first.url) == server {
                *other = Arc::new(other.with_model(model));
            }
        }
        plan
    }

    /// The plan for the language with this code; `None` if the call has no other engines for it.
    pub fn speaking(&self, code: Option<&str>) -> Option<&Arc<Self>> {
        self.others.get(code?)
    }

    /// The engines, as the conversation knows them.
    pub fn parts(&self) -> Parts {
        Parts {
            language: self.language.clone(),
            ears: self.ears.clone(),
            mind: self.mind.clone(),
            voice: self.voice.clone(),
            turns: self.turns,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.others.values().map(|other| &**other))
    }

    /// The same plan for a waiting caller: opening takes no longer than `most`.
    #[must_use]
    pub fn hurried(&self, most: Duration) -> Self {
        Self { opening_timeout: self.opening_timeout.min(most), ..self.clone() }
    }

    /// The format of the caller's audio. The line's own goes through to most engines; servers that
    /// take uploads want a higher rate.
    pub fn input(&self) -> AudioFormat {
        let takes_uploads = |engine: &EarsEngine| matches!(engine, EarsEngine::Uploads { .. });
        if self.all().any(|plan| plan.ears.iter().any(takes_uploads)) { UPLOADED } else { AudioFormat::MULAW_8K }
    }

    /// The format of the agent's audio, which all engines of the list give. Those that take requests
    /// have one rate alone.
    pub fn output(&self) -> AudioFormat {
        let takes_requests = |engine: &VoiceEngine| matches!(engine, VoiceEngine::Requests { .. });
        if self.all().any(|plan| plan.voice.iter().any(takes_requests)) {
            AudioFormat::PCM_24K
        } else {
            AudioFormat::MULAW_8K
        }
    }

    /// The same plan, with the formats in which the engines of a list can replace each other.
    #[must_use]
    pub fn fitted(self) -> Self {
        let (input, output) = (self.input(), self.output());
        self.with_formats(input, output)
    }

    fn with_formats(mut self, input: AudioFormat, output: AudioFormat) -> Self {
        for other in self.others.values_mut() {
            *other = Arc::new(Self::clone(other).with_formats(input, output));
        }
        for engine in &mut self.ears {
            let (EarsEngine::Socket { plan, .. } | EarsEngine::Uploads { plan }) = engine;
            plan.format = input;
        }
        for engine in &mut self.voice {
            let (VoiceEngine::Socket { plan, .. } | VoiceEngine::Requests { plan, .. }) = engine;
            plan.format = output;
        }
        self
    }

    /// A conversation of this plan, in the language that `common` says.
    pub fn conversation(&self, common: &Common) -> Dialogue {
        let spoken = self.speaking(common.language.as_deref()).map_or(self, |other| &**other);
        let Parts { language, ears, mind, voice, turns } = spoken.parts();
        let mut listener = Listener::new(ears, self.input(), &language, turns);
        if common.detector.is_some() {
            listener.trust_detector();
        }
        let thinker = Thinker::new(mind, &common.instructions, common.tools.clone(), &language);
        Dialogue::new(listener, thinker, Mouth::new(voice, self.output()))
    }
}

/// Puts the engines of a part into another order, with what belongs to each.
fn reorder<E: Clone>(
    order: &[usize],
    engines: &mut Vec<E>,
    keys: &mut Vec<Option<Private<String>>>,
    addresses: &mut Vec<ModelAddress>,
) {
    *engines = ordered(engines, order);
    *keys = ordered(keys, order);
    *addresses = ordered(addresses, order);
}

fn ordered<T: Clone>(all: &[T], order: &[usize]) -> Vec<T> {
    order.iter().filter_map(|at| all.get(*at).cloned()).collect()
}

/// What a conversation of a plan can do. The history is ours, so everything can change.
pub fn capabilities(plan: &CascadePlan) -> Capabilities {
    Capabilities {
        truncate: true,
        delete: true,
        cancel: true,
        answers: Whose::Servers,
        interrupts: Whose::Ours,
        full_duplex: false,
        // Our detector is one of the sources from which the turns are made.
        speech_events: None,
        caller_words: true,
        reconfigure: Reconfigure { instructions: true, tools: true, transcription: true },
        input: plan.input(),
        output: plan.output(),
        // Engines send faster than they are heard.
        realtime_output: false,
        verbatim: true,
        // Its sockets charge for the caller's audio, and close without any.
        runs_by_audio: true,
        session_end: SessionEnd::Never,
    }
}

/// What the engines are asked to do, without secrets, for display.
pub fn configuration(common: &Common, plan: &CascadePlan) -> Value {
    let ears = plan.ears.iter().map(|engine| match engine {
        EarsEngine::Socket { kind, plan } => json!(kind.url(plan).as_str()),
        EarsEngine::Uploads { plan } => json!({ "url": upload_url(plan).as_str(), "model": plan.model }),
    });
    let mind = plan.mind.iter().map(|engine| {
        let ask = Ask { instructions: &common.instructions, tools: &common.tools, ..Ask::default() };
        json!({ "url": engine.endpoint().as_str(), "body": body(&engine.plan, &ask, &mut History::default()) })
    });
    let voice = plan.voice.iter().map(|engine| match engine {
        VoiceEngine::Socket { kind, plan } => json!({ "url": kind.url(plan).as_str(), "voice": plan.voice }),
        VoiceEngine::Requests { plan, response_format } => {
            let request = speech_request(plan, "…", response_format);
            json!({ "url": request.url.as_str(), "body": request.body })
        }
    });
    json!({
        Part::Ears.word(): ears.collect::<Value>(),
        Part::Mind.word(): mind.collect::<Value>(),
        Part::Voice.word(): voice.collect::<Value>(),
    })
}

/// Checks that the engines of a plan can serve a call and replace each other.
///
/// # Errors
/// The first rule that the plan breaks, with the field's name.
pub fn check(common: &Common, plan: &CascadePlan) -> Result<(), PlanProblem> {
    expect(common.detector.is_some(), "speech_detector.enabled", || {
        "is false, expected \"auto\" or true: without it nobody hears the caller's turns end".to_owned()
    })?;
    plan.all().try_for_each(|own| check_engines(own, plan.input(), plan.output()))
}

fn check_engines(plan: &CascadePlan, input: AudioFormat, output: AudioFormat) -> Result<(), PlanProblem> {
    let lists = [("cascade.stt", plan.ears.len()), ("cascade.llm", plan.mind.len()), ("cascade.tts", plan.voice.len())];
    for (field, engines) in lists {
        expect(engines > 0, field, || "has no engine, expected at least one".to_owned())?;
    }
    for MindEngine { plan: chat, .. } in &plan.mind {
        expect(!chat.model.is_empty(), "cascade.llm.model", || "is empty, expected a model's name".to_owned())?;
        let temperature = chat.temperature.unwrap_or_default();
        expect((0.0..=HOTTEST).contains(&temperature), "cascade.llm.temperature", || {
            format!("is {temperature}, expected 0 to {HOTTEST}")
        })?;
        expect(chat.most_tokens != Some(0), "cascade.llm.max_tokens", || "is 0, expected at least 1".to_owned())?;
    }
    for engine in &plan.ears {
        let (EarsEngine::Socket { plan: own, .. } | EarsEngine::Uploads { plan: own }) = engine;
        fits("cascade.stt", own.format, input)?;
    }
    for engine in &plan.voice {
        let (VoiceEngine::Socket { plan: own, .. } | VoiceEngine::Requests { plan: own, .. }) = engine;
        expect(!own.voice.is_empty(), "cascade.tts.voice", || "is empty, expected a voice's name".to_owned())?;
        fits("cascade.tts", own.format, output)?;
    }
    let TurnPolicy { short, usual, long, .. } = plan.turns;
    expect(short <= usual && usual <= long, "cascade.turns", || {
        format!("waits {short:?}, {usual:?} and {long:?}, expected each to be no shorter than the one before")
    })
}

/// An engine with another format could not take over.
fn fits(field: &str, own: AudioFormat, common: AudioFormat) -> Result<(), PlanProblem> {
    expect(own == common, field, || format!("has audio as {own:?}, expected {common:?} as the others of the list"))
}

/// What servers that take uploads want.
const UPLOADED: AudioFormat = AudioFormat { encoding: Encoding::Pcm16, rate_hz: 16_000 };
const HOTTEST: f64 = 2.0;

#[cfg(test)]
pub(crate) mod sample;

#[cfg(test)]
mod tests;
