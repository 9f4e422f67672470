//! The state of one notice's deliveries, as it is kept on disk. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::notice::Notice;

/// A notice and its state for each endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The version of this file format.
    pub version: u32,
    /// The notice that is delivered.
    pub notice: Notice,
    /// The state of each delivery, by the endpoint's name.
    pub deliveries: BTreeMap<String, Course>,
}

/// One delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Its status.
    pub status: Status,
    /// Tries so far.
    pub attempts: u32,
    /// When it was accepted: `give_up_after` counts from here.
    pub since: DateTime<Utc>,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<DateTime<Utc>>,
    /// When it was tried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<DateTime<Utc>>,
    /// The result of the last try in our own words; never the receiver's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// When it was delivered or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
}

/// The status of a delivery, or of all deliveries of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not tried yet, or waiting for the next try.
    Pending,
    /// The receiver has it.
    Completed,
    /// A dead letter: nothing more is tried until an operator asks for it.
    Failed,
}

impl Status {
    /// The word on disk.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

impl Case {
    /// A notice that has not been sent yet.
    pub fn new(notice: Notice, endpoints: &[&str], now: DateTime<Utc>) -> Self {
        let deliveries = endpoints.iter().map(|name| ((*name).to_owned(), Course::new(now))).collect();
        Self { version: VERSION, notice, deliveries }
    }

    /// Pending while any delivery is; failed when none is pending and one has failed.
    pub fn status(&self) -> Status {
        let any = |status| self.deliveries.values().any(|course| course.status == status);
        if any(Status::Pending) {
            Status::Pending
        } else if any(Status::Failed) {
            Status::Failed
        } else {
            Status::Completed
        }
    }

    /// Tries so far, of all deliveries.
    pub fn attempts(&self) -> u32 {
        self.deliveries.values().map(|course| course.attempts).fold(0, u32::saturating_add)
    }

    /// Queues failed deliveries again from the beginning. Returns whether there were any.
    pub fn revive(&mut self, now: DateTime<Utc>) -> bool {
        let mut any = false;
        for course in self.deliveries.values_mut().filter(|course| course.status == Status::Failed) {
            *course = Course { last: course.last.take(), last_at: course.last_at, ..Course::new(now) };
            any = true;
        }
        any
    }

    /// The content of its file.
    ///
    /// # Errors
    /// Never in practice; the serializer's signature requires it.
    pub fn json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// In words, when it is not a case, or one of another version.
    pub fn read(content: &[u8]) -> Result<Self, String> {
        let case: Self = serde_json::from_slice(content).map_err(|error| error.to_string())?;
        if case.version == VERSION {
            Ok(case)
        } else {
            Err(format!("found version {}, expected {VERSION}", case.version))
        }
    }
}

impl Course {
    fn new(now: DateTime<Utc>) -> Self {
        Self {
            status: Status::Pending,
            attempts: 0,
            since: now,
            next_at: None,
            last_at: None,
            last: None,
            ended_at: None,
        }
    }
}

/// A time as files have it.
pub fn rfc3339(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

const VERSION: u32 = 1;

#[cfg(test)]
mod tests;
