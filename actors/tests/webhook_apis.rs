//! Plays a carrier's webhook API against a strict simulation of the carrier. The webhook API
//! accepts and understands every request and notification, and the carrier reads every answer
//! without a complaint.

mod opened;

use std::time::Duration;

use opened::Service;
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::control::Target;
use switchboard_actors::carrier::fake::{
    Calling, CarrierEvent, Document, Documents, Fake, Outcome, Request, Stage, StreamNoun, Verb,
};
use switchboard_actors::carrier::webhook_api::{
    self, Answer, Arrival, DialOutcome, Direction, Role, Side, Taker, WebhookEvent,
};
use switchboard_actors::ids::{CarrierCallId, Private};
use url::Url;

#[test]
fn a_call_comes_in_by_its_webhook_and_its_stream() {
    for pair in pairs() {
        let call = pair.calling(SECRET);
        let asked = pair.ask(&call, Role::Arrives, &CarrierEvent::Next);
        assert_eq!(asked.url.path(), pair.fake.usage().entry);
        let Ok(WebhookEvent::Arrives(arriving)) = pair.service.judge(Role::Arrives, &asked) else {
            panic!("{:?}", pair.carrier)
        };
        assert_eq!(arriving.call.as_str(), call.id);
        assert_eq!((arriving.from.expose(), arriving.to.expose()), (&call.from, &call.to));
        assert_eq!((arriving.direction, arriving.in_progress, arriving.answered_by), (Direction::Inbound, false, None));
        assert!(arriving.account.is_none_or(|account| account == call.account));

        let (token, parameters) = (Private::new("a-token".to_owned()), [("agent".to_owned(), "q<7&".to_owned())]);
        let answer = Answer::Stream { name: "va-1", token: Some(&token), parameters: &parameters };
        let stream = pair.connects(&answer);
        let entry = asked.url;
        let address = pair.documents.stream_address(&entry, &stream).expect("it is opened");
        let upgrade = pair.fake.opens(&call, &address, &stream);
        let brought = match pair.service.knocks(&upgrade) {
            Ok(Arrival::Announced { token: Some(shown), parameters }) => {
                assert_eq!(shown.expose(), token.expose());
                // Others come back in its `start`.
                stream.parameters.into_iter().chain(parameters).collect()
            }
            Ok(Arrival::Announced { token: None, .. }) => {
                assert_eq!(stream.parameters["token"], *token.expose());
                stream.parameters
            }
            other => panic!("{:?}: {other:?}", pair.carrier),
        };
        assert!(parameters.iter().all(|(name, value)| brought.get(name) == Some(value)), "{brought:?}");
    }
}

#[test]
fn a_call_that_nobody_announces_finds_its_stream() {
    let mut checked = 0;
    for (carrier, fake) in Carrier::all().filter_map(|carrier| Some((carrier, carrier.fake()?))) {
        if fake.documents().is_none() && carrier.packets().is_none() {
            let entry = format!("http://127.0.0.1:8080{}", fake.usage().entry).parse().expect("an address");
            let stream = fake.stream_at(entry).expect("a stream");
            assert_eq!((stream.scheme(), Some(stream.path())), ("ws", carrier.path(Role::Stream)));
            checked += 1;
        }
    }
    assert!(checked > 0);
}

#[test]
fn a_request_signed_by_another_account_is_refused() {
    for pair in pairs().into_iter().filter(|pair| pair.service.webhook_api().proof() == webhook_api::Proof::Signature) {
        let forged = pair.calling("another secret");
        let asked = pair.ask(&forged, Role::Arrives, &CarrierEvent::Next);
        assert_eq!(pair.service.judge(Role::Arrives, &asked).expect_err("forged").status, 403);
        let address = "wss://voice.example.com/ws".parse().expect("an address");
        let upgrade = pair.fake.upgrade(&forged, &address);
        assert_eq!(pair.service.knocks(&upgrade).expect_err("forged").status, 403);
    }
}

#[test]
fn a_transfer_is_dialled_and_its_result_is_read() {
    for pair in pairs() {
        let mut call = pair.calling(SECRET);
        call.answered = true;
        let asked = pair.ask(&call, Role::StreamEnded, &CarrierEvent::Next);
        let Ok(WebhookEvent::StreamEnded(ending)) = pair.service.judge(Role::StreamEnded, &asked) else { panic!() };
        assert_eq!((ending.call.as_str(), ending.over, ending.in_progress), (call.id.as_str(), false, true));

        let target = Target::Number(Private::new("+15550100009".to_owned()));
        let (name, timeout) = ("sales & more", Duration::from_secs(20));
        let caller = CarrierCallId::new(&call.id);
        let dial = webhook_api::Dial { call: &caller, name, target: &target, timeout, caller_id: None, whispers: true };
        let Some(Verb::Dial(dial)) = pair.read(&Answer::Dial(dial)).verbs.into_iter().next() else { panic!() };
        assert_eq!(dial.targets, ["+15550100009"]);

        let leg = pair.fake.call_id(7);
        let back = |callback: &Option<switchboard_actors::carrier::fake::Callback>, event: &CarrierEvent| {
            let callback = callback.as_ref().expect("it is reported");
            let url: Url = callback.url.parse().expect("an address");
            let request = pair.documents.request(&call, &url, callback.get, event);
            pair.service.judge(pair.role_of(&url), &request).expect("believed")
        };
        let answered = CarrierEvent::LegAnswered { leg: leg.clone() };
        assert_eq!(back(&dial.status, &answered), WebhookEvent::LegAnswered { call: caller.clone() });
        assert_eq!(back(&dial.whisper, &answered), WebhookEvent::Whisper { call: caller.clone() });
        for (outcome, expected) in [
            (Outcome::Answered, DialOutcome::Bridged),
            (Outcome::Declined, DialOutcome::NotTaken),
            (Outcome::Busy, DialOutcome::Busy),
            (Outcome::NoAnswer, DialOutcome::NoAnswer),
            (Outcome::Failed, DialOutcome::Failed),
        ] {
            let talked = (outcome == Outcome::Answered).then(|| Duration::from_secs(2));
            let event = CarrierEvent::Dialled { leg: leg.clone(), outcome, talked };
            let expected = WebhookEvent::DialEnded { call: caller.clone(), outcome: Some(expected) };
            assert_eq!(back(&dial.action, &event), expected);
        }

        let ask = Answer::AskToTake { words: "A caller: a bill & more.", language: "en", taker: Taker::Dialled };
        match pair.read(&ask).verbs.into_iter().next() {
            Some(Verb::Gather { action, words }) => {
                assert_eq!(words, "A caller: a bill & more.");
                let pressed = CarrierEvent::LegPressed { leg, key: '#' };
                assert_eq!(back(&action, &pressed), WebhookEvent::WhisperTaken { taken: true });
            }
            // The carrier itself asks for the key.
            Some(Verb::Say(words)) => assert_eq!(words, "A caller: a bill & more."),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn caller_and_callee_meet_in_a_conference() {
    for pair in pairs() {
        let call = pair.calling(SECRET);
        let caller = CarrierCallId::new(&call.id);
        let meet = |side| {
            let document = pair.read(&Answer::Meet { call: &caller, side });
            let Some(Verb::Meet { action, room }) = document.verbs.into_iter().next() else { panic!() };
            (action, room)
        };
        let ((action, room), (none, same)) = (meet(Side::Caller), meet(Side::Callee));
        assert_eq!((&room, none), (&same, None), "one room, and no document for the person");
        let url: Url = action.expect("the caller goes on").url.parse().expect("an address");
        for (hung_up, outcome) in [(false, Some(DialOutcome::Bridged)), (true, None)] {
            let request = pair.documents.request(&call, &url, false, &CarrierEvent::Met { hung_up });
            let expected = WebhookEvent::DialEnded { call: caller.clone(), outcome };
            assert_eq!(pair.service.judge(pair.role_of(&url), &request), Ok(expected));
        }
    }
}

#[test]
fn status_and_stream_callbacks_are_read() {
    for pair in pairs() {
        let call = pair.calling(SECRET);
        assert_eq!(pair.read(&Answer::HangUp).verbs, [Verb::Hangup]);
        let refused = pair.read(&Answer::Refuse { language: "hi", words: None }).verbs;
        assert!(matches!(&refused[..], [Verb::Say(_), Verb::Hangup]), "{refused:?}");
        for (stage, failed) in
            [(Stage::Started, false), (Stage::Stopped, false), (Stage::Failed("31920: no".to_owned()), true)]
        {
            let at = chrono::DateTime::UNIX_EPOCH;
            let event = CarrierEvent::Stream { stream: pair.fake.stream_id(&call.id, 9), name: None, stage, at };
            let asked = pair.ask(&call, Role::StreamStatus, &event);
            let Ok(WebhookEvent::Stream(update)) = pair.service.judge(Role::StreamStatus, &asked) else { panic!() };
            assert_eq!((update.stream, update.failed.is_some()), (pair.fake.stream_id(&call.id, 9), failed));
        }
    }
}

/// A webhook API and the simulation of its carrier.
struct Pair {
    carrier: Carrier,
    service: Service,
    fake: &'static dyn Fake,
    documents: &'static dyn Documents,
}

/// Every carrier that requests documents.
fn pairs() -> Vec<Pair> {
    let played = Carrier::all().filter_map(|carrier| Some((carrier, carrier.fake()?)));
    let asking = played.filter_map(|(carrier, fake)| Some((carrier, fake, fake.documents()?)));
    let pair =
        |(carrier, fake, documents)| Pair { carrier, service: Service::of(carrier, Some(SECRET)), fake, documents };
    let pairs: Vec<Pair> = asking.map(pair).collect();
    assert!(!pairs.is_empty());
    pairs
}

impl Pair {
    fn calling(&self, secret: &str) -> Calling {
        Calling {
            id: self.fake.call_id(1),
            account: SECRET.to_owned(),
            from: "+15550100001".to_owned(),
            to: "+15550100002".to_owned(),
            answered: false,
            secret: Some(Private::new(secret.to_owned())),
            faults: Vec::new(),
            clock: || chrono::DateTime::UNIX_EPOCH,
        }
    }

    /// The carrier's request at its path for `role`.
    fn ask(&self, call: &Calling, role: Role, event: &CarrierEvent) -> Request {
        let path = self.carrier.path(role).expect("a path");
        let url = self.service.public.join(path).expect("an address");
        self.documents.request(call, &url, false, event)
    }

    /// The role of one of the carrier's paths.
    fn role_of(&self, url: &Url) -> Role {
        let route = self.carrier.routes().iter().find(|route| route.path == url.path());
        route.unwrap_or_else(|| panic!("{} leads nowhere", url.path())).role
    }

    /// The document of an answer, as the carrier reads it.
    fn read(&self, answer: &Answer<'_>) -> Document {
        let document = self.service.webhook_api().answer(answer);
        let kind = document.content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        assert!(self.documents.content_types().contains(&kind), "{kind} is not read");
        let read = self.documents.read(&document.body).expect("a document");
        assert_eq!(read.complaints, [], "{}", document.body);
        read
    }

    /// The stream that an answer connects to.
    fn connects(&self, answer: &Answer<'_>) -> StreamNoun {
        let Some(Verb::Connect { action: Some(action), stream }) = self.read(answer).verbs.into_iter().next() else {
            panic!("no stream")
        };
        let role = |url: &str| self.role_of(&url.parse().expect("an address"));
        assert_eq!(role(&action.url), Role::StreamEnded);
        assert_eq!(stream.status.as_ref().map(|status| role(&status.url)), Some(Role::StreamStatus));
        stream
    }
}

const SECRET: &str = "test_auth_token_0123456789abcdef";
