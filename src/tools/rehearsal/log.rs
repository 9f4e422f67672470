//! Records client events, for tests that examine a conversation from the model's side.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// The newest client events of all connections except audio. Each has the number of its connection,
/// counted from 1.
#[derive(Debug, Clone, Default)]
pub struct ClientLog(Arc<Mutex<Vec<(u64, Value)>>>);

impl ClientLog {
    /// The events of one connection, in order.
    pub fn of(&self, connection: u64) -> Vec<Value> {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().filter(|(number, _)| *number == connection).map(|(_, event)| event.clone()).collect()
    }

    /// Number of connections that have sent an event.
    pub fn connections(&self) -> u64 {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().map(|(number, _)| *number).max().unwrap_or(0)
    }

    pub(super) fn note(&self, connection: u64, text: &str) {
        if AUDIO.iter().any(|mark| text.contains(mark)) {
            return;
        }
        let Ok(event) = serde_json::from_str(text) else { return };
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() >= MOST_EVENTS {
            log.remove(0);
        }
        log.push((connection, event));
    }
}

/// What client events with audio contain, and no others.
const AUDIO: [&str; 5] = [
    "\"input_audio_buffer.append\"",
    "\"session.input_audio.append\"",
    "\"mimeType\":\"audio/",
    "\"audio_input\"",
    "\"input_audio_chunk\"",
];
/// Maximum number of events kept. The calls of a test send a few dozen.
const MOST_EVENTS: usize = 4096;
