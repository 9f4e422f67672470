//! Plans for tests: engines with sockets, and engines that take requests.

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

use super::{CascadePlan, EngineAddresses, EngineKeys};
use crate::audio::detector::DetectorPlan;
use crate::carrier::AudioFormat;
use crate::realtime::cascade::ears::{EarsKind, EarsPlan};
use crate::realtime::cascade::listener::EarsEngine;
use crate::realtime::cascade::mind::{ChatPlan, LimitKey, NoteRole};
use crate::realtime::cascade::mouth::VoiceEngine;
use crate::realtime::cascade::thinker::MindEngine;
use crate::realtime::cascade::turns::TurnPolicy;
use crate::realtime::cascade::voice::{VoiceKind, VoicePlan};
use crate::realtime::plan::{Common, Credential, Endpoint, ModelAddress, Transcription};
use crate::tools::spec::ToolSpec;

pub(crate) fn url() -> Url {
    Url::parse("http://127.0.0.1:9/v1").expect("a URL")
}

/// An engine that hears this language.
pub(crate) fn ears(language: &str) -> EarsPlan {
    EarsPlan {
        url: url(),
        model: "small".into(),
        language: language.into(),
        format: AudioFormat::MULAW_8K,
        endpointing: Duration::from_millis(300),
        keywords: Vec::new(),
        eager: false,
    }
}

/// A chat model.
pub(crate) fn mind() -> MindEngine {
    let plan = ChatPlan {
        model: "small".into(),
        most_tokens: None,
        limit_key: LimitKey::default(),
        temperature: None,
        notes: NoteRole::default(),
        asks_usage: true,
        extra: serde_json::Map::new(),
    };
    MindEngine { url: url(), plan }
}

/// An engine that speaks this language.
pub(crate) fn voice(language: &str) -> VoicePlan {
    VoicePlan {
        url: url(),
        model: "small".into(),
        voice: "asha".into(),
        language: language.into(),
        format: AudioFormat::MULAW_8K,
        instructions: None,
    }
}

/// A plan with one engine of each part.
pub(crate) fn plan_of(language: &str, ears: EarsEngine, voice: VoiceEngine) -> CascadePlan {
    let endpoint = Endpoint { url: url().to_string(), credential: Credential::None, key_variable: None };
    CascadePlan {
        address: ModelAddress { provider: "cascade", endpoint, model: "small".into() },
        language: language.into(),
        ears: vec![ears],
        mind: vec![mind()],
        voice: vec![voice],
        keys: EngineKeys::default(),
        addresses: EngineAddresses::default(),
        turns: TurnPolicy::default(),
        others: BTreeMap::new(),
        opening_timeout: Duration::from_secs(10),
    }
}

/// A plan with sockets.
pub(crate) fn plan() -> CascadePlan {
    sockets(EarsKind::Listen, VoiceKind::Aura)
}

/// Ears with a socket of this kind, and a voice with one.
pub(crate) fn sockets(ears_kind: EarsKind, voice_kind: VoiceKind) -> CascadePlan {
    let hears = EarsEngine::Socket { kind: ears_kind, plan: ears("en") };
    let speaks = VoiceEngine::Socket { kind: voice_kind, plan: voice("en") };
    plan_of("en", hears, speaks).fitted()
}

/// Ears that take each utterance as an upload, and a voice that takes each piece as a request.
pub(crate) fn requests() -> CascadePlan {
    let speaks = VoiceEngine::Requests { plan: voice("en"), response_format: "pcm".into() };
    plan_of("en", EarsEngine::Uploads { plan: ears("en") }, speaks).fitted()
}

/// A session with a tool, with words of the caller, and with a detector of ours.
pub(crate) fn common() -> Common {
    let detector =
        DetectorPlan { threshold: 0.9, min_speech: Duration::from_millis(32), min_silence: Duration::from_millis(300) };
    let tool = ToolSpec { name: "find".into(), description: String::new(), parameters: serde_json::json!({}) };
    Common {
        detector: Some(detector),
        transcription: Some(Transcription::default()),
        tools: vec![tool],
        ..Common::new("Be brief.")
    }
}
