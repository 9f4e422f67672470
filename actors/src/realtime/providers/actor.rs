//! The Providers actor: the shell around the [`Breakers`].

use std::time::Instant;

use actix::prelude::*;
use log::warn;
use url::Url;

use super::messages::{Consult, CountRefusals, Keeps, Learn, ReleaseSessions};
use crate::clock;
use crate::events::emit;
use crate::realtime::breaker::{Breakers, Lesson, Scope};
use crate::realtime::clips::actor::Clips;
use crate::realtime::clips::messages::{FetchClip, FetchedClip};
use crate::realtime::events::Event;
use crate::realtime::plan::ModelAddress;
use crate::realtime::report::{LossClass, ModelLoss};

/// What all calls of the process know about servers, keys and models. There is one for each
/// process, on a thread that no call delays.
#[derive(Debug, Default)]
pub struct Providers {
    breakers: Breakers,
    /// The pools that keep sessions for later calls; `None` once all sessions were released.
    pools: Option<Vec<Recipient<ReleaseSessions>>>,
    /// The recordings of exact words; present from the actor's start on.
    clips: Option<Addr<Clips>>,
}

impl Providers {
    /// An actor that knows nothing yet.
    pub const fn new() -> Self {
        Self { breakers: Breakers::new(), pools: Some(Vec::new()), clips: None }
    }

    /// Records a loss. Logs one line if the loss blocks an address from now on.
    fn lost(&mut self, address: &ModelAddress, loss: &ModelLoss, scope: Scope, now: Instant) {
        let before = self.breakers.blocked_for(address, now);
        self.breakers.learn(address, loss.class, scope, now);
        let after = self.breakers.blocked_for(address, now);
        if let (None, Some(pause)) = (before, after) {
            let host = Url::parse(&address.endpoint.url).ok().and_then(|url| url.host_str().map(str::to_owned));
            let (model, reason, seconds) = (&address.model, &loss.reason, pause.as_secs());
            let next = next_step(scope, address);
            warn!(
                server:% = host.unwrap_or_default(), model:%, reason:%;
                "the model refuses us and is left alone for {seconds} s; {next}"
            );
        }
    }
}

impl Actor for Providers {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.clips = Some(Clips::default().start());
    }
}

impl Handler<FetchClip> for Providers {
    type Result = ResponseFuture<Result<FetchedClip, String>>;

    fn handle(&mut self, fetch: FetchClip, _: &mut Self::Context) -> Self::Result {
        let made = self.clips.as_ref().map(|clips| clips.send(fetch));
        Box::pin(async move {
            match made {
                Some(made) => made.await.unwrap_or_else(|_| Err("the service stops".to_owned())),
                None => Err("the service starts".to_owned()),
            }
        })
    }
}

impl Handler<Consult> for Providers {
    type Result = MessageResult<Consult>;

    fn handle(&mut self, Consult(addresses): Consult, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.breakers.standings(&addresses, clock::now()))
    }
}

impl Handler<Learn> for Providers {
    type Result = ();

    fn handle(&mut self, Learn { address, lesson }: Learn, _: &mut Self::Context) {
        emit(Event::LessonLearned { provider: address.provider, result: lesson.word() });
        let now = clock::now();
        match lesson {
            Lesson::CameUp => self.breakers.succeeded(&address),
            Lesson::Reached => self.breakers.reached(&address),
            Lesson::Lost { loss, scope } => self.lost(&address, &loss, scope, now),
            Lesson::Replaced { loss, scope } if loss.class == LossClass::Fatal => {
                self.lost(&address, &loss, scope, now);
            }
            Lesson::Replaced { .. } => self.breakers.replaced(&address, now),
        }
    }
}

impl Handler<CountRefusals> for Providers {
    type Result = usize;

    fn handle(&mut self, _: CountRefusals, _: &mut Self::Context) -> usize {
        self.breakers.open(clock::now())
    }
}

impl Handler<Keeps> for Providers {
    type Result = ();

    fn handle(&mut self, Keeps(pool): Keeps, _: &mut Self::Context) {
        match &mut self.pools {
            Some(pools) => pools.push(pool),
            None => pool.do_send(ReleaseSessions),
        }
    }
}

impl Handler<ReleaseSessions> for Providers {
    type Result = ();

    fn handle(&mut self, _: ReleaseSessions, _: &mut Self::Context) {
        self.pools.take().into_iter().flatten().for_each(|pool| pool.do_send(ReleaseSessions));
    }
}

/// What the operator should do about a refusal.
fn next_step(scope: Scope, address: &ModelAddress) -> String {
    match (scope, &address.endpoint.key_variable) {
        (Scope::Key, Some(name)) => format!("set {name} to a key that is taken and has credit"),
        (Scope::Key, None) => "it is dialled without a key; see realtime.provider".to_owned(),
        (Scope::Model | Scope::Session, _) => "see that its name is right and the key may use it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::realtime::breaker::Standing;
    use crate::realtime::openai::plan::sample;
    use crate::realtime::plan::{Credential, Endpoint};

    fn address(url: &str) -> ModelAddress {
        let key_variable = Some("OPENAI_API_KEY_2".to_owned());
        let endpoint = Endpoint { url: url.to_owned(), credential: Credential::None, key_variable };
        ModelAddress { provider: "fake", endpoint, model: "m".to_owned() }
    }

    fn refused() -> Lesson {
        let loss = ModelLoss { class: LossClass::Fatal, reason: "upgrade answered with status 401".to_owned() };
        let scope = sample::plan().provider.scope_of(&loss);
        Lesson::Lost { loss, scope }
    }

    #[actix::test]
    async fn readiness_fails_while_every_candidate_refuses_and_returns_with_one() {
        let providers = Providers::new().start();
        let both = ["wss://first.example", "wss://second.example"].map(address);
        let standings = async || providers.send(Consult(both.to_vec())).await.expect("it lives");
        providers.do_send(Learn { address: both[0].clone(), lesson: refused() });
        assert_eq!(standings().await, [Standing::Blocked, Standing::Good], "the second is left");
        providers.do_send(Learn { address: both[1].clone(), lesson: refused() });
        assert_eq!(standings().await, [Standing::Blocked; 2]);
        assert_eq!(providers.send(CountRefusals).await.ok(), Some(2));
        providers.do_send(Learn { address: both[1].clone(), lesson: Lesson::CameUp });
        assert_eq!(standings().await, [Standing::Blocked, Standing::Good]);
    }

    #[test]
    fn a_refusal_that_is_over_is_no_refusal() {
        let it = address("wss://past.example");
        let mut providers = Providers::new();
        let Lesson::Lost { loss, scope } = refused() else { return };
        let now = clock::now();
        providers.lost(&it, &loss, scope, now);
        assert_eq!(providers.breakers.standing(&it, now), Standing::Blocked);
        assert_eq!(providers.breakers.standing(&it, now + Duration::from_secs(30)), Standing::Good);
    }

    #[test]
    fn the_log_names_the_variable_of_a_refused_key() {
        let it = address("wss://named.example");
        assert!(next_step(Scope::Key, &it).starts_with("set OPENAI_API_KEY_2 "));
        assert!(!next_step(Scope::Model, &it).contains("OPENAI_API_KEY_2"), "the key is not at fault");
    }
}
