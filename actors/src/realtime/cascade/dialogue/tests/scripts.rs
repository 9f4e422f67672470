//! Random events: whatever happens in whatever order, each response begins and ends once, and
//! nothing is heard of it after its end.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A step of a script.
fn step(rig: &mut Rig, kind: u8, ms: u64) {
    let (now, status) = (rig.now, if ms.is_multiple_of(2) { 503 } else { 429 });
    rig.note();
    match kind {
        0 => rig.dialogue.speech(true, now, &mut rig.out),
        1 => rig.dialogue.speech(false, now, &mut rig.out),
        2 => {
            for _ in 0..ms / 20 {
                rig.dialogue.hear_caller(&[0x55; 160], now, &mut rig.out);
            }
        }
        3 => rig.dialogue.uploaded(rig.upload, &OK, r#"{"text":"A table."}"#, now, &mut rig.out),
        4 => rig.dialogue.uploaded(rig.upload, &Head { status, ..OK }, "", now, &mut rig.out),
        5 => rig.thinks("Yes, it is. Shall I book it for you? And "),
        6 => rig.calls("a"),
        7 => rig.done(),
        8 => rig.mind(RequestEvent::Head(Head { status, ..OK }, "")),
        9 => rig.mind(RequestEvent::End),
        10 => {
            if !rig.speech.is_empty() {
                rig.sounds();
            }
        }
        11 => {
            if let Some(number) = rig.speech.first().copied() {
                rig.dialogue.voice_request(number, RequestEvent::Broken("reset"), now, &mut rig.out);
            }
        }
        12 => rig.dialogue.cancel(now, &mut rig.out),
        13 => rig.dialogue.overtake(now, &mut rig.out),
        14 => {
            rig.dialogue.heard(1 + ms % 3, Duration::from_millis(ms));
        }
        15 => rig.dialogue.answer_tool(&format!("call_{}_0", 1 + ms % 3), "x", true, now, &mut rig.out),
        16 => rig.dialogue.think(Order::default(), now, &mut rig.out),
        17 => rig.dialogue.say("This call is recorded.", None, now, &mut rig.out),
        18 => rig.dialogue.force_turn(now, &mut rig.out),
        19 => rig.dialogue.discard(now, &mut rig.out),
        _ => rig.pass(ms),
    }
}

proptest! {
    #[test]
    fn each_response_ends_once_and_is_silent_then(
        is_eager in any::<bool>(),
        steps in proptest::collection::vec((0_u8..24, 0_u64..3000), 0..80),
    ) {
        let mut rig = Rig::new(TurnPolicy { is_eager, ..TurnPolicy::default() });
        let mut all = Vec::new();
        for (kind, ms) in steps {
            step(&mut rig, kind, ms);
            rig.note();
            all.append(&mut rig.out);
        }
        rig.dialogue.close(rig.now, &mut rig.out);
        rig.note();
        all.append(&mut rig.out);
        let (mut begun, mut over) = (BTreeSet::new(), BTreeSet::new());
        for action in all {
            if let A::ResponseBegan { response, .. } = action {
                prop_assert!(begun.insert(response), "{} began twice", response);
                prop_assert_eq!(begun.len(), over.len() + 1, "two at a time");
            } else if let A::ResponseEnded { response, .. } = action {
                prop_assert!(begun.contains(&response) && over.insert(response), "{} ended", response);
            } else if let A::Audio { response, .. } | A::AgentSays { response, .. } | A::CallTool { response, .. } = action {
                prop_assert!(begun.contains(&response) && !over.contains(&response), "{} sounds", response);
            }
        }
        prop_assert_eq!(begun, over);
        prop_assert!(!rig.dialogue.is_busy());
    }
}
