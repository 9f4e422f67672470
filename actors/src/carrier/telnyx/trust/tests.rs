use super::*;

/// Made with the seed 00…1f.
const KEY: &str = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
const TIME: &str = "1700000000";
const BODY: &[u8] = br#"{"data":{"event_type":"call.initiated"}}"#;
const SIGNATURE: &str = "aBuTQ1AtxQGraK6PrtJP6VW9Mu+R2aG6TbxS7lim9/ia8dN94a42JYoTifASA18z3xe+GLlYfveWOuyyKq7OCw==";

fn signed<'a>(signature: &'a str, time: &'a str, body: &'a [u8]) -> Signed<'a> {
    Signed { signature: Some(signature), time: Some(time), body }
}

fn judged(signed: &Signed<'_>, later: i64) -> Result<(), BadSignature> {
    let now = DateTime::from_timestamp(1_700_000_000 + later, 0).expect("a time");
    verify(&[PublicKey([7; 32]), PublicKey::parse(KEY).expect("a key")], signed, now)
}

#[test]
fn a_known_signature_is_good_for_five_minutes_to_either_side() {
    let good = signed(SIGNATURE, TIME, BODY);
    for later in [-300, 0, 300] {
        assert_eq!(judged(&good, later), Ok(()), "{later}");
    }
    for later in [-301, 301, 86_400] {
        assert_eq!(judged(&good, later), Err(BadSignature::Stale), "{later}");
    }
}

#[test]
fn whatever_was_changed_fits_no_more() {
    for forged in [
        signed(SIGNATURE, "1700000001", BODY),
        signed(SIGNATURE, TIME, b"{}"),
        signed(&SIGNATURE.replace("aBu", "bBu"), TIME, BODY),
        signed("AAAA", TIME, BODY),
        signed("no base64!", TIME, BODY),
        signed("", TIME, BODY),
    ] {
        assert_eq!(judged(&forged, 0), Err(BadSignature::Mismatch), "{forged:?}");
    }
    let good = signed(SIGNATURE, TIME, BODY);
    for missing in [
        Signed { signature: None, ..good },
        Signed { time: None, ..good },
        signed(SIGNATURE, "", BODY),
        signed(SIGNATURE, "soon", BODY),
    ] {
        assert_eq!(judged(&missing, 0), Err(BadSignature::Missing), "{missing:?}");
    }
    let no_keys = verify(&[], &good, DateTime::from_timestamp(1_700_000_000, 0).expect("a time"));
    assert_eq!(no_keys, Err(BadSignature::Mismatch));
}

#[test]
fn a_key_is_base64_of_32_bytes() {
    for text in ["", "A6EH", "not base64", "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbgA"] {
        assert_eq!(PublicKey::parse(text), None, "{text}");
    }
}
