use super::*;

#[test]
fn only_allowed_numbers_are_called_and_never_costly_ones() {
    let outbound = Outbound {
        enabled: true,
        allow: vec!["+91".to_owned(), "+1".to_owned()],
        carrier: None,
        from: None,
        max_per_minute: 1,
        max_concurrent: 1,
        ring: SECOND,
        voicemail: Voicemail::HangUp,
    };
    assert_eq!(outbound.permit("+919820000000"), Ok(()));
    assert_eq!(outbound.permit("+14155550100"), Ok(()));
    assert_eq!(outbound.permit("+19005550100"), Err(NotCalled::Premium { prefix: "+1900" }));
    assert_eq!(outbound.permit("+442070000000"), Err(NotCalled::NotAllowed));
    for costly in ["+18095550100", "+12425550100", "+18765550100", "+18495550100", "+16495550100"] {
        let area = costly[..5].to_owned();
        assert_eq!(outbound.permit(costly), Err(NotCalled::CostlyArea { area: area.clone() }), "{costly}");
        let listed = Outbound { allow: vec!["+1".to_owned(), area], ..outbound.clone() };
        assert_eq!(listed.permit(costly), Ok(()), "{costly}, listed");
    }
    let wide = Outbound { allow: vec!["+8".to_owned(), "+88".to_owned()], ..outbound.clone() };
    for satellite in ["+870773000000", "+881600000000", "+882160000000", "+883510000000"] {
        assert!(matches!(wide.permit(satellite), Err(NotCalled::CostlyArea { .. })), "{satellite}");
    }
    assert_eq!(wide.permit("+886200000000"), Ok(()));
    for text in
        ["", "+", "919820000000", "+91 98200 00000", "+91982000000;+1900", "client:alice", "sip:+91@x", "+९१९८२"]
    {
        assert_eq!(outbound.permit(text), Err(NotCalled::NoNumber), "{text}");
    }
}
