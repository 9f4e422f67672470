use actix::{Actor, Context, Handler};

use super::*;
use crate::clock;

const MS: Duration = Duration::from_millis(1);

#[derive(Default)]
struct Sleeper(Rc<RefCell<Vec<Instant>>>);

impl Actor for Sleeper {
    type Context = Context<Self>;
}

impl Handler<TimeUp> for Sleeper {
    type Result = ();

    fn handle(&mut self, _: TimeUp, _: &mut Self::Context) {
        self.0.borrow_mut().push(clock::now());
    }
}

#[actix::test]
#[expect(clippy::disallowed_methods, reason = "the test's clock is paused")]
async fn an_alarm_fires_once_at_its_latest_time_and_can_be_set_again() {
    tokio::time::pause();
    let (begun, no_input_step) = (clock::now(), Rc::<RefCell<Vec<Instant>>>::default());
    let sleeper = Sleeper(Rc::clone(&no_input_step)).start();
    let alarm = Alarm::new(sleeper.downgrade().recipient());
    tokio::time::sleep(5 * MS).await;
    alarm.set(begun + 50 * MS);
    assert!(alarm.ring_by(begun + 20 * MS));
    assert!(!alarm.ring_by(begun + 25 * MS));
    assert_eq!(alarm.due(), Some(begun + 20 * MS));
    tokio::time::sleep(5 * MS).await;
    alarm.set(begun + 30 * MS);
    tokio::time::sleep(100 * MS).await;
    assert_eq!(alarm.due(), None);
    let passed = clock::now();
    alarm.set(begun);
    tokio::time::sleep(5 * MS).await;
    let again = clock::now() + 40 * MS;
    alarm.set(again);
    tokio::time::sleep(100 * MS).await;
    alarm.set(clock::now() + 40 * MS);
    drop(alarm);
    tokio::time::sleep(100 * MS).await;
    // Tokio's timers count whole milliseconds and are never early.
    let late: Vec<_> =
        no_input_step.borrow().iter().zip([begun + 30 * MS, passed, again]).map(|(at, due)| *at - due).collect();
    assert!(late.len() == 3 && late.iter().all(|late| *late <= 2 * MS), "{late:?}");
    assert_eq!(no_input_step.borrow().len(), 3);
}
