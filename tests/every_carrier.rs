//! One script over every carrier, against the whole service: strangers, odd streams, lines that
//! vanish, and numbers in every spelling. Each carrier is played by its strict simulation.

mod common;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::ws::{Codec, Message};
use awc::BoxedSocket;
use common::{PATIENCE, Running, start_with, transcripts};
use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use switchboard_actors::carrier::fake::{Calling, CarrierEvent, Fake, Line, Method, Part, Request, StreamNoun, Verb};
use switchboard_actors::carrier::settings::Term;
use switchboard_actors::carrier::webhook_api::Role;
use switchboard_actors::carrier::{Carrier, Incoming, Outgoing};
use switchboard_actors::clock;
use switchboard_actors::ids::Private;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use url::Url;

/// What signs the carriers' requests, or stands in their addresses.
const SECRET: &str = "a-secret-of-some-length-0123456789";
/// The account that a carrier's requests name.
const ACCOUNT: &str = "api-secret";
/// How one caller's number may come, and whether it is theirs.
const SPELLINGS: [(&str, bool); 6] = [
    ("+919820012345", true),
    ("919820012345", true),
    ("09820012345", true),
    ("sip:+919820012345@pbx.example.com", true),
    ("anonymous", false),
    ("+919820012346", false),
];

#[actix_rt::test]
async fn strangers_get_no_place_no_record_and_no_model() {
    for carrier in Carrier::all() {
        let model = TcpListener::bind("127.0.0.1:0").expect("a free port");
        model.set_nonblocking(true).expect("settable");
        let url = format!("ws://{}/v1/realtime", model.local_addr().expect("bound"));
        let stage = Stage::with(carrier, &[("realtime.url", &url)]).await;
        let knocks = (0..30).map(|number| stage.stranger(number));
        let refused = timeout(3 * PATIENCE, join_all(knocks)).await.expect("every stranger is sent away");
        assert!(refused.iter().all(|refused| *refused), "{carrier:?}: {refused:?}");
        for route in carrier.routes().iter().filter(|route| route.role != Role::Stream) {
            let status = common::post(&stage.service.public(route.path), "CallSid=x", None).await.status;
            assert!(matches!(status, 403 | 405), "{carrier:?} {}: {status}", route.path);
        }
        assert!(stage.service.calls().await.is_empty(), "{carrier:?}");
        let connected = model.accept();
        assert!(connected.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "{carrier:?}: a model is dialled");
        assert!(transcripts(stage.service.records.path(), "").is_empty(), "{carrier:?}");
        stage.service.stop().await;
    }
}

#[actix_rt::test]
async fn an_odd_stream_that_vanishes_leaves_one_right_record() {
    for carrier in Carrier::all() {
        let stage = Stage::of(carrier).await;
        let calling = stage.calling(1, "+919820012345");
        let mut line = stage.ring(&calling).await;
        line.starts().await;
        line.hears().await;
        // The same start again, and packets that come twice or in another order.
        line.starts().await;
        let packets = line.packets(12);
        for at in [0, 1, 1, 3, 2, 2, 5, 4, 4, 4, 8, 7, 6, 9, 11, 10, 0] {
            line.say(&packets[at]).await;
        }
        stage.until_calls(1).await;
        let call = &stage.service.calls().await[0];
        assert_eq!(call["carrier_call_id"], calling.id, "{carrier:?}");
        drop(line);
        stage.until_calls(0).await;
        let record = stage.record(&calling.id).await;
        // The end of a connection of packets says that the caller has hung up.
        let reason = if carrier.packets().is_some() { "caller_hung_up" } else { "line_lost" };
        assert_eq!(record["ending"]["reason"], reason, "{carrier:?}");
        assert_eq!((&record["carrier"], &record["ucid"]), (&carrier.name().into(), &calling.id.clone().into()));
        assert_eq!((&record["from"], &record["to"]), (&calling.from.clone().into(), &calling.to.clone().into()));
        stage.service.stop().await;
    }
}

#[actix_rt::test]
async fn a_number_is_kept_as_it_came_and_compared_in_one_form() {
    for carrier in Carrier::all() {
        let stage = Stage::of(carrier).await;
        for (number, (spelling, theirs)) in (2..).zip(SPELLINGS) {
            let calling = stage.calling(number, spelling);
            let mut line = stage.ring(&calling).await;
            line.starts().await;
            line.hears().await;
            line.stops().await;
            drop(line);
            let record = stage.record(&calling.id).await;
            assert_eq!(record["from"], spelling, "{carrier:?}");
            let agent = if theirs { "known" } else { "default" };
            assert_eq!(record["agent"], agent, "{carrier:?}: {spelling}");
        }
        stage.service.stop().await;
    }
}

/// A service for one carrier, and the carrier's side.
struct Stage {
    service: Running,
    fake: &'static dyn Fake,
}

impl Stage {
    async fn of(carrier: Carrier) -> Self {
        Self::with(carrier, &[]).await
    }

    async fn with(carrier: Carrier, more: &[(&str, &str)]) -> Self {
        let fake = carrier.fake().expect("its side of a call");
        let setup = fake.setup(Part::Played { secret: Some(SECRET) });
        let mut secrets: BTreeMap<&str, String> = setup.secrets.into_iter().collect();
        for secret in carrier.secrets().iter().filter(|secret| secret.own) {
            secrets.entry(secret.name).or_insert_with(|| SECRET.to_owned());
        }
        let lost_socket = carrier.settings().iter().any(|it| it.term == Some(Term::LostSocket));
        let lost_socket = format!("{}.lost_socket", if lost_socket { carrier.name() } else { "twilio" });
        let mut settings: BTreeMap<&str, String> = BTreeMap::from([
            ("twilio.verify", "off".to_owned()),
            ("numbers.country", "IN".to_owned()),
            ("agents.known.instructions", "You know the caller.".to_owned()),
            ("agents.known.languages", r#"["en"]"#.to_owned()),
            ("routes", r#"[{ from = "+919820012345", agent = "known" }]"#.to_owned()),
            ("limits.start_timeout", "1s".to_owned()),
            ("limits.goodbye", "1s".to_owned()),
            (lost_socket.as_str(), "300ms".to_owned()),
        ]);
        settings.extend(setup.settings);
        let secrets: Vec<(&str, &str)> = secrets.iter().map(|(name, secret)| (*name, secret.as_str())).collect();
        let mut settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        settings.extend_from_slice(more);
        Self { service: start_with(&secrets, &settings).await, fake }
    }

    fn carrier(&self) -> Carrier {
        self.fake.carrier()
    }

    fn calling(&self, number: u128, from: &str) -> Calling {
        Calling {
            id: self.fake.call_id(number << 64 | number),
            account: ACCOUNT.to_owned(),
            from: from.to_owned(),
            to: "+912250000000".to_owned(),
            answered: false,
            secret: Some(Private::new(SECRET.to_owned())),
            faults: Vec::new(),
            clock: clock::wall,
        }
    }

    /// The service's address, with that of its other listener behind a `#`.
    fn entry(&self) -> Url {
        let mut url: Url = self.service.public(self.fake.usage().entry).parse().expect("a URL");
        let other = self.service.service.packet_addr(self.carrier()).map(|address| address.to_string());
        url.set_fragment(other.as_deref());
        url
    }

    /// Announces a call as its carrier does, and opens its stream.
    async fn ring(&self, calling: &Calling) -> Open {
        let (stream, noun) = match (self.fake.documents(), self.fake.permit(calling, &self.entry())) {
            (Some(documents), _) => {
                let asked = documents.request(calling, &self.entry(), false, &CarrierEvent::Next);
                let document = documents.read(&send(&asked).await).expect("a document");
                let Some(Verb::Connect { stream, .. }) = document.verbs.into_iter().next() else { panic!("no stream") };
                (documents.stream_address(&self.entry(), &stream).expect("an address"), stream)
            }
            (None, Some(asked)) => {
                let permit = send(&asked).await;
                (self.fake.permitted(&self.entry(), &permit).expect("a permit"), StreamNoun::default())
            }
            (None, None) => (self.known(SECRET), StreamNoun::default()),
        };
        self.open(calling, &stream, noun).await.unwrap_or_else(|error| panic!("{:?}: {error}", self.carrier()))
    }

    /// The stream's address for a carrier that was told it, with this token.
    fn known(&self, token: &str) -> Url {
        let mut at = self.fake.stream_at(self.entry()).expect("a stream's address");
        at.query_pairs_mut().append_pair("token", token);
        at
    }

    async fn open(&self, calling: &Calling, stream: &Url, noun: StreamNoun) -> Result<Open, String> {
        let socket = if self.carrier().packets().is_some() {
            let at = (stream.host_str().expect("a host").to_owned(), stream.port().expect("a port"));
            Socket::Packets(TcpStream::connect(at).await.map_err(|error| error.to_string())?)
        } else {
            let request = self.fake.opens(calling, stream, &noun);
            let mut client = awc::Client::new().ws(request.url.as_str());
            for (name, value) in request.headers {
                client = match name {
                    "sec-websocket-protocol" => client.protocols([value]),
                    _ => client.set_header(name, value),
                };
            }
            Socket::Web(client.connect().await.map_err(|error| error.to_string())?.1)
        };
        let id = match self.carrier().packets() {
            Some(_) => stream.path().trim_start_matches('/').to_owned(),
            None => self.fake.stream_id(&calling.id, calling.id.len() as u128),
        };
        Ok(Open { socket, line: self.fake.line(calling, &id), noun, at: Duration::ZERO })
    }

    /// Whether a stranger who guesses what a carrier shows is sent away, at the door or at the start.
    async fn stranger(&self, number: u128) -> bool {
        let guessed = "0123456789abcdef0123456789abcdef";
        let calling =
            Calling { secret: Some(Private::new("guessed".to_owned())), ..self.calling(number, "+15550100009") };
        let mut noun = StreamNoun { bearer: Some(guessed.to_owned()), ..StreamNoun::default() };
        noun.parameters.insert("token".to_owned(), guessed.to_owned());
        let stream = if self.carrier().packets().is_some() {
            let permit = format!("{:08x}-0000-4000-8000-000000000000", number + 1);
            self.fake.permitted(&self.entry(), &permit).expect("an address")
        } else if self.fake.documents().is_some() {
            let path = self.carrier().path(Role::Stream).expect("a path");
            let socket = self.service.public(path).replacen("http", "ws", 1);
            format!("{socket}?token={guessed}").parse().expect("a URL")
        } else {
            self.known(guessed)
        };
        let Ok(mut open) = self.open(&calling, &stream, noun).await else { return true };
        open.starts().await;
        open.is_closed().await
    }

    async fn until_calls(&self, many: usize) {
        let waiting = async {
            while self.service.calls().await.len() != many {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{:?}: never {many} calls", self.carrier()));
    }

    /// The one record of a call.
    async fn record(&self, call: &str) -> Value {
        let found = || {
            let mut found = transcripts(self.service.records.path(), "");
            found.retain(|record| record["ucid"] == call);
            found
        };
        let waiting = async {
            while found().is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{:?}: no record", self.carrier()));
        assert_eq!(found().len(), 1, "{:?}: one record of {call}", self.carrier());
        found().remove(0)
    }
}

/// A carrier's end of an open stream.
struct Open {
    socket: Socket,
    line: Box<dyn Line>,
    noun: StreamNoun,
    at: Duration,
}

enum Socket {
    Web(Framed<BoxedSocket, Codec>),
    Packets(TcpStream),
}

impl Open {
    async fn starts(&mut self) {
        let mut out = Outgoing::default();
        self.line.start(&self.noun.parameters, &mut out);
        self.say(&messages(&out)).await;
    }

    async fn stops(&mut self) {
        let mut out = Outgoing::default();
        self.line.stop(&mut out);
        self.say(&messages(&out)).await;
    }

    /// The caller's next packets of audio, not sent yet.
    fn packets(&mut self, many: usize) -> Vec<Vec<Message>> {
        let voice: Vec<i16> = common::voice(180.0, 20);
        let packet = |_| {
            self.at += Duration::from_millis(20);
            let mut out = Outgoing::default();
            self.line.media(&voice, self.at, &mut out);
            messages(&out)
        };
        (0..many).map(packet).collect()
    }

    async fn say(&mut self, messages: &[Message]) {
        for message in messages {
            // A test notices a closed stream by reading.
            match (&mut self.socket, message) {
                (Socket::Web(socket), message) => drop(socket.send(copy(message)).await),
                (Socket::Packets(connection), Message::Binary(bytes)) => drop(connection.write_all(bytes).await),
                (Socket::Packets(_), other) => panic!("{other:?} on a connection of packets"),
            }
        }
    }

    /// Waits for something from the service.
    async fn hears(&mut self) {
        let hearing = async {
            match &mut self.socket {
                Socket::Web(socket) => socket.next().await.is_some_and(|frame| frame.is_ok()),
                Socket::Packets(connection) => connection.read_u8().await.is_ok(),
            }
        };
        assert!(timeout(PATIENCE, hearing).await.expect("in time"), "the stream is closed");
    }

    /// Whether the service closes the stream without a word of audio.
    async fn is_closed(&mut self) -> bool {
        let closed = async {
            match &mut self.socket {
                Socket::Web(socket) => {
                    use actix_http::ws::Frame;
                    loop {
                        match socket.next().await {
                            None | Some(Err(_) | Ok(Frame::Close(_))) => return true,
                            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                            Some(Ok(_)) => return false,
                        }
                    }
                }
                // The end may be a packet of its own.
                Socket::Packets(connection) => {
                    let mut bytes = Vec::new();
                    let _ = connection.read_to_end(&mut bytes).await;
                    bytes.len() <= 3
                }
            }
        };
        timeout(PATIENCE, closed).await.unwrap_or(false)
    }
}

fn messages(out: &Outgoing) -> Vec<Message> {
    let message = |message: Incoming<'_>| match message {
        Incoming::Text(text) => Message::Text(text.to_owned().into()),
        Incoming::Binary(bytes) => Message::Binary(bytes.to_vec().into()),
    };
    out.messages().map(message).collect()
}

fn copy(message: &Message) -> Message {
    match message {
        Message::Text(text) => Message::Text(text.clone()),
        Message::Binary(bytes) => Message::Binary(bytes.clone()),
        Message::Continuation(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Nop => {
            panic!("{message:?} is no message of a carrier")
        }
    }
}

/// Sends a carrier's request and returns the body of its answer.
async fn send(request: &Request) -> String {
    let client = awc::Client::new();
    let mut sending = match request.method {
        Method::Get => client.get(request.url.as_str()),
        Method::Post => client.post(request.url.as_str()),
    };
    for (name, value) in &request.headers {
        sending = sending.insert_header((*name, value.as_str()));
    }
    let (kind, body) = request.body.clone().unwrap_or_default();
    let mut answer = sending.content_type(kind).send_body(body).await.expect("an answer");
    let text = String::from_utf8(answer.body().await.expect("a body").to_vec()).expect("text");
    assert!(answer.status().is_success(), "{}: {text}", answer.status());
    text
}
