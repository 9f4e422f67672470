//! Compares the table on the module's page with what the code decides.
//! `SWITCHBOARD_TABLES=write cargo test -p switchboard-actors hang_up` writes it anew.

use std::fmt::Write as _;

use super::*;
use crate::carrier::testing;

const CLOSES: [OurClose; 4] = [OurClose::EndsCall, OurClose::DocumentGoesOn, OurClose::LeavesCallUp, OurClose::IsFault];

/// A fictitious carrier that reacts to our close with `our_close`.
fn carrier(our_close: OurClose) -> Capabilities {
    Capabilities { our_close, ..*testing::CARRIER.capabilities() }
}

#[test]
fn a_caller_who_is_with_somebody_else_or_gone_is_never_hung_up_on() {
    let nothing = Plan { before_close: BeforeClose::Nothing, confirmed: false };
    for ending in [Ending::CallerHungUp, Ending::Transferred, Ending::Interrupted] {
        for our_close in CLOSES {
            for takes_requests in [false, true] {
                assert_eq!(plan(ending, &carrier(our_close), takes_requests), nothing, "{ending:?}, {our_close:?}");
            }
        }
    }
}

#[test]
fn a_call_of_ours_that_outlives_our_close_is_ended_by_somebody_where_anybody_can() {
    for ending in Ending::ALL {
        let ours = !matches!(ending, Ending::CallerHungUp | Ending::Transferred | Ending::Interrupted);
        for our_close in CLOSES {
            let plan = plan(ending, &carrier(our_close), true);
            let ended = plan.confirmed || plan.before_close == BeforeClose::Request;
            assert_eq!(ended, ours, "{ending:?}, {our_close:?}");
        }
    }
}

#[test]
fn no_hang_up_is_sent_to_a_carrier_that_cannot_or_would_fail() {
    for ending in Ending::ALL {
        for our_close in CLOSES {
            let plan = plan(ending, &carrier(our_close), false);
            assert!(!plan.confirmed && plan.before_close != BeforeClose::Request, "{ending:?}, {our_close:?}");
        }
    }
    let fault = plan(Ending::AgentHungUp, &carrier(OurClose::IsFault), false);
    assert_eq!(fault.before_close, BeforeClose::InBand);
}

#[test]
fn a_stream_waits_for_a_request_alone() {
    for our_close in CLOSES {
        let can = carrier(our_close);
        let requests = Ending::ALL.into_iter().any(|it| plan(it, &can, true).before_close == BeforeClose::Request);
        assert_eq!(stream_waits(&can) == LONGEST_REQUEST, requests, "{our_close:?}");
    }
}

#[test]
fn the_table_says_what_is_decided() {
    let mut table = String::from(
        "\nWhat is done by how a call ended, for each thing that our close can mean: what goes before the close, and whether the \
        carrier's word is waited for; in brackets where the carrier takes no requests.\n\n| |",
    );
    for our_close in CLOSES {
        write!(table, " {our_close:?} |").expect("a string");
    }
    table += &format!("\n|---|{}\n", "---|".repeat(CLOSES.len()));
    for ending in Ending::ALL {
        write!(table, "| `{}` |", ending.reason()).expect("a string");
        for our_close in CLOSES {
            let [with, without] = [true, false].map(|requests| words(plan(ending, &carrier(our_close), requests)));
            let cell = if with == without { with } else { format!("{with} ({without})") };
            write!(table, " {cell} |").expect("a string");
        }
        table.push('\n');
    }
    if std::env::var("SWITCHBOARD_TABLES").is_ok_and(|mode| mode == "write") {
        let path = format!("{}/src/line/hang_up.md", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, &table).expect("the page is ours");
        return;
    }
    assert!(include_str!("../hang_up.md") == table, "hang_up.md should say:\n{table}");
}

fn words(plan: Plan) -> String {
    let before = match plan.before_close {
        BeforeClose::Nothing => "close",
        BeforeClose::InBand => "hang up in band, close",
        BeforeClose::Request => "ask to hang up, close",
    };
    if plan.confirmed { format!("{before}, await the word") } else { before.to_owned() }
}
