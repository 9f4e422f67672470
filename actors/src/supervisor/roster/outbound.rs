//! Calls that we place: their places are taken before the carrier has given an id. Part of
//! [`super`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Roster;
use crate::ids::{CallId, CarrierCallId};
use crate::supervisor::messages::{ExpectedCall, Identify, Permit, Refusal};

impl<C: Clone> Roster<C> {
    /// Takes a place for a call that is about to be placed and may ring for `ring`. At most `most`
    /// such calls may be live at once; calls of other diallers do not count.
    pub(in crate::supervisor) fn expect_outbound(
        &mut self,
        expected: ExpectedCall,
        fresh: Permit,
        (most, ring): (usize, Duration),
        now: Instant,
    ) -> Result<Permit, Refusal> {
        self.check_open()?;
        if self.begun(now).len() >= most {
            return Err(Refusal::TooManyOutbound { most });
        }
        let name = expected.carrier_call.clone();
        let permit = self.expect(expected, fresh, true, now)?;
        self.begun.push(permit.call);
        if let Some(announced) = self.announced.get_mut(&name) {
            announced.until += ring;
        }
        Ok(permit)
    }

    /// The calls that we placed and that have their places still.
    pub(in crate::supervisor) fn begun(&mut self, now: Instant) -> Vec<CallId> {
        let Self { begun, announced, live, .. } = self;
        begun.retain(|call| {
            let ringing = || announced.values().any(|it| it.permit.call == *call && now < it.until);
            live.iter().any(|it| it.permit.call == *call) || ringing()
        });
        begun.clone()
    }

    /// The carrier's id of a call that we placed is known, from its API or its webhook, whichever
    /// is first. Returns the call's permit; repeated, the same one.
    pub(in crate::supervisor) fn identify(&mut self, known: Identify, now: Instant) -> Option<Permit> {
        let Identify { announced: name, carrier_call, picked_up, answered_by, note } = known;
        if let Some(mut announced) = self.announced.remove(&name) {
            announced.expected.carrier_call = carrier_call.clone();
            self.announced.insert(carrier_call.clone(), announced);
        }
        if let Some(announced) = self.announced.get_mut(&carrier_call).filter(|it| now < it.until) {
            if picked_up {
                announced.until = now + self.token_lifetime;
            }
            if answered_by.is_some() || note.is_some() {
                let profile = &*announced.expected.profile;
                announced.expected.profile = Arc::new(profile.answered(answered_by, note));
            }
            return Some(announced.permit.clone());
        }
        self.live.iter().find(|live| live.expected.carrier_call == carrier_call).map(|live| live.permit.clone())
    }

    /// The call could not be placed; its place is free.
    pub(in crate::supervisor) fn not_begun(&mut self, name: &CarrierCallId) {
        self.announced.remove(name);
    }
}

#[cfg(test)]
mod tests;
