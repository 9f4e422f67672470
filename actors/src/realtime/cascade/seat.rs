//! The rows of this provider and of its engines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;
use url::Url;

use super::ears::{EarsKind, EarsPlan};
use super::listener::EarsEngine;
use super::mind::{ChatPlan, LimitKey, NoteRole};
use super::mouth::VoiceEngine;
use super::plan::{CascadePlan, EngineAddresses, EngineKeys};
use super::thinker::MindEngine;
use super::turns::TurnPolicy;
use super::voice::{VoiceKind, VoicePlan};
use crate::carrier::AudioFormat;
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::named::LinkName;
use crate::realtime::plan::{Credential, Endpoint, ModelAddress};
use crate::realtime::seat::{Address, EngineSeat, Key, Names, Seat, Sent, Servers};
use crate::realtime::settings::{Engine, Engines, Given, OfLanguage, TurnEnds};

/// The engines that this process plays.
pub(crate) static REHEARSAL: Seat = Seat {
    word: "rehearsal",
    embedded: Some("cascade"),
    names: &NAMES,
    models_at: Servers::None,
    voices_at: Servers::None,
    key: None,
    address: Address { default: None, example: "http://127.0.0.1:9000", refuses: |_| None },
    knows: KNOWS,
    lacks: |_| None,
    engines: &[],
    plan: rehearsal,
};

/// Engines for hearing, thinking and speaking, each with a server and a key of its own.
pub(crate) static CASCADE: Seat = Seat {
    word: "cascade",
    embedded: None,
    names: &NAMES,
    models_at: Servers::None,
    voices_at: Servers::None,
    key: None,
    address: Address { default: None, example: "", refuses },
    knows: KNOWS,
    lacks: |_| None,
    engines: &ENGINES,
    plan,
};

/// The settings that mean something here.
const KNOWS: &[&str] = &["transcription.enabled", "transcription.keywords"];

/// The names of this provider. Those of its engines are settings, because they change often.
static NAMES: Names = Names {
    of: "the engines",
    model: OWN_MODEL,
    voice: "",
    models: &[],
    voices: &[],
    own_voice: None,
    transcribers: &[],
    prices: super::prices::PRICES,
    codes: &["stt_replaced", "llm_replaced", "tts_replaced", "end_untold"],
};

/// The name that stands for the model of `[cascade.llm]`.
const OWN_MODEL: &str = "cascade";

const OPENAI_KEY: Key = Key { variable: "OPENAI_API_KEY", sent: Sent::Bearer, begins: Some("sk-") };
const DEEPGRAM_KEY: Key = Key { variable: "DEEPGRAM_API_KEY", sent: Sent::ApiKey, begins: None };
const SARVAM_KEY: Key = Key { variable: "SARVAM_API_KEY", sent: Sent::ApiKey, begins: None };
const ELEVENLABS_KEY: Key = Key { variable: "ELEVENLABS_API_KEY", sent: Sent::ApiKey, begins: None };
const CARTESIA_KEY: Key = Key { variable: "CARTESIA_API_KEY", sent: Sent::ApiKey, begins: None };
const OPENAI: &str = "https://api.openai.com/v1";
const DEEPGRAM: &str = "https://api.deepgram.com";
const SARVAM: &str = "https://api.sarvam.ai";
const ELEVENLABS: &str = "https://api.elevenlabs.io";

/// The engines. The first of each part is the usual one.
static ENGINES: [EngineSeat; 11] = [
    EngineSeat { word: "deepgram", ..ears("deepgram_stt", DEEPGRAM_KEY, DEEPGRAM, "nova-3") },
    EngineSeat { word: "deepgram_flux", ..ears("deepgram_flux_stt", DEEPGRAM_KEY, DEEPGRAM, "flux-general-multi") },
    EngineSeat { word: "openai", ..ears("openai_stt", OPENAI_KEY, OPENAI, "gpt-transcribe") },
    EngineSeat { word: "sarvam", ..ears("sarvam_stt", SARVAM_KEY, SARVAM, "saaras:v4") },
    EngineSeat { word: "elevenlabs", ..ears("elevenlabs_stt", ELEVENLABS_KEY, ELEVENLABS, "scribe_v2_realtime") },
    EngineSeat { link: LinkName::Mind, word: "openai", ..ears("openai_llm", OPENAI_KEY, OPENAI, "gpt-5.4-mini") },
    EngineSeat { word: "openai", voice: "marin", ..voice("openai_tts", OPENAI_KEY, OPENAI, "gpt-4o-mini-tts") },
    EngineSeat {
        word: "deepgram",
        voice: "aura-2-thalia-en",
        ..voice("deepgram_tts", DEEPGRAM_KEY, DEEPGRAM, "aura-2")
    },
    EngineSeat {
        word: "elevenlabs",
        voice: "21m00Tcm4TlvDq8ikWAM",
        ..voice("elevenlabs_tts", ELEVENLABS_KEY, ELEVENLABS, "eleven_v3_conversational")
    },
    EngineSeat {
        word: "cartesia",
        voice: "f786b574-daa5-4673-aa0c-cbe3e8534c02",
        ..voice("cartesia_tts", CARTESIA_KEY, "https://api.cartesia.ai", "sonic-3")
    },
    EngineSeat { word: "sarvam", voice: "shubh", ..voice("sarvam_tts", SARVAM_KEY, SARVAM, "bulbul:v3") },
];

const fn ears(name: &'static str, key: Key, url: &'static str, model: &'static str) -> EngineSeat {
    EngineSeat { link: LinkName::Ears, word: "", name, key, url, model, voice: "" }
}

const fn voice(name: &'static str, key: Key, url: &'static str, model: &'static str) -> EngineSeat {
    EngineSeat { link: LinkName::Voice, ..ears(name, key, url, model) }
}

fn refuses(_: &Url) -> Option<&'static str> {
    Some("found an address, expected those of the engines in [cascade.stt], [cascade.llm] and [cascade.tts]")
}

#[expect(clippy::needless_pass_by_value, reason = "every seat has this form")]
fn plan(given: Given<'_>) -> ProviderPlan {
    let nothing = Engines::default();
    let engines = given.engines.unwrap_or(&nothing);
    ProviderPlan::Cascade(Arc::new(joined(&given, engines)))
}

/// The plan of the engines that this process plays: one of each part.
fn rehearsal(given: Given<'_>) -> ProviderPlan {
    let url = Url::parse(&given.address.endpoint.url).ok();
    let engine = |word: &str, link: LinkName| {
        let seat = ENGINES.iter().find(|seat| seat.word == word && seat.link == link)?;
        Some(Engine::of(seat, url.clone()?))
    };
    let engines = Engines {
        // It knows every language of ours.
        ears: engine("sarvam", LinkName::Ears).into_iter().collect(),
        mind: engine("openai", LinkName::Mind).into_iter().collect(),
        // It says when each word is said.
        voice: engine("cartesia", LinkName::Voice).into_iter().collect(),
        turns: given.engines.map(|engines| engines.turns).unwrap_or_default(),
    };
    let of_language = |other: &OfLanguage| OfLanguage {
        engines: Engines { turns: other.engines.turns, ..engines.clone() },
        ..other.clone()
    };
    let others: Vec<OfLanguage> = given.other_languages.iter().map(of_language).collect();
    let plan = joined(&Given { other_languages: &others, ..given.clone() }, &engines);
    // Records name it as they name every embedded model.
    ProviderPlan::Cascade(Arc::new(CascadePlan { address: given.address, ..plan }))
}

fn joined(given: &Given<'_>, engines: &Engines) -> CascadePlan {
    let others: BTreeMap<String, Arc<CascadePlan>> = given
        .other_languages
        .iter()
        .map(|other| {
            let given = Given { language: &other.language, other_languages: &[], ..given.clone() };
            (other.code.clone(), Arc::new(joined(&given, &other.engines)))
        })
        .collect();
    let addresses = |engines: &[Engine]| engines.iter().map(address_of).collect();
    let turns = policy(engines.turns);
    let keys = |engines: &[Engine]| engines.iter().map(|engine| engine.key.clone()).collect();
    let mut plan = CascadePlan {
        address: given.address.clone(),
        language: given.language.to_owned(),
        ears: engines.ears.iter().map(|engine| ears_engine(given, engine, turns.is_eager)).collect(),
        mind: engines.mind.iter().map(mind_engine).collect(),
        voice: engines.voice.iter().map(|engine| voice_engine(given, engine)).collect(),
        keys: EngineKeys { ears: keys(&engines.ears), mind: keys(&engines.mind), voice: keys(&engines.voice) },
        addresses: EngineAddresses {
            ears: addresses(&engines.ears),
            mind: addresses(&engines.mind),
            voice: addresses(&engines.voice),
        },
        turns,
        others,
        opening_timeout: OPENING,
    };
    if let Some(first) = engines.mind.first() {
        plan.address =
            ModelAddress { provider: given.address.provider, endpoint: endpoint(first), model: first.model.clone() };
        if given.address.model != OWN_MODEL {
            plan = plan.with_model(&given.address.model);
        }
    }
    plan.fitted()
}

/// Where an engine is, as breakers know it.
fn address_of(engine: &Engine) -> ModelAddress {
    ModelAddress { provider: engine.name, endpoint: endpoint(engine), model: engine.model.clone() }
}

fn policy(TurnEnds { complete, usual, number, incomplete, words, eager }: TurnEnds) -> TurnPolicy {
    let own = TurnPolicy::default();
    TurnPolicy {
        short: complete.unwrap_or(own.short),
        usual: usual.unwrap_or(own.usual),
        digits: number.unwrap_or(own.digits),
        long: incomplete.unwrap_or(own.long),
        words: words.unwrap_or(own.words),
        is_eager: eager.unwrap_or(own.is_eager),
        ..own
    }
}

fn endpoint(engine: &Engine) -> Endpoint {
    Endpoint {
        url: engine.url.to_string(),
        credential: engine.key.clone().map_or(Credential::None, Credential::Bearer),
        key_variable: engine.key_variable.clone(),
    }
}

fn ears_engine(given: &Given<'_>, engine: &Engine, eager: bool) -> EarsEngine {
    let keywords = given.options.transcription.as_ref().map(|it| it.keywords.clone()).unwrap_or_default();
    let plan = EarsPlan {
        url: engine.url.clone(),
        model: engine.model.clone(),
        language: given.language.to_owned(),
        format: AudioFormat::MULAW_8K,
        endpointing: ENDPOINTING,
        keywords,
        eager,
    };
    let kind = match engine.word {
        "deepgram" => EarsKind::Listen,
        "deepgram_flux" => EarsKind::Flux,
        "sarvam" => EarsKind::Sarvam,
        "elevenlabs" => EarsKind::Scribe,
        _ => return EarsEngine::Uploads { plan },
    };
    EarsEngine::Socket { kind, plan }
}

fn mind_engine(engine: &Engine) -> MindEngine {
    let is_openais = engine.url.host_str().is_some_and(|host| host.ends_with("openai.com"));
    let plan = ChatPlan {
        model: engine.model.clone(),
        most_tokens: engine.max_tokens,
        // Models of the first know the new name alone, most other servers the old one.
        limit_key: if is_openais { LimitKey::MaxCompletionTokens } else { LimitKey::MaxTokens },
        temperature: engine.temperature,
        notes: NoteRole::System,
        asks_usage: true,
        extra: Map::new(),
    };
    MindEngine { url: engine.url.clone(), plan }
}

fn voice_engine(given: &Given<'_>, engine: &Engine) -> VoiceEngine {
    let plan = VoicePlan {
        url: engine.url.clone(),
        model: engine.model.clone(),
        voice: engine.voice.clone(),
        language: given.language.to_owned(),
        format: AudioFormat::MULAW_8K,
        instructions: None,
    };
    let kind = match engine.word {
        "deepgram" => VoiceKind::Aura,
        // The models of the second generation have an endpoint of their own.
        "elevenlabs" if engine.model.contains("_v2") => VoiceKind::ElevenLabs,
        "elevenlabs" => VoiceKind::ElevenLabsDialogue,
        "cartesia" => VoiceKind::Cartesia,
        "sarvam" => VoiceKind::Sarvam,
        _ => return VoiceEngine::Requests { plan, response_format: "pcm".to_owned() },
    };
    VoiceEngine::Socket { kind, plan }
}

/// The silence after which engines that decide it end an utterance.
const ENDPOINTING: Duration = Duration::from_millis(300);
/// How long the ears and the voice may take to open, with a second try and the next engine.
const OPENING: Duration = Duration::from_secs(12);
