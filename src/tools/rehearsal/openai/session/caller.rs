//! The caller's side of a session: receives audio, finds and commits turns, sends transcripts, and
//! prompts a silent caller.

use std::time::Instant;

use serde_json::{Value, json};
use switchboard_actors::frame::Frame;

use super::super::item::{AudioPart, Body, Item, Part};
use super::super::transcripts::Transcript;
use super::{End, Session};
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::input::SpeechChange;
use crate::tools::rehearsal::sound::Sound;

impl Session {
    pub(super) fn append(&mut self, audio: &str, now: Instant) -> Result<(), Fault> {
        if audio.len() > MOST_APPENDED / 3 * 4 {
            let message =
                format!("Invalid 'audio': string too long. At most {MOST_APPENDED} bytes can be appended at once.");
            return Err(Fault::request("string_above_max_length", message).at("audio"));
        }
        let bytes = Frame::of_base64(audio).map_err(|_| {
            Fault::request("invalid_value", "Invalid 'audio'. Expected base64-encoded audio bytes.").at("audio")
        })?;
        self.input.append(&bytes);
        while let Some(heard) = self.input.listen() {
            match heard {
                SpeechChange::SpeechBegan { at_ms } => self.speech_began(at_ms, now),
                SpeechChange::SpeechEnded { at_ms, turn } => self.speech_ended(at_ms, turn, now),
            }
        }
        Ok(())
    }

    pub(super) fn commit(&mut self, now: Instant) -> Result<(), Fault> {
        let ms = self.input.buffered_ms();
        if ms < 100.0 {
            let message = format!(
                "Error committing input audio buffer: buffer too small. \
                 Expected at least 100ms of audio, but buffer only has {ms:.2}ms of audio."
            );
            return Err(Fault::request("input_audio_buffer_commit_empty", message));
        }
        let turn = self.input.commit();
        let item_id = self.turn_item.take().unwrap_or_else(|| self.events.id("item"));
        self.add_turn(item_id, turn, false, now);
        Ok(())
    }

    pub(super) fn speech_began(&mut self, at_ms: u64, now: Instant) {
        let item_id = self.events.id("item");
        let started = json!({"audio_start_ms": at_ms, "item_id": item_id});
        self.events.send("input_audio_buffer.speech_started", &started);
        self.turn_item = Some(item_id);
        self.idle_at = None;
        self.turns_begun += 1;
        if self.misbehaviour.drop_at_speech == Some(self.turns_begun) {
            self.ends.push((now, End::Drop));
        }
        if self.settings.interrupts_responses() {
            self.performances.iter_mut().filter(|it| it.in_conversation()).for_each(|it| it.interrupt(now));
            self.perform(now);
        }
    }

    pub(super) fn speech_ended(&mut self, at_ms: u64, turn: Sound, now: Instant) {
        let item_id = self.turn_item.take().unwrap_or_else(|| self.events.id("item"));
        let stopped = json!({"audio_end_ms": at_ms, "item_id": item_id});
        self.events.send("input_audio_buffer.speech_stopped", &stopped);
        if self.misbehaviour.drop_at_turn_end == Some(self.turns_begun) {
            // Events queued so far are still sent.
            return self.ends.push((now, End::Drop));
        }
        self.add_turn(item_id, turn, false, now);
        if self.settings.creates_responses()
            && let Err(fault) = self.respond(&Value::Null, now)
        {
            self.send_error(&fault, None);
        }
    }

    /// Commits audio as an item of the caller. An item that is already answered (silence) is not
    /// repeated to the caller.
    pub(super) fn add_turn(&mut self, item_id: String, turn: Sound, answered: bool, now: Instant) {
        let ms = turn.ms();
        let previous = self.conversation.last_id();
        let committed = json!({"item_id": item_id, "previous_item_id": previous});
        self.events.send("input_audio_buffer.committed", &committed);
        let parts = vec![Part::Audio(AudioPart::heard(turn))];
        let body = Body::Message { role: "user", parts };
        let item = Item { id: item_id.clone(), status: "completed", body, answered };
        let object = item.object(false);
        let previous = self.conversation.push(item);
        let added = json!({"item": object, "previous_item_id": previous});
        self.events.send("conversation.item.added", &added);
        self.events.send("conversation.item.done", &added);
        if let Some(model) = self.settings.transcription_model() {
            let text = self.settings.language().heard(ms);
            self.transcripts.expect(Transcript { item_id, model: model.to_owned(), ms, text }, now);
        }
    }

    pub(super) fn keep_transcript(&mut self, transcript: &Transcript) {
        if let Some(Item { body: Body::Message { parts, .. }, .. }) = self.conversation.item_mut(&transcript.item_id)
            && let Some(Part::Audio(audio)) = parts.first_mut()
        {
            audio.transcript = Some(transcript.text.clone());
        }
    }

    /// Prompts the model after the configured time of silence: commits the buffered audio and
    /// requests a response.
    pub(super) fn prompt_idle_caller(&mut self, now: Instant) {
        self.idle_at = None;
        if self.input.speaking() || self.active().is_some() {
            return;
        }
        let item_id = self.events.id("item");
        let end_ms = self.input.written_ms();
        let silence = self.input.commit();
        let triggered = json!({
            "audio_start_ms": end_ms.saturating_sub(silence.ms()), "audio_end_ms": end_ms, "item_id": item_id,
        });
        self.events.send("input_audio_buffer.timeout_triggered", &triggered);
        self.add_turn(item_id, silence, true, now);
        if let Err(fault) = self.respond(&Value::Null, now) {
            self.send_error(&fault, None);
        }
    }
}

/// Maximum size of the audio in one append, in bytes.
const MOST_APPENDED: usize = 15 * 1024 * 1024;
