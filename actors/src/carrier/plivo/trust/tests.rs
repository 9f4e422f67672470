use super::*;
use crate::carrier::plivo::{PLIVO, VOBIZ};

const NONCE: &str = "05429567804466091622";

fn tokens(token: &str) -> Vec<Private<String>> {
    vec![Private::new("another".to_owned()), Private::new(token.to_owned())]
}

fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// Judges a Plivo request with this signature.
fn judge(verb: Verb, address: &str, query: &str, form: &str, signature: &str) -> Result<(), BadSignature> {
    let headers = [("x-plivo-signature-v3", signature), ("x-plivo-signature-v3-nonce", NONCE)];
    let (query, form) = (pairs(query), pairs(form));
    let signed = Signed { verb, address, query: &query, form: &form, headers: &headers };
    verify(PLIVO.schemes, &tokens("plivo_test_token_0123456789"), &signed).map(|nonces| assert_eq!(nonces, [NONCE]))
}

/// The signatures were computed by the carrier's own library.
#[test]
fn the_vectors_of_plivos_library_are_good_and_nothing_else_is() {
    let host = "https://voice.example.com/plivo/answer";
    let (get, post) = (Verb::Get, Verb::Post);
    let call = "CallUUID=11111111-2222-3333-4444-555555555555&To=%2B15550100002&From=%2B15550100001";
    for (verb, address, query, form, signature) in [
        (post, host, "", call, "WHyQHLx0tjGPBzVUgqC6r+zTYYj/TAnNzSFaMsffAcs="),
        (get, host, "b=2&a=1", "", "gWN0B+yc9BLir+ep6G7vr0KoLhiPtiU40KKOVG3XWM4="),
        (post, host, "b=2&a=1", "X=1", "BfCT4PlkxDdKBNMJBPOl9G1Rt3pJERlUSm+yzvti+ZI="),
        (post, host, "", "", "AjZcaelawq1200OGsYFZf1axaWniXS3bP97ZKQsrXSI="),
        (get, host, "", "", "AjZcaelawq1200OGsYFZf1axaWniXS3bP97ZKQsrXSI="),
        (post, host, "a=1", "", "dgbo8qq/krLINSA94I8OSIT1MkbLYTbvT2wwAEbYzPo="),
        (get, host, "name=a%20b&e=", "", "fFnek8Ug4mSiknxSr1WaV5Y7wo4oyJ3n8ZIzL5GsPQs="),
        (
            post,
            "https://voice.example.com:8443/plivo/answer",
            "",
            "A=x+y&B=",
            "SvimymrPcpT6vYWWJjvQZAxpjaxBhuFUcyvHEhzk9tY=",
        ),
        (post, host, "", "b=1&B=2", "oyJnSpLlWxgJy48Je+HwbrA39oDJk5MnkjveEmr5L2w="),
    ] {
        assert_eq!(judge(verb, address, query, form, signature), Ok(()), "{query} {form}");
        assert_eq!(judge(verb, address, query, form, &format!("bad, {signature} ")), Ok(()), "one of several");
        let mismatch = Err(BadSignature::Mismatch);
        assert_eq!(judge(verb, address, &format!("{query}&z=1"), form, signature), mismatch);
        assert_eq!(judge(post, address, query, &format!("{form}&z=1"), signature), mismatch);
        assert_eq!(judge(verb, "https://voice.example.com/plivo/status", query, form, signature), mismatch);
    }
    assert_eq!(judge(post, host, "", "", ""), Err(BadSignature::Missing));
}

#[test]
fn vobiz_signs_the_address_alone_or_all_that_its_library_signs() {
    let address = "https://voice.example.com/vobiz/answer";
    let form = pairs("CallUUID=1&From=2");
    let judge = |headers: &[(&str, &str)], form: &[(String, String)]| {
        let signed = Signed { verb: Verb::Post, address, query: &[], form, headers: &headers.to_vec() };
        verify(VOBIZ.schemes, &tokens("vobiz_test_token_0123456789"), &signed).is_ok()
    };
    let v2 = [
        ("x-vobiz-signature-v2", "FzVcGSLUDYsabkQ0DyqRWyjQuNBPcU6PZhdVG5fLdMY="),
        ("x-vobiz-signature-v2-nonce", NONCE),
    ];
    let v3 = [
        ("x-vobiz-signature-ma-v3", "Yq/7RCXmMvaHKLWAeW9uCfss0HmuJUrbRxEiS2TCiDw="),
        ("x-vobiz-signature-v3-nonce", NONCE),
    ];
    assert!(judge(&v2, &form) && judge(&v3, &form));
    assert!(!judge(&[v2[0], v3[1]], &form) && !judge(&[v3[0], ("x-vobiz-signature-v3-nonce", "1")], &form));
    let whole = sign("vobiz_test_token_0123456789", &format!("{address}?CallUUID1From2.{NONCE}"));
    let by_library = [("x-vobiz-signature-v3", whole.as_str()), v3[1]];
    assert!(judge(&by_library, &form) && !judge(&by_library, &[]));
}

#[test]
fn a_nonce_of_any_length_and_signatures_without_number_cost_little() {
    let long = "9".repeat(LONGEST_NONCE + 1);
    let many = "x,".repeat(100_000);
    for (signature, nonce, expected) in
        [("x", long.as_str(), BadSignature::Missing), (many.as_str(), NONCE, BadSignature::Mismatch)]
    {
        let headers = [("x-plivo-signature-v3", signature), ("x-plivo-signature-v3-nonce", nonce)];
        let signed = Signed { verb: Verb::Get, address: "https://a", query: &[], form: &[], headers: &headers };
        assert_eq!(verify(PLIVO.schemes, &tokens("t"), &signed), Err(expected));
    }
}
