//! The summary of a call, for people and for machines.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;
use switchboard_actors::carrier::fake::Complaint;

/// The summary of one simulated call. `--json` prints this.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The carrier that was played.
    pub carrier: &'static str,
    /// The call's id, created by the phone.
    pub call_sid: String,
    /// The ids of its streams, in order. There are several if the service took the call back.
    pub stream_sids: Vec<String>,
    /// Time from dialling to the end.
    pub duration_ms: u64,
    /// Time from the first stream's `start` to the first audible sample. `None` if nothing was
    /// audible.
    pub time_to_first_sound_ms: Option<u64>,
    /// Seconds of media that were played to the caller.
    pub heard_seconds: f64,
    /// Seconds of media that were queued but never played, because of a clear or the end of the
    /// call.
    pub unheard_seconds: f64,
    /// Number of 20 ms frames sent.
    pub frames_sent: u64,
    /// Media messages received from the service.
    pub media_received: u64,
    /// Marks echoed, including cleared ones.
    pub marks_echoed: u64,
    /// Marks among `marks_echoed` that a clear released.
    pub marks_cleared: u64,
    /// Clears received from the service.
    pub clears: u64,
    /// Keys pressed.
    pub dtmf_sent: String,
    /// When the caller's speech began, measured from the first stream's `start`.
    pub spoke_from_ms: Option<u64>,
    /// When the caller's speech ended, measured from the first stream's `start`.
    pub spoke_until_ms: Option<u64>,
    /// Time from the caller's last word to the first sound after it. `None` if no sound followed or
    /// the call was not recorded.
    pub answered_after_ms: Option<u64>,
    /// Callees that the service transferred the call to, with the outcomes.
    pub transfers: Vec<Transfer>,
    /// Who ended the call.
    pub ended_by: EndedBy,
    /// How the call ended, step by step: `stream closed (1000) → Hangup`.
    pub ended_how: String,
    /// Every step of the call, in order.
    pub trail: Vec<String>,
    /// Warnings that the carrier's debugger would show without ending the call.
    pub warnings: Vec<Warning>,
    /// Failures. The call was still ended properly.
    pub failures: Vec<String>,
    /// Duration of each webhook request.
    pub http: Vec<HttpTiming>,
    /// Path of the recording of what the caller heard.
    pub heard_wav: Option<PathBuf>,
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The phone hung up.
    Caller,
    /// The service ended the call: by its document, or by closing the stream with no verb after it.
    Service,
    /// A failure ended the call.
    #[default]
    Failure,
}

/// A `<Dial>` of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// The numbers that were dialled.
    pub to: Vec<String>,
    /// The `DialCallStatus` value.
    pub outcome: &'static str,
    /// What the callee heard before being joined.
    pub whispered: Option<String>,
}

/// One warning as the carrier's debugger shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The carrier's code. 0 if it has none.
    pub code: u32,
    /// What was wrong.
    pub text: String,
    /// How often it occurred.
    pub count: u64,
}

/// One request to the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpTiming {
    /// The method: `POST` or `GET`.
    pub method: &'static str,
    /// The URL without its query.
    pub url: String,
    /// The answer's status.
    pub status: u16,
    /// Time from dialling to the last byte.
    pub took_ms: u64,
}

impl Warning {
    /// A warning that occurred once.
    pub(super) fn new(code: u32, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), count: 1 }
    }
}

impl From<Complaint> for Warning {
    fn from(complaint: Complaint) -> Self {
        Self::new(complaint.code, complaint.text)
    }
}

/// Maximum number of distinct warnings kept. More would add nothing to the picture of a faulty
/// service.
const MOST_WARNINGS: usize = 50;

impl Summary {
    /// Whether nothing failed. Warnings are not failures.
    pub fn succeeded(&self) -> bool {
        self.failures.is_empty()
    }

    /// How often a warning with this code occurred.
    pub fn warned(&self, code: u32) -> u64 {
        self.warnings.iter().filter(|warning| warning.code == code).map(|warning| warning.count).sum()
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        let same = |known: &Warning| known.code == warning.code && known.text == warning.text;
        let place = self.warnings.iter().position(same).or_else(|| {
            let full = self.warnings.len() >= MOST_WARNINGS;
            // A warning that does not fit is counted with the latest of its kind.
            full.then(|| self.warnings.iter().rposition(|known| known.code == warning.code)).flatten()
        });
        match place {
            Some(place) => self.warnings[place].count += warning.count,
            None => self.warnings.push(warning),
        }
    }

    /// Formats the summary as text for people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |label: &str, value: String| {
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{label:<16}{value}");
        };
        line("Call", format!("{} ({})", self.call_sid, self.carrier));
        for stream in &self.stream_sids {
            line("Stream", stream.clone());
        }
        line("Lasted", format!("{:.1} s", self.duration_ms as f64 / 1000.0));
        line("First sound", self.time_to_first_sound_ms.map_or("never".into(), |ms| format!("after {ms} ms")));
        if let Some(ms) = self.answered_after_ms {
            line("Answer", format!("{ms} ms after the caller's last word"));
        }
        line("Heard", format!("{:.1} s ({:.1} s queued and never played)", self.heard_seconds, self.unheard_seconds));
        line("Sent", format!("{} frames of 20 ms", self.frames_sent));
        line("Marks", format!("{} echoed, {} of them cleared", self.marks_echoed, self.marks_cleared));
        line("Clears", self.clears.to_string());
        if !self.dtmf_sent.is_empty() {
            line("Keys", self.dtmf_sent.clone());
        }
        for transfer in &self.transfers {
            line("Transfer", format!("{} → {}", transfer.to.join(", "), transfer.outcome));
        }
        for request in &self.http {
            line(
                "Webhook",
                format!("{} {} → {} in {} ms", request.method, request.url, request.status, request.took_ms),
            );
        }
        line("Ended", format!("by the {}: {}", self.ended_by.word(), self.ended_how));
        for warning in &self.warnings {
            let times = if warning.count > 1 { format!(" ({} times)", warning.count) } else { String::new() };
            line("Warning", format!("{} {}{times}", warning.code, warning.text));
        }
        for failure in &self.failures {
            line("Failed", failure.clone());
        }
        if let Some(path) = &self.heard_wav {
            line("Recording", path.display().to_string());
        }
        text
    }
}

impl EndedBy {
    /// The word shown to users.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Service => "service",
            Self::Failure => "failure below",
        }
    }
}

#[cfg(test)]
mod tests;
