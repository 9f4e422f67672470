//! A person whom the service calls over the carrier's API while a caller waits for them in a conference.

use std::time::Duration;

use switchboard_actors::carrier::twilio;
use switchboard_actors::ids::Private;
use tokio::time::sleep;
use url::{Url, form_urlencoded};

use super::handset::Remote;
use super::http::Http;
use super::options::DialOutcome;
use super::twiml::{self, Verb};

/// A call that the service has begun over the carrier's API.
#[derive(Debug)]
pub struct Invited {
    /// What the API was asked: `To`, `From`, `Url`, `StatusCallback`, …
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
/// What of the service's answers Twilio could not have used.
pub async fn ring_person(invited: Invited) -> Result<PersonReport, String> {
    let field = |name: &str| {
        let found = form_urlencoded::parse(invited.form.as_bytes()).find(|(found, _)| found == name);
        found.map(|(_, value)| value.into_owned()).ok_or_else(|| format!("the API was asked without {name}"))
    };
    let mut report = PersonReport { to: field("To")?, from: field("From")?, ..PersonReport::default() };
    let http = Http::new(twilio::CARRIER, invited.auth_token.clone(), None).map_err(|error| error.to_string())?;
    let (document, status) = (field("Url")?, field("StatusCallback")?);
    sleep(RINGS).await;
    let answers = matches!(invited.outcome, DialOutcome::Answered | DialOutcome::Declined);
    if answers {
        invited.listen(&http, &parse_url(&document)?, &mut report).await?;
    }
    let over = invited.fields(&report, &[("CallStatus", invited.outcome.status())]);
    http.tell(&parse_url(&status)?, false, &over).await.map_err(|error| error.to_string())?;
    Ok(report)
}

impl Invited {
    /// Hears what the call is about, takes it or not, and speaks with the caller.
    async fn listen(&self, http: &Http, url: &Url, report: &mut PersonReport) -> Result<(), String> {
        let verb = self.first_verb(http, url, report, &[]).await?;
        let Verb::Gather { action: Some(action), words } = verb else { return Ok(()) };
        report.told = Some(words);
        if self.outcome != DialOutcome::Answered {
            return Ok(());
        }
        let taken = parse_url(&action.url)?;
        let verb = self.first_verb(http, &taken, report, &[("Digits", "1")]).await?;
        if let Verb::Meet { room, .. } = verb {
            report.room = Some(room);
            sleep(self.speaks).await;
            self.caller.leave();
        }
        Ok(())
    }

    async fn first_verb(
        &self,
        http: &Http,
        url: &Url,
        report: &PersonReport,
        extra: &[(&str, &str)],
    ) -> Result<Verb, String> {
        let mut fields = self.fields(report, &[("CallStatus", "in-progress")]);
        fields.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let answer = http.document(url, false, &fields).await.map_err(|error| error.to_string())?;
        let document =
            twiml::parse(&answer.body).map_err(|problem| format!("read the document of {url}: {problem}"))?;
        if let Some(warning) = document.warnings.first() {
            return Err(format!("the document of {url}: {}", warning.text));
        }
        document.verbs.into_iter().next().ok_or_else(|| format!("the document of {url} says nothing"))
    }

    fn fields(&self, report: &PersonReport, extra: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = [
            ("CallSid", self.call_sid.as_str()),
            ("AccountSid", &self.account_sid),
            ("From", &report.from),
            ("To", &report.to),
            ("Direction", "outbound-api"),
        ];
        own.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

fn parse_url(text: &str) -> Result<Url, String> {
    text.parse().map_err(|error| format!("{text} is no absolute address: {error}"))
}

/// How long it rings. Real people take longer; nobody learns from waiting for them.
const RINGS: Duration = Duration::from_millis(500);
