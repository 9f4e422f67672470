//! Words that are played from a recording, because the session in use does not say given words as
//! they stand.
//!
//! To the call, a recording is a response of the model with one item, whose audio comes at once. It
//! is not the session's, so the session is told what the caller hears. Requests that follow wait
//! until the recording has been played: a model that speaks in real time would speak behind it,
//! late. A recording waits for the running response, and a short while to be made; then the model
//! is asked for the words after all.
//!
//! What a session generates by itself meanwhile is played behind the recording: the answer behind
//! words that fill a wait. Behind the first words of a call, which are a notice, and behind a
//! goodbye it has no place: the caller does not hear it, the record says so, and the model learns
//! it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{LegId, Sessions, SessionsAction, State};
use crate::carrier::AudioFormat;
use crate::frame::Frame;
use crate::ids::{ItemId, ResponseId};
use crate::incident::{Incident, IncidentKind};
use crate::line::messages::{FromModel, ItemComplete};
use crate::realtime::clips::messages::FetchedClip;
use crate::realtime::clips::plan::{ClipOrder, ClipPlan, Recording};
use crate::realtime::clips::{NAME, in_format};
use crate::realtime::conversation::SessionEvent;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest, TextRole, exact_words};
use crate::realtime::report::{ModelReport, ResponseOutcome, Speaker, Usage, Words};
use crate::realtime::seed::{CarryOver, Progress, Running};

/// What the sessions request about recordings.
#[derive(Debug)]
pub enum ClipAction {
    /// Asks for a recording of exact words. The answer is [`ClipFetched`] with the same number.
    Fetch {
        /// The number of the question.
        question: u64,
        /// The words, and how they are recorded.
        order: ClipOrder,
    },
    /// Exact words were due for a session that does not say them as they stand.
    Due {
        /// `played`, `late`, `failed`.
        result: &'static str,
        /// Why the recording was not played; empty if it was.
        reason: String,
    },
}

/// The answer to [`ClipAction::Fetch`].
#[derive(Debug)]
pub struct ClipFetched {
    /// The number of the question.
    pub question: u64,
    /// The recording, or why there is none.
    pub made: Result<FetchedClip, String>,
}

/// The recordings of one call.
#[derive(Debug, Default)]
pub(super) struct Clips {
    /// Requests that have to wait, in order. The first one may need a recording.
    waiting: VecDeque<ResponseRequest>,
    /// The recording that is awaited for the first request.
    awaited: Option<Awaited>,
    playing: Option<Playing>,
    /// The number of the last recording, and of the last question.
    number: u64,
    places: Places,
}

#[derive(Debug)]
struct Awaited {
    question: u64,
    until: Instant,
}

/// A recording that the caller hears.
#[derive(Debug)]
struct Playing {
    item: ItemId,
    /// When it is over, unless something else is played before it.
    until: Instant,
    /// Whether nothing may follow it that the model says by itself.
    alone: bool,
}

/// The last items of the conversation, as their places are reported.
#[derive(Debug, Default)]
struct Places {
    /// The last one of a session.
    sessions: Option<ItemId>,
    /// The recording behind it.
    clip: Option<ItemId>,
}

impl Clips {
    /// Whether requests have to wait for their turn.
    fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || self.playing.is_some()
    }

    /// Whether what the model begins now is not heard.
    pub(super) fn play_alone(&self) -> bool {
        self.playing.as_ref().is_some_and(|playing| playing.alone)
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let awaited = self.awaited.as_ref().map(|awaited| awaited.until);
        awaited.into_iter().chain(self.playing.as_ref().map(|playing| playing.until)).min()
    }

    /// Follows an order: it may take back requests, or tell that a recording was cut.
    fn heed(&mut self, order: &ModelOrder) {
        match order {
            ModelOrder::Overtake | ModelOrder::Close => {
                (self.awaited, self.playing) = (None, None);
                self.waiting.clear();
            }
            ModelOrder::TruncateItem { item, .. } | ModelOrder::DeleteItem { item } => {
                self.playing.take_if(|playing| playing.item == *item);
            }
            ModelOrder::Speak(_)
            | ModelOrder::AnswerTool { .. }
            | ModelOrder::AddText { .. }
            | ModelOrder::CancelResponse
            | ModelOrder::DiscardInput
            | ModelOrder::Configure { .. }
            | ModelOrder::HandOver { .. }
            | ModelOrder::Rotate
            | ModelOrder::Replace => {}
        }
    }

    /// Whether a request waits.
    pub(super) fn are_due(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The session is gone: its requests are for the next one.
    pub(super) fn give_back(&mut self) -> VecDeque<ResponseRequest> {
        self.awaited = None;
        std::mem::take(&mut self.waiting)
    }

    /// Corrects the place of a session's item: behind the recordings that were played since its
    /// last one, of which the session knows nothing.
    pub(super) fn place(&mut self, item: &ItemId, previous: Option<ItemId>) -> Option<ItemId> {
        let follows = previous == self.places.sessions;
        let clip = self.places.clip.take().filter(|_| follows);
        self.places.sessions = Some(item.clone());
        clip.or(previous)
    }
}

impl Sessions {
    /// Takes a request to speak if a recording is played for it, or if it has to wait for one.
    /// Returns `false` if it is for the session.
    pub(super) fn takes_for_clip(&mut self, order: &ModelOrder) -> bool {
        self.clips.heed(order);
        let ModelOrder::Speak(request) = order else { return false };
        if !self.clips.is_busy() && self.recording_of(request).is_none() {
            return false;
        }
        self.clips.waiting.push_back(request.clone());
        true
    }

    /// Takes requests that the session before has left if a recording is played for them, and
    /// all behind the first such one. Returns the others, which are for the session.
    pub(super) fn take_left_over(&mut self, requests: Vec<ResponseRequest>) -> Vec<ResponseRequest> {
        let is_sessions = |request: &ResponseRequest| !self.takes_for_clip(&ModelOrder::Speak(request.clone()));
        requests.into_iter().filter(is_sessions).collect()
    }

    /// Exact words that the lost session had begun are heard again from their beginning if `id` does
    /// not say them as they stand: it would end them in words of its own.
    pub(super) fn repeat_exact_words(&self, id: LegId, left: &mut CarryOver) {
        let Some(Running { request: Some(request), progress, .. }) = &mut left.running else { return };
        if *progress == Progress::Partly && self.recording_for(id, request).is_some() {
            *progress = Progress::Silent;
        }
    }

    /// Begins what waits, as far as it may begin now. Called after every event.
    pub(super) fn next_request(&mut self, now: Instant, out: &mut Vec<SessionsAction>) {
        self.clips.playing.take_if(|playing| playing.until <= now);
        if self.clips.awaited.as_ref().is_some_and(|awaited| awaited.until <= now) {
            self.without_clip("late", "the recording was not made in time", now, out);
        }
        while self.clips.playing.is_none() && self.clips.awaited.is_none() {
            let State::Up { leg, .. } = self.state else { return };
            let Some(request) = self.clips.waiting.front() else { return };
            let Some(recording) = self.recording_of(request) else {
                // It is the session's, which keeps the order of its own requests.
                if let Some(request) = self.clips.waiting.pop_front() {
                    self.step(leg, SessionEvent::Ordered(ModelOrder::Speak(request)), now, out);
                }
                continue;
            };
            if self.running.is_heard() {
                return;
            }
            match recording {
                Recording::Ready(samples) => self.play_clip(&samples, now, out),
                Recording::Rendered(order) => {
                    self.clips.number += 1;
                    let (question, wait) = (self.clips.number, self.clip_plan().map_or(Duration::ZERO, |it| it.wait));
                    self.clips.awaited = Some(Awaited { question, until: now + wait });
                    out.push(SessionsAction::Clip(ClipAction::Fetch { question, order }));
                }
            }
        }
    }

    /// A recording is made, or cannot be made.
    pub(super) fn clip_fetched(&mut self, fetched: ClipFetched, now: Instant, out: &mut Vec<SessionsAction>) {
        let ClipFetched { question, made } = fetched;
        if let Ok(clip) = &made {
            self.clip_used(clip.characters, out);
        }
        // A late answer is kept for the next call by the one who made it.
        if self.clips.awaited.take_if(|awaited| awaited.question == question).is_none() {
            return;
        }
        match made {
            Ok(clip) => self.play_clip(&clip.samples, now, out),
            Err(reason) => self.without_clip("failed", &reason, now, out),
        }
    }

    /// The charge for a recording that this call let a server make.
    fn clip_used(&self, characters: u64, out: &mut Vec<SessionsAction>) {
        let rendering = self.clip_plan().and_then(|plan| plan.rendering.as_ref()).filter(|_| characters > 0);
        if let Some(rendering) = rendering {
            let (model, usage) =
                (rendering.source.model.clone(), Usage { tts_characters: characters, ..Usage::default() });
            out.push(SessionsAction::Report(ModelReport::Worked { model, usage }));
        }
    }

    /// Leaves the words to the model.
    fn without_clip(&mut self, result: &'static str, reason: &str, now: Instant, out: &mut Vec<SessionsAction>) {
        self.clips.awaited = None;
        let Some(request) = self.clips.waiting.pop_front() else { return };
        out.push(SessionsAction::Clip(ClipAction::Due { result, reason: reason.to_owned() }));
        let incident = Incident::new(IncidentKind::ClipMissing, format!("{}: {reason}", request.purpose.word()));
        out.push(SessionsAction::Report(ModelReport::Incident(incident)));
        if let Some(leg) = self.state.in_use() {
            self.step(leg, SessionEvent::Ordered(ModelOrder::Speak(request)), now, out);
        }
    }

    /// Plays the recording of the first request that waits.
    fn play_clip(&mut self, samples: &[i16], now: Instant, out: &mut Vec<SessionsAction>) {
        let (Some(request), Some(leg)) = (self.clips.waiting.pop_front(), self.state.in_use()) else { return };
        let text = request.instructions.as_deref().and_then(exact_words).unwrap_or_default().to_owned();
        self.clips.number += 1;
        let name = format!("{NAME}{}", self.clips.number);
        let (response, item) = (ResponseId::new(&name), ItemId::new(&name));
        let format = self.formats.output;
        let audio = in_format(samples, format);
        let alone = request.purpose == ResponsePurpose::Goodbye || self.history.is_empty();
        let until = now + format.duration_of(audio.len());
        self.clips.playing = Some(Playing { item: item.clone(), until, alone });
        out.push(SessionsAction::Clip(ClipAction::Due { result: "played", reason: String::new() }));
        out.push(SessionsAction::Report(ModelReport::ResponseStarted { response: response.clone() }));
        let previous = self.clips.places.clip.replace(item.clone()).or_else(|| self.clips.places.sessions.clone());
        let placed = Words::Placed { item: item.clone(), speaker: Speaker::Agent, previous };
        let said = Words::AgentSaid { response: response.clone(), item: item.clone(), text: text.clone() };
        for words in [placed, said] {
            self.history.words(&words);
            out.push(SessionsAction::ToWords(words));
        }
        out.push(SessionsAction::Report(ModelReport::FirstAudio { response: response.clone() }));
        for piece in audio.chunks(piece_of(format)) {
            let audio = Frame::copy_of(piece);
            self.play(FromModel { response: response.clone(), item: item.clone(), audio }, out);
        }
        self.history.audio_complete(&item);
        out.push(SessionsAction::Complete(ItemComplete { response: response.clone(), item }));
        let outcome = ResponseOutcome::Completed;
        out.push(SessionsAction::Report(ModelReport::ResponseFinished { response, outcome, usage: None }));
        // The history has the words already.
        let told = ModelOrder::AddText { role: TextRole::Assistant, text };
        self.step(leg, SessionEvent::Ordered(told), now, out);
    }

    /// The recording of what a request says; `None` if the session in use says it.
    fn recording_of(&self, request: &ResponseRequest) -> Option<Recording> {
        self.recording_for(self.state.in_use()?, request)
    }

    /// The same for the session `id`, which may not be in use yet.
    fn recording_for(&self, id: LegId, request: &ResponseRequest) -> Option<Recording> {
        let plan = self.clip_plan()?;
        let verbatim = self.legs.iter().any(|leg| leg.id == id && leg.can.verbatim);
        if verbatim && !plan.always {
            return None;
        }
        plan.recording(exact_words(request.instructions.as_deref()?)?)
    }

    fn clip_plan(&self) -> Option<&ClipPlan> {
        self.plan.common.clips.as_deref()
    }
}

/// Bytes of a piece of a recording on its way to the pipeline: half a second. Larger pieces fill its
/// mailbox with fewer messages, and need larger frames.
const fn piece_of(format: AudioFormat) -> usize {
    500 * format.bytes_per_ms()
}
