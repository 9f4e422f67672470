//! One call from dialling to its end: asks the webhook, obeys its documents, plays its streams.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tokio::time::{Instant, sleep};
use url::Url;
use uuid::Uuid;

use super::caller::{Caller, Goodbye, Heard};
use super::handset::{Handset, Order, Phase};
use super::http::{Http, HttpError, coded, resolve};
use super::options::{PhoneOptions, Target};
use super::playout::samples_in;
use super::stream::{self, Stream, StreamEnd};
use super::summary::{EndedBy, Summary, Transfer, Warning};
use super::twiml::{self, Callback, Document, StreamNoun, Verb};

/// What is left of a call.
#[derive(Debug)]
pub struct CallReport {
    /// What it came to.
    pub summary: Summary,
    /// What the caller heard, 8 kHz, from the first stream's `start`; empty unless asked for.
    pub heard: Vec<i16>,
}

/// Places one call and plays it to its end. What fails is in the report.
pub async fn place_call(options: PhoneOptions, handset: Handset) -> CallReport {
    let fresh = || if options.carrier == switchboard_actors::carrier::twilio::CARRIER { sid("CA") } else { ucid() };
    let call_sid = options.call_sid.clone().unwrap_or_else(fresh);
    let mut call = Call {
        caller: Caller::new(&options),
        summary: Summary { carrier: options.carrier.name(), call_sid, ..Summary::default() },
        handset,
        dialled: Instant::now(),
        origin: None,
        heard: Heard::default(),
        recording: Vec::new(),
        answered: false,
        aftermath: 0,
        told: Vec::new(),
        options,
    };
    match call.run().await {
        Ok(by) if call.summary.failures.is_empty() => call.summary.ended_by = by,
        Ok(_) => call.summary.ended_by = EndedBy::Failure,
        Err(failure) => {
            call.summary.ended_by = EndedBy::Failure;
            call.summary.failures.push(failure);
        }
    }
    call.report().await
}

/// The caller's side of a call.
struct Call {
    options: PhoneOptions,
    caller: Caller,
    summary: Summary,
    handset: Handset,
    dialled: Instant,
    /// The first stream's `start`.
    origin: Option<Instant>,
    heard: Heard,
    recording: Vec<i16>,
    /// The call was taken: something was said, played, connected or dialled.
    answered: bool,
    /// Where in the trail the end begins.
    aftermath: usize,
    /// Status callbacks on their way.
    told: Vec<actix_rt::task::JoinHandle<Result<(), HttpError>>>,
}

/// A `<Dial>` that is to be acted out.
struct Dial {
    /// Where to ask for more when the other has gone.
    action: Option<Callback>,
    /// Who is called.
    targets: Vec<String>,
    /// What whoever answers is told.
    whisper: Option<Callback>,
    /// Who is told that somebody has answered.
    status: Option<Callback>,
}

/// What follows a verb.
enum Next {
    /// The verb after it.
    Verb,
    /// Another document.
    Document(Ask),
    /// Nothing: the call is over.
    Over(EndedBy),
}

/// A document to ask for.
struct Ask {
    url: Url,
    get: bool,
    extra: Vec<(String, String)>,
}

impl Ask {
    /// For a callback of the document at `document`.
    fn new(document: &Url, callback: &Callback, extra: Vec<(String, String)>) -> Result<Self, String> {
        Ok(Self { url: resolve(document, callback)?, get: callback.get, extra })
    }
}

impl Call {
    async fn run(&mut self) -> Result<EndedBy, String> {
        let options = &self.options;
        let http = Http::new(options.carrier, options.auth_token.clone(), options.authorities.as_deref())
            .map_err(|e| e.to_string())?;
        match options.target.clone() {
            Target::Webhook(url) if options.carrier == switchboard_actors::carrier::twilio::CARRIER => {
                self.walk(&http, url).await
            }
            Target::Webhook(url) | Target::Stream(url) => {
                let url = if options.carrier == switchboard_actors::carrier::waybeo::CARRIER {
                    waybeo_stream(url)?
                } else {
                    url
                };
                let noun = StreamNoun { parameters: options.parameters.clone(), ..StreamNoun::default() };
                match self.connect(&http, &url, &noun, None).await? {
                    Next::Over(by) => Ok(by),
                    Next::Verb | Next::Document(_) => Ok(EndedBy::Service),
                }
            }
        }
    }

    /// Asks for documents and obeys them until the call is over.
    async fn walk(&mut self, http: &Http, first: Url) -> Result<EndedBy, String> {
        let mut ask = Ask { url: first, get: false, extra: Vec::new() };
        for _ in 0..MOST_DOCUMENTS {
            let fields = self.fields(&ask.extra);
            let answer = http.document(&ask.url, ask.get, &fields).await.map_err(|error| error.to_string())?;
            let timing = &answer.timing;
            self.note(format!("{} {} {} ({} ms)", timing.method, ask.url.path(), timing.status, timing.took_ms));
            self.summary.http.push(answer.timing);
            let document = twiml::parse(&answer.body)
                .map_err(|problem| format!("read the document of {}: {problem} (Twilio 12100)", ask.url))?;
            match self.obey(http, document, &ask.url).await? {
                Next::Document(next) => ask = next,
                Next::Over(by) => return Ok(by),
                Next::Verb => {
                    self.note("end of the document");
                    return Ok(EndedBy::Service);
                }
            }
        }
        Err(format!(
            "follow the documents of the service: more than {MOST_DOCUMENTS} of them, it goes round in circles"
        ))
    }

    /// Obeys one document. [`Next::Verb`] when it has come to its end.
    async fn obey(&mut self, http: &Http, document: Document, url: &Url) -> Result<Next, String> {
        for warning in document.warnings {
            self.summary.warn(warning);
        }
        for verb in document.verbs {
            let next = match verb {
                Verb::Connect { action, stream } => {
                    self.answered = true;
                    let after = action.map(|action| Ask::new(url, &action, Vec::new())).transpose()?;
                    match stream_url(url, &stream) {
                        Ok(address) => self.connect(http, &address, &stream, after).await?,
                        Err(problem) => {
                            self.summary.failures.push(problem);
                            after.map_or(Next::Verb, Next::Document)
                        }
                    }
                }
                Verb::Dial { action, targets, whisper, status } => {
                    self.answered = true;
                    self.dial(http, url, &Dial { action, targets, whisper, status }).await?
                }
                Verb::Meet { action, room } => {
                    self.answered = true;
                    self.meet(http, url, action.as_ref(), room).await?
                }
                Verb::Gather { .. } => {
                    self.note("Gather (not acted out)");
                    Next::Verb
                }
                Verb::Say(text) => {
                    self.answered = true;
                    self.note(format!("Say “{text}”"));
                    Next::Verb
                }
                Verb::Play(what) => {
                    self.answered = true;
                    self.note(format!("Play {what}"));
                    Next::Verb
                }
                Verb::Pause(length) => {
                    self.note(format!("Pause {} s", length.as_secs()));
                    self.wait(length).await
                }
                Verb::Skipped(name) => {
                    self.note(format!("{name} (not acted out)"));
                    Next::Verb
                }
                Verb::Redirect(to) => {
                    self.note("Redirect");
                    Next::Document(Ask::new(url, &to, Vec::new())?)
                }
                Verb::Hangup => {
                    self.note("Hangup");
                    Next::Over(EndedBy::Service)
                }
                Verb::Reject(reason) => {
                    self.note(format!("Reject ({reason})"));
                    Next::Over(EndedBy::Service)
                }
            };
            if !matches!(next, Next::Verb) {
                return Ok(next);
            }
        }
        Ok(Next::Verb)
    }

    /// Opens a stream and plays it to its end. `after` is what the document says to ask then.
    async fn connect(&mut self, http: &Http, url: &Url, noun: &StreamNoun, after: Option<Ask>) -> Result<Next, String> {
        let id = if self.options.carrier == switchboard_actors::carrier::twilio::CARRIER {
            sid("MZ")
        } else {
            // Its streams have no ids of their own.
            self.summary.call_sid.clone()
        };
        let socket = match http.stream(url).await {
            Ok(socket) => socket,
            Err(error) => {
                // Twilio goes on with the document; only the stream is lost.
                self.note("stream refused");
                self.summary.failures.push(error.to_string());
                self.tell(http, noun, &id, "stream-error", Some(&error.to_string()));
                return Ok(after.map_or(Next::Verb, Next::Document));
            }
        };
        // What stands behind the `?` may be a token.
        self.note(format!("stream {}", url.as_str().split('?').next().unwrap_or_default()));
        self.aftermath = self.summary.trail.len();
        self.summary.stream_sids.push(id.clone());
        self.tell(http, noun, &id, "stream-started", None);
        let outcome = stream::play(
            socket,
            Stream {
                options: &self.options,
                caller: &mut self.caller,
                summary: &mut self.summary,
                handset: &mut self.handset,
                dialled: self.dialled,
                origin: self.origin,
                heard: self.heard,
                id: id.clone(),
                parameters: noun.parameters.clone(),
            },
        )
        .await;
        let origin = *self.origin.get_or_insert(outcome.started);
        self.heard = outcome.heard;
        if self.options.record {
            // Silence stands where no stream was open.
            self.recording.resize(samples_in(outcome.started - origin) as usize, 0);
            self.recording.extend(outcome.recording);
        }
        self.tell(http, noun, &id, "stream-stopped", None);
        if let StreamEnd::Redirected(url) = outcome.end {
            self.note("redirected over the API");
            return Ok(Next::Document(Ask { url, get: false, extra: Vec::new() }));
        }
        Ok(self.after_stream(outcome.end).map_or_else(|| after.map_or(Next::Verb, Next::Document), Next::Over))
    }

    /// Notes how a stream ended. `None` when the document goes on.
    fn after_stream(&mut self, end: StreamEnd) -> Option<EndedBy> {
        let carrier = self.options.carrier;
        let coded = |code| coded(carrier, code);
        match end {
            StreamEnd::HungUp(goodbye) => {
                self.note(match goodbye {
                    Goodbye::Told => "caller hung up",
                    Goodbye::Answered => "caller hung up after the answer",
                    Goodbye::Unanswered => "caller hung up, nobody answered",
                });
                Some(EndedBy::Caller)
            }
            StreamEnd::TooLong => {
                self.note(format!("caller hung up after the longest time, {} s", self.options.longest.as_secs()));
                Some(EndedBy::Caller)
            }
            // It goes on with another document than this one.
            StreamEnd::Redirected(_) => None,
            StreamEnd::Closed { code, reason } => {
                let code_text = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
                let words = if reason.is_empty() { String::new() } else { format!(" {reason}") };
                self.note(format!("stream closed by the service ({code_text}{words})"));
                // 1000 and 1001 are the two ways to part in order.
                if code.is_some_and(|code| !matches!(code, 1000 | 1001)) {
                    let twilios = coded(31921);
                    self.summary
                        .failures
                        .push(format!("hold the stream: the service closed it with {code_text}{words}{twilios}"));
                }
                None
            }
            StreamEnd::Dropped(problem) => {
                self.note("stream lost");
                self.summary.failures.push(format!("hold the stream: {problem}{}", coded(31903)));
                None
            }
            StreamEnd::Violated(problem) => {
                self.note("stream lost");
                self.summary.failures.push(format!("hold the stream: {problem}{}", coded(31924)));
                None
            }
        }
    }

    /// Acts out a `<Dial>`.
    async fn dial(&mut self, http: &Http, url: &Url, dial: &Dial) -> Result<Next, String> {
        use super::options::DialOutcome;
        let outcome = self.options.dial_outcome;
        let leg = sid("CA");
        self.note(format!("Dial {} ({})", dial.targets.join(", "), outcome.status()));
        let transfer = Transfer { to: dial.targets.clone(), outcome: outcome.status(), whispered: None };
        self.summary.transfers.push(transfer);
        if matches!(outcome, DialOutcome::Answered | DialOutcome::Declined) {
            self.pick_up(http, url, dial, &leg).await?;
        }
        let next = self.wait(outcome.takes()).await;
        if !matches!(next, Next::Verb) {
            return Ok(next);
        }
        let Some(action) = &dial.action else { return Ok(Next::Verb) };
        let bridged = matches!(outcome, DialOutcome::Answered);
        let mut extra = vec![
            ("DialCallStatus".to_owned(), outcome.status().to_owned()),
            ("DialCallSid".to_owned(), leg),
            ("DialBridged".to_owned(), bridged.to_string()),
        ];
        if bridged {
            extra.push(("DialCallDuration".to_owned(), outcome.takes().as_secs().to_string()));
        }
        Ok(Next::Document(Ask::new(url, action, extra)?))
    }

    /// Waits in a conference until the other has left it again, or the carrier's API takes the caller out of it.
    async fn meet(&mut self, http: &Http, url: &Url, action: Option<&Callback>, room: String) -> Result<Next, String> {
        self.note(format!("Conference {room}"));
        self.handset.show(|progress| progress.phase = Phase::Waiting);
        let left = self.options.longest.saturating_sub(self.dialled.elapsed());
        let since = self.origin.unwrap_or(self.dialled);
        let left = self.options.hangup_after.map_or(left, |limit| left.min(limit.saturating_sub(since.elapsed())));
        let order = tokio::select! {
            () = sleep(left) => Order::HangUp,
            order = self.handset.told() => order,
        };
        let outcome = if matches!(order, Order::Left) { "answered" } else { "alone" };
        self.summary.transfers.push(Transfer { to: vec![room], outcome, whispered: None });
        match order {
            Order::HangUp => {
                self.note("caller hung up");
                if let Some(action) = action {
                    // The document goes on for nobody, and says so.
                    let mut fields = self.fields(&[("DialCallStatus".to_owned(), "answered".to_owned())]);
                    let status = fields.iter_mut().find(|(name, _)| name == "CallStatus");
                    status.into_iter().for_each(|(_, value)| "completed".clone_into(value));
                    http.tell(&resolve(url, action)?, action.get, &fields).await.map_err(|error| error.to_string())?;
                }
                Ok(Next::Over(EndedBy::Caller))
            }
            Order::Redirect(url) => {
                self.note("redirected over the API");
                Ok(Next::Document(Ask { url, get: false, extra: Vec::new() }))
            }
            Order::Left => {
                let Some(action) = action else { return Ok(Next::Verb) };
                let extra = vec![("DialCallStatus".to_owned(), "answered".to_owned())];
                Ok(Next::Document(Ask::new(url, action, extra)?))
            }
        }
    }

    /// Somebody, or something, answers a dialled leg: it is told what the call is about, and a person presses a key.
    async fn pick_up(&mut self, http: &Http, url: &Url, dial: &Dial, leg: &str) -> Result<(), String> {
        let fields = |extra: &[(&str, &str)]| {
            let own = [
                ("CallSid", leg),
                ("ParentCallSid", self.summary.call_sid.as_str()),
                ("AccountSid", &self.options.account_sid),
                ("CallStatus", "in-progress"),
                ("Direction", "outbound-dial"),
            ];
            own.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        if let Some(status) = &dial.status {
            http.tell(&resolve(url, status)?, status.get, &fields(&[])).await.map_err(|error| error.to_string())?;
        }
        let Some(whisper) = &dial.whisper else { return Ok(()) };
        let at = resolve(url, whisper)?;
        let answer = http.document(&at, whisper.get, &fields(&[])).await.map_err(|error| error.to_string())?;
        let document = twiml::parse(&answer.body).map_err(|problem| format!("read the document of {at}: {problem}"))?;
        let gather = document.verbs.into_iter().find(|verb| matches!(verb, Verb::Gather { .. }));
        let Some(Verb::Gather { action, words }) = gather else { return Ok(()) };
        let takes = matches!(self.options.dial_outcome, super::options::DialOutcome::Answered);
        if let Some(action) = action.filter(|_| takes) {
            let taken = fields(&[("Digits", "1")]);
            http.document(&resolve(&at, &action)?, action.get, &taken).await.map_err(|error| error.to_string())?;
        }
        if let Some(transfer) = self.summary.transfers.last_mut() {
            transfer.whispered = Some(words);
        }
        Ok(())
    }

    /// Waits as a document says, but not past the time to hang up.
    async fn wait(&mut self, length: Duration) -> Next {
        self.handset.show(|progress| progress.phase = Phase::Waiting);
        let since = self.origin.unwrap_or(self.dialled);
        let left = self.options.longest.saturating_sub(self.dialled.elapsed());
        let left = self.options.hangup_after.map_or(left, |limit| left.min(limit.saturating_sub(since.elapsed())));
        let told = tokio::select! {
            () = sleep(length.min(left)) => false,
            order = self.handset.told() => match order {
                Order::HangUp => true,
                Order::Redirect(url) => {
                    self.note("redirected over the API");
                    return Next::Document(Ask { url, get: false, extra: Vec::new() });
                }
                // Of a conference that the caller is not in any more.
                Order::Left => false,
            },
        };
        if told || left <= length {
            self.note("caller hung up");
            return Next::Over(EndedBy::Caller);
        }
        Next::Verb
    }

    /// Tells the stream's status callback, without waiting for it.
    fn tell(&mut self, http: &Http, noun: &StreamNoun, id: &str, event: &str, error: Option<&str>) {
        let Some(callback) = &noun.status else { return };
        let Ok(url) = callback.url.parse::<Url>() else {
            self.summary
                .warn(Warning::new(11100, format!("statusCallback `{}` is not an absolute address", callback.url)));
            return;
        };
        let mut fields = vec![
            ("AccountSid", self.options.account_sid.clone()),
            ("CallSid", self.summary.call_sid.clone()),
            ("StreamSid", id.to_owned()),
            ("StreamName", noun.name.clone().unwrap_or_else(|| id.to_owned())),
            ("StreamEvent", event.to_owned()),
            ("Timestamp", chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
        ];
        fields.extend(error.map(|error| ("StreamError", error.to_owned())));
        let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (http, get) = (http.clone(), callback.get);
        self.told.push(actix_rt::spawn(async move { http.tell(&url, get, &fields).await }));
    }

    /// The fields of every webhook (<https://www.twilio.com/docs/voice/twiml#request-parameters>).
    fn fields(&self, extra: &[(String, String)]) -> Vec<(String, String)> {
        let options = &self.options;
        let fields = [
            ("CallSid", self.summary.call_sid.as_str()),
            ("AccountSid", &options.account_sid),
            ("From", &options.from),
            ("To", &options.to),
            ("Caller", &options.from),
            ("Called", &options.to),
            ("CallStatus", if self.answered { "in-progress" } else { "ringing" }),
            ("ApiVersion", "2010-04-01"),
            ("Direction", "inbound"),
            ("FromCountry", "US"),
            // Unknown ones come empty, and are signed all the same.
            ("FromCity", ""),
        ];
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        fields.chain(extra.iter().cloned()).collect()
    }

    fn note(&mut self, step: impl Into<String>) {
        self.summary.trail.push(step.into());
    }

    async fn report(mut self) -> CallReport {
        for told in std::mem::take(&mut self.told) {
            // A callback that failed is a line in Twilio's debugger and nothing more.
            if let Ok(Err(error)) = told.await {
                self.summary.warn(Warning::new(11200, format!("stream status callback: {error}")));
            }
        }
        let summary = &mut self.summary;
        summary.duration_ms = self.dialled.elapsed().as_millis() as u64;
        summary.time_to_first_sound_ms = self.heard.first.map(|at| at.as_millis() as u64);
        if let Some((from, until)) = self.caller.spoke() {
            summary.spoke_from_ms = Some(from.as_millis() as u64);
            summary.spoke_until_ms = until.map(|until| until.as_millis() as u64);
        }
        summary.ended_how = match &summary.trail[self.aftermath.min(summary.trail.len())..] {
            [] => summary.trail.last().cloned().unwrap_or_else(|| "the call never began".into()),
            steps => steps.join(" → "),
        };
        let warnings = summary.warnings.iter().map(|warning| warning.count).sum();
        self.handset.show(|progress| {
            progress.phase = Phase::Over;
            progress.elapsed = self.dialled.elapsed();
            progress.caller_level = 0.0;
            progress.agent_level = 0.0;
            progress.warnings = warnings;
        });
        CallReport { summary: self.summary, heard: self.recording }
    }
}

/// The address of a `<Stream>`, by Twilio's rules.
fn stream_url(document: &Url, noun: &StreamNoun) -> Result<Url, String> {
    let failed = |problem: &str, code| format!("open the stream {}: {problem} (Twilio {code})", noun.url);
    let mut url = document.join(&noun.url).map_err(|error| failed(&error.to_string(), 31923))?;
    if noun.url.is_empty() {
        return Err(failed("no `url`", 31923));
    }
    // A relative address takes over the document's scheme.
    let socket = match url.scheme() {
        "https" => Some("wss"),
        "http" => Some("ws"),
        _ => None,
    };
    if let Some(socket) = socket.filter(|_| !noun.url.contains("://")) {
        url.set_scheme(socket).map_err(|()| failed("not a socket's address", 31922))?;
    }
    match url.scheme() {
        "wss" => {}
        "ws" if is_loopback(&url) => {}
        "ws" => return Err(failed("ws:// goes to this machine only, expected wss://", 31922)),
        _ => return Err(failed("expected wss://", 31922)),
    }
    if url.query().is_some() {
        return Err(failed("it has a query string; use <Parameter>", 31920));
    }
    if noun.track.as_deref().is_some_and(|track| track != "inbound_track") {
        return Err(failed("<Connect> takes the inbound track only", 31941));
    }
    Ok(url)
}

/// Documents of one call. More: a service that redirects to itself is followed for ever.
const MOST_DOCUMENTS: usize = 25;

/// A fresh id: two letters and 32 hexadecimal digits.
fn sid(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}

/// A fresh id as Waybeo's bridge makes them: 21 characters, of which any may be a hyphen, the first one too.
fn ucid() -> String {
    let mut id = BASE64_URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes());
    id.truncate(20);
    format!("-{id}")
}

/// Where the service's stream is, told by its own address or as a whole.
fn waybeo_stream(mut url: Url) -> Result<Url, String> {
    let socket = match url.scheme() {
        "https" => "wss",
        "http" => "ws",
        _ => return Ok(url),
    };
    let path = format!("{}/waybeo/ws", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_scheme(socket).map_err(|()| format!("open the stream {url}: not a socket's address"))?;
    Ok(url)
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str, track: Option<&str>) -> Result<String, String> {
        let document = "http://127.0.0.1:8080/twilio/voice".parse().expect("an address");
        let noun = StreamNoun { url: url.into(), track: track.map(ToOwned::to_owned), ..StreamNoun::default() };
        stream_url(&document, &noun).map(String::from)
    }

    #[test]
    fn a_stream_goes_to_wss_or_to_this_machine() {
        assert_eq!(open("wss://voice.example.com/ws", None).as_deref(), Ok("wss://voice.example.com/ws"));
        assert_eq!(open("ws://127.0.0.1:9/ws", Some("inbound_track")).as_deref(), Ok("ws://127.0.0.1:9/ws"));
        assert_eq!(open("/ws", None).as_deref(), Ok("ws://127.0.0.1:8080/ws"));
    }

    #[test]
    fn a_stream_twilio_would_not_open_is_refused_with_its_code() {
        for (url, track, code) in [
            ("ws://voice.example.com/ws", None, "31922"),
            ("https://voice.example.com/ws", None, "31922"),
            ("wss://voice.example.com/ws?token=1", None, "31920"),
            ("wss://voice.example.com/ws", Some("both_tracks"), "31941"),
            ("wss://", None, "31923"),
            ("", None, "31923"),
        ] {
            let problem = open(url, track).expect_err(url);
            assert!(problem.contains(code), "{url}: {problem}");
        }
    }

    #[test]
    fn waybeos_stream_is_found_from_the_services_address() {
        let found = |url: &str| waybeo_stream(url.parse().expect("an address")).map(String::from);
        assert_eq!(found("http://127.0.0.1:9/?token=t").as_deref(), Ok("ws://127.0.0.1:9/waybeo/ws?token=t"));
        assert_eq!(found("wss://v.example.com/x?token=t").as_deref(), Ok("wss://v.example.com/x?token=t"));
        assert_eq!(ucid().len(), 21);
    }

    #[test]
    fn ids_look_like_twilios() {
        let id = sid("CA");
        assert!(id.len() == 34 && id.starts_with("CA") && id[2..].bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(sid("CA"), id);
    }
}
