use super::*;

#[test]
fn the_stream_is_found_from_the_services_address() {
    let found = |url: &str| WaybeoFake.stream_at(url.parse().expect("an address")).map(String::from);
    assert_eq!(found("http://127.0.0.1:9/?token=t").as_deref(), Ok("ws://127.0.0.1:9/waybeo/ws?token=t"));
    assert_eq!(found("wss://v.example.com/x?token=t").as_deref(), Ok("wss://v.example.com/x?token=t"));
}

#[test]
fn ids_look_like_the_bridges() {
    let id = WaybeoFake.call_id(u128::MAX);
    assert_eq!((id.len(), id.as_str()), (21, "-____________________"));
    assert_ne!(WaybeoFake.call_id(1 << 64), WaybeoFake.call_id(1 << 65));
}
