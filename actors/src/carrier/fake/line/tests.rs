use super::*;
use crate::carrier::Carrier;

#[test]
fn a_clear_gives_back_what_the_capabilities_say() {
    let base = *Carrier::all().next().expect("a carrier").capabilities();
    let with = |by_clear| Capabilities { marks: Marks::Echoed { by_clear, longest_name: 9, most_pending: 9 }, ..base };
    let back = |can: &Capabilities| {
        let back = echoes_of_clear(can, vec!["a".to_owned(), "b".to_owned()]);
        assert!(back.iter().all(|echo| !echo.played));
        back.into_iter().map(|echo| echo.name).collect::<String>()
    };
    assert_eq!(back(&with(ByClear::Echoes)), "ab");
    assert_eq!(back(&with(ByClear::Labels)), "ab");
    assert_eq!(back(&with(ByClear::Drops)), "");
    assert_eq!(back(&with(ByClear::Unknown)), "");
    assert_eq!(back(&Capabilities { marks: Marks::None, ..base }), "");
}

#[test]
fn only_what_can_be_dropped_may_be_queued_without_end() {
    let base = *Carrier::all().next().expect("a carrier").capabilities();
    let queued = |clear| most_queued(&Capabilities { clear, lead: Duration::from_millis(200), ..base });
    assert_eq!(queued(Clear::Sure { late: Duration::ZERO }), None);
    assert_eq!((queued(Clear::Unsure), queued(Clear::None)), (Some(3_200), Some(3_200)));
}
