//! Secrets: from the environment only, never shown. Pure; the environment is handed in.

use std::collections::BTreeMap;

use switchboard_actors::ids::Private;

use super::layers::Variable;

/// What nobody may see. Prints as `[private]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// `OPENAI_API_KEY`: OpenAI's or Azure's.
    pub openai_api_key: Option<Private<String>>,
    /// `TWILIO_ACCOUNT_SID`: the account that streams have to name.
    pub twilio_account_sid: Option<Private<String>>,
    /// `TWILIO_AUTH_TOKEN`: what signatures are checked with, each of them; several, separated by commas, while one is rotated.
    pub twilio_auth_tokens: Vec<Private<String>>,
    /// `TWILIO_SHARED_KEYS`: keys that webhooks may name beside the token, by their ids: `id=secret`, several separated by commas.
    pub twilio_shared_keys: BTreeMap<String, Private<String>>,
    /// `WAYBEO_AUTH_TOKEN`: the bearer of Waybeo's API.
    pub waybeo_auth_token: Option<Private<String>>,
    /// `WAYBEO_STREAM_TOKEN`: the token in the stream's URL.
    pub waybeo_stream_token: Option<Private<String>>,
    /// `SWITCHBOARD_ADMIN_TOKEN`: the bearer of the admin listener.
    pub admin_token: Option<Private<String>>,
    /// `SWITCHBOARD_WEBHOOK_SECRET`: what deliveries are signed with.
    pub webhook_secret: Option<Private<String>>,
    /// `SWITCHBOARD_CALLER_SALT`: what callers' numbers are hashed with; without it each start makes its own.
    pub caller_salt: Option<Private<String>>,
}

impl Secrets {
    pub(super) fn read(variables: &BTreeMap<String, Variable>) -> Self {
        // A variable that is set to nothing, as templates of `.env` have it, is not set.
        let value =
            |name: &str| variables.get(name).map(|variable| variable.value.trim()).filter(|value| !value.is_empty());
        let secret = |name: &str| value(name).map(|value| Private::new(value.to_owned()));
        let tokens = value("TWILIO_AUTH_TOKEN").unwrap_or_default();
        let tokens = tokens.split(',').map(str::trim).filter(|token| !token.is_empty());
        let keys = value("TWILIO_SHARED_KEYS").unwrap_or_default().split(',').filter_map(|key| key.split_once('='));
        let keys = keys.map(|(id, secret)| (id.trim(), secret.trim()));
        let keys = keys.filter(|(id, secret)| !id.is_empty() && !secret.is_empty());
        Self {
            openai_api_key: secret("OPENAI_API_KEY"),
            twilio_account_sid: secret("TWILIO_ACCOUNT_SID"),
            twilio_auth_tokens: tokens.map(|token| Private::new(token.to_owned())).collect(),
            twilio_shared_keys: keys.map(|(id, secret)| (id.to_owned(), Private::new(secret.to_owned()))).collect(),
            waybeo_auth_token: secret("WAYBEO_AUTH_TOKEN"),
            waybeo_stream_token: secret("WAYBEO_STREAM_TOKEN"),
            admin_token: secret("SWITCHBOARD_ADMIN_TOKEN"),
            webhook_secret: secret("SWITCHBOARD_WEBHOOK_SECRET"),
            caller_salt: secret("SWITCHBOARD_CALLER_SALT"),
        }
    }

    /// Which variables are there, by name.
    pub fn present(&self) -> [(&'static str, bool); 9] {
        [
            ("OPENAI_API_KEY", self.openai_api_key.is_some()),
            ("TWILIO_ACCOUNT_SID", self.twilio_account_sid.is_some()),
            ("TWILIO_AUTH_TOKEN", !self.twilio_auth_tokens.is_empty()),
            ("TWILIO_SHARED_KEYS", !self.twilio_shared_keys.is_empty()),
            ("WAYBEO_AUTH_TOKEN", self.waybeo_auth_token.is_some()),
            ("WAYBEO_STREAM_TOKEN", self.waybeo_stream_token.is_some()),
            ("SWITCHBOARD_ADMIN_TOKEN", self.admin_token.is_some()),
            ("SWITCHBOARD_WEBHOOK_SECRET", self.webhook_secret.is_some()),
            ("SWITCHBOARD_CALLER_SALT", self.caller_salt.is_some()),
        ]
    }
}
