//! One request to a look-up's server: one POST, signed as our webhooks are, bounded in time and
//! size, without following redirects.

use super::answer::{Answer, NoAnswer};
use super::plan::{LookUpPlan, Question};
use crate::clock;
use crate::http::Request;
use crate::ids::CallId;

/// Asks. Takes at most the plan's time.
///
/// # Errors
/// Why there is no answer to go by.
pub async fn ask(plan: &LookUpPlan, question: &Question) -> Result<Answer, NoAnswer> {
    actix_rt::time::timeout(plan.timeout, exchange(plan, question)).await.unwrap_or(Err(NoAnswer::Late))
}

async fn exchange(plan: &LookUpPlan, question: &Question) -> Result<Answer, NoAnswer> {
    let (id, now) = (format!("lkp_{}", CallId::random()), clock::wall());
    let body = serde_json::to_vec(&question.body(&id, now)).unwrap_or_default();
    let timestamp = now.timestamp();
    let signature = plan.secrets.sign(&id, timestamp, &body);
    let unreached = |problem: crate::http::Unanswered| NoAnswer::Unreached(problem.to_string());
    let request = Request::post(plan.url.clone(), body)
        .header("content-type", "application/json")
        .and_then(|request| request.header("accept", "application/json"))
        .and_then(|request| request.header("user-agent", USER_AGENT))
        .and_then(|request| request.header("webhook-id", &id))
        .and_then(|request| request.header("webhook-timestamp", &timestamp.to_string()))
        .and_then(|request| request.header("webhook-signature", &signature))
        .map_err(unreached)?;
    let answer = request.send(|address| plan.may_reach(address)).await.map_err(unreached)?;
    match answer.status {
        204 => Ok(Answer::default()),
        200..=299 => {
            let body = answer.body(LONGEST_ANSWER).await;
            Answer::read(&body.map_err(|problem| NoAnswer::Bad(problem.to_string()))?)
        }
        status => Err(NoAnswer::Status(status)),
    }
}

const USER_AGENT: &str = concat!("switchboard/", env!("CARGO_PKG_VERSION"));
/// The most bytes of an answer: as many values as there may be, each as long as it may be, in any
/// script and with escapes.
const LONGEST_ANSWER: usize = 256 * 1024;
