//! One HTTP request per tool call: sequential, limited in time and size, without redirects.

use serde_json::{Map, Value};

use super::plan::{ToolMethod, ToolPlan, failure, refusal};
use crate::http::text::{NotText, text};
use crate::http::{Request, Unanswered};

/// Calls the tool. The result is text for the model: the answer's body, or a failure in words. It
/// never contains an address, a header or a secret.
pub async fn ask(plan: &ToolPlan, arguments: &Map<String, Value>, call: &str) -> String {
    match actix_rt::time::timeout(plan.timeout, exchange(plan, arguments, call)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(problem)) => failure(&format!("the tool could not be asked: {problem}")),
        Err(_) => failure(&format!("the tool did not answer within {} s", plan.timeout.as_secs_f32())),
    }
}

async fn exchange(plan: &ToolPlan, arguments: &Map<String, Value>, call: &str) -> Result<String, Unanswered> {
    let answer = request(plan, arguments, call)?.send(|address| plan.may_reach(address)).await?;
    let status = answer.status;
    let kind = answer.header("content-type").map(str::to_owned);
    Ok(match status {
        200..=299 => match answer.body(plan.max_result).await.map(|body| text(&body, kind.as_deref())) {
            Ok(Ok(said)) if said.trim().is_empty() => r#"{"ok":true}"#.to_owned(),
            Ok(Ok(said)) => said,
            Ok(Err(NotText)) => failure("the tool answered with what is no text"),
            Err(problem) => failure(&format!("the tool answered, but {problem}")),
        },
        300..=399 => failure(&format!("the tool answered with a redirect (HTTP {status})")),
        _ => {
            // If the reason cannot be read, the status is returned alone.
            let reason = answer.beginning(plan.max_result).await.unwrap_or_default();
            refusal(status, &text(&reason, kind.as_deref()).unwrap_or_default())
        }
    })
}

fn request(plan: &ToolPlan, arguments: &Map<String, Value>, call: &str) -> Result<Request, Unanswered> {
    let mut request = match plan.method {
        ToolMethod::Get => {
            let mut url = plan.url.clone();
            for (key, value) in arguments {
                let value = match value {
                    Value::String(text) => text.clone(),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                        value.to_string()
                    }
                };
                url.query_pairs_mut().append_pair(key, &value);
            }
            Request::get(url)
        }
        ToolMethod::Post => {
            let body = serde_json::to_vec(arguments).unwrap_or_default();
            Request::post(plan.url.clone(), body).header("content-type", "application/json")?
        }
    }
    // A tool may receive a call twice if its answer was lost; the key identifies the repetition.
    .header("idempotency-key", call)?
    .header("accept", "application/json, text/plain")?;
    for (name, value) in &plan.filled_headers {
        request = request.header(name, value)?;
    }
    for (name, value) in &plan.headers {
        request = request.header(name, value.expose())?;
    }
    Ok(request)
}
