//! The caller's audio of a turn whose words are not known yet. Pure.
//!
//! A session that is lost takes the turn with it that it was hearing or transcribing. The audio of that one turn is kept until its
//! words have come, so that the next session can be given it as it was said.

use std::collections::VecDeque;

use crate::ids::ItemId;
use crate::wire::AudioFormat;

/// The newest of what the caller said.
#[derive(Debug)]
pub struct TurnAudio {
    /// Between turns a little, for turn detection notices a turn after it began; within one, all of it.
    newest: VecDeque<u8>,
    open: Option<ItemId>,
    /// The last turn that is over and lacks its words.
    unwritten: Option<(ItemId, Vec<u8>)>,
    lead_bytes: usize,
    most_bytes: usize,
}

impl TurnAudio {
    /// Nothing was heard yet.
    pub fn new(format: AudioFormat) -> Self {
        let bytes = |ms: usize| ms * format.bytes_per_ms();
        Self {
            newest: VecDeque::new(),
            open: None,
            unwritten: None,
            lead_bytes: bytes(LEAD_MS),
            most_bytes: bytes(MOST_MS),
        }
    }

    /// A frame went to the model.
    pub fn sent(&mut self, audio: &[u8]) {
        self.newest.extend(audio);
        let most = if self.open.is_some() { self.most_bytes } else { self.lead_bytes };
        let too_old = self.newest.len().saturating_sub(most);
        self.newest.drain(..too_old);
    }

    /// The caller began to speak.
    pub fn began(&mut self, item: &ItemId) {
        self.open = Some(item.clone());
    }

    /// The caller's turn is over.
    pub fn ended(&mut self, item: &ItemId) {
        if self.open.take().is_some() {
            self.unwritten = Some((item.clone(), std::mem::take(&mut self.newest).into()));
        }
    }

    /// Its words have come.
    pub fn written(&mut self, item: &ItemId) {
        self.unwritten.take_if(|(unwritten, _)| unwritten == item);
    }

    /// The session is gone: the turns that went with it, the last of them perhaps not over.
    pub fn take(&mut self) -> Vec<(ItemId, Vec<u8>)> {
        let open = self.open.take().map(|item| (item, std::mem::take(&mut self.newest).into()));
        self.newest.clear();
        self.unwritten.take().into_iter().chain(open).collect()
    }
}

/// Audio kept from before a turn was noticed. Less cuts its first syllable, more gives the model silence.
const LEAD_MS: usize = 800;
/// Audio kept of one turn: nearly half a megabyte at 24 kHz. Of a longer one the end is what is answered.
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
