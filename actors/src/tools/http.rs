//! One HTTP call for one tool call: sequential, bounded in time and size, followed nowhere.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value};

use super::plan::{ToolMethod, ToolPlan, failure};
use crate::http::client;

/// Asks the tool. What comes back is text for the model: the answer's body, or a failure in words. Never an address, a header or a
/// secret.
pub async fn ask(plan: &ToolPlan, arguments: &Map<String, Value>, call: &str) -> String {
    match actix_rt::time::timeout(plan.timeout, exchange(plan, arguments, call)).await {
        Ok(Ok(body)) => body,
        Ok(Err(reason)) => failure(&reason),
        Err(_) => failure(&format!("the tool did not answer within {} s", plan.timeout.as_secs_f32())),
    }
}

async fn exchange(plan: &ToolPlan, arguments: &Map<String, Value>, call: &str) -> Result<String, String> {
    let address = reachable(plan).await?;
    let mut url = plan.url.clone();
    if plan.method == ToolMethod::Get {
        let mut query = url.query_pairs_mut();
        for (key, value) in arguments {
            match value {
                Value::String(text) => query.append_pair(key, text),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    query.append_pair(key, &value.to_string())
                }
            };
        }
    }
    let client = client();
    let mut request = match plan.method {
        ToolMethod::Get => client.get(url.as_str()),
        ToolMethod::Post => client.post(url.as_str()),
    }
    // The address that was checked is the one that is dialled: a second look-up could answer differently.
    .address(address)
    .timeout(plan.timeout)
    // The tool may see a call twice when its answer was lost; by this it can tell.
    .insert_header(("idempotency-key", call))
    .insert_header(("accept", "application/json, text/plain"));
    for (name, value) in &plan.headers {
        request = request.insert_header((name.as_str(), value.expose().as_str()));
    }
    let sent = match plan.method {
        ToolMethod::Get => request.send(),
        ToolMethod::Post => request.send_json(arguments),
    };
    let mut answer = sent.await.map_err(|_| "the tool could not be reached".to_owned())?;
    let body = answer
        .body()
        .limit(plan.max_result)
        .await
        .map_err(|_| format!("the tool's answer is longer than {} bytes or was cut short", plan.max_result))?;
    let status = answer.status();
    if status.is_redirection() {
        return Err(format!("the tool answered with a redirect (HTTP {})", status.as_u16()));
    }
    if !status.is_success() {
        return Err(format!("the tool answered HTTP {}", status.as_u16()));
    }
    let text = String::from_utf8_lossy(&body);
    Ok(if text.trim().is_empty() { r#"{"ok":true}"#.to_owned() } else { text.into_owned() })
}

/// Looks the host up and gives the first address that the tool may reach.
async fn reachable(plan: &ToolPlan) -> Result<SocketAddr, String> {
    resolve(&plan.url, |address| plan.may_reach(address)).await.map_err(|problem| format!("the tool's {problem}"))
}

/// Looks a host up and gives the first address that may be reached; the problem in words that begin with "address".
pub(crate) async fn resolve(url: &url::Url, may_reach: impl Fn(IpAddr) -> bool) -> Result<SocketAddr, String> {
    let port = url.port_or_known_default().unwrap_or(443);
    let host = match url.host() {
        Some(url::Host::Domain(name)) => name.to_owned(),
        Some(url::Host::Ipv4(v4)) => v4.to_string(),
        Some(url::Host::Ipv6(v6)) => v6.to_string(),
        None => return Err("address is missing".to_owned()),
    };
    let found = tokio::net::lookup_host((host, port)).await.map_err(|_| "address is unknown".to_owned())?;
    found
        .into_iter()
        .find(|address| may_reach(address.ip()))
        .ok_or_else(|| "address is private and not listed for it".to_owned())
}
