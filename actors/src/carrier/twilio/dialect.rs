//! What differs between Twilio and SignalWire, as data. Pure.

use std::time::Duration;

use super::wire::{self, TwilioWire};
use super::{fake, settings, signalwire};
use crate::carrier::webhook_api::{Role, Route, Verb};
use crate::carrier::{
    AudioFormat, ByClear, Capabilities, Chunk, Clear, Flow, Handover, Keys, Liveness, Marks, Messages, OurClose,
    Pacing, Pings, Seat, SecondStart, TheirClose,
};

macro_rules! routes {
    ($name:literal, $arrives:literal, [$($older:expr),*]) => {
        &[
            $($older,)*
            Route { verbs: GET, path: concat!("/", $name, "/ws"), role: Role::Stream },
            Route { verbs: EITHER, path: concat!("/", $name, "/", $arrives), role: Role::Arrives },
            Route { verbs: POST, path: concat!("/", $name, "/after-stream"), role: Role::StreamEnded },
            Route { verbs: POST, path: concat!("/", $name, "/dial-result"), role: Role::DialEnded },
            Route { verbs: POST, path: concat!("/", $name, "/whisper"), role: Role::Whisper },
            Route { verbs: POST, path: concat!("/", $name, "/whisper-taken"), role: Role::WhisperTaken },
            Route { verbs: POST, path: concat!("/", $name, "/person/briefing"), role: Role::CalleeAnswered },
            Route { verbs: POST, path: concat!("/", $name, "/person/taken"), role: Role::CalleeTaken },
            Route { verbs: POST, path: concat!("/", $name, "/person/status"), role: Role::CalleeStatus },
            Route { verbs: POST, path: concat!("/", $name, "/status"), role: Role::Status },
            Route { verbs: POST, path: concat!("/", $name, "/stream-status"), role: Role::StreamStatus },
        ]
    };
}

/// One of the two carriers.
#[derive(Debug)]
pub(in crate::carrier) struct Dialect {
    pub(super) which: Which,
    pub(in crate::carrier) seat: Seat,
    /// The variable of the account's id.
    pub(super) account: &'static str,
    /// The variable of the API's token.
    pub(super) api_token: &'static str,
    /// The setting that decides whether requests are authenticated.
    pub(super) trusted_by: &'static str,
    /// The path of the REST API behind its address, before that of the version.
    pub(super) api_path: &'static str,
    /// The headers with a signature. The first that a request has counts.
    pub(super) signatures: &'static [&'static str],
    /// The header with a SHA-256 signature over the raw body, if there is one.
    pub(super) raw_signature: Option<&'static str>,
}

/// The carrier of a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Twilio,
    SignalWire,
}

impl Dialect {
    /// The path for a role, the first if there are several. Every dialect has one for every role that
    /// it is asked for.
    pub(super) fn path(&self, role: Role) -> &'static str {
        self.seat.routes.iter().find(|route| route.role == role).map_or("/", |route| route.path)
    }
}

/// Twilio. `/ws` is the path from before there were other carriers; documents use it too.
pub(in crate::carrier) static TWILIO: Dialect = Dialect {
    which: Which::Twilio,
    seat: Seat {
        title: "Twilio",
        capabilities: CAPABILITIES,
        routes: routes!("twilio", "voice", [Route { verbs: GET, path: "/ws", role: Role::Stream }]),
        settings: settings::SETTINGS,
        secrets: settings::SECRETS,
        calls_callees: true,
        invites_callees: true,
        payload: None,
        check: settings::check,
        describe: settings::describe,
        is_answered: |_| true,
        open: |given, public| Some(settings::open(given, public)),
        wire: || Box::<TwilioWire>::default(),
        packets: None,
        fake: Some(&fake::TWILIO),
    },
    account: settings::ACCOUNT,
    api_token: settings::TOKEN,
    trusted_by: "twilio.verify",
    api_path: "",
    signatures: &["x-twilio-signature"],
    raw_signature: None,
};

/// SignalWire.
pub(in crate::carrier) static SIGNALWIRE: Dialect = Dialect {
    which: Which::SignalWire,
    seat: Seat {
        title: "SignalWire",
        capabilities: Capabilities {
            name: "signalwire",
            // Its documentation does not say what a clear does to them.
            marks: Marks::Echoed { by_clear: ByClear::Unknown, longest_name: wire::LONGEST_NAME, most_pending: 64 },
            ..CAPABILITIES
        },
        routes: routes!("signalwire", "answer", []),
        settings: signalwire::SETTINGS,
        secrets: signalwire::SECRETS,
        calls_callees: true,
        invites_callees: true,
        payload: None,
        check: signalwire::check,
        describe: signalwire::describe,
        is_answered: signalwire::is_answered,
        open: signalwire::open,
        wire: || Box::<TwilioWire>::default(),
        packets: None,
        fake: Some(&fake::SIGNALWIRE),
    },
    account: signalwire::PROJECT,
    api_token: signalwire::TOKEN,
    trusted_by: "SIGNALWIRE_SIGNING_KEY",
    api_path: "/api/laml",
    // Requests of its older API have the second name.
    signatures: &["x-signalwire-signature", "x-twilio-signature"],
    raw_signature: Some("x-signalwire-sha256-signature"),
};

const CAPABILITIES: Capabilities = Capabilities {
    name: "twilio",
    messages: Messages::Text,
    subprotocols: &[],
    hears: &[AudioFormat::MULAW_8K],
    says: &[AudioFormat::MULAW_8K],
    pacing: Pacing::CarrierBuffers,
    lead: Duration::from_millis(400),
    chunk: Chunk::ANY,
    marks: Marks::Echoed { by_clear: ByClear::Echoes, longest_name: wire::LONGEST_NAME, most_pending: 64 },
    clear: Clear::Sure { late: Duration::ZERO },
    flow: Flow::Free,
    keys: Keys::Reported,
    handover: Some(Handover::Document),
    our_close: OurClose::DocumentGoesOn,
    their_close: TheirClose::LosesStream,
    liveness: Liveness::AnyMessage,
    keeps_open_with: None,
    pings: Pings::Answered,
    second_start: SecondStart::Ignored,
};

const GET: &[Verb] = &[Verb::Get];
const POST: &[Verb] = &[Verb::Post];
const EITHER: &[Verb] = &[Verb::Get, Verb::Post];
