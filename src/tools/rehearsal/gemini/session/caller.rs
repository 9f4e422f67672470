//! The caller's side of a session: receives audio, finds turns, and sends the caller's words.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard_actors::audio::resample::Resampler;

use super::super::answers::FORMAT;
use super::super::client::{Blob, decoded};
use super::super::closes::Close;
use super::super::conversation::Role;
use super::{End, Session};
use crate::tools::rehearsal::input::SpeechChange;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::sound::Sound;

/// The rate of the caller's audio, and what converts it to ours.
#[derive(Debug, Default)]
pub(super) struct Ear {
    rate_hz: u32,
    resampler: Option<Resampler>,
    /// Half a sample at the end of the last piece.
    odd: Option<u8>,
}

impl Ear {
    /// Converts a piece of audio of this rate.
    fn hear(&mut self, mut bytes: Vec<u8>, rate_hz: u32) -> Result<Vec<u8>, Close> {
        if rate_hz != self.rate_hz || self.resampler.is_none() {
            let resampler = Resampler::new(rate_hz, OUR_RATE_HZ).map_err(|_| Close::argument())?;
            *self = Self { rate_hz, resampler: Some(resampler), odd: None };
        }
        if let Some(byte) = self.odd.take() {
            bytes.insert(0, byte);
        }
        if bytes.len() % 2 == 1 {
            self.odd = bytes.pop();
        }
        let samples: Vec<i16> = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        let mut converted = Vec::with_capacity(samples.len() * 3);
        if let Some(resampler) = &mut self.resampler {
            resampler.process(&samples, &mut converted);
        }
        Ok(converted.into_iter().flat_map(i16::to_le_bytes).collect())
    }
}

impl Session {
    /// Handles input other than audio in its usual form.
    pub(super) fn hear_input(&mut self, input: &Value, now: Instant) -> Result<(), Close> {
        let fields = input.as_object().map(|fields| fields.iter().collect::<Vec<_>>()).unwrap_or_default();
        let [(name, value)] = fields[..] else { return Err(Close::argument()) };
        let automatic = self.settings.as_ref().is_some_and(|settings| settings.detection.is_some());
        match name.as_str() {
            "audio" => self.hear_blob(value, now),
            "mediaChunks" if self.settings.as_ref().is_some_and(|settings| settings.family.takes_media_chunks) => {
                let chunks = value.as_array().map_or(&[][..], Vec::as_slice);
                chunks.iter().try_for_each(|chunk| self.hear_blob(chunk, now))
            }
            "text" => {
                self.conversation.add_text(Role::User, value.as_str().unwrap_or_default().to_owned());
                self.stop_answer(now);
                self.reply(now);
                Ok(())
            }
            "activityStart" if !automatic => {
                if !std::mem::replace(&mut self.in_activity, true) {
                    self.input.clear();
                    self.speech_began(now);
                }
                Ok(())
            }
            "activityEnd" if !automatic => {
                if std::mem::take(&mut self.in_activity) {
                    let turn = self.input.commit();
                    self.speech_ended(turn, now);
                }
                Ok(())
            }
            "audioStreamEnd" if automatic && self.opening.service == super::super::models::Service::Developer => {
                if let Some(SpeechChange::SpeechEnded { turn, .. }) = self.input.finish() {
                    self.speech_ended(turn, now);
                }
                Ok(())
            }
            // Pictures are not looked at.
            "video" => Ok(()),
            _ => Err(Close::argument()),
        }
    }

    fn hear_blob(&mut self, blob: &Value, now: Instant) -> Result<(), Close> {
        let text = |name: &str| blob[name].as_str().unwrap_or_default().to_owned().into();
        self.hear_audio(&Blob { data: text("data"), mime: text("mimeType") }, now)
    }

    /// Handles a piece of the caller's audio.
    pub(super) fn hear_audio(&mut self, blob: &Blob<'_>, now: Instant) -> Result<(), Close> {
        let Some(settings) = &self.settings else { return Err(Close::argument()) };
        if settings.family.deaf_during_calls && self.run.as_ref().is_some_and(|run| !run.awaited().is_empty()) {
            return Err(Close::new(1007, "CONTENT_TYPE_AUDIO not supported while a function call is pending."));
        }
        let rate_hz = rate_of(&blob.mime).ok_or_else(Close::argument)?;
        let bytes = decoded(&blob.data).ok_or_else(|| {
            Close::new(1007, "Invalid value at 'realtime_input.audio.data' (TYPE_BYTES), Base64 decoding failed.")
        })?;
        let automatic = settings.detection.is_some();
        let audio = self.ear.hear(bytes, rate_hz)?;
        // Without the server's detection, what comes outside an activity is thrown away.
        if !automatic && !self.in_activity {
            return Ok(());
        }
        self.input.append(&audio);
        while let Some(heard) = self.input.listen() {
            match heard {
                SpeechChange::SpeechBegan { .. } => self.speech_began(now),
                SpeechChange::SpeechEnded { turn, .. } => self.speech_ended(turn, now),
            }
        }
        Ok(())
    }

    /// Whether the caller speaks.
    pub(super) fn caller_speaks(&self) -> bool {
        self.in_activity || self.input.speaking()
    }

    fn speech_began(&mut self, now: Instant) {
        let Some(settings) = &self.settings else { return };
        let (interrupts, reports) = (settings.interrupts, settings.reports_speech);
        self.turns_begun += 1;
        if self.misbehaviour.drop_at_speech == Some(self.turns_begun) {
            self.ends.push((now, End::Drop));
        }
        if reports {
            self.report_speech("ACTIVITY_START");
        }
        let (first_words, _) = settings_words(self, 0);
        self.words_begun = self.schedule_words(first_words, false, now);
        if interrupts {
            self.interrupt(now);
        }
    }

    fn speech_ended(&mut self, turn: Sound, now: Instant) {
        if self.settings.as_ref().is_some_and(|settings| settings.reports_speech) {
            self.report_speech("ACTIVITY_END");
        }
        if self.misbehaviour.drop_at_turn_end == Some(self.turns_begun) {
            // Messages queued so far are still sent.
            return self.ends.push((now, End::Drop));
        }
        let (first, rest) = settings_words(self, turn.ms());
        if !std::mem::take(&mut self.words_begun) {
            self.schedule_words(first, false, now);
        }
        self.schedule_words(rest, true, now);
        self.conversation.add_speech(turn);
        self.reply(now);
    }

    fn report_speech(&mut self, kind: &str) {
        let offset = format!("{}s", self.input.written_ms() as f64 / 1000.0);
        self.messages.send(&json!({"voiceActivity": {"voiceActivityType": kind, "audioOffset": offset}}));
    }

    /// Schedules words of the caller. Returns whether they will be sent.
    fn schedule_words(&mut self, words: String, finished: bool, now: Instant) -> bool {
        let Misbehaviour { no_transcripts, fail_transcripts, transcripts_after_ms, .. } = *self.misbehaviour;
        let wanted = self.settings.as_ref().is_some_and(|settings| settings.hears_words);
        let send = wanted && !Misbehaviour::on(no_transcripts) && !Misbehaviour::on(fail_transcripts);
        if send {
            let after = transcripts_after_ms.map_or(self.opening.words_after, Duration::from_millis);
            self.words.push((now + after, words, finished));
        }
        send
    }

    /// Sends the words that are due.
    pub(super) fn send_words(&mut self, now: Instant) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.words).into_iter().partition(|(at, ..)| *at <= now);
        self.words = later;
        for (_, text, finished) in due {
            let mut words = json!({"text": text});
            if finished {
                words["finished"] = true.into();
            }
            self.messages.content(&json!({"inputTranscription": words}));
        }
    }
}

/// The first words for a turn, which are sent while it lasts, and the others. Nothing is transcribed
/// here, so they say how long the turn is.
fn settings_words(session: &Session, ms: u64) -> (String, String) {
    let Some(settings) = &session.settings else { return Default::default() };
    let text = settings.language().heard(ms);
    // The language's text begins with the same words for every length.
    let middle = text.find([',', ' ']).map_or(text.len(), |at| at + 1);
    (text[..middle].to_owned(), text[middle..].to_owned())
}

/// The rate in a type such as `audio/pcm;rate=16000`. Without one, the model's own is meant.
fn rate_of(mime: &str) -> Option<u32> {
    let mut parts = mime.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("audio/pcm") {
        return None;
    }
    match parts.find_map(|part| part.strip_prefix("rate=")) {
        Some(rate) => rate.parse().ok(),
        None => Some(16_000),
    }
}

/// The rate of [`FORMAT`].
const OUR_RATE_HZ: u32 = (FORMAT.bytes_per_ms() * 1000 / FORMAT.sample_bytes()) as u32;
