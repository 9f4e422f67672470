//! The options of a simulated call.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::fake::Fault;
use switchboard_actors::ids::Private;
use url::Url;

/// Options of one simulated call.
#[derive(Debug, Clone)]
pub struct PhoneOptions {
    /// The address to call.
    pub target: Target,
    /// The network that the call comes from.
    pub carrier: Carrier,
    /// What the caller says, 8 kHz. The caller is silent if this is empty.
    pub speech: Arc<[i16]>,
    /// When the caller begins to speak. `None` means after the greeting: when something was heard
    /// and [`POLITE_PAUSE`] of silence followed, or after [`LONGEST_WAIT_FOR_GREETING`].
    pub speak_at: Option<Duration>,
    /// Keys, each with its time since the first stream's `start`.
    pub dtmf: Vec<(Duration, char)>,
    /// When the caller hangs up, measured from the first stream's `start`. `None` applies the rule
    /// of [`ANSWER_PAUSE`].
    pub hangup_after: Option<Duration>,
    /// The silence used in the rule of [`ANSWER_PAUSE`].
    pub answer_pause: Duration,
    /// Maximum length of a call.
    pub longest: Duration,
    /// Sends quiet noise between the words instead of digital silence, as real lines do.
    pub comfort_noise: bool,
    /// The caller's number.
    pub from: String,
    /// The dialled number.
    pub to: String,
    /// The call's id, if the carrier has already reported it, as for an outbound call of the
    /// service. `None` creates a new one.
    pub call_sid: Option<String>,
    /// The account; `None` takes an account of the carrier's form.
    pub account: Option<String>,
    /// Signs every request and upgrade as the carrier would.
    pub auth_token: Option<Private<String>>,
    /// Custom parameters of a call that goes directly to a stream. A webhook's document brings its
    /// own.
    pub parameters: BTreeMap<String, String>,
    /// The outcome of a `<Dial>` by the service.
    pub dial_outcome: DialOutcome,
    /// The carrier faults to simulate.
    pub faults: Vec<Fault>,
    /// Delay of every mark echo, as on a slow network.
    pub mark_delay: Duration,
    /// Records what the caller hears, sample by sample.
    pub record: bool,
    /// Certificate authorities (PEM) that are trusted in addition to the public ones.
    pub authorities: Option<PathBuf>,
}

/// The address that is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A voice webhook; the phone obeys its TwiML.
    Webhook(Url),
    /// A media stream, without a webhook.
    Stream(Url),
}

/// How the people a service dials behave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DialOutcome {
    /// Somebody answers, speaks for a moment and hangs up.
    #[default]
    Answered,
    /// Something answers that does not take the call: it presses no key when it is told to, as an
    /// answering machine.
    Declined,
    /// The line is busy.
    Busy,
    /// It rings and nobody comes.
    NoAnswer,
    /// The call cannot be put through.
    Failed,
}

impl PhoneOptions {
    /// A call to `target` in which the caller says nothing.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            carrier: default_carrier(),
            speech: Arc::new([]),
            speak_at: None,
            dtmf: Vec::new(),
            hangup_after: None,
            answer_pause: ANSWER_PAUSE,
            longest: LONGEST_CALL,
            comfort_noise: false,
            from: "+15550100001".into(),
            to: "+15550100002".into(),
            call_sid: None,
            account: None,
            auth_token: None,
            parameters: BTreeMap::new(),
            dial_outcome: DialOutcome::default(),
            faults: Vec::new(),
            mark_delay: Duration::ZERO,
            record: true,
            authorities: None,
        }
    }
}

impl DialOutcome {
    /// Its name in the summary.
    pub const fn status(self) -> &'static str {
        match self {
            Self::Answered | Self::Declined => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
        }
    }

    /// How long the caller waits for this outcome. Real people take longer; a test gains nothing by
    /// waiting for them.
    pub(super) const fn takes(self) -> Duration {
        match self {
            Self::Answered => Duration::from_secs(2),
            Self::Declined | Self::Busy | Self::NoAnswer | Self::Failed => Duration::from_millis(500),
        }
    }
}

/// The carriers whose side can be simulated.
pub fn carriers() -> impl Iterator<Item = Carrier> {
    Carrier::all().filter(|carrier| carrier.fake().is_some())
}

/// The default carrier: the first.
pub fn default_carrier() -> Carrier {
    carriers().next().expect("some carrier can be played")
}

/// Default maximum length of a call.
pub const LONGEST_CALL: Duration = Duration::from_secs(600);
/// Silence after which the caller considers the greeting finished. Shorter: the caller interrupts
/// at a pause in the greeting. Longer: dead air.
pub const POLITE_PAUSE: Duration = Duration::from_millis(800);
/// Wait for a greeting. If the service says nothing for this long, the caller speaks anyway.
pub const LONGEST_WAIT_FOR_GREETING: Duration = Duration::from_secs(6);
/// Silence after the agent's answer that ends a call without a configured end. Shorter: an agent
/// that pauses between two sentences is cut off. Longer: dead air at the end of every call.
pub const ANSWER_PAUSE: Duration = Duration::from_secs(4);
/// Wait after the last word for an answer that does not come.
pub const LONGEST_WAIT_FOR_ANSWER: Duration = Duration::from_secs(12);
