//! The canary: a periodic test session without a caller. Operators learn that the model is
//! unreachable before callers do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use actix::Addr;
use actix_rt::task::JoinHandle;
use log::{info, warn};
use metrics::{counter, gauge};
use switchboard_actors::realtime::breaker::{Lesson, Scope};
use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::drive::probe;
use switchboard_actors::realtime::engine_look::{self, Look};
use switchboard_actors::realtime::plan::{ModelAddress, SessionPlan};
use switchboard_actors::realtime::providers::actor::Providers;
use switchboard_actors::realtime::providers::messages::Learn;
use switchboard_actors::realtime::report::{LossClass, ModelLoss};

/// The latest result of the canary; shared with `/ready`.
#[derive(Debug, Clone, Default)]
pub struct Canary(Arc<AtomicU8>);

/// The result of one canary session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Seen {
    /// A server opened a session.
    Alive = 1,
    /// No server opened a session, and none refused us.
    Unreachable = 2,
    /// No server opened a session, and one refused us: an operator has to fix the key or the model
    /// name.
    Refused = 3,
}

impl Canary {
    /// Returns the latest result; `None` before the first result, and without a canary.
    pub fn answer(&self) -> Option<Seen> {
        [Seen::Alive, Seen::Unreachable, Seen::Refused]
            .into_iter()
            .find(|seen| *seen as u8 == self.0.load(Ordering::Relaxed))
    }

    /// Starts the canary: at once, and then once per `every`; more often while no server opens a
    /// session. For each plan, the canary tries the model and then its fallbacks, and stops at the
    /// first that works. The result is that of the first plan, which most calls use. The breakers
    /// learn what refuses the others.
    pub fn start(&self, plans: Vec<Arc<SessionPlan>>, every: Duration, providers: Addr<Providers>) -> JoinHandle<()> {
        let canary = self.clone();
        actix_rt::spawn(async move {
            loop {
                let mut seen = None;
                for plan in &plans {
                    let looked = look(plan, &providers).await;
                    if seen.is_none() {
                        seen = Some(looked);
                        canary.tell(looked);
                    }
                }
                let pause = if seen == Some(Seen::Alive) { every } else { every.min(SOON) };
                actix_rt::time::sleep(pause).await;
            }
        })
    }

    fn tell(&self, seen: Seen) {
        let before = self.answer();
        self.0.store(seen as u8, Ordering::Relaxed);
        gauge!("switchboard_model_reachable").set(if seen == Seen::Alive { 1.0 } else { 0.0 });
        if seen == Seen::Alive && before.is_some_and(|before| before != Seen::Alive) {
            info!("the model can be reached again");
        }
    }
}

async fn look(plan: &SessionPlan, providers: &Addr<Providers>) -> Seen {
    let mut seen = Seen::Unreachable;
    for candidate in plan.candidates() {
        let looked = match candidate.looks() {
            Some(parts) => look_at_parts(parts, plan.common.connect_timeout, providers).await,
            None => look_at_one(plan, &candidate, providers).await,
        };
        match looked {
            Seen::Alive => return Seen::Alive,
            Seen::Refused => seen = Seen::Refused,
            Seen::Unreachable => {}
        }
    }
    seen
}

/// Opens a session.
async fn look_at_one(plan: &SessionPlan, candidate: &ProviderPlan, providers: &Addr<Providers>) -> Seen {
    let address = candidate.address().clone();
    let loss = match probe(&plan.with(candidate.clone())).await {
        Ok(took) => {
            providers.do_send(Learn { address, lesson: Lesson::CameUp });
            counter!("switchboard_model_canary_total", "result" => "ok").increment(1);
            log::debug!(took_ms = took.as_millis(); "the canary got a session");
            return Seen::Alive;
        }
        Err(loss) => loss,
    };
    tell_loss(&address, &loss);
    counter!("switchboard_model_canary_total", "result" => loss.class.word()).increment(1);
    // A refusal that concerns one session only says nothing about the next one.
    let scope = candidate.scope_of(&loss);
    let is_refused = loss.class == LossClass::Fatal && scope != Scope::Session;
    if loss.class == LossClass::Fatal {
        providers.do_send(Learn { address, lesson: Lesson::Lost { loss, scope } });
    }
    if is_refused { Seen::Refused } else { Seen::Unreachable }
}

/// Looks at every engine, so that the breakers know which to leave out. A call needs one of each part.
async fn look_at_parts(parts: [Vec<Look>; 3], patience: Duration, providers: &Addr<Providers>) -> Seen {
    let mut worst = (Seen::Alive, "ok");
    for part in parts {
        let mut best = (Seen::Unreachable, LossClass::Retryable.word());
        for look in part {
            let address = look.address.clone();
            let lesson = match engine_look::look(look, patience).await {
                Ok(()) => {
                    best = (Seen::Alive, "ok");
                    Lesson::Reached
                }
                Err((loss, scope)) => {
                    tell_loss(&address, &loss);
                    if best.0 != Seen::Alive && loss.class == LossClass::Fatal {
                        best.1 = loss.class.word();
                        if scope != Scope::Session {
                            best.0 = Seen::Refused;
                        }
                    }
                    Lesson::Replaced { loss, scope }
                }
            };
            providers.do_send(Learn { address, lesson });
        }
        if best.0 != Seen::Alive && worst.0 != Seen::Refused {
            worst = best;
        }
    }
    counter!("switchboard_model_canary_total", "result" => worst.1).increment(1);
    worst.0
}

fn tell_loss(address: &ModelAddress, loss: &ModelLoss) {
    let ModelAddress { provider, endpoint, model } = address;
    let host = url::Url::parse(&endpoint.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let (server, class, reason) = (host.unwrap_or_default(), loss.class.word(), &loss.reason);
    warn!(provider, server, model, class, reason; "the canary got no session");
}

/// The interval while the model is down. Sooner would burden a server that is down; later would
/// turn away callers who could be served.
const SOON: Duration = Duration::from_secs(30);
