//! The request for a WebSocket: the model is in the query, the key in a header.

use url::Url;

use crate::ids::Private;
use crate::realtime::conversation::{Header, Upgrade};
use crate::realtime::openai::dialects::ModelAt;
use crate::realtime::openai::plan::OpenAiPlan;
use crate::realtime::plan::Credential;
use crate::realtime::report::{LossClass, ModelLoss};

/// The request for a WebSocket with `plan`. `safety_identifier` is a salted hash of the caller.
///
/// # Errors
/// If the endpoint is not a URL.
pub fn upgrade(plan: &OpenAiPlan, safety_identifier: Option<&str>) -> Result<Upgrade, ModelLoss> {
    let dialect = plan.dialect;
    let credential = match &plan.address.endpoint.credential {
        Credential::Bearer(key) => Some(Header {
            name: "authorization",
            value: Private::new(format!("{} {}", dialect.scheme, key.expose())),
            what: "credential",
        }),
        Credential::ApiKey(key) => Some(Header { name: "api-key", value: key.clone(), what: "credential" }),
        Credential::None => None,
    };
    let identifier = safety_identifier.filter(|_| dialect.caller_header).map(|identifier| Header {
        name: "openai-safety-identifier",
        value: Private::new(identifier.to_owned()),
        what: "safety identifier",
    });
    Ok(Upgrade { url: url_of(plan)?, headers: credential.into_iter().chain(identifier).collect() })
}

/// The endpoint with what the dialect wants in its query.
fn url_of(plan: &OpenAiPlan) -> Result<Url, ModelLoss> {
    let mut url = Url::parse(&plan.address.endpoint.url)
        .map_err(|error| ModelLoss { class: LossClass::Fatal, reason: format!("the endpoint is no URL: {error}") })?;
    // Form encoding writes a space as a plus. Some servers do not read a plus in a query as a
    // space.
    let encoded = |text: &str| {
        let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        text.replace('+', "%20")
    };
    let dialect = plan.dialect;
    let missing = |name: &str| !url.query_pairs().any(|(known, _)| known == name);
    let added = dialect.query.iter().filter(|(name, _)| missing(name));
    let mut query: Vec<String> = added.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if let Some(name) = dialect.session_name.filter(|name| missing(name)) {
        query.push(format!("{name}={}", fresh_name()));
    }
    if dialect.model_at == ModelAt::Query {
        query.push(format!("model={}", encoded(&plan.address.model)));
    }
    let own = url.query().filter(|query| !query.is_empty()).map(str::to_owned);
    let query: Vec<String> = own.into_iter().chain(query).collect();
    url.set_query((!query.is_empty()).then(|| query.join("&")).as_deref());
    Ok(url)
}

/// A name for a session, which nothing else uses.
#[expect(clippy::disallowed_methods, reason = "the server only needs it to differ from all others")]
fn fresh_name() -> String {
    uuid::Uuid::new_v4().simple().to_string()
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
