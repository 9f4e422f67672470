//! Opens the configured carriers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::control::Control;
use switchboard_actors::carrier::settings::{Expiring, Opened};
use switchboard_actors::carrier::webhook_api::WebhookApi;
use switchboard_actors::clock;
use url::Url;

use crate::service::config::Config;

/// The open carriers.
pub(crate) struct Open {
    /// The HTTP side of each carrier.
    pub(crate) webhook_apis: HashMap<Carrier, Arc<dyn WebhookApi>>,
    /// The APIs of the carriers whose secrets are configured.
    pub(crate) apis: HashMap<Carrier, Arc<dyn Control>>,
    /// Secrets that expire on their own.
    pub(crate) expiring: Vec<Expiring>,
    /// On a node among others, the HTTP side of each carrier with addresses that lead to this node.
    pub(crate) answers: Option<HashMap<Carrier, Arc<dyn WebhookApi>>>,
}

impl Open {
    /// Opens every configured carrier at our public address. With the name of a `node` among others, the
    /// addresses that carriers are given for a call lead to this node; requests are judged by the
    /// address that they have.
    pub(crate) fn all(config: &Config, public: &Url, node: Option<&str>) -> Self {
        let mut open = Self::at(config, public);
        if let Some(node) = node {
            let mut own = public.clone();
            own.set_path(&format!("{}/n/{}", public.path().trim_end_matches('/'), node));
            let led = Self::at(config, &own);
            (open.answers, open.apis) = (Some(led.webhook_apis), led.apis);
        }
        open
    }

    fn at(config: &Config, public: &Url) -> Self {
        let (webhook_apis, apis) = (HashMap::new(), HashMap::new());
        let mut open = Self { webhook_apis, apis, expiring: Vec::new(), answers: None };
        for carrier in Carrier::all() {
            let Some(Opened { webhook_api, control, expiring }) = config.carriers.open(carrier, public) else {
                continue;
            };
            open.webhook_apis.insert(carrier, webhook_api);
            open.apis.extend(control.map(|control| (carrier, control)));
            open.expiring.extend(expiring);
        }
        open
    }
}

/// Logs how long a secret is valid, and warns before and at its expiry.
pub(crate) async fn watch(Expiring { name, at }: Expiring) {
    let left = || u64::try_from(at.saturating_sub(clock::wall().timestamp())).unwrap_or(0);
    info!(left_s = left(); "{name}: the time until it expires");
    for notice in NOTICES {
        // The wait is split into short sleeps: the wall clock may be set in between.
        while left() > notice.as_secs() {
            let wait = Duration::from_secs(left() - notice.as_secs()).min(Duration::from_secs(60));
            actix_rt::time::sleep(wait).await;
        }
        warn!(left_s = left(); "{name} expires: renew it and restart, or callers can be neither transferred nor hung up on");
    }
}

/// The warnings, as times before the expiry: early, late, and at the expiry itself.
const NOTICES: [Duration; 3] = [Duration::from_secs(900), Duration::from_secs(120), Duration::ZERO];
