//! All metrics in one table. Their descriptions, initial zeros and buckets come from it, and so
//! does `deploy/metrics.md`. Tests compare the table with the sources. Pure.

use switchboard_actors::audio::action::DropCause;
use switchboard_actors::audio::intake::FormatMismatch;
use switchboard_actors::audio::second_opinion::Opinion;
use switchboard_actors::carrier::Carrier;
use switchboard_actors::ending::Ending;
use switchboard_actors::finding::Finding;
use switchboard_actors::incident::IncidentKind;
use switchboard_actors::overload::Rung;
use switchboard_actors::realtime::breaker::Lesson;
use switchboard_actors::realtime::seat::Provider;

/// One metric.
pub(super) struct Metric {
    /// The name that Prometheus reads.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) labels: &'static [Label],
    /// Which label values occur together; by default every combination does.
    pub(super) together: fn(&[&str]) -> bool,
    /// One sentence, for people.
    pub(super) help: &'static str,
}

/// The type of a metric, which decides how it starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// A count of whole events; starts at 0.
    Counter,
    /// A sum that only grows and is not a whole number. It is stored as a gauge, shown as a
    /// counter, and starts at 0.
    Amount,
    /// A value that goes up and down; starts at 0.
    Gauge,
    /// A gauge that has no value before the first measurement.
    Measurement,
    /// Durations; the field lists the upper bounds of the buckets, in seconds.
    Histogram(&'static [f64]),
}

/// A label and its possible values.
pub(super) struct Label {
    pub(super) name: &'static str,
    pub(super) values: Values,
}

/// The possible values of a label.
pub(super) enum Values {
    /// A fixed list. A series for each value exists from the start.
    Known(fn() -> Vec<&'static str>),
    /// Names from the configuration or the machine; the field is how the page describes them.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the page says it, which a test writes"))]
    Named(&'static str),
}

impl Kind {
    /// The type in Prometheus' text format.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Counter | Self::Amount => "counter",
            Self::Gauge | Self::Measurement => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

impl Metric {
    const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, labels: &[], together: |_| true, help }
    }

    const fn by(self, labels: &'static [Label]) -> Self {
        Self { labels, ..self }
    }

    const fn where_together(self, together: fn(&[&str]) -> bool) -> Self {
        Self { together, ..self }
    }

    /// The label values of every series that exists from the start; empty if the configuration
    /// names one of the labels.
    pub(super) fn series(&self) -> Vec<Vec<&'static str>> {
        let mut all = vec![Vec::new()];
        for label in self.labels {
            let Values::Known(values) = label.values else { return Vec::new() };
            let longer = |before: Vec<&'static str>| {
                values().into_iter().map(move |value| [before.as_slice(), &[value]].concat()).collect::<Vec<_>>()
            };
            all = all.into_iter().flat_map(longer).collect();
        }
        all.retain(|values| (self.together)(values));
        all
    }
}

const fn known(name: &'static str, values: fn() -> Vec<&'static str>) -> Label {
    Label { name, values: Values::Known(values) }
}

const fn named(name: &'static str, by: &'static str) -> Label {
    Label { name, values: Values::Named(by) }
}

fn turn_parts() -> Vec<&'static str> {
    let parts = ["answer", "end_of_speech", "first_delta", "first_sent", "first_heard", "total", "filler"];
    parts.into_iter().chain(["ears", "mind", "voice", "ours", "playout"]).collect()
}

/// Every metric, grouped by subject.
pub(super) static METRICS: &[Metric] = &[
    // Calls.
    Metric::new("switchboard_calls_active", Kind::Gauge, "Calls with a live stream."),
    Metric::new("switchboard_calls_total", Kind::Counter, "Calls that ended, by carrier and ending.")
        .by(&[known("carrier", carriers), known("ending", endings)]),
    Metric::new(
        "switchboard_calls_refused_total",
        Kind::Counter,
        "Webhooks, sockets and streams turned away, by reason.",
    )
    .by(&[known("reason", refusals)]),
    Metric::new(
        "switchboard_admin_refusals_total",
        Kind::Counter,
        "Requests that the admin listener refused: without a token, with a wrong one, with a session that is over, a wrong token at \
         the sign-in, a role that does not suffice, a foreign page.",
    )
    .by(&[known("reason", || vec!["no_token", "wrong_token", "no_session", "sign_in", "role", "web_page"])]),
    Metric::new(
        "switchboard_lookups_total",
        Kind::Counter,
        "Calls looked up before their first word, by result. known: the answer was there already; late, unreached, http_error, \
         bad_answer: the call went on without one.",
    )
    .by(&[known("result", || vec!["found", "known", "declined", "late", "unreached", "http_error", "bad_answer"])]),
    Metric::new("switchboard_hand_overs_total", Kind::Counter, "Calls that one agent gave to another."),
    Metric::new(
        "switchboard_lookup_seconds",
        Kind::Histogram(&SETUP),
        "How long calls waited for their look-up.",
    ),
    Metric::new(
        "switchboard_call_setup_seconds",
        Kind::Histogram(&SETUP),
        "From a stream's start to the first frame sent to the caller.",
    ),
    Metric::new(
        "switchboard_turn_latency_seconds",
        Kind::Histogram(&TURN),
        "A caller's wait for an answer, by part. end_of_speech: their last word to the model's noticing; first_delta, first_sent, \
         first_heard: from there to the answer's first piece, its sending and the ear; total: last word to ear; answer: end of the \
         turn to sending; filler: last word to a filler of ours, which is no answer. The same wait by who took it: ears (last word \
         to the turn's end), mind (to the first words for the voice), voice (to its first audio), all three only where a call is joined \
         of engines; ours (what is left until sending), playout (to the ear).",
    )
    .by(&[known("part", turn_parts)]),
    Metric::new(
        "switchboard_answers_begun_early_total",
        Kind::Counter,
        "Answers that were begun before the caller's turn was certainly over (`eager`), by what became of them.",
    )
    .by(&[known("result", || vec!["kept", "thrown_away"])]),
    Metric::new(
        "switchboard_answers_late_total",
        Kind::Counter,
        "Answers that were heard later than `limits.late_answer` after the caller's last word.",
    ),
    Metric::new(
        "switchboard_barge_in_seconds",
        Kind::Histogram(&BARGE_IN),
        "From the model's report that the caller speaks to our clear at the carrier.",
    ),
    Metric::new(
        "switchboard_interruptions_dismissed_total",
        Kind::Counter,
        "Speech of callers over the agent that was no interruption: too short, or a word of agreement.",
    ),
    Metric::new("switchboard_transfers_total", Kind::Counter, "Transfers that were requested, and their results.")
        .by(&[named("destination", "the names of `[transfers]`"), known("outcome", transfer_outcomes)]),
    Metric::new(
        "switchboard_hangups_forced_total",
        Kind::Counter,
        "Calls whose end the carrier did not confirm in time, and the result of the request over its API.",
    )
    .by(&[known("result", || vec!["done", "gone", "failed", "given_up"])]),
    Metric::new(
        "switchboard_outbound_unanswered_total",
        Kind::Counter,
        "Outbound calls without an answer, by the carrier's status.",
    )
    .by(&[known("status", || vec!["busy", "failed", "no-answer", "canceled", "machine", "refused"])]),
    Metric::new(
        "switchboard_variant_calls_total",
        Kind::Counter,
        "Calls that experiments concern, by variant, agent and ending.",
    )
    .by(&[named("variant", "the names of `[[experiments]]`, and `control`"), named("agent", AGENTS), known("ending", endings)]),
    Metric::new(
        "switchboard_incidents_total",
        Kind::Counter,
        "What went wrong in calls, by kind; the records say in which.",
    )
    .by(&[known("kind", || IncidentKind::ALL.map(IncidentKind::word).into())]),
    // Audio.
    Metric::new(
        "switchboard_audio_frames_total",
        Kind::Counter,
        "Audio frames, in from callers and out to callers.",
    )
    .by(&[known("direction", || vec!["in", "out"])]),
    Metric::new(
        "switchboard_audio_frames_dropped_total",
        Kind::Counter,
        "Audio frames dropped, by direction and reason. not_attached is what callers said before a model was there or while a notice \
         was read; muted is what an interrupted answer still brought; the others mean that something is too slow.",
    )
    .by(&[known("direction", || vec!["in", "out", "recording", "person", "listener"]), known("reason", drop_reasons)])
    .where_together(is_dropped),
    Metric::new(
        "switchboard_line_oddities_total",
        Kind::Counter,
        "Mismatches in a carrier's audio that were corrected or dropped.",
    )
    .by(&[known("carrier", carriers), known("what", || FormatMismatch::ALL.map(FormatMismatch::word).into())]),
    Metric::new("switchboard_audio_findings_total", Kind::Counter, "Calls in which a carrier's audio was found faulty.")
        .by(&[known("carrier", carriers), known("finding", || Finding::ALL.map(Finding::word).into())]),
    Metric::new(
        "switchboard_speech_opinions_total",
        Kind::Counter,
        "Beginnings of the caller's speech on which our detector was compared with the model's server: agreed; \
         unreported, when only our detector heard speech over the agent; noise, when only the server did.",
    )
    .by(&[known("result", || Opinion::ALL.map(Opinion::word).into())]),
    Metric::new("switchboard_recordings_total", Kind::Counter, "Recordings: written, or ended before their call.")
        .by(&[known("result", || vec!["written", "failed"])]),
    // The model.
    Metric::new(
        "switchboard_model_connects_total",
        Kind::Counter,
        "Model sessions: ok, or the class of their loss.",
    )
    .by(&[known("result", connects)]),
    Metric::new(
        "switchboard_model_takeovers_total",
        Kind::Counter,
        "Model sessions that took the place of another in a call: failover after a loss, rotation before an expiry.",
    )
    .by(&[known("kind", || vec!["failover", "rotation"])]),
    Metric::new(
        "switchboard_model_gap_seconds",
        Kind::Histogram(&SETUP),
        "How long a call had no model session.",
    ),
    Metric::new(
        "switchboard_model_errors_total",
        Kind::Counter,
        "Errors of the model's server, by its code; a code that is not in the table counts as other.",
    )
    .by(&[known("code", Provider::codes)]),
    Metric::new(
        "switchboard_line_breaks_total",
        Kind::Counter,
        "Streams that broke under calls in progress, and callers who came back on another.",
    )
    .by(&[known("result", || vec!["broke", "back"])]),
    Metric::new(
        "switchboard_model_canary_total",
        Kind::Counter,
        "Sessions opened without a call: ok, or the class of their loss.",
    )
    .by(&[known("result", connects)]),
    Metric::new(
        "switchboard_model_lessons_total",
        Kind::Counter,
        "What was learned of a provider's server or of an engine, for the next calls: it worked, could be reached, failed, or refused us.",
    )
    .by(&[known("provider", learned), known("result", || Lesson::WORDS.to_vec())]),
    Metric::new(
        "switchboard_model_reachable",
        Kind::Measurement,
        "Whether the canary got a session: 1 or 0; without a canary there is no value.",
    ),
    Metric::new(
        "switchboard_model_breaker_open",
        Kind::Gauge,
        "Keys and models that refused a session and are not tried for a while.",
    ),
    Metric::new("switchboard_model_warm_total", Kind::Counter, "Results of sessions that wait for a call.")
        .by(&[known("what", || vec!["opened", "taken", "missed", "dead", "old", "refused", "drained"])]),
    Metric::new("switchboard_model_warm_sessions", Kind::Gauge, "Opened sessions that wait for a call."),
    Metric::new(
        "switchboard_clips_total",
        Kind::Counter,
        "Exact words that were due where the model does not say them as they stand: played from a recording, or left to the model as it was late or had failed.",
    )
    .by(&[known("result", || vec!["played", "late", "failed"])]),
    Metric::new(
        "switchboard_clips_made_total",
        Kind::Counter,
        "Recordings of exact words: rendered by the server, read from the disk, or failed.",
    )
    .by(&[known("result", || vec!["rendered", "read", "failed"])]),
    Metric::new(
        "switchboard_transcriptions_missing_total",
        Kind::Counter,
        "Turns of callers without words: their transcription failed, or was not there after five seconds.",
    )
    .by(&[known("why", || vec!["failed", "late"])]),
    // Money.
    Metric::new(
        "switchboard_spend_usd_total",
        Kind::Amount,
        "US dollars spent since the start, by agent, model and variant.",
    )
    .by(&[
        named("agent", AGENTS),
        named("model", "the models of `[realtime]`, its fallbacks, agents and routes"),
        named("variant", "the names of `[[experiments]]`, `control`, or `none`"),
    ]),
    Metric::new("switchboard_spend_day_usd", Kind::Gauge, "US dollars spent today (UTC)."),
    Metric::new("switchboard_spend_killed", Kind::Gauge, "Whether the kill switch is on: 1 or 0."),
    Metric::new(
        "switchboard_spend_limits_total",
        Kind::Counter,
        "Limits of what may be spent that were reached.",
    )
    .by(&[known("limit", || vec!["caller_soft", "caller_hard", "day_soft", "day_hard"])]),
    // The cluster.
    Metric::new(
        "switchboard_cluster_nodes",
        Kind::Gauge,
        "Nodes that this one knows to be there, itself included; 0 without a cluster.",
    ),
    Metric::new(
        "switchboard_cluster_apart",
        Kind::Gauge,
        "Whether Redis does not answer, so that this node goes by its share of the limits: 1 or 0.",
    ),
    Metric::new(
        "switchboard_cluster_forwards_total",
        Kind::Counter,
        "Requests that went to the node that has the call: answered there, or that node did not answer.",
    )
    .by(&[known("result", || vec!["done", "failed"])]),
    Metric::new(
        "switchboard_cluster_takeovers_total",
        Kind::Counter,
        "Streams of calls that a node had announced and that was gone when they came.",
    ),
    // Records and webhooks.
    Metric::new(
        "switchboard_records_total",
        Kind::Counter,
        "Records: written, recovered, deferred to their journal, failed.",
    )
    .by(&[known("result", || vec!["written", "recovered", "deferred", "failed"])]),
    Metric::new(
        "switchboard_records_failed_total",
        Kind::Counter,
        "Steps of a record that the disk refused; tried again.",
    )
    .by(&[known("step", || vec!["file", "recover", "journal_write", "journal_sync", "journal_remove"])]),
    Metric::new(
        "switchboard_journal_gaps_total",
        Kind::Counter,
        "Entries that did not go into a journal; the record has them.",
    ),
    Metric::new(
        "switchboard_records_removed_total",
        Kind::Counter,
        "Files removed by the limits of records, by kind.",
    )
    .by(&[known("kind", || vec!["transcripts", "queue", "recordings", "journals", "temporary"])]),
    Metric::new(
        "switchboard_recording_dir_missing",
        Kind::Gauge,
        "Whether the folder of recordings has gone while the service runs: 1 or 0.",
    ),
    Metric::new(
        "switchboard_records_unwritable",
        Kind::Gauge,
        "Whether records wait in memory because their folder cannot be written: 1 or 0.",
    ),
    Metric::new("switchboard_webhook_deliveries_total", Kind::Counter, "Webhook deliveries, by result.")
        .by(&[known("result", || vec!["delivered", "retried", "given_up", "dropped"])]),
    // The console.
    Metric::new(
        "switchboard_take_overs_total",
        Kind::Counter,
        "Calls that a person took over from the agent, and gave back.",
    )
    .by(&[known("act", || vec!["take_over", "give_back"])]),
    Metric::new(
        "switchboard_event_readers_dropped_total",
        Kind::Counter,
        "Readers of /events that did not keep up and were dropped.",
    ),
    // The process.
    Metric::new(
        "switchboard_loop_lag_seconds",
        Kind::Histogram(&LAG),
        "How late a thread's timers run, by thread.",
    )
    .by(&[named("thread", "the service's threads")]),
    Metric::new(
        "switchboard_overload_rung",
        Kind::Gauge,
        "What a thread of calls does to keep up: 0 nothing, 1 and 2 messages of 40 and 60 ms to the model, 3 it refuses calls.",
    )
    .by(&[named("thread", "the service's threads of calls")]),
    Metric::new("switchboard_overload_rungs_total", Kind::Counter, "Times a thread of calls came to a rung, by rung.")
        .by(&[known("rung", || Rung::ALL.map(Rung::word).into())]),
    Metric::new(
        "switchboard_audio_messages_gathered_total",
        Kind::Counter,
        "Messages to the model that join several frames, because the thread fell behind.",
    ),
    Metric::new("switchboard_build_info", Kind::Measurement, "The program's version; always 1.")
        .by(&[named("version", "the version of this program")]),
    Metric::new(
        "switchboard_configuration_reloads_total",
        Kind::Counter,
        "Times the configuration was read again, by result.",
    )
    .by(&[known("result", || vec!["applied", "refused"])]),
    Metric::new("process_cpu_seconds_total", Kind::Amount, "Processor time used, in user and system mode."),
    Metric::new("process_resident_memory_bytes", Kind::Measurement, "Memory that is in use."),
    Metric::new("process_virtual_memory_bytes", Kind::Measurement, "Memory that is addressed."),
    Metric::new("process_open_fds", Kind::Measurement, "Open files and sockets."),
    Metric::new("process_max_fds", Kind::Measurement, "Limit of open files and sockets."),
    Metric::new("process_threads", Kind::Measurement, "Threads."),
    Metric::new(
        "process_start_time_seconds",
        Kind::Measurement,
        "When the process began, in seconds since 1970.",
    ),
];

const AGENTS: &str = "the names of `[agents]`";

fn carriers() -> Vec<&'static str> {
    Carrier::every().map(Carrier::name).collect()
}

fn endings() -> Vec<&'static str> {
    Ending::ALL.map(Ending::reason).into()
}

/// Providers and engines of which calls learn.
fn learned() -> Vec<&'static str> {
    let engines = Provider::all().flat_map(|provider| provider.engines()).map(|engine| engine.name);
    Provider::all().filter(|provider| provider.engines().is_empty()).map(Provider::word).chain(engines).collect()
}

fn connects() -> Vec<&'static str> {
    vec!["ok", "retryable", "expired", "fatal"]
}

/// Why a connection or a call is refused: by the routes, by the Supervisor, on a stream.
fn refusals() -> Vec<&'static str> {
    let app = [
        "bad_signature",
        "wrong_account",
        "not_local",
        "web_page",
        "unknown_agent",
        "too_many_sockets",
        "no_upgrade",
        "stalled",
    ];
    let supervisor = [
        "full",
        "overloaded",
        "draining",
        "too_many_outbound",
        "bad_token",
        "already_on",
        "wrong_call",
        "call_over",
        "no_stream",
        "spend_limit",
        "killed",
        "caller_busy",
        "declined",
    ];
    let stream = ["start_timeout", "attach_timeout"];
    [&app[..], &supervisor, &stream].concat()
}

/// The outcomes of a transfer: `dialled` and `called_off`, how the callee responded, and why
/// nothing was dialled.
fn transfer_outcomes() -> Vec<&'static str> {
    let dialled = ["dialled", "called_off", "handed_over", "answered", "not_taken", "busy", "no_answer", "failed"];
    let refused = ["unknown_destination", "outside_hours", "unreachable", "wrong_state", "too_many"];
    [&dialled[..], &refused].concat()
}

fn drop_reasons() -> Vec<&'static str> {
    vec!["mailbox_full", "not_attached", "muted", "overflow", "disk_slow", "slow_listener"]
}

fn is_dropped(values: &[&str]) -> bool {
    let causes = DropCause::ALL.map(|cause| [cause.direction(), cause.reason()]);
    let others = [["recording", "disk_slow"], ["listener", "slow_listener"], ["person", "mailbox_full"]];
    others.iter().any(|other| values == other) || causes.iter().any(|cause| values == cause)
}

/// Reaches up to the longest wait for a model; a caller hangs up well before the last buckets.
static SETUP: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 15.0];
/// Fine steps around 0.8 s, where an answer stops feeling immediate.
static TURN: [f64; 14] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 1.5, 2.5, 5.0, 10.0];
/// Our own share, without the network: tens of microseconds if all is well, a frame (20 ms) if
/// something is wrong.
static BARGE_IN: [f64; 10] = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.02, 0.1];
/// The runtime's timers are accurate to the millisecond: 2 ms at p99 is fine, 20 ms is one frame
/// late.
static LAG: [f64; 9] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5];

#[cfg(test)]
mod tests;
