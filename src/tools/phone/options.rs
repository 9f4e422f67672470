//! What a simulated call is told to do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::fake::Fault;
use switchboard_actors::ids::Private;
use url::Url;

/// One simulated call.
#[derive(Debug, Clone)]
pub struct PhoneOptions {
    /// What is called.
    pub target: Target,
    /// Whose network the call comes from.
    pub carrier: Carrier,
    /// What the caller says, 8 kHz; nothing when empty.
    pub speech: Arc<[i16]>,
    /// When the caller begins to speak. `None` is after the greeting: when something was heard and [`POLITE_PAUSE`] of silence
    /// followed, or after [`LONGEST_WAIT_FOR_GREETING`].
    pub speak_at: Option<Duration>,
    /// Keys, each with its time since the first stream's `start`.
    pub dtmf: Vec<(Duration, char)>,
    /// When the caller hangs up, since the first stream's `start`. `None` leaves it to the rule of [`ANSWER_PAUSE`].
    pub hangup_after: Option<Duration>,
    /// The silence in the rule of [`ANSWER_PAUSE`].
    pub answer_pause: Duration,
    /// No call lasts longer than this.
    pub longest: Duration,
    /// Whisper noise between the words instead of digital silence, as real lines do.
    pub comfort_noise: bool,
    /// The caller's number.
    pub from: String,
    /// The dialled number.
    pub to: String,
    /// The call's id where the carrier has told it already, as of a call that the service began; a fresh one otherwise.
    pub call_sid: Option<String>,
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// Signs every request and upgrade as the carrier would.
    pub auth_token: Option<Private<String>>,
    /// Custom parameters of a call that goes straight to a stream; a webhook's document brings its own.
    pub parameters: BTreeMap<String, String>,
    /// How a `<Dial>` of the service goes.
    pub dial_outcome: DialOutcome,
    /// What the carrier does wrong.
    pub faults: Vec<Fault>,
    /// Mark echoes are held back for this long, as a slow network would.
    pub mark_delay: Duration,
    /// Keep what the caller hears, sample by sample.
    pub record: bool,
    /// Certificate authorities (PEM) that are trusted beside the public ones.
    pub authorities: Option<PathBuf>,
}

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A voice webhook, whose TwiML is obeyed.
    Webhook(Url),
    /// A media stream, without asking anybody.
    Stream(Url),
}

/// How the people a service dials behave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DialOutcome {
    /// Somebody answers, speaks for a moment and hangs up.
    #[default]
    Answered,
    /// Something answers that does not take the call: it presses no key when it is told to, as an answering machine.
    Declined,
    /// The line is busy.
    Busy,
    /// It rings and nobody comes.
    NoAnswer,
    /// The call cannot be put through.
    Failed,
}

impl PhoneOptions {
    /// A call to `target` with nothing to say.
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
            account_sid: DEFAULT_ACCOUNT.into(),
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
    /// The `DialCallStatus` of the reference.
    pub const fn status(self) -> &'static str {
        match self {
            Self::Answered | Self::Declined => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
        }
    }

    /// How long the caller waits until it is known. Real people take longer; nobody learns from waiting for them.
    pub(super) const fn takes(self) -> Duration {
        match self {
            Self::Answered => Duration::from_secs(2),
            Self::Declined | Self::Busy | Self::NoAnswer | Self::Failed => Duration::from_millis(500),
        }
    }
}

/// Carriers whose calls can be placed: those whose side is there to be played.
pub fn carriers() -> impl Iterator<Item = Carrier> {
    Carrier::all().filter(|carrier| carrier.fake().is_some())
}

/// The carrier of a phone that was given none: the first.
pub fn default_carrier() -> Carrier {
    carriers().next().expect("some carrier can be played")
}

/// The account of a phone that was given none.
pub const DEFAULT_ACCOUNT: &str = "AC00000000000000000000000000000000";
/// No call lasts longer unless told.
pub const LONGEST_CALL: Duration = Duration::from_secs(600);
/// Silence after which the caller takes a greeting for finished. Shorter: the caller falls into a pause of it. Longer: dead air.
pub const POLITE_PAUSE: Duration = Duration::from_millis(800);
/// A service that says nothing for this long is spoken to all the same.
pub const LONGEST_WAIT_FOR_GREETING: Duration = Duration::from_secs(6);
/// Silence of the agent after its answer that ends a call which was not told when to end. Shorter: an agent that thinks between
/// two sentences is cut off. Longer: dead air at the end of every call.
pub const ANSWER_PAUSE: Duration = Duration::from_secs(4);
/// A caller who gets no answer at all waits this long after the last word.
pub const LONGEST_WAIT_FOR_ANSWER: Duration = Duration::from_secs(12);
