//! Builds the table of the module's documentation from what the machine does.

use std::fmt::Write as _;

use super::*;

const ROWS_BEGIN: &str = "//! | while |";

/// A function that brings the sessions into a state.
type Make = fn() -> Rig;
/// A function that causes an event.
type Happen = fn(&mut Rig);

const STATES: [(&str, Make); 9] = [
    ("first: asking", || Rig::with(|_| {})),
    ("first: dialling", || dialling(Rig::with(|_| {}))),
    ("up", up),
    ("up, next: dialling", || dialling(renewing(up()))),
    ("up, next: ready", up_and_ready),
    ("down: asking", || dropped(up())),
    ("down: waiting", waiting),
    ("down: dialling", || dialling(dropped(up()))),
    ("closing", closing),
];

const EVENTS: [(&str, Happen); 14] = [
    ("a candidate is worth a try", |rig| rig.advise(&[], 0.0)),
    ("no candidate is", |rig| rig.advise(&[Standing::Blocked, Standing::Blocked], 0.0)),
    ("the session dialled is configured", |rig| {
        if let Standby::Dialling(leg) = rig.sessions.standby {
            rig.open(leg);
            rig.out.clear();
            rig.configure(leg);
        }
    }),
    ("the session dialled or ready fails", |rig| {
        if let Some(leg) = rig.sessions.standby.leg() {
            rig.session(leg, SessionEvent::DialFailed(loss()));
        }
    }),
    ("the same, and patience is over", |rig| {
        if let Some(leg) = rig.sessions.standby.leg() {
            rig.now += Duration::from_secs(2_000);
            rig.session(leg, SessionEvent::DialFailed(loss()));
        }
    }),
    ("the session in use drops", |rig| {
        if let Some(leg) = rig.sessions.state.in_use() {
            rig.drop_socket(leg);
        }
    }),
    ("it is time to dial", |rig| {
        if let Standby::Waiting { .. } = rig.sessions.standby {
            rig.pass();
        }
    }),
    ("the session in use expires soon", |rig| {
        if let Some(at) = rig.sessions.renewal_due() {
            rig.now = at;
            rig.sessions.renew_when_due(at, &mut rig.out);
        }
    }),
    ("Rotate: nobody speaks", |rig| rig.order(ModelOrder::Rotate)),
    ("Replace: an answer is overdue", |rig| rig.order(ModelOrder::Replace)),
    ("Speak", |rig| rig.order(speak("hello"))),
    ("Configure", |rig| {
        let instructions = Some("other".to_owned());
        rig.order(ModelOrder::Configure {
            backend: None,
            language: None,
            instructions,
            transcription: None,
            tools: None,
        });
    }),
    ("the caller's audio", |rig| rig.on(SessionsEvent::CallerAudio(Frame::copy_of(&[0; 160])))),
    ("Close", |rig| rig.order(ModelOrder::Close)),
];

#[test]
fn the_table_says_what_the_machine_does() {
    let mut table = String::from("//! | while | when | then | and is |\n//! |---|---|---|---|\n");
    for (state, make) in STATES {
        for (event, happen) in EVENTS {
            let mut rig = make();
            assert_eq!(name(&rig), state, "a state is not what it is called");
            rig.out.clear();
            happen(&mut rig);
            let (did, after) = (shown(&rig.out), name(&rig));
            let kept = !rig.sessions.orders.take().is_empty() || !rig.sessions.pending_audio.take().is_empty();
            if did.is_empty() && after == state && !kept {
                continue;
            }
            let did = if kept { "keep it for the next session".to_owned() } else { did };
            writeln!(table, "//! | {state} | {event} | {did} | {after} |").expect("a string takes it");
        }
    }
    let page = include_str!("../../sessions.rs");
    let (_, rest) = page.split_once(ROWS_BEGIN).map_or(("", ""), |split| split);
    let handed_over: String = std::iter::once(ROWS_BEGIN.to_owned() + rest.lines().next().unwrap_or_default())
        .chain(rest.lines().skip(1).take_while(|line| line.starts_with("//! |")).map(str::to_owned))
        .map(|line| line + "\n")
        .collect();
    assert!(handed_over == table, "the page says:\n{handed_over}\nand the machine does:\n{table}");
}

fn up() -> Rig {
    let mut rig = dialling(Rig::with(|_| {}));
    rig.open(LegId(1));
    rig.configure(LegId(1));
    rig
}

fn dialling(mut rig: Rig) -> Rig {
    rig.advise(&[], 0.0);
    rig
}

fn renewing(mut rig: Rig) -> Rig {
    rig.now = rig.sessions.renewal_due().expect("it expires");
    let now = rig.now;
    rig.sessions.renew_when_due(now, &mut rig.out);
    rig
}

fn up_and_ready() -> Rig {
    let mut rig = dialling(renewing(up()));
    rig.open(LegId(2));
    rig.configure(LegId(2));
    rig
}

fn dropped(mut rig: Rig) -> Rig {
    let leg = rig.sessions.state.in_use().expect("one is in use");
    rig.drop_socket(leg);
    rig
}

/// Sessions that have tried both candidates, so that the next try waits.
fn waiting() -> Rig {
    let mut rig = dialling(dropped(up()));
    let leg = rig.sessions.standby.leg().expect("it is dialled");
    rig.session(leg, SessionEvent::DialFailed(loss()));
    rig.advise(&[], 1.0);
    rig
}

/// Sessions that wait for the caller's last words.
fn closing() -> Rig {
    let mut rig =
        Rig::with(|plan| plan.common_mut().transcription = Some(crate::realtime::plan::Transcription::default()));
    rig.advise(&[], 0.0);
    rig.open(LegId(1));
    rig.configure(LegId(1));
    rig.hear(LegId(1), json!({"type": "input_audio_buffer.speech_started", "item_id": "u"}));
    rig.order(ModelOrder::Close);
    rig
}

fn name(rig: &Rig) -> String {
    let next = match &rig.sessions.standby {
        Standby::None => "",
        Standby::Asking { .. } => "asking",
        Standby::Waiting { .. } => "waiting",
        Standby::Dialling(_) => "dialling",
        Standby::Ready(_) => "ready",
    };
    match &rig.sessions.state {
        State::Down(Outage { first: true, .. }) => format!("first: {next}"),
        State::Down(_) => format!("down: {next}"),
        State::TakingOver(_) => "taking over".to_owned(),
        State::Up { .. } if next.is_empty() => "up".to_owned(),
        State::Up { .. } => format!("up, next: {next}"),
        State::Closing(_) => "closing".to_owned(),
        State::Over => "over".to_owned(),
    }
}

/// The actions in a word or two each. Consecutive actions with the same word appear once.
fn shown(actions: &[SessionsAction]) -> String {
    use SessionsAction as A;
    let mut words: Vec<&str> = Vec::new();
    for action in actions {
        let word = match action {
            A::Consult { .. } => "ask who is worth a try",
            A::Learn { lesson: Lesson::CameUp | Lesson::Reached, .. } => "note that it works",
            A::Learn { lesson: Lesson::Lost { .. } | Lesson::Replaced { .. }, .. } => "note the loss",
            A::Dial { .. } => "dial",
            A::HangUp(_) => "hang up",
            A::Send(..) => "send",
            A::SendAudio(..) => "send audio",
            A::Ping(_) | A::Pong(..) | A::ToLink(..) => continue,
            A::ToAudio(_) | A::Complete(_) | A::ToWords(_) => "hand over",
            A::Report(ModelReport::Ready { .. }) => "report Ready",
            A::Report(ModelReport::Resumed { .. }) => "report Resumed",
            A::Report(ModelReport::Serves { .. }) => "report Serves",
            A::Report(ModelReport::Can(_)) => "report Can",
            A::Report(ModelReport::Faltered(_)) => "report Faltered",
            A::Report(ModelReport::Renewable) => "report Renewable",
            A::Report(ModelReport::Lost(_)) => "report Lost",
            A::Report(ModelReport::Incident(_)) => "report Incident",
            A::Report(_) => "report a complaint",
            A::AudioDropped { .. } => "drop it",
            A::Clip(ClipAction::Fetch { .. }) => "fetch a recording",
            A::Clip(ClipAction::Due { .. }) => continue,
            A::End => "end",
        };
        if words.last() != Some(&word) {
            words.push(word);
        }
    }
    words.join(", ")
}
