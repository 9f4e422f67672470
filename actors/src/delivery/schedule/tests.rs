use proptest::prelude::*;

use super::*;
use crate::clock;

#[test]
fn a_delivery_that_is_accepted_is_done() {
    let mut scene = Scene::new(&[2]);
    assert_eq!(scene.queue("a", 0), ["try a/0 #1"]);
    assert_eq!(scene.answer("a", 0, Answer::Accepted), ["done a/0 after 1"]);
    assert!(scene.schedule.is_empty());
    assert_eq!(scene.schedule.deadline(), None);
}

#[test]
fn pauses_double_up_to_the_longest() {
    let mut scene = Scene::new(&[1]);
    scene.queue("a", 0);
    let mut waits = Vec::new();
    for _ in 0..9 {
        scene.answer("a", 0, refused(400));
        let (due, _) = scene.schedule.deadline().expect("a next try");
        waits.push((due - scene.now).as_secs());
        scene.now = due;
        scene.pass(Duration::ZERO);
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
}

#[test]
fn jitter_shortens_the_pause_by_any_part() {
    let retry = RETRY;
    assert_eq!(backoff(&retry, 3, 0.0), Duration::ZERO);
    assert_eq!(backoff(&retry, 3, 0.25), s(5));
    assert_eq!(backoff(&retry, 4_000_000_000, 1.0), s(600));
}

#[test]
fn a_pause_that_was_asked_for_holds_for_the_whole_endpoint() {
    let mut scene = Scene::new(&[2]);
    scene.queue("a", 0);
    assert_eq!(
        scene.answer("a", 0, Answer::Refused { status: 429, retry_after: Some(s(90)) }),
        ["wait a/0 90s after 1"]
    );
    assert_eq!(scene.queue("b", 0), [""; 0], "another delivery waits too");
    assert_eq!(scene.schedule.deadline(), Some((scene.now + s(90), Timer::RetryAfter)));
    assert_eq!(scene.pass(s(90)), ["try b/0 #1", "try a/0 #2"]);
}

#[test]
fn what_is_forgotten_is_tried_no_more_and_nothing_follows_from_a_try_under_way() {
    let mut scene = Scene::new(&[1]);
    scene.queue("a", 0);
    assert_eq!(scene.queue("b", 0), [""; 0], "it waits for its turn");
    let forget = |notice: &str| Event::Forgotten { notice: Arc::from(notice) };
    assert_eq!(scene.handle(forget("b")), [""; 0]);
    assert_eq!(scene.handle(forget("a")), [""; 0]);
    assert_eq!(scene.schedule.in_flight(), 1, "its place is taken until the try is over");
    assert_eq!(scene.answer("a", 0, refused(503)), [""; 0]);
    assert!(scene.schedule.is_empty() && scene.schedule.in_flight() == 0);
    assert_eq!(scene.queue("c", 0), ["try c/0 #1"]);
    assert_eq!(scene.answer("c", 0, Answer::Erased), [""; 0]);
    assert!(scene.schedule.is_empty() && scene.schedule.in_flight() == 0);
}

#[test]
fn a_retry_after_is_capped() {
    let mut scene = Scene::new(&[1]);
    scene.queue("a", 0);
    let steps = scene.answer("a", 0, Answer::Refused { status: 503, retry_after: Some(Duration::MAX) });
    assert_eq!(steps, ["wait a/0 86400s after 1"]);
}

#[test]
fn what_is_too_old_is_given_up_after_a_try() {
    let mut scene = Scene::new(&[1]);
    scene.queue("a", 0);
    scene.now += s(2 * 86_400);
    assert_eq!(scene.answer("a", 0, Answer::Unreached), ["give up a/0 after 1: TooOld"]);
    let job = job("old", 0);
    let tried = scene.handle(Event::Queued { job, attempts: 7, age: s(9 * 86_400), wait: s(0) });
    assert_eq!(tried, ["try old/0 #8"], "found after a long stop, it has one more try");
}

#[test]
fn status_410_shuts_that_endpoint_only() {
    let mut scene = Scene::new(&[1, 1]);
    scene.queue("a", 0);
    scene.queue("b", 0);
    assert_eq!(
        scene.answer("a", 0, refused(410)),
        ["shut 0", "give up a/0 after 1: Gone", "give up b/0 after 0: Gone"]
    );
    assert_eq!(scene.queue("c", 0), ["give up c/0 after 0: Gone"]);
    assert_eq!(scene.queue("c", 1), ["try c/1 #1"]);
    scene.handle(Event::Reopened { endpoint: 0 });
    assert_eq!(scene.queue("d", 0), ["try d/0 #1"]);
}

#[test]
fn an_endpoint_takes_as_many_at_once_as_it_may() {
    let mut scene = Scene::new(&[2]);
    scene.queue("a", 0);
    scene.queue("b", 0);
    assert_eq!(scene.queue("c", 0), [""; 0]);
    assert_eq!(scene.schedule.deadline(), None, "nothing to wait for but answers");
    assert_eq!(scene.answer("b", 0, Answer::Accepted), ["done b/0 after 1", "try c/0 #1"]);
}

#[test]
fn a_receiver_that_is_down_is_asked_by_one_delivery_at_a_time() {
    let mut scene = Scene::new(&[10]);
    for name in ["a", "b", "c"] {
        scene.queue(name, 0);
    }
    scene.answer("a", 0, Answer::Unreached);
    scene.answer("b", 0, refused(502));
    assert_eq!(scene.answer("c", 0, Answer::Unreached), ["open 0 for 10s", "wait c/0 5s after 1"]);
    assert_eq!(scene.pass(s(9)), [""; 0]);
    assert_eq!(scene.pass(s(1)).len(), 1, "one of the three tries");
    assert_eq!(scene.schedule.deadline(), None);
    assert_eq!(scene.answer("a", 0, Answer::Accepted), ["close 0", "done a/0 after 2", "try b/0 #2", "try c/0 #2"]);
}

#[test]
fn answers_that_are_about_the_delivery_do_not_open_the_breaker() {
    let mut scene = Scene::new(&[1]);
    for name in ["a", "b", "c", "d", "e"] {
        scene.now += s(10_000);
        scene.queue(name, 0);
        let steps = scene.answer(name, 0, refused(422));
        assert!(steps.iter().all(|step| !step.starts_with("open")), "{steps:?}");
        scene.now += s(6);
        scene.pass(s(0));
        scene.answer(name, 0, Answer::Accepted);
    }
}

#[test]
fn queued_twice_it_is_done_once() {
    let mut scene = Scene::new(&[5]);
    scene.queue("a", 0);
    assert_eq!(scene.queue("a", 0), [""; 0]);
    assert_eq!(scene.schedule.len(), 1);
}

proptest! {
    /// For any answers of receivers: every job ends once, an endpoint never exceeds its limit, and
    /// there is always a deadline or an answer to wait for.
    #[test]
    fn every_job_ends_exactly_once(script in prop::collection::vec((0_usize..3, 0_u8..9, 0.0_f64..1.0), 1..400)) {
        let lanes = [1_usize, 2, 5];
        let mut scene = Scene::new(&lanes);
        let (mut queued, mut ended) = (0, 0);
        let mut flying: Vec<Job> = Vec::new();
        let mut script = script.into_iter().cycle();
        for step in 0..3_000 {
            let (endpoint, what, chance) = script.next().expect("a cycle");
            let actions = if step < 200 && what < 4 {
                queued += 1;
                scene.raw(Event::Queued { job: job(&format!("n{step}"), endpoint), attempts: 0, age: s(0), wait: s(0) })
            } else if let Some(job) = flying.pop() {
                let answer = match what {
                    0 | 1 => Answer::Accepted,
                    2 => Answer::Impossible,
                    3 => refused(404),
                    4 => Answer::Refused { status: 429, retry_after: Some(s(u64::from(what) * 100)) },
                    _ => Answer::Unreached,
                };
                scene.raw(Event::Answered { job, answer, chance })
            } else if let Some((due, _)) = scene.schedule.deadline() {
                scene.now = scene.now.max(due);
                scene.raw(Event::TimePassed)
            } else {
                prop_assert!(scene.schedule.is_empty(), "jobs wait for nothing");
                Vec::new()
            };
            for action in actions {
                match action {
                    Action::Attempt { job, .. } => flying.push(job),
                    Action::Completed { .. } | Action::GivenUp { .. } => ended += 1,
                    Action::Delayed { .. }
                    | Action::Shut { .. }
                    | Action::BreakerOpened { .. }
                    | Action::BreakerClosed { .. } => {}
                }
            }
            for (endpoint, most) in lanes.iter().enumerate() {
                prop_assert!(flying.iter().filter(|job| job.endpoint == endpoint).count() <= *most);
            }
            prop_assert_eq!(queued, ended + scene.schedule.len());
        }
    }
}

const RETRY: RetryPlan = RetryPlan { initial: s(5), max: s(600), give_up_after: s(2 * 86_400) };

struct Scene {
    schedule: Schedule,
    now: Instant,
}

impl Scene {
    fn new(lanes: &[usize]) -> Self {
        let breaker = BreakerPlan { threshold: 3, first: s(10), longest: s(300) };
        let lanes: Vec<_> = lanes.iter().map(|lane| (*lane, false)).collect();
        Self { schedule: Schedule::new(RETRY, breaker, &lanes), now: clock::now() }
    }

    fn queue(&mut self, notice: &str, endpoint: usize) -> Vec<String> {
        self.handle(Event::Queued { job: job(notice, endpoint), attempts: 0, age: s(0), wait: s(0) })
    }

    /// Answers with the highest possible random number.
    fn answer(&mut self, notice: &str, endpoint: usize, answer: Answer) -> Vec<String> {
        self.handle(Event::Answered { job: job(notice, endpoint), answer, chance: 1.0 })
    }

    fn pass(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        self.handle(Event::TimePassed)
    }

    fn handle(&mut self, event: Event) -> Vec<String> {
        self.raw(event).iter().map(shown).collect()
    }

    fn raw(&mut self, event: Event) -> Vec<Action> {
        self.schedule.handle(event, self.now)
    }
}

fn shown(action: &Action) -> String {
    let name = |job: &Job| format!("{}/{}", job.notice, job.endpoint);
    match action {
        Action::Attempt { job, attempt } => format!("try {} #{attempt}", name(job)),
        Action::Completed { job, attempts } => format!("done {} after {attempts}", name(job)),
        Action::Delayed { job, attempts, wait } => format!("wait {} {}s after {attempts}", name(job), wait.as_secs()),
        Action::GivenUp { job, attempts, why } => format!("give up {} after {attempts}: {why:?}", name(job)),
        Action::Shut { endpoint } => format!("shut {endpoint}"),
        Action::BreakerOpened { endpoint, pause } => format!("open {endpoint} for {}s", pause.as_secs()),
        Action::BreakerClosed { endpoint } => format!("close {endpoint}"),
    }
}

fn job(notice: &str, endpoint: usize) -> Job {
    Job { notice: Arc::from(notice), endpoint }
}

fn refused(status: u16) -> Answer {
    Answer::Refused { status, retry_after: None }
}

const fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}
