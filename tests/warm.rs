//! Warm transfers over every carrier that can call a person to a waiting caller: the two meet, or
//! the caller comes back to the agent.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use common::{PATIENCE, Running, start_with, transcripts};
use futures_util::future::join_all;
use serde_json::{Value, json};
use switchboard::tools::phone::{
    CallReport, CalleeReport, DialOutcome, Handset, Invited, PhoneOptions, Remote, Target, place_call, ring_callee,
};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::fake::{Fake, Part};
use switchboard_actors::ids::Private;
use tokio::time::{sleep, timeout};

/// What signs the carriers' requests.
const SECRET: &str = "a_token_of_the_account_0123456789";
/// The secrets of their APIs, and the account.
const API_SECRET: &str = "api-secret";
/// What a carrier's API needs besides its address and its secrets.
const MORE: [(&str, &str); 2] = [("telnyx.application", "1293384261075731499"), ("telnyx.account", "f5586561")];

#[actix_rt::test]
async fn a_callee_is_briefed_and_meets_the_caller() {
    let briefed = carriers().into_iter().map(async |carrier| {
        let api = Api::start(carrier, DialOutcome::Answered);
        let service = api.service().await;
        let report = api.call(&service).await;
        let summary = &report.summary;
        assert_eq!((&summary.failures, &summary.warnings), (&vec![], &vec![]), "{carrier:?}");
        let callee = api.callee().await;
        assert!(callee.to.ends_with("14155550100") && callee.from.ends_with("15550100002"), "{carrier:?}: {callee:?}");
        let words = callee.announcement.as_deref().unwrap_or_default();
        assert!(words.starts_with("A caller for you. customer_request."), "{carrier:?}: {words}");
        assert_eq!(callee.room.as_ref(), summary.transfers[0].to.first(), "{carrier:?}: the same conference");
        let record = service.record(&summary.call_sid).await;
        assert_eq!(record["ending"]["reason"], "transferred", "{carrier:?}");
        assert_eq!(outcomes(&record), ["dialled", "answered"], "{carrier:?}");
        service.stop().await;
    });
    join_all(briefed).await;
}

#[actix_rt::test]
async fn a_caller_whom_nobody_meets_comes_back_to_the_agent() {
    let returned = carriers().into_iter().map(async |carrier| {
        for (outcome, word) in [(DialOutcome::Busy, "busy"), (DialOutcome::Declined, "not_taken")] {
            let api = Api::start(carrier, outcome);
            let service = api.service().await;
            let report = api.call(&service).await;
            let summary = &report.summary;
            assert_eq!((&summary.failures, &summary.warnings), (&vec![], &vec![]), "{carrier:?} {word}");
            assert_eq!(summary.stream_sids.len(), 2, "{carrier:?} {word}: {:?}", summary.trail);
            let back = summary.trail.last().is_some_and(|step| step.contains("after the answer"));
            assert!(back, "{carrier:?} {word}: the agent speaks again: {:?}", summary.trail);
            let record = service.record(&summary.call_sid).await;
            assert_eq!(record["ending"]["reason"], "caller_hung_up", "{carrier:?} {word}");
            assert_eq!(outcomes(&record), ["dialled", word], "{carrier:?}");
            service.stop().await;
        }
    });
    join_all(returned).await;
}

/// Every carrier with warm transfers.
fn carriers() -> Vec<Carrier> {
    let carriers: Vec<Carrier> = Carrier::all().filter(|carrier| carrier.invites_callees()).collect();
    assert!(carriers.len() >= 4, "{carriers:?}");
    carriers
}

/// The API of a carrier, with one callee.
struct Api {
    carrier: Carrier,
    fake: &'static dyn Fake,
    url: String,
    state: Arc<State>,
}

/// What the API has to do with.
struct State {
    outcome: DialOutcome,
    /// The phone of the caller.
    remote: Mutex<Option<Remote>>,
    reports: Mutex<Vec<Result<CalleeReport, String>>>,
}

impl Api {
    fn start(carrier: Carrier, outcome: DialOutcome) -> Self {
        let state = Arc::new(State { outcome, remote: Mutex::default(), reports: Mutex::default() });
        let shared = web::Data::from(Arc::clone(&state));
        let server = HttpServer::new(move || {
            App::new().app_data(shared.clone()).default_service(web::to(
                move |body: String, state: web::Data<State>| {
                    let answer = asked(carrier, &body, state);
                    async move { answer }
                },
            ))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", server.addrs()[0]);
        actix_rt::spawn(server.run());
        Self { carrier, fake: carrier.fake().expect("its side of a call"), url, state }
    }

    /// A service that uses this API.
    async fn service(&self) -> Running {
        let setup = self.fake.setup(Part::Played { secret: Some(SECRET) });
        let mut secrets: Vec<(&str, &str)> =
            setup.secrets.iter().map(|(name, secret)| (*name, secret.as_str())).collect();
        for secret in self.carrier.secrets().iter().filter(|secret| secret.api) {
            if !secrets.iter().any(|(name, _)| *name == secret.name) {
                secrets.push((secret.name, API_SECRET));
            }
        }
        let api_url = format!("{}.api_url", self.carrier.name());
        let mut settings = vec![
            ("twilio.verify", "off"),
            (api_url.as_str(), self.url.as_str()),
            ("transfers.sales.number", "+14155550100"),
            ("transfers.sales.announce", "One moment, I put you through."),
            ("transfers.sales.warm", "true"),
            ("limits.goodbye", "3s"),
        ];
        settings.extend(setup.settings.iter().map(|(name, value)| (*name, value.as_str())));
        let own = format!("{}.", self.carrier.name());
        settings.extend(MORE.into_iter().filter(|(name, _)| name.starts_with(&own)));
        start_with(&secrets, &settings).await
    }

    /// A caller who presses 1 once the agent speaks, and whom the API can redirect.
    async fn call(&self, service: &Running) -> CallReport {
        let (handset, remote) = Handset::new();
        *self.state.remote.lock().expect("whole") = Some(remote);
        let url = service.public(self.fake.usage().entry).parse().expect("a URL");
        let options = PhoneOptions {
            carrier: self.carrier,
            account: Some(API_SECRET.to_owned()),
            auth_token: Some(Private::new(SECRET.to_owned())),
            dtmf: vec![(Duration::from_secs(2), '1')],
            answer_pause: Duration::from_secs(5),
            longest: Duration::from_secs(60),
            ..PhoneOptions::new(Target::Webhook(url))
        };
        place_call(options, handset).await
    }

    /// The result of the callee's call.
    async fn callee(&self) -> CalleeReport {
        let waiting = async {
            while self.state.reports.lock().expect("whole").is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("the person is called");
        self.state.reports.lock().expect("whole").remove(0).expect("documents that the carrier can use")
    }
}

/// Answers a request to the API: it calls the callee, or sends the caller to another document.
fn asked(carrier: Carrier, body: &str, state: web::Data<State>) -> HttpResponse {
    let documents = carrier.fake().and_then(|fake| fake.documents()).expect("it asks for documents");
    let caller = state.remote.lock().expect("whole").clone().expect("a caller");
    let call_sid = carrier.fake().expect("its side of a call").call_id(9);
    if documents.invitation(body).is_ok() {
        let invited = Invited {
            carrier,
            form: body.to_owned(),
            call_sid: call_sid.clone(),
            account: API_SECRET.to_owned(),
            auth_token: Some(Private::new(SECRET.to_owned())),
            outcome: state.outcome,
            speaks: Duration::from_secs(1),
            caller,
        };
        actix_rt::spawn(async move {
            let report = ring_callee(invited).await;
            state.reports.lock().expect("whole").push(report);
        });
    } else if let Some(url) = document_of(body) {
        caller.redirect(url.parse().expect("an address"));
    }
    // Each carrier reads its own name of the call's id.
    HttpResponse::Ok().json(json!({"sid": call_sid, "call_sid": call_sid, "request_uuid": call_sid}))
}

/// The address of the document in a request to redirect a call.
fn document_of(body: &str) -> Option<String> {
    if let Ok(json) = serde_json::from_str::<Value>(body) {
        return json["aleg_url"].as_str().map(str::to_owned);
    }
    let mut fields = url::form_urlencoded::parse(body.as_bytes());
    fields.find(|(name, _)| name == "Url").map(|(_, url)| url.into_owned())
}

fn outcomes(record: &Value) -> Vec<&str> {
    let transfers = record["transfers"].as_array().unwrap_or_else(|| panic!("{record}"));
    transfers.iter().filter_map(|it| it["outcome"].as_str()).collect()
}

/// What the service's records say.
trait Recorded {
    /// The one record of a call.
    async fn record(&self, call: &str) -> Value;
}

impl Recorded for Running {
    async fn record(&self, call: &str) -> Value {
        // A colon is written otherwise in the name of a file.
        let found = || {
            let mut found = transcripts(self.records.path(), "");
            found.retain(|record| record["ucid"] == call);
            found
        };
        let waiting = async {
            while found().is_empty() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("a record");
        assert_eq!(found().len(), 1, "one record of {call}");
        found().remove(0)
    }
}
