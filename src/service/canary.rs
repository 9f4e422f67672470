//! The canary: now and then a session that no caller uses, so that operators learn before callers do that none is to be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use actix::Addr;
use actix_rt::task::JoinHandle;
use log::{info, warn};
use metrics::{counter, gauge};
use switchboard_actors::realtime::drive::probe;
use switchboard_actors::realtime::plan::SessionPlan;
use switchboard_actors::realtime::providers::actor::Providers;
use switchboard_actors::realtime::providers::messages::Learn;
use switchboard_actors::realtime::sessions::Lesson;

/// What the canary has seen last; shared with `/ready`.
#[derive(Debug, Clone, Default)]
pub struct Canary(Arc<AtomicU8>);

impl Canary {
    /// Whether a session was to be had; `None` before the first answer, and where there is no canary.
    pub fn answer(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            ALIVE => Some(true),
            DEAD => Some(false),
            _ => None,
        }
    }

    /// Begins to ask, at once and then `every` so often; sooner while no server gives a session. `plan` and its fallbacks are
    /// tried in order, and one that works will do.
    pub fn start(&self, plan: Arc<SessionPlan>, every: Duration, providers: Addr<Providers>) -> JoinHandle<()> {
        let answer = Arc::clone(&self.0);
        actix_rt::spawn(async move {
            loop {
                let alive = look(&plan, &providers).await;
                let before = answer.swap(if alive { ALIVE } else { DEAD }, Ordering::Relaxed);
                gauge!("switchboard_model_reachable").set(if alive { 1.0 } else { 0.0 });
                if alive && before == DEAD {
                    info!("the model can be reached again");
                }
                actix_rt::time::sleep(if alive { every } else { every.min(SOON) }).await;
            }
        })
    }
}

async fn look(plan: &SessionPlan, providers: &Addr<Providers>) -> bool {
    for candidate in plan.candidates() {
        match probe(Arc::new(plan.at(&candidate))).await {
            Ok(took) => {
                providers.do_send(Learn { candidate, lesson: Lesson::CameUp });
                counter!("switchboard_model_canary_total", "result" => "ok").increment(1);
                log::debug!(took_ms = took.as_millis(); "the canary got a session");
                return true;
            }
            Err(loss) => {
                let (url, name) = (candidate.endpoint.url, candidate.model);
                counter!("switchboard_model_canary_total", "result" => loss.class.word()).increment(1);
                let host = url::Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned));
                warn!(server = host.unwrap_or_default(), model = name, class = loss.class.word(), reason = loss.reason; "the canary got no session");
            }
        }
    }
    false
}

const ALIVE: u8 = 1;
const DEAD: u8 = 2;
/// How soon a dead model is looked at again. Sooner knocks at a door that is shut, later turns callers away who could be served.
const SOON: Duration = Duration::from_secs(30);
