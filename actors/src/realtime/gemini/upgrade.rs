//! The request for a WebSocket. The key is in a header, so that no log of addresses holds it.

use url::Url;

use crate::ids::Private;
use crate::realtime::conversation::{Header, Upgrade};
use crate::realtime::gemini::plan::GeminiPlan;
use crate::realtime::plan::Credential;
use crate::realtime::report::{LossClass, ModelLoss};

/// The request for a WebSocket with `plan`.
///
/// # Errors
/// If the endpoint is not a URL.
pub fn upgrade(plan: &GeminiPlan) -> Result<Upgrade, ModelLoss> {
    let url = Url::parse(&plan.address.endpoint.url)
        .map_err(|error| ModelLoss { class: LossClass::Fatal, reason: format!("the endpoint is no URL: {error}") })?;
    let header = |name, value| Header { name, value, what: "credential" };
    let credential = match &plan.address.endpoint.credential {
        Credential::ApiKey(key) | Credential::Bearer(key) if key.expose().starts_with(EPHEMERAL) => {
            Some(header("authorization", Private::new(format!("Token {}", key.expose()))))
        }
        Credential::ApiKey(key) if !plan.is_vertex() => Some(header("x-goog-api-key", key.clone())),
        // Vertex AI knows access tokens only.
        Credential::ApiKey(key) | Credential::Bearer(key) => {
            Some(header("authorization", Private::new(format!("Bearer {}", key.expose()))))
        }
        Credential::None => None,
    };
    Ok(Upgrade { url, headers: credential.into_iter().collect() })
}

/// The beginning of a token that was made for a few sessions.
const EPHEMERAL: &str = "auth_tokens/";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::gemini::plan::sample;

    #[test]
    fn each_kind_of_key_has_its_header_and_none_is_in_the_address() {
        let private = |key: &str| Private::new(key.to_owned());
        for (credential, expected) in [
            (Credential::ApiKey(private("SECRET")), Some(("x-goog-api-key", "SECRET"))),
            (Credential::Bearer(private("SECRET")), Some(("authorization", "Bearer SECRET"))),
            (Credential::ApiKey(private("auth_tokens/SECRET")), Some(("authorization", "Token auth_tokens/SECRET"))),
            (Credential::None, None),
        ] {
            let mut plan = sample::gemini();
            plan.address.endpoint.credential = credential;
            let Upgrade { url, headers } = upgrade(&plan).expect("a URL");
            assert_eq!(headers.first().map(|header| (header.name, header.value.expose().as_str())), expected);
            assert!(!url.as_str().contains("SECRET") && !format!("{headers:?}").contains("SECRET"), "{url}");
        }
        let mut plan = sample::gemini();
        plan.address.endpoint.url = "wss://us-central1-aiplatform.googleapis.com/ws/x".to_owned();
        let Upgrade { headers, .. } = upgrade(&plan).expect("a URL");
        assert_eq!(headers[0].value.expose(), "Bearer key");
        plan.address.endpoint.url = "nowhere".to_owned();
        assert_eq!(upgrade(&plan).expect_err("no URL").class, LossClass::Fatal);
    }
}
