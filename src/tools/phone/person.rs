//! A person whom the service calls over the carrier's API while a caller waits for them in a conference.

use std::time::Duration;

use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::fake::{Calling, Documents, Invitation, Told, Verb};
use switchboard_actors::ids::Private;
use tokio::time::sleep;
use url::Url;

use super::handset::Remote;
use super::http::Http;
use super::options::DialOutcome;

/// A call that the service has begun over the carrier's API.
#[derive(Debug)]
pub struct Invited {
    /// Whose API was asked.
    pub carrier: Carrier,
    /// What it was asked.
    pub form: String,
    /// The call's id, as the API has answered it.
    pub call_sid: String,
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// Signs what the carrier asks.
    pub auth_token: Option<Private<String>>,
    /// What the person does.
    pub outcome: DialOutcome,
    /// How long they speak with the caller.
    pub speaks: Duration,
    /// The caller, should the two meet.
    pub caller: Remote,
}

/// What became of a person who was called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonReport {
    /// Who was called.
    pub to: String,
    /// The number they saw.
    pub from: String,
    /// What they were told.
    pub told: Option<String>,
    /// The conference that they came into.
    pub room: Option<String>,
}

/// Rings, and plays the person to the end of their line.
///
/// # Errors
/// Rings, and plays the person to the end of their line.
///
/// # Errors
/// What of the service's answers the carrier could not have used.
pub async fn ring_person(invited: Invited) -> Result<PersonReport, String> {
    let fake = invited.carrier.fake().ok_or("its carrier is not there to be played")?;
    let documents = fake.documents().ok_or("its carrier asks for no documents")?;
    let Invitation { to, from, document, status } = documents.invitation(&invited.form)?;
    let mut report = PersonReport { to, from, ..PersonReport::default() };
    let http = Http::new(fake, None).map_err(|error| error.to_string())?;
    let calling = Calling {
        id: invited.call_sid.clone(),
        account: invited.account_sid.clone(),
        from: report.from.clone(),
        to: report.to.clone(),
        answered: true,
        secret: invited.auth_token.clone(),
        faults: Vec::new(),
    };
    let way = Way { http, documents, calling };
    sleep(RINGS).await;
    let answers = matches!(invited.outcome, DialOutcome::Answered | DialOutcome::Declined);
    if answers {
        invited.listen(&way, &parse_url(&document)?, &mut report).await?;
    }
    let gone = Told::PersonGone { outcome: invited.outcome.into() };
    let over = way.documents.request(&way.calling, &parse_url(&status)?, false, &gone);
    way.http.tell(&over).await.map_err(|error| error.to_string())?;
    Ok(report)
}

/// How the carrier asks on behalf of the person.
struct Way {
    http: Http,
    documents: &'static dyn Documents,
    calling: Calling,
}

impl Way {
    /// The first verb of the document at `url`, which has to be without fault.
    async fn first_verb(&self, url: &Url, told: &Told) -> Result<Verb, String> {
        let request = self.documents.request(&self.calling, url, false, told);
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
    /// Hears what the call is about, takes it or not, and speaks with the caller.
    async fn listen(&self, way: &Way, url: &Url, report: &mut PersonReport) -> Result<(), String> {
        let verb = way.first_verb(url, &Told::PersonAnswered).await?;
        let Verb::Gather { action: Some(action), words } = verb else { return Ok(()) };
        report.told = Some(words);
        if self.outcome != DialOutcome::Answered {
            return Ok(());
        }
        let taken = parse_url(&action.url)?;
        if let Verb::Meet { room, .. } = way.first_verb(&taken, &Told::PersonPressed { key: '1' }).await? {
            report.room = Some(room);
            sleep(self.speaks).await;
            self.caller.leave();
        }
        Ok(())
    }
}

fn parse_url(text: &str) -> Result<Url, String> {
    text.parse().map_err(|error| format!("{text} is no absolute address: {error}"))
}

/// How long it rings. Real people take longer; nobody learns from waiting for them.
const RINGS: Duration = Duration::from_millis(500);
