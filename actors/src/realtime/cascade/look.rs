//! How an engine is looked at without a call and without cost: a socket is opened and closed, and a
//! server that takes requests is asked for its models. Pure; the shell is
//! [`engine_look`](crate::realtime::engine_look).

use url::Url;

use super::address::endpoint;
use super::failure::{Class, Failure, Head, Part};
use super::listener::{EarsEngine, ListenerAction};
use super::mouth::{MouthAction, VoiceEngine};
use super::plan::CascadePlan;
use super::session::links;
use crate::ids::Private;
use crate::realtime::conversation::{Header, Upgrade};
use crate::realtime::named::LinkOrder;
use crate::realtime::plan::ModelAddress;

/// A look at an engine.
#[derive(Debug)]
pub struct Look {
    /// The engine.
    pub address: ModelAddress,
    /// What it does.
    pub part: Part,
    /// How it is done.
    pub way: Way,
}

/// How an engine is looked at.
#[derive(Debug)]
pub enum Way {
    /// Its socket is opened.
    Socket(Upgrade),
    /// Its models are asked for, by GET.
    Models(Upgrade),
}

impl Look {
    /// What is done, for display: without a query, which may hold a key.
    pub fn shown(&self) -> String {
        let (what, url) = match &self.way {
            Way::Socket(upgrade) => ("opens", &upgrade.url),
            Way::Models(request) => ("GET", &request.url),
        };
        let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{what} {scheme}://{host}{port}{}", url.path())
    }
}

/// The looks at all engines of a plan, a list for each part.
pub fn looks(plan: &CascadePlan) -> [Vec<Look>; 3] {
    let ears = plan.ears.iter().enumerate().map(|(engine, it)| match it {
        EarsEngine::Socket { .. } => opened(links::of_ears(plan, ListenerAction::Open { engine })),
        EarsEngine::Uploads { plan: own } => Some(models(&own.url, key(&plan.keys.ears, engine))),
    });
    let mind = plan.mind.iter().enumerate();
    let mind = mind.map(|(engine, it)| Some(models(&it.url, key(&plan.keys.mind, engine))));
    let voice = plan.voice.iter().enumerate().map(|(engine, it)| match it {
        VoiceEngine::Socket { .. } => opened(links::of_voice(plan, MouthAction::Open { engine })),
        VoiceEngine::Requests { plan: own, .. } => Some(models(&own.url, key(&plan.keys.voice, engine))),
    });
    let ways: [Vec<Option<Way>>; 3] = [ears.collect(), mind.collect(), voice.collect()];
    let mut parts = [Part::Ears, Part::Mind, Part::Voice].into_iter();
    ways.map(|ways| {
        let part = parts.next().unwrap_or(Part::Voice);
        let all = ways.into_iter().zip(plan.addresses.of(part));
        all.filter_map(|(way, address)| Some(Look { address: address.clone(), part, way: way? })).collect()
    })
}

/// What an answer to [`Way::Models`] says about the engine.
///
/// # Errors
/// The engine refuses us, or its server has a fault.
pub fn judge(part: Part, head: &Head<'_>, body: &str) -> Result<(), Failure> {
    if head.is_success() {
        return Ok(());
    }
    let failure = Failure::of_status(part, head, body);
    match (head.status, failure.class) {
        (401..=403, _) | (_, Class::Next) => Err(failure),
        // Many servers list no models, and a limit of requests is no outage.
        _ => Ok(()),
    }
}

fn key(keys: &[Option<Private<String>>], engine: usize) -> Option<&Private<String>> {
    keys.get(engine).and_then(Option::as_ref)
}

fn opened(order: Option<LinkOrder>) -> Option<Way> {
    match order? {
        LinkOrder::Open { upgrade, .. } => Some(Way::Socket(upgrade)),
        LinkOrder::Close(_)
        | LinkOrder::Send(..)
        | LinkOrder::Connect(_)
        | LinkOrder::Request(..)
        | LinkOrder::Abort(_) => None,
    }
}

fn models(base: &Url, key: Option<&Private<String>>) -> Way {
    let mut base = base.clone();
    let path = base.path().trim_end_matches('/').to_owned();
    // One that ends in the endpoint's own path is taken as it is.
    for own in ["/chat/completions", "/audio/transcriptions", "/audio/speech"] {
        if let Some(before) = path.strip_suffix(own) {
            base.set_path(before);
        }
    }
    let bearer = |key: &Private<String>| Header {
        name: "authorization",
        value: Private::new(format!("Bearer {}", key.expose())),
        what: "credential",
    };
    Way::Models(Upgrade { url: endpoint(&base, "/v1/models"), headers: key.map(bearer).into_iter().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::cascade::plan::{EngineAddresses, EngineKeys, sample};

    fn shown(plan: &CascadePlan) -> Vec<String> {
        looks(plan).iter().flatten().map(Look::shown).collect()
    }

    #[test]
    fn sockets_are_opened_and_servers_of_requests_asked_for_their_models() {
        let (own, key) = (sample::plan(), || vec![Some(Private::new("secret".to_owned()))]);
        let one = || vec![own.address.clone()];
        let addresses = EngineAddresses { ears: one(), mind: one(), voice: one() };
        let keys = EngineKeys { ears: key(), mind: key(), voice: key() };
        let mut plan = CascadePlan { addresses, keys, ..own.clone() };
        let expected =
            ["opens ws://127.0.0.1:9/v1/listen", "GET http://127.0.0.1:9/v1/models", "opens ws://127.0.0.1:9/v1/speak"];
        assert_eq!(shown(&plan), expected);
        let [ears, mind, _] = looks(&plan);
        for look in ears.iter().chain(&mind) {
            let (Way::Socket(Upgrade { headers, .. }) | Way::Models(Upgrade { headers, .. })) = &look.way;
            assert!(headers[0].value.expose().ends_with("secret"), "{look:?}");
            assert!(!format!("{look:?}").contains("secret"), "it is printed");
        }
        plan.ears = vec![EarsEngine::Uploads { plan: sample::ears("hi") }];
        plan.voice = vec![VoiceEngine::Requests { plan: sample::voice("hi"), response_format: "pcm".into() }];
        assert_eq!(shown(&plan), ["GET http://127.0.0.1:9/v1/models"; 3]);
        let whole = Url::parse("http://127.0.0.1:9/v1/chat/completions").expect("a URL");
        assert!(matches!(models(&whole, None), Way::Models(it) if it.url.path() == "/v1/models"));
    }

    #[test]
    fn only_a_refused_key_and_a_fault_are_bad_news() {
        let answer = |status| judge(Part::Mind, &Head { status, ..Head::default() }, "").map_err(|it| it.class);
        for fine in [200, 204, 404, 405, 400, 422, 429] {
            assert_eq!(answer(fine), Ok(()), "{fine}");
        }
        assert!(matches!(answer(401), Err(Class::Fatal(_))));
        assert!(matches!(answer(403), Err(Class::Fatal(_))));
        assert_eq!(answer(503), Err(Class::Next));
    }
}
