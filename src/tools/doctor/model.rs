//! The model's servers: a session is opened and closed at each, as the canary does.

use std::collections::BTreeSet;

use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::drive::probe;
use switchboard_actors::realtime::engine_look;
use switchboard_actors::realtime::plan::{ModelAddress, SessionPlan};
use url::Url;

use super::Line;
use crate::service::config::{Config, Profiles};

/// Opens a session at every server that calls may use.
pub(super) async fn looked(config: &Config) -> Vec<Line> {
    if config.realtime.provider.is_embedded() {
        return vec![Line::note(
            "model",
            "the embedded one, which only repeats: set realtime.provider and its key for real calls",
        )];
    }
    let profiles = Profiles::new(config, None);
    let mut seen = BTreeSet::new();
    let mut lines = Vec::new();
    for profile in profiles.iter() {
        for candidate in profile.model.candidates() {
            match candidate.looks() {
                Some(parts) => {
                    for look in parts.into_iter().flatten() {
                        let name = name(&look.address);
                        if seen.insert(name.clone()) {
                            let looked = engine_look::look(look, profile.model.common.connect_timeout).await;
                            lines.push(engine(&name, looked.map_err(|(loss, _)| loss.reason)));
                        }
                    }
                }
                None if seen.insert(name(candidate.address())) => lines.push(server(&profile.model, &candidate).await),
                None => {}
            }
        }
    }
    lines
}

async fn server(plan: &SessionPlan, candidate: &ProviderPlan) -> Line {
    let name = name(candidate.address());
    match probe(&plan.with(candidate.clone())).await {
        Ok(took) => Line::good("model", format!("{name}: a session opened within {} ms", took.as_millis())),
        Err(loss) => Line::wrong("model", format!("{name}: {}; {NEXT}", loss.reason)),
    }
}

fn engine(name: &str, looked: Result<(), String>) -> Line {
    match looked {
        Ok(()) => Line::good("model", format!("{name}: answers")),
        Err(reason) => Line::wrong("model", format!("{name}: {reason}; {NEXT}")),
    }
}

/// `provider model at host`: an address without its path and its query.
fn name(address: &ModelAddress) -> String {
    let url = Url::parse(&address.endpoint.url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or("an address without a host");
    let port = url.as_ref().and_then(Url::port).map(|port| format!(":{port}")).unwrap_or_default();
    format!("{} {} at {host}{port}", address.provider, address.model)
}

const NEXT: &str = "check the key, the model's name, its URL, and that this machine may reach it";
