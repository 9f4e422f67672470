//! The metrics, in the format of Prometheus.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::app::AppState;
use super::health::{count_refusals, recordings_missing, records_unwritable};

/// `GET /metrics`.
pub(super) async fn metrics(app: Data<AppState>) -> HttpResponse {
    let _ = recordings_missing(&app);
    let _ = records_unwritable(&app);
    count_refusals(&app).await;
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(app.metrics.render())
}
