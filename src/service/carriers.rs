//! The carriers that are answered, opened with what is configured.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::control::Control;
use switchboard_actors::carrier::desk::Desk;
use switchboard_actors::carrier::settings::{Expiring, Opened};
use switchboard_actors::clock;
use url::Url;

use crate::service::config::Config;

/// What the carriers were opened to.
pub(crate) struct Open {
    /// Their sides of our HTTP.
    pub(crate) desks: HashMap<Carrier, Arc<dyn Desk>>,
    /// The APIs of those whose secrets are there.
    pub(crate) apis: HashMap<Carrier, Arc<dyn Control>>,
    /// Secrets that stop being good by themselves.
    pub(crate) expiring: Vec<Expiring>,
}

impl Open {
    /// Opens every carrier that is answered, at our public address.
    pub(crate) fn all(config: &Config, public: &Url) -> Self {
        let mut open = Self { desks: HashMap::new(), apis: HashMap::new(), expiring: Vec::new() };
        for carrier in Carrier::all() {
            let Some(Opened { desk, control, expiring }) = config.carriers.open(carrier, public) else { continue };
            open.desks.insert(carrier, desk);
            open.apis.extend(control.map(|control| (carrier, control)));
            open.expiring.extend(expiring);
        }
        open
    }
}

/// Tells how long a secret is good for, and warns before and when it is not any more.
pub(crate) async fn watch(Expiring { name, at }: Expiring) {
    let left = || u64::try_from(at.saturating_sub(clock::wall().timestamp())).unwrap_or(0);
    info!(left_s = left(); "{name} is good for so long");
    for notice in NOTICES {
        // Slept in pieces: the wall's clock may be set meanwhile.
        while left() > notice.as_secs() {
            let wait = Duration::from_secs(left() - notice.as_secs()).min(Duration::from_secs(60));
            actix_rt::time::sleep(wait).await;
        }
        warn!(left_s = left(); "{name} expires: renew it and restart, or callers can be neither transferred nor hung up on");
    }
}

/// How long before its end an expiry is warned of: while there is time for it, when there is little, and at the end.
const NOTICES: [Duration; 3] = [Duration::from_secs(900), Duration::from_secs(120), Duration::ZERO];
