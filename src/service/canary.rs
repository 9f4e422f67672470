//! The canary: a periodic test session without a caller. Operators learn that the model is
//! unreachable before callers do.

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
                    // A refusal that concerns one session only says nothing about the next one.
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

/// The interval while the model is down. Sooner would burden a server that is down; later would
/// turn away callers who could be served.
const SOON: Duration = Duration::from_secs(30);
