//! Obeys documents, verb by verb.

use switchboard_actors::carrier::fake::{CarrierEvent, Document, Verb};
use tokio::time::sleep;
use url::Url;

use super::{Ask, Call, EndedBy, Next, Phase, Way};
use crate::tools::phone::handset::Order;

use std::time::Duration;

impl Call {
    /// Obeys one document. Returns [`Next::Verb`] when the document ends.
    pub(super) async fn obey(&mut self, way: Way<'_>, document: Document, url: &Url) -> Result<Next, String> {
        for complaint in document.complaints {
            self.summary.warn(complaint.into());
        }
        for verb in document.verbs {
            let next = self.act_out(way, verb, url).await?;
            if !matches!(next, Next::Verb) {
                return Ok(next);
            }
        }
        Ok(Next::Verb)
    }

    async fn act_out(&mut self, way: Way<'_>, verb: Verb, url: &Url) -> Result<Next, String> {
        self.calling.answered |=
            matches!(verb, Verb::Connect { .. } | Verb::Dial(_) | Verb::Meet { .. } | Verb::Say(_) | Verb::Play(_));
        match verb {
            Verb::Connect { action, stream } => {
                let after = action.map(|action| Ask::back(way, url, &action, CarrierEvent::Next)).transpose()?;
                match way.documents.stream_address(url, &stream) {
                    Ok(address) => return self.connect(way.http, &address, &stream, after).await,
                    Err(problem) => {
                        self.summary.failures.push(problem);
                        return Ok(after.map_or(Next::Verb, Next::Document));
                    }
                }
            }
            Verb::Dial(dial) => return self.dial(way, url, &dial).await,
            Verb::Meet { action, room } => return self.meet(way, url, action.as_ref(), room).await,
            Verb::Pause(length) => {
                self.note(format!("Pause {} s", length.as_secs()));
                return Ok(self.wait(length).await);
            }
            Verb::Redirect(to) => {
                self.note("Redirect");
                return Ok(Next::Document(Ask::back(way, url, &to, CarrierEvent::Next)?));
            }
            Verb::Hangup => {
                self.note("Hangup");
                return Ok(Next::Over(EndedBy::Service));
            }
            Verb::Reject(reason) => {
                self.note(format!("Reject ({reason})"));
                return Ok(Next::Over(EndedBy::Service));
            }
            Verb::Gather { .. } => self.note("Gather (not acted out)"),
            Verb::Say(text) => self.note(format!("Say “{text}”")),
            Verb::Play(what) => self.note(format!("Play {what}")),
            Verb::Skipped(name) => self.note(format!("{name} (not acted out)")),
        }
        Ok(Next::Verb)
    }

    /// Waits as a document says, but never past the time to hang up.
    pub(super) async fn wait(&mut self, length: Duration) -> Next {
        self.handset.show(|progress| progress.phase = Phase::Waiting);
        let left = self.left();
        let ordered = tokio::select! {
            () = sleep(length.min(left)) => false,
            order = self.handset.next_order() => match order {
                Order::HangUp => true,
                Order::Redirect(url) => {
                    self.note("redirected over the API");
                    return Next::Document(Ask::next(url));
                }
                // The order refers to a conference that the caller has already left.
                Order::Left => false,
            },
        };
        if ordered || left <= length {
            self.note("caller hung up");
            return Next::Over(EndedBy::Caller);
        }
        Next::Verb
    }
}
