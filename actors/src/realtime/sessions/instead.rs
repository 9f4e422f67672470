//! Substitutes for what the session in use cannot do.
//!
//! | it cannot | so |
//! |---|---|
//! | cut or delete an item | the model receives a note about what was heard of it |
//! | stop a response | the response runs on, and none of it reaches the caller |
//! | change its configuration | another session is opened with the change and replaces it |
//! | say given words as they stand | a recording of them is played ([`super::clips`]) |

use std::time::{Duration, Instant};

use super::{LegId, Sessions, SessionsAction, Standby};
use crate::ids::{ItemId, ResponseId};
use crate::realtime::capabilities::Reconfigure;
use crate::realtime::clips::is_recorded;
use crate::realtime::conversation::SessionEvent;
use crate::realtime::messages::{ModelOrder, TextRole};
use crate::realtime::report::{ModelReport, ResponseOutcome, Words};

/// The running response, and the muted one, which still runs but must not reach the caller.
#[derive(Debug, Default)]
pub(super) struct Running {
    response: Option<ResponseId>,
    unheard: Option<ResponseId>,
    /// A response that the call never hears of, because it began behind words that stand alone.
    left_out: Option<LeftOut>,
}

/// A response that the call never hears of.
#[derive(Debug)]
struct LeftOut {
    response: ResponseId,
    item: Option<ItemId>,
}

impl Running {
    /// Mutes the running response because the session cannot stop it.
    fn mute(&mut self) {
        if let Some(response) = self.response.take() {
            self.unheard = Some(response);
        }
    }

    /// Whether `response` is muted.
    pub(super) fn is_unheard(&self, response: &ResponseId) -> bool {
        self.unheard.as_ref() == Some(response) || self.leaves_out(response)
    }

    /// Whether a response runs that the caller hears.
    pub(super) const fn is_heard(&self) -> bool {
        self.response.is_some()
    }

    /// Notes the item of the response that the call never hears of.
    pub(super) fn left_out(&mut self, of: ItemId) {
        if let Some(LeftOut { item, .. }) = &mut self.left_out {
            item.get_or_insert(of);
        }
    }

    /// Returns the item of the response that the call never hears of, if the report ends it.
    pub(super) fn ends_unheard(&self, report: &ModelReport) -> Option<ItemId> {
        let ModelReport::ResponseFinished { response, .. } = report else { return None };
        let LeftOut { response: ends, item } = self.left_out.as_ref()?;
        item.clone().filter(|_| ends == response)
    }

    fn leaves_out(&self, response: &ResponseId) -> bool {
        self.left_out.as_ref().is_some_and(|left_out| left_out.response == *response)
    }

    /// Converts a report about responses into the one for the call; `None` if the call must not see
    /// it. A response that begins now is left out if `alone` says that the caller hears words that
    /// stand alone.
    pub(super) fn note(&mut self, report: ModelReport, alone: bool) -> Option<ModelReport> {
        if let ModelReport::ResponseStarted { response } = &report {
            if alone {
                self.left_out = Some(LeftOut { response: response.clone(), item: None });
                return None;
            }
            self.response = Some(response.clone());
        } else if let ModelReport::FirstAudio { response } = &report
            && self.is_unheard(response)
        {
            return None;
        } else if let ModelReport::ResponseFinished { response, usage, .. } = &report {
            if self.leaves_out(response) {
                self.left_out = None;
                return usage.map(ModelReport::Used);
            }
            self.response.take_if(|running| running == response);
            if self.unheard.take_if(|unheard| unheard == response).is_some() {
                let (response, outcome) = (response.clone(), ResponseOutcome::Cancelled);
                return Some(ModelReport::ResponseFinished { response, outcome, usage: *usage });
            }
        }
        Some(report)
    }
}

impl Sessions {
    /// Performs an order in another way if the session `id` cannot do it. Returns `false` if the
    /// session can.
    pub(super) fn done_instead(
        &mut self,
        id: LegId,
        order: &ModelOrder,
        now: Instant,
        out: &mut Vec<SessionsAction>,
    ) -> bool {
        let Some(leg) = self.legs.iter().find(|leg| leg.id == id) else { return false };
        match order {
            // An item from an earlier session is cut by deleting it and adding another, so both are
            // needed.
            ModelOrder::TruncateItem { item, .. } if !leg.can.truncate || !leg.can.delete => {
                self.tell_what_was_heard(id, item, now, out);
            }
            ModelOrder::DeleteItem { item } if !leg.can.delete => self.tell_what_was_heard(id, item, now, out),
            ModelOrder::TruncateItem { item, .. } | ModelOrder::DeleteItem { item } if is_recorded(item) => {
                self.tell_what_was_heard(id, item, now, out);
            }
            ModelOrder::CancelResponse if !leg.can.cancel => self.running.mute(),
            ModelOrder::Overtake if !leg.can.cancel => {
                self.running.mute();
                // The session can still drop what it has not begun.
                return false;
            }
            ModelOrder::Configure { instructions, backend: _, transcription, language: _, tools } => {
                let parts = Reconfigure {
                    instructions: instructions.is_some(),
                    tools: tools.is_some(),
                    transcription: transcription.is_some(),
                };
                if leg.can.can_change(parts) {
                    return false;
                }
                self.outdated(id, now, out);
            }
            ModelOrder::TruncateItem { .. }
            | ModelOrder::DeleteItem { .. }
            | ModelOrder::CancelResponse
            | ModelOrder::Overtake
            | ModelOrder::Speak(_)
            | ModelOrder::AnswerTool { .. }
            | ModelOrder::AddText { .. }
            | ModelOrder::DiscardInput
            | ModelOrder::HandOver { .. }
            | ModelOrder::Rotate
            | ModelOrder::Replace
            | ModelOrder::Close => return false,
        }
        true
    }

    /// Sends the model a note in place of a cut. The note is not part of the history, which is
    /// already right.
    fn tell_what_was_heard(&mut self, id: LegId, item: &ItemId, now: Instant, out: &mut Vec<SessionsAction>) {
        let Some(heard) = self.history.cut_of(item) else { return };
        let text = match heard.as_str() {
            "" => "The caller has heard nothing of what you said last.".to_owned(),
            heard => format!("The caller interrupted you. Of what you said last they have heard only: “{heard}”."),
        };
        self.step(id, SessionEvent::Ordered(ModelOrder::AddText { role: TextRole::System, text }), now, out);
    }

    /// A response was left out: the record and the model learn that nothing of it was heard.
    pub(super) fn tell_of_left_out(&mut self, id: LegId, item: ItemId, now: Instant, out: &mut Vec<SessionsAction>) {
        out.push(SessionsAction::ToWords(Words::Inaudible { item: item.clone() }));
        let order = ModelOrder::DeleteItem { item };
        self.history.order(&order);
        if !self.done_instead(id, &order, now, out) {
            self.step(id, SessionEvent::Ordered(order), now, out);
        }
    }

    /// The session in use is outdated and cannot change. Another one replaces it as soon as it is
    /// ready.
    pub(super) fn outdated(&mut self, id: LegId, now: Instant, out: &mut Vec<SessionsAction>) {
        // The standby session was configured before the change.
        if let Some(next) = self.standby.leg() {
            self.standby = Standby::None;
            self.remove(next, out);
        }
        if let Some(leg) = self.leg(id) {
            leg.outdated = true;
            leg.renewal = Some((now, now + LONGEST_OUTDATED));
        }
    }
}

/// How long the replacement may take before another one is sought.
const LONGEST_OUTDATED: Duration = Duration::from_secs(60);
