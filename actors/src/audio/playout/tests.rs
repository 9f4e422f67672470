//! Playout with made-up carriers. Each differs from a plain carrier in a capability that pacing
//! depends on.

use super::*;
use crate::audio::item::Source;
use crate::carrier::{Carrier, Chunk, Marks, Pacing};
use crate::clock;

const FORMAT: AudioFormat = AudioFormat::MULAW_8K;

/// A carrier that buffers, echoes no marks and clears at once.
fn plain() -> Capabilities {
    let any = Carrier::all().next().expect("a carrier");
    Capabilities {
        name: "plain",
        pacing: Pacing::CarrierBuffers,
        marks: Marks::None,
        clear: Clear::Sure { late: Duration::ZERO },
        chunk: Chunk::ANY,
        lead: ms(400),
        flow: Flow::Free,
        keeps_open_with: None,
        ..*any.capabilities()
    }
}

/// A playout and its clock.
struct Rig {
    playout: Playout,
    now: Instant,
    item: ItemId,
    heard: u32,
    drained: u32,
}

impl Rig {
    fn of(capabilities: &Capabilities) -> Self {
        let playout = Playout::new(FORMAT, capabilities, None);
        Self { playout, now: clock::now(), item: ItemId::new("item_1"), heard: 0, drained: 0 }
    }

    /// The model sends `length` of audio of the item.
    fn says(&mut self, length: Duration) -> Vec<Vec<u8>> {
        let bytes = vec![0x31; length.as_millis() as usize * FORMAT.bytes_per_ms()];
        let samples = bytes.len() as u64;
        let source = Source { rate_hz: FORMAT.rate_hz, delay: Duration::ZERO };
        let (response, item) = (ResponseId::new("resp_1"), self.item.clone());
        let mut out = Vec::new();
        let piece = Piece { response: Some(&response), item: &item, source, samples, bytes: &bytes };
        self.playout.push(&piece, &mut out);
        self.playout.poll(self.now, &mut out);
        self.played(out)
    }

    /// Runs every deadline within `time` and returns the frames that were sent.
    fn pass(&mut self, time: Duration) -> Vec<Vec<u8>> {
        let end = self.now + time;
        let mut out = Vec::new();
        while let Some((due, _)) = self.playout.deadline().filter(|(due, _)| *due <= end) {
            self.now = self.now.max(due);
            self.playout.poll(self.now, &mut out);
        }
        self.now = end;
        self.playout.poll(self.now, &mut out);
        self.played(out)
    }

    fn played(&mut self, out: Vec<AudioAction>) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for action in out {
            self.heard += u32::from(matches!(action, AudioAction::Report(AudioReport::ItemHeard(_))));
            self.drained += u32::from(action == AudioAction::Report(AudioReport::PlayoutDrained));
            if let AudioAction::ToLine(LineCommand::Play(frame)) = action {
                frames.push(frame.to_vec());
            }
        }
        frames
    }
}

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

fn length(frames: &[Vec<u8>]) -> u64 {
    frames.iter().map(|frame| frame.len() as u64 / 8).sum()
}

#[test]
fn the_lead_is_the_carriers_where_nothing_is_set() {
    for lead in [200, 400, 1_000] {
        let carrier = Capabilities { lead: ms(lead), ..plain() };
        assert_eq!(length(&Rig::of(&carrier).says(ms(5_000))), lead);
        let mut set = Rig { playout: Playout::new(FORMAT, &carrier, Some(ms(300))), ..Rig::of(&carrier) };
        assert_eq!(length(&set.says(ms(5_000))), 300, "what is set goes before it");
    }
    let paced = Capabilities { pacing: Pacing::WePace, lead: ms(60), ..plain() };
    assert_eq!(length(&Rig::of(&paced).says(ms(5_000))), 60);
}

#[test]
fn a_carrier_that_says_hold_is_sent_no_more_until_it_says_go() {
    let mut rig = Rig::of(&Capabilities { flow: Flow::HoldAndGo, ..plain() });
    assert_eq!(length(&rig.says(ms(2_000))), 400);
    rig.playout.flow(FlowSignal::Hold);
    assert_eq!(length(&rig.pass(ms(200))), 0);
    rig.playout.flow(FlowSignal::Go);
    assert_eq!(length(&rig.pass(ms(0))), 200, "what the lead has room for");
}

#[test]
fn a_hold_without_a_go_ends_when_the_carriers_buffer_is_empty() {
    let mut rig = Rig::of(&Capabilities { flow: Flow::HoldAndGo, ..plain() });
    rig.says(ms(2_000));
    rig.playout.flow(FlowSignal::Hold);
    assert_eq!(length(&rig.pass(ms(399))), 0);
    assert_eq!(length(&rig.pass(ms(1))), 400);
    assert_eq!(length(&rig.pass(ms(2_000))), 1_200, "all of it, once");
}

#[test]
fn a_hold_signal_is_ignored_from_a_carrier_without_flow_control() {
    let mut rig = Rig::of(&plain());
    rig.says(ms(2_000));
    rig.playout.flow(FlowSignal::Hold);
    assert_eq!(length(&rig.pass(ms(300))), 300);
}

#[test]
fn only_a_line_that_needs_it_is_kept_open_with_silence() {
    let keeps = |after: Option<Duration>| {
        let mut rig = Rig::of(&Capabilities { keeps_open_with: after, ..plain() });
        rig.pass(ms(0));
        rig.pass(ms(9_000))
    };
    assert_eq!(keeps(None), Vec::<Vec<u8>>::new());
    let silence = keeps(Some(ms(2_000)));
    assert_eq!(silence, vec![vec![FORMAT.encoding.silence(); 160]; 4], "each 20 ms, each 2 s behind the last");
}

#[test]
fn keep_open_silence_counts_for_no_item_and_delays_no_end() {
    for after in [100, 300, 2_000] {
        let mut rig = Rig::of(&Capabilities { keeps_open_with: Some(ms(after)), ..plain() });
        rig.says(ms(200));
        // The item is not finished, so silence is sent in the middle of it.
        let between = length(&rig.pass(ms(5_000)));
        assert!(between > 0);
        assert_eq!(rig.drained, 1, "a silent agent, whatever keeps the line open ({after} ms)");
        rig.says(ms(200));
        rig.pass(ms(100));
        let cut = rig.playout.interrupt(None, rig.now, &mut Vec::new());
        assert_eq!(cut.len(), 1);
        assert_eq!((cut[0].heard, cut[0].received), (ms(300), ms(400)), "silence is not heard of it ({after} ms)");
        let mut rig = Rig::of(&Capabilities { keeps_open_with: Some(ms(after)), ..plain() });
        rig.says(ms(200));
        rig.playout.complete(&rig.item.clone());
        rig.pass(ms(2_000));
        assert_eq!(rig.heard, 1, "heard to its end ({after} ms)");
    }
}

#[test]
fn silence_fits_a_carriers_chunks() {
    let chunk = Chunk { least: Some(crate::carrier::Length::Time(ms(100))), ..Chunk::ANY };
    let mut rig = Rig::of(&Capabilities { keeps_open_with: Some(ms(500)), chunk, ..plain() });
    rig.pass(ms(0));
    let silence = rig.pass(ms(1_000));
    assert!(!silence.is_empty() && silence.iter().all(|frame| frame.len() == 800), "{silence:?}");
}
