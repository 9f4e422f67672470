//! The configuration of a cascade: a list of engines for each part. Pure.

use super::dialogue::Dialogue;
use super::listener::{EarsEngine, Listener};
use super::mouth::{Mouth, VoiceEngine};
use super::thinker::{MindEngine, Thinker};
use super::turns::TurnPolicy;
use crate::carrier::{AudioFormat, Encoding};
use crate::realtime::capabilities::{Capabilities, Reconfigure, SessionEnd, Whose};
use crate::realtime::plan::rules::expect;
use crate::realtime::plan::{Common, PlanProblem};

/// The engines of a call, each list in order of preference, and how turns end.
#[derive(Debug, Clone, PartialEq)]
pub struct CascadePlan {
    /// The language that is spoken, as a code or a tag.
    pub language: String,
    /// The engines that hear.
    pub ears: Vec<EarsEngine>,
    /// The chat models.
    pub mind: Vec<MindEngine>,
    /// The engines that speak.
    pub voice: Vec<VoiceEngine>,
    /// How the caller's turns end.
    pub turns: TurnPolicy,
}

impl CascadePlan {
    /// The format of the caller's audio. The line's own goes through to most engines; servers that
    /// take uploads want a higher rate.
    pub fn input(&self) -> AudioFormat {
        let takes_uploads = |engine: &EarsEngine| matches!(engine, EarsEngine::Uploads { .. });
        if self.ears.iter().any(takes_uploads) { UPLOADED } else { AudioFormat::MULAW_8K }
    }

    /// The format of the agent's audio, which all engines of the list give. Those that take requests
    /// have one rate alone.
    pub fn output(&self) -> AudioFormat {
        let takes_requests = |engine: &VoiceEngine| matches!(engine, VoiceEngine::Requests { .. });
        if self.voice.iter().any(takes_requests) { AudioFormat::PCM_24K } else { AudioFormat::MULAW_8K }
    }

    /// The same plan, with the formats in which the engines of a list can replace each other.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        let (input, output) = (self.input(), self.output());
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

    /// A conversation of this plan.
    pub fn conversation(&self, common: &Common) -> Dialogue {
        let listener = Listener::new(self.ears.clone(), self.input(), &self.language, self.turns);
        let thinker = Thinker::new(self.mind.clone(), &common.instructions, common.tools.clone(), &self.language);
        Dialogue::new(listener, thinker, Mouth::new(self.voice.clone(), self.output()))
    }
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
        runs_by_audio: false,
        session_end: SessionEnd::Never,
    }
}

/// Checks that the engines of a plan can serve a call and replace each other.
///
/// # Errors
/// The first rule that the plan breaks, with the field's name.
pub fn check(plan: &CascadePlan) -> Result<(), PlanProblem> {
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
        fits("cascade.stt", own.format, plan.input())?;
    }
    for engine in &plan.voice {
        let (VoiceEngine::Socket { plan: own, .. } | VoiceEngine::Requests { plan: own, .. }) = engine;
        expect(!own.voice.is_empty(), "cascade.tts.voice", || "is empty, expected a voice's name".to_owned())?;
        fits("cascade.tts", own.format, plan.output())?;
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
mod tests {
    use std::time::Duration;

    use url::Url;

    use super::*;
    use crate::realtime::cascade::ears::{EarsKind, EarsPlan};
    use crate::realtime::cascade::mind::{ChatPlan, LimitKey, NoteRole};
    use crate::realtime::cascade::voice::{VoiceKind, VoicePlan};

    fn url() -> Url {
        Url::parse("http://127.0.0.1:9/v1").expect("a URL")
    }

    fn ears() -> EarsPlan {
        EarsPlan {
            url: url(),
            model: "small".into(),
            language: "hi".into(),
            format: AudioFormat::MULAW_8K,
            endpointing: Duration::ZERO,
            keywords: Vec::new(),
            eager: false,
        }
    }

    fn voice() -> VoicePlan {
        VoicePlan {
            url: url(),
            model: "small".into(),
            voice: "asha".into(),
            language: "hi".into(),
            format: AudioFormat::MULAW_8K,
            instructions: None,
        }
    }

    fn plan() -> CascadePlan {
        let chat = ChatPlan {
            model: "small".into(),
            most_tokens: None,
            limit_key: LimitKey::default(),
            temperature: None,
            notes: NoteRole::default(),
            asks_usage: true,
            extra: serde_json::Map::new(),
        };
        CascadePlan {
            language: "hi".into(),
            ears: vec![EarsEngine::Socket { kind: EarsKind::Listen, plan: ears() }],
            mind: vec![MindEngine { url: url(), plan: chat }],
            voice: vec![VoiceEngine::Socket { kind: VoiceKind::Aura, plan: voice() }],
            turns: TurnPolicy::default(),
        }
    }

    fn broken(change: impl FnOnce(&mut CascadePlan)) -> String {
        let mut plan = plan();
        change(&mut plan);
        check(&plan).expect_err("a rule is broken").field
    }

    #[test]
    fn the_lines_own_audio_goes_through_where_all_engines_take_it() {
        let own = plan().fitted();
        assert_eq!((check(&own), own.input(), own.output()), (Ok(()), AudioFormat::MULAW_8K, AudioFormat::MULAW_8K));
        assert_eq!(own, plan());
        let can = capabilities(&own);
        assert!(can.server_answers() && !can.server_interrupts() && !can.decides_alone());
        assert!(!own.conversation(&Common::new("Be brief.")).is_busy());
    }

    #[test]
    fn engines_of_a_list_have_one_format() {
        let mut mixed = plan();
        mixed.ears.push(EarsEngine::Uploads { plan: ears() });
        mixed.voice.push(VoiceEngine::Requests { plan: voice(), response_format: "pcm".into() });
        assert_eq!(check(&mixed).expect_err("mixed").field, "cascade.stt");
        let fitted = mixed.fitted();
        assert_eq!(check(&fitted), Ok(()));
        assert_eq!((capabilities(&fitted).input, capabilities(&fitted).output), (UPLOADED, AudioFormat::PCM_24K));
    }

    #[test]
    fn a_broken_rule_names_its_field() {
        assert_eq!(broken(|plan| plan.ears.clear()), "cascade.stt");
        assert_eq!(broken(|plan| plan.mind.clear()), "cascade.llm");
        assert_eq!(broken(|plan| plan.voice.clear()), "cascade.tts");
        assert_eq!(broken(|plan| plan.mind[0].plan.model.clear()), "cascade.llm.model");
        assert_eq!(broken(|plan| plan.mind[0].plan.temperature = Some(f64::NAN)), "cascade.llm.temperature");
        assert_eq!(broken(|plan| plan.mind[0].plan.most_tokens = Some(0)), "cascade.llm.max_tokens");
        assert_eq!(broken(|plan| plan.turns.long = Duration::ZERO), "cascade.turns");
        let nobody = VoicePlan { voice: String::new(), ..voice() };
        let voice = VoiceEngine::Socket { kind: VoiceKind::Aura, plan: nobody };
        assert_eq!(broken(|plan| plan.voice = vec![voice]), "cascade.tts.voice");
    }
}
