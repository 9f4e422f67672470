//! Plays every carrier's stream protocol against a strict simulation of the carrier. One script
//! covers all carriers.
//!
//! The script: announcement, start, caller audio, agent audio, a mark, a barge-in, a key, stop, a
//! second start, and a flood of malformed messages. Nothing waits: a stream consists of two values
//! that exchange messages.

mod broken;

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_actors::carrier::fake::{
    Calling, CarrierEvent, Documents, Echo, Fake, Line, Method, Said, echoes_of_clear,
};
use switchboard_actors::carrier::webhook_api::Role;
use switchboard_actors::carrier::{
    ByClear, Capabilities, Carrier, Clear, Handover, Incoming, Keys, LineCommand, LineEvent, LineFormats, Marks,
    Messages, Outgoing, SecondStart, StreamStart, Wire, WireError,
};
use switchboard_actors::frame::Frame;
use switchboard_actors::g711;
use switchboard_actors::ids::Private;
use url::Url;

use broken::{Broken, Flaw};

/// The result of a check, with the problem if there is one.
type Verdict = Result<(), String>;

#[test]
fn every_wire_understands_its_carrier_and_is_understood() {
    for carrier in Carrier::every() {
        assert_eq!(conforms(carrier, carrier.wire()), Ok(()), "{carrier:?}");
    }
}

#[test]
fn every_carrier_announces_its_calls() {
    for carrier in Carrier::all() {
        assert_eq!(announces(carrier), Ok(()), "{carrier:?}");
    }
}

#[test]
fn a_broken_wire_is_found() {
    for carrier in Carrier::every() {
        for how in Flaw::ALL.into_iter().filter(|flaw| flaw.shows(carrier)) {
            let wire = Broken::of(carrier, how);
            assert!(conforms(carrier, Box::new(wire)).is_err(), "{carrier:?} {how:?}");
        }
    }
}

#[test]
fn what_a_carrier_does_wrong_costs_nobody_the_stream() {
    for carrier in Carrier::all() {
        let faults = carrier.fake().map(Fake::faults).unwrap_or_default();
        for fault in faults {
            let mut stream = Stream::new(carrier, carrier.wire(), 1).expect("it can be played");
            let calling = Calling { faults: vec![*fault], ..stream.calling.clone() };
            stream.line = stream.fake.line(&calling, &stream.id);
            stream.line.start(&BTreeMap::new(), &mut stream.said);
            let events = stream.hear().expect("readable");
            let ours = |event: &&LineEvent| matches!(event, LineEvent::Started(start) if start.carrier_call.as_str() == calling.id);
            assert!(events.iter().any(|event| ours(&event)), "{carrier:?} {fault:?}: {events:?}");
            stream.line.media(&voice(), Duration::from_millis(20), &mut stream.said);
            let audio = |event: &LineEvent| matches!(event, LineEvent::Audio(_) | LineEvent::MismatchedAudio(_));
            let heard = stream.hear().expect("readable");
            assert!(!heard.is_empty() && heard.iter().all(audio), "{carrier:?} {fault:?}: {heard:?}");
            let calls_audio = stream.tell(&play(carrier.capabilities(), carrier.capabilities().says[0].into()));
            assert!(calls_audio.is_ok_and(|said| !said.is_empty()), "{carrier:?} {fault:?}");
        }
    }
}

/// Plays a complete stream of `carrier` on `wire`.
fn conforms(carrier: Carrier, wire: Box<dyn Wire>) -> Verdict {
    let mut stream = Stream::new(carrier, wire, 1)?;
    let formats = stream.begins()?;
    stream.caller_speaks(formats)?;
    stream.agent_speaks(formats)?;
    stream.mark_settles()?;
    stream.caller_barges_in(formats)?;
    stream.key_is_pressed()?;
    stream.caller_hangs_up()?;
    stream.starts_again(formats)?;
    stream.is_flooded()?;
    stream.agent_speaks(formats).map_err(|problem| format!("after the flood: {problem}"))
}

/// Both ends of one stream.
struct Stream {
    fake: &'static dyn Fake,
    can: &'static Capabilities,
    calling: Calling,
    id: String,
    line: Box<dyn Line>,
    wire: Box<dyn Wire>,
    /// The carrier's next messages.
    said: Outgoing,
}

impl Stream {
    fn new(carrier: Carrier, wire: Box<dyn Wire>, number: u128) -> Result<Self, String> {
        let fake = carrier.fake().ok_or("its side of a call is not there to be played")?;
        let calling = calling(fake, number);
        let id = fake.stream_id(&calling.id, number);
        let line = fake.line(&calling, &id);
        Ok(Self { fake, can: carrier.capabilities(), calling, id, line, wire, said: Outgoing::default() })
    }

    /// Passes the carrier's messages to the wire and returns the resulting events.
    fn hear(&mut self) -> Result<Vec<LineEvent>, String> {
        let (mut events, mut reply) = (Vec::new(), Outgoing::default());
        for message in self.said.messages() {
            events.push(self.wire.read(message, &mut reply).map_err(|error| format!("{message:?}: {error}"))?);
        }
        self.said.clear();
        for message in reply.messages() {
            self.line.read(message, &mut self.said).map_err(|complaint| complaint.text)?;
        }
        Ok(events)
    }

    /// Passes the wire's messages for `command` to the carrier and returns what the carrier
    /// understood.
    fn tell(&mut self, command: &LineCommand) -> Result<Vec<Said>, String> {
        let mut out = Outgoing::default();
        self.wire.write(command, &mut out);
        let mut said = Vec::new();
        for message in out.messages() {
            said.push(self.line.read(message, &mut self.said).map_err(|complaint| complaint.text)?);
        }
        // A carrier may confirm a clear or announce that it accepts more.
        let answers = self.hear()?;
        let unexpected = answers.iter().find(|event| !matches!(event, LineEvent::Cleared | LineEvent::Flow(_)));
        unexpected.map_or(Ok(said), |event| Err(format!("{event:?} for an answer")))
    }

    fn begins(&mut self) -> Result<LineFormats, String> {
        let parameters = BTreeMap::from([("store_code".to_owned(), "q<7\"".to_owned())]);
        self.line.start(&parameters, &mut self.said);
        let mut events = self.hear()?;
        events.retain(|event| !matches!(event, LineEvent::Connected | LineEvent::Other(_)));
        let start = |event| if let LineEvent::Started(start) = event { Ok(*start) } else { Err(event) };
        let starts: Result<Vec<StreamStart>, LineEvent> = events.into_iter().map(start).collect();
        let starts = starts.map_err(|event| format!("{event:?} before the start"))?;
        let [StreamStart { stream, carrier_call, account, format, parameters: brought, .. }] = &starts[..] else {
            return Err(format!("{} starts", starts.len()));
        };
        same("the stream's id", stream.as_str(), self.id.as_str())?;
        let has_metadata = self.fake.carrier().packets().is_none();
        // Where the first packet shows the permit and no more, the permit names the call.
        same("the call's id", carrier_call.as_str(), if has_metadata { self.calling.id.as_str() } else { "" })?;
        if let Some(account) = account {
            same("the account", account, &self.calling.account)?;
        }
        let is_brought = |(name, value)| brought.get(name) == Some(value);
        holds(!has_metadata || parameters.iter().all(is_brought), "a parameter is lost")?;
        holds(self.can.hears.contains(&format.hears), "the caller's format is not one of its capabilities")?;
        holds(self.can.says.contains(&format.says), "our format is not one of its capabilities")?;
        Ok(*format)
    }

    fn caller_speaks(&mut self, formats: LineFormats) -> Verdict {
        for frame in 1..=3 {
            let at = Duration::from_millis(frame * 20);
            self.line.media(&voice(), at, &mut self.said);
            let mut bytes = Vec::new();
            for event in self.hear()? {
                let LineEvent::Audio(audio) = event else { return Err(format!("{event:?} instead of audio")) };
                holds(audio.timestamp.is_none_or(|stamp| stamp <= at), "a timestamp out of the future")?;
                bytes.extend_from_slice(&audio.payload);
            }
            let mut samples = Vec::new();
            g711::decode(formats.hears.encoding, &bytes, &mut samples);
            alike("the caller's audio", &samples, &voice())?;
        }
        Ok(())
    }

    fn agent_speaks(&mut self, formats: LineFormats) -> Verdict {
        let mut heard = Vec::new();
        for said in self.tell(&play(self.can, formats))? {
            let Said::Media(samples) = said else { return Err(format!("{said:?} instead of audio")) };
            heard.extend(samples);
        }
        alike("our audio", &heard, &utterance(self.can, formats))
    }

    fn mark_settles(&mut self) -> Verdict {
        let said = self.tell(&LineCommand::Mark(MARK.to_owned()))?;
        if self.can.marks == Marks::None {
            return same("what is said for a mark", &said, &vec![]);
        }
        same("what is said for a mark", &said, &vec![Said::Mark(MARK.to_owned())])?;
        self.line.mark(&Echo::played(MARK.to_owned()), &mut self.said);
        same("what an echo means", &self.hear()?, &vec![LineEvent::MarkEchoed(MARK.to_owned())])
    }

    fn caller_barges_in(&mut self, formats: LineFormats) -> Verdict {
        let mut pending = Vec::new();
        for name in ["a", "b"] {
            self.agent_speaks(formats)?;
            for said in self.tell(&LineCommand::Mark(name.to_owned()))? {
                let Said::Mark(name) = said else { return Err(format!("{said:?} for a mark")) };
                pending.push(name);
            }
        }
        let expected = if self.can.clear == Clear::None { vec![] } else { vec![Said::Clear] };
        same("what is said for a clear", &self.tell(&LineCommand::Clear)?, &expected)?;
        let back = echoes_of_clear(self.can, pending);
        for echo in &back {
            self.line.mark(echo, &mut self.said);
        }
        let settled: Vec<LineEvent> = back.into_iter().map(|echo| LineEvent::MarkEchoed(echo.name)).collect();
        match self.can.marks {
            Marks::Echoed { by_clear: ByClear::Echoes | ByClear::Labels, .. } => {
                holds(settled.len() == 2, "a mark that the clear passed over is lost")?;
            }
            Marks::Echoed { by_clear: ByClear::Drops | ByClear::Unknown, .. } | Marks::None => {}
        }
        same("what the echoes of a clear mean", &self.hear()?, &settled)?;
        self.agent_speaks(formats)
    }

    fn key_is_pressed(&mut self) -> Verdict {
        for key in "0123456789*#".chars() {
            self.line.key(key, &mut self.said);
            let expected = match self.can.keys {
                Keys::Reported => vec![LineEvent::KeyPressed(key)],
                Keys::Unreported => vec![],
            };
            same("what a key means", &self.hear()?, &expected)?;
        }
        Ok(())
    }

    fn caller_hangs_up(&mut self) -> Verdict {
        self.line.stop(&mut self.said);
        let expected = if self.said.is_empty() { vec![] } else { vec![LineEvent::Stopped] };
        same("what a stop means", &self.hear()?, &expected)
    }

    /// Another stream begins on the same socket. If the carrier does not support that, our messages
    /// still go to the first stream.
    fn starts_again(&mut self, formats: LineFormats) -> Verdict {
        let calling = calling(self.fake, 2);
        let mut other = self.fake.line(&calling, &self.fake.stream_id(&calling.id, 2));
        other.start(&BTreeMap::new(), &mut self.said);
        self.hear()?;
        if self.can.second_start == SecondStart::NewStream {
            self.line = other;
        }
        self.agent_speaks(formats).map_err(|problem| format!("after a second start: {problem}"))
    }

    /// Malformed messages are refused and do not harm the stream.
    fn is_flooded(&mut self) -> Verdict {
        let mut whole = Outgoing::default();
        self.line.start(&BTreeMap::new(), &mut whole);
        self.line.media(&voice(), Duration::from_millis(80), &mut whole);
        self.line.key('5', &mut whole);
        self.line.mark(&Echo::played(MARK.to_owned()), &mut whole);
        let mut flood: Vec<String> = ["", " ", "{", "[]", "null", "7", "\"media\"", "{}", "\u{0}", "{\"event\":7}"]
            .map(ToOwned::to_owned)
            .to_vec();
        flood.push("[".repeat(100_000));
        flood.push(format!("{{\"event\":\"media\",\"x\":\"{}\"}}", "y".repeat(200_000)));
        for message in whole.messages() {
            let Incoming::Text(text) = message else { continue };
            let cuts = (0..text.len()).step_by(7).filter(|cut| text.is_char_boundary(*cut));
            flood.extend(cuts.map(|cut| text[..cut].to_owned()));
        }
        let mut reply = Outgoing::default();
        for text in &flood {
            let read = self.wire.read(Incoming::Text(text), &mut reply);
            let shown: String = text.chars().take(60).collect();
            holds(read.is_err(), &format!("`{shown}` is taken for {read:?}"))?;
        }
        if self.can.messages == Messages::Text {
            let read = self.wire.read(Incoming::Binary(&[0; 320]), &mut reply);
            same("what a binary message is", &read, &Err(WireError::Binary))?;
        }
        holds(reply.is_empty(), "the flood is answered")
    }
}

/// Checks how a call of `carrier` reaches the service.
fn announces(carrier: Carrier) -> Verdict {
    let fake = carrier.fake().ok_or("its side of a call is not there to be played")?;
    let calling = calling(fake, 1);
    let entry: Url = format!("http://127.0.0.1:8080{}", fake.usage().entry).parse().map_err(|e| format!("{e}"))?;
    let stream = match fake.documents() {
        Some(documents) => {
            asks(documents, &calling, &entry)?;
            "wss://voice.example.com/stream".parse().map_err(|e| format!("{e}"))?
        }
        None => {
            let asked = carrier.capabilities().handover == Some(Handover::Document);
            let roles = [Role::AsksWhom, Role::StreamEnded];
            holds(
                !asked || roles.into_iter().any(|role| carrier.path(role).is_some()),
                "it hands on by documents that nobody asks for",
            )?;
            match fake.permit(&calling, &entry) {
                Some(asked) => {
                    same("the path of the permit", asked.url.path(), carrier.path(Role::Arrives).unwrap_or_default())?;
                    fake.permitted(&entry, PERMIT)?
                }
                None => fake.stream_at(entry)?,
            }
        }
    };
    let is_a_socket = stream.scheme().starts_with("ws") || stream.scheme() == "tcp" && carrier.packets().is_some();
    holds(is_a_socket, "its stream is no socket")?;
    let upgrade = fake.upgrade(&calling, &stream);
    // It may tell of the call in the query.
    let address = |url: &Url| (url.scheme().to_owned(), url.authority().to_owned(), url.path().to_owned());
    same("the upgrade's address", &address(&upgrade.url), &address(&stream))?;
    let asked: Vec<_> = stream.query_pairs().collect();
    holds(upgrade.url.query_pairs().collect::<Vec<_>>().starts_with(&asked), "the upgrade loses a part of its query")?;
    holds(upgrade.method == Method::Get && upgrade.body.is_none(), "the upgrade is no GET")
}

/// Checks that requests for documents identify the call, in the body or in the query.
fn asks(documents: &dyn Documents, calling: &Calling, entry: &Url) -> Verdict {
    for get in [false, true] {
        let request = documents.request(calling, entry, get, &CarrierEvent::Next);
        holds((request.method == Method::Get) == get, "it is asked in another way than it was told to")?;
        holds(request.body.is_none() == get, "a GET has a body, or a POST none")?;
        let sent = request.body.map_or_else(|| request.url.query().unwrap_or_default().to_owned(), |(_, body)| body);
        for what in [&calling.id, &calling.from, &calling.to] {
            let is_told = url::form_urlencoded::parse(sent.as_bytes()).any(|(_, told)| told == what.as_str());
            holds(is_told, &format!("{what} is missing in {sent}"))?;
        }
    }
    holds(!documents.content_types().is_empty(), "no type of a document is read")?;
    for nonsense in ["", "no document", "<", "{", "<Response><Connect/></Response>"] {
        holds(documents.read(nonsense).is_err(), &format!("`{nonsense}` is taken for a document"))?;
    }
    Ok(())
}

fn calling(fake: &dyn Fake, number: u128) -> Calling {
    Calling {
        id: fake.call_id(number << 64),
        account: "AC00000000000000000000000000000002".to_owned(),
        from: "+15550100001".to_owned(),
        to: "+15550100002".to_owned(),
        answered: false,
        secret: Some(Private::new("a-secret".to_owned())),
        faults: Vec::new(),
        clock: || chrono::DateTime::UNIX_EPOCH,
    }
}

/// 20 ms of audio that differs from its reversal and its inversion.
fn voice() -> Vec<i16> {
    (0..160_i16).map(|n| n * 150 - 9_000).collect()
}

/// The same, again and again, until it fills a message of the carrier.
fn utterance(can: &Capabilities, formats: LineFormats) -> Vec<i16> {
    let least = can.chunk.least.map_or(0, |least| least.samples(formats.says)) as usize;
    voice().into_iter().cycle().take(least.max(160)).collect()
}

fn play(can: &Capabilities, formats: LineFormats) -> LineCommand {
    let mut bytes = Vec::new();
    g711::encode(formats.says.encoding, &utterance(can, formats), &mut bytes);
    LineCommand::Play(Frame::copy_of(&bytes))
}

fn holds(condition: bool, problem: &str) -> Verdict {
    if condition { Ok(()) } else { Err(problem.to_owned()) }
}

fn same<T: PartialEq + std::fmt::Debug + ?Sized>(what: &str, found: &T, expected: &T) -> Verdict {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found:?}, expected {expected:?}")) }
}

/// Compares the number of samples, and each sample within the error of G.711.
fn alike(what: &str, found: &[i16], expected: &[i16]) -> Verdict {
    same(&format!("the length of {what}"), &found.len(), &expected.len())?;
    let near = |(a, b): (&i16, &i16)| (i32::from(*a) - i32::from(*b)).abs() <= i32::from(b.unsigned_abs()) / 20 + 8;
    holds(found.iter().zip(expected).all(near), &format!("{what} sounds otherwise"))
}

/// A permit, as a service gives one.
const PERMIT: &str = "40325ec2-5efd-4bd3-805f-53576e581d13";
/// The name of our mark.
const MARK: &str = "resp_1:240:item \"1\"";
