use std::time::Duration;

use super::*;
use crate::carrier::plivo::{PLIVO, VOBIZ};
use crate::ids::Private;

fn documents(dialect: &'static Dialect, check: impl FnOnce(Documents<'_>)) {
    let public_url = "https://voice.example.com/base/".parse().expect("a URL");
    check(Documents { dialect, public_url: &public_url });
}

#[test]
fn a_call_is_connected_as_the_reference_shows() {
    documents(&PLIVO, |documents| {
        assert_eq!(
            documents.connect_stream(&[("token", "q&7")]),
            concat!(
                r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#,
                r#"<Stream bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000" "#,
                r#"statusCallbackUrl="https://voice.example.com/base/plivo/stream-status" "#,
                r#"statusCallbackMethod="POST">wss://voice.example.com/base/plivo/ws?token=q%267</Stream>"#,
                r#"<Redirect method="POST">https://voice.example.com/base/plivo/after-stream</Redirect></Response>"#
            )
        );
        let two = documents.connect_stream(&[("token", "q"), ("agent", "a")]);
        assert!(two.contains(">wss://voice.example.com/base/plivo/ws?token=q&amp;agent=a<"), "{two}");
    });
}

#[test]
fn a_dialled_person_is_asked_for_a_key_by_the_carrier() {
    let (call, target) = (CarrierCallId::new("c 1"), Target::Number(Private::new("+15550100009".to_owned())));
    let caller_id = Private::new("+15550100002".to_owned());
    let dial = Dial {
        call: &call,
        name: "sales",
        target: &target,
        timeout: Duration::from_secs(20),
        caller_id: Some(&caller_id),
        whispers: true,
    };
    documents(&VOBIZ, |documents| {
        let xml = documents.dial(&dial);
        for part in [
            r#" action="https://voice.example.com/base/vobiz/dial-result" method="POST" timeout="20""#,
            r#" callbackUrl="https://voice.example.com/base/vobiz/status?call=c+1""#,
            r#" callerId="15550100002""#,
            r#" confirmSound="https://voice.example.com/base/vobiz/whisper?call=c+1" confirmKey="1""#,
            "<Number>+15550100009</Number>",
        ] {
            assert!(xml.contains(part), "{part}: {xml}");
        }
        assert!(!documents.dial(&Dial { whispers: false, ..dial }).contains("confirm"));
    });
    let alice = Target::Client(Private::new("alice".to_owned()));
    documents(&PLIVO, |documents| {
        assert!(documents.dial(&Dial { target: &alice, ..dial }).contains("<User>sip:alice@phone.plivo.com</User>"));
    });
    documents(&VOBIZ, |documents| assert_eq!(documents.dial(&Dial { target: &alice, ..dial }), xml::hang_up()));
}
