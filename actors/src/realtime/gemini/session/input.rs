//! The caller's audio on its way to the server: when it is sent, kept or left out. With manual
//! detection, our own detector hears it first.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Session, SessionAction, send};
use crate::audio::detector::{DetectorPlan, SpeechDetector};
use crate::audio::scratch::Scratch;
use crate::carrier::AudioFormat;
use crate::g711;
use crate::realtime::gemini::plan::Activity;
use crate::realtime::gemini::protocol::client::{self, ClientMessage, Empty, RealtimeInput};
use crate::realtime::messages::ResponsePurpose;

/// The caller's audio on its way to the server.
#[derive(Debug)]
pub(super) struct Input {
    format: AudioFormat,
    activity: Activity,
    /// Our detector; only with manual detection.
    detector: Option<Box<SpeechDetector>>,
    /// The settings of our detector; only with manual detection.
    detects: Option<DetectorPlan>,
    /// The newest audio that was not sent. Turn detection notices speech after it began.
    kept: VecDeque<u8>,
    gate: Gate,
    /// Whether the server was told that the caller speaks; only with manual detection.
    in_activity: bool,
    /// Whether the server believes that audio flows; only with automatic detection.
    stream_open: bool,
    /// Whether audio was sent, or came within a turn, since the last check.
    flowed: bool,
    /// The time of the next check; `None` while no audio flows.
    check_at: Option<Instant>,
}

/// Whether the caller's audio is left out for the greeting. A "hello" of the caller would stop it,
/// and it would begin again. The time is measured by the audio itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    /// A greeting was requested and is not heard yet.
    Awaits {
        left_bytes: usize,
    },
    /// The greeting has begun.
    Greets {
        left_bytes: usize,
    },
}

impl Input {
    pub(super) fn new(format: AudioFormat, activity: Activity, detects: Option<DetectorPlan>) -> Self {
        let detects = detects.filter(|_| activity.is_manual());
        Self {
            format,
            activity,
            detector: detector(detects, format),
            detects,
            kept: VecDeque::new(),
            gate: Gate::Open,
            in_activity: false,
            stream_open: false,
            flowed: false,
            check_at: None,
        }
    }

    /// Whether the server was told that the caller speaks.
    pub(super) const fn is_in_activity(&self) -> bool {
        self.in_activity
    }

    /// Lets our detector hear `audio`. Returns whether the caller speaks, if we have one.
    fn detect(&mut self, audio: &[u8]) -> Option<bool> {
        let (detector, encoding) = (self.detector.as_mut()?, self.format.encoding);
        Scratch::lend(|Scratch { narrow, .. }| detector.hear(g711::read(encoding, audio, narrow)));
        Some(detector.is_speech())
    }

    /// Records that a request with this purpose was sent.
    pub(super) fn asked(&mut self, purpose: Option<ResponsePurpose>) {
        if purpose == Some(ResponsePurpose::Greeting) {
            self.gate = Gate::Awaits { left_bytes: self.bytes(LONGEST_GATE_MS) };
        }
    }

    /// Records the first audio of a response.
    pub(super) fn agent_sounds(&mut self) {
        if matches!(self.gate, Gate::Awaits { .. }) {
            self.gate = Gate::Greets { left_bytes: self.bytes(GREETING_MS) };
        }
    }

    /// Records that a response is over, or that a request will not be answered.
    pub(super) const fn agent_done(&mut self) {
        self.gate = Gate::Open;
    }

    /// Whether `audio` is left out for the greeting.
    fn is_gated(&mut self, audio: &[u8]) -> bool {
        let (Gate::Awaits { left_bytes } | Gate::Greets { left_bytes }) = &mut self.gate else { return false };
        *left_bytes = left_bytes.saturating_sub(audio.len());
        if *left_bytes == 0 {
            self.gate = Gate::Open;
        }
        true
    }

    fn keep(&mut self, audio: &[u8]) {
        self.kept.extend(audio);
        let too_old = self.kept.len().saturating_sub(self.bytes(KEPT_MS));
        self.kept.drain(..too_old);
    }

    /// Forgets audio that was not sent.
    pub(super) fn forget(&mut self) {
        self.kept.clear();
    }

    fn send(&mut self, audio: &[u8], out: &mut Vec<SessionAction>) {
        if !self.kept.is_empty() {
            let kept: Vec<u8> = std::mem::take(&mut self.kept).into();
            for piece in kept.chunks(self.bytes(PIECE_MS).max(2)) {
                out.push(SessionAction::SendAudio(client::audio(piece, self.format.rate_hz)));
            }
        }
        if !audio.is_empty() {
            out.push(SessionAction::SendAudio(client::audio(audio, self.format.rate_hz)));
        }
        self.flowed = true;
        self.stream_open = !self.activity.is_manual();
    }

    /// The time of the next check whether audio still flows.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.check_at
    }

    const fn bytes(&self, ms: usize) -> usize {
        ms * self.format.bytes_per_ms()
    }
}

impl Session {
    /// Takes a frame of caller audio. Returns `false` if the session does not accept audio yet.
    pub fn hear_caller(&mut self, audio: &[u8], now: Instant, out: &mut Vec<SessionAction>) -> bool {
        if !self.is_ready() {
            return false;
        }
        // The detector learns the line's noise during the greeting too.
        let speaks = self.input.detect(audio);
        if self.input.is_gated(audio) {
            return true;
        }
        let (begins, ends) = match speaks {
            Some(speaks) => (speaks && !self.input.in_activity, !speaks && self.input.in_activity),
            None => (false, false),
        };
        if begins {
            self.speech_detected(now, out);
        }
        self.pass_on(audio, out);
        if ends {
            self.caller_done(now, out);
        }
        if begins || ends {
            self.go_on(now, out);
        }
        true
    }

    /// Sends audio, or keeps it while the server does not take any.
    fn pass_on(&mut self, audio: &[u8], out: &mut Vec<SessionAction>) {
        let between_turns = self.plan.activity.is_manual() && !self.input.in_activity;
        if between_turns || self.is_deaf() {
            self.input.keep(audio);
            self.input.flowed |= self.input.in_activity;
        } else {
            self.input.send(audio, out);
        }
    }

    /// Whether the server would close the socket on audio, because the model waits for a tool.
    fn is_deaf(&self) -> bool {
        !self.family.hears_during_calls && self.calls.is_any_open()
    }

    /// Our detector hears the caller begin to speak.
    pub(super) fn speech_detected(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.activity_begins(out);
        self.caller_begins(now, out);
    }

    /// Tells the server that the caller begins to speak, and sends the audio from just before.
    fn activity_begins(&mut self, out: &mut Vec<SessionAction>) {
        if self.plan.activity.is_manual() && !self.input.in_activity {
            self.input.in_activity = true;
            send(&ClientMessage::RealtimeInput(RealtimeInput::ActivityStart(Empty {})), out);
            if !self.is_deaf() {
                self.input.send(&[], out);
            }
        }
    }

    /// Tells the server that the caller's turn is over.
    pub(super) fn activity_ends(&mut self, out: &mut Vec<SessionAction>) {
        if std::mem::take(&mut self.input.in_activity) {
            self.input.check_at = None;
            send(&ClientMessage::RealtimeInput(RealtimeInput::ActivityEnd(Empty {})), out);
        }
    }

    /// Arms the check of the stream once audio flows.
    pub(super) fn watch_stream(&mut self, now: Instant) {
        let listens = self.input.in_activity && self.input.detector.is_some();
        if self.input.check_at.is_none() && (listens || (self.input.stream_open && !self.plan.is_vertex())) {
            self.input.check_at = Some(now + STREAM_GAP);
        }
    }

    /// Tells the server that no audio comes for now, or that a turn is over in which none comes. It
    /// would wait for the end of the turn otherwise.
    pub(super) fn check_stream(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if std::mem::take(&mut self.input.flowed) {
            self.input.check_at = Some(now + STREAM_GAP);
        } else if self.input.in_activity {
            self.input.detector = detector(self.input.detects, self.input.format);
            self.caller_done(now, out);
        } else {
            self.end_stream(out);
        }
    }

    /// Ends the stream of audio, which also ends a turn that is open.
    pub(super) fn end_stream(&mut self, out: &mut Vec<SessionAction>) {
        self.input.check_at = None;
        if std::mem::take(&mut self.input.stream_open) && !self.plan.is_vertex() {
            send(&ClientMessage::RealtimeInput(RealtimeInput::AudioStreamEnd(true)), out);
        }
    }
}

/// A detector that has heard nothing. A plan is checked before a call begins, and its rate is one of
/// ours.
fn detector(plan: Option<DetectorPlan>, format: AudioFormat) -> Option<Box<SpeechDetector>> {
    plan.and_then(|plan| SpeechDetector::new(plan, format.rate_hz).ok()).map(Box::new)
}

/// How much audio from before a turn is sent with it. Less: the first syllable is cut. More: the
/// turn begins with silence.
const KEPT_MS: usize = 500;
/// The length of a message of kept audio.
const PIECE_MS: usize = 100;
/// How much of a greeting is heard before the caller can stop it.
const GREETING_MS: usize = 500;
/// The longest wait for a greeting during which the caller is not heard. Longer: a caller who speaks
/// first is ignored.
const LONGEST_GATE_MS: usize = 3_000;
/// How long audio may be missing before the server is told. Shorter: a network's hiccup ends a turn.
/// Longer: the server waits for a caller who is on hold.
const STREAM_GAP: Duration = Duration::from_secs(1);
