use super::*;
use crate::delivery::notice::Kind;
use crate::delivery::testing::summary;

#[test]
fn a_case_is_over_when_its_last_delivery_is() {
    let mut case = case(&["crm", "mail"]);
    assert_eq!(case.status(), Status::Pending);
    set(&mut case, "crm", Status::Failed);
    assert_eq!(case.status(), Status::Pending);
    set(&mut case, "mail", Status::Completed);
    assert_eq!(case.status(), Status::Failed);
    set(&mut case, "crm", Status::Completed);
    assert_eq!(case.status(), Status::Completed);
}

#[test]
fn only_failed_deliveries_of_a_revived_case_begin_again() {
    let mut case = case(&["crm", "mail"]);
    let now = summary().started_at;
    set(&mut case, "crm", Status::Failed);
    set(&mut case, "mail", Status::Completed);
    case.deliveries.get_mut("crm").expect("there").attempts = 9;
    assert!(case.revive(now));
    assert_eq!(case.deliveries["crm"].status, Status::Pending);
    assert_eq!(case.deliveries["crm"].attempts, 0);
    assert_eq!(case.deliveries["mail"].status, Status::Completed);
    assert!(!case.revive(now));
}

#[test]
fn a_file_of_another_version_is_refused() {
    let case = case(&["crm"]);
    let json = case.json().expect("JSON");
    assert_eq!(Case::read(&json), Ok(case));
    let other = String::from_utf8(json).expect("text").replace("\"version\": 1", "\"version\": 2");
    assert!(Case::read(other.as_bytes()).expect_err("another version").contains("version 2"));
    assert!(Case::read(b"{").is_err());
}

fn case(endpoints: &[&str]) -> Case {
    let summary = summary();
    let notice = Notice::of_call(Kind::CallStarted, &summary, summary.started_at, None);
    Case::new(notice, endpoints, summary.started_at)
}

fn set(case: &mut Case, endpoint: &str, status: Status) {
    case.deliveries.get_mut(endpoint).expect("there").status = status;
}
