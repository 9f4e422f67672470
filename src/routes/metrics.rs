//! The counters, as Prometheus reads them.

use std::sync::{Mutex, PoisonError};

use actix_web::HttpResponse;
use actix_web::web::Data;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::doors::Doors;

/// `GET /metrics`.
pub async fn metrics(doors: Data<Doors>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(doors.metrics.render())
}

/// The process's one recorder; made the first time it is asked for.
///
/// # Errors
/// When another library has taken the recorder's place.
pub fn recorder() -> Result<PrometheusHandle, BuildError> {
    static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut recorder = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*recorder {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full("switchboard_barge_in_seconds".to_owned()), &BARGE_IN_SECONDS)?
        .install_recorder()?;
    describe();
    Ok(recorder.insert(handle).clone())
}

/// Bounds for what a caller waits for, in seconds.
const SECONDS: [f64; 13] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.5, 2.5, 5.0, 10.0];
/// Bounds for our own part of a barge-in, in seconds.
const BARGE_IN_SECONDS: [f64; 10] = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25];

fn describe() {
    describe_gauge!("switchboard_calls_active", "Calls with a live stream.");
    describe_counter!("switchboard_calls_total", "Calls that ended, by carrier and ending.");
    describe_counter!("switchboard_calls_refused_total", "Webhooks, sockets and streams turned away, by reason.");
    describe_histogram!(
        "switchboard_call_setup_seconds",
        Unit::Seconds,
        "From the stream's start to the first frame sent to the caller."
    );
    describe_histogram!("switchboard_turn_latency_seconds", Unit::Seconds, "The parts of a turn's latency.");
    describe_histogram!(
        "switchboard_barge_in_seconds",
        Unit::Seconds,
        "From the model's report of speech to our clear."
    );
    describe_counter!("switchboard_audio_frames_total", "Audio frames, by direction.");
    describe_counter!("switchboard_audio_frames_dropped_total", "Audio frames dropped, by direction and reason.");
    describe_counter!("switchboard_model_connects_total", "Model sessions, by result.");
    describe_counter!("switchboard_model_errors_total", "Complaints of the model's server, by code.");
    describe_counter!("switchboard_webhook_deliveries_total", "Deliveries of records, by result.");
}
