//! The carrier that the bench plays: the first that can be simulated.

use std::collections::BTreeMap;

use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::fake::{Calling, CarrierEvent, Fake, Part, Verb};
use switchboard_actors::ids::Private;
use url::Url;

use super::phone::{self, Phone};
use crate::tools::phone::{carriers, default_carrier};

/// A carrier, its connections to the service, and whether it signs its requests.
pub(super) struct Played {
    carrier: Carrier,
    fake: &'static dyn Fake,
    webhooks: awc::Client,
    signs: bool,
}

impl Played {
    /// Chooses the carrier. Returns `None` if no carrier can be simulated.
    pub(super) fn new(signs: bool) -> Option<Self> {
        let carrier = default_carrier();
        Some(Self { carrier, fake: carrier.fake()?, webhooks: awc::Client::default(), signs })
    }

    /// The service's environment: enables this carrier and leaves out the others.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let mut environment = Vec::new();
        for (carrier, fake) in carriers().filter_map(|carrier| Some((carrier, carrier.fake()?))) {
            let secret = self.signs.then_some(TOKEN);
            let setup = fake.setup(if carrier == self.carrier { Part::Played { secret } } else { Part::Aside });
            let variable = |name: &str| format!("SWITCHBOARD__{}", name.to_uppercase().replace('.', "__"));
            environment.extend(setup.settings.into_iter().map(|(name, value)| (variable(name), value)));
            environment.extend(setup.secrets.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        environment
    }

    /// The path that the carrier requests for a call.
    pub(super) fn entry(&self) -> &'static str {
        self.fake.usage().entry
    }

    /// Places one call: webhook, upgrade, and the carrier's first messages.
    pub(super) async fn ring(&self, address: &str, number: u128) -> Result<Phone, String> {
        let calling = Calling {
            id: self.fake.call_id(number),
            account: self.fake.usage().account.to_owned(),
            from: "+15550100001".to_owned(),
            to: "+15550100002".to_owned(),
            answered: false,
            secret: self.signs.then(|| Private::new(TOKEN.to_owned())),
            faults: Vec::new(),
            clock: switchboard_actors::clock::wall,
        };
        let (stream, parameters) = self.announce(address, &calling).await?;
        let line = self.fake.line(&calling, &self.fake.stream_id(&calling.id, number));
        let upgrade = self.fake.upgrade(&calling, &stream);
        let started = phone::ring(address, &upgrade, line, self.carrier.capabilities(), &parameters).await;
        started.map_err(|error| error.to_string())
    }

    /// Requests the webhook, if the carrier has one. Returns the stream's address and the
    /// parameters of its `start`.
    async fn announce(&self, address: &str, calling: &Calling) -> Result<(Url, BTreeMap<String, String>), String> {
        let entry = format!("http://{address}{}", self.fake.usage().entry);
        let entry: Url = entry.parse().map_err(|error| format!("{entry} is not an address: {error}"))?;
        let Some(documents) = self.fake.documents() else {
            return Ok((self.fake.stream_at(entry)?, BTreeMap::new()));
        };
        let asked = documents.request(calling, &entry, false, &CarrierEvent::Next);
        let mut request = self.webhooks.post(asked.url.as_str());
        for (name, value) in asked.headers {
            request = request.insert_header((name, value));
        }
        let (kind, form) = asked.body.unwrap_or_default();
        let sent = request.content_type(kind).send_body(form).await;
        let body = sent.map_err(|e| e.to_string())?.body().await.map_err(|e| e.to_string())?;
        let document = documents.read(&String::from_utf8_lossy(&body))?;
        let mut streams = document.verbs.into_iter().filter_map(|verb| {
            let Verb::Connect { stream, .. } = verb else { return None };
            Some(stream)
        });
        let stream = streams.next().ok_or("the document connects to no stream")?;
        Ok((documents.stream_address(&entry, &stream)?, stream.parameters))
    }
}

/// The token that the bench signs with.
const TOKEN: &str = "bench_auth_token_0123456789abcdef";
