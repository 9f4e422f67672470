//! A callee: the service calls them over the carrier's API while a caller waits for them in a
//! conference.

use std::time::Duration;

use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::fake::{Calling, CarrierEvent, Documents, Invitation, Verb};
use switchboard_actors::ids::Private;
use tokio::time::sleep;
use url::Url;

use super::handset::Remote;
use super::http::Http;
use super::options::DialOutcome;

/// A call that the service placed over the carrier's API.
#[derive(Debug)]
pub struct Invited {
    /// The carrier whose API was used.
    pub carrier: Carrier,
    /// The form that was posted to the API.
    pub form: String,
    /// The call's id, as the API returned it.
    pub call_sid: String,
    /// The account id, in the carrier's form.
    pub account: String,
    /// Signs the carrier's requests.
    pub auth_token: Option<Private<String>>,
    /// How the callee behaves.
    pub outcome: DialOutcome,
    /// How long the callee speaks with the caller.
    pub speaks: Duration,
    /// The caller, in case the two meet.
    pub caller: Remote,
}

/// The result of a call to a callee.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CalleeReport {
    /// The number that was called.
    pub to: String,
    /// The number shown to the callee.
    pub from: String,
    /// What the callee heard before the two were joined.
    pub announcement: Option<String>,
    /// The conference that the callee joined.
    pub room: Option<String>,
}

/// Rings the callee and plays their side to the end.
///
/// # Errors
/// Returns the first answer of the service that the carrier could not have used.
pub async fn ring_callee(invited: Invited) -> Result<CalleeReport, String> {
    let fake = invited.carrier.fake().ok_or("its carrier is not there to be played")?;
    let documents = fake.documents().ok_or("its carrier asks for no documents")?;
    let Invitation { to, from, document, status } = documents.invitation(&invited.form)?;
    let mut report = CalleeReport { to, from, ..CalleeReport::default() };
    let http = Http::new(fake, None).map_err(|error| error.to_string())?;
    let calling = Calling {
        id: invited.call_sid.clone(),
        account: invited.account.clone(),
        from: report.from.clone(),
        to: report.to.clone(),
        answered: true,
        secret: invited.auth_token.clone(),
        faults: Vec::new(),
        clock: switchboard_actors::clock::wall,
    };
    let way = Way { http, documents, calling };
    sleep(RINGS).await;
    let answers = matches!(invited.outcome, DialOutcome::Answered | DialOutcome::Declined);
    if answers {
        invited.listen(&way, &parse_url(&document)?, &mut report).await?;
    }
    let gone = CarrierEvent::CalleeGone { outcome: invited.outcome.into() };
    let over = way.documents.request(&way.calling, &parse_url(&status)?, false, &gone);
    way.http.tell(&over).await.map_err(|error| error.to_string())?;
    Ok(report)
}

/// How the carrier sends requests on behalf of the callee.
struct Way {
    http: Http,
    documents: &'static dyn Documents,
    calling: Calling,
}

impl Way {
    /// Returns the first verb of the document at `url`, which must be without fault.
    async fn first_verb(&self, url: &Url, event: &CarrierEvent) -> Result<Verb, String> {
        let request = self.documents.request(&self.calling, url, false, event);
        let types = self.documents.content_types();
        let answer = self.http.document(&request, types).await.map_err(|error| error.to_string())?;
        let document =
            self.documents.read(&answer.body).map_err(|problem| format!("read the document of {url}: {problem}"))?;
        if let Some(complaint) = document.complaints.first() {
            return Err(format!("the document of {url}: {}", complaint.text));
        }
        document.verbs.into_iter().next().ok_or_else(|| format!("the document of {url} says nothing"))
    }
}

impl Invited {
    /// Hears what the call is about, accepts or declines it, and speaks with the caller.
    async fn listen(&self, way: &Way, url: &Url, report: &mut CalleeReport) -> Result<(), String> {
        let verb = way.first_verb(url, &CarrierEvent::CalleeAnswered).await?;
        let Verb::Gather { action: Some(action), words } = verb else { return Ok(()) };
        report.announcement = Some(words);
        if self.outcome != DialOutcome::Answered {
            return Ok(());
        }
        let taken = parse_url(&action.url)?;
        if let Verb::Meet { room, .. } = way.first_verb(&taken, &CarrierEvent::CalleePressed { key: '1' }).await? {
            report.room = Some(room);
            sleep(self.speaks).await;
            self.caller.leave();
        }
        Ok(())
    }
}

fn parse_url(text: &str) -> Result<Url, String> {
    text.parse().map_err(|error| format!("{text} is not an absolute address: {error}"))
}

/// Ringing time. Real people take longer; a test gains nothing by waiting for them.
const RINGS: Duration = Duration::from_millis(500);
