//! Recordings of exact words that are made before a call needs them.

use std::collections::HashMap;

use actix::Addr;
use switchboard_actors::money::Usd;
use switchboard_actors::profile::spending::Prices;
use switchboard_actors::realtime::clips::messages::FetchClip;
use switchboard_actors::realtime::clips::plan::ClipOrder;
use switchboard_actors::realtime::providers::actor::Providers;
use switchboard_actors::realtime::report::Usage;
use switchboard_actors::supervisor::actor::Supervisor;
use switchboard_actors::supervisor::messages::CountCost;

use crate::service::config::Profiles;

/// Lets exact words be recorded. What that costs counts to the day, and to no caller.
pub(in crate::service) fn record_ahead(
    profiles: &Profiles,
    providers: &Addr<Providers>,
    supervisor: &Addr<Supervisor>,
) {
    let orders = profiles.iter().flat_map(|profile| {
        let priced = |order: ClipOrder| (order.name(), (order, profile.spend.prices.clone()));
        profile.model.clips_ahead().into_iter().map(priced)
    });
    let orders: HashMap<String, (ClipOrder, Prices)> = orders.collect();
    for (order, prices) in orders.into_values() {
        let (providers, supervisor) = (providers.clone(), supervisor.clone());
        actix_rt::spawn(async move {
            let model = order.source.model.clone();
            // The recording is kept by the one who made it.
            let Ok(Ok(clip)) = providers.send(FetchClip(order)).await else { return };
            let used = Usage { tts_characters: clip.characters, ..Usage::default() };
            let cost = prices.of(&model).of_response(&used);
            if cost > Usd::ZERO {
                supervisor.do_send(CountCost(cost));
            }
        });
    }
}
