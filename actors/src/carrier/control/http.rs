//! Sends a request to a carrier, bounded in time and size.

use super::{Ask, Control, Method, NotPlaced, Placed, Placing, Request};
use crate::carrier::control::CarrierAnswer;
use crate::http::{self, Unanswered};
use crate::ids::CarrierCallId;

/// Sends a request and waits for its answer.
pub async fn ask(api: &dyn Control, request: Request<'_>, call: &CarrierCallId) -> CarrierAnswer {
    let Some(ask) = api.ask(request, call) else {
        return CarrierAnswer::Failed { reason: "the carrier's API has no such request".to_owned() };
    };
    match exchange(&ask).await {
        Ok(Reply { status, body, .. }) => api.judge(status, &body),
        Err(reason) => CarrierAnswer::Failed { reason },
    }
}

/// Places a call.
///
/// # Errors
/// When no call was placed, as far as is known.
pub async fn place(api: &dyn Control, placing: &Placing) -> Result<Placed, NotPlaced> {
    let Some(ask) = api.place(placing) else { return Err(NotPlaced::impossible()) };
    match exchange(&ask).await {
        Ok(Reply { status, body, .. }) => api.judge_placed(status, &body),
        Err(reason) => Err(NotPlaced { busy: false, code: 0, reason }),
    }
}

/// What came of looking at an account.
#[derive(Debug)]
pub struct Looked {
    /// What the API says of our credentials.
    pub answer: CarrierAnswer,
    /// The server and its time, if it gave one.
    pub clock: Option<(String, String)>,
}

/// Asks whether the API takes our credentials. `None` if it has no request for that.
pub async fn look(api: &dyn Control) -> Option<Looked> {
    let ask = api.look()?;
    Some(match exchange(&ask).await {
        Ok(Reply { status, body, date }) => {
            let clock = date.zip(ask.url.host_str()).map(|(date, host)| (host.to_owned(), date));
            Looked { answer: api.judge_look(status, &body), clock }
        }
        Err(reason) => Looked { answer: CarrierAnswer::Failed { reason }, clock: None },
    })
}

/// An answer that was read.
struct Reply {
    status: u16,
    body: Vec<u8>,
    /// The `Date` of its head.
    date: Option<String>,
}

/// Sends one request. Returns its answer, or why there is none.
async fn exchange(ask: &Ask) -> Result<Reply, String> {
    let exchange = async {
        let (url, body) = (ask.url.clone(), ask.body.expose().clone());
        let request = match ask.method {
            Method::Get => http::Request::get(url),
            Method::Post => http::Request::post(url, body),
            Method::Put => http::Request::put(url, body),
            Method::Delete => http::Request::delete(url),
        };
        let mut request = request.header("accept", "application/json")?;
        if let Some(kind) = ask.content_type {
            request = request.header("content-type", kind)?;
        }
        for (name, value) in &ask.headers {
            request = request.header(name, value.expose())?;
        }
        // The operator configured the carrier's address; it may be in their private network.
        let answer = request.send(|_| true).await?;
        let (status, date) = (answer.status, answer.header("date").map(str::to_owned));
        // The status says what the carrier did; the body has an explanation, or a new call's id.
        Ok::<_, Unanswered>(Reply { status, date, body: answer.body(LONGEST_ANSWER).await.unwrap_or_default() })
    };
    match actix_rt::time::timeout(ask.timeout, exchange).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(problem)) => Err(format!("reach the carrier's API: {problem}")),
        Err(_) => Err(format!("the carrier's API did not answer within {} s", ask.timeout.as_secs())),
    }
}

/// The most bytes of an answer. A call resource has about 2 KiB.
const LONGEST_ANSWER: usize = 64 * 1024;
