//! Transfers the caller: dials a callee, or lets the caller wait in a conference.

use switchboard_actors::carrier::fake::{Callback, CarrierEvent, Dial, Outcome, Verb};
use tokio::time::sleep;
use url::Url;

use super::{Ask, Call, EndedBy, Next, Phase, Way, random, resolve};
use crate::tools::phone::handset::Order;
use crate::tools::phone::options::DialOutcome;
use crate::tools::phone::summary::Transfer;

impl Call {
    /// Runs a [`Dial`].
    pub(super) async fn dial(&mut self, way: Way<'_>, url: &Url, dial: &Dial) -> Result<Next, String> {
        let outcome = self.options.dial_outcome;
        let leg = self.fake.call_id(random());
        self.note(format!("Dial {} ({})", dial.targets.join(", "), outcome.status()));
        let transfer = Transfer { to: dial.targets.clone(), outcome: outcome.status(), whispered: None };
        self.summary.transfers.push(transfer);
        if matches!(outcome, DialOutcome::Answered | DialOutcome::Declined) {
            self.pick_up(way, url, dial, &leg).await?;
        }
        let next = self.wait(outcome.takes()).await;
        if !matches!(next, Next::Verb) {
            return Ok(next);
        }
        let Some(action) = &dial.action else { return Ok(Next::Verb) };
        let talked = matches!(outcome, DialOutcome::Answered).then(|| outcome.takes());
        let event = CarrierEvent::Dialled { leg, outcome: outcome.into(), talked };
        Ok(Next::Document(Ask::back(way, url, action, event)?))
    }

    /// Answers a dialled leg: the callee hears what the call is about, and a person presses a key.
    async fn pick_up(&mut self, way: Way<'_>, url: &Url, dial: &Dial, leg: &str) -> Result<(), String> {
        let request = |url: &Url, get, event: &CarrierEvent| way.documents.request(&self.calling, url, get, event);
        let types = way.documents.content_types();
        let answered = CarrierEvent::LegAnswered { leg: leg.to_owned() };
        if let Some(status) = &dial.status {
            let at = resolve(self.fake, url, status)?;
            way.http.tell(&request(&at, status.get, &answered)).await.map_err(|error| error.to_string())?;
        }
        let Some(whisper) = &dial.whisper else { return Ok(()) };
        let at = resolve(self.fake, url, whisper)?;
        let asked = request(&at, whisper.get, &answered);
        let answer = way.http.document(&asked, types).await.map_err(|error| error.to_string())?;
        let document =
            way.documents.read(&answer.body).map_err(|problem| format!("read the document of {at}: {problem}"))?;
        let told = document.verbs.into_iter().find(|verb| matches!(verb, Verb::Gather { .. } | Verb::Say(_)));
        let (action, words) = match told {
            Some(Verb::Gather { action, words }) => (action, words),
            // The carrier itself asks for the key.
            Some(Verb::Say(words)) => (None, words),
            Some(_) | None => return Ok(()),
        };
        let takes = matches!(self.options.dial_outcome, DialOutcome::Answered);
        if let Some(action) = action.filter(|_| takes) {
            let pressed = CarrierEvent::LegPressed { leg: leg.to_owned(), key: '1' };
            let taken = request(&resolve(self.fake, &at, &action)?, action.get, &pressed);
            way.http.document(&taken, types).await.map_err(|error| error.to_string())?;
        }
        if let Some(transfer) = self.summary.transfers.last_mut() {
            transfer.whispered = Some(words);
        }
        Ok(())
    }

    /// Waits in a conference until the other party leaves it, or until the carrier's API takes the
    /// caller out.
    pub(super) async fn meet(
        &mut self,
        way: Way<'_>,
        url: &Url,
        action: Option<&Callback>,
        room: String,
    ) -> Result<Next, String> {
        self.note(format!("Conference {room}"));
        self.handset.show(|progress| progress.phase = Phase::Waiting);
        let left = self.left();
        let order = tokio::select! {
            () = sleep(left) => Order::HangUp,
            order = self.handset.next_order() => order,
        };
        let outcome = if matches!(order, Order::Left) { "answered" } else { "alone" };
        self.summary.transfers.push(Transfer { to: vec![room], outcome, whispered: None });
        match order {
            Order::HangUp => {
                self.note("caller hung up");
                if let Some(action) = action {
                    let at = resolve(self.fake, url, action)?;
                    let over = CarrierEvent::Met { hung_up: true };
                    let request = way.documents.request(&self.calling, &at, action.get, &over);
                    way.http.tell(&request).await.map_err(|error| error.to_string())?;
                }
                Ok(Next::Over(EndedBy::Caller))
            }
            Order::Redirect(url) => {
                self.note("redirected over the API");
                Ok(Next::Document(Ask::next(url)))
            }
            Order::Left => {
                let Some(action) = action else { return Ok(Next::Verb) };
                Ok(Next::Document(Ask::back(way, url, action, CarrierEvent::Met { hung_up: false })?))
            }
        }
    }
}

impl From<DialOutcome> for Outcome {
    fn from(outcome: DialOutcome) -> Self {
        match outcome {
            DialOutcome::Answered => Self::Answered,
            DialOutcome::Declined => Self::Declined,
            DialOutcome::Busy => Self::Busy,
            DialOutcome::NoAnswer => Self::NoAnswer,
            DialOutcome::Failed => Self::Failed,
        }
    }
}
