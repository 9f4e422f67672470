//! The request for a WebSocket: the endpoint as it is, and the key in a header. The model and the
//! caller's hash go into the first message.

use url::Url;

use super::plan::OpenAiLivePlan;
use crate::ids::Private;
use crate::realtime::conversation::{Header, Upgrade};
use crate::realtime::plan::Credential;
use crate::realtime::report::{LossClass, ModelLoss};

/// The request for a WebSocket with `plan`.
///
/// # Errors
/// If the endpoint is not a URL.
pub fn upgrade(plan: &OpenAiLivePlan) -> Result<Upgrade, ModelLoss> {
    let endpoint = &plan.address.endpoint;
    let url = Url::parse(&endpoint.url)
        .map_err(|error| ModelLoss { class: LossClass::Fatal, reason: format!("the endpoint is no URL: {error}") })?;
    let header = |name, value| Header { name, value: Private::new(value), what: "credential" };
    let credential = match &endpoint.credential {
        Credential::Bearer(key) => Some(header("authorization", format!("Bearer {}", key.expose()))),
        Credential::ApiKey(key) => Some(header("api-key", key.expose().to_owned())),
        Credential::None => None,
    };
    Ok(Upgrade { url, headers: credential.into_iter().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::openai_live::plan::sample;

    #[test]
    fn the_endpoint_gets_no_query_and_the_key_stands_in_a_header() {
        let mut plan = sample::live();
        let request = upgrade(&plan).expect("a request");
        assert_eq!(request.url.as_str(), "ws://127.0.0.1:1/v1/live/sessions");
        let [header] = &request.headers[..] else { panic!("one header") };
        assert_eq!((header.name, header.value.expose().as_str()), ("authorization", "Bearer key"));
        plan.address.endpoint.credential = Credential::ApiKey(Private::new("k".to_owned()));
        assert_eq!(upgrade(&plan).expect("a request").headers[0].name, "api-key");
        plan.address.endpoint.url = "nowhere".to_owned();
        assert_eq!(upgrade(&plan).expect_err("no URL").class, LossClass::Fatal);
    }
}
