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
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Sessions, SessionsAction, State};
use crate::carrier::AudioFormat;
use crate::frame::Frame;
use crate::ids::{ItemId, ResponseId};
use crate::incident::{Incident, IncidentKind};
use crate::line::messages::{FromModel, ItemComplete};
use crate::realtime::clips::in_format;
use crate::realtime::clips::plan::{ClipPlan, Recording};
use crate::realtime::conversation::SessionEvent;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest, TextRole, exact_words};
use crate::realtime::report::{ModelReport, ResponseOutcome, Speaker, Words};

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

    /// Whether an item is a recording, which no session knows.
    pub(super) fn has(item: &ItemId) -> bool {
        item.as_str().starts_with(NAME)
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
            | ModelOrder::Rotate
            | ModelOrder::Replace => {}
        }
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
                    out.push(SessionsAction::FetchClip { question, order });
                }
            }
        }
    }

    /// A recording is made, or cannot be made.
    pub(super) fn clip_fetched(
        &mut self,
        question: u64,
        made: Result<Arc<[i16]>, String>,
        now: Instant,
        out: &mut Vec<SessionsAction>,
    ) {
        // A late answer is kept for the next call by the one who made it.
        if self.clips.awaited.take_if(|awaited| awaited.question == question).is_none() {
            return;
        }
        match made {
            Ok(samples) => self.play_clip(&samples, now, out),
            Err(reason) => self.without_clip("failed", &reason, now, out),
        }
    }

    /// Leaves the words to the model.
    fn without_clip(&mut self, result: &'static str, reason: &str, now: Instant, out: &mut Vec<SessionsAction>) {
        self.clips.awaited = None;
        let Some(request) = self.clips.waiting.pop_front() else { return };
        out.push(SessionsAction::ClipDue { result, reason: reason.to_owned() });
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
        out.push(SessionsAction::ClipDue { result: "played", reason: String::new() });
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
        let plan = self.clip_plan()?;
        if self.can.verbatim && !plan.always {
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

/// The beginning of the names of recordings. A server's own ids begin otherwise.
const NAME: &str = "sb_clip_";
