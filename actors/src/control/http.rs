//! Asking a carrier: one request, bounded in time and size.

use super::{CarrierApi, Request};
use crate::call::steps::CarrierAnswer;
use crate::http::client;
use crate::ids::CarrierCallId;

/// Tells the carrier and waits for its answer.
pub async fn ask(api: &CarrierApi, request: Request, call: &CarrierCallId) -> CarrierAnswer {
    let ask = api.ask(request, call);
    let exchange = async {
        let sent = client()
            .post(ask.url.as_str())
            .timeout(ask.timeout)
            .insert_header(("authorization", ask.authorization.expose().as_str()))
            .content_type(ask.content_type)
            .send_body(ask.body.expose().clone());
        let mut answer = sent.await.map_err(|problem| problem.to_string())?;
        let body = answer.body().limit(LONGEST_ANSWER).await.map_err(|problem| problem.to_string())?;
        Ok::<_, String>(api.judge(answer.status().as_u16(), &body))
    };
    match actix_rt::time::timeout(ask.timeout, exchange).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(problem)) => CarrierAnswer::Failed { reason: format!("reach the carrier's API: {problem}") },
        Err(_) => {
            let waited = ask.timeout.as_secs();
            CarrierAnswer::Failed { reason: format!("the carrier's API did not answer within {waited} s") }
        }
    }
}

/// Bytes of an answer. A call resource has some 2 KiB.
const LONGEST_ANSWER: usize = 64 * 1024;
