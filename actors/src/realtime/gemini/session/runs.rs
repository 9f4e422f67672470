//! The runs of the server: from the first content of a turn to its end. Each is a response of ours
//! with one item.
//!
//! After an interruption, or after we cancelled it, a run is *dropped*: the response is over for the
//! call, and whatever still comes of it until the end of the turn is not heard.

use std::time::{Duration, Instant};

use super::failure::clipped;
use super::{Session, SessionAction, Timer, complain};
use crate::complaints::redacted;
use crate::frame::Frame;
use crate::ids::{ItemId, ResponseId};
use crate::line::messages::{FromModel, ItemComplete};
use crate::realtime::gemini::plan::{Activity, OUTPUT};
use crate::realtime::report::{ModelReport, ResponseOutcome, Speaker, Words};
use crate::realtime::requests::Pending;

/// What the server generates now.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) response: ResponseId,
    pub(super) item: ItemId,
    /// The request that it answers; `None` for the server's own answer.
    pub(super) request: Option<Pending>,
    /// Whether an answer was owed when it began.
    pub(super) owed: bool,
    /// Whether the rest of it is not heard any more.
    pub(super) dropped: bool,
    /// When the server interrupted it.
    interrupted: Option<Instant>,
    text: String,
    pub(super) bytes: usize,
    /// Half a sample at the end of the last piece.
    odd: Option<u8>,
    /// Whether a sample was loud enough to be heard.
    pub(super) audible: bool,
    /// When its first audio came.
    sounds_since: Option<Instant>,
    /// Whether its item was placed.
    placed: bool,
    /// Whether everything that it says was generated.
    pub(super) generated: bool,
    /// Whether the end of its item was reported.
    complete: bool,
    /// Whether it has called a tool.
    pub(super) called: bool,
    /// Whether more follows by itself after its end.
    pub(super) more_follows: bool,
    /// The time of its last sign of life.
    sign: Instant,
}

/// The last run that is over. A few of its words may still come.
#[derive(Debug)]
pub(super) struct Last {
    response: ResponseId,
    item: ItemId,
    text: String,
    ended: Instant,
}

impl Run {
    /// When the server believes that all of it was played, as far as it has come.
    fn played_at(&self) -> Instant {
        self.sounds_since.map_or(self.sign, |since| (since + OUTPUT.duration_of(self.bytes)).max(self.sign))
    }
}

impl Session {
    /// The run that content belongs to; a new one if none is open. `None` if the content is not to
    /// be heard.
    pub(super) fn run(&mut self, now: Instant, out: &mut Vec<SessionAction>) -> Option<&mut Run> {
        if self.run.is_none() {
            self.run_begins(now, out);
        }
        let run = self.run.as_mut()?;
        if run.dropped {
            return None;
        }
        run.sign = now;
        Some(run)
    }

    fn run_begins(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        let asked = self.asked.take();
        let expected =
            asked.is_some() || self.unanswered.is_some() || self.caller.is_speaking() || self.caller.is_paused();
        let unheard = !expected && self.answers_unheard_speech(now);
        let obsolete = self.obsolete_until.take().is_some_and(|until| now < until);
        let unwanted = asked.as_ref().map_or(obsolete, |asked| asked.unwanted);
        if unheard && !unwanted {
            self.caller_begins(now, out);
        }
        let run = Run {
            response: self.next_response(),
            item: self.next_item(),
            request: asked.filter(|_| !unwanted).map(|asked| asked.request),
            owed: expected || unheard,
            dropped: unwanted,
            interrupted: None,
            text: String::new(),
            bytes: 0,
            odd: None,
            audible: false,
            sounds_since: None,
            placed: false,
            generated: false,
            complete: false,
            called: false,
            more_follows: false,
            sign: now,
        };
        if !unwanted {
            self.caller_answered(now, out);
            (self.unanswered, self.listen_until) = (None, None);
            out.push(SessionAction::Report(ModelReport::ResponseStarted { response: run.response.clone() }));
        }
        self.run = Some(run);
    }

    /// Whether a run that begins now and that nothing called for answers a turn of the caller whose
    /// words have not come yet. A turn takes the server a while to detect, so a run that follows
    /// another at once answers none.
    fn answers_unheard_speech(&self, now: Instant) -> bool {
        let Activity::Automatic { silence_duration_ms, .. } = self.plan.activity else { return false };
        let turn = LEAST_TURN + Duration::from_millis(silence_duration_ms.into());
        !self.caller.is_open()
            && self.listen_until.is_none()
            && self.free_since.is_some_and(|since| now >= since + turn)
    }

    /// Handles a piece of the agent's audio. This is the hot path.
    pub(super) fn sounds(&mut self, mut audio: Frame, now: Instant, out: &mut Vec<SessionAction>) {
        if self.run.as_ref().is_some_and(|run| run.complete && !run.dropped) {
            // More audio after the last of an item is another item.
            self.end_run(None, true, Rest::Over, now, out);
        }
        let Some(run) = self.run(now, out) else { return };
        whole_samples(&mut audio, &mut run.odd);
        if audio.is_empty() {
            return;
        }
        let first = run.sounds_since.is_none();
        run.sounds_since.get_or_insert(now);
        run.bytes += audio.len();
        run.audible = run.audible || is_audible(&audio);
        let (response, item) = (run.response.clone(), run.item.clone());
        if first {
            self.place_run(out);
            self.input.agent_sounds();
            out.push(SessionAction::Report(ModelReport::FirstAudio { response: response.clone() }));
        }
        out.push(SessionAction::ToAudio(FromModel { response, item, audio }));
    }

    /// Handles words of the agent. They come before, with or after their audio, and a few of them
    /// after the end of the turn.
    pub(super) fn hear_words(&mut self, words: &str, now: Instant, out: &mut Vec<SessionAction>) {
        let expects_more = self.asked.is_some() || self.unanswered.is_some() || self.caller.is_speaking();
        if self.run.is_none()
            && !expects_more
            && let Some(last) = self.last.as_mut().filter(|last| now < last.ended + LATE_WORDS)
        {
            append(&mut last.text, words);
            let (response, item, text) = (last.response.clone(), last.item.clone(), last.text.clone());
            return out.push(SessionAction::ToWords(Words::AgentSaid { response, item, text }));
        }
        let Some(run) = self.run(now, out) else { return };
        append(&mut run.text, words);
        let (response, item, delta) = (run.response.clone(), run.item.clone(), words.to_owned());
        self.place_run(out);
        out.push(SessionAction::ToWords(Words::AgentSays { response, item, delta, span: None }));
    }

    fn place_run(&mut self, out: &mut Vec<SessionAction>) {
        if let Some(run) = self.run.as_mut().filter(|run| !run.placed) {
            run.placed = true;
            let item = run.item.clone();
            self.place(item, Speaker::Agent, out);
        }
    }

    pub(super) fn place(&mut self, item: ItemId, speaker: Speaker, out: &mut Vec<SessionAction>) {
        let previous = self.placed.replace(item.clone());
        out.push(SessionAction::ToWords(Words::Placed { item, speaker, previous }));
    }

    /// Everything that the run says was generated. The end of the turn comes only when the server
    /// believes that it was played.
    pub(super) fn generated(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if let Some(run) = &mut self.run {
            (run.generated, run.sign) = (true, now);
            if !run.dropped {
                complete_item(run, out);
            }
        }
    }

    /// The caller has interrupted the server, or the server believes so.
    pub(super) fn interrupted(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        match &mut self.run {
            Some(run) if run.dropped => {
                run.interrupted.get_or_insert(now);
            }
            Some(run) => {
                run.interrupted = Some(now);
                self.caller_begins(now, out);
                self.end_run(None, false, Rest::Dropped, now, out);
            }
            // A text of ours stops what the server believes to be playing.
            None if self.asked.is_some() => {}
            // The server believes that the last response is still playing.
            None => self.caller_begins(now, out),
        }
    }

    /// The turn is over at the server.
    pub(super) fn turn_complete(
        &mut self,
        reason: Option<&str>,
        more_follows: bool,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        match &self.run {
            Some(run) => {
                // Ends come in order, so those of earlier runs will not come any more.
                self.ends_owed = 0;
                if run.dropped {
                    self.dropped_run_ends(now);
                } else {
                    self.end_run(reason, more_follows, Rest::Over, now, out);
                }
            }
            None if self.ends_owed > 0 => self.ends_owed -= 1,
            // The end of a turn without content: the model has rejected the answer, or has nothing
            // to say.
            None if self.asked.is_some() || self.unanswered.is_some() || self.caller.is_paused() => {
                self.run_begins(now, out);
                match &self.run {
                    Some(run) if run.dropped => self.dropped_run_ends(now),
                    _ => self.end_run(reason, more_follows, Rest::Over, now, out),
                }
            }
            None => {}
        }
    }

    fn dropped_run_ends(&mut self, now: Instant) {
        (self.run, self.free_since) = (None, Some(now));
        // Only now can the next request be answered.
        if let Some(asked) = &mut self.asked {
            asked.since = now;
        }
    }

    /// Ends the response for the call: its item is complete, and its words are known.
    pub(super) fn end_run(
        &mut self,
        reason: Option<&str>,
        more_follows: bool,
        rest: Rest,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        let Some(mut run) = self.run.take() else { return };
        run.more_follows = more_follows;
        self.free_since = Some(now);
        self.input.agent_done();
        complete_item(&mut run, out);
        let (response, item) = (run.response.clone(), run.item.clone());
        if !run.text.is_empty() {
            let (response, item, text) = (response.clone(), item.clone(), run.text.clone());
            out.push(SessionAction::ToWords(Words::AgentSaid { response, item, text }));
        }
        let outcome = match (rest, reason) {
            (Rest::Dropped, _) => ResponseOutcome::Cancelled,
            (Rest::Over, Some(reason)) if reason != NEEDS_INPUT => ResponseOutcome::Failed(code_of(reason)),
            (Rest::Over, _) => ResponseOutcome::Completed,
        };
        let missed = self.missed(&run, &outcome, reason);
        self.proven |= outcome == ResponseOutcome::Completed && missed.is_none();
        let request = run.request.take();
        let usage = self.usage.take();
        let finished = ModelReport::ResponseFinished { response: response.clone(), outcome, usage };
        self.response_ended(request, &run, missed, finished, now, out);
        let text = std::mem::take(&mut run.text);
        self.last = run.placed.then_some(Last { response, item, text, ended: now });
        if rest == Rest::Dropped {
            run.dropped = true;
            self.run = Some(run);
        }
        // A tool was answered while the response ran, or the rest of the answer follows.
        if self.unanswered.is_some() || more_follows {
            self.owe(now);
        }
        self.caller_heard_over_agent(now, out);
    }

    /// The time when the run counts as over although its end has not come.
    pub(super) fn run_deadline(&self) -> Option<(Instant, Timer)> {
        let run = self.run.as_ref()?;
        let at = match run.interrupted {
            Some(at) => at + LATE_END,
            None if run.generated || run.dropped => run.played_at() + LATE_END,
            // A model that waits for a tool says nothing.
            None if run.called && self.calls.is_any_open() => return None,
            None => run.played_at() + self.family.patience,
        };
        Some((at, Timer::RunStalled))
    }

    /// Goes on without the end of a turn.
    pub(super) fn run_stalled(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.ends_owed += 1;
        if self.run.as_ref().is_some_and(|run| run.dropped) {
            return self.dropped_run_ends(now);
        }
        complain("response_stalled", "the server owed the end of a turn; went on without it", out);
        self.end_run(None, false, Rest::Over, now, out);
    }
}

/// What becomes of the rest of a run whose response is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// There is none.
    Over,
    /// It is not heard.
    Dropped,
}

fn complete_item(run: &mut Run, out: &mut Vec<SessionAction>) {
    if run.bytes > 0 && !std::mem::replace(&mut run.complete, true) {
        let (response, item) = (run.response.clone(), run.item.clone());
        out.push(SessionAction::Complete(ItemComplete { response, item }));
    }
}

/// The error code of the reason of a turn that failed.
fn code_of(reason: &str) -> String {
    clipped(&redacted(&reason.to_ascii_lowercase()))
}

/// Moves half a sample at the end of `audio` to the beginning of the next piece.
fn whole_samples(audio: &mut Frame, odd: &mut Option<u8>) {
    if let Some(byte) = odd.take() {
        audio.insert(0, byte);
    }
    if audio.len() % 2 == 1 {
        *odd = audio.pop();
    }
}

fn is_audible(audio: &[u8]) -> bool {
    let (samples, _) = audio.as_chunks::<2>();
    samples.iter().any(|sample| i16::from_le_bytes(*sample).unsigned_abs() > LOUDEST_SILENCE)
}

fn append(text: &mut String, words: &str) {
    if text.len() < LONGEST_TEXT {
        text.push_str(words);
    }
}

/// The reason of a turn that ended as usual and waits for the caller.
pub(super) const NEEDS_INPUT: &str = "NEED_MORE_INPUT";
/// How late the last words of a response may come. Longer: words of the next response are taken for
/// its own.
const LATE_WORDS: Duration = Duration::from_secs(1);
/// How late the end of a turn may come after everything was generated and played. Longer: a request
/// waits for it.
const LATE_END: Duration = Duration::from_secs(3);
/// The shortest turn of the caller, without the silence behind it. Shorter: words of the agent that
/// follow others after a pause would count as an answer.
const LEAST_TURN: Duration = Duration::from_millis(200);
/// The loudest inaudible sample: -50 dBFS, below the noise of any telephone line.
const LOUDEST_SILENCE: u16 = 100;
/// The longest text of a response, in bytes.
const LONGEST_TEXT: usize = 32_768;
