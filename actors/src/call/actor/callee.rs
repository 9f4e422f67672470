//! The callees of warm transfers. Part of [`super`].

use std::time::Duration;

use actix::{AsyncContext, Context};

use super::CallActor;
use crate::call::events::Event;
use crate::call::messages::{CalleeCalled, Next};
use crate::carrier::control::{self, CarrierAnswer, Control, Placed, Request, Target};
use crate::events::emit;
use crate::ids::{CallTag, CarrierCallId, Private};
use crate::line::identity::Direction;
use crate::numbers::{Numbering, Party};

impl CallActor {
    /// Completes the call's next step with the number that the destination sees.
    pub(super) fn shown(&self, mut next: Next) -> Next {
        if let Next::Dial { destination, .. } = &mut next {
            destination.caller_id = destination.caller_id.take().or_else(|| self.shown_instead());
        }
        next
    }

    /// Returns the number that a callee sees if the caller's number is withheld or invalid: our
    /// number of the call.
    fn shown_instead(&self) -> Option<Private<String>> {
        let identity = &self.setup.identity;
        let (theirs, ours) = match identity.direction {
            Direction::Inbound => (&identity.from, &identity.to),
            Direction::Outbound => (&identity.to, &identity.from),
        };
        if is_number(theirs.expose()) { None } else { in_full(ours.expose()).map(Private::new) }
    }

    /// Asks the carrier to call the callee. They see `caller_id`, or our number of the call: the
    /// carrier shows no other. The request outlives this actor: a callee who is called after the
    /// end of the call is hung up on.
    #[expect(clippy::disallowed_methods, reason = "outlives the call by the time of two requests")]
    pub(super) fn call_callee(
        &self,
        target: &Target,
        caller_id: Option<Private<String>>,
        ring: Duration,
        ctx: &mut Context<Self>,
    ) {
        let identity = &self.setup.identity;
        let own = match identity.direction {
            Direction::Inbound => &identity.to,
            Direction::Outbound => &identity.from,
        };
        let from = caller_id.unwrap_or_else(|| in_full(own.expose()).map_or_else(|| own.clone(), Private::new));
        let placing = self.setup.api.as_ref().and_then(|api| api.invite(&identity.carrier_call, target, from, ring));
        let Some((api, placing)) = self.setup.api.clone().zip(placing) else {
            let reason = "the carrier's API cannot call anybody".to_owned();
            return ctx.notify(CalleeCalled(Err(reason)));
        };
        let (call, tag) = (ctx.address().downgrade(), self.tag.clone());
        actix_rt::spawn(async move {
            let answer = match control::http::place(&*api, &placing).await {
                Ok(Placed::Named(callee)) => Ok(callee),
                // Without a name, the call could not be hung up.
                Ok(Placed::Unnamed) => Err("the carrier does not name the call to the person".to_owned()),
                Err(problem) => Err(problem.reason),
            };
            let callee = answer.as_ref().ok().cloned();
            let received = match call.upgrade() {
                Some(call) => call.send(CalleeCalled(answer)).await.is_ok(),
                None => false,
            };
            if let (false, Some(callee)) = (received, callee) {
                hang_up(&*api, &callee, &tag).await;
            }
        });
    }

    /// Asks the carrier to hang up on the callee. The task runs beside this actor, which may have
    /// stopped by then.
    #[expect(clippy::disallowed_methods, reason = "outlives the call by the time of one request")]
    pub(super) fn drop_callee(&self, callee: CarrierCallId) {
        let Some(api) = self.setup.api.clone() else { return };
        let tag = self.tag.clone();
        actix_rt::spawn(async move { hang_up(&*api, &callee, &tag).await });
    }
}

/// Hangs up on a callee. If the carrier refuses, they hang up themselves, or the carrier's next
/// request is answered with a hang-up.
async fn hang_up(api: &dyn Control, callee: &CarrierCallId, tag: &CallTag) {
    if let CarrierAnswer::Failed { reason } = control::http::ask(api, Request::HangUp, callee).await {
        emit(Event::CarrierRefused { call: tag, reason: &reason });
    }
}

/// Whether a carrier shows this number: a full number in its usual form, and no placeholder for a
/// withheld one.
fn is_number(written: &str) -> bool {
    let digits = written.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && matches!(Numbering::default().read(written), Party::Number(_))
}

/// Returns a number of ours in the carriers' form, however it was written.
fn in_full(written: &str) -> Option<String> {
    let number = Numbering::default().read(written).e164()?.to_owned();
    is_number(&number).then_some(number)
}

#[cfg(test)]
mod tests;
