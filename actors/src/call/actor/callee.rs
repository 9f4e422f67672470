//! The callees of warm transfers. Part of [`super`].

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context};

use super::CallActor;
use crate::call::events::Event;
use crate::call::messages::Next;
use crate::call::steps::CallEvent;
use crate::carrier::control::{self, CarrierAnswer, Placed, Request, Target};
use crate::events::emit;
use crate::ids::{CarrierCallId, Private};
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
    /// carrier shows no other.
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
        let api = self.setup.api.clone();
        let asked = async move {
            match (api, placing) {
                (Some(api), Some(placing)) => {
                    let placed = control::http::place(&*api, &placing).await.map_err(|problem| problem.reason)?;
                    match placed {
                        Placed::Named(callee) => Ok(callee),
                        // Without a name, the call could not be hung up.
                        Placed::Unnamed => Err("the carrier does not name the call to the person".to_owned()),
                    }
                }
                (None, _) | (_, None) => Err("the carrier's API cannot call anybody".to_owned()),
            }
        };
        let answered = |answer, this: &mut Self, ctx: &mut Context<Self>| {
            this.step(CallEvent::CalleeCalled(answer), ctx);
        };
        ctx.spawn(actix::fut::wrap_future::<_, Self>(asked).map(answered));
    }

    /// Asks the carrier to hang up on the callee. The task runs beside this actor, which may have
    /// stopped by then.
    #[expect(clippy::disallowed_methods, reason = "outlives the call by the time of one request")]
    pub(super) fn drop_callee(&self, callee: CarrierCallId) {
        let Some(api) = self.setup.api.clone() else { return };
        let tag = self.tag.clone();
        actix_rt::spawn(async move {
            // The callee hangs up, or the carrier's next request is answered with a hang-up.
            if let CarrierAnswer::Failed { reason } = control::http::ask(&*api, Request::HangUp, &callee).await {
                emit(Event::CarrierRefused { call: &tag, reason: &reason });
            }
        });
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
