//! One call from dialling to its end: requests the webhook, obeys its documents and plays its
//! streams.

mod connect;
mod obey;
mod transfer;

use std::time::Duration;

use switchboard_actors::carrier::fake::{Callback, Calling, CarrierEvent, Documents, Fake, StreamNoun, Violation};
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::caller::{Caller, Heard};
use super::handset::{Handset, Phase};
use super::http::{Http, HttpError, resolve};
use super::options::{PhoneOptions, Target};
use super::summary::{EndedBy, Summary};

/// Result of one call.
#[derive(Debug)]
pub struct CallReport {
    /// Summary of the call.
    pub summary: Summary,
    /// What the caller heard, 8 kHz, from the first stream's `start`. Empty unless recording was
    /// requested.
    pub heard: Vec<i16>,
}

/// Places one call and plays it to its end. Failures are in the report.
pub async fn place_call(options: PhoneOptions, handset: Handset) -> CallReport {
    let carrier = options.carrier.name();
    let Some(fake) = options.carrier.fake() else {
        let failures = vec![format!("play {carrier}: its side of a call is not there to be played")];
        return CallReport { summary: Summary { carrier, failures, ..Summary::default() }, heard: Vec::new() };
    };
    let calling = Calling {
        id: options.call_sid.clone().unwrap_or_else(|| fake.call_id(random())),
        account: options.account.clone().unwrap_or_else(|| fake.usage().account.to_owned()),
        from: options.from.clone(),
        to: options.to.clone(),
        answered: false,
        secret: options.auth_token.clone(),
        faults: options.faults.clone(),
        clock: switchboard_actors::clock::wall,
    };
    let mut call = Call {
        caller: Caller::new(&options),
        summary: Summary { carrier, call_sid: calling.id.clone(), ..Summary::default() },
        handset,
        dialled: Instant::now(),
        origin: None,
        heard: Heard::default(),
        recording: Vec::new(),
        fake,
        calling,
        aftermath: 0,
        reports: Vec::new(),
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
    /// When the first stream's `start` was sent.
    origin: Option<Instant>,
    heard: Heard,
    recording: Vec<i16>,
    /// The carrier that this phone plays.
    fake: &'static dyn Fake,
    /// The call as the carrier sees it.
    calling: Calling,
    /// Index of the first trail entry that belongs to the end of the call.
    aftermath: usize,
    /// Status callbacks that are being sent.
    reports: Vec<actix_rt::task::JoinHandle<Result<(), HttpError>>>,
}

/// How a carrier requests its documents.
#[derive(Clone, Copy)]
struct Way<'a> {
    http: &'a Http,
    documents: &'static dyn Documents,
}

/// What follows after a verb.
enum Next {
    /// The next verb of the same document.
    Verb,
    /// Another document.
    Document(Ask),
    /// The call is over.
    Over(EndedBy),
}

/// A request for a document.
struct Ask {
    url: Url,
    get: bool,
    event: CarrierEvent,
}

impl Ask {
    /// Requests the next document of the call.
    const fn next(url: Url) -> Self {
        Self { url, get: false, event: CarrierEvent::Next }
    }

    /// Requests a callback named by the document at `document`.
    fn back(way: Way<'_>, document: &Url, callback: &Callback, event: CarrierEvent) -> Result<Self, String> {
        Ok(Self { url: resolve(way.http.fake(), document, callback)?, get: callback.get, event })
    }
}

impl Call {
    async fn run(&mut self) -> Result<EndedBy, String> {
        let http = Http::new(self.fake, self.options.authorities.as_deref()).map_err(|error| error.to_string())?;
        let url = match (self.options.target.clone(), self.fake.documents()) {
            (Target::Webhook(url), Some(documents)) => {
                let way = Way { http: &http, documents };
                let ended = self.walk(way, url.clone()).await?;
                self.tell_over(way, &url).await;
                return Ok(ended);
            }
            (Target::Webhook(url) | Target::Stream(url), _) => self.direct(&http, url).await?,
        };
        let noun = StreamNoun { parameters: self.options.parameters.clone(), ..StreamNoun::default() };
        match self.connect(&http, &url, &noun, None).await? {
            Next::Over(by) => Ok(by),
            Next::Verb | Next::Document(_) => Ok(EndedBy::Service),
        }
    }

    /// Returns the address of a stream that is opened directly, after the request for a permit if the
    /// carrier needs one.
    async fn direct(&mut self, http: &Http, at: Url) -> Result<Url, String> {
        let Some(request) = self.fake.permit(&self.calling, &at) else { return self.fake.stream_at(at) };
        let answer = http.document(&request, &["text/plain"]).await.map_err(|error| error.to_string())?;
        self.summary.http.push(answer.timing);
        self.fake.permitted(&at, &answer.body)
    }

    /// Requests documents and obeys them until the call is over.
    async fn walk(&mut self, way: Way<'_>, first: Url) -> Result<EndedBy, String> {
        let mut ask = Ask::next(first);
        for _ in 0..MOST_DOCUMENTS {
            let request = way.documents.request(&self.calling, &ask.url, ask.get, &ask.event);
            let types = way.documents.content_types();
            let answer = way.http.document(&request, types).await.map_err(|error| error.to_string())?;
            let timing = &answer.timing;
            self.note(format!("{} {} {} ({} ms)", timing.method, ask.url.path(), timing.status, timing.took_ms));
            self.summary.http.push(answer.timing);
            let document = way.documents.read(&answer.body).map_err(|problem| {
                format!("read the document of {}: {problem}{}", ask.url, self.fake.coded(Violation::BadDocument))
            })?;
            match self.obey(way, document, &ask.url).await? {
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

    /// Tells the service that the call is over, if the carrier does. `entry` is where the call came
    /// in.
    async fn tell_over(&mut self, way: Way<'_>, entry: &Url) {
        let Some(mut url) = self.fake.usage().over.and_then(|path| entry.join(path).ok()) else { return };
        url.set_query(None);
        let request = way.documents.request(&self.calling, &url, false, &CarrierEvent::Over);
        if let Err(error) = way.http.tell(&request).await {
            self.complain(Violation::Refused, format!("status callback: {error}"));
        }
    }

    fn note(&mut self, step: impl Into<String>) {
        self.summary.trail.push(step.into());
    }

    fn complain(&mut self, violation: Violation, text: impl Into<String>) {
        self.summary.warn(self.fake.complaint(violation, text).into());
    }

    /// Time until the call reaches its maximum length.
    fn left(&self) -> Duration {
        let left = self.options.longest.saturating_sub(self.dialled.elapsed());
        let since = self.origin.unwrap_or(self.dialled);
        self.options.hangup_after.map_or(left, |limit| left.min(limit.saturating_sub(since.elapsed())))
    }

    async fn report(mut self) -> CallReport {
        for reports in std::mem::take(&mut self.reports) {
            // A failed callback only adds a line to the carrier's debugger.
            if let Ok(Err(error)) = reports.await {
                self.complain(Violation::Refused, format!("stream status callback: {error}"));
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

/// A random value that makes an id unique.
pub(super) fn random() -> u128 {
    Uuid::new_v4().as_u128()
}

/// Maximum number of documents in one call. Without this bound, a service that redirects to itself
/// would be followed forever.
const MOST_DOCUMENTS: usize = 25;
