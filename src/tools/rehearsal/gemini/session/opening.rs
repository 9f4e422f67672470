//! The beginning of a session: what is known when a connection opens, and its setup.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::answers::FORMAT;
use super::super::closes::Close;
use super::super::conversation::Role;
use super::super::handles::Snapshot;
use super::super::models::Service;
use super::super::settings::Settings;
use super::{End, Session};
use crate::tools::rehearsal::input::Input;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::pace::Pace;

/// The inputs of a new session.
#[derive(Debug, Clone)]
pub(in crate::tools::rehearsal) struct Opening {
    /// The service whose address was dialled.
    pub(in crate::tools::rehearsal) service: Service,
    /// The version of the API in the address.
    pub(in crate::tools::rehearsal) version: &'static str,
    /// The pace of its audio.
    pub(in crate::tools::rehearsal) pace: Pace,
    /// Delay of the caller's words after their turn.
    pub(in crate::tools::rehearsal) words_after: Duration,
    /// Maximum length of the connection.
    pub(in crate::tools::rehearsal) lifetime: Duration,
    /// The misbehaviour to rehearse.
    pub(in crate::tools::rehearsal) misbehaviour: Rc<Misbehaviour>,
    /// The seed for ids.
    pub(in crate::tools::rehearsal) seed: u64,
}

impl Opening {
    /// The scheduled ends of a connection that opens now.
    pub(super) fn ends(&self, now: Instant) -> Vec<(Instant, End)> {
        let misbehaviour = &self.misbehaviour;
        let lifetime =
            misbehaviour.expire_after_ms.map_or(self.lifetime.min(LONGEST_CONNECTION), Duration::from_millis);
        let left = misbehaviour.go_away_ms.map_or(WARNING.min(lifetime / 2), Duration::from_millis);
        let mut ends = vec![(now + lifetime.saturating_sub(left), End::Warn { left }), (now + lifetime, End::Expire)];
        ends.extend(misbehaviour.close_after_ms.map(|ms| (now + Duration::from_millis(ms), End::Close)));
        ends.extend(misbehaviour.drop_after_ms.map(|ms| (now + Duration::from_millis(ms), End::Drop)));
        ends
    }
}

impl Session {
    /// Accepts a setup.
    pub(super) fn set_up(&mut self, setup: &Value, now: Instant) -> Result<(), Close> {
        if let Some(number) = self.misbehaviour.reject {
            return Err(rejection(number, setup["model"].as_str().unwrap_or_default()));
        }
        let settings = Settings::read(setup, self.opening.service, self.opening.version)?;
        let handle = setup["sessionResumption"]["handle"].as_str().filter(|handle| !handle.is_empty());
        if let Some(handle) = handle {
            self.conversation = self.resumed(handle, &settings)?.conversation;
        }
        if setup.get("contextWindowCompression").is_none() {
            self.ends.push((now + LONGEST_UNCOMPRESSED, End::TooLong));
        }
        self.input = Input::new(FORMAT, settings.detection);
        self.awaits_history = settings.awaits_history && handle.is_none();
        self.settings = Some(settings);
        if Misbehaviour::on(self.misbehaviour.no_created) || Misbehaviour::on(self.misbehaviour.no_updated) {
            return Ok(());
        }
        let mut complete = json!({"sessionId": self.ids.next("session")});
        if let Some(bytes) = self.misbehaviour.big_updated_bytes {
            complete["rehearsedLength"] = json!("x".repeat(bytes.min(LARGEST_COMPLETE) as usize));
        }
        self.messages.send(&json!({"setupComplete": complete}));
        // A resumed session can be resumed again from where it is.
        if handle.is_some() {
            self.send_handle();
        }
        Ok(())
    }

    /// What a handle stands for.
    fn resumed(&self, handle: &str, settings: &Settings) -> Result<Snapshot, Close> {
        if Misbehaviour::on(self.misbehaviour.bad_handle) {
            return Err(Close::argument());
        }
        match self.handles.find(handle) {
            Some(snapshot) if snapshot.model == settings.model => Ok(snapshot),
            Some(_) => Err(Close::argument()),
            None => Err(Close::new(1008, "BidiGenerateContent session not found: the handle has expired.")),
        }
    }

    /// Sends a handle that stands for the conversation so far.
    pub(super) fn send_handle(&mut self) {
        let Some(settings) = self.settings.as_ref().filter(|settings| settings.resumable) else { return };
        let handle = self.ids.next("handle");
        let snapshot = Snapshot { model: settings.model.clone(), conversation: self.conversation.clone() };
        let mut update = json!({"newHandle": handle, "resumable": true});
        if settings.transparent {
            update["lastConsumedClientMessageIndex"] = json!(self.heard_messages.to_string());
        }
        self.handles.keep(handle, snapshot);
        self.messages.send(&json!({"sessionResumptionUpdate": update}));
    }

    /// Says that the session cannot be resumed from where it is.
    pub(super) fn send_no_handle(&mut self) {
        if self.settings.as_ref().is_some_and(|settings| settings.resumable) {
            self.messages.send(&json!({"sessionResumptionUpdate": {"resumable": false}}));
        }
    }

    /// Adds texts to the conversation. Returns whether there were any.
    pub(super) fn add_texts(&mut self, turns: &Value) -> bool {
        let turns = turns.as_array().map_or(&[][..], Vec::as_slice);
        for turn in turns {
            let role = if turn["role"] == "model" { Role::Model } else { Role::User };
            self.conversation.add_text(role, super::super::settings::text_of(turn));
        }
        !turns.is_empty()
    }
}

/// The close of a setup that is refused as a rehearsal asks: a code of the other protocols with the
/// same meaning here, or a row of the table of closes.
fn rejection(number: u64, model: &str) -> Close {
    match number {
        3000 => Close::new(1007, "API key not valid. Please pass a valid API key."),
        4000 | 4004 => Close::model(model, "v1beta"),
        1013 => Close::new(1011, "Your prepayment credits are depleted."),
        number => Close::rehearsed(number),
    }
}

/// How long the real service keeps a connection.
const LONGEST_CONNECTION: Duration = Duration::from_secs(600);
/// How long before the end of a connection the client is warned.
const WARNING: Duration = Duration::from_secs(50);
/// How long a session lasts whose context is not compressed.
const LONGEST_UNCOMPRESSED: Duration = Duration::from_secs(900);
/// Maximum rehearsed length: what a client with a reasonable limit accepts.
const LARGEST_COMPLETE: u64 = 16 * 1024 * 1024;
