//! Tests every carrier's webhook API: each route is judged, each answer is written, a token comes
//! back, and nothing that a stranger sends causes a panic. One script covers all carriers.

mod opened;

use std::collections::BTreeSet;
use std::time::Duration;

use opened::{Service, value};
use proptest::prelude::*;
use switchboard_actors::carrier::control::Target;
use switchboard_actors::carrier::fake::{self, Calling, CarrierEvent};
use switchboard_actors::carrier::webhook_api::{
    Answer, Arrival, Dial, Document, Proof, Request, Role, Side, Taker, Verb, WebhookEvent,
};
use switchboard_actors::carrier::{Carrier, LineEvent, Outgoing};
use switchboard_actors::ids::{CarrierCallId, Private};
use url::Url;

/// Every secret of a carrier.
const SECRET: &str = "s3cr3t-of-the-carrier";
/// A text that needs escaping wherever it is written.
const TOKEN: &str = "t&<\"'>k+%20 é";

#[test]
fn settings_have_defaults_of_their_kind_and_reasons() {
    for carrier in Carrier::all() {
        let keys: BTreeSet<_> = carrier.settings().iter().map(|setting| setting.key).collect();
        assert_eq!(keys.len(), carrier.settings().len(), "{carrier:?}: a key twice");
        for setting in carrier.settings() {
            assert!(value(setting).is_some(), "{carrier:?}.{}: {}", setting.key, setting.default);
            assert!(setting.help.ends_with('.'), "{carrier:?}.{}: {}", setting.key, setting.help);
        }
        for secret in carrier.secrets() {
            // Two ways to one PBX share a secret.
            let is_of = |other: Carrier| secret.name.starts_with(&other.name().to_uppercase());
            assert!(Carrier::all().any(is_of) && !secret.help.is_empty(), "{secret:?}");
        }
    }
}

#[test]
fn routes_bear_the_carriers_name_and_no_two_are_one() {
    let mut paths = BTreeSet::new();
    for carrier in Carrier::all() {
        let own = format!("/{}/", carrier.name());
        assert!(carrier.path(Role::Stream).is_some() != carrier.packets().is_some(), "{carrier:?} has no stream");
        for route in carrier.routes() {
            assert!(!route.verbs.is_empty() && paths.insert(route.path), "{}", route.path);
            let stream = route.role == Role::Stream;
            assert!(!stream || route.verbs == [Verb::Get], "{}: an upgrade is a GET", route.path);
            // A path from the time before other carriers has a twin under the carrier's name.
            let has_twin = || carrier.routes().iter().any(|it| it.role == route.role && it.path.starts_with(&own));
            assert!(route.path.starts_with(&own) || has_twin(), "{}", route.path);
        }
    }
}

#[test]
fn every_route_refuses_a_request_without_proof() {
    for carrier in Carrier::all() {
        let (proved, bare) = (Service::of(carrier, Some(SECRET)), Service::of(carrier, None));
        assert_ne!(proved.webhook_api().proof(), Proof::ThisMachine, "{carrier:?}");
        assert_eq!(bare.webhook_api().proof(), Proof::ThisMachine, "{carrier:?}");
        for route in carrier.routes() {
            for &verb in route.verbs {
                let of = |is_local| Request {
                    verb,
                    target: route.path,
                    headers: &FORM,
                    body: b"CallSid=x",
                    is_local,
                    at: chrono::DateTime::UNIX_EPOCH,
                };
                for (service, is_local, label) in
                    [(&proved, true, None), (&proved, false, None), (&bare, false, Some("not_local"))]
                {
                    let webhook_api = service.webhook_api();
                    let request = of(is_local);
                    let refused = if route.role == Role::Stream {
                        webhook_api.upgrade(&request).map(|_| ())
                    } else {
                        webhook_api.judge(route.role, &request).map(|_| ())
                    };
                    let refused = refused.expect_err(route.path);
                    let stranger = refused.stranger.unwrap_or_else(|| panic!("{}: {}", route.path, refused.detail));
                    assert_eq!(refused.status, 403, "{}", route.path);
                    assert!(label.is_none_or(|label| label == stranger.reason), "{}", stranger.reason);
                    assert!(!format!("{}{}", refused.detail, stranger.why).contains(SECRET), "{}", route.path);
                }
            }
        }
    }
}

#[test]
fn every_answer_is_a_document_whose_addresses_are_routes() {
    for carrier in Carrier::all() {
        let service = Service::of(carrier, Some(SECRET));
        for answer in answers() {
            let document = service.webhook_api().answer(&answer);
            let Document { status, content_type, body, .. } = &document;
            // A carrier that asks whom to dial has a status for an answer before.
            let goes_on = *status == 302 && carrier.path(Role::AsksWhom).is_some();
            assert!((200..300).contains(status) || goes_on, "{carrier:?} {answer:?}");
            assert_eq!(content_type.is_some(), !body.is_empty(), "{carrier:?} {answer:?}");
            assert!(!body.contains("+15550100001") || matches!(answer, Answer::Dial(_)), "{carrier:?} {answer:?}");
            if let Some(fake) = carrier.fake().and_then(fake::Fake::documents).filter(|_| content_type.is_some()) {
                let types = fake.content_types();
                let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
                assert!(types.contains(&kind), "{kind}: {types:?}");
                let read = fake.read(body).unwrap_or_else(|problem| panic!("{answer:?}: {problem}"));
                assert_eq!(read.complaints, [], "{answer:?}");
            }
            for path in paths(body, &service.public) {
                assert!(carrier.routes().iter().any(|route| route.path == path), "{carrier:?} {answer:?}: {path}");
            }
            if body.contains(SECRET_ESCAPED) {
                assert!(document.no_store, "{carrier:?} {answer:?}: a secret that may be kept on the way");
            }
        }
    }
}

#[test]
fn a_token_comes_back_with_the_stream_that_its_document_opens() {
    for carrier in Carrier::all() {
        let service = Service::of(carrier, Some(SECRET));
        let token = Private::new(TOKEN.to_owned());
        let brought = [("agent".to_owned(), "a&b".to_owned())];
        let answer = Answer::Stream { name: "n", token: Some(&token), parameters: &brought };
        let document = service.webhook_api().answer(&answer).body;
        let fake = carrier.fake().expect("its side of a call");
        let calling = Calling { secret: Some(Private::new(SECRET.to_owned())), ..calling(fake.call_id(1)) };
        let (stream, noun) = match fake.documents() {
            Some(documents) => {
                let read = documents.read(&document).expect("a document");
                let Some(fake::Verb::Connect { stream, .. }) = read.verbs.into_iter().next() else {
                    panic!("{document}")
                };
                (documents.stream_address(&service.public, &stream).expect("an address"), stream)
            }
            None => match addresses(&document).next() {
                Some(address) => (address.parse().expect("a URL"), Default::default()),
                // Its customer has told it the address.
                None => continue,
            },
        };
        let arrival = service.knocks(&fake.opens(&calling, &stream, &noun)).expect("the carrier's own upgrade");
        match arrival {
            Arrival::Announced { token: shown, parameters } => {
                let mut line = fake.line(&calling, &fake.stream_id(&calling.id, 1));
                let (mut said, mut reply, mut wire) = (Outgoing::default(), Outgoing::default(), carrier.wire());
                line.start(&noun.parameters, &mut said);
                let started = said.messages().find_map(|message| match wire.read(message, &mut reply) {
                    Ok(LineEvent::Started(start)) => Some(start),
                    Ok(_) | Err(_) => None,
                });
                let start = started.expect("a stream starts");
                let in_start = start.parameters.get("token").cloned();
                assert_eq!(shown.map(|it| it.expose().clone()).or(in_start).as_deref(), Some(TOKEN), "{carrier:?}");
                let in_url = parameters.into_iter().find(|(name, _)| name == "agent").map(|(_, agent)| agent);
                let agent = in_url.or_else(|| start.parameters.get("agent").cloned());
                assert_eq!(agent.as_deref(), Some("a&b"), "{carrier:?}");
            }
            Arrival::Authenticated { parameters } => assert_eq!(parameters, brought, "{carrier:?}"),
        }
    }
}

#[test]
fn an_announced_call_is_read_as_an_arrival() {
    for carrier in Carrier::all() {
        let service = Service::of(carrier, Some(SECRET));
        let fake = carrier.fake().expect("its side of a call");
        // A carrier without documents sends no request: its stream alone announces the call.
        let Some(documents) = fake.documents() else { continue };
        let calling = Calling { secret: Some(Private::new(SECRET.to_owned())), ..calling(fake.call_id(2)) };
        let path = carrier.path(Role::Arrives).expect("a route for calls");
        let to = service.public.join(path).expect("a URL");
        let heard = service.judge(Role::Arrives, &documents.request(&calling, &to, false, &CarrierEvent::Next));
        let Ok(WebhookEvent::Arrives(call)) = heard else { panic!("{carrier:?}: {heard:?}") };
        assert_eq!((call.call.as_str(), call.from.expose().as_str()), (calling.id.as_str(), calling.from.as_str()));
        let other = Calling { account: "AC9".to_owned(), ..calling };
        let heard = service.judge(Role::Arrives, &documents.request(&other, &to, false, &CarrierEvent::Next));
        if let (Err(refused), Some(_)) = (&heard, service.webhook_api().account()) {
            assert_eq!(refused.stranger.as_ref().map(|it| it.reason), Some("wrong_account"), "{carrier:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_request_is_accepted_or_refused_without_a_panic(
        query in "\\PC{0,40}", body in prop::collection::vec(any::<u8>(), 0..80), header in "\\PC{0,20}", proved: bool,
        is_local: bool, form: bool, post: bool,
    ) {
        for carrier in Carrier::all() {
            let service = Service::of(carrier, proved.then_some(SECRET));
            // The headers that its own requests have.
            let fake = carrier.fake().expect("its side of a call");
            let calling = Calling { secret: Some(Private::new(SECRET.to_owned())), ..calling(fake.call_id(1)) };
            let shown = fake.upgrade(&calling, &service.public).headers;
            let shown: Vec<String> = shown.into_iter().map(|(name, _)| name.to_lowercase()).collect();
            for route in carrier.routes() {
                let target = format!("{}?{query}", route.path);
                let kind = if form { "application/x-www-form-urlencoded" } else { &header };
                let own = shown.iter().map(|name| (name.as_str(), header.as_str()));
                let names: Vec<_> = own.chain([("content-type", kind), ("authorization", &*header)]).collect();
                let verb = if post { Verb::Post } else { Verb::Get };
                let request = Request { verb, target: &target, headers: &names, body: &body, is_local, at: chrono::DateTime::UNIX_EPOCH };
                let _ = service.webhook_api().upgrade(&request);
                let _ = service.webhook_api().fitting_address(route.role, &request);
                if let Err(refused) = service.webhook_api().judge(route.role, &request) {
                    prop_assert!((400..500).contains(&refused.status));
                }
            }
        }
    }
}

/// Every possible answer.
fn answers() -> Vec<Answer<'static>> {
    fn kept<T>(it: T) -> &'static T {
        Box::leak(Box::new(it))
    }
    let token = kept(Private::new(TOKEN.to_owned()));
    let call = kept(CarrierCallId::new("C&<'\">1"));
    let number = |text: &str| Private::new(text.to_owned());
    let targets = [
        Target::Number(number("+15550100001")),
        Target::Sip(number("sip:a@b.example.com")),
        Target::Client(number("alice")),
        Target::Carrier,
    ];
    let caller_id = kept(number("+15550100002"));
    let dials = targets.into_iter().flat_map(|target| {
        let target = kept(target);
        [false, true].map(|whispers| {
            let caller_id = whispers.then_some(caller_id);
            Answer::Dial(Dial { call, name: "s&<", target, timeout: Duration::from_secs(30), caller_id, whispers })
        })
    });
    let words = "A caller: <bill> & \u{1}ग्राहक.";
    let ask = |taker| Answer::AskToTake { words, language: "hi", taker };
    let parameters: &'static [(String, String)] = kept([("agent".to_owned(), "a&<".to_owned())]);
    [
        Answer::Stream { name: "n<&", token: Some(token), parameters },
        Answer::Stream { name: "", token: None, parameters: &[] },
        ask(Taker::Dialled),
        ask(Taker::Callee { call }),
        Answer::Meet { call, side: Side::Caller },
        Answer::Meet { call, side: Side::Callee },
        Answer::GoOn,
        Answer::Refuse { language: "ta-IN", words: None },
        Answer::Refuse { language: "xx", words: None },
        Answer::HangUp,
        Answer::Nothing,
    ]
    .into_iter()
    .chain(dials)
    .collect()
}

fn calling(id: String) -> Calling {
    Calling {
        id,
        account: SECRET.to_owned(),
        from: "+15550100001".to_owned(),
        to: "+15550100002".to_owned(),
        answered: false,
        secret: None,
        faults: Vec::new(),
        clock: || chrono::DateTime::UNIX_EPOCH,
    }
}

/// The addresses in a document, without escapes.
fn addresses(document: &str) -> impl Iterator<Item = String> {
    let plain = document.replace("&amp;", "&").replace("&apos;", "\u{1}").replace("&quot;", "\u{1}");
    let parts: Vec<String> = plain.split(['"', '\'', '>', '<']).map(str::to_owned).collect();
    parts.into_iter().filter(|part| ["https://", "wss://"].iter().any(|scheme| part.starts_with(scheme)))
}

/// The paths of our own addresses in a document.
fn paths(document: &str, public: &Url) -> Vec<String> {
    let ours = addresses(document).filter_map(|it| Url::parse(&it).ok()).filter(|url| url.host() == public.host());
    ours.map(|url| url.path().to_owned()).collect()
}

/// A permanent secret as it appears in a document's address.
const SECRET_ESCAPED: &str = "token=s3cr3t-of-the-carrier";
/// The headers of a form request.
const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];
