use super::*;

const INDIA: &str = "IN";

fn in_(country: &str) -> Numbering {
    Numbering::of(country).expect("a country")
}

fn key(numbering: Numbering, written: &str) -> Option<String> {
    numbering.read(written).key().map(str::to_owned)
}

#[test]
fn a_number_is_the_same_however_it_is_written() {
    for written in [
        "+912250000000",
        "+91 22 5000 0000",
        "+91-22-5000.0000",
        "(+91) 22/5000 0000",
        "912250000000",
        "00912250000000",
        "00 91 22 5000 0000",
        " 912250000000",
        "tel:+91-22-5000-0000",
        "tel:+912250000000;phone-context=example.com",
        "TEL:%2B912250000000",
        "sip:+912250000000@192.0.2.7",
        "sip:+912250000000@host.example:5061;user=phone",
        "sip:912250000000@host;user=phone",
        "sips:%2B912250000000@host;transport=tls",
        "sip:+912250000000;npdi=yes@host",
        "\"Somebody\" <sip:+912250000000@host>",
        "whatsapp:+912250000000",
        "＋９１２２５０００００００",
        "+९१ २२ ५००० ००००",
        "+٩١٢٢٥٠٠٠٠٠٠٠",
        "\u{202A}+91 22 5000 0000\u{202C}",
        "+91 (0)22 5000 0000",
        "+9102250000000",
    ] {
        assert_eq!(key(Numbering::default(), written).as_deref(), Some("+912250000000"), "{written}");
        assert_eq!(key(in_(INDIA), written).as_deref(), Some("+912250000000"), "{written} in India");
    }
}

#[test]
fn a_number_without_its_country_is_of_the_country_that_is_set() {
    for written in ["02250000000", "2250000000", "022 5000 0000", "(022) 5000-0000", "०२२५०००००००"]
    {
        assert_eq!(key(in_(INDIA), written).as_deref(), Some("+912250000000"), "{written}");
    }
    assert!(matches!(Numbering::default().read("02250000000"), Party::Local(_)));
    for (country, written, full) in [
        ("US", "(415) 555-0100", "+14155550100"),
        ("us", "14155550100", "+14155550100"),
        ("US", "011 91 22 5000 0000", "+912250000000"),
        ("IN", "15550100001", "+15550100001"),
        ("IN", "9122500000", "+919122500000"),
        ("IN", "9109800000001", "+919800000001"),
        ("IN", "447700900123", "+447700900123"),
        ("IN", "18001234567", "+9118001234567"),
        ("GB", "020 7946 0000", "+442079460000"),
        ("GB", "442079460000", "+442079460000"),
        ("DE", "030 123456", "+4930123456"),
        ("DE", "4930123456", "+4930123456"),
        ("RU", "8 (916) 000-00-01", "+79160000001"),
        ("RU", "79160000001", "+79160000001"),
        ("IT", "06 1234 5678", "+390612345678"),
        ("IT", "393331234567", "+393331234567"),
        ("SG", "6591234567", "+6591234567"),
        ("HU", "06 20 123 4567", "+36201234567"),
        ("AU", "0011 44 20 7946 0000", "+442079460000"),
    ] {
        assert_eq!(key(in_(country), written).as_deref(), Some(full), "{country} {written}");
    }
    assert_eq!(Numbering::of("XX"), None);
    assert_eq!(in_("in").country(), Some("IN"));
}

#[test]
fn short_numbers_and_addresses_are_themselves() {
    assert!(matches!(in_(INDIA).read("1001"), Party::Local(digits) if digits == "1001"));
    for (written, same) in [
        ("sip:alice@PBX.example.com", "sip:alice@pbx.example.com"),
        ("sips:alice:pass@pbx.example.com:5061;transport=tls", "sip:alice@pbx.example.com"),
        ("alice@pbx.example.com", "sip:alice@pbx.example.com"),
        ("sip:1001@pbx.example.com", "sip:1001@pbx.example.com"),
        ("client:alice", "client:alice"),
        ("Client:alice", "client:alice"),
        ("alice", "alice"),
    ] {
        assert_eq!(key(Numbering::default(), written).as_deref(), Some(same), "{written}");
    }
    assert_ne!(key(Numbering::default(), "client:alice"), key(Numbering::default(), "client:Alice"));
}

#[test]
fn a_withheld_number_is_recognised_in_every_spelling() {
    for written in [
        "",
        " ",
        "+",
        "-",
        "anonymous",
        "Anonymous",
        "ANONYMOUS",
        "unknown",
        "restricted",
        "private",
        "Private Number",
        "unavailable",
        "No Caller ID",
        "+266696687",
        "266696687",
        " 266696687",
        "00266696687",
        "+7378742833",
        "+2562533",
        "+8656696",
        "8656696",
        "+464",
        "+86282452253",
        "sip:anonymous@anonymous.invalid",
        "sip:Anonymous@192.0.2.7",
        "sips:anonymous@192.0.2.7:5061;transport=tls",
        "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
        "sip:c8oqz84zk7z@anonymous.invalid",
        "sip:unknown@unknown.invalid",
        "sip:restricted@host",
        "sip:266696687@host",
        "sip:+266696687@host;user=phone",
        "sip:@host",
        "sip:192.0.2.7",
        "anonymous@anonymous.invalid",
        "client:anonymous",
        "client:Anonymous",
        "tel:anonymous",
        "tel:+266696687",
    ] {
        assert!(Numbering::default().read(written).is_withheld(), "{written}");
        assert!(in_(INDIA).read(written).is_withheld(), "{written} in India");
    }
    // With its country code, or where all numbers have this length, it is a real number.
    assert!(!in_("US").read("+17378742833").is_withheld());
    assert!(!in_("US").read("7378742833").is_withheld());
}

#[test]
fn an_exact_match_of_numbers_is_distinguished_from_a_possible_one() {
    let (open, india) = (Numbering::default(), in_(INDIA));
    let wanted = "+919800000001";
    for same in ["+919800000001", "919800000001", "00919800000001", "tel:+91-98000-00001"] {
        assert_eq!(open.compare(wanted, same), Likeness::Same, "{same}");
    }
    for perhaps in ["09800000001", "9800000001", "0 98000 00001", "98000-00001"] {
        assert_eq!(open.compare(wanted, perhaps), Likeness::Perhaps, "{perhaps}");
        assert_eq!(open.compare(perhaps, wanted), Likeness::Perhaps, "{perhaps}, asked the other way");
        assert_eq!(india.compare(wanted, perhaps), Likeness::Same, "{perhaps} in India");
    }
    for other in ["+919800000002", "09800000002", "+19800000001", "0001", "", "anonymous", "client:919800000001x"] {
        assert_eq!(open.compare(wanted, other), Likeness::Other, "{other}");
        assert_eq!(india.compare(wanted, other), Likeness::Other, "{other} in India");
    }
    assert_eq!(open.compare("09800000001", "9800000001"), Likeness::Perhaps);
    assert_eq!(open.compare("anonymous", "anonymous"), Likeness::Other);
    assert_eq!(open.compare("sip:alice@host", "sip:alice@HOST:5060"), Likeness::Same);
    assert_eq!(open.compare("+9180001", "+91980001"), Likeness::Other);
    // A number without its area code exists in several areas.
    assert_eq!(india.compare("+912250000000", "50000000"), Likeness::Perhaps);
}

#[test]
fn several_zeros_before_a_national_number_leave_one_normal_form() {
    // Found by the fuzz target `numbers`.
    let read = |text: &str| Numbering::default().read(text).e164().map(str::to_owned);
    assert_eq!(read("002520002500505"), read("+25202500505").and_then(|number| read(&number)));
    for numbering in [Numbering::default(), in_("SO"), in_("GB"), in_("DE"), in_(INDIA)] {
        for code in ["252", "44", "49", "91", "39", "7", "1", "62"] {
            for zeros in 0..6 {
                for rest in ["2500505", "20500505", "205005050", "9800000001"] {
                    let zeros = "0".repeat(zeros);
                    for text in
                        [format!("+{code}{zeros}{rest}"), format!("00{code}{zeros}{rest}"), format!("{zeros}{rest}")]
                    {
                        let Some(number) = numbering.read(&text).e164().map(str::to_owned) else { continue };
                        assert_eq!(numbering.read(&number).e164(), Some(number.as_str()), "{text}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_beginning_is_read_as_the_number_is() {
    assert_eq!(Numbering::default().beginning("+91 225").as_deref(), Some("91225"));
    assert_eq!(in_(INDIA).beginning("022").as_deref(), Some("9122"));
    assert_eq!(in_(INDIA).beginning("22").as_deref(), Some("9122"));
    assert_eq!(in_(INDIA).beginning("9122").as_deref(), Some("9122"));
    assert_eq!(in_(INDIA).beginning("0091").as_deref(), Some("91"));
    assert_eq!(in_(INDIA).beginning("client:"), None);
}

#[test]
fn a_party_does_not_print_itself() {
    assert_eq!(format!("{:?}", Numbering::default().read("+15550100001")), "Number([private])");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_and_its_normal_form_is_read_as_itself(text in "\\PC{0,24}") {
        for numbering in [Numbering::default(), in_(INDIA), in_("US")] {
            if let Party::Number(number) = numbering.read(&text) {
                proptest::prop_assert_eq!(numbering.read(&number), Party::Number(number.clone()), "{}", text);
            }
        }
    }
}
