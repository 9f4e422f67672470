//! The server's errors: those that end the session, those with a known remedy, and those to report.

use std::time::Instant;

use super::failure::{self, class_of_error, failure_of, real_length_ms};
use super::{MOST_UNASKED, Phase, Session, SessionAction, complain};
use crate::complaints::redacted;
use crate::realtime::openai::protocol::EventId;
use crate::realtime::openai::protocol::server::ErrorInfo;
use crate::realtime::openai::sequencer::{Refusal, SequencerEvent};
use crate::realtime::report::LossClass;
use crate::realtime::requests::Remedy;

impl Session {
    pub(super) fn refused(&mut self, error: &ErrorInfo<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        let text = redacted(error.text());
        let said = format!("{}: {text}", redacted(error.word()));
        // The text may repeat what the server received, which is what people said and typed. No log
        // gets that, and none gets more of it than a report.
        log::debug!(code:% = failure::clipped(&redacted(error.word())), message:% = failure::clipped(&text); "the model's server complained");
        if let Some(class) = class_of_error(error) {
            return self.lose_for(class, &said, out);
        }
        let about = error.event_id.as_deref().and_then(EventId::parse);
        let request_error = error.kind.as_deref() == Some("invalid_request_error");
        match &mut self.phase {
            // The error can only mean the update. Nothing works without the update, and the server
            // would refuse it again.
            Phase::AwaitUpdated { update, .. }
                if about == Some(*update) || about.is_none() && (request_error || !error.names_event) =>
            {
                let class = if request_error { LossClass::Fatal } else { LossClass::Retryable };
                let reason = format!("session.update refused, {} {said}", error.param.as_deref().unwrap_or_default());
                return self.lose_for(class, &reason, out);
            }
            Phase::AwaitCreated { complaint, .. } | Phase::AwaitUpdated { complaint, .. } => {
                let kind = error.kind.as_deref().unwrap_or_default();
                *complaint = Some(failure::clipped(&format!("{kind}.{said}")));
            }
            Phase::Dialling | Phase::Prepared { .. } | Phase::Ready | Phase::Lingering(_) | Phase::Over => {}
        }
        if !self.refused_order(about, error, now, out) {
            complain(&redacted(error.word()), &text, out);
        }
    }

    /// Handles an error that has a known remedy or does not matter. Returns `false` if the error
    /// must be reported.
    fn refused_order(
        &mut self,
        about: Option<EventId>,
        error: &ErrorInfo<'_>,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) -> bool {
        let (code, text) = (error.code.as_deref().unwrap_or_default(), error.text());
        let racing =
            code == "conversation_already_has_active_response" || text.contains("already has an active response");
        if let Some(EventId::Say(_)) | None = about
            && racing
        {
            let ticket = about.and_then(ticket);
            self.sequence(SequencerEvent::CreateRefused { ticket, refusal: Refusal::AlreadyActive }, now, out);
            return true;
        }
        if code == "response_cancel_not_active" || text.starts_with("Cancellation failed") {
            self.sequence(SequencerEvent::CancelRefused, now, out);
            return true;
        }
        match about {
            Some(EventId::Say(ticket)) => {
                let refusal = Refusal::Failed(failure_of(error));
                self.sequence(SequencerEvent::CreateRefused { ticket: Some(ticket), refusal }, now, out);
                false
            }
            Some(EventId::Configure(number)) => {
                self.settings.refused(number);
                false
            }
            Some(EventId::Stop(_)) => {
                self.sequence(SequencerEvent::CancelRefused, now, out);
                false
            }
            Some(EventId::Cut(_)) | None if text.contains("Audio content of ") => {
                self.cut_again(about, text, out);
                false
            }
            // The server had cut the item by itself.
            _ if code == "item_already_truncated" => true,
            // The caller's audio ended while its last frames were on their way. Nothing was lost.
            _ if code == "input_audio_buffer_commit_empty" => true,
            None if !error.names_event => {
                self.refused_unnamed(error, now, out);
                false
            }
            _ => false,
        }
    }

    /// Handles an error of a server that never names the event. The error answers the outstanding
    /// request, unless the same error also arrives while no request is outstanding.
    fn refused_unnamed(&mut self, error: &ErrorInfo<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        let said = failure::clipped(&format!("{}: {}", error.word(), error.text()));
        if self.unasked.contains(&said) || !self.is_ready() || self.settings.refused_oldest() {
            return;
        }
        let Some(ticket) = self.sequencer.asked() else {
            if self.unasked.len() >= MOST_UNASKED {
                self.unasked.remove(0);
            }
            return self.unasked.push(said);
        };
        let mut failure = failure_of(error);
        // The error may still be about something else.
        if failure.remedy == Remedy::GiveUp {
            failure.remedy = Remedy::TryOnce;
        }
        let refusal = Refusal::Failed(failure);
        self.sequence(SequencerEvent::CreateRefused { ticket: Some(ticket), refusal }, now, out);
    }

    /// Repeats a cut with the item's real length, which the server's message contains.
    fn cut_again(&mut self, about: Option<EventId>, text: &str, out: &mut Vec<SessionAction>) {
        let place = match about {
            Some(EventId::Cut(number)) => self.cuts.iter().position(|cut| cut.number == number),
            _ => self.cuts.len().checked_sub(1),
        };
        let cut = place.and_then(|place| self.cuts.remove(place));
        if let (Some(cut), Some(length)) = (cut, real_length_ms(text))
            && !cut.again
        {
            self.cut(cut.item, length, true, out);
        }
    }
}

fn ticket(about: EventId) -> Option<u64> {
    if let EventId::Say(ticket) = about { Some(ticket) } else { None }
}
