use super::*;

#[test]
fn arguments_are_validated_against_the_schema() {
    let tool = booking();
    let good = tool.arguments(r#"{"day":"saturday","seats":2}"#).expect("fits the schema");
    assert_eq!(good["seats"], 2);
    let bad = tool.arguments(r#"{"day":"saturday","seats":"two"}"#).expect_err("a word is no number");
    assert!(bad.contains("/seats") && !bad.contains("two"), "{bad}");
    let missing = tool.arguments("").expect_err("day is required");
    assert!(missing.contains("day"), "{missing}");
    assert!(tool.arguments("{\"day\":").expect_err("cut short").contains("not valid JSON"));
    assert!(tool.arguments("[]").is_err());
}

#[test]
fn only_public_addresses_and_listed_private_ones_are_reached() {
    let tool = booking();
    for private in
        ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"]
    {
        assert!(!tool.may_reach(private.parse().expect("an address")), "{private}");
    }
    for private in ["::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"] {
        assert!(!tool.may_reach(private.parse().expect("an address")), "{private}");
    }
    assert!(tool.may_reach("93.184.216.34".parse().expect("an address")));
    assert!(tool.may_reach("2606:4700::1111".parse().expect("an address")));
    assert!(tool.may_reach("10.9.9.9".parse().expect("an address")));
    assert!(tool.may_reach("::ffff:10.9.9.9".parse().expect("an address")));
}

#[test]
fn a_tool_with_a_broken_schema_or_address_is_refused() {
    let mut settings = booking_settings();
    settings.parameters = json!({"type": "string"});
    assert!(matches!(ToolPlan::new(settings), Err(ToolProblem::Schema(_))));
    let mut settings = booking_settings();
    settings.parameters = json!({"type": "object", "properties": {"a": {"type": "nonsense"}}});
    assert!(matches!(ToolPlan::new(settings), Err(ToolProblem::Schema(_))));
    for address in ["ftp://example.com/x", "https://user:secret@example.com/"] {
        let mut settings = booking_settings();
        settings.url = address.parse().expect("a url");
        let problem = ToolPlan::new(settings).expect_err("refused");
        assert!(!problem.to_string().contains("secret"));
    }
}

fn booking() -> ToolPlan {
    ToolPlan::new(booking_settings()).expect("a good tool")
}

fn booking_settings() -> ToolSettings {
    ToolSettings {
        name: "book".to_owned(),
        description: "Books a test drive.".to_owned(),
        url: "https://crm.example.com/book".parse().expect("a url"),
        method: ToolMethod::Post,
        parameters: json!({
            "type": "object",
            "properties": {"day": {"type": "string"}, "seats": {"type": "integer"}},
            "required": ["day"],
            "additionalProperties": false,
        }),
        headers: Vec::new(),
        timeout: Duration::from_secs(5),
        max_result: 4096,
        allowed_private: vec!["10.9.9.9".parse().expect("an address")],
    }
}
