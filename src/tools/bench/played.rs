//! The carrier that the bench plays, by its strict fake.

use std::io;
use std::time::Duration;

use switchboard_actors::carrier::fake::{Calling, CarrierEvent, Fake, Method, Part, Request, StreamNoun, Verb};
use switchboard_actors::carrier::{AudioFormat, Carrier};
use switchboard_actors::ids::Private;
use url::Url;

use super::load::free_port;
use super::phone::{self, Phone};
use crate::tools::phone::carriers;

/// A carrier, its connections to the service, and whether it signs its requests.
pub(super) struct Played {
    pub(super) carrier: Carrier,
    fake: &'static dyn Fake,
    webhooks: awc::Client,
    signs: bool,
    /// The service's listener for the streams of a carrier without a WebSocket.
    listener: Option<String>,
}

impl Played {
    /// Plays `carrier`.
    ///
    /// # Errors
    /// The carrier cannot be simulated, or there is no port for its streams.
    pub(super) fn new(carrier: Carrier, signs: bool) -> io::Result<Self> {
        let fake = carrier.fake().ok_or(io::ErrorKind::Unsupported)?;
        let listener = carrier.packets().map(|_| free_port()).transpose()?.map(|port| format!("127.0.0.1:{port}"));
        Ok(Self { carrier, fake, webhooks: awc::Client::default(), signs, listener })
    }

    /// The service's environment: enables this carrier and leaves out the others.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let mut environment = Vec::new();
        for (carrier, fake) in carriers().filter_map(|carrier| Some((carrier, carrier.fake()?))) {
            let secret = self.signs.then_some(TOKEN);
            let own = carrier == self.carrier;
            let setup = fake.setup(if own { Part::Played { secret } } else { Part::Aside });
            let variable = |name: &str| format!("SWITCHBOARD__{}", name.to_uppercase().replace('.', "__"));
            for (name, value) in setup.settings {
                let listener = self.listener.clone().filter(|_| own && name.ends_with(".bind"));
                environment.push((variable(name), listener.unwrap_or(value)));
            }
            environment.extend(setup.secrets.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        environment
    }

    /// The address that the carrier requests for a call, at the service's own.
    pub(super) fn entry(&self, address: &str) -> Result<Url, String> {
        let listener = self.listener.as_ref().map(|listener| format!("#{listener}")).unwrap_or_default();
        let entry = format!("http://{address}{}{listener}", self.fake.usage().entry);
        entry.parse().map_err(|error| format!("{entry} is not an address: {error}"))
    }

    /// How long the carrier's smallest packet is, if it is longer than a frame: audio of the agent
    /// waits until one is full.
    pub(super) fn packet(&self) -> Duration {
        let least = self.carrier.capabilities().chunk.least.map(|least| least.samples(AudioFormat::PCM_8K));
        let least = Duration::from_micros(least.unwrap_or_default() * 125);
        if least > FRAME { least } else { Duration::ZERO }
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
        let (stream, noun) = self.announce(address, &calling).await?;
        let packets = self.carrier.packets();
        let id = match packets {
            // It is the permit.
            Some(_) => stream.path().trim_start_matches('/').to_owned(),
            None => self.fake.stream_id(&calling.id, number),
        };
        let line = self.fake.line(&calling, &id);
        let upgrade = self.fake.opens(&calling, &stream, &noun);
        let at = self.listener.as_deref().unwrap_or(address);
        let started = phone::ring(at, &upgrade, packets, line, self.carrier.capabilities(), &noun.parameters).await;
        started.map_err(|error| error.to_string())
    }

    /// Requests the webhook or the permit, if the carrier has one. Returns the stream's address, and
    /// what the document says of it.
    async fn announce(&self, address: &str, calling: &Calling) -> Result<(Url, StreamNoun), String> {
        let entry = self.entry(address)?;
        let Some(documents) = self.fake.documents() else {
            let Some(request) = self.fake.permit(calling, &entry) else {
                return Ok((self.fake.stream_at(entry)?, StreamNoun::default()));
            };
            let answer = self.ask(request).await?;
            return Ok((self.fake.permitted(&entry, &answer)?, StreamNoun::default()));
        };
        let asked = documents.request(calling, &entry, false, &CarrierEvent::Next);
        let document = documents.read(&self.ask(asked).await?)?;
        let mut streams = document.verbs.into_iter().filter_map(|verb| {
            let Verb::Connect { stream, .. } = verb else { return None };
            Some(stream)
        });
        let stream = streams.next().ok_or("the document connects to no stream")?;
        Ok((documents.stream_address(&entry, &stream)?, stream))
    }

    /// Sends a request and returns the body of the answer.
    async fn ask(&self, asked: Request) -> Result<String, String> {
        let method = match asked.method {
            Method::Get => awc::http::Method::GET,
            Method::Post => awc::http::Method::POST,
        };
        let mut request = self.webhooks.request(method, asked.url.as_str());
        for (name, value) in asked.headers {
            request = request.insert_header((name, value));
        }
        let (kind, form) = asked.body.unwrap_or_default();
        let request = if form.is_empty() { request } else { request.content_type(kind) };
        let mut answer = request.send_body(form).await.map_err(|error| error.to_string())?;
        let body = answer.body().await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("{} answered {}", asked.url.path(), answer.status()));
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

/// The token that the bench signs with.
const TOKEN: &str = "bench_auth_token_0123456789abcdef";
/// A phone's frame.
const FRAME: Duration = Duration::from_millis(20);
