//! The request for a WebSocket: the model is in the query, the key in a header.

use url::Url;

use crate::ids::Private;
use crate::realtime::conversation::{Header, Upgrade};
use crate::realtime::openai::plan::OpenAiPlan;
use crate::realtime::plan::Credential;
use crate::realtime::report::{LossClass, ModelLoss};

/// The request for a WebSocket with `plan`. `safety_identifier` is a salted hash of the caller.
///
/// # Errors
/// If the endpoint is not a URL.
pub fn upgrade(plan: &OpenAiPlan, safety_identifier: Option<&str>) -> Result<Upgrade, ModelLoss> {
    let credential = match &plan.address.endpoint.credential {
        Credential::Bearer(key) => Some(Header {
            name: "authorization",
            value: Private::new(format!("Bearer {}", key.expose())),
            what: "credential",
        }),
        Credential::ApiKey(key) => Some(Header { name: "api-key", value: key.clone(), what: "credential" }),
        Credential::None => None,
    };
    let identifier = safety_identifier.map(|identifier| Header {
        name: "openai-safety-identifier",
        value: Private::new(identifier.to_owned()),
        what: "safety identifier",
    });
    Ok(Upgrade { url: url_of(plan)?, headers: credential.into_iter().chain(identifier).collect() })
}

/// The endpoint with the model in its query.
fn url_of(plan: &OpenAiPlan) -> Result<Url, ModelLoss> {
    let mut url = Url::parse(&plan.address.endpoint.url)
        .map_err(|error| ModelLoss { class: LossClass::Fatal, reason: format!("the endpoint is no URL: {error}") })?;
    // Form encoding writes a space as a plus. Some servers do not read a plus in a query as a
    // space.
    let model: String = url::form_urlencoded::byte_serialize(plan.address.model.as_bytes()).collect();
    let model = model.replace('+', "%20");
    let query = match url.query() {
        Some(query) if !query.is_empty() => format!("{query}&model={model}"),
        _ => format!("model={model}"),
    };
    url.set_query(Some(&query));
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::openai::plan::sample;

    #[test]
    fn the_model_is_encoded_into_the_query() {
        let mut plan = sample::openai();
        for (url, model, expected) in [
            (
                "wss://api.openai.com/v1/realtime",
                "gpt-realtime-2.1",
                "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1",
            ),
            ("ws://127.0.0.1:9/v1/realtime", "a b&c=d+é", "ws://127.0.0.1:9/v1/realtime?model=a%20b%26c%3Dd%2B%C3%A9"),
            ("wss://x.example/r?project=7", "m", "wss://x.example/r?project=7&model=m"),
        ] {
            plan.address.endpoint.url = url.to_owned();
            plan.address.model = model.to_owned();
            assert_eq!(url_of(&plan).expect("a URL").as_str(), expected);
        }
        plan.address.endpoint.url = "nowhere".to_owned();
        assert_eq!(url_of(&plan).expect_err("no URL").class, LossClass::Fatal);
    }
}
