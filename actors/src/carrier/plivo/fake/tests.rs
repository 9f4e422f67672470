use super::*;

#[test]
fn ids_look_like_the_carriers() {
    assert_eq!(PLIVO.call_id(10), "00000000-0000-0000-0000-00000000000a");
    assert_ne!(VOBIZ.stream_id("", 10), VOBIZ.call_id(10));
}

#[test]
fn a_socket_offers_the_subprotocol() {
    let call = Calling {
        id: PLIVO.call_id(1),
        account: "MA1".to_owned(),
        from: "15550100001".to_owned(),
        to: "15550100002".to_owned(),
        answered: false,
        secret: None,
        faults: Vec::new(),
        clock: || chrono::DateTime::UNIX_EPOCH,
    };
    let url = "wss://voice.example.com/plivo/ws?token=t".parse().expect("a URL");
    let upgrade = PLIVO.upgrade(&call, &url);
    assert_eq!(upgrade.headers, [("sec-websocket-protocol", "audio.drachtio.org".to_owned())]);
}
