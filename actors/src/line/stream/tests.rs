mod scripts;
mod table;

use super::*;
use crate::carrier::{AudioFormat, LineFormats, OurClose, testing};
use crate::frame::Frame;
use crate::ids::StreamId;

const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A carrier for which any message is a sign of life, our close lets its document continue, and a
/// second `start` is a mistake.
fn plain() -> Capabilities {
    *testing::CARRIER.capabilities()
}

/// A stream with its own time.
struct Rig {
    stream: Stream,
    now: Instant,
}

impl Rig {
    fn of(can: &Capabilities) -> Self {
        let now = crate::clock::now();
        Self { stream: Stream::new(can, START_TIMEOUT, now), now }
    }

    fn new() -> Self {
        Self::of(&plain())
    }

    fn asking(can: &Capabilities) -> Self {
        let mut rig = Self::of(can);
        rig.on(message(started("CA1")));
        rig
    }

    fn attached(can: &Capabilities) -> Self {
        let mut rig = Self::asking(can);
        rig.on(StreamEvent::Taken);
        rig
    }

    fn on(&mut self, event: StreamEvent) -> Vec<StreamAction> {
        let mut out = Vec::new();
        self.stream.handle(event, self.now, &mut out);
        out
    }

    /// Moves the time to the next deadline.
    fn pass(&mut self, call_is_there: bool) -> Vec<StreamAction> {
        self.now = self.now.max(self.stream.deadline().expect("something is awaited"));
        self.on(StreamEvent::TimeUp { call_is_there })
    }

    /// The name of its state in the table.
    fn name(&self) -> &'static str {
        match self.stream.state {
            State::AwaitingStart { .. } => "awaiting start",
            State::Asking { .. } => "asking",
            State::Attached => "attached",
            State::Orphaned { .. } => "orphaned",
            State::Closing { attached: false, .. } => "closing, no call",
            State::Closing { attached: true, .. } => "closing, a call",
            State::Ended => "ended",
        }
    }
}

fn message(event: LineEvent) -> StreamEvent {
    StreamEvent::Message(Ok(event))
}

fn unreadable() -> StreamEvent {
    StreamEvent::Message(Err(WireError::Binary))
}

fn started(call: &str) -> LineEvent {
    LineEvent::Started(Box::new(StreamStart {
        stream: StreamId::new("MZ1"),
        carrier_call: CarrierCallId::new(call),
        account: None,
        from: None,
        to: None,
        format: LineFormats { hears: AudioFormat::MULAW_8K, says: AudioFormat::MULAW_8K },
        parameters: std::collections::BTreeMap::new(),
    }))
}

fn frame() -> CallerFrame {
    CallerFrame { timestamp: None, payload: Frame::copy_of(&[0xFF; 160]) }
}

fn closes(actions: &[StreamAction]) -> Option<CloseCode> {
    actions.iter().find_map(|action| if let StreamAction::Close { code, .. } = action { Some(*code) } else { None })
}

#[test]
fn events_before_the_line_is_attached_are_delivered_once_it_is() {
    let mut rig = Rig::asking(&plain());
    for event in [LineEvent::KeyPressed('1'), LineEvent::Audio(frame()), LineEvent::Stopped] {
        assert_eq!(rig.on(message(event)), []);
    }
    assert_eq!(
        rig.on(StreamEvent::Taken),
        [
            StreamAction::ConfirmTaken,
            StreamAction::Report(LineReport::KeyPressed('1')),
            StreamAction::Frame(frame()),
            StreamAction::Report(LineReport::Stopped),
        ]
    );
}

#[test]
fn frames_before_start_are_counted_and_start_is_not_lost_for_them() {
    let mut rig = Rig::new();
    for _ in 0..3 {
        assert_eq!(rig.on(message(LineEvent::Audio(frame()))), []);
    }
    let asked = rig.on(message(started("CA1")));
    assert!(matches!(&asked[..], [StreamAction::TellEarly(3), StreamAction::Ask(_)]), "{asked:?}");
}

#[test]
fn a_flood_of_unreadable_messages_is_reported_a_few_times_and_then_closes_the_stream() {
    let mut rig = Rig::attached(&plain());
    let mut out = Vec::new();
    for _ in 0..1_000 {
        out.extend(rig.on(unreadable()));
    }
    let reported = out.iter().filter(|action| matches!(action, StreamAction::TellMalformed(_))).count();
    let counted = out.iter().filter(|action| **action == StreamAction::Report(LineReport::Malformed)).count();
    assert_eq!((reported, counted, closes(&out)), (3, 100, Some(CloseCode::Policy)));
}

#[test]
fn a_second_start_of_the_call_is_what_the_carrier_says_it_is() {
    let after = |second_start, call| {
        let mut rig = Rig::attached(&Capabilities { second_start, ..plain() });
        let out = rig.on(message(started(call)));
        (out.contains(&StreamAction::Report(LineReport::Malformed)), closes(&out))
    };
    assert_eq!(after(SecondStart::Ignored, "CA1"), (true, None));
    assert_eq!(after(SecondStart::NewStream, "CA1"), (false, None));
    let restarts = Capabilities { second_start: SecondStart::NewStream, ..plain() };
    let mut rig = Rig::attached(&restarts);
    assert_eq!(rig.on(message(started("CA1"))), [StreamAction::Playout(PlayoutSignal::Restarted)]);
    assert_eq!(Rig::asking(&restarts).on(message(started("CA1"))), [], "nothing has been said yet");
    let LineEvent::Started(mut start) = started("CA1") else { panic!() };
    start.format = AudioFormat::ALAW_8K.into();
    assert_eq!(closes(&rig.on(message(LineEvent::Started(start)))), Some(CloseCode::Policy), "it would be noise");
    for second_start in [SecondStart::Ignored, SecondStart::NewStream] {
        assert_eq!(after(second_start, "CA2"), (false, Some(CloseCode::Policy)), "another call's is nobody's");
    }
}

#[test]
fn a_polite_close_is_the_callers_end_unless_the_carrier_may_open_the_stream_again() {
    for (second_start, expected) in [(SecondStart::Ignored, true), (SecondStart::NewStream, false)] {
        let mut rig = Rig::attached(&Capabilities { second_start, ..plain() });
        let out = rig.on(StreamEvent::PeerClosed { in_order: true });
        assert_eq!(out.contains(&StreamAction::Report(LineReport::Left)), expected, "{second_start:?}: {out:?}");
    }
    let can = Capabilities { their_close: TheirClose::CallerHungUp, ..plain() };
    for (in_order, expected) in [(true, true), (false, false)] {
        let out = Rig::attached(&can).on(StreamEvent::PeerClosed { in_order });
        assert_eq!(out.contains(&StreamAction::Report(LineReport::Stopped)), expected, "in order: {in_order}");
    }
}

#[test]
fn what_proves_that_the_call_is_there_is_what_the_carrier_says_it_is() {
    let alive = |liveness, event: Option<StreamEvent>| {
        let mut rig = Rig::attached(&Capabilities { liveness, ..plain() });
        rig.pass(true);
        event.map(|event| rig.on(event));
        rig.pass(true).contains(&StreamAction::Report(LineReport::Alive))
    };
    let audio = || Some(message(LineEvent::Audio(frame())));
    let key = || Some(message(LineEvent::KeyPressed('1')));
    for (liveness, expected) in [
        (Liveness::AnyMessage, [true, true, true, true, false]),
        (Liveness::AudioOnly, [true, false, false, false, false]),
        (Liveness::OpenSocket, [true, true, true, true, false]),
    ] {
        let seen = [audio(), key(), Some(unreadable()), Some(StreamEvent::Frame), None].map(|on| alive(liveness, on));
        assert_eq!(seen, expected, "{liveness:?}");
    }
}

#[test]
fn binary_messages_are_read_where_the_carrier_sends_them() {
    let (bytes, mut reply) = ([1, 2, 3], Outgoing::default());
    let mut read = |messages, message| {
        let rig = Rig::of(&Capabilities { messages, ..plain() });
        rig.stream.read(message, &mut testing::TestWire, &mut reply)
    };
    let audio = LineEvent::Audio(CallerFrame { timestamp: None, payload: Frame::copy_of(&bytes) });
    assert_eq!(read(Messages::TextAndBinary, Incoming::Binary(&bytes)), Ok(audio));
    assert_eq!(read(Messages::Text, Incoming::Binary(&bytes)), Err(WireError::Binary));
    for messages in [Messages::Text, Messages::TextAndBinary] {
        assert_eq!(read(messages, Incoming::Text("x")), Ok(LineEvent::Other("x".to_owned())));
    }
}

#[test]
fn a_carrier_whose_silence_may_be_a_dead_line_is_pinged_if_it_answers_pings() {
    for liveness in [Liveness::AnyMessage, Liveness::AudioOnly, Liveness::OpenSocket] {
        for pings in [Pings::Answered, Pings::Never] {
            let mut rig = Rig::attached(&Capabilities { liveness, pings, ..plain() });
            let (mut sent, mut silent, mut answered) = (0, 0, 0);
            for second in 0..60 {
                let out = rig.pass(true);
                sent += out.iter().filter(|action| **action == StreamAction::Ping).count();
                let alive = usize::from(out.contains(&StreamAction::Report(LineReport::Alive)));
                // The carrier answers the pings of the second half of a minute.
                let half = if second < 30 { &mut silent } else { &mut answered };
                *half += alive;
                if second >= 29 && out.contains(&StreamAction::Ping) {
                    rig.on(StreamEvent::Frame);
                }
            }
            let expected = match (liveness, pings) {
                (Liveness::OpenSocket, Pings::Answered) => (12, 1, 6),
                (Liveness::OpenSocket, Pings::Never) => (0, 30, 30),
                (Liveness::AnyMessage, _) => (0, 1, 0),
                (Liveness::AudioOnly, _) => (0, 0, 0),
            };
            assert_eq!((sent, silent, answered), expected, "{liveness:?} {pings:?}");
        }
    }
}

#[test]
fn a_call_that_may_be_hanging_up_at_the_carrier_is_left_its_line_for_a_while() {
    for (our_close, waits) in
        [(OurClose::DocumentGoesOn, 1), (OurClose::EndsCall, 1), (OurClose::IsFault, 1), (OurClose::LeavesCallUp, 12)]
    {
        let mut rig = Rig::attached(&Capabilities { our_close, ..plain() });
        let mut out = rig.pass(false);
        let since = rig.now;
        while closes(&out).is_none() {
            out.extend(rig.pass(false));
        }
        assert_eq!((rig.now - since).as_secs(), waits, "{our_close:?}");
    }
}

#[test]
fn a_close_that_arrives_behind_a_look_at_the_call_is_in_order() {
    // Both lie in one mailbox: a thread that was held up looks first, and the call that ordered the
    // close is gone.
    let mut rig = Rig::attached(&plain());
    assert_eq!(rig.pass(false), []);
    let out = rig.on(StreamEvent::Command(LineCommand::Close));
    assert_eq!(closes(&out), Some(CloseCode::Normal));
}

#[test]
fn a_stream_that_does_not_start_or_is_not_taken_is_closed_in_its_time() {
    for (mut rig, word) in [(Rig::new(), "start_timeout"), (Rig::asking(&plain()), "attach_timeout")] {
        let (since, mut out) = (rig.now, Vec::new());
        while closes(&out).is_none() {
            out.extend(rig.pass(false));
        }
        assert_eq!(rig.now - since, START_TIMEOUT);
        assert_eq!(out[0], StreamAction::TellRefused(word));
        assert_eq!(rig.pass(false), [StreamAction::Stop], "no one has to be notified");
    }
}

#[test]
fn dropped_frames_are_reported_once_a_second_and_at_the_end() {
    let mut rig = Rig::attached(&plain());
    rig.stream.frames_dropped(2);
    assert!(rig.pass(true).contains(&StreamAction::Report(LineReport::FramesDropped(2))));
    assert!(!rig.pass(true).contains(&StreamAction::Report(LineReport::FramesDropped(0))));
    rig.stream.frames_dropped(1);
    assert_eq!(
        rig.on(StreamEvent::Gone),
        [
            StreamAction::Report(LineReport::FramesDropped(1)),
            StreamAction::Report(LineReport::Closed),
            StreamAction::Stop,
        ]
    );
}
