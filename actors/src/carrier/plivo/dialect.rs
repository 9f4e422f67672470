//! What differs between Plivo and Vobiz, as data. Pure.

use std::time::Duration;

use super::fake;
use super::settings::{self, is_answered};
use super::trust::{Covers, Scheme};
use super::wire::PlivoWire;
use crate::carrier::settings::{Form, Kind, Secret, Setting, Term};
use crate::carrier::webhook_api::{Role, Route, Verb};
use crate::carrier::{
    AudioFormat, ByClear, Capabilities, Chunk, Clear, Encoding, Flow, Handover, Keys, Liveness, Marks, Messages,
    OurClose, Pacing, Pings, Seat, SecondStart, TheirClose,
};

macro_rules! routes {
    ($name:literal) => {
        &[
            Route { verbs: &[Verb::Get], path: concat!("/", $name, "/ws"), role: Role::Stream },
            Route { verbs: EITHER, path: concat!("/", $name, "/answer"), role: Role::Arrives },
            Route { verbs: POST, path: concat!("/", $name, "/after-stream"), role: Role::StreamEnded },
            Route { verbs: POST, path: concat!("/", $name, "/dial-result"), role: Role::DialEnded },
            Route { verbs: EITHER, path: concat!("/", $name, "/whisper"), role: Role::Whisper },
            Route { verbs: POST, path: concat!("/", $name, "/person/briefing"), role: Role::CalleeAnswered },
            Route { verbs: POST, path: concat!("/", $name, "/person/taken"), role: Role::CalleeTaken },
            Route { verbs: POST, path: concat!("/", $name, "/person/status"), role: Role::CalleeStatus },
            Route { verbs: EITHER, path: concat!("/", $name, "/status"), role: Role::Status },
            Route { verbs: POST, path: concat!("/", $name, "/stream-status"), role: Role::StreamStatus },
        ]
    };
}

macro_rules! settings {
    ($title:literal, $name:literal, $prefix:literal, $api:literal) => {
        &[
            Setting {
                key: "enabled",
                default: "false",
                kind: Kind::Flag,
                help: concat!(
                    "Whether calls over ", $title, " are answered. The answer URL of its application is /", $name,
                    "/answer, the hang-up URL /", $name, "/status, both by POST. Signatures are required as soon as ",
                    $prefix, "_AUTH_TOKEN is set or an address is not loopback."
                ),
                term: None,
            },
            Setting {
                key: "api_url",
                default: $api,
                kind: Kind::Url,
                help: concat!("The root of ", $title, "'s REST API, without the path of a version; another host for a test."),
                term: None,
            },
            Setting {
                key: "lost_socket",
                default: "10s",
                kind: Kind::Duration { least: Duration::ZERO, most: Duration::from_secs(60) },
                help: concat!(
                    "How long the call of a lost stream may come back on another one before ", $title,
                    " is told to end it, because it would stay up, silent and billed. Shorter gives callers up whose network takes a moment, longer bills more silence. \"0s\" waits for nobody."
                ),
                term: Some(Term::LostSocket),
            },
        ]
    };
}

macro_rules! secrets {
    ($prefix:literal, $sound:literal) => {
        &[
            Secret {
                name: concat!($prefix, "_AUTH_ID"),
                form: Form::One,
                help: "the account whose API ends, transfers and places calls",
                sounds: &[$sound, "id"],
                own: false,
                api: true,
                wanted: is_answered,
            },
            Secret {
                name: concat!($prefix, "_AUTH_TOKEN"),
                form: Form::Listed,
                help: "what signatures are checked with, each of them; several while one is rotated",
                sounds: &[$sound],
                own: false,
                api: true,
                wanted: is_answered,
            },
        ]
    };
}

/// One of the two carriers.
#[derive(Debug)]
pub struct Dialect {
    pub(super) which: Which,
    pub(in crate::carrier) seat: Seat,
    /// The variable of the account's id.
    pub(super) auth_id: &'static str,
    /// The variable of the account's token.
    pub(super) auth_token: &'static str,
    /// How requests are signed; any of these is good.
    pub(super) schemes: &'static [Scheme],
}

/// The carrier of a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Plivo,
    Vobiz,
}

impl Dialect {
    /// The path for a role. Every dialect has one for every role that it is asked for.
    pub(super) fn path(&self, role: Role) -> &'static str {
        self.seat.routes.iter().find(|route| route.role == role).map_or("/", |route| route.path)
    }

    /// The carrier's name.
    pub(super) const fn name(&self) -> &'static str {
        self.seat.capabilities.name
    }
}

/// Plivo.
pub(in crate::carrier) static PLIVO: Dialect = Dialect {
    which: Which::Plivo,
    seat: Seat {
        title: "Plivo",
        capabilities: CAPABILITIES,
        routes: routes!("plivo"),
        settings: settings!("Plivo", "plivo", "PLIVO", "https://api.plivo.com"),
        secrets: secrets!("PLIVO", "plivo"),
        calls_callees: true,
        // A call that it places has no name until it is answered, so it could not be ended when the
        // caller is gone.
        invites_callees: false,
        payload: None,
        check: |given| settings::check(&PLIVO, given),
        describe: |given| settings::describe(&PLIVO, given),
        is_answered,
        open: |given, public| settings::open(&PLIVO, given, public),
        wire: || Box::new(PlivoWire::new(&PLIVO)),
        packets: None,
        fake: Some(&fake::PLIVO),
    },
    auth_id: "PLIVO_AUTH_ID",
    auth_token: "PLIVO_AUTH_TOKEN",
    // The older signature (V2) covers neither query nor form, so it is not taken.
    schemes: &[Scheme {
        signatures: ["x-plivo-signature-v3", "x-plivo-signature-ma-v3"],
        nonce: "x-plivo-signature-v3-nonce",
        covers: Covers::Request,
        separator: ".",
    }],
};

/// Vobiz.
pub(in crate::carrier) static VOBIZ: Dialect = Dialect {
    which: Which::Vobiz,
    seat: Seat {
        title: "Vobiz",
        capabilities: Capabilities {
            name: "vobiz",
            // The byte order of its L16 is disputed.
            hears: &[AudioFormat::MULAW_8K],
            says: &[AudioFormat::MULAW_8K],
            // Running services send the message that ends a stream before they close it.
            our_close: OurClose::IsFault,
            ..CAPABILITIES
        },
        routes: routes!("vobiz"),
        settings: settings!("Vobiz", "vobiz", "VOBIZ", "https://api.vobiz.ai"),
        secrets: secrets!("VOBIZ", "vobiz"),
        calls_callees: true,
        invites_callees: true,
        payload: None,
        check: |given| settings::check(&VOBIZ, given),
        describe: |given| settings::describe(&VOBIZ, given),
        is_answered,
        open: |given, public| settings::open(&VOBIZ, given, public),
        wire: || Box::new(PlivoWire::new(&VOBIZ)),
        packets: None,
        fake: Some(&fake::VOBIZ),
    },
    auth_id: "VOBIZ_AUTH_ID",
    auth_token: "VOBIZ_AUTH_TOKEN",
    // Its documentation and its own library disagree about what is signed.
    schemes: &[
        Scheme {
            signatures: ["x-vobiz-signature-v3", "x-vobiz-signature-ma-v3"],
            nonce: "x-vobiz-signature-v3-nonce",
            covers: Covers::Address,
            separator: ".",
        },
        Scheme {
            signatures: ["x-vobiz-signature-v3", "x-vobiz-signature-ma-v3"],
            nonce: "x-vobiz-signature-v3-nonce",
            covers: Covers::Request,
            separator: ".",
        },
        Scheme {
            signatures: ["x-vobiz-signature-v2", "x-vobiz-signature-ma-v2"],
            nonce: "x-vobiz-signature-v2-nonce",
            covers: Covers::Address,
            separator: "",
        },
    ],
};

const CAPABILITIES: Capabilities = Capabilities {
    name: "plivo",
    messages: Messages::Text,
    subprotocols: &["audio.drachtio.org", "audio.jambonz.org"],
    hears: &[AudioFormat::MULAW_8K, AudioFormat::PCM_8K, PCM_16K],
    says: &[AudioFormat::MULAW_8K, AudioFormat::PCM_8K, PCM_16K],
    pacing: Pacing::CarrierBuffers,
    lead: Duration::from_millis(400),
    chunk: Chunk::ANY,
    marks: Marks::Echoed { by_clear: ByClear::Drops, longest_name: super::wire::LONGEST_NAME, most_pending: 64 },
    clear: Clear::Sure { late: Duration::ZERO },
    flow: Flow::Free,
    keys: Keys::Reported,
    handover: Some(Handover::Document),
    our_close: OurClose::DocumentGoesOn,
    their_close: TheirClose::LosesStream,
    liveness: Liveness::AnyMessage,
    keeps_open_with: None,
    pings: Pings::Answered,
    second_start: SecondStart::NewStream,
};

const PCM_16K: AudioFormat = AudioFormat { encoding: Encoding::Pcm16, rate_hz: 16_000 };

const POST: &[Verb] = &[Verb::Post];
const EITHER: &[Verb] = &[Verb::Get, Verb::Post];
