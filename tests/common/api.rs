//! A carrier's API with one callee, played by the test, and callers who ask to be transferred.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use switchboard::tools::phone::{
    CallReport, CalleeReport, DialOutcome, Handset, Invited, PhoneOptions, Remote, Target, place_call, ring_callee,
};

use super::{ACCOUNT, AUTH_TOKEN, PATIENCE, Running, start_with};

/// A destination of transfers.
pub const SALES: [(&str, &str); 2] =
    [("transfers.sales.number", "+14155550100"), ("transfers.sales.announce", "One moment, I put you through.")];

/// The callee's call.
pub const CALLEE: &str = "CA00000000000000000000000000000009";

/// A caller who presses 1 once the agent speaks.
pub fn options(running: &Running, dial_outcome: DialOutcome) -> PhoneOptions {
    let url = running.public("/twilio/voice").parse().expect("a URL");
    let mut options = PhoneOptions::new(Target::Webhook(url));
    options.dtmf = vec![(Duration::from_secs(2), '1')];
    options.dial_outcome = dial_outcome;
    options.account = Some(ACCOUNT.to_owned());
    // This is longer than the service waits for an API that does not answer. Until then, the caller
    // hears nothing.
    options.answer_pause = Duration::from_secs(5);
    options.longest = Duration::from_secs(60);
    options
}

/// The behaviour of the carrier's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiBehaviour {
    /// Redirects the call to the document and confirms that.
    Obey,
    /// Redirects the call to the document, and confirms long after the document was read.
    ObeyThenAnswerLate,
    /// Does nothing and answers with this status.
    Answer(u16),
    /// Does nothing and does not answer.
    Never,
    /// Fails the first request to redirect a caller, and obeys the others.
    RefuseToHandOver,
    /// Obeys the first request, fails this many after it, and then obeys again.
    RefuseToTakeBack(usize),
}

/// A carrier's API with one callee.
pub struct Api {
    address: String,
    handle: ServerHandle,
    /// Its state.
    pub state: Arc<State>,
}

/// What the test decides of the API, and what the API was asked.
pub struct State {
    behaviour: ApiBehaviour,
    /// The phone of the caller, which the API redirects.
    pub remote: Mutex<Option<Remote>>,
    requests: Mutex<Vec<String>>,
    /// Number of requests about the caller.
    updates: AtomicUsize,
    /// Behaviour of a dialled callee. If `None`, the API refuses to dial.
    callee: Mutex<Option<DialOutcome>>,
    /// Whether the callee's phone rings without being answered.
    pub rings: AtomicBool,
    /// Whether the API takes two seconds to say that it calls the callee.
    pub dials_slowly: AtomicBool,
    /// Results of the calls to the callee.
    reports: Mutex<Vec<Result<CalleeReport, String>>>,
}

impl Api {
    /// Starts an API on a free loopback port.
    pub fn start(behaviour: ApiBehaviour) -> Self {
        let state = Arc::new(State {
            behaviour,
            remote: Mutex::default(),
            requests: Mutex::default(),
            updates: AtomicUsize::new(0),
            callee: Mutex::default(),
            rings: AtomicBool::new(false),
            dials_slowly: AtomicBool::new(false),
            reports: Mutex::default(),
        });
        let shared = web::Data::from(Arc::clone(&state));
        let server =
            HttpServer::new(move || App::new().app_data(shared.clone()).default_service(web::post().to(update)))
                .workers(1)
                .disable_signals()
                .shutdown_timeout(0)
                .bind("127.0.0.1:0")
                .expect("a free port");
        let address = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Self { address, handle, state }
    }

    /// Has a callee who, when they are dialled, does this; `None` refuses to dial.
    pub fn with_callee(self, outcome: Option<DialOutcome>) -> Self {
        *self.state.callee.lock().expect("whole") = outcome;
        self
    }

    /// Waits for the result of the callee's call.
    pub async fn callee(&self) -> CalleeReport {
        let waiting = async {
            while self.state.reports.lock().expect("whole").is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the person is called");
        self.state.reports.lock().expect("whole").remove(0).expect("documents that Twilio can use")
    }

    /// Starts a service that uses this API.
    pub async fn service(&self, overrides: &[(&str, &str)]) -> Running {
        let variables = [("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_AUTH_TOKEN", AUTH_TOKEN)];
        let mut all = vec![("twilio.verify", "off"), ("twilio.api_url", self.address.as_str()), SALES[0], SALES[1]];
        all.push(("limits.goodbye", "3s"));
        all.extend_from_slice(overrides);
        start_with(&variables, &all).await
    }

    /// Places a call that this API can redirect.
    pub async fn call(&self, running: &Running, dial_outcome: DialOutcome) -> CallReport {
        let (handset, remote) = Handset::new();
        *self.state.remote.lock().expect("whole") = Some(remote);
        place_call(options(running, dial_outcome), handset).await
    }

    /// Waits for this number of requests and returns them.
    pub async fn until(&self, times: usize) -> Vec<String> {
        let waiting = async {
            while self.state.requests.lock().expect("whole").len() < times {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the API is told");
        self.state.requests.lock().expect("whole").clone()
    }

    /// Stops the API and returns all its requests.
    pub async fn stop(self) -> Vec<String> {
        self.handle.stop(false).await;
        std::mem::take(&mut *self.state.requests.lock().expect("whole"))
    }
}

async fn update(request: actix_web::HttpRequest, body: String, state: web::Data<State>) -> HttpResponse {
    state.requests.lock().expect("whole").push(format!("{} {body}", request.path()));
    if request.path().ends_with("/Calls.json") {
        if state.dials_slowly.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        return call_callee(body, state);
    }
    let url = url::form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "Url").map(|(_, url)| url.parse());
    let redirect = || {
        if let (Some(remote), Some(Ok(url))) = (&*state.remote.lock().expect("whole"), url) {
            remote.redirect(url);
        }
    };
    let done = || HttpResponse::Ok().json(serde_json::json!({ "status": "in-progress" }));
    let update = state.updates.fetch_add(1, Ordering::Relaxed);
    match state.behaviour {
        ApiBehaviour::RefuseToHandOver if update == 0 => HttpResponse::ServiceUnavailable().finish(),
        ApiBehaviour::RefuseToTakeBack(times) if (1..=times).contains(&update) => {
            HttpResponse::TooManyRequests().finish()
        }
        ApiBehaviour::Obey | ApiBehaviour::RefuseToHandOver | ApiBehaviour::RefuseToTakeBack(_) => {
            redirect();
            done()
        }
        ApiBehaviour::ObeyThenAnswerLate => {
            redirect();
            tokio::time::sleep(Duration::from_secs(3)).await;
            done()
        }
        ApiBehaviour::Answer(200) => done(),
        ApiBehaviour::Answer(status) => {
            let status = actix_web::http::StatusCode::from_u16(status).expect("a status");
            HttpResponse::build(status).json(serde_json::json!({ "code": 0, "message": "no" }))
        }
        ApiBehaviour::Never => std::future::pending().await,
    }
}

/// Dials the callee, or refuses.
fn call_callee(form: String, state: web::Data<State>) -> HttpResponse {
    let outcome = *state.callee.lock().expect("whole");
    let caller = state.remote.lock().expect("whole").clone();
    let Some((outcome, caller)) = outcome.zip(caller) else {
        return HttpResponse::BadRequest().json(serde_json::json!({ "code": 21211, "message": "no" }));
    };
    if !state.rings.load(Ordering::Relaxed) {
        let invited = Invited {
            carrier: switchboard_actors::carrier::twilio::CARRIER,
            form,
            call_sid: CALLEE.to_owned(),
            account: ACCOUNT.to_owned(),
            auth_token: None,
            outcome,
            speaks: Duration::from_secs(1),
            caller,
        };
        actix_rt::spawn(async move {
            let report = ring_callee(invited).await;
            state.reports.lock().expect("whole").push(report);
        });
    }
    HttpResponse::Created().json(serde_json::json!({ "sid": CALLEE, "status": "queued" }))
}
