//! The configuration of the calls: every provider with the same settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use switchboard_actors::ids::Private;
use switchboard_actors::money::Usd;
use switchboard_actors::profile::no_input::NoInputPlan;
use switchboard_actors::profile::nods::Nods;
use switchboard_actors::profile::spending::{Price, Prices, SpendPlan};
use switchboard_actors::profile::values::{Given as Outside, Values};
use switchboard_actors::profile::{
    AudioPlan, CallProfile, Colleagues, Greeting, InterruptionPlan, InterruptionPolicy, KeypadPlan, LanguageProfile,
    Limits,
};
use switchboard_actors::realtime::named::LinkName;
use switchboard_actors::realtime::plan::{Common, Endpoint, ModelAddress, Resilience, SessionPlan, Transcription};
use switchboard_actors::realtime::seat::Provider;
use switchboard_actors::realtime::settings::{
    Engine, Engines, Given, ModelAudio, OfLanguage, Options, SessionOptions, TurnDetection, TurnEnds,
};
use switchboard_actors::tools::plan::{ToolMethod, ToolPlan, ToolSettings};
use switchboard_actors::tools::spec::ToolSpec;

use crate::server::ms;

/// A profile of a call with `provider`, which is asked to greet.
pub(crate) fn profile(provider: Provider) -> CallProfile {
    profile_of(plan(provider, ModelAudio::G711))
}

/// The same with the engine of this word as the voice, for a provider that joins engines.
pub(crate) fn profile_speaking(provider: Provider, voice: &str) -> CallProfile {
    profile_of(plan_of(provider, ModelAudio::G711, engines(provider, voice).as_ref()))
}

/// The same, where the call goes on with `other` if `provider` is out of reach.
pub(crate) fn profile_with_fallback(provider: Provider, other: Provider) -> CallProfile {
    let mut model = plan(provider, ModelAudio::Pcm24k);
    model.resilience.fallbacks = vec![plan(other, ModelAudio::Pcm24k).provider];
    profile_of(model)
}

fn profile_of(model: SessionPlan) -> CallProfile {
    let decides_alone = decides_alone(&model);
    CallProfile {
        agent: "reception".to_owned(),
        language: "en".to_owned(),
        configuration: "0a1b2c3d4e5f".into(),
        greeting: Greeting::Spoken("Greet the caller.".to_owned()),
        limits: Limits {
            max_duration: Duration::from_secs(600),
            line_silence: Duration::from_secs(60),
            goodbye: Duration::from_secs(10),
            lost_socket: Duration::from_secs(8),
            model_setup: Duration::from_secs(10),
            model_answer: Duration::from_millis(10_600),
            late_answer: Duration::from_secs(5),
        },
        playout_lead: ms(200),
        audio: AudioPlan::default(),
        recording: None,
        second_opinion: None,
        interruption: InterruptionPlan {
            policy: if decides_alone { InterruptionPolicy::Model } else { InterruptionPolicy::Immediate },
            ..InterruptionPlan::default()
        },
        notice: None,
        on_model_loss: None,
        no_input: NoInputPlan { before_prompts: Vec::new(), before_goodbye: A_DAY, longest_without_words: A_DAY },
        keypad: KeypadPlan::default(),
        languages: Arc::new(BTreeMap::from([
            ("en".to_owned(), language("English", "en", "Be helpful.")),
            ("hi".to_owned(), language("Hindi", "hi", "Speak Hindi.")),
        ])),
        questions: Vec::new(),
        tools: Arc::new(BTreeMap::from([("order_status".to_owned(), Arc::new(tool()))])),
        spend: SpendPlan { prices: prices(model.model()), ..SpendPlan::default() },
        caller: Some("hash".to_owned()),
        send_safety_identifier: true,
        variant: None,
        route: None,
        answered_by: None,
        transfers: Arc::default(),
        variables: Arc::default(),
        given: Outside::default(),
        values: Values::default(),
        hand_over: Vec::new(),
        colleagues: Colleagues::default(),
        model: Arc::new(model),
    }
}

/// Whether a provider joins engines. Then the conversation is ours, and each request tells all of it.
pub(crate) fn joins(provider: Provider) -> bool {
    !provider.engines().is_empty()
}

/// The engines of a provider that joins them: those that the scripted servers play.
fn engines(provider: Provider, voice: &str) -> Option<Engines> {
    let url = || "http://engine.example/v1".parse().expect("a URL");
    let key = || Some(Private::new("key".to_owned()));
    let engine = |link: LinkName, word: &str| {
        let seat = provider.engines().iter().find(|seat| seat.link == link && seat.word == word).expect("an engine");
        vec![Engine { key: key(), ..Engine::of(seat, url()) }]
    };
    joins(provider).then(|| Engines {
        ears: engine(LinkName::Ears, "sarvam"),
        mind: engine(LinkName::Mind, "openai"),
        voice: engine(LinkName::Voice, voice),
        turns: TurnEnds::default(),
    })
}

/// Whether the model alone decides about interruptions unless the configuration says otherwise,
/// because nothing that it generates can be stopped.
pub(crate) fn decides_alone(plan: &SessionPlan) -> bool {
    let can = plan.capabilities();
    !can.cancel && !can.truncate
}

fn plan(provider: Provider, audio: ModelAudio) -> SessionPlan {
    plan_of(provider, audio, engines(provider, TIMED_VOICE).as_ref())
}

fn plan_of(provider: Provider, audio: ModelAudio, engines: Option<&Engines>) -> SessionPlan {
    let (names, address) = (provider.names(), provider.address());
    let options = Options {
        speed: None,
        max_output_tokens: None,
        retention_ratio: None,
        noise_reduction: None,
        turn_detection: TurnDetection::Server {
            threshold: 0.5,
            prefix_padding_ms: 300,
            silence_duration_ms: 500,
            idle_timeout_ms: None,
            create_response: true,
            interrupt_response: true,
        },
        transcription: None,
        // Some providers have no model behind the voice unless one is named.
        finer: SessionOptions { backend_model: Some("worker".to_owned()), ..SessionOptions::default() },
    };
    let hindi =
        |engines: &Engines| OfLanguage { code: "hi".to_owned(), language: "hi".to_owned(), engines: engines.clone() };
    let others: Vec<OfLanguage> = engines.into_iter().map(hindi).collect();
    let given = Given {
        address: ModelAddress {
            provider: provider.word(),
            endpoint: Endpoint {
                url: address.default.unwrap_or(address.example).to_owned(),
                credential: provider.credential(Some(&Private::new("key".to_owned()))),
                key_variable: None,
            },
            model: names.model.to_owned(),
        },
        dialect: None,
        voice: names.voice,
        language: "en",
        engines,
        other_languages: &others,
        audio,
        options: &options,
        created_timeout: Duration::from_secs(5),
        updated_timeout: Duration::from_secs(5),
    };
    let built_in = ["end_call", "switch_language", "save_answer"].map(|name| ToolSpec {
        name: name.to_owned(),
        description: format!("Does {name}."),
        parameters: json!({"type": "object", "properties": {}}),
    });
    SessionPlan {
        common: Arc::new(Common {
            transcription: transcription("en", names.transcribers.first().map(|it| it.name)),
            tools: built_in.into_iter().chain([tool().spec()]).collect(),
            ..Common::new("Be helpful.")
        }),
        provider: provider.plan(given),
        resilience: Resilience {
            patience: Duration::from_secs(20),
            rotate_before: Duration::from_secs(20),
            rotate_latest: Duration::from_secs(5),
            ..Resilience::default()
        },
    }
}

fn transcription(language: &str, model: Option<&str>) -> Option<Transcription> {
    let model = model.unwrap_or_default().to_owned();
    Some(Transcription { model, language: Some(language.to_owned()), ..Transcription::default() })
}

fn language(name: &str, code: &str, instructions: &str) -> LanguageProfile {
    LanguageProfile {
        name: name.to_owned(),
        instructions: instructions.to_owned(),
        backend: None,
        voice: "marin".to_owned(),
        transcription: transcription(code, Some("gpt-4o-mini-transcribe")),
        greeting: Greeting::None,
        idle_prompts: vec![IDLE_PROMPT.to_owned()],
        goodbye: GOODBYE.to_owned(),
        apology: "I am sorry, I cannot help you now.".to_owned(),
        apology_sound: None,
        filler_sound: None,
        filler: "One moment, please.".to_owned(),
        never_interrupts: Nods::default(),
    }
}

fn tool() -> ToolPlan {
    let settings = ToolSettings {
        name: "order_status".to_owned(),
        description: "Finds an order.".to_owned(),
        url: "http://tools.example/".parse().expect("a URL"),
        method: ToolMethod::Get,
        parameters: json!({"type": "object", "properties": {"order": {"type": "string"}}}),
        headers: Vec::new(),
        timeout: Duration::from_secs(5),
        max_result: 4_000,
        allowed_private: Vec::new(),
    };
    ToolPlan::new(settings).expect("a schema")
}

/// Each kind of token costs a thousandth of a dollar, and a minute one dollar.
fn prices(model: &str) -> Prices {
    let cent = Usd::from_dollars(0.001);
    let price = Price {
        text_in: cent,
        text_out: cent,
        audio_in: cent,
        audio_out: cent,
        minute: Usd::from_dollars(1.0),
        ..Price::default()
    };
    Prices::new(BTreeMap::from([(model.to_owned(), price)]))
}

/// A voice that says when each word is said, and one that does not.
pub(crate) const TIMED_VOICE: &str = "cartesia";
pub(crate) const UNTIMED_VOICE: &str = "openai";
pub(crate) const A_DAY: Duration = Duration::from_secs(86_400);
pub(crate) const GOODBYE: &str = "Thank you for calling, goodbye.";
pub(crate) const IDLE_PROMPT: &str = "Are you still there?";
