//! Random scripts. In any order of events there is one end, nothing follows it, no start is lost,
//! and a flood is bounded.

use proptest::prelude::*;

use super::*;

/// A step of a script.
#[derive(Debug, Clone, Copy)]
enum Step {
    Start,
    OtherStart,
    Audio,
    Key,
    Mark,
    Stopped,
    Unreadable(u8),
    Frame,
    Taken,
    Refused(bool),
    Play,
    Close,
    Broken,
    Spoilt,
    PeerClosed(bool),
    Pass(bool),
    Gone,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Start),
        1 => Just(Step::OtherStart),
        12 => Just(Step::Audio),
        4 => Just(Step::Key),
        3 => Just(Step::Mark),
        1 => Just(Step::Stopped),
        2 => (0..60_u8).prop_map(Step::Unreadable),
        2 => Just(Step::Frame),
        6 => Just(Step::Taken),
        1 => any::<bool>().prop_map(Step::Refused),
        6 => Just(Step::Play),
        1 => Just(Step::Close),
        1 => Just(Step::Broken),
        1 => Just(Step::Spoilt),
        1 => any::<bool>().prop_map(Step::PeerClosed),
        6 => prop::bool::weighted(0.8).prop_map(Step::Pass),
        1 => Just(Step::Gone),
    ]
}

fn carrier() -> impl Strategy<Value = Capabilities> {
    let liveness = prop::sample::select(vec![Liveness::AnyMessage, Liveness::AudioOnly, Liveness::OpenSocket]);
    let our_close = prop::sample::select(vec![
        OurClose::EndsCall,
        OurClose::DocumentGoesOn,
        OurClose::LeavesCallUp,
        OurClose::IsFault,
    ]);
    let second_start = prop::sample::select(vec![SecondStart::Ignored, SecondStart::NewStream]);
    (liveness, our_close, second_start).prop_map(|(liveness, our_close, second_start)| Capabilities {
        liveness,
        our_close,
        second_start,
        ..plain()
    })
}

fn run(rig: &mut Rig, step: Step) -> Vec<StreamAction> {
    match step {
        Step::Start => rig.on(message(started("CA1"))),
        Step::OtherStart => rig.on(message(started("CA2"))),
        Step::Audio => rig.on(message(LineEvent::Audio(frame()))),
        Step::Key => rig.on(message(LineEvent::KeyPressed('1'))),
        Step::Mark => rig.on(message(LineEvent::MarkEchoed("m".to_owned()))),
        Step::Stopped => rig.on(message(LineEvent::Stopped)),
        Step::Unreadable(times) => (0..times).flat_map(|_| rig.on(unreadable())).collect(),
        Step::Frame => rig.on(StreamEvent::Frame),
        Step::Taken => rig.on(StreamEvent::Taken),
        Step::Refused(later) => rig.on(StreamEvent::Refused { later, reason: "no".to_owned() }),
        Step::Play => rig.on(StreamEvent::Command(LineCommand::Clear)),
        Step::Close => rig.on(StreamEvent::Command(LineCommand::Close)),
        Step::Broken => rig.on(StreamEvent::Broken(Broken::TooLarge)),
        Step::Spoilt => rig.on(StreamEvent::Spoilt(Broken::Protocol)),
        Step::PeerClosed(in_order) => rig.on(StreamEvent::PeerClosed { in_order }),
        Step::Pass(_) if rig.stream.deadline().is_none() => Vec::new(),
        Step::Pass(call_is_there) => rig.pass(call_is_there),
        Step::Gone => rig.on(StreamEvent::Gone),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_stream_has_one_end_and_nothing_after_it(
        can in carrier(),
        script in prop::collection::vec(step(), 0..80),
    ) {
        let mut rig = Rig::of(&can);
        let mut all: Vec<StreamAction> = Vec::new();
        for step in script {
            let awaiting = matches!(rig.stream.state, State::AwaitingStart { .. });
            let ended = matches!(rig.stream.state, State::Ended);
            let closing = rig.stream.is_closing();
            let done = run(&mut rig, step);
            // Only an awaited start leads to a request for a call.
            let asks = done.iter().filter(|action| matches!(action, StreamAction::Ask(_))).count();
            let starts = matches!(step, Step::Start | Step::OtherStart);
            prop_assert_eq!(asks, usize::from(awaiting && starts), "{:?}", step);
            prop_assert!(!ended || done.is_empty(), "{:?} after the end: {:?}", step, done);
            if closing {
                let last = |action: &StreamAction| matches!(action, StreamAction::Report(LineReport::Closed | LineReport::FramesDropped(_)) | StreamAction::Stop);
                prop_assert!(done.iter().all(last), "{:?} behind a close frame: {:?}", step, done);
            }
            // Every wait has a deadline.
            prop_assert_eq!(rig.stream.deadline().is_none(), matches!(rig.stream.state, State::Ended));
            all.extend(done);
        }
        all.extend(rig.on(StreamEvent::Gone));
        let count = |wanted: fn(&StreamAction) -> bool| all.iter().filter(|action| wanted(action)).count();
        let taken = count(|action| *action == StreamAction::ConfirmTaken);
        prop_assert!(taken <= 1);
        prop_assert_eq!(count(|action| *action == StreamAction::Report(LineReport::Closed)), taken);
        prop_assert_eq!(count(|action| *action == StreamAction::Stop), 1);
        prop_assert_eq!(all.last(), Some(&StreamAction::Stop));
        // The first sign of an end wins.
        let closes = count(|action| matches!(action, StreamAction::Close { .. }));
        prop_assert!(closes <= 1);
        prop_assert!(count(|action| matches!(action, StreamAction::TellMalformed(_))) <= 3);
        prop_assert!(count(|action| *action == StreamAction::Report(LineReport::Malformed)) <= 100);
        // The call gets reports of its stream between taking it and its end.
        let first = all.iter().position(|action| matches!(action, StreamAction::Report(_) | StreamAction::Frame(_)));
        let confirmed = all.iter().position(|action| *action == StreamAction::ConfirmTaken);
        prop_assert!(first.is_none() || confirmed < first);
    }

    #[test]
    fn a_stream_that_is_left_alone_ends_by_itself(can in carrier(), script in prop::collection::vec(step(), 0..40)) {
        let mut rig = Rig::of(&can);
        for step in script {
            run(&mut rig, step);
        }
        for _ in 0..60 {
            run(&mut rig, Step::Pass(false));
        }
        prop_assert!(matches!(rig.stream.state, State::Ended), "{:?}", rig.stream.state);
    }
}
