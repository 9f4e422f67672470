use super::*;

/// The example secret of the convention's reference libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn the_conventions_own_example_is_signed_alike() {
    let signed = Secrets::parse(SECRET).expect("a secret").sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        br#"{"test": 2432232314}"#,
    );
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn while_a_secret_is_rotated_both_sign() {
    let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let both = Secrets::parse(&format!("{other}, {SECRET}")).expect("two secrets").sign("id", 1, b"{}");
    let alone = |secret: &str| Secrets::parse(secret).expect("a secret").sign("id", 1, b"{}");
    assert_eq!(both, format!("{} {}", alone(other), alone(SECRET)));
}

#[test]
fn what_is_no_secret_is_refused_without_being_repeated() {
    for (text, problem) in [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretProblem::Prefix),
        ("whsec_not base64", SecretProblem::Encoding),
        ("whsec_c2hvcnQ=", SecretProblem::Length { found: 5 }),
        (" , ", SecretProblem::Number { found: 0 }),
    ] {
        let error = Secrets::parse(text).expect_err("no secret");
        assert_eq!(error, problem);
        assert!(!error.to_string().contains("MfKQ9r8"), "{error}");
    }
    assert_eq!(format!("{:?}", Secrets::parse(SECRET).expect("a secret")), "Secrets([[private]])");
}
