//! The canary: now and then a session that no caller uses, so that operators learn before callers do that none is to be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use actix::Addr;
use actix_rt::task::JoinHandle;
use log::{info, warn};
use metrics::{counter, gauge};
use switchboard_actors::realtime::breaker::Scope;
use switchboard_actors::realtime::drive::probe;
use switchboard_actors::realtime::plan::SessionPlan;
use switchboard_actors::realtime::providers::actor::Providers;
use switchboard_actors::realtime::providers::messages::Learn;
use switchboard_actors::realtime::report::LossClass;
use switchboard_actors::realtime::sessions::Lesson;

/// What the canary has seen last; shared with `/ready`.
#[derive(Debug, Clone, Default)]
pub struct Canary(Arc<AtomicU8>);

/// What became of the canary's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Seen {
    /// A server gave one.
    Alive = 1,
    /// None did, and nobody refused us.
    Unreachable = 2,
    /// None did, and one refused us: a key or a model that a person has to mend.
    Refused = 3,
}

impl Canary {
    /// What was seen; `None` before the first answer, and where there is no canary.
    pub fn answer(&self) -> Option<Seen> {
        [Seen::Alive, Seen::Unreachable, Seen::Refused]
            .into_iter()
            .find(|seen| *seen as u8 == self.0.load(Ordering::Relaxed))
    }

    /// Begins to ask, at once and then `every` so often; sooner while no server gives a session. Of each of `plans` it and its
    /// fallbacks are tried in order, and one that works will do. The answer is that of the first plan, how most calls are held;
    /// what refuses the others is known to the breakers.
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
        let address = candidate.address().clone();
        match probe(&plan.with(candidate.clone())).await {
            Ok(took) => {
                providers.do_send(Learn { address, lesson: Lesson::CameUp });
                counter!("switchboard_model_canary_total", "result" => "ok").increment(1);
                log::debug!(took_ms = took.as_millis(); "the canary got a session");
                return Seen::Alive;
            }
            Err(loss) => {
                if loss.class == LossClass::Fatal {
                    // A session that was turned away for itself says nothing of the next one.
                    let scope = candidate.scope_of(&loss);
                    if scope != Scope::Session {
                        seen = Seen::Refused;
                    }
                    let lesson = Lesson::Lost { loss: loss.clone(), scope };
                    providers.do_send(Learn { address: address.clone(), lesson });
                }
                let (url, name) = (address.endpoint.url, address.model);
                counter!("switchboard_model_canary_total", "result" => loss.class.word()).increment(1);
                let host = url::Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned));
                warn!(server = host.unwrap_or_default(), model = name, class = loss.class.word(), reason = loss.reason; "the canary got no session");
            }
        }
    }
    seen
}

/// How soon a dead model is looked at again. Sooner knocks at a door that is shut, later turns callers away who could be served.
const SOON: Duration = Duration::from_secs(30);
