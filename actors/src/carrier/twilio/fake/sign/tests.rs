use super::*;

#[test]
fn the_port_is_signed_over_http_and_not_over_https() {
    let signed = |url: &str| String::from(signed_url(&url.parse().expect("an address")));
    assert_eq!(signed("https://me:secret@v.example.com:8443/a?b=1"), "https://v.example.com/a?b=1");
    assert_eq!(signed("http://127.0.0.1:8080/a"), "http://127.0.0.1:8080/a");
}

const TOKEN: &str = "test_auth_token_0123456789abcdef";

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_documented_example_is_signed_alike() {
    let params = pairs(&[
        ("CallSid", "CA1234567890ABCDE"),
        ("To", "+18005551212"),
        ("Caller", "+14158675310"),
        ("Digits", "1234"),
        ("From", "+14158675310"),
    ]);
    let url = "https://example.com/myapp.php?foo=1&bar=2";
    assert_eq!(sign("12345", url, &params), "L/OH5YylLD5NRKLltdqwSvS0BnU=");
}

#[test]
fn a_form_post_is_signed_over_its_sorted_fields() {
    let params = pairs(&[
        ("To", "+15550100002"),
        ("AccountSid", "AC00000000000000000000000000000002"),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", "CA00000000000000000000000000000001"),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", "+15550100001"),
    ]);
    let url = "https://voice.example.com/twilio/voice";
    assert_eq!(sign(TOKEN, url, &params), "UpxdD2geilNTnTZRVnovqvHfNz4=");
}

#[test]
fn a_repeated_field_is_signed_once_for_each_distinct_value() {
    let params = pairs(&[("A", "x"), ("B", "2"), ("B", "1"), ("B", "2")]);
    let url = "https://voice.example.com/twilio/voice";
    assert_eq!(sign(TOKEN, url, &params), "FXob8ioyFxtkBTMw5Ct2uzoU8nU=");
}

#[test]
fn an_upgrade_is_signed_over_its_address_alone() {
    assert_eq!(sign(TOKEN, "wss://voice.example.com/twilio/stream", &[]), "y/Iy5pP3qXPcdrVhhWmRhNhPZDc=");
}
