//! Loop lag: how late a thread runs its timers. Lag shows a blocked handler or an overloaded core
//! before a caller hears it.

use std::time::Duration;

use actix_web::web::Data;
use log::{info, warn};
use metrics::{counter, gauge, histogram};
use switchboard_actors::clock;
use switchboard_actors::overload::{Ladder, Rung, gather};
use switchboard_actors::rate::RateWindow;
use switchboard_actors::supervisor::messages;

use crate::service::routes::app::AppState;

/// Measures the thread that calls it, under this name, for as long as the thread runs. `app` is
/// given on threads that calls run on: they climb the ladder of [`switchboard_actors::overload`].
pub fn watch(thread: String, app: Option<Data<AppState>>) {
    actix_rt::spawn(async move {
        let lag = histogram!("switchboard_loop_lag_seconds", "thread" => thread.clone());
        let mut warnings = RateWindow::new(WARNED_EVERY);
        let mut ladder = Ladder::new(clock::now());
        let app = app.filter(|app| app.overload.is_some());
        if let Some(app) = &app {
            climb(&thread, Rung::Calm, app);
        }
        loop {
            let due = clock::now() + EVERY;
            actix_rt::time::sleep_until(due.into()).await;
            let now = clock::now();
            let late = now.saturating_duration_since(due);
            lag.record(late.as_secs_f64());
            if late >= HEARD && warnings.take(1, now) {
                warn!(thread, late_ms = late.as_millis(); "the thread was held up: callers on it may hear a gap; see switchboard_loop_lag_seconds");
            }
            if let Some(app) = &app
                && let Some(rung) = ladder.measured(late, now)
            {
                counter!("switchboard_overload_rungs_total", "rung" => rung.word()).increment(1);
                tell(&thread, rung);
                climb(&thread, rung, app);
            }
        }
    });
}

/// Puts a rung in force on this thread.
fn climb(thread: &str, rung: Rung, app: &AppState) {
    let Some(overload) = &app.overload else { return };
    gauge!("switchboard_overload_rung", "thread" => thread.to_owned()).set(f64::from(rung as u8));
    gather(rung.frames());
    overload.stands(thread, rung, |on| app.supervisor.do_send(messages::Overload { on }));
}

fn tell(thread: &str, rung: Rung) {
    match rung {
        Rung::Calm => info!(thread; "the thread keeps up again"),
        Rung::Messages40 | Rung::Messages60 => {
            warn!(thread, message_ms = rung.frames() * 20; "the thread falls behind: audio for the model is gathered");
        }
        Rung::Refusing => warn!(thread; "the thread cannot keep up: it is to take no more calls"),
    }
}

/// The interval of the measurement: short enough for a meaningful p99 within a minute, long enough
/// to cost nothing.
const EVERY: Duration = Duration::from_millis(100);
/// Half the usual lead of playout. A longer lag eats into the audio that the caller is hearing.
const HEARD: Duration = Duration::from_millis(100);
/// The pause between two warnings about the same thread.
const WARNED_EVERY: Duration = Duration::from_secs(10);
