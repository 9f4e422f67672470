//! The people whom warm transfers call. Part of [`super`].

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context};

use super::CallActor;
use crate::call::brief::Direction;
use crate::call::steps::{CallEvent, CarrierAnswer};
use crate::call::transfer::Target;
use crate::control::{self, Request};
use crate::events::{Event, emit};
use crate::ids::{CarrierCallId, Private};

impl CallActor {
    /// Asks the carrier to call a person. They see `caller_id`, or the number of ours that the call is on: the carrier shows no other.
    pub(super) fn call_person(
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
        let from = caller_id.unwrap_or_else(|| own.clone());
        let placing = self.setup.api.as_ref().and_then(|api| api.invite(&identity.carrier_call, target, from, ring));
        let api = self.setup.api.clone();
        let asked = async move {
            match (api, placing) {
                (Some(api), Some(placing)) => {
                    control::http::place(&api, &placing).await.map_err(|problem| problem.reason)
                }
                (None, _) | (_, None) => Err("the carrier's API cannot call anybody".to_owned()),
            }
        };
        let answered = |answer, this: &mut Self, ctx: &mut Context<Self>| {
            this.step(CallEvent::PersonCalled(answer), ctx);
        };
        ctx.spawn(actix::fut::wrap_future::<_, Self>(asked).map(answered));
    }

    /// Tells the carrier to hang up on a person: beside this actor, which may be gone by then.
    #[expect(clippy::disallowed_methods, reason = "outlives the call by the time of one request")]
    pub(super) fn drop_person(&self, person: CarrierCallId) {
        let Some(api) = self.setup.api.clone() else { return };
        let tag = self.tag.clone();
        actix_rt::spawn(async move {
            // They hang up by themselves, or are told that nobody is there.
            if let CarrierAnswer::Failed { reason } = control::http::ask(&api, Request::HangUp, &person).await {
                emit(Event::CarrierRefused { call: &tag, reason: &reason });
            }
        });
    }
}
