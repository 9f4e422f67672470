//! The caller's audio of a turn without a transcript. Pure.
//!
//! When a session is lost, the turn that it was hearing or transcribing is lost too. The audio of
//! that one turn is kept until its words arrive, so that the next session can receive it as it was
//! said.
//!
//! A telephone line carries nothing above 4 kHz and has its own coding. Audio that is sent at 24
//! kHz is therefore kept as 8 kHz mu-law, a sixth of the bytes. It is converted back to 24 kHz for
//! the one call in a thousand that needs it.

use std::collections::VecDeque;

use crate::audio::resample::Resampler;
use crate::audio::scratch::Scratch;
use crate::carrier::{AudioFormat, Encoding};
use crate::g711;
use crate::ids::ItemId;

/// The newest caller audio.
#[derive(Debug)]
pub struct TurnAudio {
    format: AudioFormat,
    /// The kept audio. Between turns it is a short lead, because turn detection notices a turn
    /// after it began. Within a turn it is everything.
    newest: VecDeque<u8>,
    /// The number of 24 kHz samples before the next one that is kept.
    due: usize,
    open: Option<ItemId>,
    /// The last complete turn without a transcript.
    unwritten: Option<(ItemId, Vec<u8>)>,
    lead_bytes: usize,
    most_bytes: usize,
}

impl TurnAudio {
    /// A buffer without audio.
    pub fn new(format: AudioFormat) -> Self {
        let bytes = |ms: usize| ms * if format == AudioFormat::PCM_24K { KEPT } else { format }.bytes_per_ms();
        Self {
            format,
            newest: VecDeque::new(),
            due: 0,
            open: None,
            unwritten: None,
            lead_bytes: bytes(LEAD_MS),
            most_bytes: bytes(MOST_MS),
        }
    }

    /// Records a frame that went to the model.
    pub fn sent(&mut self, audio: &[u8]) {
        if self.format == AudioFormat::PCM_24K {
            self.thin(audio);
        } else {
            self.newest.extend(audio);
        }
        let most = if self.open.is_some() { self.most_bytes } else { self.lead_bytes };
        let too_old = self.newest.len().saturating_sub(most);
        self.newest.drain(..too_old);
    }

    /// Keeps every third sample. The audio was interpolated from 8 kHz samples, so nothing aliases.
    fn thin(&mut self, audio: &[u8]) {
        let (audio, _) = audio.as_chunks::<2>();
        Scratch::lend(|Scratch { narrow, bytes, .. }| {
            let (thirds, rest) = audio.get(self.due..).unwrap_or_default().as_chunks::<3>();
            let kept = thirds.iter().map(|third| third[0]).chain(rest.first().copied());
            narrow.extend(kept.map(i16::from_le_bytes));
            g711::encode(Encoding::MuLaw, narrow, bytes);
            self.newest.extend(&*bytes);
        });
        self.due = (self.due + 3 - audio.len() % 3) % 3;
    }

    /// Converts kept audio to the model's format.
    fn restored(&self, kept: Vec<u8>) -> Vec<u8> {
        if self.format != AudioFormat::PCM_24K {
            return kept;
        }
        let (mut samples, mut finer) = (Vec::with_capacity(kept.len()), Vec::with_capacity(3 * kept.len()));
        g711::decode(Encoding::MuLaw, &kept, &mut samples);
        // The resampler supports both rates.
        let Ok(mut resampler) = Resampler::new(KEPT.rate_hz, self.format.rate_hz) else { return Vec::new() };
        resampler.process(&samples, &mut finer);
        resampler.drain(&mut finer);
        finer.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    /// Records that the caller began to speak.
    pub fn began(&mut self, item: &ItemId) {
        self.open = Some(item.clone());
    }

    /// Records that the caller's turn is over.
    pub fn ended(&mut self, item: &ItemId) {
        if self.open.take().is_some() {
            self.unwritten = Some((item.clone(), std::mem::take(&mut self.newest).into()));
        }
    }

    /// Records that the turn's words have arrived.
    pub fn written(&mut self, item: &ItemId) {
        self.unwritten.take_if(|(unwritten, _)| unwritten == item);
    }

    /// Removes and returns the turns that were lost with the session. The last one may be
    /// incomplete.
    pub fn take(&mut self) -> Vec<(ItemId, Vec<u8>)> {
        let open = self.open.take().map(|item| (item, std::mem::take(&mut self.newest).into()));
        self.newest.clear();
        let turns: Vec<_> = self.unwritten.take().into_iter().chain(open).collect();
        turns.into_iter().map(|(item, kept)| (item, self.restored(kept))).collect()
    }
}

/// Audio that is kept from before a turn was noticed. Less: the first syllable is cut. More: the
/// model gets silence.
const LEAD_MS: usize = 800;
/// The format for kept 24 kHz audio.
const KEPT: AudioFormat = AudioFormat::MULAW_8K;
/// Audio that is kept of one turn: 80 KiB. Of a longer turn only the end is kept, which is what the
/// model answers.
const MOST_MS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str) -> ItemId {
        ItemId::new(name)
    }

    fn frames(audio: &mut TurnAudio, milliseconds: usize, tag: u8) {
        for _ in 0..milliseconds / 20 {
            audio.sent(&[tag; 160]);
        }
    }

    #[test]
    fn a_turn_is_kept_with_its_beginning_until_its_words_come() {
        let mut audio = TurnAudio::new(AudioFormat::MULAW_8K);
        frames(&mut audio, 5_000, 1);
        audio.began(&item("u"));
        frames(&mut audio, 1_000, 2);
        audio.ended(&item("u"));
        frames(&mut audio, 1_000, 3);
        let mut kept = TurnAudio { unwritten: audio.unwritten.clone(), ..TurnAudio::new(AudioFormat::MULAW_8K) };
        audio.written(&item("u"));
        assert!(audio.take().is_empty());
        let [(name, bytes)] = &kept.take()[..] else { panic!("one turn") };
        assert_eq!((name, bytes.len()), (&item("u"), 1_800 * 8));
        assert_eq!(bytes.iter().filter(|byte| **byte == 2).count(), 8_000);
    }

    #[test]
    fn what_was_said_at_24_khz_comes_back_as_speech_of_the_same_length() {
        let mut audio = TurnAudio::new(AudioFormat::PCM_24K);
        let sample = |n: usize| (8_000.0 * (n as f32 * 600.0 * std::f32::consts::TAU / 24_000.0).sin()) as i16;
        let said: Vec<i16> = (0..24_000).map(sample).collect();
        audio.began(&item("u"));
        for frame in said.chunks(241) {
            let bytes: Vec<u8> = frame.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            audio.sent(&bytes);
        }
        assert!(audio.newest.len() <= 8_001, "{} bytes for a second", audio.newest.len());
        let [(_, bytes)] = &audio.take()[..] else { panic!("one turn") };
        let heard: Vec<i16> = bytes.chunks_exact(2).map(|it| i16::from_le_bytes([it[0], it[1]])).collect();
        // The filter has a delay of 5 ms.
        let off = (1_000..20_000).map(|n| (i32::from(said[n]) - i32::from(heard[n + 120])).abs()).max();
        assert!(heard.len() >= 24_000 && off < Some(600), "{} samples, off by {off:?}", heard.len());
    }

    #[test]
    fn an_open_turn_is_bounded_and_keeps_its_end() {
        let mut audio = TurnAudio::new(AudioFormat::MULAW_8K);
        audio.began(&item("u"));
        frames(&mut audio, 60_000, 1);
        frames(&mut audio, 200, 9);
        let [(_, bytes)] = &audio.take()[..] else { panic!("one turn") };
        assert_eq!((bytes.len(), bytes.last()), (MOST_MS * 8, Some(&9)));
    }

    #[test]
    fn silence_between_turns_is_not_kept() {
        let mut audio = TurnAudio::new(AudioFormat::MULAW_8K);
        frames(&mut audio, 60_000, 1);
        assert!(audio.newest.len() <= LEAD_MS * 8);
        assert!(audio.take().is_empty());
    }
}
