use super::*;

#[test]
fn a_carrier_is_written_and_found_by_its_name() {
    for carrier in Carrier::all() {
        let written = serde_json::to_string(&carrier).expect("a string");
        assert_eq!(written, format!("{:?}", carrier.name()));
        let same = Carrier::all().filter(|other| *other == carrier).count();
        assert_eq!((Carrier::named(carrier.name()), same), (Some(carrier), 1), "no two of one name");
        assert!(carrier.name().bytes().all(|c| c.is_ascii_lowercase()), "{carrier:?} is a part of paths and labels");
    }
    assert_eq!(Carrier::named("nobody"), None);
}

#[test]
fn what_a_carrier_says_of_itself_fits_together() {
    for carrier in Carrier::every() {
        let can = carrier.capabilities();
        assert!(!can.hears.is_empty() && !can.says.is_empty(), "{carrier:?} speaks no format");
        for format in can.says {
            let samples = |length: Option<Length>| length.map(|length| length.samples(*format));
            let (step, least, most) = (samples(can.chunk.step), samples(can.chunk.least), samples(can.chunk.most));
            assert!(step.is_none_or(|step| step > 0), "{carrier:?}");
            assert!(least.zip(most).is_none_or(|(least, most)| least <= most), "{carrier:?}");
            let whole = |length: Option<u64>| length.zip(step).is_none_or(|(length, step)| length % step == 0);
            assert!(whole(least) && whole(most), "{carrier:?}: a bound that no message can have");
        }
        if can.pacing == Pacing::WePace {
            assert!(
                can.lead <= std::time::Duration::from_millis(200),
                "{carrier:?}: all of a lead that is kept is heard"
            );
        }
    }
}
